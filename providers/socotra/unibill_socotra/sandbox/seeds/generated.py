"""Any number of credits, the same for the same random seed, made through the engine itself."""

from decimal import Decimal
from random import Random
from typing import Final

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.engine import Engine
from unibill_socotra.sandbox.identity import SteppingClock, digits_of, micros_of
from unibill_socotra.sandbox.payments import NewPayment

CURRENCIES: Final = ("USD", "EUR", "ZAR", "JPY", "KWD")
_START: Final = micros_of("2024-01-02T08:00:00.123457Z")
_SPAN: Final = 63_000_000_000_000
_PER_ACCOUNT: Final = 20
_FEWEST_ACCOUNTS: Final = 5
_STEPS_PER_CREDIT: Final = 8


def seed_generated(engine: Engine, count: int, random_seed: int) -> None:
    """Add ``count`` credits over ``count / 20`` accounts (at least 5).

    A credit here is a charge of category credit (most of them), a payment above its invoice, or a write-off. Some credit
    charges are spent on invoices by executed distributions, in part or whole; a few of everything is reversed. About half
    of them leave something to spend in their account's balance.

    Raises:
        ValueError: a count below 1.
    """
    if count < 1:
        raise ValueError(f"the number of credits to generate is at least 1, not {count}")
    engine.core.clock = SteppingClock(_START, _SPAN // (count * _STEPS_PER_CREDIT) + 1)
    maker = _Maker(engine, Random(random_seed))  # noqa: S311 - repeatable sample data, not secrets
    accounts = [
        engine.add_account(data=f'{{"name":"Generated {number}"}}').locator
        for number in range(max(_FEWEST_ACCOUNTS, count // _PER_ACCOUNT))
    ]
    for number in range(count):
        index = number % len(accounts)
        own = CURRENCIES[index % len(CURRENCIES)]
        other = CURRENCIES[(index + 1) % len(CURRENCIES)]
        maker.credit(number, accounts[index], other if index % 3 == 0 and number % 7 == 0 else own)


class _Maker:
    def __init__(self, engine: Engine, random: Random) -> None:
        self._engine = engine
        self._random = random

    def credit(self, number: int, account: str, currency: str) -> None:
        roll = self._random.random()
        if roll < 0.80:
            self._credit_charge(number, account, currency)
        elif roll < 0.92:
            self._payment(account, currency)
        else:
            self._write_off(account, currency)

    def _amount(self, currency: str, least: int = 500, most: int = 50_000) -> Decimal:
        cents = self._random.randrange(least, most)
        return Decimal(cents * 10 ** digits_of(currency) // 100).scaleb(-digits_of(currency)) or Decimal(1)

    def _part(self, amount: Decimal, currency: str) -> Decimal:
        """A positive part of the amount that is not all of it, where the currency allows one."""
        unit = Decimal(1).scaleb(-digits_of(currency))
        units = int(amount / unit)
        return self._random.randrange(1, units) * unit if units > 1 else amount

    def _invoice(self, account: str, currency: str, amount: Decimal) -> r.Item:
        made = self._engine.charges.add(account, [NewCharge(amount, "ServiceFee")], "immediate", currency)
        return r.Item(made[0].invoice_locator or "", "invoice")

    def _credit_charge(self, number: int, account: str, currency: str) -> None:
        amount = self._amount(currency)
        made = self._engine.charges.add(account, [NewCharge(-amount, "GoodwillCredit", f"case-{number}")], "immediate", currency)
        roll = self._random.random()
        if roll < 0.04:
            self._engine.charges.reverse(account, [made[0].locator], "immediate")
        elif roll < 0.65:
            spent = amount if roll < 0.42 else self._part(amount, currency)
            self._spend(account, currency, spent)

    def _spend(self, account: str, currency: str, amount: Decimal) -> None:
        larger = amount if self._random.random() < 0.5 else amount + self._amount(currency)
        target = self._invoice(account, currency, larger)
        asked = r.Asked(
            account, amount, currency, [r.Item(account, "account", amount)], [r.Item(target.container_locator, "invoice", amount)]
        )
        if self._engine.balance(account, currency) < amount:
            return
        made = self._engine.distributions.run(asked)
        if self._random.random() < 0.04:
            self._engine.distributions.reverse(made.locator, "reallocation")

    def _payment(self, account: str, currency: str) -> None:
        amount = self._amount(currency)
        target = self._invoice(account, currency, amount)
        surplus = self._amount(currency, 100, 5_000)
        made = self._engine.payments.run(NewPayment("StandardPayment", amount + surplus, currency, [target], account))
        if self._random.random() < 0.05 and self._engine.balance(account, currency) >= surplus:
            self._engine.payments.reverse(made.locator, "bouncedPayment")

    def _write_off(self, account: str, currency: str) -> None:
        amount = self._amount(currency, 200, 5_000)
        made = self._engine.write_offs.whole_invoice(self._invoice(account, currency, amount).container_locator)
        if self._random.random() < 0.1:
            self._engine.write_offs.reverse(made.locator)
