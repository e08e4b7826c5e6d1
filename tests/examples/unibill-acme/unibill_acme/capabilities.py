"""What this provider can do. Evidence for it is not written here: ``pytest --unibill-evidence write`` computes it."""

from unibill.capabilities import Capabilities, Capability, FieldSupport, Grade, Limits, Operation, proven

_READ, _WRITE = "credits.read", "credits.write"
_NO_ALLOCATIONS = Capability(Grade.UNSUPPORTED, note="Acme does not say what a credit is spent on")
_NO_CHARGES = Capability(Grade.UNSUPPORTED, note="Acme has no charges", instead="credits.create")
_READABLE = {
    "id": "id",
    "account_id": "customer",
    "status": "state",
    "remote_status": "state",
    "currency": "currency",
    "amount": "amount",
    "applied": "left",
    "remaining": "left",
    "number": "reference",
    "memo": "text",
    "mark": "text",
    "created_at": "created",
}
"""The fields of a common credit, and what Acme calls them."""
_WRITABLE = ("account_id", "currency", "amount", "number", "memo", "mark")

_OPERATIONS = {
    Operation.CREDITS_LIST: Capability(Grade.NATIVE, _READ),
    Operation.CREDITS_LIST_ACCOUNT: Capability(Grade.NATIVE, _READ),
    Operation.CREDITS_LIST_INVOICE: _NO_ALLOCATIONS,
    Operation.CREDITS_ALLOCATIONS: _NO_ALLOCATIONS,
    Operation.CREDITS_GET: Capability(Grade.NATIVE, _READ),
    Operation.CREDITS_CREATE: Capability(Grade.NATIVE, _WRITE),
    Operation.CREDITS_CREATE_ALLOCATED: _NO_ALLOCATIONS,
    Operation.CREDITS_AUTO_APPLY: _NO_ALLOCATIONS,
    Operation.CREDITS_FIND: Capability(Grade.EMULATED, _READ, note="reads the account's credits"),
    Operation.CREDITS_ALLOCATE: _NO_ALLOCATIONS,
    Operation.CREDITS_DEALLOCATE: _NO_ALLOCATIONS,
    Operation.CREDITS_VOID: Capability(Grade.NATIVE, _WRITE),
    Operation.CHARGES_LIST_ACCOUNT: _NO_CHARGES,
    Operation.CHARGES_LIST_POLICY: _NO_CHARGES,
    Operation.CHARGES_LIST_TRANSACTION: _NO_CHARGES,
    Operation.CHARGES_ADD: _NO_CHARGES,
    Operation.CHARGES_REVERSE: _NO_CHARGES,
}

CAPABILITIES = Capabilities(
    operations=proven(__name__, _OPERATIONS),
    credit_fields={name: FieldSupport(read=True, write=name in _WRITABLE, vendor=(theirs,)) for name, theirs in _READABLE.items()},
    limits=Limits(page_size=50, text=200),
)
