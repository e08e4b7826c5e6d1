"""The benchmark programs run, at a size at which they measure nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import applying, notes, readahead, scale, servers, transports
from tests.benchmarks.frame import Course, Lap, Racer, Setup, Standing, Unfit, reached, run
from tests.benchmarks.table import table, write

AHEAD = readahead.BENCHMARKS[0]


def _standing(name: str, figure: float, *, exact: bool = True) -> Standing:
    return Standing(Racer(name, ()), [Lap(figure, 1.0)], [0.5], exact)


def test_a_benchmark_runs_every_racer_and_writes_its_table_into_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "speed.md"
    page.write_text("# Speed\n")
    told = ["ahead-8", "--scale", "0.001", "--rounds", "1", "--cache", str(tmp_path), "--no-pin", "--latency", "5", "--write", str(page)]
    assert command.main(told) == 0
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[2:]] == [
        "| unibill",
        "| unibill, awaited",
        "| unibill on pyreqwest",
        "| unibill on pyreqwest, awaited",
        "| httpx, in threads by hand",
        "| httpx.AsyncClient by hand",
        "| unibill, no latency, page after page",
        "| by hand, no latency, page after page",
    ]
    assert all(" yes |" in row or "is not installed" in row for row in rows[2:])
    assert " yes |" in rows[2]
    assert "Each answer took 5 ms here, not 20." in page.read_text()
    assert "httpx, in threads by hand" in capsys.readouterr().out


def test_wrong_digits_of_unibill_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "digest", lambda *_: "what nobody comes to")
    with pytest.raises(Unfit, match="computed"):
        run(AHEAD, Setup(0.001, tmp_path), 1, lambda _: None)


def test_a_rival_that_read_only_a_part_is_not_measured(tmp_path: Path) -> None:
    read = (sys.executable, "-c", """print('{"figure": 1, "seconds": 1, "count": 100}')""")

    @contextmanager
    def course(_: Setup) -> Iterator[Course]:
        yield Course([Racer("rival", read)], count=200)

    standings, _ = run(replace(AHEAD, course=course), Setup(1, tmp_path), 1, lambda _: None)
    assert (standings[0].failure, standings[0].laps) == ("read 100 of 200 records", [])


def test_a_target_is_judged_by_the_ratio_of_medians() -> None:
    benchmark = AHEAD
    standings = [_standing("unibill", 90), _standing("unibill, awaited", 80), _standing(benchmark.reference, 100)]
    assert [value for _, value in reached(benchmark, standings)] == [90, 80]
    text = table(benchmark, standings, [], "")
    assert "unibill: at least 88 % of the ideal: reached, 90." in text
    assert "unibill, awaited: at least 88 % of the ideal: not reached, 80." in text


def test_a_second_run_replaces_its_section_and_no_other(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text("# Speed\n\nwords\n\n<!-- measured: list -->\nkept\n<!-- end: list -->\n")
    write(page, AHEAD, "first")
    write(page, AHEAD, "second")
    text = page.read_text()
    assert "kept" in text and "words" in text and "second" in text and "first" not in text


def test_an_apply_is_raced_and_the_servers_books_are_checked(tmp_path: Path) -> None:
    standings, _ = run(applying.BENCHMARKS[0], Setup(0.002, tmp_path), 1, lambda _: None)
    ran = [standing for standing in standings if "is not installed" not in standing.failure]
    assert [(standing.racer.name, standing.exact) for standing in ran if "pyreqwest" not in standing.racer.name] == [
        ("unibill apply", True),
        ("unibill, nothing kept", True),
        ("httpx, in threads by hand", True),
    ]
    assert all(standing.exact for standing in ran)
    assert standings[0].laps[0].notes["most connections"].replace(" and ", "").isdigit()


def test_a_copy_of_a_size_is_measured_stage_by_stage(tmp_path: Path) -> None:
    found = scale.measured(40, 4, str(tmp_path))
    assert (found["credits"], list(found["stages"])) == (40, ["plan", "apply", "verify", "status", "reading"])
    assert "| 40 |" in scale.section({40: found}, 4)


def test_a_straight_line_is_fitted_to_times() -> None:
    assert scale.fit([(1, 3), (2, 5), (3, 7)]) == pytest.approx((1, 2, 1))


def test_every_http_client_reads_all_bytes_of_all_pages(tmp_path: Path) -> None:
    @contextmanager
    def course(setup: Setup) -> Iterator[Course]:
        written = notes.write(tmp_path / "pages", 3)
        size = sum((written.folder / f"{page}.json").stat().st_size for page in (1, 2, 3))
        with servers.slow(written.folder, None, 0.0) as served:
            racers = [replace(racer, why_not="") for racer in transports.alone(setup, served.base_url, 3)]
            yield Course(racers, str(size))

    setup = Setup(1, tmp_path, rivals=False)
    standings, _ = run(replace(transports.BENCHMARKS[0], course=course), setup, 1, lambda _: None)
    absent = {one.racer.name: one.failure for one in standings if one.failure}
    assert all("No module named" in failure for failure in absent.values())
    assert absent.keys() <= {"httpx2.Client", "urllib3", "aiohttp", "pyreqwest"}
    assert all(one.exact for one in standings if one.laps)
    assert "processor, µs |" in table(transports.BENCHMARKS[0], standings, [], "")
