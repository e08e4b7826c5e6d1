"""A run file of which one cell was spoilt is read all the same, or refused in one sentence that says where; nobody meets a traceback."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.copying.conftest import Pair, note
from tests.hostile.test_bad_input import told
from tests.support.commands import Command
from unibill.copying import ApplyOptions, RollbackOptions, apply, open_run, plan, rollback, status, verify
from unibill.errors import RunStoreError, UnibillError
from unibill.reporting import report

_HERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
TABLES: Final = ("meta", "accounts", "targets", "records", "loss_kinds", "snapshot", "totals", "journal", "proofs", "proof_lines")
NUMBERS: Final = ("NaN", "Infinity", "-sNaN", "1e999999999", "1E+999999", "9" * 5000, "٣", "0x10", "1_0", "", " ", "-")
SHAPES: Final = ("null", "[]", "{}", "0", "true", '""', '"x"', "[null]", "[[]]", "[{}]", '{"a": 1}', "1e999999999", "9" * 5000, "[1", "NaN")
PLAIN: Final = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=8),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from([*NUMBERS, *SHAPES, "create", "blocked", "created", "planned", "unknown", "undone", "credit", "charge", "9999-99-99"]),
)
INSIDE: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.sampled_from([[], {}, [None], {"a": 1}, "NaN", "1e999999999", 10**5000]),
)
LOOKS: Final[tuple[Callable[[Path], object], ...]] = (
    status,
    lambda file: _opened(file, lambda run: run.summary()),
    lambda file: _opened(file, lambda run: run.facts()),
    lambda file: _opened(file, lambda run: list(run.records())),
    lambda file: _opened(file, lambda run: list(run.journal())),
    lambda file: _opened(file, lambda run: [list(lines) for proof in run.proofs() for lines in proof.data.values() if _long(lines)]),
    lambda file: _opened(file, lambda run: list(run.before())),
    lambda file: report(file, file.parent / "r.html", csv=file.parent / "csv", jsonl=file.parent / "r.jsonl"),
)
ACTS: Final[tuple[Callable[[Pair, Path], object], ...]] = (
    lambda pair, file: apply(pair.source.billing, pair.target.billing, file, ApplyOptions(settle=0)),
    lambda pair, file: verify(pair.source.billing, pair.target.billing, file),
    lambda pair, file: rollback(pair.target.billing, file, RollbackOptions(settle=0)),
)


def _long(lines: object) -> bool:
    return not isinstance(lines, (str, int, Decimal, dict, type(None)))


def _opened(file: Path, look: Callable[[Any], object]) -> object:
    with open_run(file) as run:
        return look(run)


@contextmanager
def database(file: Path) -> Iterator[sqlite3.Connection]:
    """The tables of a run, to be changed."""
    with closing(sqlite3.connect(file)) as connection, connection:
        yield connection


@pytest.fixture
def made(pair: Pair) -> dict[str, Path]:
    """A run that is planned, and the same applied and verified, without the constraints that would keep NULL out."""
    pair.source.seed(note(101, 11, "60", (31, "10")), note(102, 11, "5.5"), note(103, 12, "7"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options(carry="history"))
    runs = {"planned": pair.run.with_name("planned.run"), "done": pair.run.with_name("done.run")}
    shutil.copy(pair.run, runs["planned"])
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0
    shutil.copy(pair.run, runs["done"])
    for file in runs.values():
        with database(file) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'")
    return runs


def _inner(data: st.DataObject, value: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON with one value in it replaced, or left out."""
    if isinstance(value, (dict, list)) and value and data.draw(st.booleans()):
        keys: list[Any] = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.integers(0, 3)) == 0:
            del value[key]
        else:
            value[key] = _inner(data, value[key])
        return value
    return data.draw(INSIDE)


def _spoilt(data: st.DataObject, value: object) -> object:
    """Another value for a cell: something else, a part of it, or the same JSON with one thing changed."""
    if isinstance(value, str) and value:
        how = data.draw(st.sampled_from(["other", "cut", "inside"] if value[0] in '{["' else ["other", "other", "cut"]))
        if how == "cut":
            return value[: data.draw(st.integers(0, len(value) - 1))]
        if how == "inside":
            changed = _inner(data, json.loads(value))
            if isinstance(changed, str) and changed[:1] == "{" and data.draw(st.booleans()):
                changed = json.dumps(_inner(data, json.loads(changed)))
            return _dumped(changed)
    return data.draw(PLAIN)


def _dumped(value: object) -> str:
    return json.dumps(value, default=str) if not _huge(value) else '{"amount": ' + "9" * 5000 + "}"


def _huge(value: object) -> bool:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return (isinstance(value, int) and abs(value) > 10**4000) or any(map(_huge, inner))


@settings(max_examples=60, suppress_health_check=_HERE)
@given(data=st.data(), which=st.sampled_from(["planned", "done"]), table=st.sampled_from(TABLES))
def test_a_run_with_one_spoilt_cell_is_read_or_refused_in_a_sentence(
    data: st.DataObject, which: str, table: str, made: dict[str, Path], pair: Pair
) -> None:
    file = made[which].with_name("spoilt.run")
    for left in file.parent.glob("spoilt.run*"):
        left.unlink()
    shutil.copy(made[which], file)
    with database(file) as connection:
        rows = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()  # noqa: S608 - one of ours
        if not rows:
            return
        names = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
        row, at = data.draw(st.sampled_from(rows)), data.draw(st.integers(0, len(names) - 1))
        value = _spoilt(data, row[at + 1])
        try:
            connection.execute(f"UPDATE {table} SET {names[at]} = ? WHERE rowid = ?", (value, row[0]))  # noqa: S608 - ours too
        except (sqlite3.IntegrityError, UnicodeEncodeError):
            return
    doing: list[Callable[[Path], object]] = [*LOOKS, *(partial(act, pair) for act in ACTS)]
    for act in doing:
        try:
            act(file)
        except UnibillError as error:
            event(type(error).__name__)
            assert str(error)
            assert "\n" not in str(error)


DAMAGES: Final = (
    ("UPDATE records SET decision = '7creat' WHERE source_id = '102'", "in records credit 102, decision is '7creat', not one of "),
    ("UPDATE records SET carried = 'NaN' WHERE source_id = '102'", "in records credit 102, carried is 'NaN', not an amount"),
    ("UPDATE records SET carried = '1e999999999' WHERE source_id = '102'", "carried is '1e999999999', not an amount"),
    ("UPDATE records SET carried = NULL WHERE source_id = '102'", "credit 102 has no carried amount, though it is to be carried"),
    ("UPDATE records SET draft = NULL WHERE source_id = '102'", "credit 102 has no draft, though it is to be carried"),
    ("UPDATE records SET record_type = 'charge' WHERE source_id = '102'", "charge 102 is a charge, and its draft is not of one"),
    ("UPDATE records SET draft = substr(draft, 1, 20) WHERE source_id = '102'", "in records credit 102, draft is no JSON"),
    (
        "UPDATE records SET draft = '{\"allocations\": [{}]}' WHERE source_id = '102'",
        "draft has JSON of another shape: $.allocations[0] lacks",
    ),
    ("UPDATE records SET losses = '[{}]' WHERE source_id = '102'", "losses has JSON of another shape: $[0] lacks 'field'"),
    ("UPDATE records SET losses = '[[77, \"x\"]]' WHERE source_id = '102'", "loss_kinds has no 77, which a record names"),
    ("UPDATE records SET reason = x'ff' WHERE source_id = '102'", "in records credit 102, reason is b'\\xff', not a text"),
    ("UPDATE records SET sends = 'x' WHERE source_id = '102'", "in records credit 102, sends is 'x', not a whole number"),
    ("DELETE FROM meta WHERE key = 'options'", "meta has no options"),
    ("UPDATE meta SET value = '[]' WHERE key = 'options'", "in meta options, value is [], not a JSON object"),
)


@pytest.mark.parametrize(("change", "wrong"), DAMAGES)
def test_what_is_damaged_is_named_with_the_run_the_place_and_what_to_do(change: str, wrong: str, made: dict[str, Path]) -> None:
    with database(made["planned"]) as connection:
        connection.execute(change)
    with pytest.raises(RunStoreError) as caught:
        report(made["planned"])
    said = str(caught.value)
    assert said.startswith(f"the run {made['planned']} is damaged: "), said
    assert wrong in said
    assert said.endswith("; restore a copy of it, or plan again into another run")


def test_a_credit_whose_memo_has_the_words_of_a_charge_is_no_damage(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60", Memo='the "category" of it'))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0)).exit_status == 0


def test_the_command_line_tells_of_a_damaged_run_in_one_sentence(made: dict[str, Path], run: Command) -> None:
    with database(made["planned"]) as connection:
        connection.execute("UPDATE records SET decision = '7creat' WHERE source_id = '102'")
    for words in (("status",), ("report", "--jsonl", str(made["planned"].with_name("r.jsonl")))):
        done = run(*words, "--run", str(made["planned"]))
        told(done, words)
        assert done.status == 2, done
        assert "decision is '7creat'" in done.err.replace("\n", " "), done.err
        assert done.err.count("is damaged") == 1
