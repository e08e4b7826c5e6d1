"""What another HTTP library below the facade would make of it. They are handed in as ``client=``, which any app can do."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tests.benchmarks import notes, rivals, servers
from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, module

WINDOW: Final = 16
_OWN: Final = "unibill's own, blocking"
_KINDS: Final = {
    _OWN: ("httpx", ""),
    'transport = "pyreqwest"': ("pyreqwest", "pyreqwest"),
    "client=httpx.Client": ("client", ""),
    "unibill's own, awaited": ("async-httpx", ""),
    'transport = "pyreqwest", awaited': ("async-pyreqwest", "pyreqwest"),
    "client=httpx.AsyncClient": ("async-client", ""),
    "client= httpx.AsyncClient on httpx-aiohttp": ("async-aiohttp", "httpx-aiohttp"),
}
"""How each is called in the table, its word for the racer, and the library that it needs."""


def _course(window: int, *, far: bool) -> Callable[[Setup], AbstractContextManager[Course]]:
    @contextmanager
    def course(setup: Setup) -> Iterator[Course]:
        count = setup.sized(1000, least=2 * window)
        written = notes.write(setup.cache / f"pages-{count}", count)
        latency = setup.latency if far else 0.0
        server = servers.slow(written.folder, setup.server_core, latency) if latency else servers.nginx(written.folder, setup.server_core)
        with server as served:
            racers = list(_racers(setup, served.base_url, window, latency))
            yield Course(racers, written.check, served.pids, setup.other_latency() if far else (), count=written.records)

    return course


def _racers(setup: Setup, base_url: str, window: int, latency: float) -> Iterator[Racer]:
    for name, (kind, package) in _KINDS.items():
        rival = rivals.beside(setup.cache, package) if package and setup.rivals else rivals.LEFT_OUT
        command = module("through", kind, rival.folder, base_url, str(window), str(latency))
        yield Racer(name, command, ours=True, why_not=rival.why_not if package else "")


_ALONE: Final = {
    "httpx.Client": ("httpx", ""),
    "httpx.HTTPTransport": ("httpx-transport", ""),
    "unibill": ("unibill", ""),
    'unibill, transport = "pyreqwest"': ("unibill-pyreqwest", "pyreqwest"),
    "httpx2.Client": ("httpx2", "httpx2"),
    "urllib3": ("urllib3", "urllib3"),
    "http.client": ("http.client", ""),
    "aiohttp": ("aiohttp", "aiohttp"),
    "pyreqwest": ("pyreqwest", "pyreqwest"),
}


def alone(setup: Setup, base_url: str, count: int) -> Iterator[Racer]:
    """HTTP clients that read so many pages."""
    for name, (kind, package) in _ALONE.items():
        rival = rivals.beside(setup.cache, package) if package and setup.rivals else rivals.LEFT_OUT
        command = module("clients", kind, rival.folder, base_url, str(count))
        yield Racer(name, command, ours=name.startswith("unibill"), why_not=rival.why_not if package else "")


@contextmanager
def _clients(setup: Setup) -> Iterator[Course]:
    count = setup.sized(1000, least=20)
    written = notes.write(setup.cache / f"pages-{count}", count)
    size = sum((written.folder / f"{page}.json").stat().st_size for page in range(1, count + 1))
    with servers.nginx(written.folder, setup.server_core) as served:
        yield Course(list(alone(setup, served.base_url, count)), str(size), served.pids)


BENCHMARKS: Final = (
    Benchmark(
        name="clients",
        title="HTTP clients alone",
        says="The bytes of the same pages, one after the other, nothing decoded. unibill's own rows hold its retries, its pacing and its limits.",
        unit="µs a request",
        reference="httpx.Client",
        course=_clients,
    ),
    Benchmark(
        name="transports",
        title="Other HTTP libraries, page after page",
        says="The list of static pages once more, through unibill's own connections, through "
        "pyreqwest, which a backend can ask for, and through clients that are handed in as `client=`.",
        unit="records/s",
        reference=_OWN,
        course=_course(1, far=False),
    ),
    Benchmark(
        name="transports-ahead",
        title=f"Other HTTP libraries, {WINDOW} pages ahead, each answer after 20 ms",
        says="The same from the server that answers after 20 ms.",
        unit="% of the ideal",
        reference=_OWN,
        course=_course(WINDOW, far=True),
    ),
)
