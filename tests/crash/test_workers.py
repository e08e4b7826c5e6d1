"""Exactly one effect with several real worker processes; ``python -m tests.crash --arm workers`` is the long form."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.crash.clusters import LEASE, ClusterTrial, storm
from tests.crash.harness import DIRECTIONS, SETTLE, Figures, table
from tests.crash.processes import World, ended, world
from tests.support.postgresql import a_run, opened
from unibill.copying import open_run
from unibill.copying.schema import parts
from unibill.copying.store import RunStore

pytestmark = pytest.mark.skipif(not hasattr(os, "waitid"), reason="needs processes that can be forked and watched")


@pytest.fixture(scope="module")
def place() -> Iterator[World]:
    with world() as started:
        yield started


@pytest.fixture
def run() -> Iterator[str]:
    with a_run(LEASE) as address:
        yield address


def wrong(figures: Figures) -> dict[str, int]:
    return {
        "made more than once": figures.repeated,
        "duplicates": figures.duplicates,
        "missing": figures.missing,
        "misspent": figures.misspent,
    }


@pytest.mark.parametrize(("direction", "seed"), [(DIRECTIONS[0], 3), (DIRECTIONS[1], 8)], ids=["billagain-socotra", "socotra-billagain"])
def test_every_credit_is_made_once_though_workers_are_killed_and_frozen(
    place: World, direction: tuple[str, str], seed: int, run: str, tmp_path: Path
) -> None:
    figures = storm(place, direction, tmp_path, run, seed)
    sys.stdout.write(f"\n{table({'-'.join(direction): figures})}\n")
    assert set(wrong(figures).values()) == {0}, wrong(figures)
    assert figures.kills + figures.frozen > 0


@pytest.mark.parametrize("point", ["intent", "answered"])
def test_a_worker_that_wakes_up_after_its_part_was_taken_over_sends_nothing_more(
    place: World, point: str, run: str, tmp_path: Path
) -> None:
    """Frozen right before its write is sent, or right after it was answered: the other one does the part, and each credit is made once."""
    trial = ClusterTrial(place, ("billagain", "billagain"), tmp_path, run, 5, accounts=1, each=3)
    trial.plan()
    trial.lay_out()
    first, second = place.forks
    frozen, other = trial.job("work", hold=[point, 2, True]), trial.job("work")
    first.start(frozen)
    while not first.held:
        first.listen(1.0)
    second.start(other)
    assert ended(second, other).status == 0
    assert trial.target.effects() == trial.figures.planned
    os.kill(first.pid, signal.SIGCONT)
    assert ended(first, frozen).status == 0
    assert trial.target.effects() == trial.figures.planned
    assert set(wrong(trial.finish().figures).values()) == {0}


def test_the_summary_counts_what_a_worker_wrote_before_it_was_killed(place: World, run: str, tmp_path: Path) -> None:
    """Its three intents are durable and two of its writes sent; the other one sends the third, which is a write begun once more."""
    trial = ClusterTrial(place, ("billagain", "billagain"), tmp_path, run, 5, accounts=1, each=3)
    trial.plan()
    trial.lay_out()
    first, second = place.forks
    killed, other = trial.job("work", hold=["outcome", 2]), trial.job("work")
    first.start(killed)
    while not first.held:
        first.listen(1.0)
    assert trial.target.effects() == 2
    first.kill()
    second.start(other)
    assert ended(second, other).status == 0
    assert trial.target.effects() == trial.figures.planned == 3
    with open_run(run) as kept:
        (proof,) = kept.proofs()
    assert (proof.kind, proof.data["writes"]) == ("apply", 4)


def standing(run: str) -> list[object]:
    """What a run says is to be done: its job, its phase, and every part."""
    with RunStore(run) as store:
        query = select(parts.c.stage, parts.c.number, parts.c.state, parts.c["items"]).where(parts.c.stage != "run")
        of_parts = sorted(tuple(row.values()) for row in store.rows(query))
        return [store.get("job"), store.get("phase"), *of_parts]


def test_a_process_killed_while_it_lays_the_work_out_has_laid_out_nothing(place: World, run: str, tmp_path: Path) -> None:
    """What was laid out before still stands whole; parts of the one and the job of the other would count as done."""
    trial = ClusterTrial(place, ("billagain", "billagain"), tmp_path, run, 5)
    trial.plan()
    trial.lay_out()
    before = standing(run)
    forks = place.forks[0]
    with opened(run) as database, database.transaction() as connection:
        connection.execute(text("LOCK TABLE meta IN SHARE MODE"))  # the job is written last, and waits for this
        forks.start(trial.job("lay out", settle=SETTLE))
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'meta'::regclass")
        trial.until(lambda: bool(connection.execute(waiting).scalar()))
        assert forks.kill()
    assert standing(run) == before
    trial.lay_out()
    other = trial.job("work")
    forks.start(other)
    assert ended(forks, other).status == 0
    assert set(wrong(trial.finish().figures).values()) == {0}


def test_a_process_alone_at_a_run_that_wakes_up_after_another_took_it_sends_nothing_more(place: World, run: str, tmp_path: Path) -> None:
    """Its intents are durable and its lease is over: the other one settles them, and what wakes up must not send them too."""
    trial = ClusterTrial(place, ("billagain", "billagain"), tmp_path, run, 5, accounts=1, each=3)
    trial.plan()
    first, second = place.forks
    frozen, other = trial.job("apply", hold=["intent", 2, True]), trial.job("apply")
    first.start(frozen)
    while not first.held:
        first.listen(1.0)
    second.start(other)
    assert ended(second, other).status == 0
    assert trial.target.effects() == trial.figures.planned
    os.kill(first.pid, signal.SIGCONT)
    first.wait()
    assert trial.target.effects() == trial.figures.planned
    assert set(wrong(trial.finish().figures).values()) == {0}
