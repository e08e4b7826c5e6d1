"""What a run can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from unibill.copying.charge_maps import ChargeTypeMap, PolicyMap
from unibill.copying.maps import AccountMap, InvoiceMap
from unibill.model import CreditKind, Status

Carry: TypeAlias = Literal["remaining", "history"]
LookAlikes: TypeAlias = Literal["block", "create", "skip"]
Only: TypeAlias = Literal["failed", "unknown"]
CreditCharges: TypeAlias = Literal["credit", "charge"]
InvoicedCharges: TypeAlias = Literal["block", "copy", "skip"]

PAYMENTS: Final = "payments"
CHARGES: Final = "charges"
"""What ``PlanOptions.include`` can name."""


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits past which apply writes nothing until it is told ``yes``. None and empty mean no limit.

    Attributes:
        max_records: most credits to create.
        max_money: most money to create, by currency.
        max_credit: most money in one credit, by currency.
        max_blocked: the largest share, 0 to 1, of the wanted credits that may be blocked or in conflict. It is judged from
            ten wanted credits on.
    """

    max_records: int | None = None
    max_money: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    max_credit: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    max_blocked: Decimal | None = Decimal("0.3")


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What to plan.

    Attributes:
        accounts: the target's account for each source account.
        carry: ``remaining`` carries what is left, without allocations (invoices stand at the target at their outstanding
            amounts); ``history`` carries allocations too (invoices stand there at their full amounts).
        invoices: the target's invoices, for ``history``.
        include: what is copied beside credits: ``payments``, as credits of what is left of them; ``charges``, as charges.
        only_accounts: source accounts; None for all.
        currencies, statuses, kinds, ids: only these; None for all.
        since, until: only credits of these calendar days, both included. A credit without a day is not among them.
        look_alikes: what to do about an unmarked record at the target with the same account, currency, amount and day.
        allow_card_numbers: copy texts that may hold a card number.
        accept_plans: names of excess-credit plans at the target that may act on a copy.
        guards: limits.
        same_account_ids: accounts that the map does not name have the same id at the target.
        charge_types: the target's charge types, for charges.
        same_charge_types: charge types that the map does not name are called the same at the target.
        policies: the target's policies, for charges that name one.
        credit_charges: as what a charge travels that the source lists as a credit too: as a ``credit``, of what remains of it, or as a
            ``charge``, which is possible while nothing of it is spent.
        invoiced_charges: what to do about a charge that is on an invoice of the source already. Where the invoice stands at the
            target too, a copy would be owed twice.
    """

    accounts: AccountMap = field(default_factory=AccountMap)
    carry: Carry = "remaining"
    invoices: InvoiceMap | None = None
    include: frozenset[str] = frozenset()
    only_accounts: frozenset[str] | None = None
    currencies: frozenset[str] | None = None
    statuses: frozenset[Status] | None = None
    kinds: frozenset[CreditKind] | None = None
    since: date | None = None
    until: date | None = None
    ids: frozenset[str] | None = None
    look_alikes: LookAlikes = "block"
    allow_card_numbers: bool = False
    accept_plans: frozenset[str] = frozenset()
    guards: Guards = field(default_factory=Guards)
    same_account_ids: bool = False
    charge_types: ChargeTypeMap | None = None
    same_charge_types: bool = False
    policies: PolicyMap | None = None
    credit_charges: CreditCharges = "credit"
    invoiced_charges: InvoicedCharges = "block"


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How to apply a plan.

    Attributes:
        expect: the hash that was signed off; apply refuses any other plan.
        concurrency: how many accounts to work on at once; None takes the target's setting.
        settle: seconds after which a write without an answer has either taken effect or never will.
        canary: create only this many credits, verify them, and stop.
        only: take up only what failed, or only what is unknown.
        yes: go past the guards.
        guards: limits in place of the plan's.
    """

    expect: str | None = None
    concurrency: int | None = None
    settle: float = 30.0
    canary: int | None = None
    only: Only | None = None
    yes: bool = False
    guards: Guards | None = None


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """How to roll back; attributes as of ``ApplyOptions``."""

    concurrency: int | None = None
    settle: float = 30.0
