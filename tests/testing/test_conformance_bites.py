"""The suite can fail: each of these providers is wrong in one way, and is caught."""

import pytest

from tests.testing.test_guards import ROOT
from tests.testing.test_plugin import IMPORTED
from unibill import sandbox
from unibill.testing import conformance

pytest_plugins = ["pytester"]
IMPORTS = (*IMPORTED, conformance, sandbox)

MODULE = """
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal
from uuid import uuid4

import pytest
from pydantic import SecretStr
from unibill import plugins
from unibill.capabilities import Capabilities, Capability, Grade, Operation
from unibill.flow import Effect, Request, Step
from unibill.losses import Loss
from unibill.model import Status
from unibill.provider import NO_SECRET, CreditQuery, Endpoint, Page, Provider
from unibill.testing import memory
from unibill.testing.conformance import ProviderConformance, Subject

OPERATIONS = dict(memory.MemoryProvider.capabilities.operations)
FIELDS = memory.MemoryProvider.capabilities.credit_fields


class Wrong(memory.MemoryProvider):
{wrong}


class TestWrong(ProviderConformance):
{attributes}

    @pytest.fixture
    def subject(self, monkeypatch):
        monkeypatch.setattr(plugins, "load", lambda name: Wrong)
        store = memory.store(name := uuid4().hex)
        for invoice in ("i1", "i2"):
            store.add_invoice(invoice, account="a1", currency="USD", amount=Decimal(500))
        yield Subject("memory", Wrong.Settings(store=name), account="a1", other_account="a2", currency="USD",
            missing_account="x", missing_credit="x", invoices=("i1", "i2"), accounts={{"USD": "a2"}})
        memory.reset(name)
"""

WRONG = {
    "nothing": ("    pass", set()),
    "nothing: it only reads": (
        (
            "    CREATING = (Operation.CREDITS_CREATE, Operation.CREDITS_CREATE_ALLOCATED, Operation.CREDITS_AUTO_APPLY)\n"
            "    capabilities = Capabilities({**OPERATIONS, **dict.fromkeys(CREATING, Capability(Grade.UNSUPPORTED, note='none'))}, FIELDS)"
        ),
        set(),
    ),
    "nothing: it has settings that are called like credentials and are none": (
        """    class Settings(memory.MemorySettings):
        sort_key: Literal['date', 'id'] = 'date'
        customer_key: Annotated[str, NO_SECRET] = 'external_id'
        public_key: Annotated[str | None, NO_SECRET] = 'pk-4711'

    def endpoint(self):
        return Endpoint(self.settings.base_url, {'x-public-key': self.settings.public_key}, ())""",
        set(),
    ),
    "an operation is not declared": (
        "    capabilities = Capabilities({k: v for k, v in OPERATIONS.items() if k is not Operation.CREDITS_VOID}, FIELDS)",
        {"test_every_operation_of_the_facade_is_declared"},
    ),
    "a rounded amount": (
        (
            "    def create_credit(self, draft, mark, done):\n"
            "        return super().create_credit(draft.model_copy(update={'amount': round(draft.amount)}), mark, done)"
        ),
        {"test_what_is_written_is_read_back_or_was_told_as_lost", "test_money_is_exact_in_currencies_of_every_exponent"},
    ),
    "marks that are not written": (
        "    def create_credit(self, draft, mark, done):\n        return super().create_credit(draft, None, done)",
        {"test_a_mark_is_read_back_whole_and_the_texts_without_it", "test_one_key_makes_one_credit_however_often_it_is_called"},
    ),
    "a void that does nothing": (
        "    def void(self, credit, done):\n        yield from ()",
        {"test_a_void_credit_gives_nobody_anything_any_more"},
    ),
    "finished steps that are done again": (
        "    def create_credit(self, draft, mark, done):\n        return super().create_credit(draft, mark, {})",
        {"test_a_create_that_goes_on_from_its_finished_steps_writes_nothing_more"},
    ),
    "a lost last page": (
        (
            "    def list_credits(self, query, at):\n"
            "        page = yield from super().list_credits(query, at)\n"
            "        return type(page)(page.items, None)"
        ),
        {"test_a_list_of_any_length_is_read_whole_and_once"},
    ),
    "a declared operation without its method": (
        "    find_marked = Provider.find_marked",
        {"test_the_declaration_makes_sense"},
    ),
    "a credential in plain text": (
        """    class Settings(memory.MemorySettings):
        api_key: str = 'open-sesame'""",
        {"test_settings_and_endpoint_do_not_show_a_secret"},
    ),
    "a credential that says it is no secret": (
        """    class Settings(memory.MemorySettings):
        api_key: Annotated[str, NO_SECRET] = 'open-sesame'

    def endpoint(self):
        return Endpoint(self.settings.base_url, {'authorization': f'Bearer {self.settings.api_key}'}, ())""",
        {"test_settings_and_endpoint_do_not_show_a_secret", "test_every_credential_that_is_sent_is_known_as_a_secret"},
    ),
    "a secret that its provider shows": (
        """    class Settings(memory.MemorySettings):
        passphrase: SecretStr | None = SecretStr('open-sesame')

    def endpoint(self):
        return Endpoint(self.settings.base_url, {'x-auth': 'open-sesame'}, ('open-sesame',))

    def __repr__(self):
        return f'Wrong({self.settings.passphrase.get_secret_value()})'""",
        {"test_settings_and_endpoint_do_not_show_a_secret"},
    ),
    "a write that is announced when it is done": (
        """    def create_credit(self, draft, mark, done):
        made = yield from super().create_credit(draft, mark, done)
        yield Request('create', 'POST', '/', effect=Effect.ONCE)
        return made""",
        {"test_every_write_is_announced_by_a_step_before_it_is_sent"},
    ),
    "marks that are looked for on the first page": (
        """    def find_marked(self, account, marks):
        page = yield from self.list_credits(CreditQuery(account, include_reversed=True), None)
        return [credit for credit in page.items if credit.mark in marks]""",
        {"test_a_mark_is_found_on_whatever_page_its_credit_is"},
    ),
    "marks of void credits that are not found": (
        """    def find_marked(self, account, marks):
        found = yield from super().find_marked(account, marks)
        return [credit for credit in found if credit.status is not Status.VOID]""",
        {"test_the_marks_of_void_credits_are_found_where_the_vendor_keeps_them"},
    ),
    "a create in two writes that is not finished": (
        """    def create_credit(self, draft, mark, done):
        made = yield from super().create_credit(draft.model_copy(update={'allocations': ()}), mark, done)
        for place, part in enumerate(draft.allocations):
            if f'part-{place}' not in done:
                yield Step(f'part-{place}', done=False)
                self.store.allocate(made.id, [part], self.clock())
                yield Step(f'part-{place}', done=True)
        return self.store.credit(made.id)""",
        {"test_a_create_that_was_cut_off_at_any_step_is_finished_under_its_key"},
    ),
    "a step in a finally": (
        """    def create_credit(self, draft, mark, done):
        try:
            return (yield from super().create_credit(draft, mark, done))
        finally:
            yield Step('end', done=True)""",
        {"test_a_flow_that_is_stopped_anywhere_yields_nothing_more"},
    ),
    "a silently dropped memo": (
        (
            "    def create_credit(self, draft, mark, done):\n"
            "        return super().create_credit(draft.model_copy(update={'memo': None}), mark, done)"
        ),
        {"test_what_is_written_is_read_back_or_was_told_as_lost"},
    ),
    "a list that hides what was spent": (
        """    def list_credits(self, query, at):
        page = yield from super().list_credits(query, at)
        unspent = [credit.replace(allocations=(), applied=Decimal(0), remaining=credit.amount) for credit in page.items]
        return Page(unspent if query.allocations else page.items, page.next)""",
        {"test_spending_more_keeps_what_was_spent_before"},
    ),
    "an allocate that is made again though it is finished": (
        "    def allocate(self, credit, drafts, done):\n        return super().allocate(credit, drafts, {})",
        {"test_a_write_that_goes_on_from_its_finished_steps_writes_nothing_more"},
    ),
    "a deallocate that is made again though it is finished": (
        "    def deallocate(self, credit, ids, done):\n        return super().deallocate(credit, ids, {})",
        {"test_a_write_that_goes_on_from_its_finished_steps_writes_nothing_more"},
    ),
    "a void that is made again though it is finished": (
        "    def void(self, credit, done):\n        return super().void(credit, {})",
        {"test_a_write_that_goes_on_from_its_finished_steps_writes_nothing_more"},
    ),
    "charges that are added again though they are finished": (
        "    def add_charges(self, drafts, done):\n        return super().add_charges(drafts, {})",
        {"test_a_write_that_goes_on_from_its_finished_steps_writes_nothing_more"},
    ),
    "charges that are reversed again though they are finished": (
        "    def reverse_charges(self, account, ids, invoicing, done):\n        return super().reverse_charges(account, ids, invoicing, {})",
        {"test_a_write_that_goes_on_from_its_finished_steps_writes_nothing_more"},
    ),
    "charges that no step announces": (
        """    def add_charges(self, drafts, done):
        yield Request('add', 'POST', '/', effect=Effect.ONCE)
        return (yield from super().add_charges(drafts, done))""",
        {"test_every_write_is_announced_by_a_step_before_it_is_sent"},
    ),
    "a step that keeps what no run store can": (
        """    def void(self, credit, done):
        yield from super().void(credit, done)
        yield Step('noted', done=True, data={'at': self.clock()})""",
        {"test_what_a_step_keeps_can_be_kept"},
    ),
    "marks that are found in every account": (
        "    def find_marked(self, account, marks):\n        return super().find_marked(None, marks)",
        {"test_a_mark_is_looked_for_in_the_account_that_is_named"},
    ),
    "an amount that is given up, and told": (
        "    def losses_of_credit(self, draft, mark):\n        return (Loss('amount', str(draft.amount), 'it is rounded'),)",
        {"test_what_is_written_is_read_back_or_was_told_as_lost"},
    ),
    "charges of every account": (
        """    def list_charges(self, query, at):
        yield from ()
        return Page([charge.replace(account_id='a3') for charge in self.store.charges()], None)""",
        {"test_charges_are_added_listed_and_reversed_with_their_signs"},
    ),
    "another charge that is reversed": (
        """    def reverse_charges(self, account, ids, invoicing, done):
        others = [charge.id for charge in self.store.charges() if charge.id not in ids and charge.reversal_of is None]
        return super().reverse_charges(account, others[:1] or ids, invoicing, done)""",
        {"test_charges_are_added_listed_and_reversed_with_their_signs"},
    ),
    "a search that goes round in circles": (
        """    def find_marked(self, account, marks):
        while True:
            yield from self.list_credits(CreditQuery(account, include_reversed=True), None)""",
        {"test_a_key_that_was_never_used_finds_nothing", "test_a_mark_is_found_on_whatever_page_its_credit_is"},
    ),
}


SAID = {
    "a wrong id of what was made": (
        """    def create_credit(self, draft, mark, done):
        made = yield from super().create_credit(draft, mark, done)
        return made.replace(id=f'other-{made.id}')""",
        "test_two_keys_make_two_credits",
        "the list must have the ids other-credit-1, other-credit-2 and has credit-1, credit-2",
    ),
    "a wrong id in the list": (
        """    def list_credits(self, query, at):
        page = yield from super().list_credits(query, at)
        return Page([credit.replace(id=f'L-{credit.id}') for credit in page.items], page.next)""",
        "test_what_is_written_is_read_back_or_was_told_as_lost",
        "the backend gave the id 'credit-1', and credits.list(account='a1') has none of it, but L-credit-1",
    ),
    "another credit than was asked for": (
        """    def get_credit(self, credit_id, account):
        return (yield from super().get_credit('credit-1', account))""",
        "test_a_credit_read_alone_is_the_one_that_is_listed",
        "credits.get('credit-2') differs in id: listed 'credit-2', came 'credit-1'; amount: listed 11.10, came 10.10",
    ),
    "fields that a list loses": (
        """    def list_credits(self, query, at):
        page = yield from super().list_credits(query, at)
        return Page([credit.replace(memo=None, number=None) for credit in page.items], page.next)""",
        "test_what_is_written_is_read_back_or_was_told_as_lost",
        "credit credit-1, in the list, differs in number: sent 'REF-7', came None; memo: sent 'conformance', came None",
    ),
    "a rounded amount": (
        """    def create_credit(self, draft, mark, done):
        return super().create_credit(draft.model_copy(update={'amount': round(draft.amount, 1)}), mark, done)""",
        "test_money_is_exact_in_currencies_of_every_exponent",
        "differs in amount: sent 0.01, came 0.0",
    ),
    "a dropped allocation": (
        """    def create_credit(self, draft, mark, done):
        return super().create_credit(draft.model_copy(update={'allocations': draft.allocations[:1]}), mark, done)""",
        "test_a_credit_is_created_with_its_allocations",
        "credit credit-1, created with allocations, must be spent as 20.10 on i1, 5.05 on i2 and is as 20.10 on i1",
    ),
    "a charge with the other sign": (
        """    def list_charges(self, query, at):
        page = yield from super().list_charges(query, at)
        return Page([charge.replace(amount=-charge.amount) for charge in page.items], page.next)""",
        "test_charges_are_added_listed_and_reversed_with_their_signs",
        "charge charge-2, in the list, differs in amount: sent -10.10, came 10.10",
    ),
    "credits of another account": (
        """    def list_credits(self, query, at):
        return super().list_credits(replace(query, account=None), at)""",
        "test_another_accounts_credits_are_not_listed",
        "credits.list(account='a2') gives credit credit-1 of account a1",
    ),
    "a finished write that is made again": (
        "    def void(self, credit, done):\n        return super().void(credit, {})",
        "test_a_write_that_goes_on_from_its_finished_steps_writes_nothing_more",
        "the step void is begun again, though an earlier try has finished all steps and gives them as done: void",
    ),
    "a setting that is called like a credential": (
        """    class Settings(memory.MemorySettings):
        customer_key: str = 'external_id'""",
        "test_settings_and_endpoint_do_not_show_a_secret",
        "if it is none, let it say so: customer_key: Annotated[str, NO_SECRET]",
    ),
    "a list that goes round in circles": (
        """    def find_marked(self, account, marks):
        while True:
            yield from self.list_credits(CreditQuery(account, include_reversed=True), None)""",
        "test_a_key_that_was_never_used_finds_nothing",
        "list_credits was called 5000 times in one test",
    ),
}


EXAMPLE = """
import sys

sys.path.insert(0, {path!r})

from dataclasses import replace

import pytest
from unibill import plugins
from unibill.errors import BackendError, OutcomeUnknown
from unibill.flow import Effect, Request, Step
from unibill.provider import CreditQuery, Page
from unibill.sandbox import Sandbox
from unibill.testing.conformance import ProviderConformance, Subject
from unibill_acme.provider import AcmeProvider
from unibill_acme.sandbox import AcmeSandbox


class Wrong(AcmeProvider):
{wrong}


class TestWrong(ProviderConformance):
    @pytest.fixture
    def subject(self, monkeypatch):
        monkeypatch.setattr(plugins, "load", lambda name: Wrong)
        with Sandbox([AcmeSandbox]) as sandbox, sandbox.serve() as serving:
            yield Subject("acme", Wrong.Settings.model_validate(serving.backends["acme"]), account="c1", other_account="c2",
                currency="USD", missing_account="nobody", missing_credit="cr_999999", sandbox=sandbox)
"""
FAILS = {
    "a search that loops by itself": (
        """    def find_marked(self, account, marks):
        found, at = [], None
        while True:
            page = yield from self.list_credits(CreditQuery(account, include_reversed=True), at)
            found += [credit for credit in page.items if credit.mark in marks]
            at = page.next
            if at is None:
                return found""",
        "test_a_search_for_a_mark_that_never_ends_is_noticed",
        "find_marked, which can read by unibill.scanning.scan, still reads after 200 requests",
    ),
    "a cursor that never advances": (
        """    def find_marked(self, account, marks):
        while True:
            yield from self.list_credits(CreditQuery(account, include_reversed=True), None)""",
        "test_a_key_that_was_never_used_finds_nothing",
        "the list that is searched does not end: after 1002 requests the provider still asks for more",
    ),
    "a search that swallows errors": (
        """    def find_marked(self, account, marks):
        try:
            return (yield from super().find_marked(account, marks))
        except BackendError:
            return []""",
        "test_a_search_for_marks_that_is_not_answered_never_finds_nothing",
        "request 1 of find_marked was answered with 503 and no records, and it gave 0 credits, as if it knew",
    ),
    "a void that swallows errors": (
        """    def void(self, credit, done):
        try:
            yield from super().void(credit, done)
        except BackendError:
            pass""",
        "test_every_write_that_is_refused_says_so",
        "voidCredit was refused with 403, and the provider says that it is done",
    ),
    "a list that swallows errors": (
        """    def list_credits(self, query, at):
        try:
            return (yield from super().list_credits(query, at))
        except BackendError:
            return Page([], None)""",
        "test_a_read_answers_every_error_status_with_its_error_whatever_the_body",
        "a request was answered with 503 and b'', and the provider raises no error of it",
    ),
    "a write that is sent again when its answer is lost": (
        """    def create_credit(self, draft, mark, done):
        try:
            return (yield from super().create_credit(draft, mark, done))
        except OutcomeUnknown:
            return (yield from super().create_credit(draft, mark, done))""",
        "test_a_write_without_a_key_is_never_sent_twice",
        "DID NOT RAISE",
    ),
    "a void that no step announces": (
        """    def void(self, credit, done):
        yield from self.api.void_credit(credit.id)""",
        "test_every_write_is_announced_by_a_step_before_it_is_sent",
        "voidCredit is sent, and no Step(…, done=False) was yielded before it",
    ),
    "a key in plain text": (
        (
            "    class Settings(AcmeProvider.Settings):\n        api_key: str\n\n"
            "    def endpoint(self):\n        return replace(AcmeProvider(AcmeProvider.Settings(**dict(self.settings))).endpoint(), secrets=())"
        ),
        "test_every_credential_that_is_sent_is_known_as_a_secret",
        "Endpoint.secrets names nothing of what is in the header authorization",
    ),
}


def failing(pytester: pytest.Pytester, wrong: str, attributes: str, only: set[str]) -> set[str]:
    """The tests of the suite that fail for a provider; all are tried where none is named."""
    pytester.makepyfile(MODULE.format(wrong=wrong, attributes=attributes))
    chosen = ["-k", " or ".join(sorted(only))] if only else []
    outcomes = pytester.inline_run("-q", "-p", "no:cacheprovider", *chosen).listoutcomes()
    assert outcomes[0]
    return {report.nodeid.split("::")[-1].split("[")[0] for report in outcomes[2]}


@pytest.mark.parametrize(("wrong", "caught"), WRONG.values(), ids=WRONG)
def test_a_provider_that_is_wrong_is_caught(pytester: pytest.Pytester, wrong: str, caught: set[str]) -> None:
    beside = {"test_the_suite_calls_every_operation_of_the_facade"} if caught else set[str]()
    assert failing(pytester, wrong, "    pass", caught | beside) == caught


@pytest.mark.parametrize(("wrong", "test", "said"), SAID.values(), ids=SAID)
def test_a_failure_names_what_was_sent_and_what_came(pytester: pytest.Pytester, wrong: str, test: str, said: str) -> None:
    pytester.makepyfile(MODULE.format(wrong=wrong, attributes="    pass"))
    assert said in pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", test, "--tb=short").stdout.str()


@pytest.mark.parametrize(("wrong", "test", "said"), FAILS.values(), ids=FAILS)
def test_a_provider_that_asks_a_backend_and_is_wrong_is_caught(pytester: pytest.Pytester, wrong: str, test: str, said: str) -> None:
    pytester.makepyfile(EXAMPLE.format(wrong=wrong, path=str(ROOT / "tests" / "examples" / "unibill-acme")))
    shown = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", test, "--tb=short").stdout.str()
    assert said in shown
    assert test in shown.partition("short test summary")[2]


def test_an_expected_failure_needs_a_reason_and_turns_red_when_it_passes(pytester: pytest.Pytester) -> None:
    names = '{"test_ids_are_unique_in_a_list": "wrong for now", "test_the_declaration_makes_sense": " ", "test_nobody": "x"}'
    red = {
        "test_ids_are_unique_in_a_list",
        "test_the_declaration_makes_sense",
        "test_every_expected_failure_is_a_test_of_the_suite_and_has_a_reason",
    }
    assert (
        failing(
            pytester,
            "    pass",
            f"    expected_failures = {names}",
            red | {"test_charges_of_a_transaction_name_it", "test_two_keys_make_two_credits"},
        )
        == red
    )
