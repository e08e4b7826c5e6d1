"""The arithmetic of sources and targets: filling in omitted amounts, capping, and pairing sources with targets."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from unibill_socotra.sandbox.records import Item

ZERO: Final = Decimal(0)
Available = Callable[[Item], Decimal]
"""How much a container can give (a source) or take (a target)."""


class Movement(NamedTuple):
    """One source giving to one target."""

    source: Item
    target: Item
    amount: Decimal


def with_amount(item: Item, amount: Decimal) -> Item:
    """The same container with that amount."""
    return Item(item.container_locator, item.container_type, amount)


def filled(items: Sequence[Item], total: Decimal, available: Available) -> list[Item]:
    """Omitted amounts filled in list order, each with what its container can take, up to the total."""
    left = total - sum((item.amount for item in items if item.amount is not None), ZERO)
    done: list[Item] = []
    for item in items:
        if item.amount is not None:
            done.append(item)
            continue
        amount = max(min(left, available(item)), ZERO)
        left -= amount
        done.append(with_amount(item, amount))
    return done


def capped(items: Sequence[Item], available: Available) -> list[Item]:
    """Every amount lowered to what is available, a container named twice counted once."""
    used: dict[str, Decimal] = {}
    done: list[Item] = []
    for item in items:
        room = available(item) - used.get(item.container_locator, ZERO)
        amount = max(min(item.amount or ZERO, room), ZERO)
        used[item.container_locator] = used.get(item.container_locator, ZERO) + amount
        done.append(with_amount(item, amount))
    return done


def trimmed(items: Sequence[Item], total: Decimal) -> list[Item]:
    """The amounts in list order until the total is reached."""
    done: list[Item] = []
    left = total
    for item in items:
        amount = min(item.amount or ZERO, left)
        left -= amount
        done.append(with_amount(item, amount))
    return done


def total_of(items: Sequence[Item]) -> Decimal:
    """The sum of the amounts."""
    return sum((item.amount or ZERO for item in items), ZERO)


def movements(sources: Sequence[Item], targets: Sequence[Item]) -> Iterator[Movement]:
    """Sources paired with targets in list order; what is moved is the lesser of both sums."""
    waiting = [(target, target.amount or ZERO) for target in targets]
    for source in sources:
        left = source.amount or ZERO
        while left and waiting:
            target, room = waiting[0]
            amount = min(left, room)
            left -= amount
            if amount:
                yield Movement(source, target, amount)
            if amount == room:
                waiting.pop(0)
            else:
                waiting[0] = (target, room - amount)
