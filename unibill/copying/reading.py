"""How a run reads its two sides."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Final

from sqlalchemy import func, select

from unibill import marks
from unibill.capabilities import Grade, Operation
from unibill.copying import schema
from unibill.copying.carry import KINDS, Rule
from unibill.copying.decisions import DONE, State
from unibill.copying.hashing import amount_key, fingerprint
from unibill.copying.items import ChargeItem, Item, RecordType, counts_as, is_to_account, seen_as
from unibill.copying.store import RunStore
from unibill.errors import NotFound, PlanMismatch
from unibill.facade import Billing
from unibill.model import Credit, Direction
from unibill.operations import GONE

_COUNTED: Final = frozenset(kind for kind, verdict in KINDS.items() if verdict.rule in {Rule.CARRY, Rule.IF_INCLUDED})
"""Kinds that bring money to an account by themselves; movements of it would count it twice."""


GENERATIONS: Final = 8
"""How many rollbacks, made with a run file that is lost, are reckoned with."""


def lists_all(billing: Billing) -> bool:
    """Whether one list has every credit of the backend, whole."""
    claims = billing.capabilities
    whole = claims.of(Operation.CREDITS_LIST).grade is Grade.NATIVE
    return whole and claims.of(Operation.CREDITS_ALLOCATIONS).grade is Grade.NATIVE


def whole(billing: Billing, account: str | None = None, *, spent: bool = True) -> Iterator[Credit]:
    """The credits of an account, or all, with reversed ones, and with allocations where the backend has them.

    Args:
        billing: the backend.
        account: None for all.
        spent: whether allocations are wanted.
    """
    allocations = spent and billing.capabilities.of(Operation.CREDITS_ALLOCATIONS).usable
    per_account = account is None or billing.capabilities.of(Operation.CREDITS_LIST_ACCOUNT).usable
    if per_account:
        yield from billing.credits.list(account, include_reversed=True, allocations=allocations)
        return
    for credit in billing.credits.list(include_reversed=True, allocations=allocations):
        if credit.account_id == account:
            yield credit


def of_account(billing: Billing, account: str, *, spent: bool = True) -> Iterator[Credit]:
    """The same of one account; an account that is not there has none."""
    try:
        yield from whole(billing, account, spent=spent)
    except NotFound:
        return


def had_records(store: RunStore, account: str) -> bool:
    """Whether something stood in a target account once: when the plan was made, or of this run, of whose writes any may have taken effect."""
    r, s = schema.records.c, schema.snapshot.c
    made = select(r.seq).where(r.target_account == account, r.state.in_(sorted({*DONE, State.UNDONE})) | (r.sends > 0))
    return any(store.rows(query.limit(1)) for query in (made, select(s.id).where(s.account == account)))


def is_standing(item: Item) -> bool:
    """Whether a credit still gives anybody anything, or a charge is not undone."""
    return item.status not in GONE


def is_counted(item: Item) -> bool:
    """Whether a record's amount counts as money that stands on its account; of a charge that is a credit too, the credit's does."""
    if isinstance(item, ChargeItem):
        return is_standing(item) if item.twin is None else is_counted(item.twin)
    return item.kind in _COUNTED and item.direction is Direction.TO_ACCOUNT and is_standing(item)


def counted(item: Item) -> Decimal:
    """The amount with which a record counts, among the money that ``items.counts_as`` names."""
    return item.twin.amount if isinstance(item, ChargeItem) and item.twin is not None else item.amount


def photograph(account: str, item: Item) -> dict[str, object]:
    """A row of the snapshot."""
    seen = seen_as(item, RecordType.CREDIT)
    return {
        "account": account,
        "record_type": counts_as(item).value,
        "id": item.id,
        "kind": seen.kind.value,
        "status": seen.status.value,
        "standing": int(is_standing(seen)),
        "counted": int(is_counted(seen)),
        "to_account": int(is_to_account(seen)),
        "currency": seen.currency,
        "amount": amount_key(seen.amount),
        "type": item.charge.type if isinstance(item, ChargeItem) else "",
        "remaining": None if seen.remaining is None else amount_key(seen.remaining),
        "day": None if seen.issued_on is None else seen.issued_on.isoformat(),
        "mark": item.mark,
        "print": fingerprint(seen),
    }


class RunMarks(Collection[str]):
    """The marks of a run's records, looked up in the store instead of kept in memory."""

    def __init__(self, store: RunStore, identity: str) -> None:
        self._store = store
        self._identity = identity

    def __contains__(self, mark: object) -> bool:
        """Whether one of the run's records has this mark now."""
        if not isinstance(mark, str) or marks.find(mark) != mark or not marks.names(mark, self._identity):
            return False
        table = schema.records
        return bool(self._store.rows(select(table.c.seq).where(table.c.mark_now == mark).limit(1)))

    def __iter__(self) -> Iterator[str]:
        table = schema.records
        for row in self._store.stream(select(table.c.seq, table.c.mark_now).where(table.c.state != ""), table.c.seq):
            yield row["mark_now"]

    def __len__(self) -> int:
        return self._store.count(select(func.count()).select_from(schema.records).where(schema.records.c.state != ""))


class SourceMarks(RunMarks):
    """Every mark that names the run's source; to iterate over, the run's own."""

    def __contains__(self, mark: object) -> bool:
        """Whether a mark names the source."""
        return isinstance(mark, str) and marks.find(mark) == mark and marks.names(mark, self._identity)


def later_marks(identity: str, kind: str, record_id: str, generation: int = 0) -> list[str]:
    """The marks of a record's next generations, as many as are looked for."""
    return [marks.mark(identity, kind, record_id, later) for later in range(generation + 1, generation + 1 + GENERATIONS)]


def earlier_marks(identity: str, kind: str, record_id: str, generation: int) -> list[str]:
    """The marks of a record's former generations."""
    return [marks.mark(identity, kind, record_id, earlier) for earlier in range(generation)]


def same_systems(store: RunStore, source: Billing | None, target: Billing) -> None:
    """Refuse to work on a run with other systems than it was planned for.

    Raises:
        PlanMismatch: naming the side.
    """
    for side, billing in (("source", source), ("target", target)):
        if billing is None:
            continue
        planned, given = store.need(f"{side}_identity"), billing.provider.identity()
        if planned != given:
            which = "--from" if side == "source" else "--to"
            raise PlanMismatch(
                f"the run was planned for the {side} {planned}, and {billing.name!r} is {given}; give the backend of the {side} as it was "
                f"planned ({which}), or plan into another run"
            )
