"""Page, CSV and JSON Lines hold the same figures, whole or not at all, and nothing in them acts."""

import base64
import csv
import gzip
import hashlib
import json
import os
import re
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support import runfiles
from tests.support.postgresql import a_run
from tests.support.runfiles import CARD, FORMULA, SCRIPT, make, record
from unibill import exactjson, redact
from unibill.copying import open_run
from unibill.copying.items import RecordType
from unibill.errors import ConfigurationError
from unibill.reporting import Figures, report
from unibill.safecsv import cell

SECRET = "k3y-of-the-backend"
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028\u2066-\u2069]")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def packed(page: str, name: str = "record-data") -> list[object]:
    found = re.search(rf'<script type="text/plain" id="{name}">([^<]*)</script>', page)
    assert found
    return [json.loads(line) for line in gzip.decompress(base64.b64decode(found[1])).decode().splitlines()]


@pytest.fixture(scope="module")
def mixed(mixed_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Figures]:
    folder = tmp_path_factory.mktemp("mixed-report")
    return folder, report(mixed_run, folder / "report.html", csv=folder / "csv", jsonl=folder / "figures.jsonl")


@pytest.fixture(scope="module")
def hostile(hostile_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile-report")
    report(hostile_run, folder / "report.html", csv=folder / "csv", jsonl=folder / "figures.jsonl")
    return folder


def test_a_run_in_a_database_has_the_report_of_the_same_run_in_a_file(mixed: tuple[Path, Figures], tmp_path: Path) -> None:
    folder, of_file = mixed
    with a_run() as address:
        figures = report(runfiles.mixed(address), tmp_path / "report.html", csv=tmp_path / "csv")
    assert figures.fingerprint == of_file.fingerprint
    assert figures.run.startswith("postgresql://")
    assert figures.run in (tmp_path / "report.html").read_text("utf-8")
    assert str(make_url(address).password) not in (tmp_path / "report.html").read_text("utf-8")
    for table in (folder / "csv").iterdir():
        if table.name != "report.csv":  # it says where the run is, and when the report was made
            assert (tmp_path / "csv" / table.name).read_bytes() == table.read_bytes(), table.name


def test_csv_and_json_lines_and_page_hold_every_record_and_the_same_money(mixed: tuple[Path, Figures], mixed_run: Path) -> None:
    folder, figures = mixed
    with open_run(mixed_run) as run:
        wanted = {(each.source_id, each.amount, each.currency) for each in run.records()}
    assert {(row["source_id"], Decimal(row["amount"]), row["currency"]) for row in rows_of(folder / "csv" / "records.csv")} == wanted
    lines = [exactjson.loads(line) for line in (folder / "figures.jsonl").read_text("utf-8").splitlines()]
    told = [line for line in lines if isinstance(line, dict)]
    assert {(row["source_id"], Decimal(row["amount"]), row["currency"]) for row in told if row["figure"] == "record"} == wanted
    assert sum(isinstance(line, list) for line in packed((folder / "report.html").read_text("utf-8"))) == len(wanted)
    sums = {row["currency"]: Decimal(row["carried"]) for row in rows_of(folder / "csv" / "money.csv")}
    assert sums == {line.currency: line.carried for line in figures.money}
    assert {row["currency"]: Decimal(row["carried"]) for row in told if row["figure"] == "money"} == sums
    (whole,) = [row for row in told if row["figure"] == "report"]
    facts = {row["what"]: row["value"] for row in rows_of(folder / "csv" / "report.csv")}
    assert whole["fingerprint"] == facts["fingerprint"] == figures.fingerprint
    assert whole["verdict"]["code"] == facts["verdict"] == "differences"


def test_files_can_be_read_by_their_owner_only(mixed: tuple[Path, Figures]) -> None:
    folder, _ = mixed
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 13
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_past_the_limit_the_page_holds_the_exceptions_and_a_sample_and_says_so(mixed_run: Path, tmp_path: Path) -> None:
    figures = report(mixed_run, tmp_path / "report.html", records=25)
    page = (tmp_path / "report.html").read_text("utf-8")
    held = [line for line in packed(page) if isinstance(line, list)]
    ids = {line[3] for line in held}
    assert len(held) <= 25
    assert {line.source_id for line in figures.exceptions} <= ids
    assert len(ids) > figures.exception_count
    assert re.search(rf"This page holds {len(held)} of 73 credits", page)


def test_a_page_of_no_records_still_has_all_totals(mixed_run: Path, tmp_path: Path) -> None:
    report(mixed_run, tmp_path / "report.html", records=0)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert packed(page) == []
    assert 'data-figure="carried"><data value="400000">' in page


def test_a_page_of_several_currencies_says_that_a_picture_shows_one(mixed_run: Path, tmp_path: Path) -> None:
    report(mixed_run, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "stays at old. One currency at a time; on paper, the one that is chosen.</p>" in page
    assert "Charges are not in this picture" not in page


def test_nothing_in_the_page_can_end_an_element_or_run(hostile: Path) -> None:
    page = (hostile / "report.html").read_text("utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts}
    assert set(rules["script-src"].split()) == hashes
    assert len(hashes) == 5
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy[1]
    markup = _without_scripts(page)
    assert "<img" not in markup
    assert not re.search(r"""(?:src|href)=["']?(?:https?:|//)""", markup)


def test_no_control_character_or_direction_mark_is_left_anywhere(hostile: Path) -> None:
    for path in hostile.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8-sig")
            assert not UNSEEN.search(text.replace("\r\n", "\n") if path.suffix == ".csv" else _without_scripts(text)), path.name
    for line in packed((hostile / "report.html").read_text("utf-8")):
        assert not UNSEEN.search(json.dumps(line, ensure_ascii=False))


def _without_scripts(page: str) -> str:
    return re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_no_cell_is_a_formula_and_amounts_stay_numbers(hostile: Path) -> None:
    amounts = {"amount", "remaining", "carried", "before", "expected", "found", "records", "count", "sends"}
    seen = 0
    for path in (hostile / "csv").iterdir():
        for row in rows_of(path):
            for name, value in row.items():
                if name in amounts and value:
                    Decimal(value)
                else:
                    seen += value.startswith("'")
                    assert not value.startswith(("=", "+", "-", "@", "\t", "\r")), (path.name, name, value)
    assert seen > 5


@pytest.mark.parametrize("text", [FORMULA, "+1", "-1", "@x", "'quoted", "''", "＝1", "plain", ""])
def test_taking_one_apostrophe_off_gives_the_text_back(text: str) -> None:
    assert cell(text).removeprefix("'") == text or (cell(text) == text and not text.startswith("'"))
    assert cell(Decimal("-12.50")) == "-12.50"


def test_a_card_number_is_masked_in_every_output(hostile: Path) -> None:
    for path in hostile.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert CARD not in text
            assert CARD.replace(" ", "") not in text
    assert "••••4242" in json.dumps(packed((hostile / "report.html").read_text("utf-8")), ensure_ascii=False)
    assert "••••4242" in (hostile / "csv" / "records.csv").read_text("utf-8")


def test_a_credential_that_got_into_a_run_is_masked_in_every_output(tmp_path: Path) -> None:
    owner = type("Owner", (), {})()
    redact.guard(owner, [SECRET])
    path = make(tmp_path / "a.run", [record(0, "1", memo=f"key {SECRET}", target_id=SECRET, outcome=SECRET)], names=(SECRET, "new"))
    report(path, tmp_path / "report.html", csv=tmp_path / "csv", jsonl=tmp_path / "figures.jsonl")
    for place in [tmp_path / "report.html", tmp_path / "figures.jsonl", *(tmp_path / "csv").iterdir()]:
        assert SECRET not in place.read_text("utf-8")
    held = json.dumps(packed((tmp_path / "report.html").read_text("utf-8")))
    assert SECRET not in held
    assert held.count(redact.HIDDEN) == 3


def test_credits_and_charges_are_told_apart_and_never_added_up(tmp_path: Path) -> None:
    charge = {"record_type": RecordType.CHARGE, "type": "fee", "kind": "charge"}
    rows = [record(0, "10"), record(50, "-4", **charge), record(100, "7", **charge)]
    figures = report(make(tmp_path / "a.run", rows), tmp_path / "report.html", csv=tmp_path / "csv")
    assert {(line.record_type, line.carried, line.sign) for line in figures.money} == {
        (RecordType.CREDIT, Decimal(10), "="),
        (RecordType.CHARGE, Decimal(3), "="),
    }
    assert figures.called == "records"
    assert figures.verdict.sentences[0].startswith("3 records of this run stand")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Amounts of charges are signed." in page
    assert "Charges are not in this picture" in page
    assert "One currency at a time" not in page
    sums = {(row["record_type"], row["amount"]) for row in rows_of(tmp_path / "csv" / "outcomes.csv") if row["amount"]}
    assert sums == {("credit", "10"), ("charge", "3")}


def test_a_report_never_takes_the_place_of_its_run(clean_run: Path) -> None:
    before = clean_run.read_bytes()
    for place in (clean_run, clean_run.with_name("clean.run-wal"), clean_run.parent / "." / "clean.run"):
        with pytest.raises(ConfigurationError, match="is the run itself"):
            report(clean_run, place)
    with pytest.raises(ConfigurationError, match="is the run itself"):
        report(clean_run, jsonl=clean_run)
    assert clean_run.read_bytes() == before


def test_what_breaks_off_leaves_the_old_report_and_no_rest(clean_run: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("the old one")
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        report(clean_run, tmp_path / "report.html", jsonl=tmp_path / "taken")
    assert (tmp_path / "report.html").read_text() == "the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "taken"]


def test_a_report_with_amounts_of_many_digits_keeps_them_all(tmp_path: Path) -> None:
    amount = "12345678901234567.89"
    figures = report(make(tmp_path / "a.run", [record(0, amount), record(50, "0.01")]), tmp_path / "a.html", csv=tmp_path / "csv")
    assert figures.money[0].carried == Decimal("12345678901234567.90")
    page = (tmp_path / "a.html").read_text("utf-8")
    assert '<data value="12345678901234567.90">12\u202f345\u202f678\u202f901\u202f234\u202f567.90</data>' in page.replace("<wbr>", "")
    assert rows_of(tmp_path / "csv" / "records.csv")[0]["amount"] == amount


def test_the_script_of_an_attack_is_text_in_the_page(hostile: Path) -> None:
    page = (hostile / "report.html").read_text("utf-8")
    assert SCRIPT not in page
    assert "&lt;/script&gt;&lt;script&gt;document.title=" in page


def test_a_report_replaces_no_run_and_no_configuration(clean_run: Path, tmp_path: Path) -> None:
    other, config, link = runfiles.clean(tmp_path / "other.run"), tmp_path / "unibill.toml", tmp_path / "page.html"
    config.write_text("[backends.old]\n", "utf-8")
    link.symlink_to(config)
    before = sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir())
    for place in (other, tmp_path / "other.run-wal", tmp_path / "other.run.lock", config, link):
        for out, lines in ((place, None), (None, place)):
            with pytest.raises(ConfigurationError, match=f"the file {re.escape(str(place))} (is a|belongs to a) "):
                report(clean_run, out, jsonl=lines)
    assert sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "text",
    [
        "source_account,target_account\n1,2\n",
        "\ufeffSource_Account , target_account\r\n1,2\r\n",
        '\n"source_account";"target_account"\n1;2\n',
        "note\ttarget_invoice\tsource_invoice\n\t1\t2\n",
        "source_type,target_type,invoicing\n",
        "source_policy,target_policy",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_report_replaces_no_map_however_it_was_saved(text: str, encoding: str, clean_run: Path, tmp_path: Path) -> None:
    place = tmp_path / "accounts.csv"
    place.write_bytes(text.encode(encoding))
    before = place.read_bytes()
    for out, lines in ((place, None), (None, place)):
        with pytest.raises(ConfigurationError, match=r"accounts\.csv is a map, whose header names \w+ and \w+; write to another file"):
            report(clean_run, out, jsonl=lines)
    assert place.read_bytes() == before


def test_one_file_is_not_written_twice(clean_run: Path, tmp_path: Path) -> None:
    place = tmp_path / "figures" / "records.csv"
    for out, folder in ((place, None), (None, place.parent), (place, place.parent)):
        with pytest.raises(ConfigurationError, match=r"records\.csv was given for two outputs; give each a file of its own"):
            report(clean_run, out, csv=folder, jsonl=tmp_path / "figures" / "." / "records.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_or_none_is_said(clean_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"there is no folder {re.escape(str(tmp_path / 'none'))}$"):
        report(clean_run, tmp_path / "none" / "report.html")
    (tmp_path / "taken").write_text("mine", "utf-8")
    with pytest.raises(ConfigurationError, match="cannot be made: a file is there; give --csv another folder$"):
        report(clean_run, csv=tmp_path / "taken")


def test_tables_replace_those_of_an_earlier_report_and_nothing_else(clean_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    report(clean_run, csv=folder)
    report(clean_run, csv=folder)
    (folder / "money.csv").unlink()
    (folder / "accounts.csv").write_text("source_account,target_account\n1,2\n", "utf-8")
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    with pytest.raises(ConfigurationError, match=r"accounts\.csv is no table of an earlier report"):
        report(clean_run, tmp_path / "report.html", csv=folder)
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before
    assert not (tmp_path / "report.html").exists()


def test_a_link_stays_and_what_it_leads_to_is_written(clean_run: Path, tmp_path: Path) -> None:
    link, real = tmp_path / "latest.html", tmp_path / "there" / "report.html"
    real.parent.mkdir()
    link.symlink_to(real)
    for _ in range(2):
        report(clean_run, link)
        assert link.is_symlink()
        assert real.read_text("utf-8").startswith("<!doctype html>")
        real.write_text("the old one", "utf-8")
    assert [path.name for path in real.parent.iterdir()] == ["report.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_pipe_is_written_into_and_stays(clean_run: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        report(clean_run, jsonl=pipe)
        assert b'"figure":"report"' in read.result(30)
    assert pipe.is_fifo()
