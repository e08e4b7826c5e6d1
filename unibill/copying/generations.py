"""Copies of a run's records under marks that these do not have now: a rollback gives its records new ones."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from unibill import marks
from unibill.copying import reading
from unibill.copying.prepared import Row
from unibill.copying.schema import records
from unibill.copying.store import RunStore

_COLUMNS: Final = [records.c[name] for name in ("seq", "kind", "source_id", "target_account", "generation")]


@dataclass(frozen=True, slots=True)
class Generation:
    """Of which record a mark was, or will be.

    Attributes:
        is_earlier: it was, before a rollback of this run; else it will be, by a newer copy of the run.
    """

    source_id: str
    target_account: str
    is_earlier: bool


class Generations:
    """Looks up marks of a run's records that are not their present ones; asked seldom, it keeps nothing in memory."""

    def __init__(self, store: RunStore, identity: str) -> None:
        self._store = store
        self._identity = identity

    def of(self, account: str, wanted: Collection[str]) -> dict[str, Generation]:
        """Whose these marks are, those of the source that the run knows.

        Args:
            account: of the target, where they stand; the later marks of other accounts' records are not looked for.
            wanted: marks.
        """
        left = {mark for mark in wanted if marks.names(mark, self._identity)}
        found: dict[str, Generation] = {}
        if not left:
            return found
        r = records.c
        here = select(*_COLUMNS).where(r.target_account == account, r.state != "")
        elsewhere = select(*_COLUMNS).where(r.target_account != account, r.generation > 0)
        for query, with_later in ((here, True), (elsewhere, False)):
            for row in self._store.stream(query, r.seq):
                for mark, is_earlier in self._of(row, with_later=with_later):
                    if mark in left:
                        left.remove(mark)
                        found[mark] = Generation(row["source_id"], row["target_account"], is_earlier)
                if not left:
                    return found
        return found

    def _of(self, row: Row, *, with_later: bool) -> Iterator[tuple[str, bool]]:
        kind, record_id, now = row["kind"], row["source_id"], row["generation"]
        yield from ((mark, True) for mark in reading.earlier_marks(self._identity, kind, record_id, now))
        if with_later:
            yield from ((mark, False) for mark in reading.later_marks(self._identity, kind, record_id, now))
