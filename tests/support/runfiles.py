"""Runs as plan, apply and verify leave them, made without either system: for what only reads them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import insert

from unibill import marks, money
from unibill.copying import schema
from unibill.copying.decisions import Decision, State
from unibill.copying.guards import packed
from unibill.copying.hashing import carry_options
from unibill.copying.items import RecordType
from unibill.copying.options import Guards, PlanOptions
from unibill.copying.store import RunStore, dumps

Row = dict[str, Any]
Where = TypeVar("Where", Path, str)
"""A file, or the address of a database."""
BEGIN = datetime(2026, 3, 30, 7, 0, tzinfo=UTC)
IDENTITY = "billagain:api.billagain.example/1042"
LOSSES = [
    {"field": "number", "value": "CN-1", "reason": "the mark takes its place", "kind": "descriptive"},
    {"field": "memo", "value": "goodwill", "reason": "Socotra's charges have no note", "kind": "descriptive"},
]


def at(seconds: int) -> str:
    """A moment of the run's day."""
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(place: int, amount: str, state: State = State.CREATED, /, **more: object) -> Row:
    """A record that was planned to be created, in the first of fifty accounts unless told otherwise."""
    account = str(more.pop("account", 100 + place % 50))
    mark = marks.mark(IDENTITY, "credit_note", str(place))
    row: Row = {
        "source_account": account,
        "record_type": RecordType.CREDIT,
        "source_id": str(10_000 + place),
        "kind": "credit_note",
        "status": "open",
        "day": f"2026-0{1 + place % 3}-{1 + place % 28:02}",
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
        "generation": 1 if state is State.UNDONE else 0,
        "sends": 1 if state is not State.NONE else 0,
        "target_id": f"charge:01J5V8NM2GSXK6HG{place:010}" if state is State.CREATED else None,
        "number": f"CN-{place}",
        "memo": f"memo {place}",
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
    if row["record_type"] is RecordType.CHARGE:
        links = dict.fromkeys(("policy_id", "transaction_id", "element_id", "element_static_id"))
        draft |= {"type": row["type"], "invoicing": "next", **links, "tag": draft["memo"], "category": "fee", "credit": False}
    row["draft"] = None if row["carried"] is None else dumps(draft)
    return row


def staying(place: int, amount: str, decision: Decision, code: str, reason: str, /, **more: object) -> Row:
    """A record of which nothing is carried."""
    values = {"carried": None, "target_id": None, "decision": decision, "code": code, "reason": reason, "losses": "[]", **more}
    return record(place, amount, State.NONE, **values)


def make(
    path: Where,
    rows: Iterable[Row],
    *,
    before: Mapping[tuple[str, str], str] | None = None,
    differences: Iterable[Row] = (),
    found: Mapping[tuple[str, str], str] | None = None,
    phase: str = "applied",
    verified: bool = True,
    seconds: int = 600,
    names: tuple[str, str] = ("old", "new"),
) -> Where:
    """Make a run whose apply took ``seconds``.

    Args:
        path: of the file, or the address.
        rows: from ``record`` and ``staying``.
        before: what stood at the target, by account and currency.
        differences: what the verification found.
        found: the money that it found, where that is not what was carried.
        phase: of the run.
        verified: whether there was a verification at all.
        seconds: how long apply took.
        names: of the backends.
    """
    start = {key: Decimal(amount) for key, amount in (before or {}).items()}
    carried: dict[tuple[str, str, str], Decimal] = {}
    states: dict[str, int] = {}
    with RunStore.make(path) as store:
        listed = [{"seq": seq, **row} for seq, row in enumerate(rows, 1)]
        sent = [row for row in listed if row["state"] not in {State.NONE, State.PLANNED}]
        for row in listed:
            if row["state"] is not State.NONE:
                states[row["state"].value] = states.get(row["state"].value, 0) + 1
            if row["decision"] is Decision.CREATE:
                key = row["target_account"], row["record_type"].value, row["currency"]
                carried[key] = money.add([carried.get(key, Decimal(0)), Decimal(row["carried"])])
        journal = [entry for i, row in enumerate(sent) for entry in _entries(row, at(60 + i * seconds // max(1, len(sent))))]
        totals = [
            {"account": a, "record_type": RecordType.CREDIT, "currency": c, "records": 1, "amount": str(amount)}
            for (a, c), amount in start.items()
        ]
        with store.transaction() as connection:
            for table, values in ((schema.records, listed), (schema.journal, journal), (schema.totals, totals)):
                if values:
                    connection.execute(insert(table), values)
            proofs = [{"kind": "apply", "at": at(61 + seconds), "data": dumps(_applied(states)), "lines": "totals"}]
            if verified:
                proof = _verified(states, list(differences), start, carried, found or {})
                lines = {"proof": 2, "number": 0, "data": dumps(proof.pop("conservation"))}
                proofs.append({"kind": "verification", "at": at(300 + seconds), "data": dumps(proof), "lines": "conservation"})
                connection.execute(insert(schema.proof_lines), [lines])
            connection.execute(insert(schema.proofs), proofs)
        store.put(
            phase=phase,
            source=names[0],
            target=names[1],
            source_identity=IDENTITY,
            target_identity="socotra:api-ec.socotra.example/6ec2",
            target_settings={},
            planned_at=at(0),
            options=carry_options(PlanOptions()),
            guards=packed(Guards()),
            notes=[],
            verified=None,
            hash="3f" * 32,
        )
    return path


def _entries(row: Row, moment: str) -> list[Row]:
    if row["state"] is not State.UNDONE:
        return [_outcome(row, moment)]
    of = {**_outcome(row, moment), "action": "undo"}
    return [{**of, "phase": "intent", "step": "", "data": dumps({})}, of]


def _outcome(row: Row, moment: str) -> Row:
    state = row["state"].value
    return {
        "seq": row["seq"],
        "attempt": 0,
        "action": "create",
        "phase": "outcome",
        "step": state,
        "data": dumps({"state": state}),
        "at": int(datetime.fromisoformat(moment).timestamp() * 1000),
    }


def _applied(states: Mapping[str, int]) -> Row:
    return {"counts": dict(states), "money": {}, "charges": {}, "problems": [], "interrupted": False, "stopped": "", "exit_status": 0}


def _verified(
    states: Mapping[str, int],
    differences: list[Row],
    start: Mapping[tuple[str, str], Decimal],
    carried: Mapping[tuple[str, str, str], Decimal],
    found: Mapping[tuple[str, str], str],
) -> Row:
    lines: list[Row] = []
    for account, kind, currency in sorted({(account, "credit", currency) for account, currency in start} | set(carried)):
        key = account, currency
        before = start.get(key, Decimal(0)) if kind == "credit" else Decimal(0)
        gain = carried.get((account, kind, currency), Decimal(0))
        wanted = money.add([before, gain])
        after = Decimal(found[key]) if key in found else wanted
        sign = "=" if after == wanted else "-" if after < wanted else "+"
        of = {"account": account, "record_type": kind, "currency": currency}
        lines.append({**of, "before": before, "carried": gain, "after": after, "sign": sign})
    signs = dict.fromkeys("=-+*!", 0)
    for item in differences:
        signs[item["sign"]] += 1
    signs["="] = states.get("created", 0) + states.get("exists", 0) - len(differences)
    clean = not differences and all(line["sign"] == "=" for line in lines)
    return {"signs": signs, "differences": differences, "conservation": lines, "exit_status": 0 if clean else 1}


TARGET: Final = "01J5V8NM2GSXK6HG42PD000100"
SCRIPT: Final = "</script><script>document.title='taken over'</script><img src=x onerror=\"document.title='taken over'\">"
FORMULA: Final = "=cmd|' /C calc'!A0"
ESCAPES: Final = "\x1b]0;taken over\x07\x1b[31mred\x1b[0m \u202eevil\u2028"
CARD: Final = "4242 4242 4242 4242"


def clean(path: Path) -> Path:
    """A run of which everything was carried and found again."""
    rows = [record(i, f"{10 + i}.{i % 10}", currency="ZAR" if i % 50 < 10 else "USD") for i in range(60)]
    rows += [staying(60 + i, "0", Decision.SKIP, "nothing-remaining", "nothing remains of it") for i in range(5)]
    return make(path, rows, before={(TARGET, "ZAR"): "99.5", ("01J5V8NM2GSXK6HG42PD000199", "USD"): "7"})


def mixed(path: Where) -> Where:
    """A run with every outcome, in three currencies, and differences of every sign."""
    rows = [
        record(i, amount, currency=currency)
        for i, (amount, currency) in enumerate([("100.5", "USD"), ("20000", "JPY"), ("7.25", "EUR")] * 20)
    ]
    found = rows[:4]
    for number, state in enumerate(
        (State.REJECTED, State.FAILED, State.REFUSED, State.UNKNOWN, State.SENDING, State.PLANNED, State.UNDONE), 100
    ):
        rows.append(record(number, "3.5", state, outcome=f"it is {state.value}", target_id=None))
    rows.append(
        record(110, "9", State.EXISTS, decision=Decision.EXISTS, code="exists", reason="credit 1 of the target is its copy", sends=0)
    )
    rows.append(record(111, "9", State.CONFLICT, outcome="its mark stands on something else: charge:9"))
    rows.append(staying(112, "50", Decision.BLOCKED, "unmapped-account", "account 7 is not in the map", target_account=""))
    rows.append(staying(113, "60", Decision.CONFLICT, "reversed-copy", "its copy was reversed at the target: charge:8"))
    rows.append(staying(114, "0", Decision.SKIP, "reversed", "it was reversed"))
    rows.append(staying(115, "70", Decision.BLOCKED, "pending", "it is pending at the source", remaining=None))
    differences = [
        {
            "sign": sign,
            "code": code,
            "account": row["target_account"],
            "source_id": row["source_id"],
            "target_id": row["target_id"],
            "reason": f"it is {code}",
        }
        for row, sign, code in zip(found, "-+*!", ("missing", "made-twice", "amount", "unreadable"), strict=True)
    ]
    off = {(row["target_account"], row["currency"]): "1" for row in found[:1]}
    return make(path, rows, differences=differences, found=off, phase="applying", before={(TARGET, "USD"): "12.34"})


def hostile(path: Path) -> Path:
    """A run whose texts are attacks, in every field that comes from outside."""
    texts = {
        "memo": SCRIPT,
        "number": FORMULA,
        "reason": f"{SCRIPT} {ESCAPES}",
        "outcome": f"{ESCAPES} {SCRIPT}",
        "losses": dumps([{"field": SCRIPT, "value": FORMULA, "reason": ESCAPES, "kind": "descriptive"}]),
        "allocations": [{"amount": Decimal("1.5"), "target_id": SCRIPT, "target_number": None, "source": "x"}],
        "dropped": dumps([{"target": FORMULA, "amount": Decimal(2), "currency": "USD", "reason": SCRIPT}]),
    }
    rows = [record(1, "10.1", account="=1+1", target_account=SCRIPT, target_id=FORMULA, **texts)]
    rows.append(record(2, "20.25", State.REJECTED, account=SCRIPT, target_account="@SUM(A1)", **texts))
    rows.append(
        staying(3, "30", Decision.BLOCKED, SCRIPT, FORMULA, source_id=SCRIPT, kind=FORMULA, status=ESCAPES, memo=FORMULA, number=CARD)
    )
    rows.append(record(4, "5", memo=f"{CARD} -5+3", number=f"\t{FORMULA}"))
    differences = [{"sign": "*", "code": SCRIPT, "account": SCRIPT, "source_id": "10001", "target_id": FORMULA, "reason": SCRIPT}]
    return make(path, rows, differences=differences, before={(FORMULA, "USD"): "1"}, names=(SCRIPT, f"{FORMULA}{ESCAPES}"))


def wide(path: Path) -> Path:
    """A run whose names, ids and amounts are as long as vendors let them be, with every outcome and differences both ways."""
    names = ("billagain-production-southern-africa-retail", "socotra-production-eu-central-commercial-lines")
    accounts = [f"CUSTOMER-ACCOUNT-{number:04}-OF-A-VERY-LONG-HOLDING-COMPANY" for number in range(8)]
    targets = [f"01J5V8NM2GSXK6HG42PD{number:06}-{'EUROPE' * 4}" for number in range(8)]
    rows: list[Row] = []
    for i in range(40):
        of = {"account": accounts[i % 8], "target_account": targets[i % 8], "currency": "IDR" if i % 4 else "KWD"}
        digits = "00" if of["currency"] == "IDR" else "125"
        rows.append(record(i, f"98765432{i:02}12345678.{digits}", source_id=f"CREDIT-NOTE-{i:020}", target_id=f"charge:{i:030}", **of))
    states = (State.REJECTED, State.UNKNOWN, State.PLANNED, State.UNDONE, State.CONFLICT)
    for number, state in enumerate(states, 100):
        rows.append(
            record(number, "555444333222111.5", state, account=accounts[0], target_account=targets[0], currency="IDR", target_id=None)
        )
    for number, decision in enumerate((Decision.BLOCKED, Decision.SKIP), 200):
        rows.append(
            staying(number, "1222333444555666.25", decision, decision.value, "a long reason " * 8, account=accounts[1], currency="IDR")
        )
    off = {(target, "IDR"): "5" if number % 2 else f"8{'0' * 20}.5" for number, target in enumerate(targets[:6])}
    return make(path, rows, found=off, names=names)


def opened(path: Path) -> RunStore:
    """The run's store, to change it."""
    return RunStore(path)


def apply_again(store: RunStore, seconds: int) -> None:
    """Keep the proof of one more apply, that late; alone it is one that wrote nothing."""
    proof = {"kind": "apply", "at": at(seconds), "data": dumps(_applied({State.CREATED: 1})), "lines": "totals"}
    with store.transaction() as connection:
        connection.execute(insert(schema.proofs), [proof])


def go_on(store: RunStore, seconds: int) -> None:
    """Journal one more outcome, that late."""
    with store.transaction() as connection:
        connection.execute(insert(schema.journal), [_outcome({"seq": 1, "state": State.CREATED}, at(seconds))])
