"""Storms for as long as somebody has time: ``python -m tests.crash --minutes 10 --seed 1``.
The arm ``workers`` needs the database that the tests of runs in a database need, and is run only where it is asked for.

The figures of both arms are printed at the end. The status is 1 if a credit inside the limits was made twice, or not at all,
or if anything outside them was silent; the seeds of such trials are printed as they come.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.crash.clusters import LEASE, storm
from tests.crash.harness import DIRECTIONS, Figures, table
from tests.crash.processes import World, world
from tests.crash.storms import OUTSIDE, inside, outside, steps
from tests.support.postgresql import a_run

_MOST_TRIALS = 10_000


def main() -> int:
    """Run trials until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="Kills applies and judges by the sandbox's books.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long; trials that have begun are finished")
    parser.add_argument("--seed", type=int, default=1, help="of the first trial; each next one has the next number")
    parser.add_argument("--arm", choices=("inside", "outside", "steps", "workers", "all"), default="all")
    chosen = parser.parse_args()
    limit = time.monotonic() + 60 * min(chosen.minutes, 24 * 60)
    totals: dict[str, Figures] = {}
    bad = 0
    with world() as place:
        for seed in range(chosen.seed, chosen.seed + _MOST_TRIALS):
            if time.monotonic() > limit:
                break
            direction = DIRECTIONS[seed % len(DIRECTIONS)]
            trials: dict[str, Callable[[Path], Figures]] = {}
            if chosen.arm in {"inside", "all"}:
                trials["inside"] = partial(inside, place, direction, seed=seed)
            if chosen.arm in {"steps", "all"}:
                trials["steps"] = lambda folder: steps(place, direction, folder, seed).figures  # noqa: B023 - called in this round
            if chosen.arm in {"outside", "all"}:
                breach = OUTSIDE[seed // len(DIRECTIONS) % len(OUTSIDE)]
                trials[breach.__name__] = partial(outside, place, direction, seed=seed, how=breach)
            if chosen.arm == "workers":
                trials["workers"] = lambda folder: _workers(place, direction, folder, seed)  # noqa: B023 - called in this round
            for name, trial in trials.items():
                with tempfile.TemporaryDirectory() as folder:
                    figures = trial(Path(folder))
                if is_bad(name, figures):
                    bad += 1
                    sys.stdout.write(f"{name}, {' to '.join(direction)}, seed {seed}: {figures}\n")
                totals.setdefault(f"{name} {'-'.join(direction)}", type(figures)()).add(figures)
    sys.stdout.write(table(dict(sorted(totals.items()))) + "\n")
    return int(bool(bad))


def _workers(place: World, direction: tuple[str, str], folder: Path, seed: int) -> Figures:
    """Several workers at a run in the database that ``UNIBILL_TEST_POSTGRESQL`` names."""
    with a_run(LEASE) as run:
        return storm(place, direction, folder, run, seed)


def is_bad(name: str, figures: Figures) -> bool:
    """Whether a trial broke a promise."""
    if name not in {"inside", "steps", "workers"}:
        return bool(figures.silent)
    return bool(figures.duplicates or figures.missing or figures.misspent or figures.alarms or figures.repeated)


if __name__ == "__main__":
    raise SystemExit(main())
