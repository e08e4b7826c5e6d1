"""The common model: Credit, Allocation, Charge, as they are read from any backend.

Records are frozen. Amounts are Decimals with the digits the vendor sent. A value that no one documented never breaks a
read: it becomes ``unknown`` with the vendor's word beside it, and ``extra`` keeps every vendor field without a slot.

Mappings fill these models through ``trusted``, which does not validate a second time: the vendor's data is checked where
it enters, in the wire models, and mapping code is typed.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer

from unibill import exactjson
from unibill.money import Amount, add, subtract
from unibill.redact import Shown

Extra = Annotated[Mapping[str, object], PlainSerializer(lambda value: value, return_type=Any)]
"""The vendor's fields that have no slot, as decoded."""


# A frozen model refuses setattr; its slots' own setters are how pydantic fills it too, and the fastest way there is.
_set_values = BaseModel.__dict__["__dict__"].__set__
_set_fields_set = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__


@cache
def _fields_set(model: type[BaseModel]) -> set[str]:
    """The names of all fields: one set for all records of a model, since nothing changes a frozen record's."""
    return set(model.model_fields)


class Record(BaseModel):
    """What every model shares: frozen, closed, and printable as exact JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def trusted(cls, values: dict[str, Any]) -> Self:
        """Make a record without validating it again.

        Args:
            values: every field, already of its type. The dict becomes the record's own: hand it over.
        """
        record = cls.__new__(cls)
        _set_values(record, values)
        _set_fields_set(record, _fields_set(cls))
        _set_extra(record, None)
        _set_private(record, None)
        return record

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        """What a representation shows: card-like numbers and secrets masked, since representations end up in logs."""
        return [(name, Shown(value) if isinstance(value, (str, Mapping)) else value) for name, value in super().__repr_args__()]

    def jsonable(self) -> dict[str, object]:
        """The record as JSON values; amounts stay Decimals, for ``exactjson.dumps``."""
        return {name: _jsonable(getattr(self, name)) for name in type(self).model_fields}

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
    CHARGE = "charge"
    """A negative charge, where the vendor puts credits on an account as charges."""
    PAYMENT = "payment"
    SUBPAYMENT = "subpayment"
    DISTRIBUTION = "distribution"
    """A movement of credit between containers."""
    DISBURSEMENT = "disbursement"
    REFUND = "refund"
    WRITE_OFF = "write_off"
    SHORTFALL_WRITE_OFF = "shortfall_write_off"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """Whether money comes to the account or leaves it."""

    TO_ACCOUNT = "to_account"
    FROM_ACCOUNT = "from_account"


class Status(StrEnum):
    """Where a credit stands."""

    DRAFT = "draft"
    PENDING = "pending"
    OPEN = "open"
    PARTIALLY_APPLIED = "partially_applied"
    APPLIED = "applied"
    REVERSED = "reversed"
    VOID = "void"
    FAILED = "failed"
    UNKNOWN = "unknown"


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


class Finding(Record):
    """Something odd about a record that a person should know, and that is no error.

    Attributes:
        code: stable and short, such as ``status-contradicts-amounts``.
        message: one sentence.
        field: the model's field that it is about.
    """

    code: str
    message: str
    field: str = ""


class Target(Record):
    """What an allocation is applied to.

    Attributes:
        type: the common type; the vendor's own word is in ``remote_type`` where it is unknown.
        id: the vendor's id; empty where only a number is known.
        number: the number people see, if known.
    """

    type: TargetType
    id: str
    number: str | None = None
    remote_type: str | None = None


class Allocation(Record):
    """The part of a credit that is applied to one target.

    Attributes:
        id: the vendor's id, if allocations have one.
        group_id: the vendor operation that made several of these at once.
        reversed_at: when it was undone; None while it stands.
    """

    id: str | None = None
    credit_id: str
    target: Target
    amount: Amount
    currency: str
    group_id: str | None = None
    applied_at: datetime | None = None
    reversed_at: datetime | None = None
    extra: Extra = {}


class Credit(Record):
    """Money owed to an account, or a movement of such money.

    Attributes:
        id: unique within its backend; where the vendor's ids repeat across kinds, it names the kind too.
        remote_status: the vendor's own word.
        amount: never negative; the direction says which way it goes.
        applied: how much has been spent on targets; None = cannot be known.
        remaining: how much is left to spend; None = cannot be known.
        number: the vendor's reference or number, masked wherever it is shown.
        issued_on: the calendar day of the credit.
        realized_at: when it took effect.
        parent_id: the credit that caused this one.
        mark: the mark that unibill left in it, if any; then ``number`` and ``memo`` come without it.
        allocations: None = not loaded, empty = none.
        extra: the vendor's fields that have no slot.
    """

    id: str
    provider: str
    account_id: str | None = None
    kind: CreditKind
    direction: Direction = Direction.TO_ACCOUNT
    status: Status
    remote_status: str
    currency: str
    amount: Amount
    applied: Amount | None = None
    remaining: Amount | None = None
    number: str | None = None
    memo: str | None = None
    issued_on: date | None = None
    created_at: datetime | None = None
    realized_at: datetime | None = None
    reversed_at: datetime | None = None
    reversal_reason: str | None = None
    parent_id: str | None = None
    mark: str | None = None
    allocations: tuple[Allocation, ...] | None = None
    findings: tuple[Finding, ...] = ()
    extra: Extra = {}


class Charge(Record):
    """A signed amount put on an account; negative lowers what is owed.

    Attributes:
        type: the vendor's configured charge type.
        reversal_of: the charge that this one undoes.
        tag: the free text that the caller left, without unibill's mark.
        mark: the mark that unibill left in it, if any.
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


def applied_of(allocations: tuple[Allocation, ...]) -> Decimal:
    """How much of a credit its standing allocations have spent."""
    return add([allocation.amount for allocation in allocations if allocation.reversed_at is None])


def remaining_of(amount: Decimal, applied: Decimal) -> Decimal:
    """What is left of an amount; never below zero, since an over-applied credit has nothing to spend."""
    return max(subtract(amount, applied), Decimal(0))


def status_from_amounts(amount: Decimal, applied: Decimal) -> Status:
    """The status that follows from the amounts alone.

    A credit of zero has nothing to spend, so it counts as applied.
    """
    if applied >= amount:
        return Status.APPLIED
    return Status.PARTIALLY_APPLIED if applied > 0 else Status.OPEN
