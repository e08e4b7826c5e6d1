"""Creating and spending credits over real HTTP: what was written is what the sandbox's books hold."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict
from unibill_socotra.mapping.ids import derived_locator
from unibill_socotra.sandbox import records as r

from tests.providers.socotra.living import Live, OpenLive
from unibill import http, marks
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import (
    ConfigurationError,
    Conflict,
    InvalidDraft,
    InvalidQuery,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from unibill.flow import Flow, Step
from unibill.model import Credit, CreditKind, Invoicing, Status, TargetType
from unibill.operations import Operations

T = TypeVar("T")
MARK = marks.key_mark("order-17")
CENTS = st.integers(1, 9_999).map(lambda cents: Decimal(cents).scaleb(-2))


def draft(account: str, amount: str, *spent: tuple[str, str], **more: Any) -> CreditDraft:  # noqa: ANN401 - fields of any type
    allocations = tuple(AllocationDraft(target_id=target, amount=Decimal(part)) for target, part in spent)
    return CreditDraft(account_id=account, currency="USD", amount=Decimal(amount), allocations=allocations, **more)


def create(live: Live, wanted: CreditDraft, mark: str | None = None) -> Credit:
    return live.run(live.provider.create_credit(wanted, mark, {}))


def charges_of(live: Live) -> list[r.Charge]:
    return [charge for charge in live.system.engine.core.store.query(r.Charge, "1 = 1") if charge.charge_type == "GoodwillCredit"]


def facts(credit: Credit) -> dict[str, object]:
    """A credit as far as a write's own answer can know it: targets without the numbers that people see."""
    values = asdict(credit)
    values["allocations"] = [(item.id, item.target.id, item.amount, item.group_id, item.applied_at) for item in credit.allocations or ()]
    return values


def test_a_credit_is_a_negative_flat_charge_with_its_mark_and_memo_as_the_tag(live: Live) -> None:
    account = live.account()
    credit = create(live, draft(account, "50.00", memo="case 7"), MARK)
    (charge,) = charges_of(live)
    assert (charge.amount, charge.tag, charge.charge_invoicing) == (Decimal("-50.00"), f"{MARK} case 7", "immediate")
    assert (credit.id, credit.mark, credit.memo, credit.amount) == (f"charge:{charge.locator}", MARK, "case 7", Decimal("50.00"))
    assert (credit.status, credit.remaining, credit.allocations) == (Status.OPEN, None, None)
    assert live.sent() == [f"POST /accounts/{account}/charges"]
    assert [(step.name, step.done) for step in live.steps] == [("charge", False), ("charge", True)]
    assert live.balance(account) == Decimal("50.00")


def test_a_credit_with_allocations_is_spent_by_one_distribution_for_each(live: Live) -> None:
    account = live.account()
    first, second = live.bill(account, "80.00"), live.bill(account, "30.00")
    live.charge(account, "-99.00")
    credit = create(live, draft(account, "50.00", (first, "20.00"), (second, "5.50")), MARK)
    assert (live.open_amount(first), live.open_amount(second)) == (Decimal("60.00"), Decimal("24.50"))
    assert (credit.applied, credit.remaining, credit.status) == (Decimal("25.50"), Decimal("24.50"), Status.PARTIALLY_APPLIED)
    assert [item.group_id for item in credit.allocations or ()] == [derived_locator(credit.id, n) for n in (0, 1)]
    assert facts(live.credit(account, credit.id)) == facts(credit)


def test_an_allocation_may_name_its_invoice_by_number_or_a_single_item_of_it(live: Live) -> None:
    account = live.account()
    numbered, other = live.bill(account, "30.00"), live.bill(account, "40.00")
    store = live.system.engine.core.store
    item = store.get(r.Invoice, other).invoice_items[0].locator
    wanted = draft(account, "50.00").model_copy(
        update={
            "allocations": (
                AllocationDraft(target_number=store.get(r.Invoice, numbered).invoice_number, amount=Decimal(10)),
                AllocationDraft(target_id=item, target_type=TargetType.INVOICE_ITEM, amount=Decimal(5)),
            )
        }
    )
    credit = create(live, wanted)
    assert (live.open_amount(numbered), live.open_amount(other)) == (Decimal("20.00"), Decimal("35.00"))
    assert [edge.target.type for edge in credit.allocations or ()] == [TargetType.INVOICE, TargetType.INVOICE_ITEM]


def test_a_number_that_names_no_invoice_of_the_account_is_refused_before_anything_is_written(live: Live) -> None:
    account, other = live.account(), live.account()
    foreign = live.system.engine.core.store.get(r.Invoice, live.bill(other, "30.00")).invoice_number
    allocations = (AllocationDraft(target_number=foreign, amount=Decimal(1)),)
    with pytest.raises(InvalidDraft, match=re.escape("$.allocations[0].target_number")):
        create(live, draft(account, "50.00").model_copy(update={"allocations": allocations}))
    assert charges_of(live) == []


def test_an_invoice_that_cannot_take_its_allocation_is_refused_before_the_charge_is_added(live: Live) -> None:
    """Else the charge would stand, and money that was spent at its source could be spent again."""
    account, other = live.account(), live.account()
    foreign, euro, small = live.bill(other, "80.00"), live.bill(account, "80.00", "EUR"), live.bill(account, "5.00")
    wanted = draft(
        account, "50.00", (foreign, "1.00"), (euro, "2.00"), (small, "4.00"), (small, "2.00"), ("01J5V8NM2GSXK6HG42PD5Z1VAZ", "3.00")
    )
    with pytest.raises(InvalidDraft) as raised:
        create(live, wanted, MARK)
    assert [fault.path for fault in raised.value.faults] == [
        "$.allocations[0].target_id",
        "$.allocations[1].target_id",
        "$.allocations[2].amount",
        "$.allocations[4].target_id",
    ]
    assert charges_of(live) == []


def test_auto_apply_spends_on_the_earliest_due_open_invoices_of_the_same_currency(live: Live) -> None:
    account = live.account()
    first, euro, last = live.bill(account, "30.00"), live.bill(account, "10.00", "EUR"), live.bill(account, "30.00")
    credit = create(live, draft(account, "50.00", auto_apply=True), MARK)
    assert [live.open_amount(invoice) for invoice in (first, euro, last)] == [Decimal(0), Decimal("10.00"), Decimal("10.00")]
    assert (credit.remaining, credit.status) == (Decimal(0), Status.APPLIED)
    surplus = create(live, draft(account, "50.00", auto_apply=True))
    assert (surplus.applied, surplus.remaining) == (Decimal("10.00"), Decimal("40.00"))


@pytest.mark.parametrize("plan", ["NeverSettle", None])
def test_a_negative_invoice_that_no_plan_settles_is_settled_before_it_is_spent(live: Live, plan: str | None) -> None:
    account = live.account(excess_credit_plan=plan) if plan else live.account()
    invoice = live.bill(account, "20.00")
    credit = create(live, draft(account, "50.00", (invoice, "20.00")))
    assert (live.open_amount(invoice), live.balance(account), credit.remaining) == (Decimal(0), Decimal("30.00"), Decimal("30.00"))
    assert any("settle" in request for request in live.sent()) == (plan is not None)


def test_a_charge_that_is_queued_is_waited_for(open_live: OpenLive) -> None:
    with open_live(immediate_invoicing="queued") as live, http.without_waiting():
        account = live.account()
        live.bill(account, "20.00")
        live.system.engine.charges.run_queue()
        invoice = live.system.engine.core.store.query(r.Invoice, "1 = 1")[0].locator
        credit = create(live, draft(account, "50.00", (invoice, "20.00")))
        assert (live.open_amount(invoice), credit.remaining) == (Decimal(0), Decimal("30.00"))


def test_a_charge_that_never_reaches_an_invoice_is_said_to_be_there_all_the_same(live: Live) -> None:
    """The invoices are hidden by a fault: the looks for them are bounded."""
    account = live.account()
    invoice = live.bill(account, "20.00")
    live.sandbox.faults([{"kind": "skipped-records", "route": "GET /socotra/billing/*/invoices/accounts/**", "index": 1}])
    with pytest.raises(Unavailable, match="not yet on an invoice"):
        create(live, draft(account, "50.00", (invoice, "20.00")), MARK)
    live.sandbox.faults([])
    (found,) = live.run(live.provider.find_marked(account, {MARK}))
    again = live.run(live.provider.create_credit(draft(account, "50.00", (invoice, "20.00")), MARK, live.provider.done_from(found)))
    assert (len(charges_of(live)), live.open_amount(invoice), again.remaining) == (1, Decimal(0), Decimal("30.00"))


class Killed(Exception):
    """The process died."""


def run_until(live: Live, flow: Flow[T], deaths: int) -> T:
    """Drive a flow and die when its ``deaths``-th step is to be kept."""
    seen: list[Step] = []

    def keep(step: Step) -> None:
        seen.append(step)
        if len(seen) == deaths:
            raise Killed

    return live.transport.run(flow, keep)


@pytest.mark.parametrize("auto", [False, True])
def test_a_creation_that_dies_at_any_step_is_gone_on_with_and_has_one_effect(live: Live, auto: bool) -> None:
    for deaths in range(1, 40):
        live.sandbox.reset()
        account = live.account(excess_credit_plan="NeverSettle")
        first, second = live.bill(account, "20.00"), live.bill(account, "30.00")
        spent = () if auto else ((first, "20.00"), (second, "7.00"))
        wanted = draft(account, "27.00", *spent, auto_apply=auto)
        try:
            run_until(live, live.provider.create_credit(wanted, MARK, {}), deaths)
        except Killed:
            found = live.run(live.provider.find_marked(account, {MARK}))
            done = live.provider.done_from(found[0]) if found else {}
            credit = live.run(live.provider.create_credit(wanted, MARK, done))
            finished = False
        else:
            credit, finished = live.credit(account, live.run(live.provider.find_marked(account, {MARK}))[0].id), True
        assert len(charges_of(live)) == 1
        assert (live.open_amount(first), live.open_amount(second), live.balance(account)) == (Decimal(0), Decimal("23.00"), Decimal(0))
        assert (credit.applied, credit.remaining, credit.status) == (Decimal("27.00"), Decimal(0), Status.APPLIED)
        if finished:
            assert deaths > 10
            return
    pytest.fail("the creation never ended")


@pytest.mark.parametrize(
    ("kind", "more"), [("cut-after", {}), ("cut-before", {}), ("status-502", {"effect": "done"}), ("truncated-json", {})]
)
def test_a_charge_whose_answer_is_lost_is_unknown_and_not_sent_again(live: Live, kind: str, more: dict[str, str]) -> None:
    account = live.account()
    live.sandbox.faults([{"kind": kind, "route": "POST /socotra/billing/**", "count": 1, **more}])
    with pytest.raises(OutcomeUnknown):
        create(live, draft(account, "50.00"), MARK)
    posts = [request for request in live.sent() if request.startswith("POST")]
    assert len(posts) == 1
    found = live.run(live.provider.find_marked(account, {MARK}))
    assert len(found) == len(charges_of(live)) == (0 if kind == "cut-before" else 1)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_creation_that_loses_the_answer_to_any_write_is_gone_on_with_and_has_one_effect(live: Live, method: str) -> None:
    lost = 0
    for skip in range(8):
        live.sandbox.reset()
        account = live.account(excess_credit_plan="NeverSettle")
        first, second = live.bill(account, "20.00"), live.bill(account, "30.00")
        operations = Operations("new", live.provider)
        wanted = draft(account, "50.00", (first, "20.00"), (second, "7.00"))
        live.sandbox.faults([{"kind": "cut-after", "route": f"{method} /socotra/**", "skip": skip, "count": 1}])
        try:
            live.run(operations.create_credit(wanted, "order-17"))
        except OutcomeUnknown:
            lost += 1
        live.sandbox.faults([])
        credit = live.run(operations.create_credit(wanted, "order-17"))
        assert (credit.applied, credit.remaining, len(charges_of(live))) == (Decimal("27.00"), Decimal("23.00"), 1)
        assert (live.open_amount(first), live.open_amount(second), live.balance(account)) == (Decimal(0), Decimal(23), Decimal(23))
    # POST: the charge, the settlement that the plan forbids, and the forced one; PATCH: two distributions, validated and executed.
    assert lost == (3 if method == "POST" else 4)


def test_a_key_makes_one_credit_however_often_and_another_after_a_void(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "30.00")
    operations = Operations("new", live.provider)
    wanted = draft(account, "50.00", (invoice, "10.00"), memo="case 7")
    made = [live.run(operations.create_credit(wanted, "order-17")) for _ in range(3)]
    assert len({credit.id for credit in made}) == len(charges_of(live)) == 1
    assert made[0].mark == MARK
    live.run(operations.void(made[0]))
    again = live.run(operations.create_credit(wanted, "order-17"))
    assert (again.remaining, live.open_amount(invoice), live.balance(account)) == (Decimal("40.00"), Decimal("20.00"), Decimal("40.00"))
    assert again.id != made[0].id
    found = live.run(operations.find_credit("order-17", account))
    assert found is not None
    assert found.id == again.id


def test_a_put_whose_answer_is_lost_is_sent_again_and_harmless(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "20.00")
    live.sandbox.faults([{"kind": "cut-after", "route": "PUT /socotra/billing/**", "count": 1}])
    create(live, draft(account, "50.00", (invoice, "20.00")))
    assert (live.open_amount(invoice), live.balance(account)) == (Decimal(0), Decimal("30.00"))


def test_what_the_vendor_refuses_is_a_rejection_and_the_charge_stays_to_be_found(live: Live) -> None:
    account, other = live.account(), live.account()
    foreign = live.bill(other, "20.00")
    item = live.system.engine.core.store.get(r.Invoice, foreign).invoice_items[0].locator
    spent = (AllocationDraft(target_id=item, target_type=TargetType.INVOICE_ITEM, amount=Decimal("20.00")),)
    with pytest.raises(Rejected, match="another account"):
        create(live, draft(account, "50.00").model_copy(update={"allocations": spent}), MARK)
    (found,) = live.run(live.provider.find_marked(account, {MARK}))
    assert found.status is Status.OPEN
    assert (live.open_amount(foreign), live.balance(account)) == (Decimal("20.00"), Decimal("50.00"))


def test_without_a_charge_type_credits_are_not_written(open_live: OpenLive) -> None:
    with open_live({"credit_charge_type": None}) as live:
        account = live.account()
        with pytest.raises(InvalidDraft, match="credit_charge_type"):
            create(live, draft(account, "50.00"))
        assert live.sent() == []


def test_a_positive_sign_setting_writes_and_reads_positive_charges(open_live: OpenLive) -> None:
    with open_live({"credit_charge_sign": "positive"}, credit_charge_sign="store-negated") as live:
        account = live.account()
        create(live, draft(account, "50.00"))
        assert charges_of(live)[0].amount == Decimal("-50.00")


def test_allocating_spends_more_and_keeps_what_stands(live: Live) -> None:
    account = live.account()
    first, second = live.bill(account, "20.00"), live.bill(account, "30.00")
    credit = create(live, draft(account, "50.00", (first, "20.00")))
    more = live.run(live.provider.allocate(credit, [AllocationDraft(target_id=second, amount=Decimal("12.00"))], {}))
    assert [(edge.target.id, edge.amount) for edge in more.allocations or ()] == [(first, Decimal("20.00")), (second, Decimal("12.00"))]
    assert (more.remaining, live.open_amount(second)) == (Decimal("18.00"), Decimal("18.00"))
    assert facts(live.credit(account, credit.id)) == facts(more)


def test_the_surplus_of_a_payment_can_be_spent_too(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "30.00")
    payments = live.system.engine.payments
    from unibill_socotra.sandbox.payments import NewPayment

    payments.run(NewPayment("Cash", Decimal("25.00"), "USD", [], account))
    (payment,) = live.credits(account)
    more = live.run(live.provider.allocate(payment, [AllocationDraft(target_id=invoice, amount=Decimal("25.00"))], {}))
    assert (more.kind, more.remaining, live.open_amount(invoice)) == (CreditKind.PAYMENT, Decimal(0), Decimal("5.00"))


def test_more_than_remains_now_is_refused_whatever_the_callers_copy_says(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "90.00")
    credit = create(live, draft(account, "50.00"))
    live.run(live.provider.allocate(credit, [AllocationDraft(target_id=invoice, amount=Decimal("40.00"))], {}))
    with pytest.raises(InvalidDraft, match="more than"):
        live.run(live.provider.allocate(credit, [AllocationDraft(target_id=invoice, amount=Decimal("40.00"))], {}))
    assert live.open_amount(invoice) == Decimal("50.00")


def test_an_allocation_that_dies_at_any_step_is_gone_on_with_and_has_one_effect(live: Live) -> None:
    for deaths in range(1, 30):
        live.sandbox.reset()
        account = live.account()
        first, second = live.bill(account, "20.00"), live.bill(account, "30.00")
        credit = create(live, draft(account, "50.00", (first, "5.00")))
        wanted = [AllocationDraft(target_id=first, amount=Decimal("5.00")), AllocationDraft(target_id=second, amount=Decimal("7.00"))]
        done: dict[str, Any] = {}
        count = 0

        def keep(step: Step) -> None:
            nonlocal count
            count += 1
            if step.done:
                done[step.name] = step.data  # noqa: B023 - called in this turn of the loop only
            if count == deaths:  # noqa: B023 - the same
                raise Killed

        try:
            live.transport.run(live.provider.allocate(credit, wanted, {}), keep)
            finished = True
        except Killed:
            live.run(live.provider.allocate(credit, wanted, done))
            finished = False
        assert (live.open_amount(first), live.open_amount(second)) == (Decimal("10.00"), Decimal("23.00"))
        if finished:
            assert deaths > 10
            return


def test_deallocating_reverses_the_distribution_and_the_credit_has_its_money_again(live: Live) -> None:
    account = live.account()
    first, second = live.bill(account, "20.00"), live.bill(account, "30.00")
    credit = create(live, draft(account, "50.00", (first, "20.00"), (second, "5.00")))
    assert credit.allocations
    after = live.run(live.provider.deallocate(credit, [credit.allocations[0].id or ""], {}))
    assert (after.applied, after.remaining, live.open_amount(first)) == (Decimal("5.00"), Decimal("45.00"), Decimal("20.00"))
    assert [edge.reversed_at is not None for edge in after.allocations or ()] == [True, False]
    with pytest.raises(NotFound):
        live.run(live.provider.deallocate(credit, ["nothing"], {}))


def test_a_distribution_with_other_allocations_is_not_reversed_for_one_of_them(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "60.00")
    ours = [create(live, draft(account, amount)) for amount in ("30.00", "20.00")]
    asked = r.Asked(account, Decimal("50.00"), "USD", [r.Item(account, "account")], [r.Item(invoice, "invoice")])
    live.system.engine.distributions.run(asked)
    shared = live.credit(account, ours[0].id)
    with pytest.raises(Conflict, match="reversed only whole"):
        live.run(live.provider.deallocate(shared, [edge.id or "" for edge in shared.allocations or ()], {}))
    with pytest.raises(Conflict, match="reversed only whole"):
        live.run(live.provider.void(shared, {}))
    assert live.open_amount(invoice) == Decimal("10.00")


def test_without_a_reversal_type_nothing_is_reversed(open_live: OpenLive) -> None:
    with open_live({"reversal_type": None}) as live:
        account = live.account()
        invoice = live.bill(account, "20.00")
        credit = create(live, draft(account, "50.00", (invoice, "20.00")))
        assert credit.allocations
        before = len(live.sent())
        with pytest.raises(ConfigurationError, match="reversal_type"):
            live.run(live.provider.deallocate(credit, [credit.allocations[0].id or ""], {}))
        with pytest.raises(ConfigurationError, match="reversal_type"):
            live.run(live.provider.void(credit, {}))
        assert all(request.startswith("GET") for request in live.sent()[before:])


def voided(live: Live, account: str, credit: Credit) -> Iterator[str]:
    """What is left of a voided credit that should not be."""
    for other in live.credits(account):
        if other.id == credit.id or (other.kind is CreditKind.DISTRIBUTION):
            yield other.id


@pytest.mark.parametrize("plan", ["KeepBalance", "NeverSettle", "AutoApply"])
def test_voiding_leaves_nothing_of_the_credit_behind(live: Live, plan: str) -> None:
    account = live.account(excess_credit_plan=plan)
    invoice = live.bill(account, "20.00")
    credit = create(live, draft(account, "50.00", *(() if plan == "AutoApply" else ((invoice, "12.00"),))), MARK)
    live.run(live.provider.void(live.credit(account, credit.id) if plan == "AutoApply" else credit, {}))
    assert (live.balance(account), live.open_amount(invoice)) == (Decimal(0), Decimal("20.00"))
    assert live.credits(account) == []
    gone = live.credit(account, credit.id)
    assert (gone.status, gone.remaining) == (Status.REVERSED, Decimal(0))
    totals = [entry.total_remaining_amount for entry in live.system.engine.core.store.query(r.Invoice, "1 = 1")]
    assert sorted(totals) == [0, 0, Decimal("20.00")]


def test_voiding_twice_changes_nothing_more(live: Live) -> None:
    account = live.account()
    credit = create(live, draft(account, "50.00"))
    live.run(live.provider.void(credit, {}))
    books = list(live.system.books())
    live.run(live.provider.void(credit, {}))
    assert list(live.system.books()) == books


def test_a_credit_that_waits_for_its_invoice_is_voided_by_its_reversal_alone(open_live: OpenLive) -> None:
    with open_live({"credit_invoicing": "next"}) as live:
        account = live.account()
        credit = create(live, draft(account, "50.00"))
        live.run(live.provider.void(credit, {}))
        assert [charge.charge_invoicing for charge in charges_of(live)] == ["next", "next"]
        live.system.engine.charges.invoice_waiting(account, "USD")
        assert live.balance(account) == 0


def test_a_void_that_dies_at_any_step_is_gone_on_with_and_has_one_effect(live: Live) -> None:
    for deaths in range(1, 30):
        live.sandbox.reset()
        account = live.account()
        invoice = live.bill(account, "20.00")
        other = create(live, draft(account, "9.00"))
        credit = create(live, draft(account, "50.00", (invoice, "12.00")), MARK)
        try:
            run_until(live, live.provider.void(credit, {}), deaths)
            finished = True
        except Killed:
            live.run(live.provider.void(credit, {}))
            finished = False
        assert (live.balance(account), live.open_amount(invoice)) == (Decimal("9.00"), Decimal("20.00"))
        assert [left.id for left in live.credits(account)] == [other.id]
        if finished:
            assert deaths > 10
            return


def test_payments_write_offs_and_settlements_are_voided_by_their_own_reversal(live: Live) -> None:
    from unibill_socotra.sandbox.payments import NewPayment

    account = live.account()
    invoice = live.bill(account, "60.00")
    engine = live.system.engine
    engine.payments.run(NewPayment("Cash", Decimal("25.00"), "USD", [r.Item(invoice, "invoice")], account))
    engine.write_offs.create(account, [r.Item(invoice, "invoice", Decimal("5.00"))])
    live.charge(account, "-7.00", "AdjustmentPremium")
    found = live.credits(account)
    assert {credit.kind for credit in found} == {CreditKind.PAYMENT, CreditKind.WRITE_OFF, CreditKind.DISTRIBUTION}
    for credit in (*found, *found):
        live.run(live.provider.void(credit, {}))
    assert (live.open_amount(invoice), live.balance(account), live.credits(account)) == (Decimal("60.00"), Decimal(0), [])


def test_what_socotra_cannot_undo_is_refused(live: Live) -> None:
    account = live.account()
    live.charge(account, "-50.00")
    out = live.system.engine.disbursements.pay_out(account, Decimal("10.00"), "USD").locator
    with pytest.raises(Rejected, match="no operation that undoes"):
        live.run(live.provider.void(live.credit(account, f"disbursement:{out}"), {}))


def test_charges_are_added_in_one_request_and_reversed_once(live: Live) -> None:
    account = live.account()
    drafts = [
        ChargeDraft(account_id=account, currency="USD", amount=Decimal("-5.00"), tag="a", invoicing=Invoicing.NEXT),
        ChargeDraft(account_id=account, currency="USD", amount=Decimal("7.25"), type="ServiceFee", invoicing=Invoicing.NEXT),
    ]
    made = live.run(live.provider.add_charges(drafts, {}))
    assert [(charge.amount, charge.type, charge.tag) for charge in made] == [
        (Decimal("-5.00"), "GoodwillCredit", "a"),
        (Decimal("7.25"), "ServiceFee", None),
    ]
    added = {step.name: step.data for step in live.steps if step.done}
    assert live.run(live.provider.add_charges(drafts, added)) == made
    back = live.run(live.provider.reverse_charges(account, [made[0].id], Invoicing.NEXT, {}))
    assert [(charge.amount, charge.reversal_of) for charge in back] == [(Decimal("5.00"), made[0].id)]
    assert live.run(live.provider.reverse_charges(account, [made[0].id], Invoicing.NEXT, {"reverse": {}})) == back
    with pytest.raises(Conflict):
        live.run(live.provider.reverse_charges(account, [made[0].id], Invoicing.NEXT, {}))
    with pytest.raises(InvalidQuery):
        live.run(live.provider.reverse_charges(account, [made[0].id], Invoicing.UNKNOWN, {}))


@pytest.mark.parametrize("atomic", ["yes", "partial"])
def test_a_refusal_of_several_charges_says_that_some_may_have_stayed(open_live: OpenLive, atomic: str) -> None:
    with open_live(charges_atomic=atomic) as live:
        account = live.account()
        good, bad = (ChargeDraft(account_id=account, currency="USD", amount=Decimal(5), type=kind) for kind in ("ServiceFee", "Nothing"))
        with pytest.raises(Rejected, match="list the account's charges first"):
            live.run(live.provider.add_charges([good, bad], {}))
        with pytest.raises(Rejected) as alone:
            live.run(live.provider.add_charges([bad], {}))
        assert "charges first" not in str(alone.value)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amount=CENTS, bills=st.lists(CENTS, min_size=1, max_size=4), shares=st.lists(st.integers(1, 100), min_size=4, max_size=4))
def test_what_is_created_is_read_back_and_what_is_voided_leaves_the_books_as_they_were(
    live: Live, amount: Decimal, bills: list[Decimal], shares: list[int]
) -> None:
    live.sandbox.reset()
    account = live.account()
    left, spent = amount, []
    for bill, share in zip(bills, shares, strict=False):
        part = min(left, bill * share // 1 / 100 if bill >= 1 else bill).quantize(Decimal("0.01"))
        invoice = live.bill(account, str(bill))
        if 0 < part <= min(left, bill):
            spent.append((invoice, str(part)))
            left -= part
    credit = create(live, draft(account, str(amount), *spent), MARK)
    read = live.credit(account, credit.id)
    assert read.remaining == left == live.balance(account)
    assert [(edge.target.id, str(edge.amount)) for edge in read.allocations or ()] == spent
    live.run(live.provider.void(read, {}))
    assert (live.balance(account), live.credits(account)) == (Decimal(0), [])
    assert sum(live.open_amount(entry.locator) for entry in live.system.engine.core.store.query(r.Invoice, "1 = 1")) == sum(bills)


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("charges_order", "shuffled"),
        ("reversal_tag", "drop"),
        ("reversal_amount", "as-original"),
        ("reversed_credit_amount", "negated"),
        ("reversed_credit_amount", "zero"),
        ("ulid_case", "reject"),
        ("negative_invoice", "never"),
        ("state_conflict", "soft-200"),
        ("state_conflict", "no-op-200"),
        ("put_existing", "draft-only"),
        ("put_existing", "any-state"),
        ("number_style", "one-decimal"),
        ("empty_values", "null"),
        ("time_fraction", "none"),
        ("credit_account_locator", "never"),
        ("list_order", "locator-desc"),
        ("include_reversed_default", "true"),
        ("execute_shortage", "partial"),
        ("over_allocation", "cap"),
        ("immediate_invoicing", "queued"),
        ("validate_failure", "400"),
        ("completed_flag", "late"),
    ],
)
def test_a_credit_is_made_spent_and_voided_whatever_the_documents_leave_open(open_live: OpenLive, switch: str, value: str) -> None:
    with open_live(**{switch: value}) as live, http.without_waiting():
        account = live.account()
        live.bill(account, "80.00")
        live.system.engine.charges.run_queue()
        invoice = live.system.engine.core.store.query(r.Invoice, "1 = 1")[0].locator
        credit = create(live, draft(account, "50.00", (invoice, "20.00")), MARK)
        read = live.credit(account, credit.id)
        assert (read.applied, read.remaining, read.mark) == (Decimal(20), Decimal(30), MARK)
        live.run(live.provider.void(read, {}))
        assert (live.credits(account), live.balance(account), live.open_amount(invoice)) == ([], Decimal(0), Decimal(80))


@pytest.mark.parametrize(("switch", "value"), [("auto_apply", "on"), ("negative_invoice", "to-open-invoices")])
def test_where_the_server_spends_a_new_credit_by_itself_ours_is_refused_and_nothing_is_spent_twice(
    open_live: OpenLive,
    switch: str,
    value: str,
) -> None:
    with open_live(**{switch: value}) as live:
        account = live.account()
        invoice = live.bill(account, "80.00")
        with pytest.raises(Rejected):
            create(live, draft(account, "50.00", (invoice, "20.00")), MARK)
        (credit,) = live.credits(account)
        assert (credit.mark, credit.applied, credit.remaining) == (MARK, Decimal("50.00"), Decimal(0))
        assert live.open_amount(invoice) == Decimal("30.00")


def test_where_a_put_creates_nothing_the_charge_stays_and_its_mark_finds_it(open_live: OpenLive) -> None:
    with open_live(put_distribution="replace-only") as live:
        account = live.account()
        invoice = live.bill(account, "80.00")
        with pytest.raises(NotFound):
            create(live, draft(account, "50.00", (invoice, "20.00")), MARK)
        assert [credit.status for credit in live.run(live.provider.find_marked(account, {MARK}))] == [Status.OPEN]
