"""A disk that is full and a run file that cannot be written end in a clear error, and the run goes on when they are mended."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import Command, Done, Place
from unibill.copying.store import RunStore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and capabilities as Linux has them")
PLAN = ("plan", "billagain", "socotra", "--run", "a.run", "--accounts", "accounts.csv")
APPLY = ("apply", "--run", "a.run", "--yes", "--settle", "1")
_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2


def spawned(place: Place, *words: str, first: Callable[[], None]) -> Done:
    """A command as a process of its own, after something was done to it."""
    done = subprocess.run(  # noqa: S603 - our own command, with our own words
        [sys.executable, "-m", "unibill", *words],
        cwd=place.folder,
        preexec_fn=first,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def no_file_above(size: int) -> Callable[[], None]:
    """The disk is full as soon as a file has this many bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def no_power_over_permissions() -> None:
    """Even a superuser then keeps to the permissions of its own files."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            library.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def marked(place: Place) -> Counter[str]:
    return Counter(str(row["tag"])[:31] for row in place.rows("socotra", "charge") if str(row.get("tag", "")).startswith("ub1-"))


def told(done: Done) -> None:
    assert done.status == 2, done
    assert "\nError: " in f"\n{done.err}", done
    assert "Traceback" not in done.err
    assert "a.run" in done.err, done


def finished(run: Command, place: Place) -> None:
    """Apply again, with nothing in the way, and prove it."""
    done = run(*APPLY)
    assert done.status == 0, done
    assert set(marked(place).values()) == {1}
    proof = run("verify", "--run", "a.run")
    assert proof.status == 0, proof


def test_a_plan_that_finds_no_room_says_so_and_can_be_made_again(run: Command, place: Place) -> None:
    done = spawned(place, *PLAN, first=no_file_above(30_000))
    told(done)
    assert place.writes() == 0
    again = run(*PLAN)
    assert again.status == 0, again
    finished(run, place)


@pytest.mark.parametrize("room", [2_000, 60_000])
def test_an_apply_that_finds_no_room_says_so_and_goes_on_later_without_a_second_copy(room: int, run: Command, place: Place) -> None:
    assert run(*PLAN).status == 0
    before = place.writes()
    done = spawned(place, *APPLY, first=no_file_above(room))
    told(done)
    assert all(count == 1 for count in marked(place).values())
    assert place.writes() == before or room > 2_000
    finished(run, place)


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_a_run_file_that_cannot_be_written_says_so_before_anything_is_sent(what: str, run: Command, place: Place) -> None:
    assert run(*PLAN).status == 0
    for beside in place.folder.glob("a.run.*"):
        beside.unlink()
    with closed_to_writers(place.folder / "a.run" if what == "the file" else place.folder):
        done = spawned(place, *APPLY, first=no_power_over_permissions)
    told(done)
    assert "damaged" not in done.err
    assert place.writes() == 0
    finished(run, place)


@contextmanager
def closed_to_writers(*places: Path) -> Iterator[None]:
    """Files and folders that may be read and not written."""
    usual = [(place, place.stat().st_mode) for place in places]
    for place, mode in usual:
        place.chmod(mode & 0o555)
    try:
        if any(map(writable, places)):
            pytest.skip("permissions do not bind this process")
        yield
    finally:
        for place, mode in usual:
            place.chmod(mode)


@pytest.mark.parametrize("closed", [("a.run",), (".",), ("a.run", ".")], ids=["the file", "the folder", "both"])
def test_a_run_that_may_not_be_written_is_looked_at_without_a_trace(closed: tuple[str, ...], run: Command, place: Place) -> None:
    assert run(*PLAN).status == 0
    (place.folder / "elsewhere").mkdir()
    usual = run("status", "--run", "a.run").out
    there = sorted(place.folder.iterdir())
    with closed_to_writers(*(place.folder / name for name in closed)):
        status = spawned(place, "status", "--run", "a.run", first=no_power_over_permissions)
        report = spawned(place, "report", "--run", "a.run", "--out", "elsewhere/a.html", first=no_power_over_permissions)
    assert (status.status, status.out) == (0, usual), status.err
    assert report.status == 0, report.err
    assert sorted(place.folder.iterdir()) == there


def test_a_run_whose_newest_entries_are_in_its_log_is_read_with_them_or_not_at_all(run: Command, place: Place) -> None:
    assert run(*PLAN).status == 0
    folder, copy = place.folder, place.folder / "copy"
    copy.mkdir()
    with RunStore(folder / "a.run") as store:
        store.put(phase="rolled back")
        for file in folder.glob("a.run*"):
            shutil.copy(file, copy)
    words = ("status", "--run", "copy/a.run")
    with closed_to_writers(copy):
        told_all = spawned(place, *words, first=no_power_over_permissions)
    assert "rolled back" in told_all.out, told_all
    (copy / "a.run-shm").unlink()
    with closed_to_writers(copy):
        refused = spawned(place, *words, first=no_power_over_permissions)
    told(refused)
    assert "a.run-wal that cannot be read where" in refused.err
    assert "copy may not be written" in refused.err
    assert "damaged" not in refused.err


def test_what_is_written_while_somebody_looks_from_a_closed_folder_is_never_read_by_halves(run: Command, place: Place) -> None:
    assert run(*PLAN).status == 0
    script = (
        "import sys; from unibill.copying import open_run\n"
        "with open_run('a.run') as run:\n"
        "    print(run.status().phase, flush=True); sys.stdin.readline(); print(run.status().phase)"
    )
    with closed_to_writers(place.folder):
        looking = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", script],
            cwd=place.folder,
            preexec_fn=no_power_over_permissions,  # noqa: PLW1509 - it only asks the system, and takes no lock
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert looking.stdout is not None
        assert looking.stdout.readline() == "planned\n"
    with RunStore(place.folder / "a.run") as store:
        store.put(phase="rolled back")
        out, err = looking.communicate("\n", timeout=60)
    assert out == ""
    assert "another process has begun to work on the run a.run while it was read" in err


def writable(path: Path) -> bool:
    """Whether a process without power over permissions can write there all the same."""
    script = "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))"
    done = subprocess.run([sys.executable, "-c", script, str(path)], preexec_fn=no_power_over_permissions, check=False, timeout=60)  # noqa: S603 - our own words
    return done.returncode != 0
