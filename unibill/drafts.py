"""Drafts: what a caller wants written, and the rules that every backend shares.

A draft is checked before any request leaves. ``faults_of_credit`` and ``faults_of_charge`` find everything that is wrong
at once; a provider adds what its vendor demands.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from unibill import money
from unibill.checkwords import own_words
from unibill.errors import Fault, InvalidDraft
from unibill.model import Invoicing, TargetType
from unibill.money import Amount
from unibill.redact import Shown

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CHARGE_IDS: Final = ("type", "policy_id", "transaction_id", "element_id", "element_static_id")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Draft(BaseModel):
    """What every draft shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - each draft's own fields, which pydantic checks
        try:
            super().__init__(**values)
        except ValidationError as error:
            faults = [
                Fault(f"$.{'.'.join(map(str, fault['loc']))}", _said(fault["type"], fault["msg"]))
                for fault in error.errors(include_input=False)
            ]
        else:
            return
        raise InvalidDraft(type(self).__name__, faults)

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        """What a representation shows: card-like numbers and secrets masked, since representations end up in logs."""
        return [(name, Shown(value) if isinstance(value, str) else value) for name, value in super().__repr_args__()]


def _said(kind: str, message: str) -> str:
    return {"missing": "is missing", "extra_forbidden": "is not a field of it"}.get(kind, own_words(message))


class AllocationDraft(Draft):
    """A part of a credit to apply to a target.

    Attributes:
        amount: positive.
        target_id: the vendor's id of the target; either this or ``target_number``.
        target_number: the number people see.
        target_type: what the target is.
    """

    amount: Amount
    target_id: str | None = None
    target_number: str | None = None
    target_type: TargetType = TargetType.INVOICE


class CreditDraft(Draft):
    """A credit to create.

    Attributes:
        account_id: the vendor's id of the account.
        currency: three capital letters, of ISO 4217.
        amount: positive; what the account gets; no more decimals than the currency has.
        issued_on: the calendar day; None leaves it to the backend, or to today where the vendor demands one.
        number: the reference that the vendor shows.
        memo: free text.
        allocations: what to spend at once; their sum is at most ``amount``.
        auto_apply: let the credit be spent on the account's earliest open invoices instead.
    """

    account_id: str
    currency: str
    amount: Amount
    issued_on: date | None = None
    number: str | None = None
    memo: str | None = None
    allocations: tuple[AllocationDraft, ...] = ()
    auto_apply: bool = False


class ChargeDraft(Draft):
    """A charge to put on an account.

    Attributes:
        account_id: the vendor's id of the account.
        currency: three capital letters, of ISO 4217.
        amount: signed and not zero; negative lowers what is owed.
        type: the vendor's configured charge type; None takes the backend's configured one for credits.
        invoicing: when it is put on an invoice; None leaves it to the backend.
        policy_id: the policy that it belongs to, if any.
        transaction_id: the policy's transaction, if any.
        element_id: the part of the policy, in that transaction.
        element_static_id: the same part across transactions.
        tag: a short note.
    """

    account_id: str
    currency: str
    amount: Amount
    type: str | None = None
    invoicing: Invoicing | None = None
    policy_id: str | None = None
    transaction_id: str | None = None
    element_id: str | None = None
    element_static_id: str | None = None
    tag: str | None = None


def faults_of_credit(draft: CreditDraft) -> list[Fault]:
    """Everything wrong with a credit draft, whatever the backend."""
    faults = [
        *_faults_of_id("$.account_id", draft.account_id),
        *faults_of_amount("$.amount", draft.amount, draft.currency, positive=True),
        *faults_of_currency("$.currency", draft.currency),
        *faults_of_text("$.number", draft.number),
        *faults_of_text("$.memo", draft.memo),
        *faults_of_allocations(draft.allocations, draft.currency, draft.amount),
    ]
    if draft.auto_apply and draft.allocations:
        faults.append(Fault("$.auto_apply", "give either auto_apply or allocations, not both"))
    return faults


def faults_of_allocations(allocations: Sequence[AllocationDraft], currency: str, available: Decimal) -> list[Fault]:
    """Everything wrong with a list of allocations from a credit with ``available`` to spend."""
    faults: list[Fault] = []
    for i, allocation in enumerate(allocations):
        at = f"$.allocations[{i}]"
        faults += faults_of_amount(f"{at}.amount", allocation.amount, currency, positive=True)
        if (allocation.target_id is None) == (allocation.target_number is None):
            faults.append(Fault(f"{at}.target_id", "give either target_id or target_number"))
        for name in ("target_id", "target_number"):
            faults += _faults_of_optional_id(f"{at}.{name}", getattr(allocation, name))
    total = money.add([allocation.amount for allocation in allocations])
    if allocations and total > available:
        faults.append(Fault("$.allocations", f"they come to {total} {currency}, more than the {available} {currency} there are"))
    return faults


def faults_of_charge(draft: ChargeDraft, at: str = "$") -> list[Fault]:
    """Everything wrong with a charge draft, whatever the backend."""
    faults = [
        *_faults_of_id(f"{at}.account_id", draft.account_id),
        *faults_of_amount(f"{at}.amount", draft.amount, draft.currency, positive=False),
        *faults_of_currency(f"{at}.currency", draft.currency),
        *(fault for name in _CHARGE_IDS for fault in _faults_of_optional_id(f"{at}.{name}", getattr(draft, name))),
        *faults_of_text(f"{at}.tag", draft.tag),
    ]
    if draft.invoicing is Invoicing.UNKNOWN:
        faults.append(Fault(f"{at}.invoicing", "unknown can be read, not written; give scheduled, next or immediate"))
    return faults


def faults_of_amount(path: str, amount: Decimal, currency: str, *, positive: bool) -> list[Fault]:
    """What is wrong with an amount: its sign, and more decimals than its currency has."""
    faults: list[Fault] = []
    if positive and amount <= 0:
        faults.append(Fault(path, f"{amount} is not positive"))
    if not positive and amount == 0:
        faults.append(Fault(path, "zero changes nothing; give an amount that is not zero"))
    digits = money.exponent(currency) if _CURRENCY.fullmatch(currency) else None
    if digits is not None and money.scale(amount) > digits:
        faults.append(Fault(path, f"{amount} has {money.scale(amount)} decimals; {currency} has {digits}"))
    return faults


def faults_of_currency(path: str, currency: str) -> list[Fault]:
    """What is wrong with a currency code."""
    if not _CURRENCY.fullmatch(currency):
        return [Fault(path, f"{currency!r} is not a currency code; give three capital letters such as USD")]
    if money.exponent(currency) is None:
        return [Fault(path, f"{currency} is not a currency of ISO 4217 that amounts can be written in")]
    return []


def faults_of_text(path: str, text: str | None, *, most: int | None = None) -> list[Fault]:
    """What is wrong with a text: control characters, lone surrogates, or more than ``most`` characters."""
    if text is None:
        return []
    faults: list[Fault] = []
    if _CONTROL.search(text):
        faults.append(Fault(path, "has control characters or broken unicode; remove them"))
    if most is not None and len(text) > most:
        faults.append(Fault(path, f"has {len(text)} characters; the backend takes {most}"))
    return faults


def _faults_of_optional_id(path: str, value: str | None) -> list[Fault]:
    return [] if value is None else _faults_of_id(path, value)


def _faults_of_id(path: str, value: str) -> list[Fault]:
    if not value.strip() or value in {".", ".."}:
        return [Fault(path, f"{value!r} is not an id")]
    return faults_of_text(path, value)
