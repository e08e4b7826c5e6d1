"""One run on several workers, each of which waits for a server that is far away; and what a database costs against a file.

It needs the database that the tests of runs in a database need.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module
from tests.benchmarks.racers.apply_course import said
from tests.benchmarks.runs import serving
from tests.support.postgresql import ENV

CREDITS: Final = 600
EACH: Final = 10
LATENCY: Final = 0.1
CONCURRENCY: Final = 4
_ABSENT: Final = f"{ENV} names no database"


@contextmanager
def _course(setup: Setup) -> Iterator[Course]:
    credits = setup.sized(CREDITS, least=EACH)
    accounts = credits // EACH
    missing = "" if os.environ.get(ENV) else _ABSENT
    with serving(setup.server_core, credits=credits, accounts=accounts) as server:
        told = (server.url, str(credits), str(accounts), str(CONCURRENCY), str(LATENCY))
        yield Course(
            [
                Racer("one process, a file", module("apply_unibill", *told), ours=True),
                Racer("one process, a database", module("apply_workers", *told, "0"), ours=True, why_not=missing),
                *(
                    Racer(
                        f"{count} {'worker' if count == 1 else 'workers'}",
                        module("apply_workers", *told, str(count)),
                        ours=True,
                        why_not=missing,
                    )
                    for count in (1, 2, 4)
                ),
            ],
            said({"once": credits, "twice": 0, "missing": 0, "wrong": []}),
            lambda: [server.pid],
        )


BENCHMARK: Final = Benchmark(
    name="workers",
    title="Applying with 1, 2 and 4 workers, each answer after 100 ms",
    says=(
        f"{CREDITS:,} credits over {CREDITS // EACH:,} accounts are copied; the server answers each request after 100 ms and keeps its own books. "
        f"Each process has {CONCURRENCY} requests under way at most; the ideal is what one such process could make if nothing cost anything, so N "
        "workers could come to N times 100 %. All workers share one core, and the server has another, "
        "unless --no-pin is given. The database is on the same machine, and flushes every commit to its disk."
    ),
    unit="% of the ideal of one",
    reference="one process, a file",
    course=_course,
    targets=(Target("one process, a database", "at least", 0.9, "one process, a file"),),
    decimals=1,
)
