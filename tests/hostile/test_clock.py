"""A clock that somebody sets, and a process that stands still for a while, change nothing of what is written."""

import datetime as dt
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import cycle
from pathlib import Path

import pytest
import time_machine

from tests.copying.conftest import Open, Side, customer, note
from tests.support.commands import Command, Place
from unibill.copying import AccountMap, ApplyOptions, PlanOptions, RollbackOptions, apply, open_run, plan, rollback, verify

DAY = 86_400
LATE = 0.2
"""Seconds after which a late effect comes."""
SETTLE = 0.6
PAUSE = 2.0
"""Seconds for which a process stands still: longer than its timeouts and its settling time."""
JUMPS = {"forward": [40 * DAY], "backward": [-9 * DAY], "to and fro": [90 * DAY, -180 * DAY, 3, -3600]}
"""By how many seconds the clock on the wall is set, again and again."""
WRITES = "POST /billagain/v1/credits"
READS = "GET /billagain/**"


@contextmanager
def jumping(how: str) -> Iterator[None]:
    """A clock that is set all the time, whatever goes on."""
    over = threading.Event()
    with time_machine.travel(dt.datetime(2026, 5, 4, tzinfo=dt.UTC), tick=True) as clock:

        def jump() -> None:
            for seconds in cycle(JUMPS[how]):
                if over.wait(0.02):
                    break
                clock.shift(seconds)

        setter = threading.Thread(target=jump)
        setter.start()
        try:
            yield
        finally:
            over.set()
            setter.join()


@pytest.fixture
def sides(open_side: Open) -> tuple[Side, Side]:
    source, target = open_side("1001"), open_side("2002", rate=500)
    source.seed(customer(11), note(101, 11, "60"), note(102, 11, "5"), note(103, 11, "7"))
    target.seed(customer(21))
    return source, target


@pytest.mark.parametrize("how", JUMPS)
def test_a_clock_that_jumps_makes_nobody_wait_too_short_or_too_long(how: str, sides: tuple[Side, Side], tmp_path: Path) -> None:
    """A settling time that a jump had ended would look for the late effect before it comes, and write again."""
    run, source, target = tmp_path / "a.run", sides[0].billing, sides[1].billing
    options = PlanOptions(accounts=AccountMap.from_pairs({"11": "21"}))
    with jumping(how):
        plan(source, target, run, options)
        late = {"kind": "late-effect", "route": WRITES, "seconds": LATE, "answer": "cut", "count": 1, "skip": 1}
        sides[1].sandbox.faults([late, {"kind": "status-503", "route": READS, "count": 1}])
        assert apply(source, target, run, ApplyOptions(settle=SETTLE)).exit_status == 0
        assert {fault["used"] for fault in sides[1].sandbox.fault_report()} == {1}
        assert sorted(row["Amount"] for row in sides[1].credits()) == [Decimal(5), Decimal(7), Decimal(60)]
        assert verify(source, target, run).exit_status == 0
        with open_run(run) as opened:
            assert [entry.phase for entry in opened.journal()].count("intent") == 3
        undone = rollback(target, run, RollbackOptions(settle=SETTLE))
        assert (undone.exit_status, undone.remains, sides[1].credits()) == (0, (), [])


def marked(place: Place) -> Counter[str]:
    return Counter(str(row["tag"])[:31] for row in place.rows("socotra", "charge") if str(row.get("tag", "")).startswith("ub1-"))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_an_apply_that_stands_still_for_longer_than_all_its_timeouts_goes_on_and_writes_nothing_twice(run: Command, place: Place) -> None:
    toml = place.folder / "unibill.toml"
    toml.write_text(toml.read_text("utf-8").replace("[backends.socotra]", "[backends.socotra]\ntimeout = 0.5\ndeadline = 1.0"), "utf-8")
    assert run("plan", "billagain", "socotra", "--run", "a.run", "--accounts", "accounts.csv").status == 0
    place.sandbox.faults([{"kind": "latency", "route": "POST /socotra/**", "seconds": 0.3, "skip": 2, "count": 1}])
    words = [sys.executable, "-m", "unibill", "apply", "--run", "a.run", "--yes", "--settle", "0.5"]
    with subprocess.Popen(words, cwd=place.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        while not place.sandbox.fault_report()[0]["used"] and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        time.sleep(PAUSE)  # it is what is tried
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert set(marked(place).values()) == {1}
    assert run("verify", "--run", "a.run").status == 0
