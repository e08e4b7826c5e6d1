"""What the JSON in a run store must be: checks of values that were read, each with a word for what is wrong.

A check takes a value and raises ``Wrong`` where it is not what unibill writes there. What passed needs no second look.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Final, Literal, NoReturn, NotRequired, TypeAlias, TypedDict, cast

import msgspec

from unibill.copying.items import RecordType
from unibill.losses import LossKind
from unibill.model import CreditKind, Invoicing, Status

Check: TypeAlias = Callable[[Any], None]
_DIGITS: Final = 100
"""How many characters an amount has at most: more are no money, and an exponent could make a number that fills the memory."""
_LARGEST: Final = 10**_DIGITS
_SHOWN: Final = 60
_FEW: Final = 12
"""So many words are named."""
_AMOUNT: Final = re.compile(r"-?[0-9]{1,99}(\.[0-9]{1,99})?")
_BEGIN: Final = "2000"
"""No run is older; and times before it may be too early for a clock to know."""
_FIRST: Final = 946_684_800_000
_LAST: Final = 253_402_300_800_000
"""The years 2000 to 9999, in milliseconds since 1970."""


class Wrong(ValueError):
    """A value is not what stands there in a run that is whole; the text goes on after the value's name."""


def _is_not(value: object, wanted: str) -> NoReturn:
    text = "nothing" if value is None else repr(value)
    raise Wrong(f"is {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}, not {wanted}")


# Values


def text(value: object) -> None:
    """Any text."""
    if type(value) is not str:
        _is_not(value, "a text")


def whole(value: object) -> None:
    """A whole number."""
    if type(value) is not int:
        _is_not(value, "a whole number")


def truth(value: object) -> None:
    """True or false."""
    if type(value) is not bool:
        _is_not(value, "true or false")


def amount(value: object) -> None:
    """An amount of money as JSON has it."""
    if not ((type(value) is int and -_LARGEST < value < _LARGEST) or type(value) is Decimal):
        _is_not(value, "an amount")


def amount_text(value: object) -> None:
    """An amount of money as a column has it: digits without an exponent."""
    if type(value) is not str or _AMOUNT.fullmatch(value) is None:
        _is_not(value, "an amount")


def day(value: object) -> None:
    """A day of the calendar, as ISO 8601 has it."""
    try:
        date.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        _is_not(value, "a day")


def moment(value: object) -> None:
    """A point in time, as ``store.now`` writes it."""
    try:
        is_one = datetime.fromisoformat(cast("str", value)).tzinfo is not None and cast("str", value) >= _BEGIN
    except (TypeError, ValueError):
        is_one = False
    if not is_one:
        _is_not(value, "a time")


def instant(value: object) -> None:
    """A point in time, in milliseconds since 1970."""
    if type(value) is not int or not _FIRST <= value < _LAST:
        _is_not(value, "a time in milliseconds")


def member(value: object) -> None:
    """An object of anything."""
    if type(value) is not dict:
        _is_not(value, "a JSON object")


# What they are put together to


@cache
def one_of(*words: str) -> Check:
    """One of these words."""
    known = frozenset(words)

    def check(value: object) -> None:
        if type(value) is not str or value not in known:
            _is_not(value, f"one of {', '.join(sorted(known))}" if len(known) <= _FEW else "a word that unibill knows there")

    return check


def word_of(words: type[StrEnum]) -> Check:
    """One of the words of an enumeration."""
    return one_of(*words)


def maybe(check: Check) -> Check:
    """The same, or null."""

    def checked(value: object) -> None:
        if value is not None:
            check(value)

    return checked


def each(check: Check) -> Check:
    """A list of such values."""

    def checked(value: object) -> None:
        if type(value) is not list:
            _is_not(value, "a JSON list")
        for number, item in enumerate(cast("list[object]", value)):
            try:
                check(item)
            except Wrong as wrong:
                raise Wrong(_inside(f"[{number}]", wrong)) from None

    return checked


def pair(first: Check, second: Check) -> Check:
    """A list of two values."""

    def checked(value: object) -> None:
        if type(value) is not list or len(found := cast("list[object]", value)) != 2:
            _is_not(value, "a JSON list of two")
        first(found[0])
        second(found[1])

    return checked


def values(check: Check) -> Check:
    """An object whose values are such, under whatever names."""

    def checked(value: object) -> None:
        member(value)
        for name, item in cast("dict[str, object]", value).items():
            try:
                check(item)
            except Wrong as wrong:
                raise Wrong(_inside(f".{name}", wrong)) from None

    return checked


def fields(checks: Mapping[str, Check], *, perhaps: Mapping[str, Check] | None = None, only: bool = False) -> Check:
    """An object that has these fields.

    Args:
        checks: of each field.
        perhaps: of those that it may lack.
        only: whether it has no others.
    """
    known = {**checks, **(perhaps or {})}

    def checked(value: object) -> None:
        member(value)
        found = cast("dict[str, object]", value)
        for name, check in known.items():
            if name in found:
                try:
                    check(found[name])
                except Wrong as wrong:
                    raise Wrong(_inside(f".{name}", wrong)) from None
            elif name in checks:
                raise Wrong(f"lacks {name!r}")
        if only and len(found) > len(known):
            raise Wrong(f"has {next(name for name in found if name not in known)!r}, which does not belong there")

    return checked


def _inside(where: str, wrong: Wrong) -> str:
    """What is wrong, with one more step of the way to it."""
    said = str(wrong)
    return f"{where}{said}" if said.startswith((".", "[")) else f"{where} {said}"


def texts(*names: str) -> dict[str, Check]:
    """Fields that are texts."""
    return dict.fromkeys(names, text)


# JSON text


def _decimal(digits: str) -> Decimal:
    found = Decimal(digits)
    if len(digits) > _DIGITS or abs(found.adjusted()) > _DIGITS:
        raise Wrong("has a number that is too long for an amount")
    return found


_DECODER: Final = msgspec.json.Decoder(float_hook=_decimal)


def parsed(json: object, check: Check) -> Any:  # noqa: ANN401 - the check knows
    """The value of a JSON text, once it is checked.

    Raises:
        Wrong: it is no JSON, or not what the check wants.
    """
    if type(json) is not str:
        _is_not(json, "a JSON text")
    try:
        value = _DECODER.decode(json)
    except Wrong:
        raise
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Wrong(f"is no JSON ({error})") from error
    try:
        check(value)
    except Wrong as wrong:
        said = str(wrong)
        raise Wrong(f"has JSON of another shape: ${said}" if said.startswith((".", "[")) else said) from None
    return value


def json_text(check: Check) -> Check:
    """A text that is JSON itself."""

    def checked(value: object) -> None:
        parsed(value, check)

    return checked


# What a run keeps as JSON of each record. A decoder that knows the type takes what is right at once; a check says what is wrong.


class _Allocation(TypedDict):
    amount: Decimal
    source: str
    target_id: NotRequired[str | None]
    target_number: NotRequired[str | None]


class _Draft(TypedDict, total=False):
    account_id: str
    currency: str
    category: str
    amount: Decimal
    issued_on: str | None
    number: str | None
    memo: str | None
    tag: str | None
    type: str | None
    policy_id: str | None
    transaction_id: str | None
    element_id: str | None
    element_static_id: str | None
    invoicing: Literal["scheduled", "next", "immediate", "unknown"] | None
    credit: bool
    allocations: list[_Allocation]


class _Loss(TypedDict):
    field: str
    value: str
    reason: str
    kind: Literal["money", "descriptive"]


class _Dropped(TypedDict):
    target: str
    amount: Decimal
    currency: str
    reason: str


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and -_DIGITS <= value.adjusted() <= _DIGITS


_DRAFT: Final = msgspec.json.Decoder(_Draft)
_LOSSES: Final = msgspec.json.Decoder(list[_Loss | tuple[int, str]])
_DROPPED: Final = msgspec.json.Decoder(list[_Dropped])


def quick_draft(json: str) -> Any:  # noqa: ANN401 - as of ``draft``
    """A draft; None where it needs a look by ``draft``."""
    value = _DRAFT.decode(json)
    if (found := value.get("issued_on")) is not None:
        day(found)
    if "amount" in value and not _is_amount(value["amount"]):
        return None
    for item in value.get("allocations", ()):
        if not _is_amount(item["amount"]):
            return None
    return value


def quick_losses(json: str) -> Any:  # noqa: ANN401 - as of ``losses``
    """Losses, in the same way."""
    return _LOSSES.decode(json)


def quick_dropped(json: str) -> Any:  # noqa: ANN401 - as of ``dropped``
    """Dropped allocations, in the same way."""
    value = _DROPPED.decode(json)
    return value if all(_is_amount(item["amount"]) for item in value) else None


_TARGET: Final = {"target_id": maybe(text), "target_number": maybe(text)}
draft: Final = fields(
    {},
    perhaps={
        **texts("account_id", "currency", "category"),
        "amount": amount,
        "issued_on": maybe(day),
        **dict.fromkeys(("number", "memo", "tag", "type"), maybe(text)),
        **dict.fromkeys(("policy_id", "transaction_id", "element_id", "element_static_id"), maybe(text)),
        "invoicing": maybe(word_of(Invoicing)),
        "credit": truth,
        "allocations": each(fields({"amount": amount, "source": text}, perhaps=_TARGET)),
    },
)
"""A draft as ``compact.draft_text`` writes it, of a credit or of a charge."""


def is_charge(draft: Mapping[str, object]) -> bool:
    """Whether a draft is of a charge: only those have a category, and all of them do."""
    return "category" in draft


_WHOLE_LOSS: Final = fields({**texts("field", "value", "reason"), "kind": word_of(LossKind)})
_NUMBERED: Final = pair(whole, text)


def loss(value: object) -> None:
    """A loss as ``compact.Losses`` writes it: whole, or the number of its kind and its value."""
    (_WHOLE_LOSS if type(value) is dict else _NUMBERED)(value)


losses: Final = each(loss)
dropped: Final = each(fields({**texts("target", "currency", "reason"), "amount": amount}))

_COUNTS: Final = values(whole)
_MONEY: Final = values(amount)
_PROBLEMS: Final = each(fields(texts("what", "account", "source_id", "target_id", "reason"), only=True))
_DIFFERENCES: Final = each(fields(texts("sign", "code", "account", "source_id", "target_id", "reason"), only=True))
_TYPED: Final = {**texts("account", "currency"), "record_type": word_of(RecordType)}
_CONSERVATION: Final = fields({**_TYPED, "before": amount, "carried": amount, "after": maybe(amount), "sign": text})
_APPLIED: Final = fields({**_TYPED, "created": whole, "exists": whole, "amount": amount})
_FOUND: Final = fields({"writes": whole, "undone": whole, "problems": _PROBLEMS, "interrupted": truth, "stopped": text})
_VERIFIED: Final = {"signs": _COUNTS, "differences": _DIFFERENCES}
PROOFS: Final[Mapping[str, Check]] = {
    "apply": fields({"counts": _COUNTS, "money": _MONEY, "charges": _MONEY, "problems": _PROBLEMS, "interrupted": truth, "stopped": text}),
    "verification": fields({**_VERIFIED, "exit_status": whole}),
    "rollback": fields({"undone": whole, "money": _MONEY, "charges": _MONEY, "remains": _PROBLEMS, "interrupted": truth}),
}
"""What is kept of each kind of proof."""
LINES: Final[Mapping[str, tuple[str, Check]]] = {
    "apply": ("totals", each(_APPLIED)),
    "verification": ("conservation", each(_CONSERVATION)),
}
"""Which of their fields is kept apart, and its lines."""
RESULTS: Final[Mapping[str, Check]] = {
    "apply": _FOUND,
    "count": _FOUND,
    "verify": fields({**_VERIFIED, "conservation": each(_CONSERVATION)}),
    "read source": each(text),
    "read target": each(text),
}
"""What the parts of a stage come to."""


INVOICE: Final = pair(maybe(text), maybe(text))
CHARGE_TYPE: Final = pair(maybe(text), maybe(word_of(Invoicing)))
"""What a map for workers has for an invoice, and for a charge type."""
_LISTED: Final = maybe(each(text))
_OPTIONS: Final = fields(
    {
        "carry": one_of("remaining", "history"),
        "include": each(text),
        **dict.fromkeys(("only_accounts", "currencies", "ids"), _LISTED),
        "statuses": maybe(each(word_of(Status))),
        "kinds": maybe(each(word_of(CreditKind))),
        **dict.fromkeys(("since", "until"), maybe(day)),
        "look_alikes": one_of("block", "create", "skip"),
        "accept_plans": each(text),
        **dict.fromkeys(("allow_card_numbers", "same_account_ids", "same_charge_types"), truth),
        **dict.fromkeys(("invoices", "charge_types", "policies"), maybe(text)),
        "credit_charges": one_of("credit", "charge"),
        "invoiced_charges": one_of("block", "copy", "skip"),
    }
)
_LIMITS: Final = {"max_records": maybe(whole), "max_money": _MONEY, "max_credit": _MONEY, "max_blocked": maybe(amount)}
PHASES: Final = ("planning", "planned", "applying", "applied", "rolling back", "partly rolled back", "rolled back")
FACTS: Final[Mapping[str, Check]] = {
    "phase": one_of(*PHASES),
    **texts("source", "target", "source_identity", "target_identity"),
    "hash": maybe(text),
    "target_settings": values(text),
    "options": _OPTIONS,
    "guards": json_text(fields(_LIMITS)),
    "notes": each(text),
    "planned_at": moment,
    "verified": maybe(whole),
    "shared_invoices": values(each(text)),
    "stop": maybe(text),
    "job": fields({"id": text, "kind": one_of("plan", "apply", "verify"), "options": member}),
}
"""What is kept of the run as a whole, by key."""


def anything(_: object) -> None:
    """Any value."""
