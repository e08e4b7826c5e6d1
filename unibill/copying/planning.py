"""Plan: read both sides, decide about every credit of the source, and write nothing to either.

Records are decided in two passes, so that memory does not grow with their number: first from the source alone, while it is
read, then against the target's snapshot, in the database.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import insert, select, update

from unibill import drafts, marks, money
from unibill.capabilities import Operation
from unibill.copying import carry, reading, sharing
from unibill.copying.abreast import abreast
from unibill.copying.carry import Carried, Ruling
from unibill.copying.decisions import Decision, State
from unibill.copying.guards import packed
from unibill.copying.hashing import amount_key, canonical, carry_options, fingerprint, plan_hash, write_settings
from unibill.copying.matching import Matcher
from unibill.copying.options import PlanOptions
from unibill.copying.outline import summarise
from unibill.copying.place import RunLike
from unibill.copying.schema import accounts, records, snapshot, targets, totals
from unibill.copying.store import RunStore, dumps, loads, now
from unibill.copying.summary import PlanSummary, Progress, Tell
from unibill.copying.telling import telling
from unibill.drafts import CreditDraft
from unibill.errors import ConfigurationError, NotFound, UnsupportedOperation
from unibill.facade import Billing
from unibill.losses import Loss, LossKind
from unibill.model import Credit
from unibill.provider import AccountState

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
    for operation in _NEEDED:
        target.core.operations.require(operation)
    if not options.accounts.pairs and options.accounts.find is None and not options.same_account_ids:
        raise ConfigurationError("no account is mapped; give a map of accounts, or same_account_ids")
    with RunStore.make(run) as store:
        planner = Planner(source, target, store, options, telling(target, store.name, progress))
        return planner.run()


class Planner:
    """One planning."""

    def __init__(self, source: Billing, target: Billing, store: RunStore, options: PlanOptions, progress: Tell) -> None:
        self._source = source
        self._target = target
        self._store = store
        self._options = options
        self._progress = progress
        self._identity = source.provider.identity()
        self._width = min(source.provider.settings.concurrency, target.provider.settings.concurrency)
        self._notes: list[str] = list(options.accounts.notes)
        self._known: dict[str, str | None] = {}

    def run(self) -> PlanSummary:
        """Read, decide, and sum up."""
        self._head()
        self._map_accounts()
        self._read_source()
        self._keep_accounts()
        if self._options.carry == "history":
            sharing.leave_behind(self._store)
        self._read_target()
        Matcher(self._store, self._options).run()
        self._store.put(phase="planned", notes=self._notes, planned_at=now(), hash=hash_of(self._store))
        return summarise(self._store)

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
        self._known.update(options.accounts.pairs)
        if self._identity == self._target.provider.identity():
            same = sorted(source for source, target in self._known.items() if source == target)
            if same or options.same_account_ids:
                named = ", ".join(same[:5]) or "all of them"
                raise ConfigurationError(f"source and target are one system, and accounts would be copied onto themselves: {named}")

    def _target_of(self, account: str) -> str | None:
        if account not in self._known:
            found = self._options.accounts.get(account)
            self._known[account] = account if found is None and self._options.same_account_ids else found
        return self._known[account]

    def _read_source(self) -> None:
        done = 0
        for block in self._source_blocks():
            self._add(block)
            done += len(block)
            self._progress(Progress("read source", done))

    def _source_blocks(self) -> Iterator[list[Credit]]:
        options, source = self._options, self._source
        wanted = options.only_accounts
        if wanted is not None:
            yield from abreast(sorted(wanted), lambda account: self._of_account(account), self._width)
        elif reading.lists_all(source):
            yield from abreast([None], lambda _: reading.whole(source), 1)
        elif options.accounts.find is None and not options.same_account_ids:
            self._notes.append(
                f"{source.name} cannot list the credits of all accounts at once: only the mapped accounts were read, "
                "and credits of others are not in this plan"
            )
            yield from abreast(sorted(options.accounts.pairs), lambda account: self._of_account(account), self._width)
        else:
            source.core.operations.require(Operation.CREDITS_LIST)
            self._notes.append(f"accounts were taken from {source.name}'s list of all credits, which may not name every account")
            found = {credit.account_id for credit in source.credits.list(include_reversed=True)} | set(options.accounts.pairs)
            yield from abreast(sorted(account for account in found if account), lambda account: self._of_account(account), self._width)

    def _of_account(self, account: str) -> Iterator[Credit]:
        try:
            yield from reading.whole(self._source, account)
        except NotFound:
            self._notes.append(f"account {account} is not at the source")

    def _add(self, block: list[Credit]) -> None:
        rows: dict[str, dict[str, Any]] = {}
        for credit in block:
            row = self._row(credit)
            earlier = rows.get(credit.id)
            rows[credit.id] = row if earlier is None or earlier["print"] == row["print"] else _changing(row)
        with self._store.transaction() as connection:
            ids = list(rows)
            query = select(records.c.source_id, records.c.print).where(records.c.source_id.in_(ids))
            for known in connection.execute(query).mappings().all():
                row = rows.pop(known["source_id"])
                if row["print"] != known["print"]:
                    changed = {name: value for name, value in _changing(row).items() if name != "source_id"}
                    connection.execute(update(records).where(records.c.source_id == known["source_id"]).values(**changed))
            if rows:
                connection.execute(insert(records), list(rows.values()))

    def _row(self, credit: Credit) -> dict[str, Any]:
        """What the source alone decides of a credit."""
        account = credit.account_id or ""
        mapped = self._target_of(account) if account else None
        mark = marks.mark(self._identity, credit.kind, credit.id)
        row: dict[str, Any] = {
            "source_account": account,
            "source_id": credit.id,
            "kind": credit.kind.value,
            "status": credit.status.value,
            "day": None if credit.issued_on is None else credit.issued_on.isoformat(),
            "currency": credit.currency,
            "amount": amount_key(credit.amount),
            "remaining": None if credit.remaining is None else amount_key(credit.remaining),
            "target_account": mapped or "",
            "carried": None,
            "mark": mark,
            "mark_now": mark,
            "draft": None,
            "withheld": "",
            "losses": "[]",
            "dropped": "[]",
            "print": fingerprint(credit),
            "state": State.NONE,
        }
        ruling = self._ruling(credit, mapped)
        if ruling is None:
            what = carry.carried(credit, self._options)
            ruling = what if isinstance(what, Ruling) else self._drafted(credit, mapped or "", what, mark, row)
        return {**row, "decision": ruling.decision, "code": ruling.code, "reason": ruling.reason}

    def _ruling(self, credit: Credit, mapped: str | None) -> Ruling | None:
        if (ruling := carry.filtered(credit, self._options)) is not None:
            return ruling
        if credit.mark is not None and marks.names(credit.mark, self._target.provider.identity()):
            return Ruling(Decision.SKIP, "came-from-there", "its mark says that it came from the target")
        if (ruling := carry.judged(credit, self._options)) is not None:
            return ruling
        if mapped is not None:
            return None
        what = carry.carried(credit, self._options)
        if isinstance(what, Ruling) and what.decision is Decision.SKIP:
            return what
        where = f"account {credit.account_id} is not in the map" if credit.account_id else "the source names no account for it"
        return Ruling(Decision.BLOCKED, "unmapped-account", where)

    def _drafted(self, credit: Credit, account: str, what: Carried, mark: str, row: dict[str, Any]) -> Ruling:
        """Fill the row with the draft and its losses."""
        provider = self._target.provider
        whole = carry.draft_of(credit, account, what)
        bare, cards = carry.without_cards(whole)
        draft = whole if self._options.allow_card_numbers else bare
        hidden = frozenset[str]() if self._options.allow_card_numbers else cards
        losses = carry.losses_of(credit, what, hidden, self._source.capabilities, provider.title)
        losses += provider.losses_of_credit(draft, mark)
        row["carried"] = amount_key(what.amount)
        row["draft"] = draft_text(bare, what.sources)
        row["withheld"] = ",".join(sorted(cards)) if self._options.allow_card_numbers else ""
        # Sorted, because vendors may give fields and allocations in another order each time, and the hash must not change with it.
        row["losses"] = dumps(sorted(map(_loss, losses), key=lambda loss: (loss["field"], loss["value"], loss["reason"])))
        dropped = [{"target": d.target, "amount": d.amount, "currency": d.currency, "reason": d.reason} for d in what.dropped]
        row["dropped"] = dumps(sorted(dropped, key=canonical))
        if draft.allocations and not self._target.capabilities.of(Operation.CREDITS_CREATE_ALLOCATED).usable:
            return Ruling(Decision.BLOCKED, "allocations-unsupported", f"{self._target.name} cannot create credits with allocations")
        faults = [*drafts.faults_of_credit(draft), *provider.faults_of_credit(draft, mark)]
        if faults:
            return Ruling(Decision.BLOCKED, "cannot-be-written", carry.mask("; ".join(map(str, faults))))
        lost = [loss for loss in losses if loss.kind is LossKind.MONEY]
        if lost:
            return Ruling(Decision.BLOCKED, "money-loss", carry.mask("; ".join(f"{loss.field}: {loss.reason}" for loss in lost)))
        return Ruling(Decision.CREATE, "create", "it is not at the target yet")

    def _keep_accounts(self) -> None:
        rows = [{"source": source, "target": target} for source, target in sorted(self._known.items())]
        with self._store.transaction() as connection:
            if rows:
                connection.execute(insert(accounts), rows)

    # The target

    def _read_target(self) -> None:
        query = select(accounts.c.target).where(accounts.c.target.is_not(None)).distinct()
        wanted = [row["target"] for row in self._store.rows(query)]
        done, sums = 0, dict[tuple[str, str], list[Decimal]]()
        for block in abreast(sorted(wanted), self._of_target, self._width):
            states = [item for item in block if isinstance(item, dict)]
            pictures = [item for item in block if isinstance(item, tuple)]
            with self._store.transaction() as connection:
                if states:
                    connection.execute(insert(targets), states)
                if pictures:
                    rows = [reading.photograph(account, credit) for account, credit in pictures]
                    self._store.database.insert_new(connection, snapshot, rows)
            done += len(states)
            self._progress(Progress("read target", done, len(wanted)))
        self._sum_up_target(sums)

    def _of_target(self, account: str) -> Iterator[dict[str, Any] | tuple[str, Credit]]:
        """The account's state, then its credits."""
        target = self._target
        state, missing = AccountState(account), 0
        try:
            state = target.run(target.provider.account_state(account))
            for credit in reading.whole(target, account):
                yield account, credit
        except NotFound:
            missing = 1
        except UnsupportedOperation:
            for credit in reading.of_account(target, account):
                yield account, credit
        yield {"account": account, "currency": state.currency, "plan": state.plan, "plan_would": state.plan_would, "missing": missing}

    def _sum_up_target(self, sums: dict[tuple[str, str], list[Decimal]]) -> None:
        counts: dict[tuple[str, str], int] = {}
        query = select(snapshot.c.account, snapshot.c.id, snapshot.c.currency, snapshot.c.amount).where(snapshot.c.counted == 1)
        for row in self._store.stream(query, snapshot.c.account, snapshot.c.id):
            key = row["account"], row["currency"]
            sums[key] = [money.add([*sums.get(key, []), Decimal(row["amount"])])]
            counts[key] = counts.get(key, 0) + 1
        rows = [{"account": a, "currency": c, "records": counts[a, c], "amount": amount_key(sums[a, c][0])} for a, c in sorted(sums)]
        with self._store.transaction() as connection:
            if rows:
                connection.execute(insert(totals), rows)


def _changing(row: dict[str, Any]) -> dict[str, Any]:
    reason = "it changed while the source was read; plan again"
    return {**row, "decision": Decision.BLOCKED, "code": "changed-while-read", "reason": reason}


def _loss(loss: Loss) -> dict[str, str]:
    return {"field": loss.field, "value": carry.mask(loss.value), "reason": carry.mask(loss.reason), "kind": loss.kind.value}


def draft_text(draft: CreditDraft, sources: Sequence[str]) -> str:
    """A draft as exact JSON; each allocation with what it is called at the source."""
    return dumps(
        {
            "account_id": draft.account_id,
            "currency": draft.currency,
            "amount": draft.amount,
            "issued_on": None if draft.issued_on is None else draft.issued_on.isoformat(),
            "number": draft.number,
            "memo": draft.memo,
            "allocations": [
                {"amount": item.amount, "target_id": item.target_id, "target_number": item.target_number, "source": source}
                for item, source in zip(draft.allocations, sources, strict=True)
            ],
        }
    )


def hash_of(store: RunStore) -> str:
    """The hash of the plan in a store, computed from its rows."""
    head = {name: store.get(name) for name in ("source_identity", "target_identity", "target_settings", "options")}
    pairs = [[row["source"], row["target"]] for row in store.stream(select(accounts), accounts.c.source)]

    def lines() -> Iterator[object]:
        r = records.c
        for row in store.stream(select(records), r.source_account, r.source_id):
            yield [
                row["source_account"],
                row["source_id"],
                row["decision"],
                row["target_account"],
                row["mark"],
                row["print"],
                None if row["draft"] is None else loads(row["draft"]),
                row["withheld"],
                loads(row["losses"]),
                loads(row["dropped"]),
            ]

    return plan_hash({**head, "accounts": pairs}, lines())
