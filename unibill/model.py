"""The common model: Credit, Allocation, Charge, as they are read from any backend.

Records are frozen. Amounts are Decimals with the digits the vendor sent. A value that no one documented never breaks a
read: it becomes ``unknown`` with the vendor's word beside it, and ``extra`` keeps every vendor field without a slot.

Records are msgspec structs: lists of millions are made of them, and a pydantic model costs five times as much to fill. Making
one checks no values, since the vendor's data is checked where it enters, in the wire records, and mapping code is typed;
``validated`` checks them, by pydantic. As a field of an app's own pydantic models a record behaves like one of them.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import msgspec
from pydantic import AwareDatetime, PlainSerializer

from unibill import exactjson
from unibill.money import EXACT, Amount, AmountNotNegative
from unibill.redact import Shown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Extra = Annotated[Mapping[str, object], PlainSerializer(lambda value: value, return_type=Any)]
"""The vendor's fields that have no slot, as decoded."""
Moment = Annotated[datetime, AwareDatetime]
"""A time with its offset: without one it could be any of a day's."""


_ZERO: Final = Decimal(0)


class Record(msgspec.Struct, frozen=True, gc=False):
    """What every model shares: frozen, closed, and printable as exact JSON.

    Records hold no cycles, so the garbage collector need not look at them.
    """

    @classmethod
    def validated(cls, values: Mapping[str, object]) -> Self:
        """Make a record of values that nobody has checked.

        Args:
            values: by the names of fields; those with a default may be left out.

        Raises:
            pydantic.ValidationError: a value of another type, an amount that is not exact, a credit's that is negative, a time
                without an offset, an unknown field or a missing one; in records among the values too. It shows names, those of
                unknown fields too, and no values.
        """
        from unibill.validating import validated

        return validated(cls, values)

    def replace(self, **changes: Any) -> Self:  # noqa: ANN401 - each model's own fields
        """The same record with some fields changed.

        Raises:
            TypeError: there is no such field.
        """
        return msgspec.structs.replace(self, **changes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What a representation shows: card-like numbers and secrets masked, since representations end up in logs."""
        values = msgspec.structs.asdict(self)
        return [(name, Shown(value) if isinstance(value, (str, Mapping)) else value) for name, value in values.items()]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from unibill.notebook import html

        return html(type(self).__name__, self.jsonable())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from unibill.validating import core_schema

        return core_schema(cls, handler)

    def jsonable(self) -> dict[str, object]:
        """The record as JSON values; amounts stay Decimals, for ``exactjson.dumps``."""
        return {name: _jsonable(getattr(self, name)) for name in self.__struct_fields__}

    def json_line(self) -> str:
        """The record as one line of exact JSON."""
        return exactjson.dumps(self.jsonable()).decode()


def _jsonable(value: object) -> object:
    if isinstance(value, Record):
        return value.jsonable()
    if isinstance(value, (tuple, list)):
        return [_jsonable(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - items of any type are the point
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    return value


class CreditKind(StrEnum):
    """What kind of record a credit is at its vendor."""

    CREDIT_NOTE = "credit_note"
    """A credit of its own."""
    CHARGE = "charge"
    """A negative charge, where the vendor puts credits on an account as charges."""
    PAYMENT = "payment"
    """Cash that came in."""
    SUBPAYMENT = "subpayment"
    """A part of a payment, which doubles it."""
    DISTRIBUTION = "distribution"
    """A movement of credit between containers."""
    DISBURSEMENT = "disbursement"
    """Money paid out to the account's owner."""
    REFUND = "refund"
    """A payment given back."""
    WRITE_OFF = "write_off"
    """What an invoice will never be paid; nothing remains of it."""
    SHORTFALL_WRITE_OFF = "shortfall_write_off"
    """The small rest of a payment that was a little short."""
    UNKNOWN = "unknown"
    """A kind that nobody documented."""


class Direction(StrEnum):
    """Whether money comes to the account or leaves it."""

    TO_ACCOUNT = "to_account"
    FROM_ACCOUNT = "from_account"


class Status(StrEnum):
    """Where a credit stands."""

    DRAFT = "draft"
    """Written down and owed to nobody yet."""
    PENDING = "pending"
    """On its way to take effect."""
    OPEN = "open"
    """All of it is left."""
    PARTIALLY_APPLIED = "partially_applied"
    """Some of it is left."""
    APPLIED = "applied"
    """Nothing of it is left."""
    REVERSED = "reversed"
    """It took effect and was undone."""
    VOID = "void"
    """It was taken away before it took effect."""
    FAILED = "failed"
    """It did not come about."""
    UNKNOWN = "unknown"
    """The vendor's word, in ``remote_status``, is documented nowhere."""


class TargetType(StrEnum):
    """What an allocation is applied to."""

    INVOICE = "invoice"
    INVOICE_ITEM = "invoice_item"
    ACCOUNT = "account"
    SUBPAYMENT = "subpayment"
    OPENING_BALANCE = "opening_balance"
    UNKNOWN = "unknown"


class ChargeCategory(StrEnum):
    """What a charge is for. Vendors derive it from their own charge types."""

    PREMIUM = "premium"
    TAX = "tax"
    FEE = "fee"
    CREDIT = "credit"
    INVOICE_FEE = "invoice_fee"
    CEDED_PREMIUM = "ceded_premium"
    NON_FINANCIAL = "non_financial"
    SURCHARGE = "surcharge"
    NONE = "none"
    UNKNOWN = "unknown"


class Invoicing(StrEnum):
    """When a charge is put on an invoice."""

    SCHEDULED = "scheduled"
    NEXT = "next"
    IMMEDIATE = "immediate"
    UNKNOWN = "unknown"


class Finding(Record, frozen=True, gc=False):
    """Something odd about a record that a person should know, and that is no error.

    Attributes:
        code: stable and short, such as ``status-contradicts-amounts``.
        message: one sentence.
        field: the model's field that it is about.
    """

    code: str
    message: str
    field: str = ""


class Target(Record, frozen=True, gc=False):
    """What an allocation is applied to.

    Attributes:
        type: the common type; the vendor's own word is in ``remote_type`` where it is unknown.
        id: the vendor's id; empty where only a number is known.
        number: the number people see, if known.
        remote_type: the vendor's own word, where the type is unknown.
    """

    type: TargetType
    id: str
    number: str | None = None
    remote_type: str | None = None


class Allocation(Record, frozen=True, gc=False):
    """The part of a credit that is applied to one target.

    Attributes:
        id: the vendor's id, if allocations have one.
        credit_id: the credit that it spends.
        target: what it is applied to.
        amount: how much of the credit.
        currency: of the amount, three capital letters.
        group_id: the vendor operation that made several of these at once.
        applied_at: when it was made, where the vendor tells.
        reversed_at: when it was undone; None while it stands.
        extra: the vendor's fields that have no slot.
    """

    id: str | None
    credit_id: str
    target: Target
    amount: Amount
    currency: str
    group_id: str | None = None
    applied_at: Moment | None = None
    reversed_at: Moment | None = None
    extra: Extra = {}


class Credit(Record, frozen=True, gc=False):
    """Money owed to an account, or a movement of such money.

    Attributes:
        id: unique within its backend; where the vendor's ids repeat across kinds, it names the kind too.
        provider: the name of the provider that read it.
        account_id: the vendor's id of the account or customer; None where the record does not name one.
        kind: what it is at its vendor.
        direction: whether money comes to the account or leaves it.
        status: where it stands, derived from its amounts where they tell.
        remote_status: the vendor's own word.
        currency: of all its amounts, three capital letters.
        amount: never negative; the direction says which way it goes.
        applied: how much has been spent on targets; None = cannot be known.
        remaining: how much is left to spend; None = cannot be known.
        number: the vendor's reference or number, masked wherever it is shown.
        memo: free text.
        issued_on: the calendar day of the credit, in the backend's time zone.
        created_at: when the record was made.
        realized_at: when it took effect.
        reversed_at: when it was undone; None while it stands.
        reversal_reason: the vendor's word for why it was undone.
        parent_id: the credit that caused this one.
        mark: the mark that unibill left in it, if any; then ``number`` and ``memo`` come without it.
        allocations: None = not loaded, empty = none.
        findings: what is odd about it.
        extra: the vendor's fields that have no slot.
    """

    id: str
    provider: str
    account_id: str | None
    kind: CreditKind
    direction: Direction
    status: Status
    remote_status: str
    currency: str
    amount: AmountNotNegative
    applied: Amount | None = None
    remaining: Amount | None = None
    number: str | None = None
    memo: str | None = None
    issued_on: date | None = None
    created_at: Moment | None = None
    realized_at: Moment | None = None
    reversed_at: Moment | None = None
    reversal_reason: str | None = None
    parent_id: str | None = None
    mark: str | None = None
    allocations: tuple[Allocation, ...] | None = None
    findings: tuple[Finding, ...] = ()
    extra: Extra = {}


class Charge(Record, frozen=True, gc=False):
    """A signed amount put on an account; negative lowers what is owed.

    Attributes:
        id: unique within its backend.
        provider: the name of the provider that read it.
        account_id: the vendor's id of the account.
        currency: of the amount, three capital letters.
        amount: signed and exact.
        category: what it is for, in the common words.
        remote_category: the vendor's own word.
        type: the vendor's configured charge type.
        invoicing: when it is put on an invoice.
        policy_id: the policy that it belongs to, if any.
        transaction_id: the policy's transaction that it belongs to, if any.
        element_id: the part of the policy that it belongs to, in that transaction.
        element_static_id: the same part across transactions.
        reversal_of: the charge that this one undoes.
        tag: the free text that the caller left, without unibill's mark.
        mark: the mark that unibill left in it, if any.
        findings: what is odd about it.
        extra: the vendor's fields that have no slot.
    """

    id: str
    provider: str
    account_id: str
    currency: str
    amount: Amount
    category: ChargeCategory
    remote_category: str
    type: str
    invoicing: Invoicing
    policy_id: str | None = None
    transaction_id: str | None = None
    element_id: str | None = None
    element_static_id: str | None = None
    reversal_of: str | None = None
    tag: str | None = None
    mark: str | None = None
    findings: tuple[Finding, ...] = ()
    extra: Extra = {}


_add, _subtract = EXACT.add, EXACT.subtract
_OPEN, _PARTIALLY_APPLIED, _APPLIED = Status.OPEN, Status.PARTIALLY_APPLIED, Status.APPLIED  # a look into an enum costs more than the rest


def applied_of(allocations: tuple[Allocation, ...]) -> Decimal:
    """How much of a credit its standing allocations have spent."""
    applied = _ZERO
    for allocation in allocations:
        if allocation.reversed_at is None:
            applied = allocation.amount if applied is _ZERO else _add(applied, allocation.amount)
    return applied


def remaining_of(amount: Decimal, applied: Decimal) -> Decimal:
    """What is left of an amount; never below zero, since an over-applied credit has nothing to spend."""
    left = _subtract(amount, applied)
    return left if left >= _ZERO else _ZERO  # noqa: FURB136 - calling max takes five times as long


def status_from_amounts(amount: Decimal, applied: Decimal) -> Status:
    """The status that follows from the amounts alone.

    A credit of zero has nothing to spend, so it counts as applied.
    """
    if applied >= amount:
        return _APPLIED
    return _PARTIALLY_APPLIED if applied > _ZERO else _OPEN
