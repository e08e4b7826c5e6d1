"""Plan: read both sides, decide about every credit of the source, and write nothing to either.

Records are decided in two passes, so that memory does not grow with their number: first from the source alone, while it is
read, then against the target's snapshot, in the database.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from unibill import drafts, marks, money
from unibill.capabilities import Operation
from unibill.copying import carry, charging, elsewhere, filters, reading, scope, sharing
from unibill.copying.abreast import abreast, gathered
from unibill.copying.carry import Carried, Ruling
from unibill.copying.columns import as_written
from unibill.copying.compact import Losses, allocation, draft_text
from unibill.copying.decisions import Decision, State
from unibill.copying.guards import packed
from unibill.copying.hashing import amount_key, carry_options, fingerprint, plan_hash, write_settings
from unibill.copying.items import ChargeItem, Item, key_of, type_of
from unibill.copying.matching import Matcher
from unibill.copying.options import CHARGES, PlanOptions
from unibill.copying.outline import summarise
from unibill.copying.place import RunLike
from unibill.copying.prepared import Row
from unibill.copying.schema import accounts, records, snapshot, targets, totals
from unibill.copying.scope import Scope
from unibill.copying.store import RunStore, dumps, in_chunks, now
from unibill.copying.summary import PlanSummary, Progress, Tell
from unibill.copying.telling import telling
from unibill.copying.texts import Text
from unibill.drafts import CreditDraft
from unibill.errors import ConfigurationError, Fault, NotFound, UnsupportedOperation
from unibill.facade import Billing
from unibill.losses import Loss, LossKind
from unibill.model import Credit
from unibill.provider import AccountState

_AT_ONCE: Final = 1000
"""How many records are written in one transaction."""
_FOUND: Final = 10_000
"""How many accounts are remembered at once."""
_NEEDED: Final = (Operation.CREDITS_LIST_ACCOUNT, Operation.CREDITS_CREATE, Operation.CREDITS_FIND)


def plan(source: Billing, target: Billing, run: RunLike, options: PlanOptions, progress: Tell | None = None) -> PlanSummary:
    """Plan a copy; nothing is written to either side.

    Args:
        source: where the credits are.
        target: where they shall be.
        run: the run file; it is made, or its plan replaced if nothing was applied yet.
        options: what to plan.
        progress: is told how far it is.

    Raises:
        ConfigurationError: no account is mapped, or both sides are one system and accounts would be copied onto themselves.
        UnsupportedOperation: the target cannot list, create or find credits.
        RunStoreError: the run file cannot be used.
        BackendError: a side cannot be read.
    """
    check_wanted(source, target, options)
    with RunStore.make(run) as store:
        planner = Planner(source, target, store, options, telling(target, store.name, progress))
        return planner.run()


def check_wanted(source: Billing, target: Billing, options: PlanOptions) -> None:
    """Refuse what cannot be planned; errors as of ``plan``."""
    for operation in _NEEDED:
        target.core.operations.require(operation)
    if CHARGES in options.include:
        _check_charges(source, target, options)
    if not options.accounts.pairs and options.accounts.find is None and not options.same_account_ids:
        raise ConfigurationError("no account is mapped; give a map of accounts, or same_account_ids")


def _check_charges(source: Billing, target: Billing, options: PlanOptions) -> None:
    for operation in scope.NEEDED_OF_SOURCE:
        source.core.operations.require(operation)
    for operation in scope.NEEDED_OF_TARGET:
        target.core.operations.require(operation)
    if options.charge_types is None and not options.same_charge_types:
        raise ConfigurationError("no charge type is mapped; give a map of charge types, or same_charge_types")


class Planner:
    """One planning."""

    def __init__(self, source: Billing, target: Billing, store: RunStore, options: PlanOptions, progress: Tell) -> None:
        self._source = source
        self._target = target
        self._store = store
        self._options = options
        self._progress = progress
        self._identity = source.provider.identity()
        self.width = min(source.provider.settings.concurrency, target.provider.settings.concurrency)
        self.notes: list[str] = list(options.accounts.notes)
        """What a person should know."""
        self._losses = Losses(store)
        self._found: dict[str, str | None] = {}
        """What was found of accounts lately, and is not kept yet."""
        self._scope = Scope.of(options)
        if options.charge_types is not None:
            self.notes += options.charge_types.notes

    def run(self) -> PlanSummary:
        """Read, decide, and sum up."""
        self.begin()
        self.read_source(self.jobs())
        self.keep_accounts()
        self.leave_behind()
        self.read_target(self.targets())
        self.decide(self.notes)
        return summarise(self._store)

    def begin(self) -> None:
        """Keep what the plan is for, and take the map of accounts."""
        self._head()
        self._map_accounts()

    def leave_behind(self) -> None:
        """Take out what several accounts would be spent on; every credit of the source must have been read."""
        if self._options.carry == "history":
            sharing.leave_behind(self._store)

    def decide(self, notes: Sequence[str]) -> None:
        """Decide what was read against what the target has, and end the plan."""
        self._sum_up_target()
        told = [*notes, *elsewhere.look(self._target, self._store)]
        Matcher(self._store, self._options).run()
        told += filters.unmatched(self._store, self._options)
        self._store.put(phase="planned", notes=told, planned_at=now(), hash=hash_of(self._store))

    def _head(self) -> None:
        source, target, options = self._source, self._target, self._options
        self._store.put(
            phase="planning",
            source=source.name,
            target=target.name,
            source_identity=self._identity,
            target_identity=target.provider.identity(),
            target_settings=write_settings(target.provider),
            options=carry_options(options),
            guards=packed(options.guards),
        )

    # The source

    def _map_accounts(self) -> None:
        options = self._options
        if self._identity == self._target.provider.identity():
            same = sorted(source for source, target in options.accounts.pairs.items() if source == target)
            if same or options.same_account_ids:
                named = ", ".join(same[:5]) or "all of them"
                raise ConfigurationError(f"source and target are one system, and accounts would be copied onto themselves: {named}")

    def _target_of(self, account: str) -> str | None:
        if account not in self._found:
            if len(self._found) >= _FOUND:
                self.keep_found()
            options = self._options.accounts
            found = options.pairs.get(account) or options.get(account)
            self._found[account] = account if found is None and self._options.same_account_ids else found
        return self._found[account]

    def read_source(self, accounts: Sequence[str] | None) -> None:
        """Read these accounts of the source, or its list of all credits, and decide what it alone decides."""
        done = 0
        if accounts is None:
            blocks = abreast([None], lambda _: self._scope.everything(self._source), 1)
        else:
            blocks = abreast(accounts, self._of_account, self.width)
        for block in gathered(blocks, _AT_ONCE):
            self._add(block)
            done += len(block)
            self._progress(Progress("read source", done))

    def jobs(self) -> list[str] | None:
        """The accounts of the source to be read one by one; None where one list has every credit."""
        options, source = self._options, self._source
        if options.only_accounts is not None:
            return sorted(options.only_accounts)
        if reading.lists_all(source) and not self._scope.charges:
            return None
        if options.accounts.find is None and not options.same_account_ids and not reading.lists_all(source):
            self.notes.append(
                f"{source.name} cannot list the credits of all accounts at once: only the mapped accounts were read, "
                "and credits of others are not in this plan"
            )
            return sorted(options.accounts.pairs)
        source.core.operations.require(Operation.CREDITS_LIST)
        self.notes.append(f"accounts were taken from {source.name}'s list of all credits, which may not name every account")
        found = {credit.account_id for credit in source.credits.list(include_reversed=True)} | set(options.accounts.pairs)
        return sorted(account for account in found if account)

    def _of_account(self, account: str) -> Iterator[Item]:
        try:
            with self._options.accounts.naming(account, "source"):
                yield from self._scope.source(self._source, account)
        except NotFound:
            self.notes.append(f"account {account} is not at the source")

    def _add(self, block: list[Item]) -> None:
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for item in block:
            row = self._row(item)
            earlier = rows.get(key_of(item))
            rows[key_of(item)] = row if earlier is None or earlier["print"] == row["print"] else _changing(row)
        r = records.c
        with self._store.transaction() as connection:
            query = select(r.record_type, r.source_id, r.print).where(r.source_id.in_([source_id for _, source_id in rows]))
            for known in connection.execute(query).mappings().all():
                row = rows.pop((known["record_type"], known["source_id"]), {"print": known["print"]})
                if row["print"] != known["print"]:
                    changed = {name: value for name, value in _changing(row).items() if name not in {"record_type", "source_id"}}
                    same = (r.record_type == known["record_type"]) & (r.source_id == known["source_id"])
                    connection.execute(update(records).where(same).values(**changed))
            if rows:
                connection.execute(insert(records), list(rows.values()))

    def _row(self, item: Item) -> dict[str, Any]:
        """What the source alone decides of a record."""
        account = item.account_id or ""
        mapped = self._target_of(account) if account else None
        mark = marks.mark(self._identity, item.kind, item.id)
        row: dict[str, Any] = {
            "source_account": account,
            "record_type": type_of(item),
            "source_id": item.id,
            "kind": item.kind.value,
            "status": item.status.value,
            "day": None if item.issued_on is None else item.issued_on.isoformat(),
            "currency": item.currency,
            "amount": amount_key(item.amount),
            "remaining": None if item.remaining is None else amount_key(item.remaining),
            "target_account": mapped or "",
            "type": "",
            "carried": None,
            "mark": None,
            "mark_now": mark,
            "draft": None,
            "withheld": "",
            "losses": "[]",
            "dropped": "[]",
            "print": fingerprint(item),
            "state": State.NONE,
        }
        ruling = self._left_out(item)
        if ruling is None:
            decide = self._charge if isinstance(item, ChargeItem) else self._credit
            ruling = decide(item, mapped, mark, row)  # type: ignore[arg-type]  # the type of the item chose the function
        return {**row, "decision": ruling.decision, "code": ruling.code, "reason": ruling.reason}

    def _left_out(self, item: Item) -> Ruling | None:
        if (ruling := filters.filtered(item, self._options)) is not None:
            return ruling
        if item.mark is not None and marks.names(item.mark, self._target.provider.identity()):
            return Ruling(Decision.SKIP, "came-from-there", "its mark says that it came from the target")
        return None

    def _credit(self, credit: Credit, mapped: str | None, mark: str, row: dict[str, Any]) -> Ruling:
        if (ruling := carry.judged(credit, self._options)) is not None:
            return ruling
        what = carry.carried(credit, self._options)
        if mapped is None:
            return what if isinstance(what, Ruling) and what.decision is Decision.SKIP else _unmapped(credit)
        return what if isinstance(what, Ruling) else self._drafted(credit, mapped, what, mark, row)

    def _charge(self, item: ChargeItem, mapped: str | None, mark: str, row: dict[str, Any]) -> Ruling:
        """The ruling about a charge that travels as a charge; fills the row."""
        options, provider = self._options, self._target.provider
        becomes = charging.judged(item, options)
        if isinstance(becomes, Ruling):
            return becomes
        if mapped is None:
            return _unmapped(item)
        draft = charging.drafted(item, mapped, becomes, options)
        if isinstance(draft, Ruling):
            return draft
        texts = charging.fates(item, options)
        row["type"], row["carried"] = draft.type or "", amount_key(draft.amount)
        row["draft"] = draft_text(charging.values_of(carry.with_texts(draft, texts, stored=True), item), row)
        row["withheld"] = _withheld(texts)
        row["losses"] = self._lost(charging.losses_of(item, texts, self._source.capabilities, provider.title))
        sent = charging.marked(carry.with_texts(draft, texts, stored=False), mark)
        return _writable([*drafts.faults_of_charge(sent), *provider.faults_of_charge(sent, "$")], ())

    def _drafted(self, credit: Credit, account: str, what: Carried, mark: str, row: dict[str, Any]) -> Ruling:
        """Fill the row with the draft and its losses."""
        provider = self._target.provider
        whole, texts = carry.draft_of(credit, account, what), carry.fates(credit, self._options)
        draft = carry.with_texts(whole, texts, stored=False)
        losses = carry.losses_of(credit, what, texts, self._source.capabilities, provider.title)
        losses += provider.losses_of_credit(draft, mark)
        row["carried"] = amount_key(what.amount)
        row["draft"] = draft_text(_values_of(carry.with_texts(whole, texts, stored=True), what.sources), row)
        row["withheld"] = _withheld(texts)
        row["losses"] = self._lost(losses)
        row["dropped"] = dumps([item.values() for item in sorted(what.dropped, key=carry.place_of)])
        if draft.allocations and not self._target.capabilities.of(Operation.CREDITS_CREATE_ALLOCATED).usable:
            return Ruling(Decision.BLOCKED, "allocations-unsupported", f"{self._target.name} cannot create credits with allocations")
        faults = [*drafts.faults_of_credit(draft), *provider.faults_of_credit(draft, mark), *provider.faults_of_copy(draft)]
        return _writable(faults, losses)

    def _lost(self, losses: Sequence[Loss]) -> str:
        # Sorted, because vendors may give fields and allocations in another order each time, and the hash must not change with it.
        return self._losses.text(sorted(map(_loss, losses), key=lambda loss: (loss["field"], loss["value"], loss["reason"])))

    def keep_accounts(self) -> None:
        """Keep which account becomes which, of those that are mapped or were found by now."""
        self.keep_found()
        for pairs in in_chunks(self._options.accounts.pairs.items()):
            self._keep_pairs(pairs)

    def keep_found(self) -> None:
        """The same of those that were found in the source."""
        for pairs in in_chunks(self._found.items()):
            self._keep_pairs(pairs)
        self._found.clear()

    def _keep_pairs(self, pairs: Iterable[tuple[str, str | None]]) -> None:
        rows = [{"source": source, "target": target} for source, target in pairs]
        with self._store.transaction() as connection:
            self._store.database.insert_new(connection, accounts, rows)

    # The target

    def targets(self) -> list[str]:
        """The target accounts to be read."""
        return self._store.column(select(accounts.c.target).where(accounts.c.target.is_not(None)).distinct(), accounts.c.target)

    def read_target(self, wanted: Sequence[str]) -> None:
        """Photograph accounts of the target."""
        done = 0
        for block in gathered(abreast(wanted, self._of_target, self.width), _AT_ONCE):
            states = [item for item in block if isinstance(item, dict)]
            pictures = [item for item in block if isinstance(item, tuple)]
            with self._store.transaction() as connection:
                if states:
                    connection.execute(insert(targets), states)
                if pictures:
                    rows = [reading.photograph(account, item) for account, item in pictures]
                    self._store.database.insert_new(connection, snapshot, rows)
            done += len(states)
            self._progress(Progress("read target", done, len(wanted)))

    def _of_target(self, account: str) -> Iterator[dict[str, Any] | tuple[str, Item]]:
        """The account's state, then its records."""
        target = self._target
        state, missing = AccountState(account), 0
        with self._options.accounts.naming(account, "target"):
            try:
                state = target.run(target.provider.account_state(account))
                yield from ((account, item) for item in self._scope.target(target, account, was_there=True))
            except NotFound:
                missing = 1
            except UnsupportedOperation:
                yield from ((account, item) for item in self._scope.target(target, account))
        yield {"account": account, "currency": state.currency, "plan": state.plan, "plan_would": state.plan_would, "missing": missing}

    def _sum_up_target(self) -> None:
        with self._store.transaction() as connection:
            connection.execute(delete(totals))
        for rows in in_chunks(self._totals()):
            with self._store.transaction() as connection:
                connection.execute(insert(totals), rows)

    def _totals(self) -> Iterator[dict[str, Any]]:
        """The standing money of each target account, in their order."""
        s = snapshot.c
        query = select(s.account, s.record_type, s.id, s.currency, s.amount).where(s.counted == 1)
        rows = self._store.stream(query, s.account, s.record_type, s.id)
        for account, of_account in groupby(rows, key=itemgetter("account")):
            sums = dict[tuple[str, str], tuple[int, Decimal]]()
            for row in of_account:
                count, amount = sums.get((row["record_type"], row["currency"]), (0, Decimal(0)))
                sums[row["record_type"], row["currency"]] = count + 1, money.add([amount, Decimal(row["amount"])])
            for (kind, currency), (count, amount) in sums.items():
                yield {"account": account, "record_type": kind, "currency": currency, "records": count, "amount": amount_key(amount)}


def _unmapped(item: Item) -> Ruling:
    where = f"account {item.account_id} is not in the map" if item.account_id else "the source names no account for it"
    return Ruling(Decision.BLOCKED, "unmapped-account", where)


def _writable(faults: Sequence[Fault], losses: Sequence[Loss]) -> Ruling:
    """Whether a draft can be written and arrives with all its money."""
    if faults:
        return Ruling(Decision.BLOCKED, "cannot-be-written", carry.mask("; ".join(map(str, faults))))
    lost = [loss for loss in losses if loss.kind is LossKind.MONEY]
    if lost:
        return Ruling(Decision.BLOCKED, "money-loss", carry.mask("; ".join(f"{loss.field}: {loss.reason}" for loss in lost)))
    return Ruling(Decision.CREATE, "create", "")


def _withheld(texts: Mapping[str, Text]) -> str:
    return ",".join(sorted(name for name, text in texts.items() if text.withheld))


def _changing(row: dict[str, Any]) -> dict[str, Any]:
    reason = "it changed while the source was read; plan again"
    return {**row, "decision": Decision.BLOCKED, "code": "changed-while-read", "reason": reason}


def _loss(loss: Loss) -> dict[str, str]:
    return {"field": loss.field, "value": carry.mask(loss.value), "reason": carry.mask(loss.reason), "kind": loss.kind.value}


def _values_of(draft: CreditDraft, sources: Sequence[str]) -> dict[str, Any]:
    """A draft as JSON values; each allocation with what it is called at the source."""
    return {
        "account_id": draft.account_id,
        "currency": draft.currency,
        "amount": draft.amount,
        "issued_on": None if draft.issued_on is None else draft.issued_on.isoformat(),
        "number": draft.number,
        "memo": draft.memo,
        "allocations": [
            allocation(item.amount, item.target_id, item.target_number, source)
            for item, source in zip(draft.allocations, sources, strict=True)
        ],
    }


_HASHED: Final = (
    "source_account",
    "record_type",
    "source_id",
    "kind",
    "type",
    "day",
    "decision",
    "target_account",
    "currency",
    "carried",
    "mark",
    "print",
    "draft",
    "withheld",
    "losses",
    "dropped",
)
_AS_WRITTEN: Final = [as_written(records.c[name]) if name in {"draft", "dropped"} else records.c[name] for name in _HASHED]


def _unwatched(_: Row) -> None:
    return None


def hash_of(store: RunStore, watch: Callable[[Row], None] = _unwatched) -> str:
    """The hash of the plan in a store, computed from its rows as they are written there.

    Args:
        store: the run.
        watch: is shown each record on the way: what is hashed of it, ``mark_now`` and ``generation``.
    """
    head = {name: store.need(name) for name in ("source_identity", "target_identity", "target_settings", "options", "guards")}
    r = records.c
    pairs = store.stream(select(accounts), accounts.c.source)
    rows = store.stream(select(*_AS_WRITTEN, r.mark_now, r.generation), r.source_account, r.record_type, r.source_id)
    losses, hashed = Losses(store), itemgetter(*_HASHED)
    losses_at, mark_at = _HASHED.index("losses"), _HASHED.index("mark")

    def line(row: Row) -> list[str | None]:
        watch(row)
        values: list[str | None] = [*hashed(row)]
        values[losses_at] = losses.json(row["losses"]) if row["losses"] else "[]"  # not by numbers that anybody can give
        values[mark_at] = row["mark"] or row["mark_now"]
        return values

    return plan_hash(head, chain(([row["source"], row["target"]] for row in pairs), map(line, rows)))
