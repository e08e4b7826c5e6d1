"""Applying a plan to a server that is far away: every answer takes 20 ms, and every intent is durable before its write."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from typing import Final

from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module
from tests.benchmarks.racers.apply_course import said
from tests.benchmarks.runs import serving

CREDITS: Final = 20_000
EACH: Final = 20
LEAST: Final = {8: 85, 16: 85, 32: 85, 64: None}
"""Requests at once, and the percent of the ideal that must be reached."""
QUICK: Final = "pyreqwest"
UNJOURNALED: Final = "unibill, nothing kept"


def _course(concurrency: int) -> Callable[[Setup], AbstractContextManager[Course]]:
    @contextmanager
    def course(setup: Setup) -> Iterator[Course]:
        credits = setup.sized(CREDITS, least=EACH)
        accounts = credits // EACH
        with serving(setup.server_core, credits=credits, accounts=accounts) as server:
            told = (server.url, str(credits), str(accounts), str(concurrency), str(setup.latency))
            missing = "" if find_spec(QUICK) else f"{QUICK} is not installed"
            yield Course(
                [
                    Racer("unibill apply", module("apply_unibill", *told), ours=True),
                    Racer(UNJOURNALED, module("apply_unjournaled", *told), ours=True),
                    Racer(f"unibill apply on {QUICK}", module("apply_unibill", *told, QUICK), ours=True, why_not=missing),
                    Racer(f"{UNJOURNALED}, on {QUICK}", module("apply_unjournaled", *told, QUICK), ours=True, why_not=missing),
                    Racer("httpx, in threads by hand", module("apply_by_hand", *told)),
                ],
                said({"once": credits, "twice": 0, "missing": 0, "wrong": []}),
                lambda: [server.pid],
                setup.other_latency(),
            )

    return course


def _targets(least: int | None) -> tuple[Target, ...]:
    if least is None:  # a core is full before
        return ()
    return Target("unibill apply", "at least", least), Target("unibill apply", "at least", 0.95, UNJOURNALED)


BENCHMARKS: Final = tuple(
    Benchmark(
        name=f"apply-{concurrency}",
        title=f"Applying with {concurrency} requests at once, each answer after 20 ms",
        says=(
            f"{CREDITS:,} credits over {CREDITS // EACH:,} accounts are copied; the server answers each request after 20 ms and keeps its own "
            f"books. All requests count, lists too (four an account); the ideal is {concurrency} requests every 20 ms. *{UNJOURNALED}* makes the "
            "same requests with the same client and writes nothing down; the last one does by hand what is needed to make them."
        ),
        unit="% of the ideal",
        reference=UNJOURNALED,
        course=_course(concurrency),
        targets=_targets(least),
        decimals=1,
    )
    for concurrency, least in LEAST.items()
)
