"""The provider over real HTTP against the sandbox: the facade's operations, and the vendor's traps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar, cast

import httpx
import pytest
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings

from unibill import connect, http, marks
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import (
    AuthenticationFailed,
    Conflict,
    InvalidDraft,
    InvalidQuery,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    Rejected,
    UnsupportedOperation,
)
from unibill.flow import Flow, Step
from unibill.model import ChargeCategory, Credit, Invoicing, Status, TargetType
from unibill.operations import Operations
from unibill.provider import AccountState, Addressing, ChargeQuery, CreditQuery
from unibill.sandbox import Sandbox, Serving

T = TypeVar("T")
OpenBillAgain = Callable[..., AbstractContextManager[tuple[httpx.Client, Sandbox]]]
MARK = marks.mark("socotra:tenant", "charge", "1")
NOON = datetime(2026, 2, 2, 23, 30, tzinfo=UTC)


@dataclass
class Live:
    """A provider, a transport to a sandbox, and the steps that its flows wanted kept."""

    provider: BillAgainProvider
    transport: http.Transport
    sandbox: Sandbox
    steps: list[Step] = field(default_factory=list[Step])

    def run(self, flow: Flow[T]) -> T:
        return self.transport.run(flow, self.steps.append)

    def credits(self, account: str | None = None, invoice: str | None = None) -> list[Credit]:
        return list(self.run(self.provider.list_credits(CreditQuery(account, invoice), None)).items)

    def get(self, credit_id: str) -> Credit:
        return self.run(self.provider.get_credit(credit_id, None))

    def create(self, draft: CreditDraft, mark: str | None = None) -> Credit:
        return self.run(self.provider.create_credit(draft, mark, {}))

    def sent(self) -> list[str]:
        return [f"{entry.method} {entry.path.removeprefix('/billagain/v1')}" for entry in self.sandbox.requests()]


@contextmanager
def live(sandbox: Sandbox, base_url: str, **settings: object) -> Iterator[Live]:
    values = {"base_url": base_url, "account": "1042", "api_key": "sandbox-key", **settings}
    provider = BillAgainProvider(BillAgainSettings.model_validate(values), clock=lambda: NOON)
    transport = http.Transport("old", provider.endpoint(), provider.settings)
    try:
        with http.without_waiting():
            yield Live(provider, transport, sandbox)
    finally:
        transport.close()


@contextmanager
def switched(open_billagain: OpenBillAgain, settings: dict[str, object] | None = None, **switches: str) -> Iterator[Live]:
    with (
        open_billagain(**switches) as (client, sandbox),
        live(sandbox, str(client.base_url), **settings or {}) as found,
    ):
        yield found


@pytest.fixture
def there(default_serving: Serving, sandbox: Sandbox) -> Iterator[Live]:
    with live(sandbox, f"{default_serving.url}/billagain/v1") as found:
        yield found


def draft(*allocations: tuple[str, str], amount: str = "150.00", **changes: object) -> CreditDraft:
    items = tuple(AllocationDraft(target_id=target, amount=Decimal(part)) for target, part in allocations)
    values = {"account_id": "269", "currency": "ZAR", "amount": Decimal(amount), "issued_on": date(2016, 4, 5), "number": "CN-1"}
    return CreditDraft.model_validate({**values, "allocations": items, **changes})


def edges(credit: Credit) -> list[tuple[str | None, str, str]]:
    return [(item.id, item.target.id, str(item.amount)) for item in credit.allocations or ()]


# Reading


def test_a_customers_credits_are_listed_with_their_allocations(there: Live) -> None:
    first, second = there.credits(account="269")
    assert (first.id, first.issued_on, first.status, edges(first)) == (
        "10083",
        date(2016, 4, 5),
        Status.APPLIED,
        [("10331", "11343", "100")],
    )
    assert (second.id, second.memo, second.remaining) == ("10095", "payment to invoices", Decimal(0))


def test_all_credits_are_listed(there: Live) -> None:
    assert [credit.id for credit in there.credits()] == ["10081", "10083", "10095"]


def test_the_same_credit_is_equal_in_both_lists_and_alone_but_for_the_nested_id(there: Live) -> None:
    def without_nested(credit: Credit) -> Credit:
        items = tuple(item.replace(extra={}) for item in credit.allocations or ())
        return credit.replace(allocations=items)

    in_all, in_customers, alone = there.credits()[-1], there.credits(account="269")[-1], there.get("10095")
    assert in_all != alone
    assert without_nested(in_all) == without_nested(in_customers) == without_nested(alone)


def test_the_credits_of_an_invoice_are_picked_from_the_list_of_all(there: Live) -> None:
    assert [credit.id for credit in there.credits(invoice="11343")] == ["10081", "10083"]
    assert there.sent() == ["GET /credits"]


def test_pages_are_numbered_from_one_and_a_short_one_is_the_last(default_serving: Serving, sandbox: Sandbox) -> None:
    with live(sandbox, f"{default_serving.url}/billagain/v1", page_size=2) as there:
        query = CreditQuery()
        assert there.provider.credit_pages(query) == Addressing(1, 1)
        first = there.run(there.provider.list_credits(query, None))
        second = there.run(there.provider.list_credits(query, first.next))
        assert ([credit.id for credit in first.items], first.next, first.promised) == (["10081", "10083"], 2, False)
        assert ([credit.id for credit in second.items], second.next) == (["10095"], None)


@pytest.mark.parametrize("past_end", ["empty", "410", "repeat-last"])
def test_a_full_last_page_ends_the_list_however_the_page_beyond_is_answered(open_billagain: OpenBillAgain, past_end: str) -> None:
    with switched(open_billagain, {"page_size": 1}, past_end=past_end) as there, connect(there.provider) as billing:
        assert [credit.id for credit in billing.credits.list()] == ["10081", "10083", "10095"]
        assert [credit.id for credit in there.run(there.provider.find_marked(None, {MARK}))] == []


def test_a_second_page_that_is_the_first_again_stops_a_scan_for_marks(open_billagain: OpenBillAgain) -> None:
    with (
        switched(open_billagain, {"page_size": 3}, past_end="repeat-last") as there,
        pytest.raises(MalformedResponse, match="the first again"),
    ):
        there.run(there.provider.find_marked(None, {MARK}))


def test_410_on_get_is_not_found(there: Live) -> None:
    with pytest.raises(NotFound, match="Cannot find"):
        there.get("99")
    with pytest.raises(NotFound):
        there.credits(account="99")
    with pytest.raises(NotFound):
        there.run(there.provider.account_state("99"))


def test_a_credit_of_another_customer_is_not_found_under_an_account(there: Live) -> None:
    assert there.run(there.provider.get_credit("10081", "222")).id == "10081"
    with pytest.raises(NotFound, match="of customer 222, not 269"):
        there.run(there.provider.get_credit("10081", "269"))


def test_an_id_that_could_leave_its_path_is_refused_before_sending(there: Live) -> None:
    questions: list[Flow[object]] = [
        there.provider.get_credit("../customers", None),
        there.provider.list_credits(CreditQuery(account="269/../222"), None),
        there.provider.list_credits(CreditQuery(invoice="x"), None),
        there.provider.list_credits(CreditQuery(), "cursor"),
    ]
    for question in questions:
        with pytest.raises(InvalidQuery):
            there.run(question)
    assert there.sent() == []


def test_the_state_of_an_account_is_that_it_exists(there: Live) -> None:
    assert there.run(there.provider.account_state("269")) == AccountState("269")
    assert there.sent() == ["GET /customers/269/credits"]


def test_wrong_credentials_are_named_without_being_shown(default_serving: Serving, sandbox: Sandbox) -> None:
    with live(sandbox, f"{default_serving.url}/billagain/v1", api_key="wrong-secret") as there:
        with pytest.raises(AuthenticationFailed) as raised:
            there.credits()
        assert "wrong-secret" not in str(raised.value)


@pytest.mark.parametrize("output", ["utc", "offset", "fraction-7"])
@pytest.mark.parametrize("zone", ["+02:00", "-11:00", "America/New_York"])
def test_a_day_does_not_drift_through_puts_in_any_zone_or_form(open_billagain: OpenBillAgain, zone: str, output: str) -> None:
    with switched(open_billagain, {"time_zone": zone}, time_zone=zone, date_output=output) as there:
        credit = there.create(draft(("11351", "10"), issued_on=date(2016, 3, 1)))
        for _ in range(3):
            credit = there.run(there.provider.allocate(credit, [AllocationDraft(target_id="11352", amount=Decimal(1))], {}))
            assert credit.issued_on == date(2016, 3, 1)


@pytest.mark.parametrize("style", ["plain", "one-decimal", "two-decimals", "text"])
def test_amounts_are_read_in_every_spelling(open_billagain: OpenBillAgain, style: str) -> None:
    with switched(open_billagain, number_style=style) as there:
        credit = there.create(draft(("11351", "10.10"), amount="79.80"))
        assert (credit.amount, credit.applied, credit.remaining) == (Decimal("79.8"), Decimal("10.1"), Decimal("69.7"))


@pytest.mark.parametrize("form", ["array", "null", "absent"])
def test_a_credit_without_allocations_is_open_however_they_are_left_out(open_billagain: OpenBillAgain, form: str) -> None:
    with switched(open_billagain, empty_list_form=form, empty_allocations="accept", forward_fields="on") as there:
        credit = there.create(draft())
        assert (credit.allocations, credit.status, credit.remaining) == ((), Status.OPEN, Decimal(150))
        assert credit.extra


@pytest.mark.parametrize(("word", "status"), [("Pending", Status.PENDING), ("Failed", Status.FAILED), ("Escrowed", Status.UNKNOWN)])
def test_statuses_that_no_sample_shows_are_read(open_billagain: OpenBillAgain, word: str, status: Status) -> None:
    with switched(open_billagain, force_status=word, empty_allocations="accept") as there:
        credit = there.create(draft())
        assert (credit.status, credit.remote_status) == (status, word)


# Creating


def test_a_credit_is_created_with_its_allocations_and_steps_around_the_post(there: Live) -> None:
    credit = there.create(draft(("11351", "50.00"), ("11352", "25.50")), MARK)
    assert (credit.mark, credit.number, credit.remaining, credit.status) == (MARK, None, Decimal("74.5"), Status.PARTIALLY_APPLIED)
    assert credit == there.get(credit.id).replace(allocations=credit.allocations)
    assert there.steps == [
        Step("add", done=False, data={"account": "269", "mark": MARK}),
        Step("add", done=True, data={"id": credit.id}),
    ]


def test_an_invoice_is_named_by_the_number_people_see(there: Live) -> None:
    numbered = draft().model_copy(update={"allocations": (AllocationDraft(target_number="957", amount=Decimal(50)),)})
    assert [item.target.id for item in there.create(numbered).allocations or ()] == ["11380"]


def test_auto_apply_goes_to_the_earliest_open_invoice(there: Live) -> None:
    credit = there.create(draft(auto_apply=True))
    assert [(item.target.id, item.amount) for item in credit.allocations or ()] == [("11343", Decimal(100))]


def test_a_draft_without_a_day_gets_today_in_the_backends_zone(there: Live) -> None:
    assert there.create(draft(("11351", "1"), issued_on=None)).issued_on == date(2026, 2, 3)


def test_a_create_that_was_done_is_read_and_not_sent_again(there: Live) -> None:
    made = there.create(draft(("11351", "1")), MARK)
    again = there.run(there.provider.create_credit(draft(("11351", "1")), MARK, {"add": {"id": made.id}}))
    assert again.id == made.id
    assert there.sent().count("POST /credits") == 1


def test_a_draft_with_faults_is_never_sent(there: Live) -> None:
    with pytest.raises(InvalidDraft, match="demands a CreditNumber"):
        there.create(draft(number=None))
    with pytest.raises(InvalidDraft, match="known to keep 2"):
        there.create(draft(amount="1.001"))
    assert there.sent() == []


def test_a_refused_empty_list_of_allocations_is_explained(there: Live) -> None:
    with pytest.raises(Rejected, match="auto_apply=True") as raised:
        there.create(draft())
    assert raised.value.vendor_message
    assert [step.done for step in there.steps] == [False]


def test_a_credit_without_allocations_that_is_refused_for_something_else_is_not_explained_by_them(open_billagain: OpenBillAgain) -> None:
    with switched(open_billagain, empty_allocations="accept") as there, pytest.raises(Rejected) as raised:
        there.create(draft(account_id="999999"))
    assert "auto_apply" not in str(raised.value)


def test_410_on_post_is_a_rejection(there: Live) -> None:
    with pytest.raises(Rejected) as raised:
        there.create(draft(("1", "1")))
    assert raised.value.status == 410


@pytest.mark.parametrize("place", ["number", "memo"])
def test_a_mark_is_found_in_either_place_whatever_the_setting_says_now(there: Live, default_serving: Serving, place: str) -> None:
    with live(there.sandbox, f"{default_serving.url}/billagain/v1", mark_in=place) as writer:
        made = writer.create(draft(("11351", "1"), memo="goodwill"), MARK)
    assert (made.mark, made.memo, made.number) == (MARK, "goodwill", "CN-1" if place == "memo" else None)
    for account in ("269", None):
        assert [credit.id for credit in there.run(there.provider.find_marked(account, {MARK, marks.key_mark("x")}))] == [made.id]
    assert there.run(there.provider.find_marked("222", {MARK})) == []


def test_a_status_that_says_allocated_of_what_is_not_is_contradicted_by_the_amounts(open_billagain: OpenBillAgain) -> None:
    with switched(open_billagain, status_rule="always-allocated") as live:
        credit = live.create(draft(("11351", "50.00")))
        assert (credit.status, credit.remaining) == (Status.PARTIALLY_APPLIED, Decimal("100.00"))
        assert [finding.code for finding in credit.findings] == ["status-contradicts-amounts"]


def test_two_allocations_to_one_invoice_that_the_vendor_makes_one_spend_the_same(open_billagain: OpenBillAgain) -> None:
    with switched(open_billagain, duplicate_invoice="merge") as live:
        credit = live.create(draft(("11351", "50.00"), ("11351", "20.00")))
        assert ([edge[1:] for edge in edges(credit)], credit.remaining) == ([("11351", "70")], Decimal("80.00"))
        more = live.run(live.provider.allocate(credit, [AllocationDraft(target_id="11351", amount=Decimal("30.00"))], {}))
        assert ([edge[1:] for edge in edges(more)], more.remaining) == ([("11351", "100")], Decimal("50.00"))


@pytest.mark.parametrize(
    ("switches", "allocations"),
    [
        ({"under_allocation": "reject"}, (("11351", "50.00"),)),
        ({"duplicate_invoice": "reject"}, (("11351", "50.00"), ("11351", "20.00"))),
        ({"missing_reference": "400"}, (("999", "50.00"),)),
        ({"missing_reference": "410"}, (("999", "50.00"),)),
    ],
)
def test_what_the_vendor_may_refuse_of_a_new_credit_is_a_rejection_and_makes_nothing(
    open_billagain: OpenBillAgain, switches: dict[str, str], allocations: tuple[tuple[str, str], ...]
) -> None:
    with switched(open_billagain, None, **switches) as live:
        before = live.credits()
        with pytest.raises(Rejected):
            live.create(draft(*allocations))
        assert live.credits() == before


@pytest.mark.parametrize("status", ["400", "409", "410"])
def test_a_credit_that_cannot_be_deleted_while_it_is_spent_is_told_and_then_can(open_billagain: OpenBillAgain, status: str) -> None:
    with switched(open_billagain, delete_effect="refuse-when-allocated", validation_status=status) as live:
        credit = live.create(draft(("11351", "50.00")))
        with pytest.raises(Rejected, match="with allocations cannot be deleted") as raised:
            live.run(live.provider.void(credit, {}))
        assert "deallocate it, then void it" in raised.value.hint
        assert edges(live.get(credit.id)) == edges(credit)
        freed = live.run(live.provider.deallocate(credit, [edge[0] or "" for edge in edges(credit)], {}))
        live.run(live.provider.void(freed, {}))
        assert credit.id not in {one.id for one in live.credits()}


@pytest.mark.parametrize("status", ["400", "409", "410"])
def test_a_credit_of_ours_that_cannot_be_deleted_while_it_is_spent_is_freed_first_with_every_step_told(
    open_billagain: OpenBillAgain, status: str
) -> None:
    with switched(open_billagain, delete_effect="refuse-when-allocated", validation_status=status) as live:
        credit = live.create(draft(("11351", "50.00"), ("11352", "20.00")), MARK)
        live.steps.clear()
        live.run(live.provider.void(credit, {}))
        told = [(step.name, step.done) for step in live.steps]
        assert told == [("delete", False), ("edit", False), ("edit", True), ("delete", False), ("delete", True)]
        assert credit.id not in {one.id for one in live.credits()}


def test_a_credit_that_is_refused_again_after_it_was_freed_is_said_to_be_freed(open_billagain: OpenBillAgain) -> None:
    with switched(open_billagain, delete_effect="refuse-when-allocated") as live:
        credit = live.create(draft(("11351", "50.00")), MARK)
        refused = {"kind": "html-error", "status": 400, "route": "DELETE /billagain/v1/credits/*"}
        live.sandbox.faults([{**refused, "skip": 1}])
        gone = "Its allocations are taken off by now, so what they paid is open again"
        with pytest.raises(Rejected) as raised:
            live.run(live.provider.void(credit, {}))
        assert raised.value.hint.startswith(gone)
        assert edges(live.get(credit.id)) == []
        live.sandbox.faults([refused])
        for known, done in ((credit, {}), (live.get(credit.id), {"edit": {"id": credit.id}})):
            with pytest.raises(Rejected) as raised:
                live.run(live.provider.void(known, done))
            assert raised.value.hint.startswith(gone)


def test_a_charge_that_cannot_be_deleted_while_it_is_spent_is_told_the_way_out(open_billagain: OpenBillAgain) -> None:
    with switched(open_billagain, delete_effect="refuse-when-allocated") as live:
        credit = live.create(draft(("11351", "50.00")), MARK)
        with pytest.raises(Rejected) as raised:
            live.run(live.provider.reverse_charges("269", [credit.id], Invoicing.NEXT, {}))
        assert "deallocate it, then void it" in raised.value.hint
        assert edges(live.get(credit.id)) == edges(credit)


def test_a_credit_of_ours_that_was_spent_since_is_not_freed(open_billagain: OpenBillAgain) -> None:
    with switched(open_billagain, delete_effect="refuse-when-allocated") as live:
        credit = live.create(draft(("11351", "50.00")), MARK)
        spent = live.run(live.provider.allocate(credit, [AllocationDraft(target_id="11352", amount=Decimal(9))], {}))
        with pytest.raises(Conflict, match="changed since it was read: allocations"):
            live.run(live.provider.void(credit, {}))
        assert live.get(credit.id) == spent


@pytest.mark.parametrize("empty", ["reject", "keep"])
def test_a_credit_of_ours_that_can_neither_be_deleted_nor_freed_is_left_as_it_is(open_billagain: OpenBillAgain, empty: str) -> None:
    with switched(open_billagain, delete_effect="refuse-when-allocated", put_empty_allocations=empty) as live:
        credit = live.create(draft(("11351", "50.00")), MARK)
        with pytest.raises(Rejected):
            live.run(live.provider.void(credit, {}))
        assert edges(live.get(credit.id)) == edges(credit)


def test_a_credit_that_went_to_an_opening_balance_is_read_and_not_edited_since_put_would_destroy_that(
    open_billagain: OpenBillAgain,
) -> None:
    with switched(open_billagain, opening_balance_allocations="on", delete_effect="refuse-when-allocated") as live:
        spent = [{"positiveAdjustmentID": 703, "amountApplied": 30}, {"invoiceID": 11351, "amountApplied": 20}]
        row = {"type": "credit", "creditNoteID": 20001, "customerID": 269, "Amount": 100, "CreditNumber": MARK, "Allocations": spent}
        live.sandbox.seed("records", records=[{"system": "billagain", **row}])
        credit = live.get("20001")
        targets = [(item.target.type, item.target.id) for item in credit.allocations or ()]
        assert targets == [(TargetType.OPENING_BALANCE, "703"), (TargetType.INVOICE, "11351")]
        assert (credit.remaining, [finding.code for finding in credit.findings]) == (Decimal(50), ["allocation-without-invoice"])
        more = [AllocationDraft(target_id="11352", amount=Decimal(1))]
        for flow in (live.provider.allocate(credit, more, {}), live.provider.deallocate(credit, [edges(credit)[1][0] or ""], {})):
            with pytest.raises(InvalidDraft, match="PUT can name nothing else"):
                live.run(flow)
        with pytest.raises(Rejected, match="with allocations cannot be deleted") as raised:
            live.run(live.provider.void(credit, {}))
        assert "PUT can name nothing else" in raised.value.hint
        assert raised.value.hint.endswith("free it in BillAgain, then void it.")
        assert edges(live.get("20001")) == edges(credit)


@pytest.mark.parametrize("locked", [False, True])
def test_a_credit_that_billagain_made_itself_is_read_and_goes_or_is_told_to_stay(open_billagain: OpenBillAgain, locked: bool) -> None:
    with switched(open_billagain, system_credits="on-locked" if locked else "on") as live:
        credit = live.get("10099")
        assert (credit.number, credit.amount, credit.remaining) == (None, Decimal("79.8"), Decimal(70))
        with pytest.raises(Rejected, match="made by the system") if locked else nullcontext():
            live.run(live.provider.void(credit, {}))
        assert [one.id for one in live.credits() if one.id == "10099"] == ["10099"] * locked


@pytest.mark.parametrize("status", ["410", "204"])
def test_voiding_again_is_done_however_a_second_delete_is_answered(open_billagain: OpenBillAgain, status: str) -> None:
    with switched(open_billagain, repeat_delete=status) as live:
        credit = live.get("10083")
        for _ in range(2):
            live.run(live.provider.void(credit, {}))
        assert "10083" not in {one.id for one in live.credits()}


@pytest.mark.parametrize("place", ["number", "memo"])
def test_a_key_whose_mark_the_vendor_cuts_off_is_told_since_a_second_call_would_make_a_second_credit(
    open_billagain: OpenBillAgain, place: str
) -> None:
    with switched(open_billagain, {"mark_in": place}, text_max_length="20-truncate") as live:
        with pytest.raises(Conflict, match="was made, but the mark of its key came back cut off or changed"):
            live.run(Operations("old", live.provider).create_credit(draft(("11351", "50.00")), "order-17"))
        assert sum(line.startswith("POST") for line in live.sent()) == 1


def test_a_lost_answer_to_a_create_is_unknown_and_settled_by_the_mark(there: Live) -> None:
    there.sandbox.faults([{"kind": "cut-after", "route": "POST /billagain/v1/credits", "count": 1}])
    with connect(there.provider) as billing:
        wanted = draft(("11351", "50"))
        with pytest.raises(OutcomeUnknown):
            billing.credits.create(wanted, key="order-17")
        made = billing.credits.create(wanted, key="order-17")
        assert billing.credits.find(key="order-17", account="269") == made
    assert there.sent().count("POST /credits") == 1


# Editing


def test_put_replaces_the_allocation_list_so_allocate_sends_those_that_stand_with_their_ids(there: Live) -> None:
    credit = there.create(draft(("11351", "50"), ("11352", "50"), memo="goodwill"), MARK)
    after = there.run(there.provider.allocate(credit, [AllocationDraft(target_id="11380", amount=Decimal("20.25"))], {}))
    assert edges(after)[:2] == edges(credit)
    assert [item.target.id for item in after.allocations or ()] == ["11351", "11352", "11380"]
    assert (after.mark, after.memo, after.issued_on, after.remaining) == (MARK, "goodwill", credit.issued_on, Decimal("29.75"))
    assert there.sent()[-3:] == [f"GET /credits/{credit.id}", f"PUT /credits/{credit.id}", f"GET /credits/{credit.id}"]


def test_deallocate_removes_one_and_keeps_the_ids_of_the_others(there: Live) -> None:
    credit = there.create(draft(("11351", "50"), ("11352", "50"), memo="goodwill"), MARK)
    first, second = edges(credit)
    after = there.run(there.provider.deallocate(credit, [str(first[0])], {}))
    assert edges(after) == [second]
    assert (after.mark, after.memo, after.remaining) == (MARK, "goodwill", Decimal(100))
    emptied = there.run(there.provider.deallocate(after, [str(second[0])], {}))
    assert (emptied.allocations, emptied.status) == ((), Status.OPEN)


def test_deallocating_what_is_gone_already_sends_no_put(there: Live) -> None:
    credit = there.create(draft(("11351", "50"), ("11352", "50")))
    first = str(edges(credit)[0][0])
    there.run(there.provider.deallocate(credit, [first], {}))
    puts = there.sent().count(f"PUT /credits/{credit.id}")
    assert len(edges(there.run(there.provider.deallocate(credit, [first], {})))) == 1
    assert there.sent().count(f"PUT /credits/{credit.id}") == puts


def test_deallocating_what_the_credit_never_had_is_not_found(there: Live) -> None:
    with pytest.raises(NotFound, match="no allocation 1, 2"):
        there.run(there.provider.deallocate(there.get("10095"), ["2", "1", "10355"], {}))


def test_a_put_that_keeps_the_allocations_is_not_taken_for_a_deallocation(open_billagain: OpenBillAgain) -> None:
    with (
        switched(open_billagain, put_empty_allocations="keep") as there,
        pytest.raises(Conflict, match="kept the allocations"),
    ):
        there.run(there.provider.deallocate(there.get("10083"), ["10331"], {}))


def test_a_credit_that_changed_since_it_was_read_is_not_allocated_twice(there: Live) -> None:
    credit = there.create(draft(("11351", "50")))
    more = [AllocationDraft(target_id="11352", amount=Decimal(10))]
    there.run(there.provider.allocate(credit, more, {}))
    with pytest.raises(Conflict, match="has changed since it was read: allocations"):
        there.run(there.provider.allocate(credit, more, {}))
    for field_name, value in (("amount", Decimal(1)), ("currency", "USD"), ("account_id", "222")):
        stale = there.get(credit.id).replace(**{field_name: value})
        with pytest.raises(Conflict, match=field_name):
            there.run(there.provider.allocate(stale, more, {}))
        with pytest.raises(Conflict, match=field_name):
            there.run(there.provider.deallocate(stale, [str(edges(credit)[0][0])], {}))
    assert there.sent().count(f"PUT /credits/{credit.id}") == 1


def test_allocating_more_than_remains_is_refused_before_the_put(there: Live) -> None:
    credit = there.create(draft(("11351", "100")))
    with pytest.raises(InvalidDraft, match="they come to 50.01 ZAR, more than the 50"):
        there.run(there.provider.allocate(credit, [AllocationDraft(target_id="11352", amount=Decimal("50.01"))], {}))
    with pytest.raises(InvalidDraft, match=r"\$.allocations\[0\].target_id"):
        there.run(there.provider.allocate(credit, [AllocationDraft(target_id="INV-1", amount=Decimal(1))], {}))
    assert f"PUT /credits/{credit.id}" not in there.sent()


def test_an_edit_that_was_done_is_read_and_not_sent_again(there: Live) -> None:
    credit = there.get("10095")
    done = {"edit": {"id": credit.id}}
    assert there.run(there.provider.allocate(credit, [AllocationDraft(target_id="11352", amount=Decimal(1))], done)) == credit
    assert there.run(there.provider.deallocate(credit, ["10355"], done)) == credit
    assert [entry for entry in there.sent() if entry.startswith("PUT")] == []


def test_a_lost_answer_to_an_allocation_is_unknown_and_a_second_try_sees_it(there: Live) -> None:
    credit = there.create(draft(("11351", "50")))
    there.sandbox.faults([{"kind": "cut-after", "route": "PUT /billagain/v1/**", "count": 1}])
    more = [AllocationDraft(target_id="11352", amount=Decimal(10))]
    with pytest.raises(OutcomeUnknown):
        there.run(there.provider.allocate(credit, more, {}))
    with pytest.raises(Conflict):
        there.run(there.provider.allocate(credit, more, {}))
    assert there.get(credit.id).applied == Decimal(60)


def test_a_lost_answer_to_a_deallocation_is_sent_again_since_every_item_has_an_id(there: Live) -> None:
    there.sandbox.faults([{"kind": "cut-after", "route": "PUT /billagain/v1/**", "count": 1}])
    after = there.run(there.provider.deallocate(there.get("10095"), ["10355"], {}))
    assert edges(after) == [("10358", "11380", "50")]


# Voiding


def test_void_deletes_and_a_second_void_finds_it_gone(there: Live) -> None:
    credit = there.create(draft(("11351", "50")))
    there.run(there.provider.void(credit, {}))
    assert credit.id not in [left.id for left in there.credits(account="269")]
    there.run(there.provider.void(credit, {}))
    assert [(step.name, step.done) for step in there.steps[-4:]] == [("delete", False), ("delete", True)] * 2


def test_void_whose_answer_was_lost_is_sent_again_and_done(there: Live) -> None:
    there.sandbox.faults([{"kind": "cut-after", "route": "DELETE /billagain/v1/**", "count": 1}])
    there.run(there.provider.void(there.get("10083"), {}))
    assert [credit.id for credit in there.credits()] == ["10081", "10095"]


def test_a_void_that_was_done_sends_nothing(there: Live) -> None:
    credit = there.get("10083")
    before = len(there.sent())
    there.run(there.provider.void(credit, {"delete": {"id": credit.id}}))
    assert len(there.sent()) == before


# Charges


def test_credit_notes_are_listed_as_negative_charges_of_their_account(there: Live) -> None:
    page = there.run(there.provider.list_charges(ChargeQuery(account="269"), None))
    assert [(charge.id, charge.amount, charge.category) for charge in page.items] == [
        ("10083", Decimal(-100), ChargeCategory.CREDIT),
        ("10095", Decimal(-200), ChargeCategory.CREDIT),
    ]
    assert there.provider.charge_pages(ChargeQuery(account="269")) == Addressing(1, 1)


@pytest.mark.parametrize("query", [ChargeQuery(policy="p"), ChargeQuery(transaction="t")], ids=["policy", "transaction"])
def test_charges_of_policies_and_transactions_are_refused_with_what_would_do(there: Live, query: ChargeQuery) -> None:
    with pytest.raises(UnsupportedOperation, match=r"instead: charges.list\(account=\)"):
        there.run(there.provider.list_charges(query, None))
    assert there.sent() == []


def charges(*amounts: str) -> Sequence[ChargeDraft]:
    return [ChargeDraft(account_id="269", currency="ZAR", amount=Decimal(amount), tag=f"case-{i}") for i, amount in enumerate(amounts)]


def test_negative_charges_become_credit_notes_and_a_second_try_goes_on_where_the_first_stopped(open_billagain: OpenBillAgain) -> None:
    with switched(open_billagain, empty_allocations="accept") as there:
        first, second = there.run(there.provider.add_charges(charges("-5.50", "-6"), {}))
        assert [(charge.amount, charge.tag) for charge in (first, second)] == [(Decimal("-5.5"), "case-0"), (Decimal(-6), "case-1")]
        assert [step.name for step in there.steps] == ["add:0", "add:0", "add:1", "add:1"]
        again = there.run(there.provider.add_charges(charges("-5.50", "-6"), {"add:0": {"id": first.id}}))
        assert again[0] == first
        assert again[1].id not in {first.id, second.id}
        assert [credit.remaining for credit in there.credits(account="269")][-3:] == [Decimal("5.5"), Decimal(6), Decimal(6)]


def test_a_positive_charge_is_refused_with_what_to_do_and_none_is_sent(there: Live) -> None:
    with pytest.raises(InvalidDraft, match=r"\$\[1\].amount: BillAgain has no charges"):
        there.run(there.provider.add_charges(charges("-5", "5"), {}))
    assert there.sent() == []


def test_reversing_charges_deletes_their_credit_notes_or_none(there: Live) -> None:
    with pytest.raises(NotFound, match="of customer 222"):
        there.run(there.provider.reverse_charges("269", ["10083", "10081"], Invoicing.NEXT, {}))
    assert len(there.credits()) == 3
    assert there.run(there.provider.reverse_charges("269", ["10083", "10095"], Invoicing.NEXT, {"delete:10083": {}})) == []
    assert [credit.id for credit in there.credits()] == ["10081", "10083"]


# Through the facade, and configuration


def test_an_app_uses_it_through_the_facade(there: Live) -> None:
    with connect(there.provider) as billing:
        credit = billing.credits.create(draft(("11351", "50")), key="order-1")
        assert billing.credits.create(draft(("11351", "50")), key="order-1").id == credit.id
        assert [finding.code for finding in credit.findings] == ["not-written"]
        credit = billing.credits.allocate(billing.credits.get(credit.id), [AllocationDraft(target_id="11352", amount=Decimal(5))])
        credit = billing.credits.deallocate(credit, [str(edges(credit)[0][0])])
        assert [str(item.amount) for item in credit.allocations or ()] == ["5"]
        assert credit.id in [charge.id for charge in billing.charges.list(account="269")]
        billing.credits.void(credit)
        assert billing.credits.find(key="order-1", account="269") is None
    assert cast("object", there.provider.sandbox()) is type(there.sandbox.systems["billagain"])
