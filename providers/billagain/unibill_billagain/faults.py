"""What BillAgain would refuse or not keep, told before anything is sent. Pure functions."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from unibill import marks, money
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft, faults_of_text
from unibill.errors import Fault
from unibill.model import Credit, Direction, TargetType
from unibill_billagain.mapping import CHARGE_TYPE, MarkIn, marked

DECIMALS: Final = 2
"""Amounts with more are not known to be kept: the samples and the product guide show two at most."""
TEXT: Final = 255
"""Assumed, not documented: the most characters of ``CreditNumber`` and ``Memo``."""
_ID_DIGITS: Final = 19


def faults_of_credit(draft: CreditDraft, mark: str | None, mark_in: MarkIn) -> list[Fault]:
    """What BillAgain would refuse or not keep of a draft that the core has passed."""
    faults = [*_faults_of_id("$.account_id", draft.account_id), *_faults_of_scale("$.amount", draft.amount)]
    if mark is None and not (draft.number or "").strip():
        faults.append(Fault("$.number", "BillAgain demands a CreditNumber; give a number, or create with a key"))
    faults += [*_faults_of_marks("$.number", draft.number), *_faults_of_marks("$.memo", draft.memo)]
    number, memo = marked(draft, mark, mark_in)
    faults += faults_of_text("$.number", number, most=TEXT)
    faults += faults_of_text("$.memo", memo, most=TEXT)
    return [*faults, *faults_of_allocations(draft.allocations)]


def faults_of_allocations(drafts: Sequence[AllocationDraft]) -> list[Fault]:
    """What BillAgain would refuse of allocations that the core has passed."""
    faults: list[Fault] = []
    for i, item in enumerate(drafts):
        at = f"$.allocations[{i}]"
        faults += _faults_of_scale(f"{at}.amount", item.amount)
        if item.target_type is not TargetType.INVOICE:
            faults.append(
                Fault(f"{at}.target_type", f"BillAgain allocates credits to invoices only, not to a target of type {item.target_type}")
            )
        if item.target_id is not None:
            faults += _faults_of_id(f"{at}.target_id", item.target_id)
        if item.target_number is not None:
            faults += _faults_of_id(f"{at}.target_number", item.target_number)
    return faults


def faults_of_edit(credit: Credit) -> list[Fault]:
    """Why a credit as it stands cannot be sent back by PUT, which demands every field and the whole list."""
    faults: list[Fault] = []
    if credit.account_id is None:
        faults.append(Fault("$.account_id", "BillAgain sent no customerID, and PUT demands it"))
    else:
        faults += _faults_of_id("$.account_id", credit.account_id)
    if credit.direction is Direction.FROM_ACCOUNT:
        faults.append(Fault("$.amount", "a negative credit note is not edited: what it means is not documented"))
    if credit.issued_on is None:
        faults.append(Fault("$.issued_on", "BillAgain sent no readable Date, and PUT demands it"))
    if credit.allocations is None:
        faults.append(Fault("$.allocations", "BillAgain did not list them, and PUT would delete those that it is not sent"))
    for i, item in enumerate(credit.allocations or ()):
        if item.target.type is not TargetType.INVOICE:
            faults.append(Fault(f"$.allocations[{i}]", "it goes to no invoice, and PUT can name nothing else"))
        else:
            faults += _faults_of_id(f"$.allocations[{i}].target.id", item.target.id)
        if item.id is not None:
            faults += _faults_of_id(f"$.allocations[{i}].id", item.id)
    return faults


def faults_of_charge(draft: ChargeDraft, at: str) -> list[Fault]:
    """What BillAgain cannot hold of a charge: everything but a plain credit."""
    faults = [*_faults_of_id(f"{at}.account_id", draft.account_id), *_faults_of_scale(f"{at}.amount", draft.amount)]
    if draft.amount > 0:
        faults.append(
            Fault(
                f"{at}.amount", "BillAgain has no charges, only credit notes: give a negative amount, or bill it on an invoice in BillAgain"
            )
        )
    if draft.type not in {None, CHARGE_TYPE}:
        faults.append(Fault(f"{at}.type", f"BillAgain has no charge types; leave it out or give {CHARGE_TYPE!r}"))
    if draft.invoicing is not None:
        faults.append(Fault(f"{at}.invoicing", "a credit note is never invoiced; leave it out"))
    for name in ("policy_id", "transaction_id", "element_id", "element_static_id"):
        if getattr(draft, name) is not None:
            faults.append(Fault(f"{at}.{name}", "BillAgain has none; leave it out"))
    if not (draft.tag or "").strip():
        faults.append(Fault(f"{at}.tag", "BillAgain demands a CreditNumber, which is made from the tag; give one"))
    return [*faults, *_faults_of_marks(f"{at}.tag", draft.tag), *faults_of_text(f"{at}.tag", draft.tag, most=TEXT)]


def _faults_of_id(at: str, value: str) -> list[Fault]:
    digits = value.isascii() and value.isdecimal() and not value.startswith("0") and len(value) <= _ID_DIGITS
    return [] if digits else [Fault(at, f"{value!r} is not one of BillAgain's ids or numbers, which are whole numbers such as 11352")]


def _faults_of_marks(at: str, text: str | None) -> list[Fault]:
    found = marks.find(text)
    return [Fault(at, f"it begins with a mark of unibill ({found}) and would be taken for one")] if found else []


def _faults_of_scale(at: str, amount: Decimal) -> list[Fault]:
    digits = money.scale(amount)
    return [Fault(at, f"{amount} has {digits} decimals; BillAgain is known to keep {DECIMALS}")] if digits > DECIMALS else []
