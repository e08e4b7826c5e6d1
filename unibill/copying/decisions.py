"""The words of a run: what is decided of a record, and how far it has come."""

from enum import StrEnum


class Decision(StrEnum):
    """What the plan decides of a source credit."""

    CREATE = "create"
    """It is not at the target yet, and apply creates it."""
    EXISTS = "exists"
    """The target has it already, under its mark."""
    CONFLICT = "conflict"
    """Something else carries its mark; nothing is created over it."""
    SKIP = "skip"
    """There is nothing to carry, or it was not asked for."""
    BLOCKED = "blocked"
    """It should be carried and cannot be; a person has to look."""


class State(StrEnum):
    """How far apply has come with a record."""

    NONE = ""
    """Nothing is to be done."""
    PLANNED = "planned"
    """It is to be created and was not begun."""
    SENDING = "sending"
    """An intent is in the store and no outcome: after a crash that is the same as unknown."""
    CREATED = "created"
    """This run made it, and it was read back."""
    EXISTS = "exists"
    """It was there already when its turn came."""
    REJECTED = "rejected"
    """The target refused it."""
    FAILED = "failed"
    """It was not made, for a reason that may pass."""
    UNKNOWN = "unknown"
    """It was sent, and nobody can say whether it took effect; the next apply looks for its mark."""
    REFUSED = "refused"
    """The source has changed since the plan."""
    CONFLICT = "conflict"
    """When its turn came, something else carried its mark."""
    UNDONE = "undone"
    """It was rolled back."""


UNSETTLED = frozenset({State.SENDING, State.UNKNOWN})
FAILED = frozenset({State.FAILED, State.REJECTED, State.REFUSED, State.CONFLICT})
OPEN = UNSETTLED | FAILED | {State.PLANNED, State.UNDONE}
"""States that another apply takes up."""
DONE = frozenset({State.CREATED, State.EXISTS})
BEGUN = UNSETTLED | FAILED | {State.CREATED}
"""States in which something of a record may stand at the target because of this run, if it has sent a write for it: a late effect of one
that was looked for in vain, too."""
