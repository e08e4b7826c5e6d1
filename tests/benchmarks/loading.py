"""What the sandboxes can carry."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module


def _course(what: str, full: int) -> Callable[[Setup], AbstractContextManager[Course]]:
    @contextmanager
    def course(setup: Setup) -> Iterator[Course]:
        core = "" if setup.server_core is None else str(setup.server_core)
        yield Course([Racer("sandbox", module("sandbox_load", what, str(setup.sized(full, 10)), core), ours=True)], "right")

    return course


BENCHMARKS: Final = (
    Benchmark(
        name="sandbox-list",
        title="The sandbox's lists",
        says="Pages of 100 credit notes from BillAgain's sandbox on one core, asked for one after the other over one bare socket.",
        unit="pages/s",
        reference="sandbox",
        course=_course("list", 2000),
        targets=(Target("sandbox", "at least", 2000),),
    ),
    Benchmark(
        name="sandbox-write",
        title="The sandbox's writes",
        says="Credit notes written to BillAgain's sandbox on one core, one after the other over one bare socket; its books are looked into afterwards.",
        unit="writes/s",
        reference="sandbox",
        course=_course("write", 2000),
        targets=(Target("sandbox", "at least", 1500),),
    ),
)
