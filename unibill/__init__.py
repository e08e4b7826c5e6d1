"""One facade over the credits, allocations and charges of several billing systems.

::

    import unibill

    with unibill.connect("main") as billing:
        for credit in billing.credits.list(account="269"):
            print(credit.amount, credit.currency, credit.remaining)
"""

__version__ = "0.1.0"

from unibill.aio import AsyncBilling
from unibill.connecting import aconnect, connect
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import (
    AuthenticationFailed,
    BackendError,
    ConfigurationError,
    Conflict,
    Fault,
    InvalidDraft,
    InvalidQuery,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    PluginError,
    RateLimited,
    Rejected,
    Unavailable,
    UnibillError,
    UnsupportedOperation,
)
from unibill.facade import Billing
from unibill.hookspecs import hookimpl
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
)

__all__ = [
    "Allocation",
    "AllocationDraft",
    "AsyncBilling",
    "AuthenticationFailed",
    "BackendError",
    "Billing",
    "Charge",
    "ChargeCategory",
    "ChargeDraft",
    "ConfigurationError",
    "Conflict",
    "Credit",
    "CreditDraft",
    "CreditKind",
    "Direction",
    "Fault",
    "Finding",
    "InvalidDraft",
    "InvalidQuery",
    "Invoicing",
    "Loss",
    "LossKind",
    "MalformedResponse",
    "NotFound",
    "OutcomeUnknown",
    "PermissionDenied",
    "PluginError",
    "RateLimited",
    "Rejected",
    "Status",
    "Target",
    "TargetType",
    "Unavailable",
    "UnibillError",
    "UnsupportedOperation",
    "__version__",
    "aconnect",
    "connect",
    "hookimpl",
]
