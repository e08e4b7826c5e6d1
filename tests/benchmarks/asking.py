"""What the facade adds to one request: a single credit note, fetched again and again over one connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.benchmarks import notes, servers
from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module

_RAW: Final = "httpx, bytes only"
_EXACT: Final = "httpx and json.loads(parse_float=Decimal)"


@contextmanager
def _course(setup: Setup) -> Iterator[Course]:
    written = notes.write(setup.cache / "pages-1", 1)
    with servers.nginx(written.folder, setup.server_core) as server:
        said = (server.base_url, str(setup.sized(3000)))
        yield Course(
            [
                Racer("unibill, credits.get", module("get_unibill", *said), ours=True),
                Racer(_RAW, module("get_httpx", *said, "bytes")),
                Racer(_EXACT, module("get_httpx", *said, "exact")),
            ],
            servers=server.pids,
        )


BENCHMARK: Final = Benchmark(
    name="get",
    title="One credit, again and again",
    says="`credits.get` of one credit note, over one connection to nginx, beside `httpx.Client.get` of the same address.",
    unit="µs a request",
    reference=_RAW,
    course=_course,
    targets=(Target("unibill, credits.get", "at most", 1.1, _RAW),),
)
