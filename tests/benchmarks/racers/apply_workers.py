"""An apply of a run in a database: ``apply_workers URL CREDITS ACCOUNTS CONCURRENCY LATENCY WORKERS``; 0 workers: by this process."""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from tests.benchmarks.racers.apply_course import Course
from tests.benchmarks.runs import Server, options_of
from tests.support.postgresql import a_run
from unibill import Billing
from unibill.copying import ApplyOptions, apply, plan
from unibill.copying.place import DatabasePlace, locate
from unibill.copying.workers import apply_on


@dataclass(frozen=True)
class Sides:
    """Opens both sides of the server, wherever a worker is."""

    url: str
    concurrency: int

    @contextmanager
    def __call__(self) -> Iterator[tuple[Billing, Billing]]:
        """Open both."""
        server, limits = Server(self.url), {"concurrency": self.concurrency}
        with server.billing("source", **limits) as source, server.billing("target", **limits) as target:
            yield source, target


def ready(number: int) -> int:
    """What a worker does first, so that its start is not measured."""
    import unibill.copying.workers.working  # noqa: F401 - what it needs is loaded

    return number


def main(told: list[str]) -> None:
    """Plan, then apply against the clock."""
    course, workers = Course.of(told[:-1]), int(told[-1])
    sides = Sides(told[0], course.concurrency)
    with a_run(lease=30) as run:
        place = locate(run)
        assert isinstance(place, DatabasePlace)
        os.environ["PGPASSWORD"] = str(place.url.password)
        with sides() as (source, target):
            planned = plan(source, target, run, options_of(course.accounts))
            options = ApplyOptions(expect=planned.hash)
            if not workers:
                course.run(lambda: apply(source, target, run, options))
                return
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("forkserver")) as executor:
            wait([executor.submit(ready, number) for number in range(workers * 4)])
            course.run(lambda: apply_on(executor, sides, run, options, workers=workers))


if __name__ == "__main__":
    main(sys.argv[1:])
