"""Counting what stands at the target under the run's marks."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, select

from unibill.copying import reading, sending
from unibill.copying.carry import mask
from unibill.copying.decisions import DONE, State
from unibill.copying.hashing import fingerprint
from unibill.copying.reading import SourceMarks
from unibill.copying.schema import records
from unibill.copying.sending import Watch, watched
from unibill.copying.store import Entry, Row, RunStore, in_chunks
from unibill.copying.summary import SHOWN, Problem
from unibill.errors import BackendError, UnibillError
from unibill.facade import Billing
from unibill.model import Credit

SURPLUS: Final = "undo surplus"
_COLUMNS: Final = [
    records.c[name]
    for name in ("seq", "source_id", "target_account", "target_id", "currency", "carried", "mark_now", "generation", "sends")
]
_OF_ACCOUNT: Final = records.c.target_account == bindparam("account")
_MADE: Final = select(records.c.seq, records.c.target_id).where(
    _OF_ACCOUNT, records.c.state == State.CREATED, records.c.target_print.is_(None)
)
_STANDING: Final = (
    select(records.c.source_id, records.c.target_id, records.c.mark_now)
    .where(_OF_ACCOUNT, records.c.state.in_(DONE), records.c.outcome == "")
    .order_by(records.c.seq)
)
_MARKED: Final = select(*_COLUMNS).where(records.c.mark_now.in_(bindparam("marks", expanding=True)), records.c.state != "")


class Auditor:
    """Finds copies that stand twice, in another account, or not at all; takes back surplus ones that this run made.

    Attributes:
        identity: of the source.
        problems: what it found and could not mend.
        undone: surplus copies that it took back.
    """

    def __init__(self, target: Billing, store: RunStore) -> None:
        self._target = target
        self._store = store
        self._guard = threading.Lock()
        self._named: set[tuple[str, str, str]] = set()
        self.identity = str(store.get("source_identity"))
        self._marks = SourceMarks(store, self.identity)
        self.problems: list[Problem] = []
        self.undone = 0

    def later_marks(self, row: Row) -> list[str]:
        """The marks that a record would have after rollbacks of which this store knows nothing."""
        return reading.later_marks(self.identity, row["kind"], row["source_id"], row["generation"])

    def after_account(self, account: str) -> None:
        """Count one account by its whole list, and keep how each copy looks now."""
        try:
            found = list(reading.of_account(self._target, account))
        except BackendError as error:
            self._name(Problem("unreadable", account, "", "", f"the account could not be read after writing: {mask(str(error))}"))
            return
        carriers = [credit for credit in found if credit.mark is not None]
        rows = self._rows_of(carriers)
        self._count(account, carriers, rows)
        by_id = {credit.id: credit for credit in found}
        for row in self._store.rows(_MADE, account=account):
            if row["target_id"] in by_id:
                self._store.note(Entry.unjournaled(row["seq"], {"target_print": fingerprint(by_id[row["target_id"]])}))

    def at_the_end(self, account: str) -> None:
        """Count one account by the run's marks."""
        try:
            carriers = self._target.run(self._target.provider.find_marked(account, self._marks))
        except BackendError as error:
            self._name(Problem("unreadable", account, "", "", f"the account could not be counted at the end: {mask(str(error))}"))
            return
        rows = self._rows_of(carriers)
        self._count(account, carriers, rows)
        standing = {credit.mark for credit in carriers if reading.is_standing(credit)}
        for row in self._store.rows(_STANDING, account=account):
            if row["mark_now"] not in standing:
                reason = "it was made or found, and is not there any more"
                self._name(Problem("missing", account, row["source_id"], row["target_id"] or "", reason))

    def _rows_of(self, carriers: Iterable[Credit]) -> dict[str, Row]:
        """The run's records behind marks."""
        wanted = sorted({credit.mark for credit in carriers if credit.mark is not None})
        rows: dict[str, Row] = {}
        for chunk in in_chunks(wanted):
            found = self._store.rows(_MARKED, marks=chunk)
            rows.update((row["mark_now"], row) for row in found)
        return rows

    def _count(self, account: str, carriers: Sequence[Credit], rows: Mapping[str, Row]) -> None:
        by_mark: dict[str, dict[str, Credit]] = {}
        for credit in carriers:
            if credit.mark in rows and reading.is_standing(credit):
                by_mark.setdefault(credit.mark or "", {})[credit.id] = credit
        for mark, copies in by_mark.items():
            row = rows[mark]
            if row["target_account"] != account:
                for credit in copies.values():
                    reason = f"its copy stands in account {account}, not in {row['target_account']}"
                    self._name(Problem("surplus", account, row["source_id"], credit.id, reason))
            elif len(copies) > 1:
                self._surplus(account, row, list(copies.values()))

    def _surplus(self, account: str, row: Row, copies: list[Credit]) -> None:
        """Keep one copy; take the others back if this run has sent as many writes as there are copies, else name them."""
        copies.sort(key=lambda credit: (credit.id != row["target_id"], str(credit.created_at or ""), len(credit.id), credit.id))
        mine = row["sends"] >= len(copies) and all(sending.is_planned(credit, row) for credit in copies)
        for credit in copies[1:]:
            if not mine:
                reason = f"the mark of {copies[0].id} stands on it too, and this run did not make both; void the one that is wrong"
                self._name(Problem("surplus", account, row["source_id"], credit.id, reason))
                continue
            watch = Watch(self._store, row, SURPLUS, {})
            try:
                self._target.run(watched(self._target.provider.void(credit, {}), watch), watch.keep)
            except UnibillError as error:
                reason = f"it is a second copy and could not be taken back: {mask(str(error))}"
                self._name(Problem("surplus", account, row["source_id"], credit.id, reason))
                continue
            self._target.core.wrote("credits.void", account, "undone", credit.id, row["mark_now"])
            with self._guard:
                self.undone += 1

    def _name(self, problem: Problem) -> None:
        with self._guard:
            key = problem.account, problem.source_id, problem.target_id
            if key not in self._named and len(self.problems) < SHOWN:
                self._named.add(key)
                self.problems.append(problem)
