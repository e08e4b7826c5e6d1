"""What the JSON in a run store must be: of each record, of the proofs, of the run as a whole, and of its workers' parts.

What stands there of each record is taken at once by a decoder that knows its type; a check says what is wrong with any other.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NotRequired, TypedDict

import msgspec

from unibill.copying.items import RecordType
from unibill.copying.shapes import (
    Check,
    amount,
    day,
    each,
    fields,
    is_amount,
    json_text,
    maybe,
    member,
    moment,
    one_of,
    pair,
    text,
    texts,
    truth,
    values,
    whole,
    word_of,
)
from unibill.losses import LossKind
from unibill.model import CreditKind, Invoicing, Status


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


_DRAFT: Final = msgspec.json.Decoder(_Draft)
_LOSSES: Final = msgspec.json.Decoder(list[_Loss | tuple[int, str]])
_DROPPED: Final = msgspec.json.Decoder(list[_Dropped])


def quick_draft(json: str) -> Any:  # noqa: ANN401 - as of ``draft``
    """A draft; None where it needs a look by ``draft``."""
    value = _DRAFT.decode(json)
    if (found := value.get("issued_on")) is not None:
        day(found)
    if "amount" in value and not is_amount(value["amount"]):
        return None
    for item in value.get("allocations", ()):
        if not is_amount(item["amount"]):
            return None
    return value


def quick_losses(json: str) -> Any:  # noqa: ANN401 - as of ``losses``
    """Losses, in the same way."""
    return _LOSSES.decode(json)


def quick_dropped(json: str) -> Any:  # noqa: ANN401 - as of ``dropped``
    """Dropped allocations, in the same way."""
    value = _DROPPED.decode(json)
    return value if all(is_amount(item["amount"]) for item in value) else None


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
