"""Random histories, read over real HTTP: the money that unibill attributes is the money that the ledger holds."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict
from unibill_socotra.sandbox import Declined
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.payments import NewPayment

from tests.providers.socotra.living import Live, OpenLive
from unibill.model import Credit, Status

PLANS = ("AutoApply", "NeverSettle", "SettleToInvoices", "KeepBalance", None)
KINDS = ("GoodwillCredit", "ServiceFee", "AdjustmentPremium")
UNDOING = ("reverse charge", "undo spending", "undo payment", "undo write-off")
WHAT = (
    *("credit", "credit", "credit", "fee", "fee", "fee", "several", "waiting", "invoice"),
    *("spend", "spend", "spend two", "spend mixed", "pay", "pay without account", "pay aggregate"),
    *("write off", "disburse", "settle"),
    *UNDOING,
)
AMOUNTS = st.one_of(st.sampled_from([500, 1000]), st.integers(1, 12_000)).map(lambda cents: Decimal(cents).scaleb(-2))
PICKS = st.integers(0, 1000)
STEP = st.tuples(st.sampled_from(WHAT), st.sampled_from(["USD", "USD", "EUR"]), AMOUNTS, AMOUNTS, PICKS, PICKS, st.booleans())


class History:
    """One account and what may happen to it.

    Attributes:
        effects: the kinds of steps that took effect.
    """

    def __init__(self, live: Live, plan: str | None, tolerance: bool) -> None:
        self.engine = live.system.engine
        tolerated = "StandardTolerance" if tolerance else None
        self.account = self.engine.add_account(excess_credit_plan=plan, shortfall_tolerance_plan=tolerated).locator
        self.effects: set[str] = set()

    def some(self, kind: type[r.Record], pick: int, wanted: Callable[[Any], bool] = lambda _: True) -> Any:  # noqa: ANN401 - a record of the kind
        found = [record for record in self.engine.core.store.query(kind, "1 = 1") if wanted(record)]
        if not found:
            raise LookupError
        return found[pick % len(found)]

    def step(self, what: str, currency: str, amount: Decimal, other: Decimal, i: int, j: int, flag: bool) -> None:
        """Do one step where it can be done: picks fall on records that are in the right state, amounts on what there is."""
        engine, account = self.engine, self.account
        charges, amounts = engine.charges, (amount, other)

        def spend(source: list[r.Item], targets: list[r.Item], money: str, whole: Decimal) -> None:
            made = engine.distributions.create(r.Asked(account, whole, money, source, targets))
            engine.distributions.validate(made.locator)
            engine.distributions.execute(made.locator)

        def owing(pick: int, money: str | None = None) -> Any:  # noqa: ANN401 - an invoice
            return self.some(r.Invoice, pick, lambda one: one.total_remaining_amount > 0 and money in {None, one.currency})

        def within(*most: Decimal) -> Decimal:
            if (least := min(*most)) <= 0:
                raise LookupError
            return least

        def item(invoice: Any, part: Decimal | None) -> r.Item:  # noqa: ANN401 - an invoice
            return r.Item(invoice.locator, "invoice", part)

        def spend_one() -> None:
            invoice = owing(i)
            part = within(amount, invoice.total_remaining_amount, engine.balance(account, invoice.currency))
            spend([own], [item(invoice, part if flag else None)], invoice.currency, part)

        def spend_two() -> None:
            first = owing(i)
            second = self.some(
                r.Invoice, j, lambda o: o.total_remaining_amount > 0 and o.currency == first.currency and o.locator != first.locator
            )
            there = first.total_remaining_amount + second.total_remaining_amount
            whole = within(amount + other, there, engine.balance(account, first.currency))
            part = within(first.total_remaining_amount, whole)
            targets = [item(first, part), item(second, whole - part)] if whole > part else [item(first, part)]
            spend([own], targets, first.currency, whole)

        def spend_mixed() -> None:
            negative = self.some(r.Invoice, i, lambda one: one.total_remaining_amount < 0)
            target = owing(j, negative.currency)
            given = within(-negative.total_remaining_amount, target.total_remaining_amount)
            rest = min(amount, engine.balance(account, negative.currency), target.total_remaining_amount - given)
            sources = [item(negative, given), *([r.Item(account, "account", rest)] if rest > 0 else [])]
            spend(sources, [item(target, None)], negative.currency, given + max(rest, Decimal(0)))

        def pay(owner: str | None, mode: Any) -> None:  # noqa: ANN401 - one of two words
            invoice = owing(i) if owner is None or not flag else self.some(r.Invoice, i)
            engine.payments.run(NewPayment("Cash", amount, invoice.currency, [item(invoice, None)], owner, payment_mode=mode))

        def pay_out() -> None:
            part = within(amount, engine.balance(account, currency))
            engine.disbursements.pay_out(account, part, currency, "executed" if flag else "reversed")

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
            "spend": spend_one,
            "spend two": spend_two,
            "spend mixed": spend_mixed,
            "undo spending": lambda: engine.distributions.reverse(
                self.some(
                    r.Distribution,
                    i,
                    lambda one: (
                        one.credit_distribution_state == "executed" and (flag or any(s.container_type == "account" for s in one.sources))
                    ),
                ).locator,
                "migration",
            ),
            "pay": lambda: pay(account, "normal"),
            "pay without account": lambda: pay(None, "normal"),
            "pay aggregate": lambda: pay(account, "aggregate"),
            "undo payment": lambda: engine.payments.reverse(
                self.some(r.Payment, i, lambda one: one.payment_state == "posted" and not one.aggregate_payment_locator).locator,
                "migration",
            ),
            "write off": lambda: engine.write_offs.create(
                account, [item(found := owing(i), within(amount, found.total_remaining_amount) if flag else None)]
            ),
            "undo write-off": lambda: engine.write_offs.reverse(
                self.some(r.WriteOff, i, lambda one: one.write_off_state == "distributed").locator
            ),
            "disburse": pay_out,
            "settle": lambda: engine.settlement.settle(
                self.some(r.Invoice, i, lambda one: one.total_remaining_amount < 0).locator, forced=flag
            ),
        }
        try:
            actions[what]()
        except (Declined, LookupError):
            return
        self.effects.add(what)


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
        assert Credit.validated(asdict(credit)) == credit
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
@given(plan=st.sampled_from(PLANS), tolerance=st.booleans(), steps=st.lists(STEP, min_size=8, max_size=30))
def test_what_remains_of_all_credits_is_the_ledgers_balance(live: Live, plan: str | None, tolerance: bool, steps: list[Any]) -> None:
    live.sandbox.reset()
    history = History(live, plan, tolerance)
    for step in steps:
        history.step(*step)
    judge(history, live.credits(history.account, include_reversed=True))


def test_in_histories_where_money_is_spent_and_everything_undone_the_sums_hold_and_every_kind_of_step_takes_effect(live: Live) -> None:
    """The same, with a fixed seed, long histories and many undone steps: so that the property above cannot be true of idle histories only."""
    seen: set[str] = set()
    for history in histories(live, 40):
        judge(history, live.credits(history.account, include_reversed=True))
        seen |= history.effects
    assert seen == set(WHAT)


@pytest.mark.parametrize(
    "switches",
    [
        {"disbursement_sign": "negative"},
        {"reversed_credit_amount": "negated"},
        {"reversed_credit_amount": "zero"},
        {"reversal_amount": "as-original"},
        {"reversal_of_reversal": "accept"},
    ],
)
def test_the_sums_hold_whatever_sign_the_server_gives_and_whatever_it_lets_be_undone(open_live: OpenLive, switches: dict[str, str]) -> None:
    with open_live(**switches) as live:
        for history in histories(live, 15):
            judge(history, live.credits(history.account, include_reversed=True))


def histories(live: Live, many: int) -> Iterator[History]:
    """Long histories of one fixed seed, a fifth of whose steps undo something."""
    chance = Random(17)  # noqa: S311 - histories, no secrets
    for number in range(many):
        live.sandbox.reset()
        history = History(live, PLANS[number % len(PLANS)], tolerance=number % 3 == 0)
        for _ in range(30):
            what = chance.choice(UNDOING if chance.random() < 0.2 else WHAT)
            amount, other = (Decimal(chance.randint(1, 12_000)).scaleb(-2) for _ in range(2))
            currency, i, j = chance.choice(["USD", "USD", "EUR"]), chance.randrange(1000), chance.randrange(1000)
            history.step(what, currency, amount, other, i, j, flag=chance.random() < 0.5)
        yield history


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
