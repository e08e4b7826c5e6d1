"""Several workers from the command line: on Dask, as processes that anybody starts, and what stops them."""

import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live

from tests.support.commands import Command, Place
from tests.support.postgresql import a_run
from unibill import exactjson
from unibill.cli import watching
from unibill.copying import open_run
from unibill.copying.place import DatabasePlace, locate
from unibill.copying.workers import Spread, StageProgress, WorkerProgress

_PATIENCE = 120.0


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a run, without the password; the environment has both."""
    with a_run(lease=2) as whole:
        place = locate(whole)
        assert isinstance(place, DatabasePlace)
        monkeypatch.setenv("PGPASSWORD", str(place.url.password))
        monkeypatch.setenv("UNIBILL_RUN", f"{place}&lease=2")
        monkeypatch.setattr(watching, "_LINES_EVERY_SECONDS", 0.2)
        yield f"{place}&lease=2"


def planned(run: Command) -> str:
    """Plan by one process; gives the hash."""
    done = run("plan", "billagain", "socotra", "--accounts", "accounts.csv", "--json")
    assert done.status == 0, done
    return str(done.records()[0]["hash"])


def marked(place: Place) -> Counter[str]:
    return Counter(str(row["tag"])[:31] for row in place.rows("socotra", "charge") if str(row.get("tag", "")).startswith("ub1-"))


def begun(place: Place, *words: str) -> "subprocess.Popen[bytes]":
    """A command under way, in a session of its own."""
    command = [sys.executable, "-m", "unibill", *words]
    return subprocess.Popen(command, cwd=place.folder, start_new_session=True)  # noqa: S603 - our own command


def worker_at(address: str, stage: str) -> int:
    """The number of a process that holds a part of a stage, as soon as there is one."""
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit:
        with open_run(address) as run:
            spread = run.spread()
        for worker in spread.workers if spread is not None else ():
            if worker.stage == stage:
                return int(worker.worker.split(":")[1])
        time.sleep(0.02)
    raise AssertionError("no worker came to hold a part")


def until(holds: Callable[[], object], otherwise: str) -> None:
    """Wait for something that is bound to come."""
    limit = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < limit, otherwise
        time.sleep(0.02)


def first_copy(place: Place) -> None:
    """Wait until something was made."""
    until(lambda: marked(place), "nothing was made")


def stop_of(address: str) -> str:
    """Why the workers were asked to stop."""
    with open_run(address) as run:
        spread = run.spread()
    return "" if spread is None else spread.stop


def ignores(process: int, number: int) -> bool:
    """Whether a process ignores a signal."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return bool(int(told["SigIgn"], 16) >> (number - 1) & 1)


def alive(group: int) -> list[str]:
    """The command lines of the processes of a group, but for Python's own one that ends itself when it notices that it is alone."""
    found = list[str]()
    for folder in Path("/proc").iterdir():
        try:
            state, _, pgrp = Path(folder, "stat").read_text().rpartition(") ")[2].split()[:3]
            words = Path(folder, "cmdline").read_text()
        except OSError:
            continue  # no process, or not any more
        if int(pgrp) == group and state != "Z" and "resource_tracker" not in words:
            found.append(words.replace("\0", " "))
    return found


def test_work_that_is_laid_out_is_done_by_whoever_comes_and_shown_in_one_view(run: Command, place: Place, address: str) -> None:
    laid = run("apply", "--expect", planned(run), "--detach", "--concurrency", "1")
    assert laid.status == 0, laid
    assert f"unibill work --run '{address.partition('&')[0]}'" in laid.out
    assert os.environ["PGPASSWORD"] not in laid.out + laid.err
    workers = [begun(place, "work") for _ in range(2)]
    watched = run("status", "--watch")
    assert [worker.wait(_PATIENCE) for worker in workers] == [0, 0]
    assert watched.status == 0, watched
    assert "apply: 0 of 5 parts" in watched.out
    assert "Everything planned is done: verify it." in watched.out
    assert set(marked(place).values()) == {1}
    proof = run("verify")
    assert proof.status == 0, proof
    spread = run("status", "--json").records()[0]["spread"]
    assert isinstance(spread, dict)
    assert (spread["kind"], spread["workers"]) == ("apply", [])


def test_ctrl_c_stops_workers_on_dask_and_the_same_command_goes_on_though_one_is_killed_and_the_terminal_is_lost(
    run: Command, place: Place, address: str
) -> None:
    words = ("apply", "--expect", planned(run), "--workers", "2", "--settle", "1")
    place.sandbox.faults([{"kind": "latency", "seconds": 0.5}])
    command = begun(place, *words)
    first_copy(place)
    os.killpg(command.pid, signal.SIGINT)  # as a terminal does: to every process of the command
    assert command.wait(_PATIENCE) == 130
    assert alive(command.pid) == []
    with open_run(address) as kept:
        spread = kept.spread()
        assert spread is not None
        assert spread.now is not None, "it was stopped before the end"
        assert (spread.workers, spread.stop) == ((), "it was interrupted")
        states = kept.status().states
    assert states["created"] > 0
    assert states.get("sending", 0) == states.get("unknown", 0) == 0
    assert set(marked(place).values()) == {1}
    place.sandbox.faults([{"kind": "latency", "seconds": 0.05}])
    command = begun(place, *words)
    os.kill(worker_at(address, "apply"), signal.SIGKILL)
    command.send_signal(signal.SIGHUP)
    assert command.wait(_PATIENCE) == 0
    assert set(marked(place).values()) == {1}
    assert run("status", "--json").records()[0]["phase"] == "applied"


def test_a_second_ctrl_c_waits_for_nothing_and_leaves_nobody_behind(run: Command, place: Place, address: str) -> None:
    words = ("apply", "--expect", planned(run), "--settle", "1")
    # Read for an account whose copies were made, so that nobody is done before it is interrupted.
    place.sandbox.faults([{"kind": "latency", "route": "GET /socotra/billing/*/creditDistributions/list", "seconds": 90}])
    command = begun(place, *words, "--workers", "2")
    until(lambda: place.sandbox.fault_report()[0]["used"], "nothing was under way")
    assert marked(place)
    os.killpg(command.pid, signal.SIGINT)
    until(lambda: stop_of(address) == "it was interrupted", "the workers were not asked to stop")
    began = time.monotonic()
    os.killpg(command.pid, signal.SIGINT)
    until(lambda: ignores(command.pid, signal.SIGINT), "it did not begin to close")
    os.killpg(command.pid, signal.SIGINT)  # a third is too late to matter
    assert command.wait(_PATIENCE) == 130
    assert time.monotonic() - began < 50, "it waited for what was under way"
    assert alive(command.pid) == []
    place.sandbox.faults([])
    assert run(*words).status == 0
    assert set(marked(place).values()) == {1}


@contextmanager
def dask(place: Place, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """One of Dask's own commands, ended with the block."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{words[0]}", *words[1:], "--no-dashboard"]
    process = subprocess.Popen(command, cwd=place.folder, stderr=subprocess.DEVNULL)  # noqa: S603 - of a library
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("address")
def test_a_cluster_that_others_run_does_the_work_and_where_its_scheduler_is_lost_the_same_run_goes_on_without(
    run: Command, place: Place
) -> None:
    signed = planned(run)
    place.sandbox.faults([{"kind": "latency", "seconds": 0.1}])
    told = place.folder / "scheduler.json"
    with dask(place, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told)) as scheduler:
        until(told.exists, "the scheduler did not start")
        at = str(exactjson.loads(told.read_bytes())["address"])  # type: ignore[index]  # Dask's own file
        with dask(place, "worker", at, "--nthreads", "1", "--no-nanny"):
            command = begun(place, "apply", "--expect", signed, "--settle", "1", "--scheduler", at)
            first_copy(place)
            scheduler.kill()
            assert command.wait(_PATIENCE) == 3, "as a backend that could not be reached, it can be tried again"
    place.sandbox.faults([])
    done = run("apply", "--expect", signed, "--settle", "1")
    assert done.status == 0, done
    assert set(marked(place).values()) == {1}


def test_stop_ends_the_workers_after_what_is_under_way_and_the_same_command_goes_on(run: Command, place: Place, address: str) -> None:
    signed = planned(run)
    assert run("apply", "--expect", signed, "--detach", "--concurrency", "1").status == 0
    place.sandbox.faults([{"kind": "latency", "seconds": 0.05}])
    worker = begun(place, "work")
    worker_at(address, "apply")
    stopped = run("stop")
    assert stopped.status == 0, stopped
    assert worker.wait(_PATIENCE) == 130
    place.sandbox.faults([])
    late = run("work")
    assert (late.status, "stopped: its workers were asked to stop; the command that laid it out goes on" in late.err) == (130, True), late
    watched = run("status", "--watch")
    assert "stopped: its workers were asked to stop" in watched.out
    assert run("apply", "--expect", signed).status == 0
    assert set(marked(place).values()) == {1}


def seen(spread: Spread, pace: watching.Pace, width: int, height: int) -> list[str]:
    """The lines of the view on a terminal of that size, where what is too wide is cut."""
    screen = io.StringIO()
    console = Console(width=width, file=screen, legacy_windows=False, soft_wrap=True)
    with Live(watching.view(spread, pace, height), console=console, auto_refresh=False):
        pass
    return screen.getvalue().splitlines()


def test_the_view_for_a_terminal_shows_stages_workers_and_what_is_left() -> None:
    stages = (StageProgress("apply", 4, 1, 100, 30), StageProgress("count", 4, 0, 100, 0))
    workers = (WorkerProgress("host:7:1", "apply", 2, 25, 5, 1, False), WorkerProgress("host:8:1", "apply", 3, 25, 0, 40, True))
    pace = watching.Pace()
    assert pace.tell(stages[0]) == ""
    shown = "\n".join(seen(Spread("apply", stages, workers, "its workers were asked to stop"), pace, 80, 24))
    for part in ("1 of 4", "30 of 100", "host:7:1", "1 s ago", "host:8:1", "not any more", "stopping: its workers were asked to stop"):
        assert part in shown
    idle = " ".join(seen(Spread("apply", stages, (), ""), pace, 60, 24))
    assert "Nobody is at work: start 'unibill work', or the command that laid it out." in " ".join(idle.split())
    over = Spread("apply", tuple(replace(stage, parts_done=4) for stage in stages), (), "")
    assert "Nobody" not in "".join(seen(over, pace, 60, 24))
    stopped = " ".join(seen(Spread("apply", stages, (), "it was interrupted"), pace, 60, 24))
    assert "stopped: it was interrupted; the command that laid it out goes on" in " ".join(stopped.split())
    assert "Nobody" not in stopped


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 12)])
def test_the_view_fits_a_terminal_however_many_workers_and_however_long_their_names(width: int, height: int) -> None:
    stages = (StageProgress("compare source", 50_000, 12_345, 100_000_000, 24_690_000),)
    name = "ip-10-0-0-{}.eu-west-1.compute.internal:23743:96544"
    workers = tuple(WorkerProgress(name.format(n), "compare source", 12_000 + n, 2000, 1000, 12, False) for n in range(200))
    lines = seen(Spread("plan", stages, workers, "its workers were asked to stop"), watching.Pace(), width, height)
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    listed = [line for line in lines if "12 s ago" in line]
    assert listed
    assert all("1000 of 2000" in line and f"compare source {12_000 + n}" in line for n, line in enumerate(listed))
    assert f"... {200 - len(listed)} more" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("apply", "--run", "a.run", "--workers", "2", "--detach"), "give one of --workers, --scheduler and --detach"),
        (("work", "--run", "a.run"), "need a run in a database"),
        (("stop", "--run", "a.run"), "need a run in a database"),
        (("upgrade", "--run", "a.run"), "need a run in a database"),
        (("status", "--run", "postgresql://host/db?run=Über"), "run's name is at most 40"),
    ],
)
def test_what_workers_cannot_do_is_told_in_a_sentence(run: Command, place: Place, words: tuple[str, ...], said: str) -> None:
    assert run("plan", "billagain", "socotra", "--run", "a.run", "--accounts", "accounts.csv").status == 0
    done = run(*words)
    assert done.status == 2
    assert said in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
    assert Path(place.folder, "a.run").exists()
