"""How the engine refuses: one exception, and the routes choose the status by the switches."""

from typing import Literal

from unibill_socotra.sandbox.records import Record

Reason = Literal["invalid", "unknown", "conflict", "refused-validation", "shortage"]


class Declined(Exception):
    """A request that the sandbox does not carry out; nothing has changed.

    Attributes:
        kind: ``invalid`` input, ``unknown`` locator, ``conflict`` with the state of a record, a validation that was refused,
            or a ``shortage`` of funds on execution.
        message: one sentence for the error's ``message``.
        record: the record whose state stands in the way, where there is one.
    """

    def __init__(self, kind: Reason, message: str, record: Record | None = None) -> None:
        super().__init__(message)
        self.kind: Reason = kind
        self.message = message
        self.record = record


def invalid(message: str) -> Declined:
    """Malformed or impossible input."""
    return Declined("invalid", message)


def unknown(what: str, locator: str) -> Declined:
    """A locator that names nothing of that kind."""
    return Declined("unknown", f"{what} {locator} was not found")


def conflict(message: str, record: Record | None = None) -> Declined:
    """A state change that the record's state forbids."""
    return Declined("conflict", message, record)
