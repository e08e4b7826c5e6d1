"""The algebra of allocations: pure, exact, and the same for every vendor.

Some vendors take the whole list of allocations anew (replace), others one movement at a time (delta). Both follow from a
``Change``: the list is what is kept and what is added, the movements are what is removed and what is added. Providers translate;
what adds up to what is decided here, and in ``unibill.pooling`` for money that several credits put into one balance. Every
function conserves amounts to the last digit and applies nothing twice.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, Never, TypeVar

from unibill import money
from unibill.model import Allocation, TargetType

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
K = TypeVar("K")
S = TypeVar("S")
TargetKey = tuple[TargetType, str]
"""What names a target: its type and its id."""


@dataclass(frozen=True, slots=True)
class Change(Generic[A_co]):
    """What has to be done to get from one list of allocations to another.

    Attributes:
        kept: they stand as they are.
        added: what to apply anew.
        removed: allocations to undo.
    """

    kept: tuple[Allocation, ...]
    added: tuple[A_co, ...]
    removed: tuple[Allocation, ...]


def key_of(allocation: Allocation) -> TargetKey:
    """The target of an allocation."""
    return allocation.target.type, allocation.target.id


def standing(allocations: Iterable[Allocation]) -> tuple[Allocation, ...]:
    """The allocations that have not been reversed."""
    return tuple(allocation for allocation in allocations if allocation.reversed_at is None)


def fold(allocations: Iterable[Allocation]) -> dict[TargetKey, Decimal]:
    """A history of allocations as what stands on each target, targets in the order they first appear."""
    return merge((key_of(allocation), allocation.amount) for allocation in standing(allocations))


def merge(parts: Iterable[tuple[K, Decimal]]) -> dict[K, Decimal]:
    """Several parts of one target as one part, targets in the order they first appear."""
    sums: dict[K, Decimal] = {}
    for key, amount in parts:
        sums[key] = money.add([sums.get(key, Decimal(0)), amount])
    return sums


def apply(before: Iterable[Allocation], added: Iterable[A]) -> Change[A]:
    """Spend more: all that stands is kept."""
    return Change(standing(before), tuple(added), ())


def reverse(before: Iterable[Allocation], ids: Collection[str]) -> Change[Never]:
    """Undo the standing allocations that have these ids; the others are kept whole."""
    there = standing(before)
    removed = tuple(allocation for allocation in there if allocation.id in ids)
    return Change(tuple(allocation for allocation in there if allocation.id not in ids), (), removed)


def take(sources: deque[tuple[S, Decimal]], wanted: Decimal) -> list[tuple[S, Decimal]]:
    """Take an amount off a queue of sources, the first one first; one that has more than is wanted stays with the rest.

    Args:
        sources: what there is, with amounts that are not negative; what is taken is gone from it.
        wanted: at most this is taken, and less only where there is no more.
    """
    taken: list[tuple[S, Decimal]] = []
    while wanted > 0 and sources:
        source, there = sources.popleft()
        part = min(there, wanted)
        wanted = money.subtract(wanted, part)
        if there > part:
            sources.appendleft((source, money.subtract(there, part)))
        if part > 0:
            taken.append((source, part))
    return taken


def complete(total: Decimal, parts: Sequence[tuple[Decimal | None, Decimal | None]]) -> list[Decimal]:
    """The amounts of parts of a total, where a vendor leaves some out.

    A part without an amount takes what the given amounts leave of the total, in list order, none beyond its bound. Given
    amounts beyond the total are cut, the last ones first. So the parts never come to more than the total.

    Args:
        total: not negative.
        parts: of each its amount and its bound, None where there is none; none negative.
    """
    left = total
    room = max(money.subtract(total, money.add([amount for amount, _ in parts if amount is not None])), Decimal(0))
    amounts: list[Decimal] = []
    for given, bound in parts:
        if given is None:
            amount = room if bound is None else min(room, bound)
            room = money.subtract(room, amount)
        else:
            amount = min(given, left)
        left = money.subtract(left, amount)
        amounts.append(amount)
    return amounts


def fill(sources: Sequence[tuple[S, Decimal]], targets: Sequence[tuple[K, Decimal]]) -> list[tuple[S, K, Decimal]]:
    """Spend sources on targets, each in its order, splitting where an amount does not fit.

    The edges come to the smaller of both sums. So the first source pays the first target, and what it cannot pay the next
    one does: a rule, where a vendor keeps two lists and not who paid whom.

    Args:
        sources: what there is, with amounts that are not negative.
        targets: what is wanted, with amounts that are not negative.
    """
    waiting = deque(sources)
    return [(source, target, part) for target, wanted in targets for source, part in take(waiting, wanted)]


def change(before: Iterable[Allocation], after: Mapping[TargetKey, Decimal]) -> Change[tuple[TargetKey, Decimal]]:
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


def applied(before: Iterable[Allocation], step: Change[tuple[TargetKey, Decimal]]) -> dict[TargetKey, Decimal]:
    """What stands on each target after a change; ``change`` and ``applied`` undo each other."""
    gone = {id(allocation) for allocation in step.removed}
    left = [(key_of(allocation), allocation.amount) for allocation in standing(before) if id(allocation) not in gone]
    return merge([*left, *step.added])
