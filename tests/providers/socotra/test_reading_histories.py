"""Random histories, read over real HTTP: the money that unibill attributes is the money that the ledger holds."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unibill_socotra.sandbox import Declined
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.payments import NewPayment

from tests.providers.socotra.living import Live, OpenLive
from unibill.model import Credit, Status

PLANS = ("AutoApply", "NeverSettle", "SettleToInvoices", "KeepBalance", None)
KINDS = ("GoodwillCredit", "ServiceFee", "AdjustmentPremium")
AMOUNTS = st.one_of(st.sampled_from([500, 1000]), st.integers(1, 12_000)).map(lambda cents: Decimal(cents).scaleb(-2))
STEP = st.tuples(
    st.sampled_from(
        [
            *("credit", "credit", "credit", "fee", "fee", "fee", "several", "waiting", "invoice", "reverse charge"),
            *("spend", "spend", "spend two", "spend mixed", "undo spending", "pay", "pay", "pay without account", "pay aggregate"),
            *("undo payment", "write off", "undo write-off", "disburse", "settle"),
        ]
    ),
    st.sampled_from(["USD", "USD", "EUR"]),
    AMOUNTS,
    AMOUNTS,
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.booleans(),
)


class History:
    """One account and what may happen to it."""

    def __init__(self, live: Live, plan: str | None, tolerance: bool) -> None:
        self.engine = live.system.engine
        tolerated = "StandardTolerance" if tolerance else None
        self.account = self.engine.add_account(excess_credit_plan=plan, shortfall_tolerance_plan=tolerated).locator

    def some(self, kind: type[r.Record], pick: int) -> Any:  # noqa: ANN401 - a record of the kind
        found = self.engine.core.store.query(kind, "1 = 1")
        if not found:
            raise LookupError
        return found[pick % len(found)]

    def step(self, what: str, currency: str, amount: Decimal, other: Decimal, i: int, j: int, flag: bool) -> None:
        engine, account = self.engine, self.account
        charges, amounts = engine.charges, (amount, other)

        def spend(source: list[r.Item], targets: list[r.Item], money: str) -> None:
            made = engine.distributions.create(r.Asked(account, amount, money, source, targets))
            engine.distributions.validate(made.locator)
            engine.distributions.execute(made.locator)

        def invoices() -> tuple[Any, r.Item, r.Item]:
            first, second = self.some(r.Invoice, i), self.some(r.Invoice, j)
            return first, r.Item(first.locator, "invoice", amount if flag else None), r.Item(second.locator, "invoice")

        def pay(owner: str | None, mode: Any) -> None:  # noqa: ANN401 - one of two words
            invoice, target, _ = invoices()
            engine.payments.run(NewPayment("Cash", amount, invoice.currency, [target], owner, payment_mode=mode))

        own = r.Item(account, "account")
        actions: dict[str, Callable[[], object]] = {
            "credit": lambda: charges.add(account, [NewCharge(-amount, "GoodwillCredit", "case")], "immediate", currency),
            "fee": lambda: charges.add(account, [NewCharge(amount, "ServiceFee")], "immediate", currency),
            "several": lambda: charges.add(
                account,
                [NewCharge(value * sign, KINDS[(i + k) % 3]) for k, (value, sign) in enumerate(zip(amounts, (1, -1), strict=True))],
                "immediate",
                currency,
            ),
            "waiting": lambda: charges.add(account, [NewCharge(-amount, KINDS[i % 2])], "next", currency),
            "invoice": lambda: charges.invoice_waiting(account, currency),
            "reverse charge": lambda: charges.reverse(account, [self.some(r.Charge, i).locator], "immediate" if flag else "next"),
            "spend": lambda: spend([own], [invoices()[1]], invoices()[0].currency),
            "spend two": lambda: spend([own], list(invoices()[1:]), invoices()[0].currency),
            "spend mixed": lambda: spend([r.Item(invoices()[0].locator, "invoice"), own], [invoices()[2]], invoices()[0].currency),
            "undo spending": lambda: engine.distributions.reverse(self.some(r.Distribution, i).locator, "migration"),
            "pay": lambda: pay(account, "normal"),
            "pay without account": lambda: pay(None, "normal"),
            "pay aggregate": lambda: pay(account, "aggregate"),
            "undo payment": lambda: engine.payments.reverse(self.some(r.Payment, i).locator, "migration"),
            "write off": lambda: engine.write_offs.create(account, [invoices()[1]]),
            "undo write-off": lambda: engine.write_offs.reverse(self.some(r.WriteOff, i).locator),
            "disburse": lambda: engine.disbursements.pay_out(account, amount, currency, "executed" if flag else "reversed"),
            "settle": lambda: engine.settlement.settle(self.some(r.Invoice, i).locator, forced=flag),
        }
        try:
            actions[what]()
        except (Declined, LookupError):
            return


def netted(history: History) -> Iterator[str]:
    """The invoices of reversals: a reversed charge's own invoice may pay them, which is no allocation."""
    for charge in history.engine.core.store.query(r.Charge, "reversal_of_locator IS NOT NULL"):
        if charge.invoice_locator:
            yield charge.invoice_locator


def judge(history: History, credits: list[Credit]) -> None:
    for currency in ("USD", "EUR"):
        mine = [credit for credit in credits if credit.currency == currency]
        balance = history.engine.balance(history.account, currency)
        for credit in mine:
            assert "balance-mismatch" not in {finding.code for finding in credit.findings}
        if mine and all(credit.remaining is not None for credit in mine):
            assert sum((credit.remaining or Decimal(0) for credit in mine), Decimal(0)) == max(balance, Decimal(0))
    for credit in credits:
        standing = sum((item.amount for item in credit.allocations or () if item.reversed_at is None), Decimal(0))
        assert credit.applied == standing
        assert standing + (credit.remaining or Decimal(0)) <= credit.amount
        assert credit.status is not Status.REVERSED or (credit.remaining, standing) == (Decimal(0), Decimal(0))
        assert Credit(**vars(credit)) == credit
    exempt = set(netted(history))
    overdrawn = any(finding.code == "balance-overdrawn" for credit in credits for finding in credit.findings)
    for invoice in history.engine.core.store.query(r.Invoice, "1 = 1"):
        if invoice.total_amount <= 0:
            continue
        paid = sum(
            (
                item.amount
                for credit in credits
                for item in credit.allocations or ()
                if item.reversed_at is None and item.target.id == invoice.locator
            ),
            Decimal(0),
        )
        applied = invoice.total_amount - invoice.total_remaining_amount
        lowered = sum((-line.amount for line in invoice.invoice_items if line.amount < 0), Decimal(0))
        assert paid <= applied + lowered
        assert paid >= applied or overdrawn or invoice.locator in exempt


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(plan=st.sampled_from(PLANS), tolerance=st.booleans(), steps=st.lists(STEP, min_size=3, max_size=22))
def test_what_remains_of_all_credits_is_the_ledgers_balance(live: Live, plan: str | None, tolerance: bool, steps: list[Any]) -> None:
    live.sandbox.reset()
    history = History(live, plan, tolerance)
    for step in steps:
        history.step(*step)
    judge(history, live.credits(history.account, include_reversed=True))


@pytest.mark.parametrize(
    "switches", [{"list_order": "shuffled"}, {"time_fraction": "mixed"}, {"empty_values": "omit"}, {"legacy_lists": "bare-always"}]
)
def test_the_same_holds_however_the_server_spells_its_lists(open_live: OpenLive, switches: dict[str, str]) -> None:
    with open_live({"page_size": 3}, **switches) as live:
        history = History(live, "KeepBalance", tolerance=True)
        for number in range(8):
            history.step("credit", "USD", Decimal(20 + number), Decimal(1), 0, 0, flag=True)
            history.step("fee", "USD", Decimal(15 + number), Decimal(1), 0, 0, flag=True)
            history.step("spend", "USD", Decimal(9), Decimal(1), 2 * number + 1, 0, flag=False)
            history.step("pay", "USD", Decimal(40), Decimal(1), 2 * number + 1, 0, flag=False)
        history.step("undo spending", "USD", Decimal(1), Decimal(1), 1, 0, flag=True)
        judge(history, live.credits(history.account, include_reversed=True))


def test_the_number_of_requests_does_not_grow_with_the_number_of_credits(live: Live) -> None:
    counts: list[int] = []
    for many in (3, 30):
        live.sandbox.reset()
        history = History(live, "KeepBalance", tolerance=False)
        for number in range(many):
            history.step("credit", "USD", Decimal(20), Decimal(1), 0, 0, flag=True)
            history.step("fee", "USD", Decimal(15), Decimal(1), 0, 0, flag=True)
            history.step("spend", "USD", Decimal(9), Decimal(1), 2 * number + 1, 0, flag=False)
        assert len(live.credits(history.account)) == many
        counts.append(len(live.sent()))
    assert counts[0] == counts[1] == 5
