# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 2: reading: identity, round trip, every documented word and an invented one."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import asdict, fields

from unibill.capabilities import Grade, Operation
from unibill.connecting import aconnect
from unibill.errors import InvalidQuery, MalformedResponse, NotFound
from unibill.facade import Billing
from unibill.model import Charge, Credit, Status
from unibill.provider import ChargeQuery, CreditQuery
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, changed, credits_of, ids, need, with_fields
from unibill.testing.conformance.telling import same_edges, same_ids, same_values, values

ALONE = ("id", "provider", "account_id", "kind", "direction", "currency", "amount", "number", "memo", "issued_on", "mark")
"""What is the same of a credit however it is read."""
INVENTED = "unibillInvented"
"""A word and a field that no vendor has."""


class _Word:
    """Puts a word into a field, wherever it is."""

    def __init__(self, field: str, word: str) -> None:
        self._field = field
        self._word = word
        self.count = 0

    def __call__(self, fields: dict[str, Any]) -> dict[str, Any]:
        if self._field not in fields:
            return fields
        self.count += 1
        return {**fields, self._field: self._word}


class ReadingGroup(Suite):
    """Reading."""

    def credits(self, subject: Subject, billing: Billing, count: int = 2) -> list[Credit]:
        """Some credits of the account, made here."""
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        for place in range(count):
            billing.credits.create(subject.draft(Decimal("10.10") + place))
        return credits_of(billing, subject.account)

    def test_an_account_without_credits_has_none(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        found = ids(list(billing.credits.list(account=subject.account)))
        assert not found, f"account {subject.account} has no credits, and the list has {', '.join(found)}"

    def test_a_credit_read_alone_is_the_one_that_is_listed(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_GET)
        for listed in self.credits(subject, billing):
            alone = billing.credits.get(listed.id, account=subject.account)
            same_values(values(alone, ALONE), values(listed, ALONE), f"credits.get({listed.id!r})", by="listed")

    def test_what_is_read_is_valid_field_by_field(self, subject: Subject, billing: Billing) -> None:
        for credit in self.credits(subject, billing):
            again = Credit.validated(asdict(credit))
            assert again == credit
            assert again.json_line() == credit.json_line()
            same_values(values(credit, ["provider"]), {"provider": subject.provider}, f"credit {credit.id}", by="the entry point's name")
            assert credit.amount >= 0, (
                f"credit {credit.id} has the amount {credit.amount}: a credit's is never negative, its direction tells"
            )

    def test_a_field_that_is_filled_is_declared_as_readable(self, subject: Subject, billing: Billing) -> None:
        support = subject.kind.capabilities.credit_fields
        for credit in self.credits(subject, billing):
            filled = {field.name for field in fields(Credit) if getattr(credit, field.name) not in (field.default, None, {})}
            always = {"id", "provider", "kind", "status", "remote_status", "currency", "amount", "direction", "findings", "extra"}
            undeclared = {name for name in filled - always if name not in support or not support[name].read}
            assert not undeclared, (
                f"credit {credit.id} has {', '.join(sorted(undeclared))}, which credit_fields does not declare as readable"
            )

    def test_the_list_of_all_has_the_credits_of_every_account(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_LIST)
        if subject.kind.capabilities.of(Operation.CREDITS_LIST).grade is Grade.PARTIAL:
            pytest.skip(f"{subject.provider} lists some kinds of credits only: {subject.kind.capabilities.of(Operation.CREDITS_LIST).note}")
        mine = ids(self.credits(subject, billing))
        other = billing.credits.create(subject.draft(account=subject.other_account)).id
        missing = {*mine, other} - set(ids(list(billing.credits.list())))
        assert not missing, f"the list of all credits lacks {', '.join(sorted(missing))}"

    def test_ids_are_unique_in_a_list(self, subject: Subject, billing: Billing) -> None:
        found = ids(self.credits(subject, billing, 3))
        assert len(set(found)) == len(found) == 3, f"three credits were made, and the list has the ids {', '.join(found)}"

    def test_what_was_spent_and_what_is_left_come_to_the_amount(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_ALLOCATIONS)
        self.credits(subject, billing)
        for credit in billing.credits.list(account=subject.account, allocations=True):
            same_edges(credit, [], "unspent, in the list with allocations=True")
            wanted = {"applied": Decimal(0), "remaining": credit.amount, "status": Status.OPEN}
            same_values(values(credit, wanted), wanted, f"credit {credit.id}, unspent,", by="must be")

    def test_another_accounts_credits_are_not_listed(self, subject: Subject, billing: Billing) -> None:
        self.credits(subject, billing)
        for credit in billing.credits.list(account=subject.other_account):
            assert credit.account_id == subject.other_account, (
                f"credits.list(account={subject.other_account!r}) gives credit {credit.id} of account {credit.account_id}"
            )

    def test_a_credit_that_is_not_there_is_not_found(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_GET)
        with pytest.raises(NotFound) as raised:
            billing.credits.get(subject.missing_credit, account=subject.account)
        assert raised.value.backend == subject.provider
        assert raised.value.hint

    def test_an_account_that_is_not_there_has_no_credits_or_is_not_found(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        try:
            assert list(billing.credits.list(account=subject.missing_account)) == []
        except NotFound as error:
            assert error.message

    def test_a_question_that_makes_no_sense_is_refused_before_sending(self, subject: Subject, billing: Billing) -> None:
        before = subject.sent()
        with pytest.raises(InvalidQuery):
            billing.credits.list(account="1", invoice="1")
        with pytest.raises(InvalidQuery):
            billing.charges.list()
        assert subject.sent() == before

    def test_awaited_reads_give_the_same(self, subject: Subject, billing: Billing) -> None:
        self.credits(subject, billing)
        blocking = list(billing.credits.list(account=subject.account))

        async def read() -> list[Credit]:
            async with aconnect(subject.made()) as awaited:
                return [credit async for credit in awaited.credits.list(account=subject.account)]

        awaited_ones = asyncio.run(read())
        same_ids(ids(awaited_ones), ids(blocking), "the awaited list")
        assert [credit.json_line() for credit in awaited_ones] == [credit.json_line() for credit in blocking]

    def test_every_documented_word_is_understood_and_an_invented_one_breaks_nothing(self, subject: Subject, billing: Billing) -> None:
        if not subject.words:
            pytest.skip("the subject names no field with a documented list of words")
        self.credits(subject, billing, 1)
        for field, words in subject.words.items():
            for word in (*words, INVENTED):
                spoil = _Word(field, word)
                page = billing.run(changed(billing.provider.list_credits(CreditQuery(subject.account), None), with_fields(spoil)))
                assert spoil.count, f"no answer has the field {field}"
                assert word != INVENTED or any(INVENTED in credit.json_line() for credit in page.items), "the vendor's word is lost"

    def test_every_documented_word_of_a_charge_is_understood_too(self, subject: Subject, billing: Billing) -> None:
        if not subject.charge_words:
            pytest.skip("the subject names no field of charges with a documented list of words")
        self.credits(subject, billing, 1)
        for field, words in subject.charge_words.items():
            for word in (*words, INVENTED):
                spoil = _Word(field, word)
                page = billing.run(changed(billing.provider.list_charges(ChargeQuery(subject.account), None), with_fields(spoil)))
                assert spoil.count, f"no answer has the field {field}"
                assert word != INVENTED or any(INVENTED in charge.json_line() for charge in page.items), "the vendor's word is lost"

    def test_a_field_that_nobody_documented_is_kept(self, subject: Subject, billing: Billing) -> None:
        self.credits(subject, billing, 1)
        flow = billing.provider.list_credits(CreditQuery(subject.account), None)
        asked = subject.sent()
        page = billing.run(changed(flow, with_fields(lambda fields: {**fields, INVENTED: Decimal("10.10")})))
        if subject.sent() == asked:
            pytest.skip("the provider makes no requests")
        for credit in page.items:
            assert credit.extra.get(INVENTED) == Decimal("10.10"), (
                f"the answer's field {INVENTED} of 10.10 is not in the extra of credit {credit.id}: {dict(credit.extra)}"
            )

    def test_an_answer_of_null_is_no_list(self, subject: Subject, billing: Billing) -> None:
        self.credits(subject, billing, 1)
        flow = billing.provider.list_credits(CreditQuery(subject.account), None)
        asked = subject.sent()
        try:
            billing.run(changed(flow, lambda response: replace(response, body=b"null")))
        except MalformedResponse:
            return
        assert subject.sent() == asked, "null was taken for a list"

    def test_charges_are_valid_field_by_field(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CHARGES_LIST_POLICY)
        if subject.policy is None:
            pytest.skip("the subject names no policy")
        charges = list(billing.charges.list(policy=subject.policy))
        assert charges
        for charge in charges:
            assert Charge.validated(asdict(charge)) == charge
            assert charge.policy_id == subject.policy

    def test_charges_of_a_transaction_name_it(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CHARGES_LIST_TRANSACTION)
        if subject.transaction is None:
            pytest.skip("the subject names no transaction")
        charges = list(billing.charges.list(transaction=subject.transaction, include_all=True))
        assert charges
        assert {charge.transaction_id for charge in charges} == {subject.transaction}
