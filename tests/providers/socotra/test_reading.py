"""Which credit paid which invoice: the rules, one by one, on records written by hand. No request is made here."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import asdict
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.mapping.ids import derived_locator
from unibill_socotra.reading.attribute import attribute, balance_totals
from unibill_socotra.reading.edges import Part, paired, resolved
from unibill_socotra.reading.gather import underexplained
from unibill_socotra.reading.invoiced import explain, needed
from unibill_socotra.reading.records import AccountRecords
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.common import CreditItem
from unibill_socotra.wire.credits import Credit as ListedCredit
from unibill_socotra.wire.credits import Distribution, ShortfallCredit, WriteOff
from unibill_socotra.wire.invoices import Invoice, InvoiceItem
from unibill_socotra.wire.payments import Disbursement, Payment, Subpayment

from unibill.model import Credit, CreditKind, Status, TargetType

RULES = ChargeRules("GoodwillCredit", flipped=False, sent_flipped=False)
ACCOUNT = "ACC"
EARLY = "01JBAS3SK5"
"""A ULID's time: 2024-10-28T23:59:21.701Z."""


def at(second: int) -> str:
    return f"2024-10-29T00:00:{second:02d}.000Z"


def charge(name: str, amount: str, **changes: Any) -> Charge:  # noqa: ANN401 - fields of any type
    fields: dict[str, Any] = {
        "locator": EARLY + name.rjust(16, "0"),
        "account_locator": ACCOUNT,
        "currency": "USD",
        "amount": Decimal(amount),
        "charge_category": "credit",
        "charge_type": "GoodwillCredit",
        "charge_invoicing": "immediate",
    }
    return Charge(**{**fields, **changes})


def invoice(locator: str, total: str, remaining: str = "0", second: int = 1, items: list[InvoiceItem] | None = None) -> Invoice:
    return Invoice(
        locator=locator,
        account_locator=ACCOUNT,
        invoice_state="open" if Decimal(remaining) else "settled",
        currency="USD",
        generated_time=at(second),
        invoice_number=f"N-{locator}",
        total_amount=Decimal(total),
        total_remaining_amount=Decimal(remaining),
        invoice_items=items,
    )


def item(amount: str, kind: str) -> InvoiceItem:
    return InvoiceItem(locator=f"item-{amount}", amount=Decimal(amount), charge_type=kind)


def box(locator: str, amount: str | None = None, kind: str | None = None) -> CreditItem:
    chosen = kind or ("account" if locator == ACCOUNT else "invoice")
    return CreditItem(container_locator=locator, container_type=chosen, amount=None if amount is None else Decimal(amount))


def moved(locator: str, amount: str, sources: list[CreditItem], targets: list[CreditItem], second: int, **changes: Any) -> Distribution:  # noqa: ANN401 - fields of any type
    fields: dict[str, Any] = {
        "locator": locator,
        "credit_distribution_state": "executed",
        "currency": "USD",
        "amount": Decimal(amount),
        "account_locator": ACCOUNT,
        "executed_at": at(second),
        "created_at": at(second),
        "sources": sources,
        "targets": targets,
    }
    return Distribution(**{**fields, **changes})


def paid(locator: str, amount: str, targets: list[CreditItem], second: int, **changes: Any) -> Payment:  # noqa: ANN401 - fields of any type
    fields: dict[str, Any] = {
        "locator": locator,
        "payment_state": "posted",
        "currency": "USD",
        "amount": Decimal(amount),
        "account_locator": ACCOUNT,
        "posted_at": at(second),
        "created_at": at(second),
        "targets": targets,
    }
    return Payment(**{**fields, **changes})


def read(**records: Any) -> dict[str, Credit]:  # noqa: ANN401 - lists of records
    found = attribute(AccountRecords(ACCOUNT, **records), "socotra", UTC, RULES)
    return {credit.id: credit for credit in found}


def spent(credit: Credit) -> list[tuple[str, str]]:
    return [(item.target.id, str(item.amount)) for item in credit.allocations or () if item.reversed_at is None]


A, B = charge("A", "-50.00"), charge("B", "-30.00")
NEG_A, NEG_B = invoice("NEG-A", "-50.00", second=1), invoice("NEG-B", "-30.00", second=2)
SETTLED_A = moved("SET-A", "50.00", [box("NEG-A", "50.00")], [box(ACCOUNT, "50.00")], 1)
SETTLED_B = moved("SET-B", "30.00", [box("NEG-B", "30.00")], [box(ACCOUNT, "30.00")], 2)
IDS = (f"charge:{A.locator}", f"charge:{B.locator}")
TWO: dict[str, Any] = {"charges": [A, B], "invoices": [NEG_A, NEG_B, invoice("I", "90", "20"), invoice("J", "40", "40")]}


def test_the_settlement_of_a_charge_is_neither_a_credit_nor_an_allocation() -> None:
    found = read(**TWO, distributions=[SETTLED_A, SETTLED_B], balances={"USD": Decimal(80)})
    assert set(found) == set(IDS)
    assert [(credit.remaining, credit.allocations, credit.status) for credit in found.values()] == [
        (Decimal("50.00"), (), Status.OPEN),
        (Decimal("30.00"), (), Status.OPEN),
    ]
    assert all("balance-mismatch" not in {finding.code for finding in credit.findings} for credit in found.values())


def test_what_leaves_the_balance_is_taken_from_the_oldest_credit_first_and_split() -> None:
    spending = moved("D", "70.00", [box(ACCOUNT)], [box("I", "70.00")], 5)
    found = read(**TWO, distributions=[SETTLED_A, SETTLED_B, spending], balances={"USD": Decimal(10)})
    assert spent(found[IDS[0]]) == [("I", "50.00")]
    assert spent(found[IDS[1]]) == [("I", "20.00")]
    assert [(credit.remaining, credit.applied, credit.status) for credit in found.values()] == [
        (Decimal(0), Decimal("50.00"), Status.APPLIED),
        (Decimal("10.00"), Decimal("20.00"), Status.PARTIALLY_APPLIED),
    ]
    edges = [edge for credit in found.values() for edge in credit.allocations or ()]
    assert [(edge.id, edge.group_id, edge.target.number) for edge in edges] == [("D", "D", "N-I"), ("D#1", "D", "N-I")]


def test_a_distribution_that_unibill_made_for_a_credit_spends_that_credit_first() -> None:
    own = derived_locator(IDS[1], 0)
    found = read(**TWO, distributions=[SETTLED_A, SETTLED_B, moved(own, "40.00", [box(ACCOUNT)], [box("J")], 5)])
    assert spent(found[IDS[1]]) == [("J", "30.00")]
    assert spent(found[IDS[0]]) == [("J", "10.00")]


def test_money_is_not_spent_before_it_came() -> None:
    early = moved("D", "50.00", [box(ACCOUNT)], [box("I")], 3)
    late = moved("SET-B", "30.00", [box("NEG-B")], [box(ACCOUNT)], 4)
    found = read(**TWO, distributions=[SETTLED_A, early, late])
    assert spent(found[IDS[0]]) == [("I", "50.00")]
    assert spent(found[IDS[1]]) == []


def test_a_reversed_distribution_gives_back_to_those_it_took_from() -> None:
    undone = moved("D", "70.00", [box(ACCOUNT)], [box("I")], 5, credit_distribution_state="reversed", reversed_at=at(6))
    found = read(**TWO, distributions=[SETTLED_A, SETTLED_B, undone], balances={"USD": Decimal(80)})
    assert [credit.remaining for credit in found.values()] == [Decimal("50.00"), Decimal("30.00")]
    edges = [edge for credit in found.values() for edge in credit.allocations or ()]
    assert [(edge.amount, edge.reversed_at is not None) for edge in edges] == [(Decimal("50.00"), True), (Decimal("20.00"), True)]


@pytest.mark.parametrize("state", ["draft", "validated", "discarded", "reversed", "pondering"])
def test_a_distribution_that_is_not_executed_moves_nothing(state: str) -> None:
    idle = moved("D", "70.00", [box(ACCOUNT)], [box("I")], 5, credit_distribution_state=state)
    found = read(**TWO, distributions=[SETTLED_A, SETTLED_B, idle], balances={"USD": Decimal(80)})
    assert [credit.allocations for credit in found.values()] == [(), ()]
    assert [credit.remaining for credit in found.values()] == [Decimal("50.00"), Decimal("30.00")]


def test_an_invoice_that_pays_an_invoice_is_an_allocation_of_its_charge() -> None:
    direct = moved("D", "50.00", [box("NEG-A", "50.00")], [box("I", "35.00"), box("J", "15.00")], 5)
    found = read(**TWO, distributions=[direct, SETTLED_B], balances={"USD": Decimal(30)})
    assert spent(found[IDS[0]]) == [("I", "35.00"), ("J", "15.00")]
    assert (found[IDS[0]].remaining, found[IDS[1]].remaining) == (Decimal(0), Decimal("30.00"))


def test_a_negative_invoice_that_no_credit_charge_explains_makes_its_settlement_the_credit() -> None:
    premium = charge("P", "-50.00", charge_category="premium", charge_type="Premium")
    found = read(charges=[premium], invoices=[NEG_A], distributions=[SETTLED_A], balances={"USD": Decimal(50)})
    (credit,) = found.values()
    assert (credit.id, credit.kind, credit.amount, credit.remaining) == (
        "distribution:SET-A",
        CreditKind.DISTRIBUTION,
        Decimal("50.00"),
        Decimal("50.00"),
    )


def test_a_charge_reversed_after_its_settlement_leaves_the_settlement_as_the_credit() -> None:
    """The balance still holds the money, and the reversal's invoice asks for it: both are true."""
    reversal = charge("R", "50.00", reversal_of_locator=A.locator)
    asking = invoice("POS", "50.00", "50.00", second=9)
    found = read(charges=[A, reversal], invoices=[NEG_A, asking], distributions=[SETTLED_A], balances={"USD": Decimal(50)})
    assert (found[IDS[0]].status, found[IDS[0]].remaining) == (Status.REVERSED, Decimal(0))
    assert found["distribution:SET-A"].remaining == Decimal("50.00")


def test_a_reversed_charge_whose_invoice_pays_its_own_reversal_leaves_nothing() -> None:
    reversal = charge("R", "50.00", reversal_of_locator=A.locator)
    netting = moved("NET", "50.00", [box("NEG-A")], [box("POS")], 9)
    undone = moved("SET-A", "50.00", [box("NEG-A")], [box(ACCOUNT)], 1, credit_distribution_state="reversed", reversed_at=at(8))
    found = read(charges=[A, reversal], invoices=[NEG_A, invoice("POS", "50.00", second=8)], distributions=[undone, netting])
    assert {credit.id: (credit.status, credit.remaining, spent(credit)) for credit in found.values()} == {
        IDS[0]: (Status.REVERSED, Decimal(0), [])
    }


def test_a_payments_targets_are_its_allocations_and_its_surplus_is_what_remains() -> None:
    found = read(invoices=[invoice("I", "60", "0")], payments=[paid("P", "100.00", [box("I", "60.00")], 3)], balances={"USD": Decimal(40)})
    credit = found["payment:P"]
    assert (spent(credit), credit.remaining, credit.status) == ([("I", "60.00")], Decimal("40.00"), Status.PARTIALLY_APPLIED)


def test_a_subpayment_doubles_its_parent_so_nothing_remains_of_it() -> None:
    parent = paid("P", "60.00", [box("I", "60.00")], 3, subpayments=[Subpayment(subpayment_locator="S", amount=Decimal("60.00"))])
    part = paid("S", "60.00", [box("I", "60.00")], 3, aggregate_payment_locator="P")
    found = read(invoices=[invoice("I", "60", "0")], payments=[parent, part])
    assert (found["subpayment:S"].remaining, found["subpayment:S"].allocations, found["subpayment:S"].parent_id) == (
        Decimal(0),
        (),
        "payment:P",
    )
    assert spent(found["payment:P"]) == [("I", "60.00")]


def test_a_disbursement_lowers_what_remains_of_the_oldest_credit_and_is_no_allocation() -> None:
    out = Disbursement(
        locator="X",
        disbursement_state="executed",
        currency="USD",
        amount=Decimal("60.00"),
        created_at=at(7),
        sources=[box(ACCOUNT, "60.00")],
    )
    found = read(**TWO, distributions=[SETTLED_A, SETTLED_B], disbursements=[out], balances={"USD": Decimal(20)})
    assert [(found[name].remaining, found[name].allocations) for name in IDS] == [(Decimal("0.00"), ()), (Decimal("20.00"), ())]
    assert (found["disbursement:X"].remaining, found["disbursement:X"].status) == (Decimal(0), Status.APPLIED)


def test_a_reversed_disbursement_gives_back() -> None:
    out = Disbursement(locator="X", disbursement_state="reversed", currency="USD", amount=Decimal(60), created_at=at(7))
    listed = ListedCredit(
        locator="X",
        credit_state="reversed",
        credit_type="disbursement",
        currency="USD",
        amount=Decimal(60),
        realized_at=at(7),
        reversed_at=at(8),
    )
    found = read(**TWO, listed=[listed], distributions=[SETTLED_A, SETTLED_B], disbursements=[out], balances={"USD": Decimal(80)})
    assert [found[name].remaining for name in IDS] == [Decimal("50.00"), Decimal("30.00")]


def test_write_offs_and_shortfalls_carry_their_own_targets_and_nothing_remains() -> None:
    written = WriteOff(locator="W", write_off_state="distributed", currency="USD", amount=Decimal("5.00"), targets=[box("I")])
    short = ShortfallCredit(
        locator="S",
        shortfall_credit_state="distributed",
        currency="USD",
        amount=Decimal("0.70"),
        targets=[box("J", "0.70")],
        parent_credit_locator="P",
    )
    payment = paid("P", "39.30", [box("J", "39.30")], 3, shortfall_credit_locators=["S"])
    invoices = [invoice("I", "5.00"), invoice("J", "40.00")]
    found = read(invoices=invoices, write_offs=[written], shortfalls=[short], payments=[payment])
    assert (spent(found["write_off:W"]), found["write_off:W"].remaining) == ([("I", "5.00")], Decimal(0))
    assert (spent(found["shortfall_write_off:S"]), found["shortfall_write_off:S"].parent_id) == ([("J", "0.70")], "payment:P")


def test_a_payment_reversed_after_its_surplus_was_spent_leaves_the_balance_overdrawn() -> None:
    gone = paid("P", "40.00", [], 3, payment_state="reversed", reversed_at=at(6))
    spending = moved("D", "40.00", [box(ACCOUNT)], [box("J")], 5)
    found = read(invoices=TWO["invoices"], payments=[gone], distributions=[spending], balances={"USD": Decimal(-40)})
    assert found["payment:P"].remaining == 0
    assert [finding.code for finding in found["payment:P"].findings] == ["balance-overdrawn"]


def test_the_next_money_pays_what_is_overdrawn() -> None:
    gone = paid("P", "40.00", [], 0, payment_state="reversed", reversed_at=at(3))
    spending = moved("D", "40.00", [box(ACCOUNT)], [box("J")], 2)
    late = moved("SET-A", "50.00", [box("NEG-A")], [box(ACCOUNT)], 4)
    found = read(charges=[A], invoices=TWO["invoices"], payments=[gone], distributions=[spending, late], balances={"USD": Decimal(10)})
    assert (spent(found[IDS[0]]), found[IDS[0]].remaining) == ([("J", "40.00")], Decimal("10.00"))


def test_a_ledger_that_says_otherwise_is_a_finding_and_no_error() -> None:
    found = read(**TWO, distributions=[SETTLED_A, SETTLED_B], balances={"USD": Decimal("79.99")})
    assert all("balance-mismatch" in {finding.code for finding in credit.findings} for credit in found.values())


def test_what_remains_of_a_charge_that_waits_for_its_invoice_is_unknown() -> None:
    found = read(charges=[charge("N", "-50.00", charge_invoicing="next")], balances={"USD": Decimal(0)})
    (credit,) = found.values()
    assert (credit.remaining, credit.applied, credit.status) == (None, Decimal(0), Status.OPEN)


def test_what_remains_of_a_charge_whose_invoice_is_not_settled_is_unknown() -> None:
    found = read(charges=[A], invoices=[invoice("NEG-A", "-50.00", "-50.00")])
    (credit,) = found.values()
    assert credit.remaining is None
    assert "not-settled" in {finding.code for finding in credit.findings}


def test_a_charge_that_lowered_an_invoice_is_applied_to_it() -> None:
    whole = invoice("I", "40.00", items=[item("90.00", "Fee"), item("-50.00", "GoodwillCredit")])
    found = read(charges=[charge("N", "-50.00", charge_invoicing="next")], invoices=[whole], balances={"USD": Decimal(0)})
    (credit,) = found.values()
    assert (spent(credit), credit.remaining, credit.status) == ([("I", "50.00")], Decimal(0), Status.APPLIED)


def test_on_an_invoice_of_several_charges_the_negative_ones_lower_the_positive_ones_in_order() -> None:
    items = [item("-50.00", "GoodwillCredit"), item("70.00", "Fee"), item("-30.00", "GoodwillCredit")]
    whole = invoice("NEG", "-10.00", items=items)
    settled = moved("SET", "10.00", [box("NEG")], [box(ACCOUNT)], 3)
    fee = charge("F", "70.00", charge_category="fee", charge_type="Fee")
    found = read(charges=[A, B, fee], invoices=[whole], distributions=[settled], balances={"USD": Decimal(10)})
    assert (spent(found[IDS[0]]), found[IDS[0]].remaining) == ([("NEG", "50.00")], Decimal(0))
    assert (spent(found[IDS[1]]), found[IDS[1]].remaining) == ([("NEG", "20.00")], Decimal("10.00"))


def test_items_are_asked_for_only_while_a_credit_charge_is_without_its_invoice() -> None:
    assert needed([A, B], [NEG_A, NEG_B], RULES) == []
    assert needed([A, B], [invoice("BOTH", "-80.00"), invoice("I", "90")], RULES) == ["BOTH", "I"]
    old = Invoice(locator="OLD", account_locator=ACCOUNT, invoice_state="open", currency="USD", generated_time="2024-01-01T00:00:00Z")
    assert needed([A], [old], RULES) == []


def test_a_charge_is_not_matched_to_an_invoice_that_is_older_than_itself() -> None:
    old = Invoice(
        locator="OLD",
        account_locator=ACCOUNT,
        invoice_state="settled",
        currency="USD",
        generated_time="2024-10-28T23:59:00Z",
        total_amount=Decimal("-50.00"),
    )
    assert explain([A], [old], RULES).invoice_of == {}


def test_kinds_that_no_one_documented_are_listed_and_nothing_is_claimed_of_them() -> None:
    listed = ListedCredit(locator="L", credit_state="wrapped", credit_type="gift", currency="USD", amount=Decimal(5))
    (credit,) = read(listed=[listed]).values()
    assert (credit.id, credit.remaining, credit.allocations) == ("unknown.gift:L", None, None)


def test_omitted_amounts_take_what_is_left_in_list_order_within_each_invoices_total() -> None:
    invoices = {"I": invoice("I", "30.00"), "J": invoice("J", "40.00")}
    parts = resolved([box("I"), box("J", "15.00"), box("K")], Decimal("60.00"), invoices)
    assert [(part.locator, part.amount) for part in parts] == [("I", Decimal("30.00")), ("J", Decimal("15.00")), ("K", Decimal("15.00"))]


def test_sources_fill_targets_in_list_order() -> None:
    sources = [Part("a", "account", Decimal(5)), Part("b", "invoice", Decimal(7))]
    targets = [Part("x", "invoice", Decimal(8)), Part("y", "invoice", Decimal(9))]
    assert [(edge.source.locator, edge.target.locator, edge.amount) for edge in paired(sources, targets)] == [
        ("a", "x", Decimal(5)),
        ("b", "x", Decimal(3)),
        ("b", "y", Decimal(4)),
    ]


def test_a_container_of_an_unknown_type_is_a_target_of_unknown_type_with_the_vendors_word() -> None:
    found = read(payments=[paid("P", "5.00", [box("T", "5.00", "term")], 3)])
    allocation = next(iter(found["payment:P"].allocations or ()))
    assert (allocation.target.type, allocation.target.remote_type) == (TargetType.UNKNOWN, "term")


def test_an_invoice_that_was_paid_by_more_than_is_known_is_named() -> None:
    invoices = [invoice("I", "60.00", "0"), invoice("J", "40.00", "40.00"), invoice("NEG", "-5.00")]
    known = AccountRecords(ACCOUNT, invoices=invoices, payments=[paid("P", "20.00", [box("I", "20.00")], 1)])
    assert underexplained(known) == ["I"]


def test_currencies_do_not_mix() -> None:
    euro = charge("E", "-50.00", currency="EUR")
    found = read(charges=[A, euro], invoices=[NEG_A], distributions=[SETTLED_A], balances={"USD": Decimal(50), "EUR": Decimal(0)})
    assert found[IDS[0]].remaining == Decimal("50.00")
    assert found[f"charge:{euro.locator}"].remaining is None
    assert balance_totals(AccountRecords(ACCOUNT, charges=[A, euro], invoices=[NEG_A], distributions=[SETTLED_A]), RULES) == {
        "USD": Decimal("50.00")
    }


def test_every_credit_read_is_what_validation_would_have_made() -> None:
    spending = moved("D", "70.00", [box(ACCOUNT)], [box("I")], 5)
    for credit in read(**TWO, distributions=[SETTLED_A, SETTLED_B, spending], payments=[paid("P", "9.00", [], 3)]).values():
        assert Credit.validated(asdict(credit)) == credit
