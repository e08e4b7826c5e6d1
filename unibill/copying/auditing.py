"""Counting what stands at the target under the run's marks."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Final

from sqlalchemy import bindparam, select

from unibill import money
from unibill.copying import reading, sending
from unibill.copying.carry import mask
from unibill.copying.compact import draft_of
from unibill.copying.decisions import DONE, State
from unibill.copying.hashing import fingerprint
from unibill.copying.items import ChargeItem, Item, both, key_of, seen_as
from unibill.copying.journal import Entry
from unibill.copying.prepared import Prepared, Row
from unibill.copying.reading import SourceMarks
from unibill.copying.schema import records
from unibill.copying.scope import Scope
from unibill.copying.sending import Watch, watched
from unibill.copying.store import RunStore, in_chunks
from unibill.copying.summary import SHOWN, Problem
from unibill.errors import BackendError, UnibillError
from unibill.facade import Billing
from unibill.pooling import ZERO

SURPLUS: Final = "undo surplus"
CONTRADICTING: Final = frozenset({"surplus", "missing"})
"""Problems that a verification before them cannot have seen, so that it is no proof any more."""
_COLUMNS: Final = [
    records.c[name]
    for name in (
        "seq",
        "record_type",
        "source_id",
        "target_account",
        "target_id",
        "target_print",
        "currency",
        "carried",
        "mark_now",
        "generation",
        "sends",
        "state",
        "outcome",
    )
]
_OF_ACCOUNT: Final = Prepared(
    select(*_COLUMNS).where(records.c.target_account == bindparam("account", None), records.c.state != "").order_by(records.c.seq)
)
_MARKED: Final = select(*_COLUMNS).where(records.c.mark_now.in_(bindparam("marks", expanding=True)), records.c.state != "")


class Auditor:
    """Finds copies that stand twice, in another account, or not at all; takes back surplus ones that this run made.

    Attributes:
        identity: of the source.
        scope: what it reads.
        problems: what it found and could not mend.
        undone: surplus copies that it took back.
    """

    def __init__(self, target: Billing, store: RunStore) -> None:
        self._target = target
        self._store = store
        self._guard = threading.Lock()
        self._named: set[tuple[str, str, str]] = set()
        self.identity = str(store.need("source_identity"))
        self._marks = SourceMarks(store, self.identity)
        self.scope = Scope.kept(store)
        self.problems: list[Problem] = []
        self.undone = 0

    def later_marks(self, row: Row) -> list[str]:
        """The marks that a record would have after rollbacks of which this store knows nothing."""
        return reading.later_marks(self.identity, row["kind"], row["source_id"], row["generation"])

    def earlier_marks(self, row: Row) -> list[str]:
        """The marks that a record had before the rollbacks of this store, which left no copy under them."""
        return reading.earlier_marks(self.identity, row["kind"], row["source_id"], row["generation"])

    def after_account(self, account: str) -> None:
        """Count one account by its whole list, and keep how each copy looks now; whatever was noted before becomes durable meanwhile."""
        noted = self._store.noted
        try:
            found = list(self.scope.target(self._target, account, was_there=True))
        except BackendError as error:
            self._name(Problem("unreadable", account, "", "", f"the account could not be read after writing: {mask(str(error))}"))
            return
        carriers = [item for item in found if item.mark is not None]
        self._store.keep(noted)
        own = self._store.durable_rows(_OF_ACCOUNT, account=account)
        self._count(account, carriers, self._rows_of(carriers, own))
        forms = {key_of(seen): seen for item in found for seen in both(item)}
        for row in own:
            is_new = row["state"] is State.CREATED and row["target_print"] is None
            if is_new and (copy := forms.get((row["record_type"], row["target_id"]))) is not None:
                self._store.note(Entry.unjournaled(row["seq"], {"target_print": fingerprint(copy)}))

    def at_the_end(self, account: str) -> None:
        """Count one account by the run's marks; what was noted of its records is durable."""
        try:
            carriers = self.scope.marked(self._target, account, self._marks)
        except BackendError as error:
            self._name(Problem("unreadable", account, "", "", f"the account could not be counted at the end: {mask(str(error))}"))
            return
        own = self._store.durable_rows(_OF_ACCOUNT, account=account)
        self._count(account, carriers, self._rows_of(carriers, own))
        standing = {item.mark for item in carriers if reading.is_standing(item)}
        for row in own:
            if row["state"] in DONE and not row["outcome"] and row["mark_now"] not in standing:
                reason = "it was made or found, and is not there any more"
                self._name(Problem("missing", account, row["source_id"], row["target_id"] or "", reason))

    def _rows_of(self, carriers: Iterable[Item], own: Iterable[Row]) -> dict[str, Row]:
        """The run's records behind marks; those of other accounts are looked up."""
        rows = {row["mark_now"]: row for row in own}
        for chunk in in_chunks(sorted({item.mark for item in carriers if item.mark is not None and item.mark not in rows})):
            found = self._store.durable_rows(_MARKED, marks=chunk)
            rows.update((row["mark_now"], row) for row in found)
        return rows

    def _count(self, account: str, carriers: Sequence[Item], rows: Mapping[str, Row]) -> None:
        by_mark: dict[str, dict[tuple[str, str], Item]] = {}
        for item in carriers:
            if item.mark in rows and reading.is_standing(item):
                seen = seen_as(item, rows[item.mark or ""]["record_type"])
                by_mark.setdefault(item.mark or "", {})[key_of(seen)] = seen
        for mark, copies in by_mark.items():
            row = rows[mark]
            if row["target_account"] != account:
                for item in copies.values():
                    reason = f"its copy stands in account {account}, not in {row['target_account']}"
                    self._name(Problem("surplus", account, row["source_id"], item.id, reason))
            elif len(copies) > 1:
                self._surplus(account, row, list(copies.values()))

    def _surplus(self, account: str, row: Row, copies: list[Item]) -> None:
        """Keep one copy; take the others back if this run has sent as many writes as there are copies and nobody has spent them, else name them."""
        copies.sort(key=lambda item: (item.id != row["target_id"], str(item.created_at or ""), len(item.id), item.id))
        mine = row["sends"] >= len(copies) and all(sending.is_planned(item, row) for item in copies)
        planned = self._planned(row) if mine else ZERO
        for item in copies[1:]:
            if mine and self._spent(account, item) > planned:
                reason = f"it is a second copy beside {copies[0].id}, and some of it was spent since; void the one that is wrong"
                self._name(Problem("surplus", account, row["source_id"], item.id, reason))
                continue
            if not mine:
                reason = f"the mark of {copies[0].id} stands on it too, and this run did not make both; void the one that is wrong"
                self._name(Problem("surplus", account, row["source_id"], item.id, reason))
                continue
            self._store.put(verified=None)  # first, since whoever dies here may have taken it back
            watch = Watch(self._store, row, SURPLUS, {})
            try:
                self._target.run(watched(sending.undoing(self._target, item, {}), watch), watch.keep)
            except UnibillError as error:
                reason = f"it is a second copy and could not be taken back: {mask(str(error))}"
                self._name(Problem("surplus", account, row["source_id"], item.id, reason))
                continue
            self._target.core.wrote(sending.undoes(row), account, "undone", item.id, row["mark_now"])
            with self._guard:
                self.undone += 1

    def _planned(self, row: Row) -> Decimal:
        """What a record's copy was to spend."""
        (whole,) = self._store.rows(select(records).where(records.c.seq == row["seq"]))
        return money.add([Decimal(one["amount"]) for one in draft_of(whole)["allocations"]])

    def _spent(self, account: str, item: Item) -> Decimal:
        """What is spent of a copy; one that was listed without that is asked for. Where the target cannot say, nothing is known of it."""
        credit = item.twin if isinstance(item, ChargeItem) else item
        if credit is None:
            return ZERO
        if credit.remaining is None and credit.allocations is None:
            with suppress(UnibillError):
                credit = self._target.run(self._target.core.operations.get_credit(credit.id, account))
        left = ZERO if credit.remaining is None else money.subtract(credit.amount, credit.remaining)
        return max(left, money.add([edge.amount for edge in credit.allocations or () if edge.reversed_at is None]))

    def _name(self, problem: Problem) -> None:
        with self._guard:
            key = problem.account, problem.source_id, problem.target_id
            if key not in self._named and len(self.problems) < SHOWN:
                self._named.add(key)
                self.problems.append(problem)
