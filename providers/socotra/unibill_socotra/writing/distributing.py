"""Running one credit distribution from wherever it stands to executed, and finding those that unibill made for a credit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from unibill.errors import Conflict
from unibill.flow import Flow, Step
from unibill.model import Allocation
from unibill_socotra.api import SocotraApi, read_all
from unibill_socotra.mapping import ids
from unibill_socotra.mapping.times import moment
from unibill_socotra.reading.edges import Part, resolved, target_of
from unibill_socotra.wire.common import CreditItem
from unibill_socotra.wire.credits import Distribution
from unibill_socotra.wire.invoices import Invoice

_ALIVE = frozenset({"draft", "validated", "executed"})


@dataclass(frozen=True, slots=True)
class Movement:
    """What a distribution is to move: one source, one target."""

    account: str
    currency: str
    amount: Decimal
    source: Part
    target: Part

    def is_of(self, record: Distribution) -> bool:
        """Whether a distribution moves just this."""
        sources, targets = resolved(record.sources, record.amount, {}), resolved(record.targets, record.amount, {})
        same = [part.locator for part in (*sources, *targets)] == [self.source.locator, self.target.locator]
        return same and record.amount == self.amount and record.currency == self.currency

    def is_short_in(self, record: Distribution) -> bool:
        """Whether a distribution may be this one, of which the server moved only a part: between the same ends, out of a balance, less."""
        ends = [item.container_locator for item in (*(record.sources or ()), *(record.targets or ()))]
        same = record.currency == self.currency and ends == [self.source.locator, self.target.locator]
        moved = same and self.source.type == "account" and record.credit_distribution_state == "executed"
        return moved and record.amount < self.amount


def made_for(api: SocotraApi, account: str, credit_id: str) -> Flow[list[Distribution]]:
    """The distributions that unibill made for a credit, by their numbers."""
    every = yield from read_all(lambda at: api.fetch_multiple_credit_distributions(account, offset=at), api.page_size)
    return own_of(every, credit_id)


def own_of(distributions: Iterable[Distribution], credit_id: str) -> list[Distribution]:
    """The same, out of distributions that are read already."""
    stem = ids.stem_of(credit_id)
    return sorted((record for record in distributions if ids.derived_stem(record.locator) == stem), key=lambda record: record.locator)


def next_number(known: Sequence[Distribution]) -> int:
    """The first running number that no distribution of a credit has had."""
    return max((ids.derived_number(record.locator) for record in known), default=-1) + 1


def run_all(
    api: SocotraApi, credit_id: str, movements: Sequence[Movement], known: Sequence[Distribution], first: int
) -> Flow[list[Distribution]]:
    """Execute one distribution for each movement.

    A distribution of the credit that was numbered ``first`` or later and moves the same is gone on with, from its own state, so
    that a second try does nothing twice.

    Args:
        api: the tenant's operations.
        credit_id: whose money is spent.
        movements: what is wanted.
        known: the distributions that were made for this credit before, as they stand.
        first: the number of the first that this call may have made.
    """
    before = [record for record in known if record.credit_distribution_state in _ALIVE and ids.derived_number(record.locator) >= first]
    number = max(next_number(known), first)
    finished: list[Distribution] = []
    for movement in movements:
        same = next(filter(movement.is_of, before), None) or next(filter(movement.is_short_in, before), None)
        if same is not None:
            before.remove(same)
            finished.append((yield from run(api, same.locator, movement, same.credit_distribution_state)))
        else:
            finished.append((yield from run(api, ids.derived_locator(credit_id, number), movement, None)))
            number += 1
    return finished


def run(api: SocotraApi, locator: str, movement: Movement, state: str | None) -> Flow[Distribution]:
    """Bring one distribution to executed.

    Args:
        api: the tenant's operations.
        locator: unibill's own.
        movement: what it moves.
        state: in which state the server has it; None = not at all.

    Raises:
        Rejected: the validation failed; the draft stays and moves nothing.
        Conflict: the server left it in another state than the operation leads to, or moved another amount.
    """
    if state == "executed":
        return _whole((yield from api.fetch_credit_distribution(locator)), movement)
    if state != "validated":
        yield Step(f"put:{locator}", done=False, data={"target": movement.target.locator, "amount": str(movement.amount)})
        yield from api.create_or_replace_credit_distribution(
            locator,
            movement.amount,
            [_item(movement.source)],
            [_item(movement.target)],
            account_locator=movement.account,
            currency=movement.currency,
        )
        yield Step(f"put:{locator}", done=True)
        yield Step(f"validate:{locator}", done=False)
        _expect("validated", (yield from api.validate_credit_distribution(locator)))
        yield Step(f"validate:{locator}", done=True)
    yield Step(f"execute:{locator}", done=False)
    executed = yield from api.execute_credit_distribution(locator)
    _expect("executed", executed)
    yield Step(f"execute:{locator}", done=True)
    return _whole(executed, movement)


def reverse(api: SocotraApi, locator: str, reversal_type: str) -> Flow[None]:
    """Reverse a distribution, unless it is reversed already."""
    record = yield from api.fetch_credit_distribution(locator)
    if record.credit_distribution_state == "reversed":
        return
    yield Step(f"reverse:{locator}", done=False)
    yield from api.reverse_credit_distribution(locator, reversal_type)
    yield Step(f"reverse:{locator}", done=True)


def allocations_of(record: Distribution, credit_id: str, invoices: Sequence[Invoice] = ()) -> list[Allocation]:
    """An executed distribution as allocations of the credit that it was made for."""
    by_locator = {invoice.locator: invoice for invoice in invoices}
    return [
        Allocation(
            id=record.locator if number == 0 else f"{record.locator}#{number}",
            credit_id=credit_id,
            target=target_of(part, by_locator),
            amount=part.amount,
            currency=record.currency,
            group_id=record.locator,
            applied_at=moment(record.executed_at),
            reversed_at=moment(record.reversed_at),
        )
        for number, part in enumerate(resolved(record.targets, record.amount, by_locator))
    ]


def _item(part: Part) -> CreditItem:
    return CreditItem(container_locator=part.locator, container_type=part.type, amount=part.amount)


def _whole(record: Distribution, movement: Movement) -> Distribution:
    """What a server does that finds less than was validated is not documented; it may move what there is."""
    if record.amount != movement.amount:
        raise Conflict(
            f"credit distribution {record.locator} moved {record.amount} {record.currency}, not {movement.amount}",
            operation="executeCreditDistribution",
            hint="What it moved stands: read the credit, and allocate the rest or reverse it.",
        )
    return record


def _expect(state: str, record: Distribution) -> None:
    if record.credit_distribution_state != state:
        raise Conflict(f"credit distribution {record.locator} is {record.credit_distribution_state}, not {state}")
