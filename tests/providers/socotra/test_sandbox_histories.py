"""Random histories: whatever is done, the books balance."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from unibill_socotra.sandbox import Declined, SocotraSandbox
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.payments import NewPayment

from unibill.sandbox import Seed

AMOUNTS = st.integers(1, 12_000).map(lambda cents: Decimal(cents).scaleb(-2))
PICK = st.integers(0, 1_000_000)
REASON = "migration"


def money_in(rows: list[dict[str, Any]], account: str, currency: str) -> Decimal:
    """The balance that the credits' own records add up to, without looking at the ledger."""
    total = Decimal(0)
    for row in rows:
        if row.get("currency") != currency:
            continue
        if row["type"] == "creditDistribution" and row["creditDistributionState"] == "executed":
            total += sum((i["amount"] for i in row["targets"] if i["containerLocator"] == account), Decimal(0))
            total -= sum((i["amount"] for i in row["sources"] if i["containerLocator"] == account), Decimal(0))
        elif row["type"] == "payment" and row["paymentState"] == "posted" and row.get("ledgerAccountLocator") == account:
            total += row["surplus"]
        elif row["type"] == "disbursement" and row["disbursementState"] == "executed" and row["accountLocator"] == account:
            total -= row["amount"]
    return total


def check_books(rows: list[dict[str, Any]]) -> None:
    transactions: defaultdict[str, Decimal] = defaultdict(Decimal)
    ledger: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["type"] == "ledgerLine":
            assert row["amount"] > 0
            signed = row["amount"] if row["accountingType"] == "credit" else -row["amount"]
            transactions[row["faTransactionLocator"]] += signed
            ledger[row["referenceType"], row["referenceLocator"], row["currency"]] += signed
    assert not any(transactions.values()), "credits and debits differ"
    for account in (row for row in rows if row["type"] == "account"):
        for currency, balance in account["balances"].items():
            assert balance == ledger["accountCreditBalance", account["locator"], currency]
            assert balance == money_in(rows, account["locator"], currency)
    living = {row["locator"] for row in rows if "executed" in row.values() or "posted" in row.values()}
    for row in rows:
        assert row["type"] != "shortfallWriteOff" or (row["shortfallCreditState"] == "distributed") == (
            row["parentCreditLocator"] in living
        )
    applied: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["type"] == "application" and "reversedAt" not in row:
            applied[row["invoiceLocator"]] += row["amount"]
    for invoice in (row for row in rows if row["type"] == "invoice"):
        check_invoice(invoice, applied[invoice["locator"]], ledger)


def check_invoice(invoice: dict[str, Any], applied: Decimal, ledger: dict[tuple[str, str, str], Decimal]) -> None:
    total, remaining = invoice["totalAmount"], invoice["totalRemainingAmount"]
    assert remaining == total - applied
    assert min(total, 0) <= remaining <= max(total, 0)
    assert remaining == sum((item["remainingAmount"] for item in invoice["invoiceItems"]), Decimal(0))
    assert (invoice["invoiceState"] == "settled") <= (remaining == 0)
    assert len({item["remainingAmount"] > 0 for item in invoice["invoiceItems"] if item["remainingAmount"]}) <= 1
    for item in invoice["invoiceItems"]:
        assert -ledger["invoiceItem", item["locator"], invoice["currency"]] == item["remainingAmount"]
    assert ledger["invoiceCreditBalance", invoice["locator"], invoice["currency"]] == 0


class Histories(RuleBasedStateMachine):
    """Two accounts, one of which tolerates shortfalls, and everything that can happen to them."""

    @initialize(negative=st.sampled_from(["to-credit-balance", "to-open-invoices", "never"]), auto=st.sampled_from(["off", "on"]))
    def start(self, negative: str, auto: str) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        self.sandbox = SocotraSandbox(self.database, {"negative-invoice": negative, "auto-apply": auto})
        self.engine = self.sandbox.engine
        plans = ("StandardTolerance", None)
        self.accounts = [self.engine.add_account(shortfall_tolerance_plan=plan).locator for plan in plans]

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()

    def attempt(self, action: Callable[[], object]) -> None:
        """Do it; a refusal must leave everything as it was."""
        before = list(self.sandbox.books())
        try:
            action()
        except Declined:
            assert list(self.sandbox.books()) == before

    def some(self, kind: type[r.Record], pick: int) -> Any:  # noqa: ANN401 - a record of the kind, or None
        found = self.engine.core.store.query(kind, "1 = 1")
        return found[pick % len(found)] if found else None

    @rule(
        account=st.integers(0, 1),
        amounts=st.lists(AMOUNTS, min_size=1, max_size=3),
        sign=st.sampled_from([1, -1]),
        last=st.sampled_from([1, -1]),
    )
    def add_charges(self, account: int, amounts: list[Decimal], sign: int, last: int) -> None:
        signed = [amount * sign for amount in amounts[:-1]] + [amounts[-1] * last]
        charges = [NewCharge(amount, "ServiceFee") for amount in signed]
        self.attempt(lambda: self.engine.charges.add(self.accounts[account], charges, "immediate", "USD"))

    @rule(account=st.integers(0, 1), amount=AMOUNTS, sign=st.sampled_from([1, -1]))
    def invoice_next(self, account: int, amount: Decimal, sign: int) -> None:
        self.engine.charges.add(self.accounts[account], [NewCharge(amount * sign, "ServiceFee")], "next", "USD")
        self.engine.charges.invoice_waiting(self.accounts[account], "USD")

    @rule(pick=PICK)
    def reverse_charge(self, pick: int) -> None:
        charge = self.some(r.Charge, pick)
        if charge:
            self.attempt(lambda: self.engine.charges.reverse(charge.account_locator, [charge.locator], "immediate"))

    @rule(pick=PICK, amount=AMOUNTS, named=st.booleans())
    def distribute(self, pick: int, amount: Decimal, named: bool) -> None:
        invoice = self.some(r.Invoice, pick)
        if invoice:
            source = r.Item(invoice.account_locator, "account")
            target = r.Item(invoice.locator, "invoice", amount if named else None)
            asked = r.Asked(invoice.account_locator, amount, "USD", [source], [target])
            made = self.engine.distributions.validate(self.engine.distributions.create(asked).locator)
            self.attempt(lambda: self.engine.distributions.execute(made.locator))

    @rule(pick=PICK)
    def reverse_distribution(self, pick: int) -> None:
        made = self.some(r.Distribution, pick)
        if made:
            self.attempt(lambda: self.engine.distributions.reverse(made.locator, REASON))

    @rule(pick=PICK, amount=AMOUNTS, aggregate=st.booleans())
    def pay(self, pick: int, amount: Decimal, aggregate: bool) -> None:
        invoice = self.some(r.Invoice, pick)
        if invoice:
            targets = [r.Item(invoice.locator, "invoice")]
            mode = "aggregate" if aggregate else "normal"
            wanted = NewPayment("P", amount, "USD", targets, invoice.account_locator, payment_mode=mode)  # type: ignore[arg-type]  # one of the two
            self.attempt(lambda: self.engine.payments.run(wanted))

    @rule(pick=PICK)
    def reverse_payment(self, pick: int) -> None:
        made = self.some(r.Payment, pick)
        if made:
            self.attempt(lambda: self.engine.payments.reverse(made.locator, REASON))

    @rule(pick=PICK, amount=st.none() | AMOUNTS)
    def write_off(self, pick: int, amount: Decimal | None) -> None:
        invoice = self.some(r.Invoice, pick)
        if invoice:
            self.attempt(lambda: self.engine.write_offs.create(invoice.account_locator, [r.Item(invoice.locator, "invoice", amount)]))

    @rule(pick=PICK)
    def reverse_write_off(self, pick: int) -> None:
        made = self.some(r.WriteOff, pick)
        if made:
            self.attempt(lambda: self.engine.write_offs.reverse(made.locator))

    @rule(account=st.integers(0, 1), amount=AMOUNTS, state=st.sampled_from(["executed", "reversed", "approved"]))
    def disburse(self, account: int, amount: Decimal, state: r.DisbursementState) -> None:
        self.attempt(lambda: self.engine.disbursements.pay_out(self.accounts[account], amount, "USD", state))

    @rule(pick=PICK, forced=st.booleans())
    def settle(self, pick: int, forced: bool) -> None:
        invoice = self.some(r.Invoice, pick)
        if invoice:
            self.attempt(lambda: self.engine.settlement.settle(invoice.locator, forced=forced))

    @rule()
    def restore_elsewhere(self) -> None:
        """The books, put into an empty sandbox, are the same books."""
        rows = list(self.sandbox.books())
        database = sqlite3.connect(":memory:", isolation_level=None)
        other = SocotraSandbox(database)
        other.seed(Seed("records", records=rows))
        assert list(other.books()) == rows
        database.close()

    @invariant()
    def books_balance(self) -> None:
        if hasattr(self, "sandbox"):
            check_books(list(self.sandbox.books()))


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_the_check_itself_finds_a_lost_cent() -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    sandbox = SocotraSandbox(database)
    sandbox.seed(Seed("documented"))
    check_books(list(sandbox.books()))
    database.execute(
        "UPDATE socotra_ledger SET amount = '49.99' WHERE number = (SELECT min(number) FROM socotra_ledger WHERE amount = '50.00')"
    )
    with closing(database), pytest.raises(AssertionError, match="credits and debits differ"):
        check_books(list(sandbox.books()))
