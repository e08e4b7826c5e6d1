"""The sandbox's billing engine: the parts put together, and the accounts, policies and quotes that they work on."""

from decimal import Decimal

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import Charges
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.disbursements import Disbursements
from unibill_socotra.sandbox.distributions import Distributions
from unibill_socotra.sandbox.errors import conflict, invalid
from unibill_socotra.sandbox.identity import billing_span, zone
from unibill_socotra.sandbox.invoices import Invoices
from unibill_socotra.sandbox.payments import Payments
from unibill_socotra.sandbox.settlement import Settlement
from unibill_socotra.sandbox.shortfalls import Shortfalls
from unibill_socotra.sandbox.tenant import USER
from unibill_socotra.sandbox.writeoffs import WriteOffs

_CLOSED_QUOTES = frozenset({"issued", "declined", "rejected", "refused", "discarded"})


class Engine:
    """Stateful billing behind the routes. Tests and seeds call it directly.

    Every method is whole or nothing: when it raises ``Declined``, nothing has changed.

    Attributes:
        charges, distributions, payments, write_offs, disbursements: the operations on each kind.
        settlement: what the server does by itself.
        invoices: lookups of invoices and of what was applied to them.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.invoices = Invoices(core)
        self.shortfalls = Shortfalls(core, self.invoices)
        self.distributions = Distributions(core, self.invoices, self.shortfalls)
        self.settlement = Settlement(core, self.invoices, self.distributions)
        self.charges = Charges(core, self.invoices, self.settlement)
        self.payments = Payments(core, self.invoices, self.shortfalls, self.settlement)
        self.write_offs = WriteOffs(core, self.invoices)
        self.disbursements = Disbursements(core)

    def balance(self, account_locator: str, currency: str) -> Decimal:
        """What an account's credit balance holds in a currency."""
        return self.core.ledger.balance(account_locator, currency)

    def add_account(
        self,
        *,
        locator: str | None = None,
        account_type: str = "ConsumerAccount",
        excess_credit_plan: str | None = None,
        shortfall_tolerance_plan: str | None = None,
        timezone: str | None = None,
        data: str = "{}",
    ) -> r.Account:
        """A new validated account.

        Raises:
            Declined: a plan that is not configured, or an unknown time zone.
        """
        core = self.core
        if excess_credit_plan is not None and excess_credit_plan not in core.tenant.excess_credit_plans:
            raise invalid(f"excess credit plan {excess_credit_plan!r} is not configured")
        if shortfall_tolerance_plan is not None and shortfall_tolerance_plan not in core.tenant.shortfall_tolerance_plans:
            raise invalid(f"shortfall tolerance plan {shortfall_tolerance_plan!r} is not configured")
        if timezone is not None:
            zone(timezone)
        micros, now = core.now()
        account = r.Account(
            locator=locator or core.ids.new(micros),
            account_type=account_type,
            account_number=f"ACC-{core.store.number('account'):06d}",
            created_at=now,
            created_by=USER,
            excess_credit_plan_name=excess_credit_plan,
            shortfall_tolerance_plan_name=shortfall_tolerance_plan,
            timezone=timezone,
            data=data,
        )
        core.store.put(account)
        return account

    def add_policy(
        self, account_locator: str, currency: str, *, locator: str | None = None, product: str = "PersonalAuto", timezone: str | None = None
    ) -> r.Policy:
        """A new policy with an issuance transaction and one element; a locator given is shared by all of them, as the vendor does.

        Raises:
            Declined: an unknown account.
        """
        core = self.core
        core.account(account_locator)
        micros, now = core.now()
        own = locator or core.ids.new(micros)
        others = [locator or core.ids.new(micros) for _ in range(4)]
        name = timezone or core.tenant.default_timezone
        start, end = billing_span(micros, name, 365)
        policy = r.Policy(
            locator=own,
            account_locator=account_locator,
            product_name=product,
            currency=core.currency(currency),
            timezone=name,
            created_at=now,
            created_by=USER,
            start_time=start,
            end_time=end,
            issued_transaction_locator=others[0],
            term_locator=others[1],
            segment_locator=others[2],
            policy_number=f"POL-{core.store.number('policy'):06d}",
        )
        core.store.put(policy)
        core.store.put(r.Transaction(locator=others[0], policy_locator=own, transaction_type="issuance", effective_time=start))
        core.store.put(
            r.Element(
                locator=others[3],
                transaction_locator=others[0],
                policy_locator=own,
                static_locator=locator or core.ids.new(micros),
                element_type=f"{product}Segment",
            )
        )
        return policy

    def add_quote(
        self, account_locator: str, currency: str, *, locator: str | None = None, state: str = "accepted", product: str = "PersonalAuto"
    ) -> r.Quote:
        """A new quote in a state.

        Raises:
            Declined: an unknown account.
        """
        core = self.core
        core.account(account_locator)
        micros, now = core.now()
        quote = r.Quote(
            locator=locator or core.ids.new(micros),
            account_locator=account_locator,
            quote_state=state,
            product_name=product,
            currency=core.currency(currency),
            created_at=now,
            created_by=USER,
            element_locator=core.ids.new(micros),
            element_type=f"{product}Quote",
        )
        core.store.put(quote)
        return quote

    def set_policy_fee(self, locator: str, amount: Decimal) -> r.Policy:
        """Set the invoice fee of a policy; 0 is stored as 0, invoices already made do not change.

        Raises:
            Declined: no such policy, or a negative fee.
        """
        policy = self.core.store.get(r.Policy, locator)
        policy.invoice_fee_amount = self._fee(amount, policy.currency)
        self.core.store.put(policy)
        return policy

    def set_quote_fee(self, locator: str, amount: Decimal) -> r.Quote:
        """Set the invoice fee of a quote.

        Raises:
            Declined: no such quote, a quote that is issued or closed, or a negative fee.
        """
        quote = self.core.store.get(r.Quote, locator)
        if quote.quote_state in _CLOSED_QUOTES:
            raise conflict(f"quote {locator} is {quote.quote_state}", quote)
        quote.invoice_fee_amount = self._fee(amount, quote.currency)
        self.core.store.put(quote)
        return quote

    def _fee(self, amount: Decimal, currency: str) -> Decimal:
        fee = self.core.money(amount, currency)
        if fee < 0:
            raise invalid(f"invoiceFeeAmount must not be negative, as {fee} is")
        return fee
