"""Roll back: take back what a run made, newest first, and nothing else."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any, Final

from sqlalchemy import func, select

from unibill import marks, money
from unibill.base import blocking_turns
from unibill.capabilities import Operation
from unibill.copying import reading, sending, settling
from unibill.copying.carry import mask
from unibill.copying.compact import draft_of
from unibill.copying.crew import Crew, Since
from unibill.copying.decisions import BEGUN, UNSETTLED, State
from unibill.copying.hashing import amount_key, fingerprint
from unibill.copying.items import ChargeItem, Item, RecordType, key_of, seen_as, type_of
from unibill.copying.journal import Entry, done_steps
from unibill.copying.leases import STOP
from unibill.copying.options import RollbackOptions
from unibill.copying.place import RunLike
from unibill.copying.prepared import Row
from unibill.copying.schema import journal, records
from unibill.copying.scope import Scope
from unibill.copying.sending import UNDO, Watch, watched
from unibill.copying.store import RunStore
from unibill.copying.summary import SHOWN, Problem, Progress, RollbackSummary, Tell
from unibill.copying.telling import telling
from unibill.errors import BackendError, InvalidQuery, NotFound, Rejected, RunStoreError, UnibillError, UnsupportedOperation
from unibill.facade import Billing
from unibill.flow import Done
from unibill.model import Credit, CreditKind

_DEFAULTS: Final = RollbackOptions()
_LOOKS: Final = 2
"""How often a copy that a list lacks is looked for again before it counts as gone."""


def rollback(target: Billing, run: RunLike, options: RollbackOptions = _DEFAULTS, progress: Tell | None = None) -> RollbackSummary:
    """Take back what this run made; it can be interrupted and repeated.

    A copy that was touched since it was made stays, and is named. What the target had before, or got from others, is never
    touched. Afterwards the records have new marks, and apply makes them again.

    Args:
        target: written to.
        run: the run file; its journal says what was made.
        options: how.
        progress: is told how far it is, in the calling thread.

    Raises:
        RunStoreError: no finished plan, or another process works on it.
        PlanMismatch: another target than planned.
        UnsupportedOperation: the target cannot void credits, or reverse charges.
    """
    with RunStore(run, lock=True) as store, sending.only_while_held(store, target):
        if store.get("hash") is None:
            raise RunStoreError(f"the plan in {store.name} was not finished; there is nothing to roll back")
        reading.same_systems(store, None, target)
        store.check_words()
        target.core.operations.require(Operation.CREDITS_VOID)
        if Scope.kept(store).charges:
            target.core.operations.require(Operation.CHARGES_REVERSE)
        return Undoer(target, store, options, telling(target, store.name, progress)).run()


class Undoer:
    """One rollback."""

    def __init__(self, target: Billing, store: RunStore, options: RollbackOptions, progress: Tell | None) -> None:
        self._target = target
        self._store = store
        self._options = options
        self._progress = progress
        self._crew = Crew(options.concurrency or target.provider.settings.concurrency, self._tell)
        self._guard = threading.Lock()
        self._total = 0
        self._undone = 0
        self._money: dict[str, dict[str, Decimal]] = {kind: {} for kind in RecordType}
        self._scope = Scope.kept(store)
        self._remains: list[Problem] = []
        self._traces: list[Problem] = []
        self._begun = frozenset[int]()
        self._identity = str(store.need("source_identity"))

    def run(self) -> RollbackSummary:
        """Settle, undo, and sum up."""
        if self._is_untouched():
            return self._summary()
        with self._crew.interruptible():
            self._work()
        summary = self._summary()
        if not summary.interrupted:
            self._store.put(phase="partly rolled back" if summary.remains else "rolled back")
        self._store.prove("rollback", summary)
        return summary

    def _is_untouched(self) -> bool:
        """Whether this run never began a write, so that its phase says what it said: a rollback that had begun has to end."""
        written = self._store.count(select(func.count()).select_from(journal).where(journal.c.phase == "intent"))
        return not written and self._store.get("phase") != "rolling back"

    def _work(self) -> None:
        store = self._store
        # Workers whose job was laid out before must not make again what is taken back.
        store.put(phase="rolling back", verified=None, **{STOP: "a rollback has begun"})
        self._begun = self._begun_before()
        begun = records.c.state.in_(BEGUN) & (records.c.sends > 0)
        self._total = store.count(select(func.count()).select_from(records).where(begun))
        unsettled = len(self._begun) + store.count(select(func.count()).select_from(records).where(records.c.state.in_(UNSETTLED)))
        if unsettled:
            since = Since()
            self._tell(f"waiting for {unsettled} writes whose outcome is unknown")
            self._crew.pause(self._target, since.left(self._options.settle))
        query = select(records.c.target_account).where(begun).distinct().order_by(records.c.target_account)
        self._crew.work([row["target_account"] for row in store.rows(query)], self._account)

    def _begun_before(self) -> frozenset[int]:
        """Records that an earlier rollback began to undo: what it sent may still take effect, and has changed their copies."""
        intents = (journal.c.action == UNDO) & (journal.c.phase == "intent")
        query = select(records.c.seq).join_from(records, journal, (journal.c.seq == records.c.seq) & intents)
        return frozenset(row["seq"] for row in self._store.rows(query.where(journal.c.attempt == records.c.generation).distinct()))

    def _account(self, account: str) -> None:
        """Undo what stands in one account, newest first."""
        query = select(records).where(records.c.target_account == account, records.c.state.in_(BEGUN), records.c.sends > 0)
        rows = {row["seq"]: row for row in self._store.stream(query, records.c.seq)}
        open_rows = [row for row in rows.values() if row["state"] in UNSETTLED]
        absent = settling.look(self._target, self._store, account, open_rows).absent if open_rows else frozenset[int]()
        try:
            now = self._standing_now(account, rows.values())
        except BackendError as error:
            for row in rows.values():
                self._stays(row, row["target_id"] or "", f"the account could not be read: {mask(str(error))}")
            return
        for row in self._newest_first(account, rows):
            if self._crew.stopping.is_set():
                return
            self._record(row, now, row["seq"] in absent)
        self._store.flush()

    def _standing_now(self, account: str, rows: Iterable[Row]) -> list[Item]:
        """What an account has. What its list lacks is looked for again, and asked for by its id: pages that skip a record are no proof that it is gone."""
        was_there = reading.had_records(self._store, account)
        found = {key_of(item): item for item in self._scope.target(self._target, account, was_there=was_there)}
        every = list(rows)
        made = [row for row in every if row["state"] not in UNSETTLED]  # those that are unsettled have been looked for already
        for _ in range(_LOOKS):
            if not _lacking(made, found.values()):
                break
            for item in self._scope.target(self._target, account, was_there=was_there):
                found.setdefault(key_of(item), item)
        for row in _lacking(every, found.values()):
            if row["record_type"] == RecordType.CREDIT and (copy := self._by_id(row)) is not None:
                found[key_of(copy)] = copy
        return list(found.values())

    def _by_id(self, row: Row) -> Item | None:
        """A credit by its id, in another account too; None where no id is known, there is none, or the target cannot be asked so."""
        for credit_id, account in product(self._ids(row), (row["target_account"], None)):
            with suppress(NotFound, InvalidQuery, UnsupportedOperation):
                return self._target.run(self._target.core.operations.get_credit(credit_id, account))
        return None

    def _ids(self, row: Row) -> list[str]:
        """The id of a record's copy; where no outcome says it, what answers to its writes gave as ids."""
        if row["target_id"]:
            return [row["target_id"]]
        answers = sending.journaled(self._store, row).values()
        return [found for answer in answers if isinstance(found := answer.get("id"), str)]

    def _newest_first(self, account: str, rows: dict[int, Row]) -> list[Row]:
        intents = (journal.c.seq == records.c.seq) & (journal.c.action == sending.CREATE) & (journal.c.phase == "intent")
        query = select(records.c.seq).join_from(records, journal, intents).where(records.c.target_account == account)
        query = query.group_by(records.c.seq).order_by(func.max(journal.c.id).desc())
        return [rows[row["seq"]] for row in self._store.rows(query) if row["seq"] in rows]

    def _record(self, row: Row, now: Sequence[Item], is_absent: bool) -> None:
        form = row["record_type"]
        carriers = [seen_as(item, form) for item in now if item.mark == row["mark_now"]]
        by_id = [seen for item in now if item.id == row["target_id"] and type_of(seen := seen_as(item, form)) == form]
        standing = [item for item in carriers or by_id if reading.is_standing(item)]
        if not standing:
            if row["state"] in UNSETTLED and not is_absent and not carriers:
                self._stays(row, "", "whether it was made is still unknown; roll back again later")
                return
            left, begun = carriers or by_id, row["seq"] in self._begun
            # What an earlier rollback began to undo may be gone, and what follows from that not be done.
            if not begun or all(self._void(row, item) for item in left):
                # What somebody else took back in the meantime was not undone by this run, and its money is not counted as such.
                self._gone(row, left, undone=begun)
            return
        if len(standing) > row["sends"]:
            self._stays(row, standing[0].id, f"{len(standing)} {form}s carry its mark, and this run made {row['sends']}")
            return
        touched = [item for item in standing if self._is_touched(row, item)]
        for item in touched:
            self._stays(row, item.id, "it was touched since it was made, so it was left as it is")
        if not touched and all(self._void(row, item) for item in reversed(standing)):
            self._gone(row, standing, undone=True)

    def _is_touched(self, row: Row, item: Item) -> bool:
        """Whether a copy is no longer as this run left it."""
        if row["target_print"] is not None and item.id == row["target_id"] and row["seq"] not in self._begun:
            # A list that left something out when the copy was counted may have shown it with what belongs to another.
            return row["target_print"] not in {fingerprint(item), fingerprint(_without_remaining(item))} and not self._is_as_planned(
                row, item
            )
        credit = item.twin if isinstance(item, ChargeItem) else item
        planned = sorted(amount_key(Decimal(item["amount"])) for item in draft_of(row)["allocations"])
        edges = () if credit is None else credit.allocations or ()
        spent = sorted(amount_key(edge.amount) for edge in edges if edge.reversed_at is None)
        # A copy whose allocations were never all made, or are undone by a rollback that was killed, is not touched.
        return not sending.is_planned(item, row) or any(spent.count(amount) > planned.count(amount) for amount in spent)

    def _is_as_planned(self, row: Row, item: Item) -> bool:
        """Whether a credit's copy is in all that the target keeps of a plan as it was to be made: then nobody else's doing is in it."""
        if isinstance(item, ChargeItem) or not sending.is_planned(item, row):
            return False
        draft, fields = draft_of(row), self._target.capabilities.credit_fields
        for name in ("memo", "number", "issued_on"):
            kept = name in fields and fields[name].write
            if kept and str(getattr(item, name)) != str(draft[name]):
                return False
        return _has_only(item, draft["allocations"])

    def _void(self, row: Row, item: Item) -> bool:
        """Take one copy back, with all that follows from it: a flow that broke off after the copy had gone is begun again, to end it."""
        done = done_steps(self._store, row["seq"], UNDO, row["generation"]) if row["sends"] == 1 else {}
        tries = 0
        while (error := self._tried(row, item, done)) is not None:
            left = self._left(row, item)
            if left is None or any(map(reading.is_standing, left)):
                return self._fails(row, item, "it could not be taken back", error)
            if not left or (isinstance(item, ChargeItem) and item.twin is None):
                return True
            tries += 1
            if tries > _LOOKS and isinstance(error, (Rejected, NotFound)):
                # A vendor may refuse to take back what is gone, and may refuse what follows from it: nobody can tell.
                self._trace(row, item.id, f"it is gone; to see to what that leaves open was refused: {mask(str(error))}")
                return True
            if tries > _LOOKS:
                return self._fails(row, item, "it is gone, and what that leaves open is not settled", error)
        self._target.core.wrote(sending.undoes(row), row["target_account"], "undone", item.id, row["mark_now"])
        return True

    def _tried(self, row: Row, item: Item, done: Done) -> UnibillError | None:
        watch = Watch(self._store, row, UNDO, {})
        try:
            with blocking_turns.waited(self._target.provider, item.id):
                self._target.run(watched(sending.undoing(self._target, item, done), watch), watch.keep)
        except UnibillError as error:
            return error
        return None

    def _fails(self, row: Row, item: Item, what: str, error: UnibillError) -> bool:
        self._stays(row, item.id, f"{what}: {mask(str(error))}")
        self._target.core.wrote(sending.undoes(row), row["target_account"], "failed", item.id, row["mark_now"])
        if isinstance(error, sending.FATAL):
            raise error
        return False

    def _left(self, row: Row, item: Item) -> list[Item] | None:
        """What several lists show of a copy whose undoing failed or had no answer; None where they cannot be read."""
        try:
            left = [item for _ in range(1 + _LOOKS) for item in self._scope.target(self._target, row["target_account"], was_there=True)]
        except BackendError:
            return None
        return [seen for found in left if key_of(seen := seen_as(found, type_of(item))) == key_of(item)]

    def _gone(self, row: Row, copies: Sequence[Item], *, undone: bool) -> None:
        """Keep that nothing of a record stands any more; its next copy has another mark.

        Args:
            row: the record.
            copies: what stood of it.
            undone: by this run, and not by somebody else.
        """
        generation = row["generation"] + 1
        values = {
            "state": State.UNDONE,
            "outcome": "",
            "generation": generation,
            "mark": row["mark"] or row["mark_now"],
            "mark_now": marks.mark(self._identity, row["kind"], row["source_id"], generation),
            "sends": 0,
            "target_id": None,
            "target_print": None,
        }
        ids = [item.id for item in copies]
        self._store.keep(self._store.note(Entry(row["seq"], row["generation"], UNDO, "outcome", State.UNDONE, {"ids": ids}, values)))
        for item in copies if undone else ():
            if item.kind is CreditKind.CHARGE:
                self._trace(row, item.id, "the charge and its reversal stay in the vendor's books; together they are zero")
        with self._guard:
            self._undone += undone
            if undone:
                sums = self._money[row["record_type"]]
                sums[row["currency"]] = money.add([sums.get(row["currency"], Decimal(0)), Decimal(row["carried"])])

    def _stays(self, row: Row, target_id: str, reason: str) -> None:
        with self._guard:
            if len(self._remains) < SHOWN:
                self._remains.append(Problem("remains", row["target_account"], row["source_id"], target_id, reason))

    def _trace(self, row: Row, target_id: str, reason: str) -> None:
        with self._guard:
            if len(self._traces) < SHOWN:
                self._traces.append(Problem("trace", row["target_account"], row["source_id"], target_id, reason))

    def _tell(self, note: str = "") -> None:
        if self._progress is not None:
            with self._guard:
                amounts, charges = (dict(self._money[kind]) for kind in (RecordType.CREDIT, RecordType.CHARGE))
                progress = Progress("rollback", self._undone, self._total, amounts, {"undone": self._undone}, note, charges)
            self._progress(progress)

    def _summary(self) -> RollbackSummary:
        net: dict[str, dict[str, Decimal]] = {kind: {} for kind in RecordType}
        columns = (records.c.seq, records.c.record_type, records.c.currency, records.c.carried)
        left = records.c.state.in_(BEGUN) & (records.c.sends > 0)
        for row in self._store.stream(select(*columns).where(records.c.decision == "create"), records.c.seq):
            net[row["record_type"]].setdefault(row["currency"], Decimal(0))
        for row in self._store.stream(select(*columns).where(left), records.c.seq):
            sums = net[row["record_type"]]
            sums[row["currency"]] = money.add([sums.get(row["currency"], Decimal(0)), Decimal(row["carried"])])
        return RollbackSummary(
            run=self._store.name,
            undone=self._undone,
            money=dict(sorted(self._money[RecordType.CREDIT].items())),
            charges=dict(sorted(self._money[RecordType.CHARGE].items())),
            remains=tuple(self._remains),
            traces=tuple(self._traces),
            net=dict(sorted(net[RecordType.CREDIT].items())),
            net_charges=dict(sorted(net[RecordType.CHARGE].items())),
            interrupted=self._crew.interrupted,
        )


def _lacking(made: Iterable[Row], found: Iterable[Item]) -> list[Row]:
    """Records whose copies are not among what was found."""
    there = [(item.mark, item.id) for item in found]
    marked, ids = {mark for mark, _ in there}, {record_id for _, record_id in there}
    return [row for row in made if row["mark_now"] not in marked and row["target_id"] not in ids]


def _has_only(credit: Credit, planned: Iterable[Mapping[str, Any]]) -> bool:
    """Whether just what was planned of a credit is spent, on what was planned."""
    left = [(one["target_id"], one["target_number"], Decimal(one["amount"])) for one in planned]
    unspent = money.subtract(credit.amount, money.add([amount for *_, amount in left]))
    edges = [edge for edge in credit.allocations or () if edge.reversed_at is None]
    for edge in edges:
        to = edge.target
        same = [one for one in left if one[2] == edge.amount and (one[0] == to.id or (one[0] is None and one[1] == to.number))]
        if not same:
            return False
        left.remove(same[0])
    return not left and credit.remaining in ({unspent} if edges else {unspent, None})


def _without_remaining(item: Item) -> Item:
    """An unspent copy as it was while nobody could say what remains of it: some vendors can only once it is on an invoice."""
    credit = item.twin if isinstance(item, ChargeItem) else item
    if credit is None or credit.remaining != credit.amount:
        return item
    unknown = credit.replace(remaining=None)
    return replace(item, twin=unknown) if isinstance(item, ChargeItem) else unknown
