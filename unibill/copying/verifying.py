"""Verify: read both sides again and prove that what the target gained is what was carried."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby

from sqlalchemy import select

from unibill import money
from unibill.copying import charging, reading, sending
from unibill.copying.abreast import abreast
from unibill.copying.carry import mask
from unibill.copying.compact import draft_of
from unibill.copying.decisions import DONE, FAILED, OPEN, Decision, State
from unibill.copying.generations import Generation, Generations
from unibill.copying.hashing import amount_key, fingerprint
from unibill.copying.items import ChargeItem, Item, RecordType, both, counts_as, key_of, seen_as, type_of
from unibill.copying.newcomers import Newcomers
from unibill.copying.packed import Packed
from unibill.copying.place import RunLike
from unibill.copying.prepared import Row
from unibill.copying.reading import RunMarks
from unibill.copying.schema import records, snapshot, targets, totals
from unibill.copying.scope import Scope
from unibill.copying.store import RunStore
from unibill.copying.summary import SHOWN, Conservation, Difference, Progress, Tell, Verification
from unibill.copying.telling import telling
from unibill.errors import BackendError, RunStoreError
from unibill.facade import Billing
from unibill.model import Credit

_COVERED = frozenset({Decision.CREATE, Decision.EXISTS})
EQUAL = "="


def verify(source: Billing, target: Billing, run: RunLike, progress: Tell | None = None) -> Verification:
    """Compare both sides, freshly read, with the plan and the target's snapshot, and keep what was found in the run.

    Raises:
        RunStoreError: no finished plan, or another process works on the run.
        PlanMismatch: other systems than planned.
    """
    with RunStore(run, lock=True) as store:
        check_verifiable(store, source, target)
        return keep(store, Verifier(source, target, store, None, telling(target, store.name, progress)).run())


def check_verifiable(store: RunStore, source: Billing, target: Billing) -> None:
    """Refuse to verify what was not planned, or with other systems; errors as of ``verify``."""
    if store.get("hash") is None:
        raise RunStoreError(f"the plan in {store.name} was not finished; plan again")
    reading.same_systems(store, source, target)
    store.check_words()


def keep(store: RunStore, found: Verification) -> Verification:
    """Keep a verification of the whole run as a proof."""
    store.prove("verification", found, "conservation")
    if store.get("phase") == "applied":
        store.put(verified=found.exit_status)
    return found


def verification(
    store: RunStore, signs: Mapping[str, int], differences: Iterable[Difference], lines: Iterable[Conservation]
) -> Verification:
    """What was found, in the order of accounts; signs and differences may be filled while lines are taken."""
    conservation = Packed.ordered(Conservation, lines, key=lambda line: (line.account, line.currency))
    return Verification(
        run=store.name,
        hash=store.need("hash"),
        signs=signs,
        differences=tuple(sorted(differences, key=lambda item: (item.account, item.source_id, item.target_id))[:SHOWN]),
        conservation=conservation,
    )


class Verifier:
    """One verification, of all records or of some.

    Args:
        source: read again.
        target: read again.
        store: the run.
        wanted: only these records, by ``seq``; None for all.
        progress: is told.
        among: only these target accounts; None for all.
    """

    def __init__(
        self,
        source: Billing,
        target: Billing,
        store: RunStore,
        wanted: frozenset[int] | None,
        progress: Tell | None,
        among: Sequence[str] | None = None,
    ) -> None:
        self._source = source
        self._target = target
        self._store = store
        self._wanted = wanted
        self._among = among
        self.width = min(source.provider.settings.concurrency, target.provider.settings.concurrency)
        self._progress = progress
        identity = store.need("source_identity")
        self._marks, self._generations = RunMarks(store, identity), Generations(store, identity)
        self._newcomers = Newcomers(store)
        self._scope = Scope.kept(store)
        self._taken_back = store.get("phase") in {"rolled back", "partly rolled back"}

    def run(self) -> Verification:
        """Verify account by account, several at once."""
        accounts = self.accounts() if self._among is None else list(self._among)
        signs = dict.fromkeys("=-+*!", 0)
        differences: list[Difference] = []
        return verification(self._store, signs, differences, self._lines(accounts, signs, differences))

    def _lines(self, accounts: Sequence[str], signs: dict[str, int], differences: list[Difference]) -> Iterator[Conservation]:
        """The money of every account, as they come; signs and differences are counted and collected on the way."""
        for block in abreast(accounts, self._account, self.width):
            for item in block:
                if isinstance(item, Conservation):
                    yield item
                elif isinstance(item, Difference):
                    signs[item.sign] += 1
                    if len(differences) < SHOWN:
                        differences.append(item)
                else:
                    signs[EQUAL] += item
            if self._progress is not None:
                self._progress(Progress("verify", sum(signs.values()), None, {}, dict(signs)))

    def accounts(self) -> list[str]:
        """The target accounts that the plan is about."""
        if self._wanted is not None:
            query = select(records.c.seq, records.c.target_account).where(records.c.state != "")
            return sorted({row["target_account"] for row in self._store.stream(query, records.c.seq) if row["seq"] in self._wanted})
        r, t = records.c, targets.c
        planned = self._store.column(select(r.target_account).where(r.state != "").distinct(), r.target_account)
        read = self._store.column(select(t.account).where(t.missing == 0), t.account)
        return [account for account, _ in groupby(heapq.merge(planned, read))]

    def _account(self, account: str) -> Iterator[Difference | Conservation | int]:
        query = select(records).where(records.c.target_account == account, records.c.decision.in_(_COVERED))
        every: list[Row] = []
        unwanted: dict[str, str] = {}
        for row in self._store.stream(query, records.c.seq):
            if self._is_taken_back(row):
                unwanted[row["mark_now"]] = row["source_id"]
            else:
                every.append(row)
        rows = [row for row in every if self._wanted is None or row["seq"] in self._wanted]
        try:
            now = list(self._scope.target(self._target, account, was_there=reading.had_records(self._store, account)))
        except BackendError as error:
            reason = f"the target could not be read: {mask(str(error))}"
            for row in rows:
                yield _difference("!", "unreadable", row, None, reason)
            yield from self._conserved(account, every, None)
            return
        sources, newcomers = self._sources(rows)
        yield from _Comparison(account, now, self._marks, self._generations, unwanted).compare(
            rows, every, sources, self._before(account), self._wanted is None
        )
        reason = "it stands at the source and the plan does not have it; a new run carries it"
        yield from (Difference("-", "not-planned", account, item.id, "", reason) for item in newcomers)
        yield from self._conserved(account, every, now)

    def _is_taken_back(self, row: Row) -> bool:
        """Whether no copy is wanted after a rollback, which took it back or found it never sent; one that stands all the same is extra."""
        never_sent = row["state"] in FAILED and not row["sends"]
        return self._taken_back and (never_sent or row["state"] in {State.UNDONE, State.PLANNED})

    def _before(self, account: str) -> dict[tuple[str, str], Row]:
        s = snapshot.c
        rows = self._store.stream(select(snapshot).where(s.account == account, s.counted == 1), s.record_type, s.id)
        return {(row["record_type"], row["id"]): row for row in rows}

    def _sources(self, rows: Sequence[Row]) -> tuple[Callable[[Row], tuple[str, str] | None], list[Item]]:
        """Tells of a record what is wrong with it at the source, a sign and a reason; and what is there that the plan does not have."""
        prints: dict[tuple[str, str], str] = {}
        unreadable: dict[str, str] = {}
        newcomers: list[Item] = []
        known = {row["source_id"] for row in rows}
        for account in sorted({row["source_account"] for row in rows}):
            try:
                found = list(self._scope.source(self._source, account))
            except BackendError as error:
                unreadable[account] = mask(str(error))
                continue
            prints.update((key_of(item), fingerprint(item)) for item in found)
            if self._wanted is None:
                newcomers += self._newcomers.among(found, account, known)

        def wrong(row: Row) -> tuple[str, str] | None:
            if row["source_account"] in unreadable:
                return "!", f"the source could not be read: {unreadable[row['source_account']]}"
            now = prints.get((row["record_type"], row["source_id"]))
            if now == row["print"]:
                return None
            return "*", "it has changed at the source since the plan" if now is not None else "it is not at the source any more"

        return wrong, newcomers

    def _conserved(self, account: str, rows: Sequence[Row], now: Sequence[Item] | None) -> Iterator[Conservation]:
        query = select(totals).where(totals.c.account == account)
        before = {(row["record_type"], row["currency"]): Decimal(row["amount"]) for row in self._store.rows(query)}
        expected = [row for row in rows if row["decision"] == Decision.CREATE and (self._wanted is None or row["state"] in DONE)]
        copies = {item.mark: counts_as(item) for item in now or () if isinstance(item, ChargeItem) and reading.is_standing(item)}
        carried: dict[tuple[str, str], Decimal] = {}
        after: dict[tuple[str, str], Decimal] = {}
        for row in expected:
            counts = _counts_as(row, copies)
            amount = Decimal(row["carried"])
            is_other = counts is RecordType.CREDIT and row["record_type"] == RecordType.CHARGE
            _raise(carried, (counts, row["currency"]), amount.copy_negate() if is_other else amount)
        for item in now or ():
            if reading.is_counted(item):
                _raise(after, (counts_as(item), item.currency), reading.counted(item))
        for kind, currency in sorted({*before, *carried, *after}):
            key = kind, currency
            start, gain = before.get(key, Decimal(0)), carried.get(key, Decimal(0))
            end = None if now is None else after.get(key, Decimal(0))
            yield Conservation(account, RecordType(kind), currency, start, gain, end, _sign(money.add([start, gain]), end))


def _counts_as(row: Row, copies: Mapping[str | None, RecordType]) -> RecordType:
    """Among which money the copy of a record counts: what its copy shows, and while there is none, what the source's record did."""
    if row["record_type"] != RecordType.CHARGE:
        return RecordType.CREDIT
    found = copies.get(row["mark_now"])
    return found or (RecordType.CREDIT if draft_of(row)["credit"] else RecordType.CHARGE)


def _raise(sums: dict[tuple[str, str], Decimal], name: tuple[str, str], amount: Decimal) -> None:
    sums[name] = money.EXACT.add(sums.get(name, Decimal(0)), amount)


def _sign(wanted: Decimal, found: Decimal | None) -> str:
    if found is None:
        return "!"
    return EQUAL if found == wanted else "-" if found < wanted else "+"


def _difference(sign: str, code: str, row: Row, item: Item | None, reason: str) -> Difference:
    return Difference(sign, code, row["target_account"], row["source_id"], "" if item is None else item.id, reason)


class _Comparison:
    """One target account as it is now, against what was planned."""

    def __init__(self, account: str, now: Sequence[Item], marks: RunMarks, generations: Generations, unwanted: Mapping[str, str]) -> None:
        self._account = account
        self._now = now
        self._marks = marks
        self._generations = generations
        self._unwanted = unwanted
        self._by_id = {_key(item): item for item in now}
        self._by_mark: dict[str, list[Item]] = {}
        for item in now:
            if item.mark is not None:
                self._by_mark.setdefault(item.mark, []).append(item)
        self._explained: set[tuple[str, str]] = set()

    def compare(
        self,
        rows: Sequence[Row],
        every: Sequence[Row],
        source: Callable[[Row], tuple[str, str] | None],
        before: dict[tuple[str, str], Row],
        with_others: bool,
    ) -> Iterator[Difference | int]:
        equal = 0
        for row in rows:
            found = list(self._record(row, source))
            equal += not found
            yield from found
        if with_others:
            yield from self._extra(every, before)
            yield from self._bystanders(every, before)
        yield equal

    def _record(self, row: Row, source: Callable[[Row], tuple[str, str] | None]) -> Iterator[Difference]:
        carriers = self._by_mark.get(row["mark_now"], [])
        standing = [item for item in carriers if reading.is_standing(item)]
        standing.sort(key=lambda item: (item.id != row["target_id"], len(item.id), item.id))
        self._explained.update(map(_key, standing))
        for item in standing[1:]:
            yield _difference("+", "made-twice", row, item, f"the mark of {standing[0].id} stands on it too")
        if not standing:
            yield self._absent(row, carriers)
            return
        wrong = self._wrong(row, seen_as(standing[0], row["record_type"]))
        if wrong is None and (changed := source(row)) is not None:
            wrong = (changed[0], "source-changed" if changed[0] == "*" else "unreadable", changed[1])
        if wrong is not None:
            yield _difference(wrong[0], wrong[1], row, standing[0], wrong[2])

    def _absent(self, row: Row, carriers: Sequence[Item]) -> Difference:
        left = next((found for kind in RecordType if (found := self._by_id.get((kind, row["target_id"] or "")))), None)
        if carriers:
            return _difference(
                "-", "reversed", row, carriers[0], f"its copy was taken away: {carriers[0].remote_status or carriers[0].status}"
            )
        if left is not None and reading.is_standing(left):
            self._explained.add(_key(left))
            return _difference("*", "mark-unreadable", row, left, "its copy is there, and its mark is not readable any more")
        if row["state"] in OPEN:
            return _difference("-", "not-made", row, None, row["outcome"] or "it has not been made yet")
        return _difference("-", "missing", row, None, "its copy is not there")

    def _wrong(self, row: Row, copy: Item) -> tuple[str, str, str] | None:
        """What is wrong with a copy: sign, code and reason."""
        if type_of(copy) != row["record_type"]:
            return "*", "form", f"it is a {type_of(copy)}, not a {row['record_type']}"
        if (copy.currency, amount_key(copy.amount)) != (row["currency"], row["carried"]):
            return "*", "amount", f"it is of {copy.amount} {copy.currency}, not {row['carried']} {row['currency']}"
        if isinstance(copy, ChargeItem):
            other = charging.differences(copy, draft_of(row))
            return ("*", "charge", f"it has {other}") if other else None
        return self._misspent(row, copy)

    def _misspent(self, row: Row, credit: Credit) -> tuple[str, str, str] | None:
        """What is wrong with how a credit is spent."""
        if not sending.is_planned(credit, row):
            return "*", "form", f"it is in account {credit.account_id} and goes {credit.direction}"
        planned = [sending.allocation_from(item) for item in draft_of(row)["allocations"]]
        if credit.allocations is None:
            return ("!", "allocations-unreadable", "what it is spent on cannot be read") if planned else None
        standing = [item for item in credit.allocations if item.reversed_at is None]
        left = [(item.target.id, amount_key(item.amount)) for item in standing]
        for item in planned:
            amount = amount_key(item.amount)
            match = next((edge for edge in left if edge[1] == amount and item.target_id in {None, edge[0]}), None)
            if match is None:
                return "*", "allocation", f"{item.amount} should be spent on invoice {item.target_id or item.target_number}"
            left.remove(match)
        if left:
            spent = ", ".join(f"{amount} on {target or '?'}" for target, amount in left)
            return "*", "allocation", f"{spent} was spent that was not planned"
        remains = money.subtract(Decimal(row["carried"]), money.add([item.amount for item in planned]))
        if credit.remaining is not None and credit.remaining != remains:
            return "*", "remaining", f"{credit.remaining} {credit.currency} remains of it, not {remains} {row['currency']}"
        return None

    def _extra(self, every: Sequence[Row], before: dict[tuple[str, str], Row]) -> Iterator[Difference]:
        planned = {row["mark_now"] for row in every}
        strangers = [
            item
            for item in self._now
            if not (_key(item) in self._explained or _key(item) in before or item.mark in planned) and reading.is_counted(item)
        ]
        others = self._generations.of(self._account, {item.mark for item in strangers if item.mark and item.mark not in self._marks})
        for item in strangers:
            yield self._stranger(item, every, others.get(item.mark or ""))

    def _stranger(self, item: Item, every: Sequence[Row], other: Generation | None) -> Difference:
        def line(code: str, source_id: str, reason: str) -> Difference:
            return Difference("+", code, self._account, source_id, item.id, reason)

        if item.mark is not None and (source_id := self._unwanted.get(item.mark)) is not None:
            return line("extra", source_id, "it carries the mark of this record, for which this run made nothing after its rollback")
        if item.mark is not None and item.mark in self._marks:
            return line("copy-in-another-account", "", "it is a copy that belongs to another account")
        if other is not None and other.target_account != self._account:
            return line("copy-in-another-account", "", "it is an earlier copy, rolled back since, that belongs to another account")
        if other is not None and other.is_earlier:
            return line("extra", other.source_id, "it is an earlier copy of this record: a rollback counted it as gone, and it stands")
        if other is not None:
            newer = "it is a newer copy of this record, made after a rollback that this run file is too old to know"
            return line("extra", other.source_id, newer)
        twin = next((row for row in every if any(_is_alike(row, seen) for seen in both(item))), None)
        if item.mark is None and twin is not None:
            return line("made-by-hand", twin["source_id"], "it looks like a copy and carries no mark")
        return line("extra", "", "it was not there when the plan was made, and is not of this run")

    def _bystanders(self, every: Sequence[Row], before: dict[tuple[str, str], Row]) -> Iterator[Difference]:
        judged = {row["mark_now"] for row in every}  # a copy that the plan found: a line of its record says it, and says it once
        for key, row in before.items():
            item = self._by_id.get(key)
            if key in self._explained or row["mark"] in judged:
                continue
            if item is None or not reading.is_standing(item):
                yield Difference("-", "gone", self._account, "", row["id"], "it stood here when the plan was made, and does not any more")
            elif (item.currency, amount_key(reading.counted(item))) != (row["currency"], row["amount"]):
                was = f"{row['amount']} {row['currency']}"
                yield Difference("*", "changed", self._account, "", row["id"], f"it was of {was} when the plan was made")


def _key(item: Item) -> tuple[str, str]:
    """What tells the records of one target account apart."""
    return counts_as(item).value, item.id


def _is_alike(row: Row, seen: Item) -> bool:
    """Whether a record of the target looks like the copy of one of the run: a credit by its day, a charge by its type."""
    if (row["record_type"], row["currency"], row["carried"]) != (type_of(seen), seen.currency, amount_key(seen.amount)):
        return False
    if isinstance(seen, ChargeItem):
        return bool(seen.charge.type == row["type"])
    day = None if seen.issued_on is None else seen.issued_on.isoformat()
    return row["day"] == day or None in {row["day"], day}
