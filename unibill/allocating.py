"""The algebra of allocations: pure, exact, and the same for every vendor.

Some vendors take the whole list of allocations anew (replace), others one movement at a time (delta). Providers translate;
what adds up to what is decided here. Every function conserves amounts to the last digit and applies nothing twice.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from unibill import money
from unibill.model import Allocation, TargetType

K = TypeVar("K")
S = TypeVar("S")
TargetKey = tuple[TargetType, str]
"""What names a target: its type and its id."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be done to get from one list of allocations to another.

    Attributes:
        kept: they stand as they are.
        added: targets with the amounts to apply to them.
        removed: allocations to undo.
    """

    kept: tuple[Allocation, ...]
    added: tuple[tuple[TargetKey, Decimal], ...]
    removed: tuple[Allocation, ...]


def key_of(allocation: Allocation) -> TargetKey:
    """The target of an allocation."""
    return allocation.target.type, allocation.target.id


def standing(allocations: Iterable[Allocation]) -> tuple[Allocation, ...]:
    """The allocations that have not been reversed."""
    return tuple(allocation for allocation in allocations if allocation.reversed_at is None)


def fold(allocations: Iterable[Allocation]) -> dict[TargetKey, Decimal]:
    """A history of allocations as what stands on each target, targets in the order they first appear."""
    sums: dict[TargetKey, Decimal] = {}
    for allocation in standing(allocations):
        key = key_of(allocation)
        sums[key] = money.add([sums.get(key, Decimal(0)), allocation.amount])
    return sums


def fill(sources: Sequence[tuple[S, Decimal]], targets: Sequence[tuple[K, Decimal]]) -> list[tuple[S, K, Decimal]]:
    """Spend sources on targets, each in its order, splitting where an amount does not fit.

    The edges come to the smaller of both sums. So the first source pays the first target, and what it cannot pay the next
    one does: a rule, where a vendor keeps two lists and not who paid whom.

    Args:
        sources: what there is, with amounts that are not negative.
        targets: what is wanted, with amounts that are not negative.
    """
    edges: list[tuple[S, K, Decimal]] = []
    waiting = deque((source, amount) for source, amount in sources if amount > 0)
    for target, wanted in targets:
        missing = wanted
        while missing > 0 and waiting:
            source, there = waiting.popleft()
            part = min(there, missing)
            edges.append((source, target, part))
            missing = money.subtract(missing, part)
            if there > part:
                waiting.appendleft((source, money.subtract(there, part)))
    return edges


def change(before: Iterable[Allocation], after: Mapping[TargetKey, Decimal]) -> Change:
    """From what stands to what is wanted, keeping every allocation that still fits.

    An allocation is kept while its target wants at least its amount; the oldest are kept first. What a target wants beyond
    is added; what it no longer wants is removed whole, and the rest of it added anew.

    Args:
        before: allocations in the order they were made; reversed ones do not count.
        after: the amount wanted on each target; none below zero.
    """
    wanted = dict(after)
    kept: list[Allocation] = []
    removed: list[Allocation] = []
    for allocation in standing(before):
        key = key_of(allocation)
        if allocation.amount <= wanted.get(key, Decimal(0)):
            kept.append(allocation)
            wanted[key] = money.subtract(wanted[key], allocation.amount)
        else:
            removed.append(allocation)
    added = tuple((key, amount) for key, amount in wanted.items() if amount > 0)
    return Change(tuple(kept), added, tuple(removed))


def applied(before: Iterable[Allocation], step: Change) -> dict[TargetKey, Decimal]:
    """What stands on each target after a change; ``change`` and ``applied`` undo each other."""
    gone = {id(allocation) for allocation in step.removed}
    sums = fold(allocation for allocation in before if id(allocation) not in gone)
    for key, amount in step.added:
        sums[key] = money.add([sums.get(key, Decimal(0)), amount])
    return sums


def over_applied(amount: Decimal, allocations: Iterable[Allocation]) -> Decimal:
    """By how much standing allocations exceed the amount of their credit; zero when they do not."""
    return max(money.subtract(money.add([allocation.amount for allocation in standing(allocations)]), amount), Decimal(0))
