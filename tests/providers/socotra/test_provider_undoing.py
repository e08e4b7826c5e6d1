"""Spending and taking back where others' money is near: nobody else's is touched."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

import pytest
from unibill_socotra.mapping.charges import reversed_locators
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.wire.charges import Charge

from tests.providers.socotra.living import Live, OpenLive
from unibill import exactjson, http
from unibill.drafts import AllocationDraft, CreditDraft
from unibill.errors import Conflict, InvalidQuery, NotFound, OutcomeUnknown, Rejected, Unavailable
from unibill.flow import Flow, Request
from unibill.model import Credit, Invoicing, Status
from unibill.operations import Operations
from unibill.provider import ChargeQuery

T = TypeVar("T")


def create(live: Live, account: str, amount: str) -> Credit:
    wanted = CreditDraft(account_id=account, currency="USD", amount=Decimal(amount))
    return live.run(live.provider.create_credit(wanted, None, {}))


def test_a_charge_whose_invoice_was_not_settled_is_settled_when_it_is_spent(live: Live) -> None:
    account = live.account(excess_credit_plan="NeverSettle")
    invoice = live.bill(account, "20.00")
    credit = create(live, account, "50.00")
    assert live.credit(account, credit.id).remaining is None
    spent = live.run(live.provider.allocate(credit, [AllocationDraft(target_id=invoice, amount=Decimal("20.00"))], {}))
    assert (spent.applied, spent.remaining, live.balance(account)) == (Decimal("20.00"), Decimal("30.00"), Decimal("30.00"))


def test_a_reversal_that_the_balance_paid_by_itself_costs_the_other_credits_nothing(live: Live) -> None:
    account = live.account(excess_credit_plan="AutoApply")
    other, credit = create(live, account, "60.00"), create(live, account, "50.00")
    live.run(live.provider.void(credit, {}))
    assert live.balance(account) == Decimal("60.00")
    assert sum((left.remaining or Decimal(0) for left in live.credits(account)), Decimal(0)) == Decimal("60.00")
    assert live.credit(account, credit.id).status is Status.REVERSED
    assert live.credit(account, other.id).status is not Status.REVERSED
    assert all(not invoice.total_remaining_amount for invoice in live.system.engine.core.store.query(r.Invoice, "1 = 1"))


def test_a_charge_that_shares_its_invoice_with_others_is_not_taken_back_alone(live: Live) -> None:
    account = live.account()
    charges = [NewCharge(Decimal(amount), "GoodwillCredit") for amount in ("-50.00", "-30.00")]
    made = live.system.engine.charges.add(account, charges, "immediate", "USD")
    before = list(live.system.books())
    with pytest.raises(Conflict, match="holds other charges"):
        live.run(live.provider.void(live.credit(account, f"charge:{made[0].locator}"), {}))
    assert list(live.system.books()) == before


def test_a_reversed_credit_cannot_be_spent(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "20.00")
    credit = create(live, account, "50.00")
    live.run(live.provider.void(credit, {}))
    with pytest.raises(Conflict, match="cannot be spent"):
        live.run(live.provider.allocate(credit, [AllocationDraft(target_id=invoice, amount=Decimal("20.00"))], {}))


def test_a_credit_that_names_no_account_cannot_be_spent_or_voided(live: Live) -> None:
    account = live.account()
    credit = create(live, account, "50.00").replace(account_id=None)
    with pytest.raises(InvalidQuery, match="names no account"):
        live.run(live.provider.void(credit, {}))


def test_voiding_a_charge_that_is_not_there_is_refused(live: Live) -> None:
    account = live.account()
    credit = create(live, account, "50.00").replace(id="charge:01JBAS3SK5ABDPV2E32GNXW7Z6")
    with pytest.raises(Conflict, match="has no charge"):
        live.run(live.provider.void(credit, {}))


def _passed_over(flow: Flow[T], locator: str) -> Flow[T]:
    """The flow, whose reversals pass over one charge and answer 200 all the same."""
    item = next(flow)
    try:
        while True:
            answer = yield item
            if isinstance(item, Request) and item.operation == "reverseCharges" and answer is not None:
                kept = [record for record in answer.json() if record["reversalOfLocator"] != locator]  # type: ignore[attr-defined]  # a list
                answer = replace(answer, body=exactjson.dumps(kept))
            item = flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


def test_a_reversal_that_passes_over_a_charge_is_not_taken_for_done(live: Live) -> None:
    account = live.account()
    credit, fee = create(live, account, "50.00"), live.charge(account, "7.00", "ServiceFee")
    locator = credit.id.removeprefix("charge:")
    with pytest.raises(OutcomeUnknown, match=locator):
        live.run(_passed_over(live.provider.void(credit, {}), locator))
    other = live.charge(account, "8.00", "ServiceFee")
    with pytest.raises(OutcomeUnknown, match=other):
        live.run(_passed_over(live.provider.reverse_charges(account, [fee, other], Invoicing.NEXT, {}), other))


def test_a_charge_is_reversed_once_also_where_the_server_would_do_it_again(open_live: OpenLive) -> None:
    with open_live(double_reversal="accept") as live:
        account = live.account()
        charge, other = live.charge(account, "-50.00"), live.charge(account, "-8.00")
        live.run(live.provider.reverse_charges(account, [charge], Invoicing.NEXT, {}))
        with pytest.raises(Conflict, match=f"reversed already: charge {charge}"):
            live.run(live.provider.reverse_charges(account, [other, charge], Invoicing.NEXT, {}))
        reversals = [one.reversal_of for one in live.run(live.provider.list_charges(ChargeQuery(account), None)).items]
        assert (reversals.count(charge), reversals.count(other)) == (1, 0)


def test_a_charge_of_another_account_is_not_sent_to_be_reversed(live: Live) -> None:
    account, charge = live.account(), live.charge(live.account(), "-50.00")
    before = len(live.sent())
    with pytest.raises(NotFound, match=charge):
        live.run(live.provider.reverse_charges(account, [charge], Invoicing.NEXT, {}))
    assert [line.partition(" ")[0] for line in live.sent()[before:]] == ["GET"]


def test_a_key_makes_no_second_credit_after_its_reversal_was_reversed(open_live: OpenLive) -> None:
    with open_live(reversal_of_reversal="accept", double_reversal="accept") as live:
        account, operations = live.account(), Operations("new", live.provider)
        wanted = CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"))
        made = live.run(operations.create_credit(wanted, "order-17"))
        (back,) = live.run(operations.reverse_charges(account, [made.id.removeprefix("charge:")], Invoicing.IMMEDIATE))
        live.run(operations.reverse_charges(account, [back.id], Invoicing.IMMEDIATE))
        assert live.run(operations.create_credit(wanted, "order-17")).id == made.id
        assert live.credit(account, made.id).status is Status.OPEN
        live.run(live.provider.void(live.credit(account, made.id), {}))
        assert live.credit(account, made.id).status is Status.REVERSED


def test_reversals_of_reversals_are_followed_to_their_end_and_a_circle_has_none() -> None:
    def standing(*pairs: tuple[str, str]) -> frozenset[str]:
        return reversed_locators([_reversal(locator, original) for locator, original in pairs])

    assert standing(("R1", "C")) == {"C"}
    assert standing(("R2", "R1"), ("R1", "C")) == {"R1"}
    assert standing(("R3", "R2"), ("R1", "C"), ("R2", "R1")) == {"C", "R2"}
    assert standing(("R1", "C"), ("Q1", "C"), ("R2", "R1")) == {"C", "R1"}
    assert standing(("A", "B"), ("B", "A")) <= {"A", "B"}


def _reversal(locator: str, original: str) -> Charge:
    return Charge(
        locator=locator,
        account_locator="A",
        currency="USD",
        amount=Decimal(1),
        charge_category="fee",
        charge_type="Fee",
        reversal_of_locator=original,
    )


@pytest.mark.parametrize("shown", ["negated", "as-original"])
def test_a_void_leaves_no_open_invoice_of_the_credit_whatever_amount_the_reversal_shows(open_live: OpenLive, shown: str) -> None:
    with open_live(reversal_amount=shown) as live:
        account = live.account()
        live.run(live.provider.void(create(live, account, "50.00"), {}))
        assert [live.open_amount(one.locator) for one in live.system.engine.core.store.query(r.Invoice, "1 = 1")] == [0, 0]


INVOICES, DISTRIBUTIONS = "GET /socotra/billing/*/invoices/accounts/**", "GET /socotra/billing/*/creditDistributions/list"


@pytest.mark.parametrize("looks", [2, 99])
@pytest.mark.parametrize("plan", ["NeverSettle", "KeepBalance"])
@pytest.mark.parametrize("spent", ["", "12.00"])
@pytest.mark.parametrize(("route", "place"), [(INVOICES, 1), (DISTRIBUTIONS, 0), (DISTRIBUTIONS, 1)])
def test_a_list_that_leaves_out_a_credits_records_leaves_nothing_of_it_open(
    live: Live, looks: int, plan: str, spent: str, route: str, place: int
) -> None:
    """What it leaves out for good is told, and ended by the next try."""
    account = live.account(excess_credit_plan=plan)
    invoice = live.bill(account, "20.00")
    allocations = (AllocationDraft(target_id=invoice, amount=Decimal(spent)),) if spent else ()
    wanted = CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"), allocations=allocations)
    credit = live.run(live.provider.create_credit(wanted, None, {}))
    live.sandbox.faults([{"kind": "skipped-records", "route": route, "index": place, "count": looks}])
    with http.without_waiting():
        try:
            live.run(live.provider.void(credit, {}))
        except (Unavailable, Rejected) as error:
            assert looks > 2 or isinstance(error, Conflict)  # a settlement whose money seems unspent is refused before anything is done
            live.sandbox.faults([])
            live.run(live.provider.void(credit, {}))
    left = [live.open_amount(one.locator) for one in live.system.engine.core.store.query(r.Invoice, "1 = 1")]
    assert (live.balance(account), sorted(left)) == (Decimal(0), [Decimal(0), Decimal(0), Decimal(20)])


def _overtaken(flow: Flow[T], operation: str, spend: Callable[[], object]) -> Flow[T]:
    """The flow, before one of whose requests somebody else spends, once."""
    item, left = next(flow), True
    try:
        while True:
            if left and isinstance(item, Request) and item.operation == operation:
                spend()
                left = False
            item = flow.send((yield item))
    except StopIteration as stop:
        result: T = stop.value
        return result


@pytest.mark.parametrize(
    ("switch", "value", "operation"),
    [
        ("execute_shortage", "partial", "executeCreditDistribution"),
        ("over_allocation", "cap", "createOrReplaceCreditDistribution"),
    ],
)
def test_a_distribution_that_moved_less_is_told_and_a_second_try_moves_nothing_more(
    open_live: OpenLive, switch: str, value: str, operation: str
) -> None:
    with open_live(**{switch: value}) as live:
        account = live.account()
        invoice, other = live.bill(account, "90.00"), live.bill(account, "30.00")
        spent = (AllocationDraft(target_id=invoice, amount=Decimal("50.00")),)
        draft = CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"), allocations=spent)
        asked = r.Asked(account, Decimal("30.00"), "USD", [r.Item(account, "account")], [r.Item(other, "invoice")])
        with pytest.raises(Conflict, match=r"moved 20\.00 USD, not 50\.00"):
            live.run(
                _overtaken(live.provider.create_credit(draft, "m", {}), operation, lambda: live.system.engine.distributions.run(asked))
            )
        (credit,) = live.credits(account)
        create(live, account, "60.00")
        with pytest.raises(Conflict, match=r"moved 20\.00 USD, not 50\.00"):
            live.run(live.provider.create_credit(draft, "m", live.provider.done_from(credit)))
        assert (live.open_amount(invoice), live.balance(account)) == (Decimal("70.00"), Decimal("60.00"))
