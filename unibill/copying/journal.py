"""The journal of a run: what is about to be done and what came of it, written in groups.

Intents are made durable before anything is sent: threads that wait at the same time share one commit. What nobody waits for yet is
committed by a thread of its own a moment after it was noted, so that it is durable before somebody does. That thread commits for the
main thread too, which may be interrupted at any moment: nothing is known of a commit that was broken off.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from unibill import exactjson
from unibill.copying import schema
from unibill.copying.prepared import Prepared, Values
from unibill.errors import LeaseLost, RunStoreError

if TYPE_CHECKING:
    from unibill.copying.store import RunStore

PATIENCE: Final = 0.01
"""Seconds after which what was noted is not left waiting for an entry that is kept."""


class Entry:
    """A row of the journal, and what it changes of its record.

    Args:
        seq: of the record.
        attempt: counts the writes of a record.
        action: ``create`` or ``undo``.
        phase: ``intent``, ``done`` or ``outcome``.
        step: its name; empty for that of the record's last intent.
        data: JSON values.
        record: new values of the record's columns.
    """

    __slots__ = ("journal", "phase", "record", "seq")
    COLUMNS: Final = ("seq", "attempt", "action", "phase", "step", "data", "at")
    """Of the journal."""

    def __init__(self, seq: int, attempt: int, action: str, phase: str, step: str, data: Values, record: Values) -> None:
        self.seq = seq
        self.phase = phase
        self.journal: dict[str, object] | None = {
            "seq": seq,
            "attempt": attempt,
            "action": action,
            "phase": phase,
            "step": step,
            "data": exactjson.dumps(data).decode() if data else "",
            "at": time.time_ns() // 1_000_000,
        }
        self.record = record

    @classmethod
    def unjournaled(cls, seq: int, record: Values) -> "Entry":
        """What became known of a record without any write."""
        entry = cls.__new__(cls)
        entry.seq, entry.phase, entry.journal, entry.record = seq, "", None, record
        return entry


class Writer:
    """Commits entries in groups, in order.

    Args:
        transaction: begins one that is durable at its end.
        name: of the run, to be shown.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]], name: str) -> None:
        self._transaction = transaction
        self._name = name
        self._guard = threading.Lock()
        self._changed = threading.Condition(self._guard)
        """Something became durable, or will not."""
        self._filled = threading.Condition(self._guard)
        """Something was noted after all else had been taken, or somebody is in a hurry, or the end has come."""
        self._waiting: list[Entry] = []
        self._oldest = 0.0
        self._noted = 0
        self._durable = 0
        self._busy = False
        self._is_urgent = False
        """Somebody waits for the thread that tends it."""
        self._broken: BaseException | None = None
        self._is_told = False
        self._ends = False
        self._tender: threading.Thread | None = None

    @property
    def noted(self) -> int:
        """How many entries were ever noted."""
        return self._noted

    def note(self, entry: Entry) -> int:
        """As of ``RunStore.note``."""
        with self._guard:
            if not self._waiting:
                self._oldest = time.monotonic()
                self._tended()
            self._waiting.append(entry)
            self._noted += 1
            return self._noted

    def keep(self, count: int) -> None:
        """As of ``RunStore.keep``; raises too where they are durable and something else could not be written: nothing more is sent."""
        if self._durable < count or self._broken is not None:
            with self._guard:
                try:
                    self._until(count)
                except BaseException:
                    self._is_told = self._broken is not None
                    raise

    def flush(self) -> None:
        """As of ``RunStore.flush``."""
        self.keep(self._noted)

    def close(self) -> None:
        """Make durable what is waiting, and end the thread that tends it.

        Raises:
            RunStoreError: it could not be written, and nobody was told before.
        """
        try:
            if not self._is_told:
                self.flush()
        finally:
            with self._guard:
                self._ends = True
                self._filled.notify_all()
            if self._tender is not None:
                self._tender.join()

    def _tended(self) -> None:
        if self._tender is None:
            tender = threading.Thread(target=self._tend, name="unibill-journal", daemon=True)
            tender.start()
            self._tender = tender
        else:
            self._filled.notify()

    def _tend(self) -> None:
        with self._guard, suppress(BaseException):  # whoever waits next is told of what broke
            while not self._ends:
                left = self._oldest + PATIENCE - time.monotonic() if self._waiting else None
                if not self._is_urgent and (left is None or left > 0):
                    self._filled.wait(left)
                else:
                    self._is_urgent = False
                    self._until(self._noted)
            self._until(self._noted)  # the flush of ``close`` may have been interrupted

    def _until(self, count: int) -> None:
        while True:
            if self._broken is not None:
                kind = LeaseLost if isinstance(self._broken, LeaseLost) else RunStoreError
                raise kind(f"the run {self._name} could not be written, so nothing more is sent: {self._broken}") from self._broken
            if self._durable >= count:
                return
            if not self._busy and self._is_left_to_tender():
                self._is_urgent = True
                self._filled.notify()
            elif not self._busy:
                self._write()
                continue
            self._changed.wait()

    def _is_left_to_tender(self) -> bool:
        """Whether this is the main thread, which Ctrl-C may break off in the midst of a commit, and there is another to do it."""
        here = threading.current_thread()
        return here is threading.main_thread() and self._tender is not None and self._tender.is_alive() and not self._ends

    def _write(self) -> None:
        """Commit what is waiting; the guard, which is held, is open meanwhile."""
        self._busy, self._is_urgent = True, False
        batch, self._waiting = self._waiting, []
        taken = self._noted
        self._guard.release()
        failure: BaseException | None = None
        try:
            self._commit(batch)
        except BaseException as error:  # noqa: BLE001 - whoever waits for this batch must hear of it too
            failure = error
        self._guard.acquire()
        self._busy = False
        if failure is None:
            self._durable = taken
        else:
            self._broken = failure
        self._changed.notify_all()
        if failure is not None:
            raise failure

    def _commit(self, batch: Sequence[Entry]) -> None:
        changed: dict[int, dict[str, object]] = {}
        for entry in batch:
            if entry.record:
                changed.setdefault(entry.seq, {}).update(entry.record)
        alike: dict[tuple[str, ...], list[dict[str, object]]] = {}
        for seq, values in changed.items():
            alike.setdefault(tuple(values), []).append({"which": seq, **values})
        journal = [entry.journal for entry in batch if entry.journal is not None]
        with self._transaction() as connection:
            if journal:
                _JOURNAL.run(connection, journal)
            for names, rows in alike.items():
                _changing(names).run(connection, rows)


_JOURNAL: Final = Prepared(insert(schema.journal).values({name: bindparam(name, None) for name in Entry.COLUMNS}).inline())


@cache
def _changing(names: tuple[str, ...]) -> Prepared:
    """Gives some columns of one record new values."""
    return Prepared(
        update(schema.records)
        .where(schema.records.c.seq == bindparam("which", None))
        .values({name: bindparam(name, None) for name in names})
    )


def done_steps(store: "RunStore", seq: int, action: str, attempt: int | None = None) -> dict[str, dict[str, object]]:
    """The answered steps of a record, by name, with their data.

    Args:
        store: the run.
        seq: of the record.
        action: ``create`` or ``undo``.
        attempt: the generation that they belong to.
    """
    table = schema.journal
    query = select(table.c.phase, table.c.step, table.c.data).where(table.c.seq == seq, table.c.action == action)
    if attempt is not None:
        query = query.where(table.c.attempt == attempt)
    begun, done = "", dict[str, dict[str, object]]()
    for row in store.rows(query.order_by(table.c.id)):
        if row["phase"] == "intent":
            begun = row["step"]
        elif row["phase"] == "done":
            done[row["step"] or begun] = _Step(store, f"journal, step {row['step'] or begun} of record {seq}", row["data"])
    return done


class _Step(dict[str, object]):
    """What was kept of an answered step; what it lacks is told, since whoever goes on from it knows only that it was kept."""

    def __init__(self, store: "RunStore", what: str, data: Mapping[str, object]) -> None:
        super().__init__(data)
        self._store = store
        self._what = what

    def __missing__(self, name: str) -> object:
        raise self._store.damaged(f"in {self._what}, data lacks {name!r}")
