"""Spending credits means the same at both vendors, and blocking as well as awaited: one set of tests for all four."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import pytest
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge

from tests.support.facades import Facade
from unibill import AllocationDraft, AsyncBilling, Billing, CreditDraft, InvalidDraft, NotFound, Status, plugins
from unibill.capabilities import Grade, Operation
from unibill.http import without_waiting
from unibill.model import Allocation, Credit, TargetType
from unibill.sandbox import Sandbox
from unibill.sandbox.system import SandboxSystem

BILLS = (Decimal("30.00"), Decimal("45.50"))


class Place:
    """A facade on a system of its own: an account with two open invoices, the earliest due first.

    Attributes:
        account: its id.
        invoices: their ids.
        number: what people call the second.
        open_amounts: what the vendor's own books say is left of them.
    """

    def __init__(self, facade: Facade, account: str, invoices: list[str], number: str, open_amounts: Callable[[], list[Decimal]]) -> None:
        self.facade = facade
        self.account = account
        self.invoices = invoices
        self.number = number
        self.open_amounts = open_amounts

    def draft(self, amount: str, *spent: tuple[int, str], auto_apply: bool = False) -> CreditDraft:
        return CreditDraft(
            account_id=self.account,
            currency="USD",
            amount=Decimal(amount),
            number="CN-1" if self.facade.billing.provider.name == "billagain" else None,
            allocations=tuple(self.spend(*one) for one in spent),
            auto_apply=auto_apply,
        )

    def spend(self, invoice: int, amount: str) -> AllocationDraft:
        return AllocationDraft(target_id=self.invoices[invoice], amount=Decimal(amount))

    def create(self, draft: CreditDraft, key: str | None = None) -> Credit:
        made: Credit = self.facade.call(lambda billing: billing.credits.create(draft, key=key))
        return made

    def get(self, credit: Credit) -> Credit:
        found: Credit = self.facade.call(lambda billing: billing.credits.get(credit.id, account=self.account))
        return found

    def allocate(self, credit: Credit, *spent: AllocationDraft) -> Credit:
        after: Credit = self.facade.call(lambda billing: billing.credits.allocate(credit, spent))
        return after

    def deallocate(self, credit: Credit, *allocations: Allocation) -> Credit:
        ids = [item.id for item in allocations]
        after: Credit = self.facade.call(lambda billing: billing.credits.deallocate(credit, ids))
        return after

    def edges(self, credit: Credit) -> list[tuple[int, Decimal]]:
        """What stands of a credit: the place of the invoice, and the amount."""
        return [(self.invoices.index(item.target.id), item.amount) for item in standing(credit)]


def standing(credit: Credit) -> list[Allocation]:
    assert credit.allocations is not None
    return [item for item in credit.allocations if item.reversed_at is None]


def billagain(sandbox: Sandbox) -> tuple[str, list[str], str, Callable[[], list[Decimal]]]:
    bills = [
        {"type": "invoice", "invoiceID": 31 + i, "invoiceNum": 901 + i, "customerID": 11, "Total": bill, "CurrencyCode": "USD"}
        for i, bill in enumerate(BILLS)
    ]
    rows: list[dict[str, object]] = [{"type": "customer", "customerID": 11, "CurrencyCode": "USD"}, *bills]
    sandbox.seed("records", records=[{"system": "billagain", **row} for row in rows])

    def left() -> list[Decimal]:
        found = {row["invoiceID"]: Decimal(str(row["Balance"])) for row in sandbox.books() if row["type"] == "invoice"}
        return [found[31], found[32]]

    return "11", ["31", "32"], "902", left


def socotra(sandbox: Sandbox) -> tuple[str, list[str], str, Callable[[], list[Decimal]]]:
    system: Any = sandbox.systems["socotra"]
    engine = system.engine
    with sandbox.transaction():
        account = engine.add_account().locator
        made = [engine.charges.add(account, [NewCharge(bill, "ServiceFee")], "immediate", "USD")[0].invoice_locator for bill in BILLS]
        number = engine.core.store.get(r.Invoice, made[1]).invoice_number

    def left() -> list[Decimal]:
        with sandbox.transaction():
            return [engine.core.store.get(r.Invoice, locator).total_remaining_amount for locator in made]

    return account, made, number, left


@contextmanager
def opened(vendor: str, driver: str) -> Iterator[Place]:
    system: type[SandboxSystem] = BillAgainSandbox if vendor == "billagain" else SocotraSandbox
    switches = {"billagain": {"empty-allocations": "accept", "auto-apply-spill": "spill"}}
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox([system], switches=switches if vendor == "billagain" else {}))
        account, invoices, number, left = (billagain if vendor == "billagain" else socotra)(sandbox)
        served = stack.enter_context(sandbox.serve())
        provider = plugins.load(vendor)
        given: dict[str, object] = {**sandbox.client_settings(served.url)[vendor]}
        if vendor == "socotra":
            given |= {"credit_charge_type": "GoodwillCredit", "reversal_type": "migration"}
        made = provider(provider.Settings.model_validate(given))
        billing = Billing("one", made) if driver == "sync" else AsyncBilling("one", made)
        stack.enter_context(without_waiting())
        yield Place(stack.enter_context(Facade(billing)), account, invoices, number, left)


@pytest.fixture(params=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["billagain", "socotra"])
def place(request: pytest.FixtureRequest, driver: str) -> Iterator[Place]:
    with opened(str(request.param), driver) as found:
        yield found


def test_a_credit_is_created_with_its_allocations(place: Place) -> None:
    made = place.create(place.draft("50.00", (0, "20.00"), (1, "5.50")), key="order-1")
    for credit in (made, place.get(made)):
        assert place.edges(credit) == [(0, Decimal("20.00")), (1, Decimal("5.50"))]
        assert (credit.applied, credit.remaining, credit.status) == (Decimal("25.50"), Decimal("24.50"), Status.PARTIALLY_APPLIED)
        assert all(item.id and item.target.type is TargetType.INVOICE for item in standing(credit))
    assert place.open_amounts() == [Decimal("10.00"), Decimal("40.00")]


def test_under_a_key_it_is_made_and_spent_once_however_often_it_is_asked_for(place: Place) -> None:
    wanted = place.draft("50.00", (0, "20.00"))
    ids = {place.create(wanted, key="order-1").id for _ in range(3)}
    assert (len(ids), place.open_amounts()[0]) == (1, Decimal("10.00"))


def test_allocating_adds_and_keeps_what_stands_with_its_ids(place: Place) -> None:
    made = place.get(place.create(place.draft("50.00", (0, "20.00"))))
    after = place.allocate(made, place.spend(1, "12.00"), place.spend(0, "3.00"))
    assert place.edges(after) == [(0, Decimal("20.00")), (1, Decimal("12.00")), (0, Decimal("3.00"))]
    assert standing(after)[0].id == standing(made)[0].id
    assert (after.applied, after.remaining) == (Decimal("35.00"), Decimal("15.00"))
    assert place.open_amounts() == [Decimal("7.00"), Decimal("33.50")]


def test_a_credit_can_be_spent_to_its_last_cent_and_no_further(place: Place) -> None:
    made = place.get(place.create(place.draft("50.00", (0, "20.00"))))
    with pytest.raises(InvalidDraft, match="more than"):
        place.allocate(made, place.spend(1, "30.01"))
    assert place.open_amounts() == [Decimal("10.00"), Decimal("45.50")]
    after = place.allocate(made, place.spend(1, "30.00"))
    assert (after.remaining, after.status) == (Decimal(0), Status.APPLIED)


def test_an_invoice_may_be_named_by_the_number_people_see(place: Place) -> None:
    made = place.get(place.create(place.draft("50.00", (0, "20.00"))))
    after = place.allocate(made, AllocationDraft(target_number=place.number, amount=Decimal("1.25")))
    assert place.edges(after)[-1] == (1, Decimal("1.25"))


def test_deallocating_frees_the_money_and_keeps_the_ids_of_the_others(place: Place) -> None:
    made = place.get(place.create(place.draft("50.00", (0, "20.00"), (1, "5.50"))))
    first, second = standing(made)
    after = place.deallocate(made, first)
    assert [(item.id, item.amount) for item in standing(after)] == [(second.id, Decimal("5.50"))]
    assert (after.applied, after.remaining, after.status) == (Decimal("5.50"), Decimal("44.50"), Status.PARTIALLY_APPLIED)
    assert place.open_amounts() == [Decimal("30.00"), Decimal("40.00")]
    again = place.allocate(after, place.spend(0, "30.00"))
    assert (again.remaining, place.open_amounts()[0]) == (Decimal("14.50"), Decimal(0))


def test_deallocating_all_leaves_the_credit_open(place: Place) -> None:
    made = place.get(place.create(place.draft("50.00", (0, "20.00"), (1, "5.50"))))
    after = place.deallocate(made, *standing(made))
    assert (place.edges(after), after.remaining, after.status) == ([], Decimal("50.00"), Status.OPEN)


def test_what_the_credit_never_had_is_not_found_and_nothing_is_undone(place: Place) -> None:
    made = place.get(place.create(place.draft("50.00", (0, "20.00"))))
    with pytest.raises(NotFound):
        place.facade.call(lambda billing: billing.credits.deallocate(made, ["1"]))
    assert place.open_amounts()[0] == Decimal("10.00")


def test_auto_apply_spends_on_the_earliest_due_invoice_first(place: Place) -> None:
    made = place.create(place.draft("50.00", auto_apply=True), key="order-1")
    assert place.edges(place.get(made)) == [(0, Decimal("30.00")), (1, Decimal("20.00"))]
    assert place.open_amounts() == [Decimal(0), Decimal("25.50")]


def test_auto_apply_is_marked_as_emulated_where_the_vendor_has_none() -> None:
    grades = {name: plugins.load(name).capabilities.of(Operation.CREDITS_AUTO_APPLY).grade for name in ("billagain", "socotra")}
    assert grades == {"billagain": Grade.NATIVE, "socotra": Grade.EMULATED}


def test_voiding_gives_the_invoices_back_what_they_were_paid(place: Place) -> None:
    made = place.get(place.create(place.draft("50.00", (0, "20.00"), (1, "5.50")), key="order-1"))
    place.facade.call(lambda billing: billing.credits.void(made))
    assert place.open_amounts() == list(BILLS)
    assert place.facade.call(lambda billing: billing.credits.find(key="order-1", account=place.account)) is None
