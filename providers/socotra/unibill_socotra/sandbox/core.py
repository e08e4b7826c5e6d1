"""What every part of the engine shares: the store, the ledger, the clock, the tenant and the switches."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.errors import invalid
from unibill_socotra.sandbox.identity import Clock, Ulids, digits_of, rounded, stamp
from unibill_socotra.sandbox.ledger import Ledger
from unibill_socotra.sandbox.store import Store
from unibill_socotra.sandbox.tenant import ExcessCreditPlan, Tenant

MOST_DIGITS: Final = 25
"""Longer amounts are refused: sums of them could lose digits."""


class Core:
    """The shared desk of the engine.

    Args:
        store: the records.
        ids: makes locators.
        clock: gives the time.
        settings: the switches.
        tenant: the configuration.
    """

    def __init__(self, store: Store, ids: Ulids, clock: Clock, settings: Mapping[str, str], tenant: Tenant) -> None:
        self.store = store
        self.ids = ids
        self.clock = clock
        self.settings = settings
        self.tenant = tenant
        self.ledger = Ledger(store, ids)

    def now(self) -> tuple[int, str]:
        """The time: microseconds since 1970, and as it is stored."""
        micros = self.clock()
        return micros, stamp(micros)

    def account(self, locator: str) -> r.Account:
        """The account.

        Raises:
            Declined: there is none.
        """
        return self.store.get(r.Account, locator)

    def money(self, amount: Decimal, currency: str) -> Decimal:
        """An amount as the sandbox keeps it: decimals beyond the currency's are rounded, refused or kept, by the switch.

        Raises:
            Declined: too many decimals or digits, or an unknown currency.
        """
        digits_of(currency)
        plain = Decimal(format(amount, "f")) if abs(amount.adjusted()) <= MOST_DIGITS else amount
        if abs(plain.adjusted()) > MOST_DIGITS or len(plain.as_tuple().digits) > MOST_DIGITS:
            raise invalid(f"amount {amount} has more digits than an amount can have")
        mode = self.settings["excess-decimals"]
        if mode == "keep":
            return plain
        short = rounded(plain, currency)
        if mode == "reject" and short != plain:
            raise invalid(f"amount {plain} has more decimals than {currency} has")
        return short if short else abs(short)

    def currency(self, asked: str | None, policy: r.Policy | None = None) -> str:
        """The currency of a request: the one it names, else its policy's, else the tenant's.

        Raises:
            Declined: it is no currency.
        """
        currency = asked or (policy.currency if policy else self.tenant.default_currency)
        digits_of(currency)
        return currency

    def plan(self, account: r.Account) -> ExcessCreditPlan:
        """The excess credit plan of an account; one that says nothing if it has none."""
        return self.tenant.excess_credit_plans.get(account.excess_credit_plan_name or "", ExcessCreditPlan())

    def tolerance(self, account: r.Account, currency: str) -> Decimal:
        """The shortfall under which an invoice of the account settles; zero without a plan or for another currency."""
        name = account.shortfall_tolerance_plan_name or self.tenant.default_shortfall_tolerance_plan
        plan = self.tenant.shortfall_tolerance_plans.get(name or "")
        return plan.currency_tolerances.get(currency, Decimal(0)) if plan else Decimal(0)
