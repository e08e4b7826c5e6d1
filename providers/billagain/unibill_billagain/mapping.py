"""BillAgain's credit notes as the common model, and back. Pure functions.

What remains of a credit follows from its allocations, never from the vendor's ``Status``; where the two disagree, the record
carries a finding. A text from which a mark was taken off, and a ``Date`` that says more than a day, stay in ``extra`` as the
vendor sent them, so that a PUT, which replaces every field, can send them back unchanged.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, tzinfo
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from unibill import marks, wire
from unibill.allocating import Change
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.losses import Loss, LossKind
from unibill.model import (
    Allocation,
    Charge,
    ChargeCategory,
    Credit,
    CreditKind,
    Direction,
    Finding,
    Invoicing,
    Status,
    Target,
    TargetType,
    applied_of,
    remaining_of,
    status_from_amounts,
)
from unibill_billagain import dates
from unibill_billagain.wire import AllocationInput, AllocationRecord, CreditInput, CreditNote, Id

MarkIn: TypeAlias = Literal["number", "memo"]
"""Where a mark goes."""
PROVIDER: Final = "billagain"
CHARGE_TYPE: Final = "creditNote"
"""The type of the charges that credit notes are shown as."""

STATUSES: Final[Mapping[str, Status]] = {
    "Pending": Status.PENDING,
    "Allocated": Status.APPLIED,
    "Partial": Status.PARTIALLY_APPLIED,
    "Unallocated": Status.OPEN,
    "Failed": Status.FAILED,
}
"""The documented words. Only ``Allocated`` is seen in a sample; the list is the payments' one, copied by the vendor."""
_ZERO: Final = Decimal(0)
_NO_INVOICE: Final[frozenset[Id | None]] = frozenset({None, 0, "", "0"})
_SAYS_SPENT: Final = frozenset({Status.APPLIED, Status.PARTIALLY_APPLIED})
# Lists of millions come through here, and looking into an enum, or for its hash, takes as long as making a record.
_CREDIT_NOTE, _INVOICE, _UNKNOWN = CreditKind.CREDIT_NOTE, TargetType.INVOICE, Status.UNKNOWN
_TO_ACCOUNT, _FROM_ACCOUNT = Direction.TO_ACCOUNT, Direction.FROM_ACCOUNT

# From BillAgain


def to_credit(note: CreditNote, zone: tzinfo, wanted: Collection[str] = ()) -> Credit:
    """A credit note as a common credit.

    Args:
        note: as decoded.
        zone: of the backend's days.
        wanted: marks that are looked for: of two marks in one record, the wanted one is its ``mark``.
    """
    findings: list[Finding] = []
    extra: Mapping[str, object] = note.unknown
    credit_id = str(note.credit_note_id)
    amount, direction = note.amount, _TO_ACCOUNT
    allocations = _allocations(note, credit_id, findings)
    status, applied, remaining = _standing(note, allocations, findings)
    if amount < _ZERO:
        extra = {**extra, "Amount": amount}
        message = f"the vendor's amount is {amount}; what a negative credit note means is not documented"
        findings.insert(0, _finding("negative-amount", message, "amount"))
        amount, direction = amount.copy_abs(), _FROM_ACCOUNT
    mark, number, memo = None, note.credit_number or None, note.memo or None
    if (number and number.startswith(marks.PREFIX)) or (memo and memo.startswith(marks.PREFIX)):
        mark, number, memo, kept = _texts(note, wanted, findings)
        extra = {**extra, **kept}
    day = None
    if note.date:
        day, exact = dates.read(note.date, zone)
        if not exact:
            extra = {**extra, "Date": note.date}
        if day is None:
            findings.append(_finding("unreadable-date", f"the vendor's date {note.date!r} cannot be read", "issued_on"))
    # By position a record is filled five times as fast as by name.
    return Credit(
        credit_id,
        PROVIDER,
        str(note.customer_id) if note.customer_id else None,
        _CREDIT_NOTE,
        direction,
        status,
        note.status or "",  # remote_status
        note.currency_code,
        amount,
        applied,
        remaining,
        number,
        memo,
        day,  # issued_on
        None,  # created_at
        None,  # realized_at
        None,  # reversed_at
        None,  # reversal_reason
        None,  # parent_id
        mark,
        allocations,
        tuple(findings) if findings else (),
        extra,
    )


def reader(zone: tzinfo) -> Callable[[CreditNote], Credit]:
    """``to_credit`` for the notes of one backend."""
    return lambda note: to_credit(note, zone)


def to_charge(note: CreditNote, account: str) -> Charge:
    """A credit note as the charge that is its image: category credit, negative amount.

    Args:
        note: as decoded.
        account: the customer in whose list it stood.
    """
    mark, number, _, _ = _texts(note, (), [])
    extra: dict[str, object] = {"Status": note.status, "Date": note.date, "Memo": note.memo}
    if note.allocations:
        extra["Allocations"] = wire.plain(note.allocations)
    if number != (note.credit_number or None):
        extra["CreditNumber"] = note.credit_number
    return Charge(
        id=str(note.credit_note_id),
        provider=PROVIDER,
        account_id=str(note.customer_id) if note.customer_id else account,
        currency=note.currency_code,
        amount=note.amount.copy_negate() if note.amount else note.amount,
        category=ChargeCategory.CREDIT,
        remote_category="",
        type=CHARGE_TYPE,
        invoicing=Invoicing.UNKNOWN,
        tag=number,
        mark=mark,
        extra={**extra, **note.unknown},
    )


def carries(note: CreditNote, wanted: Collection[str]) -> bool:
    """Whether a credit note carries one of these marks, in its number or its memo."""
    return marks.find(note.credit_number) in wanted or marks.find(note.memo) in wanted


def _allocations(note: CreditNote, credit_id: str, findings: list[Finding]) -> tuple[Allocation, ...] | None:
    # The payments' table spells the list "allocations": such a one is not read, and must not count as none.
    if note.allocations is None and (_word(note) in _SAYS_SPENT or note.unknown.get("allocations")):
        findings.append(
            _finding(
                "allocations-missing",
                f"the vendor says {note.status} and has no list named Allocations, so what remains is not known",
                "allocations",
            )
        )
        return None
    if not note.allocations:
        return ()
    allocations: list[Allocation] = []
    odd = False
    for record in note.allocations:
        # The nested creditNoteID is 0 or somebody else's in the vendor's samples: the parent's id counts.
        extra = record.unknown
        if record.credit_note_id is not None:
            extra = {"creditNoteID": record.credit_note_id, **extra} if extra else {"creditNoteID": record.credit_note_id}
        if record.invoice_id in _NO_INVOICE:
            odd = True
            target = _other_target(record)
        else:
            target = Target(_INVOICE, str(record.invoice_id))
        number = str(record.allocation_id) if record.allocation_id else None
        allocations.append(Allocation(number, credit_id, target, record.amount, note.currency_code, None, None, None, extra))
    if odd:
        findings.append(
            _finding("allocation-without-invoice", "an allocation names no invoice, which is not documented for credits", "allocations")
        )
    if len(allocations) > 1 and _repeats(allocations):
        findings.append(_finding("repeated-allocation", "an allocation id is listed twice; both are counted", "allocations"))
    return tuple(allocations)


def _repeats(allocations: Sequence[Allocation]) -> bool:
    ids = [allocation.id for allocation in allocations if allocation.id is not None]
    return len(set(ids)) < len(ids)


def _other_target(record: AllocationRecord) -> Target:
    """What an allocation goes to that names no invoice; payments show that it may be an opening balance, named by positiveAdjustmentID."""
    adjustment = record.unknown.get("positiveAdjustmentID")
    if adjustment:
        return Target(type=TargetType.OPENING_BALANCE, id=str(adjustment), remote_type="positiveAdjustmentID")
    return Target(type=TargetType.UNKNOWN, id="", remote_type="none")


def _word(note: CreditNote) -> Status | None:
    """What the vendor's word means; None where there is none, unknown where nobody documented it."""
    if not note.status:
        return None
    return STATUSES.get(note.status) or STATUSES.get(note.status.capitalize(), Status.UNKNOWN)


def _standing(
    note: CreditNote, allocations: tuple[Allocation, ...] | None, findings: list[Finding]
) -> tuple[Status, Decimal | None, Decimal | None]:
    word = STATUSES.get(note.status or "") or _word(note)
    if word is _UNKNOWN:
        findings.append(_finding("unknown-status", f"nobody documented the status {note.status!r}", "status"))
    if allocations is None:
        return word or Status.UNKNOWN, None, None
    for allocation in allocations:
        if allocation.amount < _ZERO:
            findings.append(_finding("negative-allocation", "an allocation is negative, so what remains is not known", "allocations"))
            return Status.UNKNOWN, None, None
    amount = note.amount
    if amount < _ZERO:
        return Status.UNKNOWN, None, None
    applied = applied_of(allocations)
    remaining = remaining_of(amount, applied)
    derived = status_from_amounts(amount, applied)
    if applied > amount:
        findings.append(_finding("over-applied", f"{applied} is allocated of {amount}", "allocations"))
    if word is derived:
        return derived, applied, remaining
    return _contradicted(note, word, derived, applied, remaining, findings)


def _contradicted(
    note: CreditNote, word: Status | None, derived: Status, applied: Decimal, remaining: Decimal, findings: list[Finding]
) -> tuple[Status, Decimal, Decimal]:
    """Where the vendor's word is another than the amounts'."""
    if word is Status.UNKNOWN:
        return word, applied, remaining
    if word is Status.FAILED:
        findings.append(
            _finding("undocumented-meaning", "what Failed means for a credit is not documented; nothing of it counts as left", "status")
        )
        return word, applied, _ZERO
    if word is Status.PENDING and not applied:
        findings.append(_finding("undocumented-meaning", "what Pending means for a credit is not documented", "status"))
        return word, applied, remaining
    if word is not None and note.amount:
        message = f"the vendor says {note.status}, but {applied} of {note.amount} is allocated"
        findings.append(_finding("status-contradicts-amounts", message, "status"))
    return derived, applied, remaining


def _texts(
    note: CreditNote, wanted: Collection[str], findings: list[Finding]
) -> tuple[str | None, str | None, str | None, Mapping[str, object]]:
    """The mark, number and memo without it, and the vendor's texts that it was taken off from."""
    number, memo = note.credit_number or None, note.memo or None
    mark = marks.find(number, memo)
    if mark is None:
        return None, number, memo, {}
    of_number, of_memo = marks.find(number), marks.find(memo)
    if of_number and of_memo and of_number != of_memo:
        findings.append(_finding("two-marks", f"CreditNumber and Memo carry different marks, {of_number} and {of_memo}", "mark"))
        mark = of_memo if of_memo in wanted and of_number not in wanted else of_number
    kept: dict[str, object] = {}
    if of_number == mark:
        kept["CreditNumber"], number = number, marks.strip(number)
    if of_memo == mark:
        kept["Memo"], memo = memo, marks.strip(memo)
    return mark, number, memo, kept


def _finding(code: str, message: str, field: str) -> Finding:
    return Finding(code=code, message=message, field=field)


# To BillAgain


def to_add(draft: CreditDraft, mark: str | None, mark_in: MarkIn, today: date) -> CreditInput:
    """The POST body of a draft that has no faults.

    Args:
        draft: the credit; without a day it gets ``today``, since BillAgain demands one.
        mark: goes into ``CreditNumber`` where ``mark_in`` says so or the draft has no number, else before the memo.
        mark_in: the backend's setting.
        today: the calendar day in the backend's zone.
    """
    number, memo = marked(draft, mark, mark_in)
    return CreditInput(
        customer_id=int(draft.account_id),
        date=dates.written(draft.issued_on or today),
        currency_code=draft.currency,
        amount=draft.amount,
        credit_number=number,
        memo=memo,
        auto_apply=draft.auto_apply,
        allocations=None if draft.auto_apply else tuple(to_allocation(item) for item in draft.allocations),
    )


def to_edit(credit: Credit, step: Change[AllocationDraft]) -> CreditInput:
    """The PUT body that leaves a credit as it is but for its allocations: PUT takes the whole list anew.

    Args:
        credit: as read from BillAgain, without ``faults_of_edit``.
        step: those that it keeps are sent with their ids, so that they keep them; those that it removes are not sent.

    Raises:
        ValueError: the credit has no day or no customer.
    """
    if credit.issued_on is None or credit.account_id is None:
        raise ValueError("faults_of_edit was not asked")
    standing = [
        AllocationInput(item.amount, invoice_id=int(item.target.id), allocation_id=None if item.id is None else int(item.id))
        for item in step.kept
    ]
    return CreditInput(
        customer_id=int(credit.account_id),
        date=dates.written(credit.issued_on),
        currency_code=credit.currency,
        amount=credit.amount,
        credit_number=str(credit.extra.get("CreditNumber", credit.number or "")),
        memo=str(credit.extra.get("Memo", credit.memo or "")),
        allocations=(*standing, *(to_allocation(item) for item in step.added)),
    )


def to_allocation(draft: AllocationDraft) -> AllocationInput:
    """A new allocation, by the invoice's id or by the number people see."""
    return AllocationInput(
        draft.amount,
        invoice_id=None if draft.target_id is None else int(draft.target_id),
        invoice_number=None if draft.target_number is None else int(draft.target_number),
    )


def to_credit_draft(draft: ChargeDraft) -> CreditDraft:
    """The credit note that a negative charge becomes; its tag is the ``CreditNumber`` that BillAgain demands."""
    return CreditDraft(account_id=draft.account_id, currency=draft.currency, amount=-draft.amount, number=draft.tag)


def losses_of_credit(draft: CreditDraft, mark: str | None, mark_in: MarkIn) -> tuple[Loss, ...]:
    """What of a draft would not be read back from BillAgain."""
    losses: list[Loss] = []
    if mark is not None and draft.number and (mark_in == "number" or not draft.number.strip()):
        losses.append(Loss("number", draft.number, 'the mark takes its place in CreditNumber; mark_in = "memo" would keep it'))
    for i, item in enumerate(draft.allocations):
        at = f"allocations[{i}]"
        if item.target_type is not TargetType.INVOICE:
            value = f"{item.amount} {draft.currency} to {item.target_type} {item.target_id or item.target_number}"
            losses.append(Loss(at, value, "BillAgain allocates credits to invoices only", LossKind.MONEY))
        elif item.target_number is not None:
            losses.append(Loss(f"{at}.target_number", item.target_number, "BillAgain tells the invoice's id, never its number"))
    return tuple(losses)


def marked(draft: CreditDraft, mark: str | None, mark_in: MarkIn) -> tuple[str, str]:
    """``CreditNumber`` and ``Memo`` with the mark in its place."""
    number, memo = draft.number or "", draft.memo or ""
    if mark is None:
        return number, memo
    if mark_in == "number" or not number.strip():
        return mark, memo
    return number, f"{mark} {memo}" if memo else mark
