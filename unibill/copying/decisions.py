"""The words of a run: what is decided of a record, and how far it has come."""

from enum import StrEnum


class Decision(StrEnum):
    """What the plan decides of a source credit."""

    CREATE = "create"
    EXISTS = "exists"
    """The target has it already, under its mark."""
    CONFLICT = "conflict"
    """Something else carries its mark; nothing is created over it."""
    SKIP = "skip"
    BLOCKED = "blocked"


class State(StrEnum):
    """How far apply has come with a record."""

    NONE = ""
    """Nothing is to be done."""
    PLANNED = "planned"
    SENDING = "sending"
    """An intent is in the store and no outcome: after a crash that is the same as unknown."""
    CREATED = "created"
    EXISTS = "exists"
    REJECTED = "rejected"
    """The target refused it."""
    FAILED = "failed"
    """It was not made, for a reason that may pass."""
    UNKNOWN = "unknown"
    REFUSED = "refused"
    """The source has changed since the plan."""
    CONFLICT = "conflict"
    UNDONE = "undone"


UNSETTLED = frozenset({State.SENDING, State.UNKNOWN})
FAILED = frozenset({State.FAILED, State.REJECTED, State.REFUSED, State.CONFLICT})
OPEN = UNSETTLED | FAILED | {State.PLANNED, State.UNDONE}
"""States that another apply takes up."""
DONE = frozenset({State.CREATED, State.EXISTS})
