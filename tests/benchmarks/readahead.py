"""Listing from a server that is far away: every answer takes 20 ms, and pages are asked for ahead."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from typing import Final

from tests.benchmarks import notes, servers
from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module

QUICK: Final = "pyreqwest"
WINDOWS: Final = {8: 88, 16: 88, 32: 80}
"""How many pages are asked for ahead, and the percent of the ideal that must be reached."""


def _course(window: int) -> Callable[[Setup], AbstractContextManager[Course]]:
    @contextmanager
    def course(setup: Setup) -> Iterator[Course]:
        count = setup.sized(1000, least=2 * window)
        written = notes.write(setup.cache / f"pages-{count}", count)
        with servers.slow(written.folder, setup.server_core, setup.latency) as server, _near(written, setup) as (near, pids, why_not):
            said = (server.base_url, str(window), str(setup.latency))
            at_once = (near, str(window), str(setup.latency))
            missing = "" if find_spec(QUICK) else f"{QUICK} is not installed"
            yield Course(
                [
                    Racer("unibill", module("ahead_unibill", *said), ours=True),
                    Racer("unibill, awaited", module("ahead_unibill_async", *said), ours=True),
                    Racer(f"unibill on {QUICK}", module("ahead_unibill", *said, QUICK), ours=True, why_not=missing),
                    Racer(f"unibill on {QUICK}, awaited", module("ahead_unibill_async", *said, QUICK), ours=True, why_not=missing),
                    Racer("httpx, in threads by hand", module("ahead_threads", *said)),
                    Racer("httpx.AsyncClient by hand", module("ahead_async", *said)),
                    Racer(
                        "unibill, no latency, page after page", module("ahead_unibill", *at_once, "httpx", "1"), ours=True, why_not=why_not
                    ),
                    Racer("by hand, no latency, page after page", module("list_by_hand", *at_once), why_not=why_not),
                ],
                written.check,
                lambda: [*server.pids(), *pids()],
                setup.other_latency(),
                count=written.records,
            )

    return course


@contextmanager
def _near(written: notes.Pages, setup: Setup) -> Iterator[tuple[str, Callable[[], list[int]], str]]:
    """The same pages without latency: their address and their server's processes, or why there are none."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(servers.nginx(written.folder, setup.server_core))
        except RuntimeError as error:
            yield "", list, str(error)
        else:
            yield server.base_url, server.pids, ""


BENCHMARKS: Final = tuple(
    Benchmark(
        name=f"ahead-{window}",
        title=f"Read-ahead {window}, each answer after 20 ms",
        says=(
            f"The same credit notes from a server that answers each request after 20 ms, {window} pages under way at once; "
            f"the ideal is {window} pages every 20 ms. The last two rows have no latency to hide: the list from nginx, page after page, "
            "by unibill and by the hand-written loop, as percent of the same ideal. So they say how much of it one core can do; what the others "
            "lack beyond that is latency that shows."
        ),
        unit="% of the ideal",
        reference="httpx, in threads by hand",
        course=_course(window),
        targets=(Target("unibill", "at least", wanted), Target("unibill, awaited", "at least", wanted)),
    )
    for window, wanted in WINDOWS.items()
)
