"""``unibill credits export``: the same records in every format, exact, harmless and without secrets."""

import csv
import stat
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.support.commands import CARD, HOSTILE, Command, Place
from unibill import exactjson
from unibill.errors import ConfigurationError
from unibill.exporting import Kind, columns, export
from unibill.model import Charge, Credit, CreditKind, Direction, Status

FORMULA = "=cmd|' /C calc'!A0"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def test_every_format_has_the_same_records_with_the_same_digits(run: Command, place: Place) -> None:
    listed = {str(row["id"]): row for row in run("credits", "list", "billagain", "--json").records()}
    for name in ("credits.csv", "credits.jsonl", "credits.parquet"):
        done = run("credits", "export", "billagain", "--out", name)
        assert (done.status, done.out) == (0, "")
        assert f"{len(listed)} credits in {name}" in done.err
        assert stat.S_IMODE((place.folder / name).stat().st_mode) == 0o600
    from_csv = {row["id"]: Decimal(row["amount"]) for row in rows((place.folder / "credits.csv").read_text("utf-8"))}
    lines = (place.folder / "credits.jsonl").read_text("utf-8").splitlines()
    told = {row["id"]: row for line in lines if isinstance(row := exactjson.loads(line), dict)}
    arrow = {row["id"]: row for row in pq.read_table(place.folder / "credits.parquet").to_pylist()}
    wanted = {key: Decimal(str(row["amount"])) for key, row in listed.items()}
    assert from_csv == wanted
    assert {key: Decimal(row["amount"]) for key, row in told.items()} == wanted
    assert {key: row["amount"] for key, row in arrow.items()} == wanted
    assert told == listed


def test_what_a_text_says_is_no_formula_no_escape_and_no_card_number(run: Command, place: Place) -> None:
    place.add_credit(90001, f"{FORMULA} {HOSTILE}")
    (row,) = (row for row in rows(run("credits", "export", "billagain", "--format", "csv").out) if row["id"] == "90001")
    assert row["memo"].startswith("'=cmd|")
    assert "\\x1b[31mred" in row["memo"]
    assert row["number"] == "••••4242"
    for form in ("csv", "jsonl"):
        text = run("credits", "export", "billagain", "--format", form).out
        assert CARD not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    run("credits", "export", "billagain", "--out", "credits.parquet")
    (found,) = (row for row in pq.read_table(place.folder / "credits.parquet").to_pylist() if row["id"] == "90001")
    assert found["memo"] == f"{FORMULA} {HOSTILE}"
    assert found["number"] == "••••4242"


def test_allocations_are_json_in_csv_and_structs_in_parquet(run: Command, place: Place) -> None:
    run("credits", "export", "billagain", "--account", "269", "--allocations", "--out", "some.parquet")
    table = pq.read_table(place.folder / "some.parquet")
    spent = {row["id"]: [item["amount"] for item in row["allocations"]] for row in table.to_pylist()}
    found = rows(run("credits", "export", "billagain", "--account", "269", "--allocations", "--format", "csv").out)
    read = {row["id"]: exactjson.loads(row["allocations"]) for row in found}
    assert {key: [Decimal(item["amount"]) for item in items] for key, items in read.items() if isinstance(items, list)} == spent
    assert any(spent.values())


def test_charges_are_exported_too(run: Command, place: Place) -> None:
    account = next(str(row["accountLocator"]) for row in place.rows("socotra", "charge"))
    listed = run("charges", "list", "socotra", "--account", account, "--json").records()
    done = run("charges", "export", "socotra", "--account", account, "--format", "csv")
    assert {row["id"] for row in rows(done.out)} == {row["id"] for row in listed}
    assert set(rows(done.out)[0]) == set(Charge.__struct_fields__)


def test_what_cannot_be_printed_or_named_is_one_sentence(run: Command, place: Place) -> None:
    del place
    assert "--out FILE" in run("credits", "export", "billagain").err
    assert "--out FILE" in run("credits", "export", "billagain", "--format", "parquet").err
    done = run("credits", "export", "billagain", "--out", "credits.xlsx")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "csv, jsonl, parquet" in done.err
    done = run("credits", "export", "billagain", "--out", ".", "--format", "csv")
    assert (done.status, done.err) == (2, "Error: The file . cannot be written: it is a folder; name a file in it.\n")


def test_an_export_replaces_no_configuration(run: Command, place: Place) -> None:
    before = (place.folder / "unibill.toml").read_bytes()
    done = run("credits", "export", "billagain", "--out", "unibill.toml", "--format", "csv")
    assert (done.status, done.err) == (2, "Error: The file unibill.toml is a configuration; write to another file.\n")
    assert (place.folder / "unibill.toml").read_bytes() == before


def test_an_export_replaces_no_map(run: Command, place: Place) -> None:
    (place.folder / "accounts.csv").write_text("source_account,target_account\n269,2\n", "utf-8")
    done = run("credits", "export", "billagain", "--out", "accounts.csv")
    said = "Error: The file accounts.csv is a map, whose header names source_account and target_account; write to another file.\n"
    assert (done.status, done.err) == (2, said)
    assert (place.folder / "accounts.csv").read_text("utf-8").startswith("source_account")


def credit(amount: str) -> Credit:
    return Credit(
        id="1",
        provider="x",
        account_id=None,
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
        status=Status.OPEN,
        remote_status="open",
        currency="USD",
        amount=Decimal(amount),
    )


def test_a_read_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[Credit]:
        yield credit("1")
        raise ConfigurationError("the connection broke")

    for name in ("a.csv", "a.jsonl", "a.parquet"):
        with pytest.raises(ConfigurationError, match="broke"):
            export(broken(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("amount", ["12345678901234567.89", "0.0000000001", "1E+3", "9999999999999999999999999999.9999999999"])
def test_an_amount_keeps_every_digit_in_parquet(tmp_path: Path, amount: str) -> None:
    export([credit(amount)], tmp_path / "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet").to_pylist()[0]["amount"] == Decimal(amount)


@pytest.mark.parametrize("amount", ["0.00000000001", "10000000000000000000000000000"])
def test_an_amount_that_parquet_cannot_hold_is_refused_by_name_and_nothing_is_left(tmp_path: Path, amount: str) -> None:
    with pytest.raises(ConfigurationError, match=r"amount of 1 is .*export as jsonl"):
        export([credit(amount)], tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_no_records_make_a_file_with_columns(tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet"):
        assert export([], tmp_path / name, model=Charge).records == 0
    assert (tmp_path / "a.csv").read_text().strip().split(",") == list(Charge.__struct_fields__)
    assert pq.read_schema(tmp_path / "a.parquet").names == list(Charge.__struct_fields__)


def test_every_field_of_the_model_has_a_column_of_its_kind() -> None:
    kinds = {column.name: column.kind for column in columns(Credit)}
    assert list(kinds) == list(Credit.__struct_fields__)
    assert {name for name, kind in kinds.items() if kind is Kind.AMOUNT} == {"amount", "applied", "remaining"}
    assert (kinds["issued_on"], kinds["created_at"], kinds["allocations"], kinds["extra"]) == (
        Kind.DAY,
        Kind.MOMENT,
        Kind.RECORDS,
        Kind.EXTRA,
    )
