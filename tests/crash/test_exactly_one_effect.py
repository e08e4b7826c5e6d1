"""Exactly one effect: apply is killed and spoiled as a real process, and the sandbox's own books are the judge.

This is the short form; ``python -m tests.crash --minutes 10`` is the long one. ``pytest -s`` shows the figures.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.harness import DIRECTIONS, NO_KILL, Figures, Kill, Trial, seeded, table
from tests.crash.processes import ROOT, World, world
from tests.crash.storms import OUTSIDE, Breach, hidden, inside, lost_under_way, outside, overlapping, steps, too_late

pytestmark = pytest.mark.skipif(not hasattr(os, "waitid"), reason="needs processes that can be forked and watched")
BILLAGAIN = ("billagain", "billagain")
LEAST: dict[Breach, int] = {too_late: 1, overlapping: 1, lost_under_way: 1, hidden: 3}
"""How many credits such a breach makes twice at least; a list that hides one does so in each of the three accounts."""
Totals = dict[str, Figures]


@pytest.fixture(scope="module")
def place() -> Iterator[World]:
    """Two servers, and processes to kill."""
    with world() as started:
        yield started


@pytest.fixture(scope="module")
def totals() -> Iterator[Totals]:
    """The figures of this module, shown at its end."""
    found: Totals = {}
    yield found
    sys.stdout.write(f"\n{table(found)}\n")


def wrong(figures: Figures) -> dict[str, int]:
    """What must be nothing inside the limits: each planned credit was made once, and stands once."""
    return {
        "made more than once": figures.repeated,
        "duplicates": figures.duplicates,
        "missing": figures.missing,
        "misspent": figures.misspent,
        "false alarms": figures.alarms,
    }


def named(direction: tuple[str, str]) -> str:
    return "-".join(direction)


@pytest.mark.parametrize("direction", DIRECTIONS[:2], ids=named)
def test_every_credit_is_made_once_though_apply_was_killed_at_every_named_step(
    place: World, totals: Totals, direction: tuple[str, str], tmp_path: Path
) -> None:
    trial = steps(place, direction, tmp_path, 1)
    totals[f"steps {named(direction)}"] = trial.figures
    assert set(wrong(trial.figures).values()) == {0}, wrong(trial.figures)
    seen = trial.seen
    points = ("begun", "intent", "sent", "effect", "answered", "noted", "outcome")
    assert {name: seen[name].made for name in points} == dict(zip(points, (0, 0, 0, 1, 1, 1, 1), strict=True))
    assert {name: one.unknown for name, one in seen.items()} == dict.fromkeys(seen, 0)
    assert (seen["begun"].unsettled, seen["begun"].created) == (0, 0)
    assert seen["intent"].unsettled in {1, 2}, "the intents of an account's records become durable together"
    assert seen["stored"].created >= 1
    assert seen["lost"].unsettled >= 1
    assert trial.figures.kills == len(seen) == (15 if direction[1] == "socotra" else 9)


@pytest.mark.parametrize(("direction", "seed"), [*zip(DIRECTIONS, (11, 12, 13, 14), strict=True)])
def test_every_credit_is_made_once_in_a_storm_inside_the_limits(
    place: World, totals: Totals, direction: tuple[str, str], seed: int, tmp_path: Path
) -> None:
    figures = totals[f"inside {named(direction)}"] = inside(place, direction, tmp_path, seed, rounds=4)
    assert set(wrong(figures).values()) == {0}, wrong(figures)


@pytest.mark.parametrize(("how", "direction"), [*zip(OUTSIDE, (*DIRECTIONS[:2], *DIRECTIONS[:2]), strict=True)])
def test_nothing_that_goes_wrong_outside_the_limits_is_silent(
    place: World, totals: Totals, how: Breach, direction: tuple[str, str], tmp_path: Path
) -> None:
    figures = totals[f"{how.__name__} {named(direction)}"] = outside(place, direction, tmp_path, 1, how)
    assert figures.silent == 0
    assert figures.missing == 0
    assert figures.duplicates + figures.undone >= LEAST[how]


@pytest.mark.parametrize("read", range(4))
def test_a_credit_whose_answer_was_lost_is_made_once_whichever_list_hides_it(place: World, read: int, tmp_path: Path) -> None:
    trial = Trial(place, BILLAGAIN, tmp_path, seeded(4), accounts=1, each=1)
    trial.plan()
    lost = {"kind": "cut-after", "route": trial.target.writes[0], "count": 1}
    hiding = {"kind": "skipped-records", "route": trial.target.reads[0], "count": 1, "skip": read, "index": 0}
    trial.apply(NO_KILL, [lost, hiding])
    assert set(wrong(trial.finish().figures).values()) == {0}


def test_a_plan_that_found_a_copy_makes_no_other_though_a_list_hides_it(place: World, tmp_path: Path) -> None:
    trial = Trial(place, BILLAGAIN, tmp_path, seeded(1))
    trial.plan()
    trial.apply()
    trial.lose()
    assert trial.plan()["counts"]["exists"] == trial.figures.planned
    hiding = {"kind": "skipped-records", "route": trial.target.reads[0], "count": 3, "index": 0}
    assert trial.apply(NO_KILL, [hiding]).status == 1
    assert set(wrong(trial.finish().figures).values()) == {0}


def test_a_new_run_file_knows_the_copies_that_a_lost_one_made_again_after_a_rollback(place: World, tmp_path: Path) -> None:
    trial = Trial(place, BILLAGAIN, tmp_path, seeded(2))
    trial.plan()
    for step in (trial.apply, trial.rollback, trial.apply, trial.lose):
        step()
    assert trial.plan()["counts"]["exists"] == trial.figures.planned
    figures = trial.finish().figures
    assert (figures.duplicates, figures.missing, figures.alarms) == (0, 0, 0)


def test_a_run_file_older_than_a_rollback_makes_nothing_and_says_so(place: World, tmp_path: Path) -> None:
    trial = Trial(place, BILLAGAIN, tmp_path, seeded(3))
    trial.plan()
    trial.keep_copy("old")
    for step in (trial.apply, trial.rollback, trial.apply):
        step()
    trial.restore("old")
    stale = trial.apply()
    assert (stale.status, stale.result["writes"]) == (1, 0)
    assert {problem["what"] for problem in stale.result["problems"]} == {"conflict"}
    assert trial.judge().figures.duplicates == 0


@pytest.mark.parametrize("point", ["sent", "effect"])
def test_a_rollback_killed_within_one_credit_is_resumed_to_its_end(place: World, point: str, tmp_path: Path) -> None:
    trial = Trial(place, DIRECTIONS[0], tmp_path, seeded(5), accounts=1)
    trial.plan()
    trial.apply()
    summary = trial.rollback(Kill(point, route="POST /socotra/billing/*/accounts/*/charges/reverse"))
    assert trial.figures.kills == 1
    assert (summary["exit_status"], summary["remains"]) == (0, [])
    assert trial.target.standing().copies == ()


def test_threads_that_meet_new_wire_records_at_once_do_not_crash_the_process() -> None:
    ended = subprocess.run([sys.executable, "-m", "tests.crash.first_use"], cwd=ROOT, timeout=60, check=False)
    assert ended.returncode == 0
