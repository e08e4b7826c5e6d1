"""What of a source credit is carried: by kind, by status, and how much. Pure functions.

The two tables are total over their enums: there is no silent default. A copy never raises what a customer can spend: the
amount carried is what remains plus the allocations that are carried, so an allocation that is dropped lowers it by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, TypeVar

from unibill import exactjson, money
from unibill.capabilities import Capabilities
from unibill.copying.decisions import Decision
from unibill.copying.maps import InvoiceMap
from unibill.copying.options import PAYMENTS, PlanOptions
from unibill.copying.texts import Text, fate
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.losses import Loss
from unibill.model import Allocation, Credit, CreditKind, Direction, Record, Status, TargetType
from unibill.redact import clean

D = TypeVar("D", CreditDraft, ChargeDraft)
REVERSED: Final = "it was reversed"
ESTIMATED: Final = "-estimated"
"""How the code of a finding ends that says that nobody told the field's value."""


class Rule(Enum):
    """What a kind or a status means for a copy."""

    CARRY = "carry"
    IF_REMAINING = "if-remaining"
    IF_INCLUDED = "if-included"
    SKIP = "skip"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule with its reason, for the plan.

    Attributes:
        code: stable and short.
        reason: one sentence.
    """

    rule: Rule
    code: str = ""
    reason: str = ""


KINDS: Final[Mapping[CreditKind, Verdict]] = {
    CreditKind.CREDIT_NOTE: Verdict(Rule.CARRY),
    CreditKind.CHARGE: Verdict(Rule.CARRY),
    CreditKind.DISTRIBUTION: Verdict(Rule.IF_REMAINING, "moves-credit", "it moves credit and is none"),
    CreditKind.PAYMENT: Verdict(Rule.IF_INCLUDED, "cash", "it is cash, not a credit; --include payments would carry what is left of it"),
    CreditKind.SUBPAYMENT: Verdict(Rule.SKIP, "doubles-its-parent", "it doubles its parent payment"),
    CreditKind.DISBURSEMENT: Verdict(Rule.SKIP, "paid-out", "it is money that has left the account"),
    CreditKind.REFUND: Verdict(Rule.SKIP, "refund", "it is money that has left the account"),
    CreditKind.WRITE_OFF: Verdict(Rule.SKIP, "write-off", "it writes off an invoice and leaves nothing to spend"),
    CreditKind.SHORTFALL_WRITE_OFF: Verdict(Rule.SKIP, "shortfall", "it writes off the rest of an invoice and leaves nothing to spend"),
    CreditKind.UNKNOWN: Verdict(Rule.BLOCK, "unknown-kind", "nobody documented this kind of record, so nobody can say what it is worth"),
}
STATUSES: Final[Mapping[Status, Verdict]] = {
    Status.OPEN: Verdict(Rule.CARRY),
    Status.PARTIALLY_APPLIED: Verdict(Rule.CARRY),
    Status.APPLIED: Verdict(Rule.CARRY),
    Status.DRAFT: Verdict(Rule.SKIP, "draft", "it is a draft and owed to nobody yet"),
    Status.PENDING: Verdict(Rule.BLOCK, "pending", "it is pending at the source; settle it there first"),
    Status.REVERSED: Verdict(Rule.SKIP, "reversed", "it was reversed"),
    Status.VOID: Verdict(Rule.SKIP, "void", "it is void"),
    Status.FAILED: Verdict(Rule.SKIP, "failed", "it failed at the source"),
    Status.UNKNOWN: Verdict(Rule.BLOCK, "unknown-status", "nobody documented this status, so nobody can say what it is worth"),
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision with its reason."""

    decision: Decision
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """An allocation that is not carried. Its amount is not carried either."""

    target: str
    amount: Decimal
    currency: str
    reason: str

    def values(self) -> dict[str, object]:
        """As JSON values."""
        return {"target": self.target, "amount": self.amount, "currency": self.currency, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Carried:
    """What of a credit is carried.

    Attributes:
        sources: of each allocation, what it is called at the source.
    """

    amount: Decimal
    allocations: tuple[AllocationDraft, ...]
    dropped: tuple[Dropped, ...]
    sources: tuple[str, ...] = ()


def judged(credit: Credit, options: PlanOptions) -> Ruling | None:
    """What kind, status and amounts alone decide; None where the credit can be carried."""
    for verdict, word in ((STATUSES[credit.status], credit.remote_status), (KINDS[credit.kind], "")):
        ruling = _ruled(verdict, credit, options, word)
        if ruling is not None:
            return ruling
    if credit.direction is not Direction.TO_ACCOUNT:
        return Ruling(Decision.BLOCKED, "leaves-account", "its money leaves the account, so it cannot be copied as a credit")
    if credit.remaining is None:
        waits = "; while it waits for an invoice, --include charges --credit-charges charge could carry it as a charge"
        reason = "what remains of it cannot be known" + (waits if credit.kind is CreditKind.CHARGE else "")
        return Ruling(Decision.BLOCKED, "remaining-unknown", reason)
    if credit.remaining > credit.amount:
        return Ruling(Decision.BLOCKED, "contradiction", "more remains of it than its amount")
    return None


def _ruled(verdict: Verdict, credit: Credit, options: PlanOptions, word: str) -> Ruling | None:
    reason = verdict.reason + (f' (the source says "{word}")' if word and verdict.rule is Rule.BLOCK else "")
    if verdict.rule is Rule.BLOCK:
        return Ruling(Decision.BLOCKED, verdict.code, reason)
    left_out = (
        verdict.rule is Rule.SKIP
        or (verdict.rule is Rule.IF_INCLUDED and PAYMENTS not in options.include)
        or (verdict.rule is Rule.IF_REMAINING and credit.remaining is not None and credit.remaining <= 0)
    )
    return Ruling(Decision.SKIP, verdict.code, reason) if left_out else None


def carried(credit: Credit, options: PlanOptions) -> Carried | Ruling:
    """How much of a credit is carried, with which allocations; or why nothing is.

    Args:
        credit: one that ``judged`` lets pass.
        options: ``carry`` and ``invoices`` count.
    """
    remaining = max(credit.remaining or Decimal(0), Decimal(0))
    if options.carry == "remaining":
        if not remaining:
            return Ruling(Decision.SKIP, "nothing-remaining", "nothing remains of it")
        standing = [allocation for allocation in credit.allocations or () if allocation.reversed_at is None]
        spent = tuple(_dropped(allocation, "what is spent stays behind when what remains is carried") for allocation in standing)
        return Carried(remaining, (), spent)
    if credit.allocations is None:
        return Ruling(Decision.BLOCKED, "allocations-unknown", "what it was spent on cannot be known")
    found: list[tuple[AllocationDraft, str]] = []
    dropped: list[Dropped] = []
    for allocation in credit.allocations:
        draft = _allocation(allocation, credit, options.invoices)
        if isinstance(draft, str):
            dropped.append(_dropped(allocation, draft))
        else:
            found.append((draft, _named(allocation)))
    # In an order of our own, because vendors may list allocations in another order each time.
    found.sort(key=lambda one: (one[0].target_id or "", one[0].target_number or "", one[0].amount, one[1]))
    dropped.sort(key=place_of)
    amount = money.add([remaining, *(draft.amount for draft, _ in found)])
    if amount > credit.amount:
        return Ruling(Decision.BLOCKED, "contradiction", "what remains and what was spent come to more than its amount")
    if not amount:
        return nothing_left(dropped)
    return Carried(amount, tuple(draft for draft, _ in found), tuple(dropped), tuple(source for _, source in found))


def place_of(item: Dropped) -> tuple[str, Decimal, str, str]:
    """Its place among others."""
    return item.target, item.amount, item.currency, item.reason


def nothing_left(dropped: Sequence[Dropped]) -> Ruling:
    """The ruling about a credit of which nothing is carried, with what stays behind and why."""
    reasons = "; ".join(f"{item.amount} {item.currency} to {item.target}: {item.reason}" for item in dropped)
    none = f", and none of its allocations can be carried ({reasons})" if dropped else ""
    return Ruling(Decision.SKIP, "nothing-remaining", f"nothing remains of it{none}")


def _allocation(allocation: Allocation, credit: Credit, invoices: InvoiceMap | None) -> AllocationDraft | str:
    """The allocation at the target, or why there is none."""
    target = allocation.target
    if allocation.reversed_at is not None:
        return REVERSED
    if target.type is not TargetType.INVOICE:
        return f"it goes to a target of type {target.type}, not to an invoice"
    if allocation.currency != credit.currency:
        return f"it is in {allocation.currency}, the credit in {credit.currency}"
    if allocation.amount <= 0:
        return "its amount is not positive"
    mapped = None if invoices is None else (invoices.get(target.id) if target.id else None)
    if mapped is None:
        return "its invoice is not in the map"
    return AllocationDraft(amount=allocation.amount, target_id=mapped.id, target_number=None if mapped.id else mapped.number)


def _dropped(allocation: Allocation, reason: str) -> Dropped:
    return Dropped(_named(allocation), allocation.amount, allocation.currency, reason)


def _named(allocation: Allocation) -> str:
    target = allocation.target
    return f"{target.type} {target.id or target.number or '?'}"


def draft_of(credit: Credit, account: str, what: Carried) -> CreditDraft:
    """The draft of a copy, with all its texts."""
    return CreditDraft.model_construct(
        account_id=account,
        currency=credit.currency,
        amount=what.amount,
        issued_on=credit.issued_on,
        number=credit.number,
        memo=credit.memo,
        allocations=what.allocations,
        auto_apply=False,
    )


def fates(credit: Credit, options: PlanOptions) -> dict[str, Text]:
    """What becomes of a credit's texts, by name."""
    cards = options.allow_card_numbers
    return {"number": fate(credit.number, cards=cards, whole=True), "memo": fate(credit.memo, cards=cards, whole=False)}


def with_texts(draft: D, texts: Mapping[str, Text], *, stored: bool) -> D:
    """The draft with its texts as they are sent, or as they are stored."""
    return draft.model_copy(update={name: text.stored if stored else text.sent for name, text in texts.items()})


def losses_of(credit: Credit, what: Carried, texts: Mapping[str, Text], source: Capabilities, title: str) -> list[Loss]:
    """What of a credit has no place in a draft.

    What only repeats a fact that arrives is no loss: a field that the source's provider declares as restated, and a value that the
    provider estimated (a finding whose code ends so says it), since the vendor does not have it.

    Args:
        credit: the source's.
        what: is carried of it.
        texts: what becomes of its texts, by name.
        source: what the source's provider declares.
        title: the target's vendor, as people write it.
    """
    nowhere = f"{title} has no place for it"
    losses = lost_texts(credit, texts)
    estimated = {finding.field for finding in credit.findings if finding.code.endswith(ESTIMATED)}
    for name in ("created_at", "realized_at", "reversed_at", "reversal_reason", "parent_id"):
        value = getattr(credit, name)
        if value is not None and name not in estimated:
            losses.append(Loss(name, mask(str(value)), nowhere))
    if credit.kind is CreditKind.PAYMENT:
        losses.append(Loss("kind", credit.kind, "a payment arrives as a credit"))
    carried_times = [item for item in credit.allocations or () if item.applied_at is not None] if what.allocations else []
    losses += [Loss("allocations.applied_at", str(item.applied_at), nowhere) for item in carried_times]
    for name, value in credit.extra.items():
        if value not in (None, "", [], {}) and name not in source.restated:
            losses.append(Loss(f"extra.{name}", mask(text_of(value)), nowhere))
    return losses


def lost_texts(record: Record, texts: Mapping[str, Text]) -> list[Loss]:
    """The texts that are not sent as they are."""
    return [Loss(name, mask(str(getattr(record, name) or "")), text.lost) for name, text in sorted(texts.items()) if text.lost]


def mask(text: str) -> str:
    """A text as it may be stored: without card-like numbers, and without the credentials of either side."""
    return clean(text)


def text_of(value: object) -> str:
    """A vendor's value as a text."""
    try:
        return value if isinstance(value, str) else exactjson.dumps(value).decode()
    except exactjson.InexactJSON:
        return str(value)
