"""Everything unibill raises.

::

    UnibillError
    ├── ConfigurationError       a setting, a secret or unibill.toml is missing or wrong
    │   └── PluginError          a provider is unknown, broken, or claimed twice
    ├── InvalidDraft             what a caller wants written has faults; all of them, each with its path
    ├── InvalidQuery             a question that makes no sense, such as both an account and an invoice
    ├── UnsupportedOperation     the backend cannot do it; nothing was sent
    ├── BackendError             the backend was asked and something went wrong
    │   ├── AuthenticationFailed     wrong or missing credentials
    │   ├── PermissionDenied         the credentials lack a permission
    │   ├── NotFound                 no such record, or it belongs to somebody else
    │   ├── Rejected                 understood and refused: nothing was changed
    │   │   └── Conflict             refused because of the record's state, or a mark that stands on something else
    │   ├── RateLimited              too many requests, and waiting did not help
    │   ├── Unavailable              no connection, no answer, or a server error
    │   ├── MalformedResponse        an answer that cannot be read
    │   └── OutcomeUnknown           a write was sent and nobody can say whether it took effect
    └── RunError                 a migration run cannot go on
        ├── RunStoreError            the run is locked, damaged, from elsewhere, or cannot be written
        │   └── LeaseLost                another worker has taken over what this one was working on
        ├── PlanMismatch             the plan is not the one that was signed off
        └── GuardStopped             a guard or an open question stopped the run

``OutcomeUnknown`` is the one that needs care: do not send again, look first (``credits.find(key=...)``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from unibill.redact import clean, clean_request_id

_PERMISSION_MATTERS = frozenset({403, 404})


class UnibillError(Exception):
    """The root of all errors that unibill raises on purpose. What it says is clean: card-like numbers and secrets are masked."""

    exit_status: ClassVar[int] = 3
    """The exit status of the command line when it ends with this error."""

    def __init__(self, message: str = "") -> None:
        super().__init__(clean(message))


class ConfigurationError(UnibillError):
    """A setting is missing or wrong; the message says which, where, and what would do."""

    exit_status = 2


class PluginError(ConfigurationError):
    """A provider is unknown, broken, or claimed by two distributions."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a draft.

    Attributes:
        path: where, such as ``$.allocations[1].amount``.
        message: what is wrong and what would be right.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class InvalidDraft(UnibillError):
    """A draft with faults. Nothing was sent.

    Attributes:
        faults: all of them, in the order of the draft's fields.
    """

    exit_status = 2

    def __init__(self, what: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(Fault(fault.path, clean(fault.message)) for fault in faults)
        super().__init__(f"the {what} cannot be written: " + "; ".join(str(fault) for fault in self.faults))


class InvalidQuery(UnibillError):
    """A question that makes no sense or lacks a part. Nothing was sent."""

    exit_status = 2


class UnsupportedOperation(UnibillError):
    """The backend does not offer this operation, or unibill does not yet. Nothing was sent.

    Attributes:
        operation: the facade's name for it, such as ``credits.create``.
        instead: what would do, or an empty text.
    """

    exit_status = 2

    def __init__(self, backend: str, operation: str, reason: str, instead: str = "") -> None:
        self.backend = backend
        self.operation = operation
        self.instead = instead
        super().__init__(f"backend {backend!r} cannot do {operation}: {reason}" + (f"; instead: {instead}" if instead else ""))


class BackendError(UnibillError):
    """A backend was asked, and something went wrong.

    Attributes:
        backend: its name in the configuration; filled in by the driver.
        operation: the vendor's name of the operation.
        status: the HTTP status, if there was an answer.
        vendor_message: the vendor's own words, with secrets removed.
        request_id: the vendor's id of the request, if it sends one.
        permission: the vendor's permission that the operation needs, if it is known.
        hint: what to do next.
    """

    default_hint: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        backend: str = "",
        operation: str = "",
        status: int | None = None,
        vendor_message: str = "",
        request_id: str = "",
        permission: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = clean(message)
        self.backend = backend
        self.operation = operation
        self.status = status
        self.vendor_message = clean(vendor_message)
        self.request_id = clean_request_id(request_id)
        self.permission = permission
        self.hint = hint or self.default_hint

    def __str__(self) -> str:
        where = " ".join(part for part in (self.backend, self.operation) if part)
        said = f' The backend said: "{self.vendor_message}".' if self.vendor_message else ""
        facts = ", ".join(
            part
            for part in (
                f"status {self.status}" if self.status is not None else "",
                f"request {self.request_id}" if self.request_id else "",
                f"needs permission {self.permission}" if self.permission and self.status in _PERMISSION_MATTERS else "",
            )
            if part
        )
        text = f"{where}: {self.message}" if where else self.message
        text += f" ({facts})." if facts else "."
        return text + said + (f" {self.hint}" if self.hint else "")


class AuthenticationFailed(BackendError):
    """The backend does not accept the credentials."""

    default_hint = "Check the backend's credentials in unibill.toml and the environment variables it names."


class PermissionDenied(BackendError):
    """The credentials are good, but lack a permission."""

    default_hint = "Ask the vendor's administrator for this permission, or use other credentials."


class NotFound(BackendError):
    """No such record, or it belongs to another account."""

    default_hint = "Check the id, that it belongs to this backend's account or tenant, and the base_url."


class Rejected(BackendError):
    """The backend understood and refused; nothing was changed."""

    default_hint = "Mend what the backend names and try again."


class Conflict(Rejected):
    """Refused because of the state of a record, or because a mark already stands on something else."""

    default_hint = "Read the record again and decide from its present state."


class RateLimited(BackendError):
    """Too many requests; the waiting that the settings allow was not enough.

    Attributes:
        retry_after: seconds that the vendor asked to wait, if it said so.
    """

    default_hint = "Lower the backend's rate or concurrency, or try later."
    retry_after: float | None = None


class Unavailable(BackendError):
    """No connection, no answer in time, or a server error.

    Attributes:
        sent: whether the request may have reached the backend. ``False`` only where the transport proves it.
    """

    default_hint = "Check the base_url and the network, or try later."
    sent: bool = True


class MalformedResponse(BackendError):
    """An answer that is not what the vendor documents: HTML, half a JSON text, a field of another type."""

    default_hint = "Check that base_url names the vendor's API itself; if it does, the vendor's answer has changed."


class OutcomeUnknown(BackendError):
    """A write was sent, and no readable answer came: it may have taken effect or not.

    Never send it again blindly. With a key, ``credits.find(key=...)`` or a second ``create`` with the same key settles it.
    """

    default_hint = "Do not send it again before looking: find it by its key or in the account's list."


class RunError(UnibillError):
    """A migration run cannot start or go on."""


class RunStoreError(RunError):
    """The run is locked by another process, damaged, made by something else, or cannot be written."""

    exit_status = 2


class LeaseLost(RunStoreError):
    """A worker was not heard of for so long that another may have its part of the run; it sends and writes nothing more."""


class PlanMismatch(RunError):
    """The plan is not the one that was signed off, or its inputs have changed."""

    exit_status = 4


class GuardStopped(RunError):
    """A guard stopped the run before anything was written; the message names the option that would let it pass."""

    exit_status = 4
