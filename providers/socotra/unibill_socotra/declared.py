"""What the Socotra provider can do, as data."""

from typing import Final

from unibill.capabilities import Capabilities, Capability, FieldSupport, Grade, Limits, Operation, proven

_LIST = "credits: read, list"
_WHOLE = (
    "credits: read, list; charges: read, list; invoices: read, list; credit-distributions: read, list; payments: read, list; "
    "disbursements: read, list; write-offs: read, list; shortfall-credits: read, list; accounting: read"
)
_SPEND = "charges: write, read, list; invoices: read, list, write; credit-distributions: read, list, write"

_OPERATIONS: Final = {
    Operation.CREDITS_LIST: Capability(
        Grade.PARTIAL,
        _LIST,
        note="payments, distributions, disbursements and write-offs; credits that are charges are listed by account only",
        instead="credits.list(account=) for each account",
    ),
    Operation.CREDITS_LIST_ACCOUNT: Capability(
        Grade.EMULATED, f"{_LIST}; charges: read, list", note="credits/list and the account's credit charges, which it leaves out"
    ),
    Operation.CREDITS_LIST_INVOICE: Capability(
        Grade.NATIVE, "invoices: read, list", note="without allocations, an amount may be the whole credit or its part for the invoice"
    ),
    Operation.CREDITS_ALLOCATIONS: Capability(
        Grade.EMULATED, _WHOLE, note="of one account or invoice: the account is read whole, and its money attributed by fixed rules"
    ),
    Operation.CREDITS_GET: Capability(
        Grade.EMULATED, _WHOLE, note="a charge: id needs the account, since Socotra reads no charge by its locator"
    ),
    Operation.CREDITS_CREATE: Capability(
        Grade.EMULATED, "charges: write", note="a negative flat charge of the type in credit_charge_type; Socotra has no create-credit call"
    ),
    Operation.CREDITS_CREATE_ALLOCATED: Capability(
        Grade.EMULATED, _SPEND, note="the charge's invoice is settled into the balance, and a credit distribution made for each allocation"
    ),
    Operation.CREDITS_AUTO_APPLY: Capability(
        Grade.EMULATED, _SPEND, note="unibill picks the open invoices of the same currency, the earliest due first"
    ),
    Operation.CREDITS_FIND: Capability(Grade.EMULATED, "charges: read, list", note="by account: tags are searched charge by charge"),
    Operation.CREDITS_ALLOCATE: Capability(
        Grade.EMULATED,
        f"{_WHOLE}; credit-distributions: write; invoices: write",
        note="what is in the account's balance is spent by a credit distribution",
    ),
    Operation.CREDITS_DEALLOCATE: Capability(
        Grade.PARTIAL,
        f"{_WHOLE}; credit-distributions: write",
        note="whole credit distributions only, and only with a reversal_type",
    ),
    Operation.CREDITS_VOID: Capability(
        Grade.PARTIAL,
        f"{_WHOLE}; credit-distributions: write; charges: write; invoices: write; payments: write; write-offs: write",
        note="charges, payments, distributions and write-offs; not disbursements, subpayments and shortfall credits",
    ),
    Operation.CHARGES_LIST_ACCOUNT: Capability(Grade.NATIVE, "charges: read, list"),
    Operation.CHARGES_LIST_POLICY: Capability(Grade.NATIVE, "charges: read, list"),
    Operation.CHARGES_LIST_TRANSACTION: Capability(Grade.NATIVE, "charges: read, list", note="what include_all adds is not documented"),
    Operation.CHARGES_ADD: Capability(Grade.NATIVE, "charges: write", note="charge types whose handling is flat"),
    Operation.CHARGES_REVERSE: Capability(
        Grade.NATIVE, "charges: write, read, list", note="what is reversed already is refused, so the account's charges are read first"
    ),
}

_FIELDS: Final = {
    "id": FieldSupport(read=True, write=False, note="kind and locator, such as payment:01J…", vendor=("locator",)),
    "provider": FieldSupport(read=True, write=False),
    "account_id": FieldSupport(read=True, write=True, note="may be absent on a payment", vendor=("accountLocator",)),
    "kind": FieldSupport(read=True, write=False, note="what is written is a charge", vendor=("creditType", "chargeCategory")),
    "direction": FieldSupport(read=True, write=False),
    "status": FieldSupport(
        read=True,
        write=False,
        note="of a charge without its allocations: open means in force",
        vendor=("paymentState", "creditDistributionState", "disbursementState", "writeOffState", "shortfallCreditState", "creditState"),
    ),
    "remote_status": FieldSupport(
        read=True,
        write=False,
        note="a charge has none",
        vendor=("paymentState", "creditDistributionState", "disbursementState", "writeOffState", "shortfallCreditState", "creditState"),
    ),
    "currency": FieldSupport(read=True, write=True, vendor=("currency",)),
    "amount": FieldSupport(read=True, write=True, note="a charge's with the sign of credit_charge_sign", vendor=("amount",)),
    "applied": FieldSupport(read=True, write=False, note="with allocations=True"),
    "remaining": FieldSupport(read=True, write=False, note="with allocations=True"),
    "number": FieldSupport(read=True, write=False, note="of payments and disbursements", vendor=("paymentNumber", "disbursementNumber")),
    "memo": FieldSupport(read=True, write=True, note="a charge's tag, after the mark", vendor=("tag",)),
    "issued_on": FieldSupport(
        read=True, write=False, note="the day of createdAt in time_zone; a charge's is estimated from its locator", vendor=("createdAt",)
    ),
    "created_at": FieldSupport(read=True, write=False, note="a charge's is estimated from its locator", vendor=("createdAt",)),
    "realized_at": FieldSupport(read=True, write=False, vendor=("realizedAt", "postedAt", "executedAt")),
    "reversed_at": FieldSupport(read=True, write=False, note="charges do not have it", vendor=("reversedAt",)),
    "reversal_reason": FieldSupport(read=True, write=False, note="written as the configured reversal_type", vendor=("reversalReason",)),
    "parent_id": FieldSupport(
        read=True, write=False, note="of subpayments and shortfall credits", vendor=("aggregatePaymentLocator", "parentCreditLocator")
    ),
    "mark": FieldSupport(read=True, write=True, note="the start of a charge's tag", vendor=("tag",)),
    "allocations": FieldSupport(read=True, write=True, note="credit distributions, attributed; written one for each", vendor=("targets",)),
    "findings": FieldSupport(read=True, write=False),
    "extra": FieldSupport(read=True, write=False),
}

_RESTATED: Final = frozenset({"amount", "chargeCategory", "chargeInvoicing", "tag"})
"""The sign of a charge, that it is one, and when it was put on an invoice: the money says as much."""

CAPABILITIES: Final = Capabilities(proven(__name__, _OPERATIONS), _FIELDS, Limits(page_size=100, text=255), _RESTATED)
