"""One facade over the credits, allocations and charges of several billing systems.

::

    import unibill

    with unibill.connect("main") as billing:
        for credit in billing.credits.list(account="269"):
            print(credit.amount, credit.currency, credit.remaining)
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

from unibill.version import __version__

if TYPE_CHECKING:
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
    from unibill.notebook import Records

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
    "Records",
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

_HOMES: Final[Mapping[str, str]] = {
    "AsyncBilling": "unibill.aio",
    "aconnect": "unibill.connecting",
    "connect": "unibill.connecting",
    "AllocationDraft": "unibill.drafts",
    "ChargeDraft": "unibill.drafts",
    "CreditDraft": "unibill.drafts",
    "AuthenticationFailed": "unibill.errors",
    "BackendError": "unibill.errors",
    "ConfigurationError": "unibill.errors",
    "Conflict": "unibill.errors",
    "Fault": "unibill.errors",
    "InvalidDraft": "unibill.errors",
    "InvalidQuery": "unibill.errors",
    "MalformedResponse": "unibill.errors",
    "NotFound": "unibill.errors",
    "OutcomeUnknown": "unibill.errors",
    "PermissionDenied": "unibill.errors",
    "PluginError": "unibill.errors",
    "RateLimited": "unibill.errors",
    "Rejected": "unibill.errors",
    "Unavailable": "unibill.errors",
    "UnibillError": "unibill.errors",
    "UnsupportedOperation": "unibill.errors",
    "Billing": "unibill.facade",
    "hookimpl": "unibill.hookspecs",
    "Loss": "unibill.losses",
    "LossKind": "unibill.losses",
    "Allocation": "unibill.model",
    "Charge": "unibill.model",
    "ChargeCategory": "unibill.model",
    "Credit": "unibill.model",
    "CreditKind": "unibill.model",
    "Direction": "unibill.model",
    "Finding": "unibill.model",
    "Invoicing": "unibill.model",
    "Status": "unibill.model",
    "Target": "unibill.model",
    "TargetType": "unibill.model",
    "Records": "unibill.notebook",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that programs, the command line above all, load only what they use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
