"""What the BillAgain provider declares, as data; the README's tables rest on it."""

from typing import Final

from unibill.capabilities import Capabilities, Capability, FieldSupport, Grade, Limits, Operation, proven
from unibill_billagain.api import PERMISSION
from unibill_billagain.faults import DECIMALS, TEXT
from unibill_billagain.settings import MOST_PER_PAGE


def _can(grade: Grade, note: str = "") -> Capability:
    return Capability(grade, PERMISSION, note)


CAPABILITIES: Final = Capabilities(
    operations=proven(
        __name__,
        {
            Operation.CREDITS_LIST: _can(Grade.NATIVE),
            Operation.CREDITS_LIST_ACCOUNT: _can(Grade.NATIVE),
            Operation.CREDITS_LIST_INVOICE: _can(
                Grade.EMULATED, "reads the list of all credit notes and keeps those allocated to the invoice"
            ),
            Operation.CREDITS_ALLOCATIONS: _can(Grade.NATIVE, "they are always in the list"),
            Operation.CREDITS_GET: _can(Grade.NATIVE),
            Operation.CREDITS_CREATE: _can(
                Grade.PARTIAL,
                "the vendor's page demands allocations unless auto_apply is given; without both an empty list is sent, which BillAgain may refuse",
            ),
            Operation.CREDITS_CREATE_ALLOCATED: _can(Grade.NATIVE),
            Operation.CREDITS_AUTO_APPLY: _can(
                Grade.NATIVE, 'goes to "the earliest invoice"; whether the rest goes to the next is not documented'
            ),
            Operation.CREDITS_FIND: _can(Grade.EMULATED, "reads the account's list and looks for the mark in CreditNumber and Memo"),
            Operation.CREDITS_ALLOCATE: _can(Grade.EMULATED, "GET, then PUT with every allocation and the new ones, then GET"),
            Operation.CREDITS_DEALLOCATE: _can(Grade.EMULATED, "GET, then PUT with every allocation but those, then GET"),
            Operation.CREDITS_VOID: _can(Grade.NATIVE, "deletes the credit note; BillAgain keeps no trace of it"),
            Operation.CHARGES_LIST_ACCOUNT: _can(Grade.EMULATED, "credit notes, each as a negative charge of category credit"),
            Operation.CHARGES_LIST_POLICY: Capability(
                Grade.UNSUPPORTED, note="BillAgain has no policies", instead="charges.list(account=)"
            ),
            Operation.CHARGES_LIST_TRANSACTION: Capability(
                Grade.UNSUPPORTED, note="BillAgain has no transactions", instead="charges.list(account=)"
            ),
            Operation.CHARGES_ADD: _can(Grade.EMULATED, "negative charges only, each as a credit note with the tag as its CreditNumber"),
            Operation.CHARGES_REVERSE: _can(Grade.EMULATED, "deletes the credit notes, so there are no reversing charges to give back"),
        },
    ),
    credit_fields={
        "id": FieldSupport(read=True, write=False, note="creditNoteID; never the one nested in an allocation", vendor=("creditNoteID",)),
        "provider": FieldSupport(read=True, write=False),
        "account_id": FieldSupport(read=True, write=True, note="customerID", vendor=("customerID",)),
        "kind": FieldSupport(read=True, write=False, note="always credit_note"),
        "direction": FieldSupport(
            read=True, write=False, note="from_account only where the amount is negative, which is not documented", vendor=("Amount",)
        ),
        "status": FieldSupport(
            read=True, write=False, note="from the amounts, but for Pending, Failed and unknown words", vendor=("Status",)
        ),
        "remote_status": FieldSupport(read=True, write=False, note="Status", vendor=("Status",)),
        "currency": FieldSupport(read=True, write=True, note="CurrencyCode", vendor=("CurrencyCode",)),
        "amount": FieldSupport(read=True, write=True, note="Amount", vendor=("Amount",)),
        "applied": FieldSupport(read=True, write=False, note="the sum of amountApplied"),
        "remaining": FieldSupport(read=True, write=False, note="Amount less the sum of amountApplied"),
        "number": FieldSupport(read=True, write=True, note="CreditNumber; a mark may take its place", vendor=("CreditNumber",)),
        "memo": FieldSupport(read=True, write=True, note="Memo; empty and absent are the same", vendor=("Memo",)),
        "issued_on": FieldSupport(read=True, write=True, note="Date, as a day in time_zone", vendor=("Date",)),
        "created_at": FieldSupport(read=False, write=False, note="BillAgain does not tell"),
        "realized_at": FieldSupport(read=False, write=False, note="BillAgain does not tell"),
        "reversed_at": FieldSupport(read=False, write=False, note="a deleted credit note is gone"),
        "reversal_reason": FieldSupport(read=False, write=False, note="a deleted credit note is gone"),
        "parent_id": FieldSupport(read=False, write=False, note="BillAgain has none"),
        "mark": FieldSupport(read=True, write=True, note="CreditNumber, or the start of Memo", vendor=("CreditNumber", "Memo")),
        "allocations": FieldSupport(
            read=True, write=True, note="to invoices only; by id or, when written, by number", vendor=("Allocations",)
        ),
        "findings": FieldSupport(read=True, write=False),
        "extra": FieldSupport(read=True, write=False, note="undocumented fields, and texts that a mark or a day does not say in full"),
    },
    limits=Limits(page_size=MOST_PER_PAGE, decimals=DECIMALS, text=TEXT),
    restated=frozenset({"Amount", "CreditNumber", "Memo"}),
)
