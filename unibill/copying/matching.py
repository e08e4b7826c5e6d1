"""Deciding planned records against the target's snapshot, in the database."""

from typing import Any

from sqlalchemy import ColumnElement, Select, select, update

from unibill import marks
from unibill.copying import reading
from unibill.copying.carry import Ruling
from unibill.copying.decisions import Decision, State
from unibill.copying.items import RecordType
from unibill.copying.options import CHARGES, PlanOptions
from unibill.copying.schema import records, snapshot, targets
from unibill.copying.store import CHUNK, RunStore, in_chunks


class Matcher:
    """Finds what the target has already, what looks alike, and accounts that a copy must not go to."""

    def __init__(self, store: RunStore, options: PlanOptions) -> None:
        self._store = store
        self._options = options

    def run(self) -> None:
        """Decide."""
        self._check_accounts()
        self._follow_generations()
        self._check_marks()
        self._check_looks()
        with self._store.transaction() as connection:
            connection.execute(update(records).where(records.c.decision == Decision.CREATE).values(state=State.PLANNED))
            connection.execute(update(records).where(records.c.decision == Decision.EXISTS).values(state=State.PLANNED))

    def _rule(self, rulings: dict[int, Ruling]) -> None:
        with self._store.transaction() as connection:
            for seq, ruling in rulings.items():
                values = {"decision": ruling.decision, "code": ruling.code, "reason": ruling.reason}
                connection.execute(update(records).where(records.c.seq == seq).values(**values))

    def _check_accounts(self) -> None:
        for state in self._store.stream(select(targets), targets.c.account):
            account = state["account"]
            mine = (records.c.target_account == account) & (records.c.decision == Decision.CREATE)
            if state["missing"]:
                self._block(mine, "no-such-account", f"account {account} is not at the target")
                continue
            if state["plan_would"] and state["plan"] not in self._options.accept_plans:
                reason = f"{state['plan_would']}; --accept-plan {state['plan']} would let it pass"
                lowers = (records.c.record_type == RecordType.CREDIT) | records.c.carried.startswith("-")
                self._block(mine & lowers, "excess-credit-plan", reason)
            if state["currency"]:
                reason = f"account {account} of the target is in {state['currency']}"
                self._block(mine & (records.c.currency != state["currency"]), "currency", reason)

    def _block(self, which: Any, code: str, reason: str) -> None:  # noqa: ANN401 - a clause of SQLAlchemy
        with self._store.transaction() as connection:
            connection.execute(update(records).where(which).values(decision=Decision.BLOCKED, code=code, reason=reason))

    def _follow_generations(self) -> None:
        """Records that a lost run file rolled back and made again get the mark that their copies have now."""
        r, s = records.c, snapshot.c
        identity = str(self._store.need("source_identity"))
        own = s.mark.startswith(f"{marks.PREFIX}{marks.origin(identity)}-", autoescape=True)
        strange = select(s.mark).where(own, s.mark.not_in(select(r.mark_now))).limit(1)
        if not self._store.rows(strange):
            return
        query = select(r.seq, r.kind, r.source_id).where(r.decision == Decision.CREATE)
        for chunk in in_chunks(self._store.stream(query, r.seq)):
            later = {row["seq"]: reading.later_marks(identity, row["kind"], row["source_id"]) for row in chunk}
            wanted = [mark for found in later.values() for mark in found]
            carriers = self._store.rows(select(s.mark, s.standing).where(s.mark.in_(wanted)))
            there, standing = {row["mark"] for row in carriers}, {row["mark"] for row in carriers if row["standing"]}
            with self._store.transaction() as connection:
                for seq, found in later.items():
                    ranked = [(mark in standing, generation, mark) for generation, mark in enumerate(found, 1) if mark in there]
                    if ranked:
                        _, generation, mark = max(ranked)
                        values = {"mark_now": mark, "generation": generation}
                        connection.execute(update(records).where(r.seq == seq).values(**values))

    def _check_marks(self) -> None:
        r, s = records.c, snapshot.c
        query = (
            select(
                r.seq,
                r.record_type.label("travels_as"),
                r.target_account,
                r.currency.label("wanted"),
                r.carried,
                r.type.label("wanted_type"),
                s.account,
                s.record_type,
                s.id,
                s.type,
                s.standing,
                s.to_account,
                s.currency,
                s.amount,
            )
            .join_from(records, snapshot, s.mark == r.mark_now)
            .where(r.decision == Decision.CREATE)
        )
        rulings: dict[int, Ruling] = {}
        carriers: list[Any] = []
        for row in self._store.stream(query, r.seq, s.account, s.record_type, s.id):
            if carriers and carriers[0]["seq"] != row["seq"]:
                rulings[carriers[0]["seq"]] = _carried_already(carriers)
                carriers = []
            carriers.append(row)
            if len(rulings) >= CHUNK:
                self._rule(rulings)
                rulings = {}
        if carriers:
            rulings[carriers[0]["seq"]] = _carried_already(carriers)
        self._rule(rulings)

    def _check_looks(self) -> None:
        if self._options.look_alikes == "create":
            return
        decision = Decision.SKIP if self._options.look_alikes == "skip" else Decision.BLOCKED
        hint = "" if decision is Decision.SKIP else "; --look-alikes create|skip says what to do"
        self._rule_alikes(_alike_credits(), "account, currency, amount, day", decision, hint)
        if CHARGES in self._options.include:
            self._rule_alikes(_alike_charges(), "account, currency, amount, type", decision, hint)

    def _rule_alikes(self, query: Select[*tuple[Any, ...]], same: str, decision: Decision, hint: str) -> None:
        r, s = records.c, snapshot.c
        rulings: dict[int, Ruling] = {}
        for row in self._store.stream(query.where(r.decision == Decision.CREATE), r.seq, s.account, s.record_type, s.id):
            reason = f"{row['record_type']} {row['id']} of the target looks the same ({same}) and has no mark{hint}"
            rulings.setdefault(row["seq"], Ruling(decision, "look-alike", reason))
            if len(rulings) >= CHUNK:
                self._rule(rulings)
                rulings = {}
        self._rule(rulings)


def _alikes(alike: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    r, s = records.c, snapshot.c
    where = (s.account == r.target_account) & (s.currency == r.currency) & alike
    query = select(r.seq, s.account, s.record_type, s.id).join_from(records, snapshot, where)
    return query.where(s.mark.is_(None), s.counted == 1)


def _alike_credits() -> Select[*tuple[Any, ...]]:
    r, s = records.c, snapshot.c
    both = (r.record_type == RecordType.CREDIT) & (s.record_type == RecordType.CREDIT)
    return _alikes(both & (s.amount == r.carried) & ((s.day == r.day) | r.day.is_(None) | s.day.is_(None)))


def _alike_charges() -> Select[*tuple[Any, ...]]:
    """Charges have no day, but a type. A credit that is a charge of that type is of the amount that the charge takes off."""
    r, s = records.c, snapshot.c
    as_charge = (s.record_type == RecordType.CHARGE) & (s.amount == r.carried)
    as_credit = (s.record_type == RecordType.CREDIT) & ("-" + s.amount == r.carried)
    return _alikes((r.record_type == RecordType.CHARGE) & (s.type == r.type) & (as_charge | as_credit))


def reversed_copy(ids: str) -> str:
    """Why a record whose only copies were reversed is made by no run but the one that made them, and what to do."""
    again = "the run that made it makes it again, under a new mark: roll that run back if it was not, then apply it"
    return f"its copy was reversed at the target: {ids}; {again}"


def _carried_already(carriers: list[Any]) -> Ruling:
    standing = [row for row in carriers if row["standing"]]
    ids = ", ".join(row["id"] for row in carriers)
    if not standing:
        return Ruling(Decision.CONFLICT, "reversed-copy", reversed_copy(ids))
    if len(standing) > 1:
        return Ruling(Decision.CONFLICT, "several-copies", f"{len(standing)} records of the target carry its mark: {ids}")
    row = standing[0]
    if row["account"] != row["target_account"]:
        reason = f"its copy {row['id']} is in account {row['account']}, not in {row['target_account']}"
        return Ruling(Decision.CONFLICT, "copy-in-another-account", reason)
    if not row["to_account"]:
        return Ruling(Decision.CONFLICT, "mark-on-something-else", f"its mark stands on {row['id']}, which is no credit of the account")
    return _ruling_of_charge(row) if row["travels_as"] == RecordType.CHARGE else _ruling_of_credit(row)


def _ruling_of_credit(row: Any) -> Ruling:  # noqa: ANN401 - a row
    if row["record_type"] != RecordType.CREDIT:
        reason = f"its copy {row['id']} is a charge and no credit: it was copied as one"
        return Ruling(Decision.CONFLICT, "copied-otherwise", reason)
    if (row["currency"], row["amount"]) != (row["wanted"], row["carried"]):
        reason = f"its copy {row['id']} is of {row['amount']} {row['currency']}, not {row['carried']} {row['wanted']}"
        return Ruling(Decision.CONFLICT, "copy-of-another-amount", reason)
    return Ruling(Decision.EXISTS, "exists", f"credit {row['id']} of the target is its copy")


def _ruling_of_charge(row: Any) -> Ruling:  # noqa: ANN401 - a row
    if not row["type"]:
        return Ruling(Decision.CONFLICT, "copied-otherwise", f"its copy {row['id']} is a credit and no charge: it was copied as one")
    amount = f"-{row['amount']}" if row["record_type"] == RecordType.CREDIT else row["amount"]
    if (row["currency"], amount) != (row["wanted"], row["carried"]):
        reason = f"its copy {row['id']} is of {amount} {row['currency']}, not {row['carried']} {row['wanted']}"
        return Ruling(Decision.CONFLICT, "copy-of-another-amount", reason)
    if row["type"] != row["wanted_type"]:
        reason = f"its copy {row['id']} is of type {row['type']}, not {row['wanted_type']}"
        return Ruling(Decision.CONFLICT, "copy-of-another-type", reason)
    return Ruling(Decision.EXISTS, "exists", f"charge {row['id']} of the target is its copy")
