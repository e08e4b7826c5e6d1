"""``unibill report``: from a run to a page and to files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import runfiles
from tests.support.commands import Command
from unibill import exactjson


def test_a_report_says_its_verdict_and_where_it_is(run: Command, tmp_path: Path) -> None:
    path = runfiles.mixed(tmp_path / "a.run")
    page, folder, lines = tmp_path / "report.html", tmp_path / "figures", tmp_path / "figures.jsonl"
    done = run("report", "--run", str(path), "--out", str(page), "--csv", str(folder), "--jsonl", str(lines))
    assert (done.status, done.out.splitlines()[0]) == (0, "Differences found")
    for place in (page, folder / "records.csv", lines):
        assert place.exists()
    assert f"page         {page}" in done.out


def test_json_has_the_verdict_and_the_fingerprint_that_the_page_shows(run: Command, tmp_path: Path) -> None:
    path, page = runfiles.clean(tmp_path / "a.run"), tmp_path / "report.html"
    done = run("report", "--run", str(path), "--out", str(page), "--json")
    (told,) = done.records()
    assert told["verdict"]["code"] == "proved"  # type: ignore[index]  # an object
    assert told["written"] == {"out": str(page)}
    assert f'id="fingerprint">{told["fingerprint"]}<' in page.read_text("utf-8")


def test_a_report_without_a_place_says_which_there_are(run: Command, tmp_path: Path) -> None:
    done = run("report", "--run", str(runfiles.clean(tmp_path / "a.run")))
    assert done.status == 2
    assert "--out report.html" in re.sub(r"\s+", " ", done.err)


def test_what_a_run_says_is_text_on_the_terminal(run: Command, tmp_path: Path) -> None:
    done = run("report", "--run", str(runfiles.hostile(tmp_path / "a.run")), "--csv", str(tmp_path / "csv"))
    assert done.status == 0
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028]", done.out + done.err)


def test_a_run_that_is_not_there_is_one_sentence(run: Command, tmp_path: Path) -> None:
    done = run("report", "--run", str(tmp_path / "none.run"), "--out", str(tmp_path / "report.html"))
    assert done.status == 2
    assert done.err.startswith("Error: There is no run file")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("option", ["--out", "--jsonl"])
@pytest.mark.parametrize("name", [".", "", "..", "taken"])
def test_a_place_that_is_no_file_is_one_sentence_that_leaves_its_name_as_it_is(
    option: str, name: str, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = runfiles.clean(tmp_path / "a.run")
    (tmp_path / "taken").mkdir()
    monkeypatch.chdir(tmp_path)
    done = run("report", "--run", str(path), option, name)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"Error: The file {name or '.'} cannot be written: it is a folder; name a file in it.\n"


def test_standard_output_takes_the_lines_whatever_it_leads_to(tmp_path: Path) -> None:
    path, taken = runfiles.clean(tmp_path / "a.run"), tmp_path / "taken"
    words = [sys.executable, "-m", "unibill", "report", "--run", str(path), "--jsonl", "/dev/stdout", "--json"]
    with taken.open("wb") as file:
        subprocess.run(words, stdout=file, check=True)  # noqa: S603 - our own command
    piped = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603 - our own command
    for data in (taken.read_bytes(), piped):
        *lines, told = [exactjson.loads(line) for line in data.splitlines()]
        assert {"record", "report"} <= {line["figure"] for line in lines if isinstance(line, dict)}
        assert isinstance(told, dict)
        assert told["written"] == {"jsonl": "/dev/stdout"}


def test_a_link_that_leads_to_itself_is_one_sentence(run: Command, tmp_path: Path) -> None:
    path, link = runfiles.clean(tmp_path / "a.run"), tmp_path / "loop"
    link.symlink_to(link)
    done = run("report", "--run", str(path), "--out", str(link))
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(f"Error: The file {link} cannot be written: ")
