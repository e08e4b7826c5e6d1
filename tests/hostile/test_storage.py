"""A disk that is full and a run file that cannot be written end in a clear error, and the run goes on when they are mended."""

import ctypes
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import Command, Done, Place

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
    file = place.folder / "a.run"
    where, mode = (file, 0o400) if what == "the file" else (place.folder, 0o500)
    for beside in place.folder.glob("a.run.*"):
        beside.unlink()
    usual = where.stat().st_mode
    where.chmod(mode)
    try:
        if writable(where):
            pytest.skip("permissions do not bind this process")
        done = spawned(place, *APPLY, first=no_power_over_permissions)
    finally:
        where.chmod(usual)
    told(done)
    assert place.writes() == 0
    finished(run, place)


def writable(path: Path) -> bool:
    """Whether a process without power over permissions can write there all the same."""
    script = "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))"
    done = subprocess.run([sys.executable, "-c", script, str(path)], preexec_fn=no_power_over_permissions, check=False, timeout=60)  # noqa: S603 - our own words
    return done.returncode != 0
