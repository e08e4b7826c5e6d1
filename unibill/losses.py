"""Losses: facts that a mapping could not carry.

A mapping that drops something says so, as a value. Money losses stop a copy; descriptive ones are listed and signed off.
"""

from dataclasses import dataclass
from enum import StrEnum

from unibill.redact import Shown


class LossKind(StrEnum):
    """How bad a loss is."""

    MONEY = "money"
    """The amount that would arrive is not the amount that left."""
    DESCRIPTIVE = "descriptive"
    """A text, a date, a reference: the money is right without it."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One fact that does not arrive.

    Attributes:
        field: the common model's field, such as ``memo`` or ``allocations[1].applied_at``.
        value: what is lost, as text; masked where it is shown.
        reason: why, in one sentence.
        kind: whether money or only a description is lost.
    """

    field: str
    value: str
    reason: str
    kind: LossKind = LossKind.DESCRIPTIVE

    def __repr__(self) -> str:
        return f"Loss(field={self.field!r}, value={Shown(self.value)!r}, reason={Shown(self.reason)!r}, kind={self.kind!r})"
