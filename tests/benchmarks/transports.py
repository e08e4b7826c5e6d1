"""What another HTTP library below the facade would make of it. They are handed in as ``client=``, which any app can do."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tests.benchmarks import notes, rivals, servers
from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, module

LATENCY: Final = 0.02
WINDOW: Final = 16
_OWN: Final = "unibill's own, blocking"
_KINDS: Final = {
    _OWN: ("own", ""),
    "httpx.Client": ("httpx", ""),
    "pyreqwest below httpx.Client": ("pyreqwest", "pyreqwest"),
    "unibill's own, awaited": ("async-own", ""),
    "httpx.AsyncClient": ("async-httpx", ""),
    "httpx-aiohttp below httpx.AsyncClient": ("async-aiohttp", "httpx-aiohttp"),
    "pyreqwest below httpx.AsyncClient": ("async-pyreqwest", "pyreqwest"),
}
"""How each is called in the table, its word for the racer, and the library that it needs."""


def _course(window: int, latency: float) -> Callable[[Setup], AbstractContextManager[Course]]:
    @contextmanager
    def course(setup: Setup) -> Iterator[Course]:
        count = setup.sized(1000, least=2 * window)
        written = notes.write(setup.cache / f"pages-{count}", count)
        server = servers.slow(written.folder, setup.server_core, latency) if latency else servers.nginx(written.folder, setup.server_core)
        with server as served:
            yield Course(list(_racers(setup, served.base_url, window, latency)), written.check, served.pids)

    return course


def _racers(setup: Setup, base_url: str, window: int, latency: float) -> Iterator[Racer]:
    for name, (kind, package) in _KINDS.items():
        rival = rivals.beside(setup.cache, package) if package and setup.rivals else rivals.LEFT_OUT
        command = module("through", kind, rival.folder, base_url, str(window), str(latency))
        yield Racer(name, command, ours=True, why_not=rival.why_not if package else "")


BENCHMARKS: Final = (
    Benchmark(
        name="transports",
        title="Other HTTP libraries, page after page",
        says="The list of static pages once more, through unibill's own connections and through clients that are handed in as `client=`.",
        unit="records/s",
        reference=_OWN,
        course=_course(1, 0.0),
    ),
    Benchmark(
        name="transports-ahead",
        title=f"Other HTTP libraries, {WINDOW} pages ahead, each answer after 20 ms",
        says="The same from the server that answers after 20 ms.",
        unit="% of the ideal",
        reference=_OWN,
        course=_course(WINDOW, LATENCY),
    ),
)
