"""Tables fit where there is room to keep to, and lose nothing where there is none."""

import pytest

from unibill.cli import output
from unibill.cli.output import Column, table

COLUMNS = (Column("id", least=4), Column("amount", right=True), Column("memo", least=6, drop=1), Column("why", least=10, wrap=True))
ROW = ("credit-0001", "12345678901234567.89", "a long memo that goes on and on", "because of a reason that is longer than the line")


@pytest.fixture(autouse=True)
def fresh() -> None:
    output.forget()


def test_without_a_limit_nothing_is_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert table(COLUMNS, [ROW]) == 1
    assert capsys.readouterr().out.splitlines()[1].split("  ") == list(ROW)


@pytest.mark.parametrize("width", [50, 60, 80, 100])
def test_no_line_is_wider_than_the_room_and_no_amount_is_cut(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    table(COLUMNS, [ROW, ROW], width=width)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert sum(ROW[1] in line for line in lines) == 2


def test_a_wrapped_cell_keeps_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    table((Column("a"), Column("why", least=10, wrap=True)), [("x", ROW[3])], width=20)
    assert " ".join(capsys.readouterr().out.split()) == f"a why x {ROW[3]}"


def test_a_column_without_room_is_dropped_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    table(COLUMNS, [ROW], width=45)
    assert "no room for: memo" in capsys.readouterr().out


def test_wide_letters_are_counted_as_two(capsys: pytest.CaptureFixture[str]) -> None:
    table((Column("a", least=4), Column("b")), [("返金返金返金", "x")], width=12)
    assert capsys.readouterr().out.splitlines()[1] == "返金返金…  x"


LONG_ID = "distribution:01J5V8NM2GSXK6HG42PD5Z1VAE"
IDS = (Column("id", lift=True), Column("account", drop=2), Column("amount", right=True), Column("memo", least=6, drop=1))


@pytest.mark.parametrize("width", [42, 60, 80, 120])
def test_an_id_is_whole_in_any_room_above_its_row_where_there_is_none_beside(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    row = (LONG_ID, "01HDXKBDG7FE4PYXJTP1E6MHWY", "12345678901234567.89", "a memo")
    table(IDS, [row, row], width=width)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.startswith(LONG_ID) for line in lines) == 2
    assert sum("12345678901234567.89" in line for line in lines) == 2
    assert any(line.startswith("  ") for line in lines) == (width < 80)


def test_two_lifted_ids_share_a_line_where_they_fit(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (Column("source", lift=True), Column("target", lift=True), Column("because", least=30, wrap=True))
    for width in (50, 60):
        table(columns, [("10095", LONG_ID, "it is not there"), ("", LONG_ID, "nobody knows why")], width=width)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert f"10095  {LONG_ID}" in lines
    assert f"–  {LONG_ID}" in lines


def test_a_command_to_copy_stays_in_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output.command("unibill apply --run a.run --expect " + "f" * 64)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_long_value_goes_on_below_itself_and_a_hash_stays_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output.fields([("next", "Read the plan and sign off its hash, then apply it."), ("hash", "f" * 64)])
    assert capsys.readouterr().out.splitlines() == [
        "next  Read the plan and sign off its",
        "      hash, then apply it.",
        "hash  " + "f" * 64,
    ]


def test_any_number_of_rows_passes_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert table((Column("n"),), ((str(number),) for number in range(1000))) == 1000
    assert capsys.readouterr().out.splitlines()[-1] == "999"


def test_no_rows_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert table(COLUMNS, [], empty="no credits") == 0
    assert capsys.readouterr().out == "no credits\n"
