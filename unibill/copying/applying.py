"""Apply: do exactly what was planned, once, whatever breaks on the way."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select

from unibill import marks, money
from unibill.copying import reading, sending, settling
from unibill.copying.auditing import CONTRADICTING, Auditor
from unibill.copying.carry import mask
from unibill.copying.compact import draft_of
from unibill.copying.crew import Crew, Since
from unibill.copying.decisions import DONE, FAILED, OPEN, UNSETTLED, Decision, State
from unibill.copying.guards import stop
from unibill.copying.hashing import fingerprint, write_settings
from unibill.copying.items import ChargeItem, Item, RecordType, key_of, seen_as, type_of
from unibill.copying.matching import reversed_copy
from unibill.copying.options import ApplyOptions
from unibill.copying.outline import TAKEN_UP, canary_of, guards_tripped, states_of
from unibill.copying.packed import Packed
from unibill.copying.place import RunLike
from unibill.copying.planning import hash_of
from unibill.copying.prepared import Prepared, Row
from unibill.copying.reading import SourceMarks
from unibill.copying.schema import records
from unibill.copying.sending import Creation, Sent
from unibill.copying.store import RunStore
from unibill.copying.summary import SHOWN, AppliedTotal, ApplySummary, Problem, Progress, Tell, Value, Verification
from unibill.copying.telling import telling
from unibill.copying.verifying import Verifier
from unibill.errors import BackendError, PlanMismatch, RunStoreError
from unibill.facade import Billing
from unibill.flow import Done

_DEFAULTS: Final = ApplyOptions()
_ZERO: Final = Decimal(0)
_ROUNDS: Final = 3
"""How often writes with unknown outcomes are looked for and sent again in one apply."""
_IN_ORDER: Final = itemgetter("source_account", "record_type", "source_id")
"""In which order the records of an account are done; sorted here, because a database would carry whole records about."""
COUNTED: Final = or_(records.c.sends > 0, records.c.state.in_(sorted(DONE)))
"""Records of which something may or should stand at the target, so that their accounts are counted at the end."""
_BEGUN: Final = 4
"""How many records of an account have their intents noted, the one that is sent included, so that most are durable when it is their turn, and
a slow disk is waited for seldom. After a crash so many are unknown, and are looked for before they are sent again. Not more, because nobody
can tell then which of them this run had sent: a copy that another run made of one of them in the meantime would be taken for its own."""


@cache
def _of_account(states: frozenset[State]) -> Prepared:
    """The records of a target account in some states, in no order."""
    columns = [column for column in records.c if column.name not in {"losses", "dropped"}]
    query = select(*columns).where(records.c.target_account == bindparam("account", None), records.c.state.in_(sorted(states)))
    return Prepared(query)


def apply(source: Billing, target: Billing, run: RunLike, options: ApplyOptions = _DEFAULTS, progress: Tell | None = None) -> ApplySummary:
    """Apply a plan, or go on with it.

    Args:
        source: read again, to refuse what has changed.
        target: written to.
        run: the run file.
        options: how.
        progress: is told how far it is, in the calling thread.

    Raises:
        RunStoreError: no finished plan, or another process works on it.
        PlanMismatch: not the plan that was signed off, other systems, or other write settings.
        GuardStopped: a guard; nothing was written.
        AuthenticationFailed, PermissionDenied, UnsupportedOperation: the next record would fail the same way; what was done is
            in the store.
    """
    with RunStore(run, lock=True) as store, sending.only_while_held(store, target):
        applier = Applier(source, target, store, options, telling(target, store.name, progress))
        return applier.run(lambda: check(store, source, target, options))


def check(store: RunStore, source: Billing, target: Billing, options: ApplyOptions) -> None:
    """Refuse to apply anything but the plan that was signed off; errors as of ``apply``."""
    planned = store.get("hash")
    if planned is None:
        raise RunStoreError(f"the plan in {store.name} was not finished; plan again")
    reading.same_systems(store, source, target)
    store.check_words()
    if options.expect is not None and options.expect != planned:
        raise PlanMismatch(f"the plan's hash is {planned}, not {options.expect}; nothing was written")
    identity, strange = str(store.need("source_identity")), list[str]()

    def look(row: Row) -> None:
        # Marks change with each rollback, and after one the plan's hash does not cover them; but they follow from their records.
        if (
            (row["mark"] or row["generation"])
            and row["mark_now"] != marks.mark(identity, row["kind"], row["source_id"], row["generation"])
            and not strange
        ):
            strange.append(row["source_id"])

    if hash_of(store, look) != planned:
        raise PlanMismatch(f"the records in {store.name} are not those that were hashed; somebody changed the file. Nothing was written")
    if strange:
        raise PlanMismatch(f"the mark of record {strange[0]} in {store.name} is not its own; somebody changed it. Nothing was written")
    settings, before = write_settings(target.provider), store.need("target_settings")
    if settings != before:
        changed = sorted(name for name in {*settings, *before} if settings.get(name) != before.get(name))
        raise PlanMismatch(f"settings of {target.name} that change what is written have changed since the plan: {', '.join(changed)}")
    if store.get("phase") == "rolling back":
        raise RunStoreError("a rollback of this run was not finished; roll back again first")
    if not options.yes:
        stop(guards_tripped(store, options.guards))


@dataclass(frozen=True, slots=True)
class Found(Value):
    """What an apply, or a part of one, found out that does not stand in the records."""

    writes: int = 0
    undone: int = 0
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False
    stopped: str = ""


class Applier:
    """One apply, of a whole run or of some of its target accounts.

    Args:
        source: read again.
        target: written to.
        store: the run.
        options: how.
        progress: is told.
        among: only these target accounts; None for all.
        stopping: an event by which others can stop it, after what is under way.
    """

    def __init__(
        self,
        source: Billing,
        target: Billing,
        store: RunStore,
        options: ApplyOptions,
        progress: Tell | None,
        among: Sequence[str] | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self._source = source
        self._target = target
        self._store = store
        self._options = options
        self._progress = progress
        self._among = among
        self._crew = Crew(options.concurrency or target.provider.settings.concurrency, self._tell, stopping)
        self._auditor = Auditor(target, store)
        self._scope = self._auditor.scope
        self._guard = threading.Lock()
        self._counts: dict[str, int] = {}
        self._money: dict[str, Decimal] = {}
        self._charges: dict[str, Decimal] = {}
        self._writes = 0
        self._done = 0
        self._total = 0
        self._stopped = ""
        self._unknown_since = Since()
        self._seen: set[int] = set()
        self._counted_unknown: set[int] = set()
        self._wanted: frozenset[int] | None = None

    def run(self, check: Callable[[], None]) -> ApplySummary:
        """Do what is open, settle what is unknown, count, and sum up; however early it is interrupted.

        Args:
            check: refuses what must not be applied.
        """
        canary: Verification | None = None
        has_begun = False
        with self._crew.interruptible():
            check()
            has_begun = True
            canary = self._whole()
        return conclude(self._store, self.found(), canary) if has_begun else summed_up(self._store, self.found(), None)

    def _whole(self) -> Verification | None:
        store, options = self._store, self._options
        store.put(**begins(store, options.only))
        if options.canary is not None:
            self._wanted = frozenset(row["seq"] for row in store.rows(canary_of(options.canary, options.only)))
        self.work()
        return self._finish()

    def work(self) -> None:
        """Do what is open, and settle what is unknown."""
        options = self._options
        states = TAKEN_UP[options.only]
        aside = self._seqs(UNSETTLED) if options.only == "failed" else frozenset[int]()
        fresh = states - UNSETTLED
        self._total = self._store.count(self._mine(select(func.count()).where(records.c.state.in_(states))))
        self._each(self._accounts(fresh), lambda account: self._account(account, fresh, None))
        for _ in range(_ROUNDS):
            unsettled = self._seqs(UNSETTLED) - aside
            if not unsettled or self._crew.stopping.is_set():
                break
            self._settle(unsettled)

    def count(self) -> None:
        """Count the carriers of every mark once more."""
        query = self._mine(select(records.c.target_account).where(COUNTED)).distinct()
        self._each(self._store.column(query, records.c.target_account), self._auditor.at_the_end)

    def found(self) -> Found:
        """What it found out so far."""
        return Found(self._writes, self._auditor.undone, tuple(self._auditor.problems), self._crew.interrupted, self._stopped)

    # Passes

    def _each(self, accounts: Sequence[str], do: Callable[[str], None]) -> None:
        self._crew.work(accounts, do)

    def _mine(self, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        return query if self._among is None else query.where(records.c.target_account.in_(self._among))

    def _accounts(self, states: frozenset[State]) -> list[str]:
        query = self._mine(select(records.c.target_account).where(records.c.state.in_(states))).distinct()
        return self._store.column(query, records.c.target_account)

    def _seqs(self, states: frozenset[State]) -> frozenset[int]:
        found = frozenset(self._store.column(self._mine(select(records.c.seq).where(records.c.state.in_(states))), records.c.seq))
        return found if self._wanted is None else found & self._wanted

    def _settle(self, unsettled: frozenset[int]) -> None:
        """Wait until a lost write has either taken effect or never will, look for it, and only then send again."""
        self._tell(f"waiting for {len(unsettled)} writes whose outcome is unknown")
        self._crew.pause(self._target, self._unknown_since.left(self._options.settle))

        def settle(account: str) -> None:
            rows = [row for row in self._rows(account, UNSETTLED) if row["seq"] in unsettled]
            if not rows:
                return
            looked = self._look(account, rows)
            self._account(account, UNSETTLED, looked.seen | looked.absent)

        self._each(self._accounts(UNSETTLED), settle)

    # One account

    def _rows(self, account: str, states: frozenset[State]) -> list[Row]:
        """Its records in some states; what was noted of them before is durable, since each pass reads which accounts there are."""
        rows = self._store.durable_rows(_of_account(states), account=account)
        wanted = [row for row in rows if self._wanted is None or row["seq"] in self._wanted]
        return sorted(wanted, key=_IN_ORDER)

    def _account(self, account: str, states: frozenset[State], only: frozenset[int] | None) -> None:
        """Do the open records of one target account, in order."""
        rows = [row for row in self._rows(account, states) if only is None or row["seq"] in only]
        if not rows or self._crew.stopping.is_set():
            return
        rows = self._without_unclear(account, rows)
        try:
            fresh = self._read_again(rows)
            carriers = self._carriers(account)
        except BackendError as error:
            self._all_failed(rows, error)
            return
        touched = False
        with closing(self._begun(rows, fresh, carriers)) as begun:
            for row, what in begun:
                sent = self._created(what) if isinstance(what, Creation) else self._finished(row, what)
                touched = touched or sent.state in DONE
                self._count(row, sent)
        if touched:
            self._auditor.after_account(account)

    def _without_unclear(self, account: str, rows: list[Row]) -> list[Row]:
        """All but those that were refused without proof, and of which scans of the account do not show whether they stand there."""
        unsure = [row for row in rows if row["sends"] and row["state"] not in UNSETTLED]
        if not unsure:
            return rows
        looked = self._look(account, unsure)
        unclear = {row["seq"] for row in unsure} - looked.seen - looked.absent
        return [row for row in rows if row["seq"] not in unclear]

    def _look(self, account: str, rows: Sequence[Row]) -> settling.Looked:
        looked = settling.look(self._target, self._store, account, rows)
        with self._guard:
            self._seen |= looked.seen
        return looked

    def _begun(
        self, rows: Sequence[Row], fresh: Mapping[tuple[str, str], Item], carriers: Mapping[str, Sequence[Item]]
    ) -> Generator[tuple[Row, Sent | Creation], None, None]:
        """Records in order, with what is to be done with them, the next few begun already; what is not taken is withdrawn."""
        waiting = deque[tuple[Row, Sent | Creation]]()
        stopping = self._crew.stopping
        try:
            for row in rows:
                if stopping.is_set():
                    return
                what = self._judged(row, fresh.get((row["record_type"], row["source_id"])), carriers)
                if isinstance(what, Creation):
                    what.begin()
                waiting.append((row, what))
                if len(waiting) == _BEGUN:
                    yield waiting.popleft()
            while waiting and not stopping.is_set():
                yield waiting.popleft()
        finally:
            for _, what in waiting:
                if isinstance(what, Creation):
                    what.withdraw()

    def _read_again(self, rows: Sequence[Row]) -> dict[tuple[str, str], Item]:
        """The planned records as the source has them now."""
        wanted = {(row["record_type"], row["source_id"]) for row in rows}
        found: dict[tuple[str, str], Item] = {}
        for source_account in sorted({row["source_account"] for row in rows}):
            items = self._scope.source(self._source, source_account)
            found.update((key_of(item), item) for item in items if key_of(item) in wanted)
        return found

    def _carriers(self, account: str) -> dict[str, list[Item]]:
        by_mark: dict[str, list[Item]] = {}
        for item in self._scope.marked(self._target, account, SourceMarks(self._store, self._auditor.identity)):
            by_mark.setdefault(item.mark or "", []).append(item)
        return by_mark

    def _otherwise_made(self, row: Row, carriers: Mapping[str, Sequence[Item]]) -> str:
        """Why a record must not be made, because a copy of it stands under a mark that is not its present one; or an empty text."""

        def standing(wanted: Sequence[str]) -> str:
            return ", ".join(item.id for mark in wanted for item in carriers.get(mark, ()) if reading.is_standing(item))

        if ids := standing(self._auditor.later_marks(row)):
            return f"it was rolled back and made again as {ids}, which this run file is too old to know; go on with the newer one"
        if ids := standing(self._auditor.earlier_marks(row)):
            made = f"this run rolled it back, and {ids} stands under its mark from before: another run made it, or it came back"
            return f"{made}; go on with that run, or void it and apply again"
        return ""

    def _all_failed(self, rows: Sequence[Row], error: BackendError) -> None:
        for row in rows:
            if row["state"] in UNSETTLED:
                continue
            sent = Sent(State.FAILED, reason=mask(str(error)))
            sending.finish(self._target, self._store, row, sent)
            self._count(row, sent)
        if isinstance(error, sending.FATAL):
            raise error

    def _judged(self, row: Row, fresh: Item | None, carriers: Mapping[str, Sequence[Item]]) -> Sent | Creation:
        """What is to be done with one record: refuse it, find it, or create it."""
        mine = [seen_as(item, row["record_type"]) for item in carriers.get(row["mark_now"], ())]
        standing = [item for item in mine if reading.is_standing(item)]
        known = len(standing) == 1 and sending.is_planned(standing[0], row)
        if fresh is None or fingerprint(fresh) != row["print"]:
            if known:
                return Sent(State.CREATED if row["sends"] else State.EXISTS, standing[0])
            if row["seq"] in self._seen:
                return Sent(State.UNKNOWN, reason="it was seen at the target and then not; apply again")
            gone = "it is not at the source any more" if fresh is None else "it has changed at the source since the plan"
            if fresh is not None and len(standing) == 1 and not row["sends"]:
                return Sent(State.REFUSED, reason=f"{gone}; another run has carried it since, as {standing[0].id}")
            return Sent(State.REFUSED, reason=f"{gone}; plan into another run for it")
        if mine:
            return self._found(row, fresh, mine, standing[0] if known else None)
        if row["seq"] in self._seen:
            return Sent(State.UNKNOWN, reason="it was seen at the target and then not; apply again")
        if carriers and (otherwise := self._otherwise_made(row, carriers)):
            return Sent(State.CONFLICT, reason=otherwise)
        if row["decision"] == Decision.EXISTS and row["mark"] in {None, row["mark_now"]}:
            reason = (
                "the plan found its copy at the target, which does not list it now; apply again, or plan into another run if it is gone"
            )
            return Sent(State.FAILED, reason=reason)
        return self._creation(row, fresh, {})

    def _found(self, row: Row, fresh: Item, carriers: Sequence[Item], copy: Item | None) -> Sent | Creation:
        if copy is None:
            if not any(reading.is_standing(item) for item in carriers):
                return Sent(State.CONFLICT, reason=reversed_copy(", ".join(item.id for item in carriers)))
            ids = ", ".join(f"{type_of(item)} {item.id} ({item.amount} {item.currency}, {item.status})" for item in carriers)
            return Sent(State.CONFLICT, reason=f"its mark stands on something else: {ids}")
        done = {} if isinstance(copy, ChargeItem) else self._target.provider.done_from(copy)
        if done and draft_of(row)["allocations"]:
            return self._creation(row, fresh, done, found=True)
        return Sent(State.CREATED if row["sends"] else State.EXISTS, copy)

    def _creation(self, row: Row, fresh: Item, done: Done, *, found: bool = False) -> Creation:
        steps = {**sending.journaled(self._store, row), **done}
        return Creation(self._target, self._store, row, fresh, steps, found=found)

    def _created(self, creation: Creation) -> Sent:
        with self._guard:
            self._writes += creation.is_first
        sent = creation.send()
        if sent.state is State.UNKNOWN:
            self._unknown_since = Since()
        if sent.stop:
            self._stopped = f"the run stopped after record {creation.row['source_id']}: {sent.stop}"
            self._crew.stopping.set()
        if isinstance(sent.error, sending.FATAL):
            raise sent.error
        return sent

    def _finished(self, row: Row, sent: Sent) -> Sent:
        sending.finish(self._target, self._store, row, sent)
        return sent

    # Ends

    def _count(self, row: Row, sent: Sent) -> None:
        with self._guard:
            if row["seq"] in self._counted_unknown:  # done again, and counted once
                self._counted_unknown.remove(row["seq"])
                self._counts[State.UNKNOWN] -= 1
            else:
                self._done += 1
            if sent.state is State.UNKNOWN:
                self._counted_unknown.add(row["seq"])
            self._counts[sent.state] = self._counts.get(sent.state, 0) + 1
            if sent.state is State.CREATED:
                sums = self._charges if row["record_type"] == RecordType.CHARGE else self._money
                sums[row["currency"]] = money.EXACT.add(sums.get(row["currency"], _ZERO), Decimal(row["carried"]))

    def _tell(self, note: str = "") -> None:
        if self._progress is not None:
            with self._guard:
                phase = "settle" if note else "apply"
                progress = Progress(phase, self._done, self._total, dict(self._money), dict(self._counts), note, dict(self._charges))
            self._progress(progress)

    def _finish(self) -> Verification | None:
        """Count the carriers of every mark once more, and verify a canary."""
        if self._crew.interrupted:
            return None
        self._crew.stopping.clear()
        self.count()
        if not self._wanted or self._stopped:  # of no records nothing can be proved
            return None
        return Verifier(self._source, self._target, self._store, self._wanted, None).run()


def begins(store: RunStore, only: str | None) -> dict[str, object]:
    """What is true of a run from the moment on at which an apply begins; nothing new where it has no record to take up.

    An apply that only counts leaves the phase and what was verified before as they are.
    """
    takes_up = store.count(select(func.count()).select_from(records).where(records.c.state.in_(TAKEN_UP[only])))
    return {"phase": "applying", "verified": None} if takes_up else {}


def conclude(store: RunStore, found: Found, canary: Verification | None = None) -> ApplySummary:
    """Sum an apply up, and keep the summary as a proof."""
    summary = summed_up(store, found, canary)
    open_left = store.count(select(func.count()).select_from(records).where(records.c.state.in_(OPEN)))
    if not open_left and not summary.interrupted:
        store.put(phase="applied")
    if any(problem.what in CONTRADICTING for problem in found.problems):
        store.put(verified=None)
    store.prove("apply", summary, "totals")
    return summary


def summed_up(store: RunStore, found: Found, canary: Verification | None = None) -> ApplySummary:
    """The summary of an apply, from the records and from what else was found out."""
    created: dict[str, dict[str, Decimal]] = {kind: {} for kind in RecordType}
    totals = Packed(AppliedTotal, _totals(store, created))
    query = select(records).where(records.c.state.in_(FAILED | UNSETTLED)).order_by(records.c.seq).limit(SHOWN)
    problems = [
        Problem(
            "unknown" if row["state"] in UNSETTLED else row["state"].value,
            row["target_account"],
            row["source_id"],
            row["target_id"] or "",
            row["outcome"] or "its outcome is unknown; apply again",
        )
        for row in store.rows(query)
    ]
    return ApplySummary(
        run=store.name,
        hash=store.get("hash") or "",
        counts=states_of(store),
        money=dict(sorted(created[RecordType.CREDIT].items())),
        charges=dict(sorted(created[RecordType.CHARGE].items())),
        totals=totals,
        writes=found.writes,
        undone=found.undone,
        problems=tuple([*problems, *found.problems][:SHOWN]),
        interrupted=found.interrupted,
        stopped=found.stopped,
        canary=canary,
    )


def _totals(store: RunStore, created: Mapping[str, dict[str, Decimal]]) -> Iterator[AppliedTotal]:
    """What stands in each target account, in their order; sums up on the way what was created, by type and currency."""
    columns = [records.c[name] for name in ("seq", "record_type", "target_account", "currency", "carried", "state")]
    rows = store.stream(select(*columns).where(records.c.state.in_(DONE)), records.c.target_account, records.c.seq)
    for account, of_account in groupby(rows, key=itemgetter("target_account")):
        lines: dict[tuple[str, str], list[Any]] = {}
        for row in of_account:
            line = lines.setdefault((row["record_type"], row["currency"]), [0, 0, Decimal(0)])
            line[0 if row["state"] == State.CREATED else 1] += 1
            amount = Decimal(row["carried"])
            line[2] = money.EXACT.add(line[2], amount)
            if row["state"] == State.CREATED:
                sums = created[row["record_type"]]
                sums[row["currency"]] = money.EXACT.add(sums.get(row["currency"], _ZERO), amount)
        for (kind, currency), line in sorted(lines.items()):
            yield AppliedTotal(account, RecordType(kind), currency, *line)
