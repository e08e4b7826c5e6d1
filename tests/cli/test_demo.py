"""unibill demo: it holds, its figures are those of the sandboxes' books, and it leaves nothing behind."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from docs.generate import terminal
from tests.support.commands import Done, spawn
from unibill import exactjson, marks
from unibill.cli import demo
from unibill.cli.rehearsal import ALL_KINDS, Rehearsal

_CARRIED: Final = re.compile(r'<tr data-currency="([A-Z]{3})" data-of="credit">.*?data-figure="carried"><data value="([^"]*)"')


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rehearsal, dict[str, object]]]:
    """The demo in this process, with its sandboxes still open, and its figures as --json prints them."""
    with Rehearsal(tmp_path_factory.mktemp("demo")) as rehearsal:
        figures = exactjson.loads(exactjson.dumps(demo.tell(rehearsal, demo.Silent())))
        assert isinstance(figures, dict)
        yield rehearsal, figures


def test_everything_agrees(played: tuple[Rehearsal, dict[str, object]]) -> None:
    figures = played[1]
    checks = figures["checks"]
    assert isinstance(checks, dict)
    assert set(checks.values()) == {True}
    assert figures["agrees"] is True


def test_some_hundred_credits_go_each_way(played: tuple[Rehearsal, dict[str, object]]) -> None:
    counts = [leg["apply"]["counts"] for leg in played[1]["copies"]]  # type: ignore[attr-defined]  # a list of objects, as printed
    assert all(count["created"] > 100 for count in counts)


def test_the_copies_are_in_the_books_once_each_with_the_money_that_was_planned(played: tuple[Rehearsal, dict[str, object]]) -> None:
    rehearsal, figures = played
    legs = figures["copies"]
    assert isinstance(legs, list)
    charges = [row for row in rehearsal.sandboxes["socotra"].books() if row["type"] == "charge"]
    notes = [row for row in rehearsal.sandboxes["billagain"].books() if row["type"] == "credit"]
    in_socotra = [(marks.find(str(row.get("tag"))), str(row["currency"]), -Decimal(str(row["amount"]))) for row in charges]
    in_billagain = [(marks.find(str(row["CreditNumber"])), str(row["CurrencyCode"]), Decimal(str(row["Amount"]))) for row in notes]
    for leg, found in zip(legs, (in_socotra, in_billagain), strict=True):
        copies = [(mark, currency, amount) for mark, currency, amount in found if mark is not None]
        money: dict[str, Decimal] = {}
        for _, currency, amount in copies:
            money[currency] = money.get(currency, Decimal(0)) + amount
        assert len({mark for mark, _, _ in copies}) == len(copies) == leg["apply"]["counts"]["created"]
        assert money == {currency: Decimal(str(amount)) for currency, amount in leg["plan"]["money"].items()}


def test_what_billagain_could_spend_before_is_what_its_books_say_of_all_that_is_no_copy(
    played: tuple[Rehearsal, dict[str, object]],
) -> None:
    rehearsal, figures = played
    own: dict[str, Decimal] = {}
    for row in rehearsal.sandboxes["billagain"].books():
        if row["type"] == "credit" and marks.find(str(row["CreditNumber"])) is None:
            assert isinstance(row["Remaining"], Decimal)
            own[str(row["CurrencyCode"])] = own.get(str(row["CurrencyCode"]), Decimal(0)) + row["Remaining"]
    lines = {line["currency"]: line for line in figures["sums"] if line["system"] == "billagain"}  # type: ignore[attr-defined]  # a list of objects
    assert {currency: amount for currency, amount in own.items() if amount} == {
        currency: line["before"] for currency, line in lines.items() if line["before"]
    }


def test_what_socotra_can_spend_now_is_the_balance_in_its_ledger(played: tuple[Rehearsal, dict[str, object]]) -> None:
    rehearsal, figures = played
    balances: dict[str, Decimal] = {}
    mapped = set(rehearsal.cast.whole_way_back)
    for row in rehearsal.sandboxes["socotra"].books():
        if row["type"] == "account" and row["locator"] in mapped:
            assert isinstance(row["balances"], dict)
            for currency, amount in row["balances"].items():
                balances[currency] = balances.get(currency, Decimal(0)) + amount
    for line in figures["sums"]:  # type: ignore[attr-defined]  # a list of objects, as printed
        if line["system"] == "socotra":
            assert Decimal(str(line["after"])) == balances.get(line["currency"], Decimal(0)), line


def test_the_documented_notes_are_as_printed_and_every_kind_is_shown(played: tuple[Rehearsal, dict[str, object]]) -> None:
    figures = played[1]
    notes, kinds = figures["documented"], figures["kinds"]
    assert [(note["id"], note["as_printed"]) for note in notes] == [("10081", True), ("10083", True), ("10095", True)]  # type: ignore[attr-defined]  # a list
    assert [kind["kind"] for kind in kinds] == [kind.value for kind in ALL_KINDS]  # type: ignore[attr-defined]  # the same


def test_what_was_lost_and_what_is_assumed_is_said(played: tuple[Rehearsal, dict[str, object]]) -> None:
    figures = played[1]
    lost = {leg["source"]: {loss["field"] for loss in leg["plan"]["losses"]} for leg in figures["copies"]}  # type: ignore[attr-defined]  # a list of objects
    assert {"number", "issued_on"} <= lost["billagain"]
    assert lost["socotra"]
    (unapplied,) = [item for item in figures["assumptions"] if "without allocations" in item["text"]]  # type: ignore[attr-defined]  # the same
    assert unapplied["grade"] == "assumed"


def test_a_second_round_creates_nothing_and_knows_every_copy(played: tuple[Rehearsal, dict[str, object]]) -> None:
    figures = played[1]
    created = {leg["source"]: leg["apply"]["counts"]["created"] for leg in figures["copies"]}  # type: ignore[attr-defined]  # a list of objects
    for plan in figures["again"]:  # type: ignore[attr-defined]  # the same
        other = next(name for name in created if name != plan["source"])
        came = sum(reason["count"] for reason in plan["reasons"] if reason["code"] == "came-from-there")
        assert plan["counts"]["create"] == 0
        assert (plan["counts"]["exists"], came) == (created[plan["source"]], created[other])


@dataclass(frozen=True)
class Printed:
    """How the command ended, what it left behind in its folders, and where it was told to leave reports."""

    done: Done
    left: list[Path]
    reports: Path


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    temporary, home, reports = (tmp_path_factory.mktemp(name) for name in ("tmp", "home", "reports"))
    done = spawn("demo", "--report", "report.html", cwd=reports, env={"TMPDIR": str(temporary), "HOME": str(home), "COLUMNS": "80"})
    return Printed(done, [*temporary.iterdir(), *home.iterdir()], reports)


def test_the_command_ends_well_in_80_columns_and_leaves_nothing_behind(printed: Printed) -> None:
    done = printed.done
    assert done.status == 0, done.out + done.err
    assert done.err == ""
    assert "Everything agrees." in done.out.splitlines()[-1]
    assert "[assumed] BillAgain accepts a credit note without allocations" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "\x1b" not in done.out
    assert "424242424242424" not in done.out
    assert printed.left == []


def test_each_copy_has_a_report_of_what_it_carried(printed: Printed, played: tuple[Rehearsal, dict[str, object]]) -> None:
    assert "Reports to read, print and sign: report.html, report-back.html" in printed.done.out
    assert {path.name for path in printed.reports.iterdir()} == {"report.html", "report-back.html"}
    legs = played[1]["copies"]
    assert isinstance(legs, list)
    for leg, name in zip(legs, ("report.html", "report-back.html"), strict=True):
        page = (printed.reports / name).read_text("utf-8")
        verdict = re.search(r'data-code="([a-z-]+)"', page)
        assert verdict is not None
        assert verdict[1] in {"proved", "proved-in-part"}, name
        assert {currency: Decimal(amount) for currency, amount in _CARRIED.findall(page) if Decimal(amount)} == {
            currency: Decimal(str(amount)) for currency, amount in leg["plan"]["money"].items()
        }


def test_the_picture_of_the_readme_shows_what_the_demo_prints(printed: Printed) -> None:
    shown = terminal.read(terminal.FILE.read_text("utf-8"))
    told = ["".join(line.plain.split()) for line in terminal.excerpt(printed.done.out)]
    assert [line for line in shown if line] == [line for line in told if line], "run: python -m docs.generate demo"
    assert len(shown) > 30


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("", "utf-8")
    done = spawn("demo", "--keep", str(tmp_path))
    assert done.status == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("report", "why"),
    [
        ("folder", "folder cannot be written: it is a folder"),
        ("x" * 300, "cannot be written: File name too long"),
        ("unibill.toml", "unibill.toml is a configuration"),
        ("beside.html", "beside-back.html cannot be written: it is a folder"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_demo_begins(report: str, why: str, tmp_path: Path) -> None:
    for folder in ("folder", "beside-back.html"):
        (tmp_path / folder).mkdir()
    (tmp_path / "unibill.toml").touch()
    before = sorted(tmp_path.iterdir())
    done = spawn("demo", "--report", report, cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    assert why in done.err
    assert sorted(tmp_path.iterdir()) == before
