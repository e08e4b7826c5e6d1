"""Run files as plan, apply and verify leave them, made without either system: for what only reads them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from unibill import marks, money
from unibill.copying import schema
from unibill.copying.decisions import Decision, State
from unibill.copying.guards import packed
from unibill.copying.options import Guards
from unibill.copying.store import RunStore, dumps

Row = dict[str, Any]
BEGIN = datetime(2026, 3, 30, 7, 0, tzinfo=UTC)
IDENTITY = "billagain:api.billagain.example/1042"
LOSSES = [
    {"field": "number", "value": "CN-1", "reason": "the mark takes its place", "kind": "descriptive"},
    {"field": "memo", "value": "goodwill", "reason": "Socotra's charges have no note", "kind": "descriptive"},
]


def at(seconds: int) -> str:
    """A moment of the run's day."""
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(number: int, amount: str, state: State = State.CREATED, **more: object) -> Row:
    """A record that was planned to be created, in the first of fifty accounts unless told otherwise."""
    account = str(more.pop("account", 100 + number % 50))
    mark = marks.mark(IDENTITY, "credit_note", str(number))
    row: Row = {
        "source_account": account,
        "source_id": str(10_000 + number),
        "kind": "credit_note",
        "status": "open",
        "day": f"2026-0{1 + number % 3}-{1 + number % 28:02}",
        "currency": "USD",
        "amount": amount,
        "remaining": amount,
        "target_account": f"01J5V8NM2GSXK6HG42PD{account:>06}",
        "carried": amount,
        "decision": Decision.CREATE,
        "code": "create",
        "reason": "it is not at the target yet",
        "mark": mark,
        "mark_now": mark,
        "withheld": "",
        "losses": dumps(LOSSES),
        "dropped": "[]",
        "print": "",
        "state": state,
        "outcome": "",
        "generation": 0,
        "sends": 1 if state is not State.NONE else 0,
        "target_id": f"charge:01J5V8NM2GSXK6HG{number:010}" if state is State.CREATED else None,
        "number": f"CN-{number}",
        "memo": f"memo {number}",
        **more,
    }
    draft = {
        "account_id": row["target_account"],
        "currency": row["currency"],
        "amount": Decimal(str(row["amount"])),
        "issued_on": row["day"],
        "number": row.pop("number"),
        "memo": row.pop("memo"),
        "allocations": row.pop("allocations", []),
    }
    row["draft"] = None if row["carried"] is None else dumps(draft)
    return row


def staying(number: int, amount: str, decision: Decision, code: str, reason: str, **more: object) -> Row:
    """A record of which nothing is carried."""
    values = {"carried": None, "decision": decision, "code": code, "reason": reason, "losses": "[]", **more}
    return record(number, amount, State.NONE, **values)


def make(
    path: Path,
    rows: Iterable[Row],
    *,
    before: Mapping[tuple[str, str], str] | None = None,
    differences: Iterable[Row] = (),
    found: Mapping[tuple[str, str], str] | None = None,
    phase: str = "applied",
    verified: bool = True,
    seconds: int = 600,
) -> Path:
    """Make a run file whose apply took ``seconds``.

    Args:
        path: of the file.
        rows: from ``record`` and ``staying``.
        before: what stood at the target, by account and currency.
        differences: what the verification found.
        found: the money that it found, where that is not what was carried.
        phase: of the run.
        verified: whether there was a verification at all.
        seconds: how long apply took.
    """
    start = {key: Decimal(amount) for key, amount in (before or {}).items()}
    carried: dict[tuple[str, str], Decimal] = {}
    states: dict[str, int] = {}
    with RunStore.make(path) as store:
        listed = [{"seq": seq, **row} for seq, row in enumerate(rows, 1)]
        sent = [row for row in listed if row["state"] not in {State.NONE, State.PLANNED}]
        for row in listed:
            if row["state"] is not State.NONE:
                states[row["state"].value] = states.get(row["state"].value, 0) + 1
                key = row["target_account"], row["currency"]
                carried[key] = money.add([carried.get(key, Decimal(0)), Decimal(row["carried"])])
        journal = [_outcome(row, at(60 + i * seconds // max(1, len(sent)))) for i, row in enumerate(sent)]
        totals = [{"account": a, "currency": c, "records": 1, "amount": str(amount)} for (a, c), amount in start.items()]
        with store.transaction() as connection:
            for table, values in ((schema.records, listed), (schema.journal, journal), (schema.totals, totals)):
                if values:
                    connection.execute(insert(table), values)
            proofs = [{"kind": "apply", "at": at(61 + seconds), "data": dumps(_applied(states))}]
            if verified:
                proof = _verified(states, list(differences), start, carried, found or {})
                proofs.append({"kind": "verification", "at": at(300 + seconds), "data": dumps(proof)})
            connection.execute(insert(schema.proofs), proofs)
        store.put(
            phase=phase,
            source="old",
            target="new",
            source_identity=IDENTITY,
            target_identity="socotra:api-ec.socotra.example/6ec2",
            target_settings={},
            planned_at=at(0),
            options={"carry": "remaining", "currencies": None, "look_alikes": "block"},
            guards=packed(Guards()),
            notes=[],
            verified=None,
            hash="3f" * 32,
        )
    return path


def _outcome(row: Row, moment: str) -> Row:
    state = row["state"].value
    return {
        "seq": row["seq"],
        "attempt": 0,
        "action": "create",
        "phase": "outcome",
        "step": state,
        "data": dumps({"state": state}),
        "at": moment,
    }


def _applied(states: Mapping[str, int]) -> Row:
    return {"counts": dict(states), "problems": [], "interrupted": False, "stopped": "", "exit_status": 0}


def _verified(
    states: Mapping[str, int],
    differences: list[Row],
    start: Mapping[tuple[str, str], Decimal],
    carried: Mapping[tuple[str, str], Decimal],
    found: Mapping[tuple[str, str], str],
) -> Row:
    lines: list[Row] = []
    for account, currency in sorted({*start, *carried}):
        key = account, currency
        before, gain = start.get(key, Decimal(0)), carried.get(key, Decimal(0))
        wanted = money.add([before, gain])
        after = Decimal(found[key]) if key in found else wanted
        sign = "=" if after == wanted else "-" if after < wanted else "+"
        lines.append({"account": account, "currency": currency, "before": before, "carried": gain, "after": after, "sign": sign})
    signs = dict.fromkeys("=-+*!", 0)
    for item in differences:
        signs[item["sign"]] += 1
    signs["="] = states.get("created", 0) + states.get("exists", 0) - len(differences)
    clean = not differences and all(line["sign"] == "=" for line in lines)
    return {"signs": signs, "differences": differences, "conservation": lines, "exit_status": 0 if clean else 1}
