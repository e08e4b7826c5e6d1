"""What the racers of an apply share: the server made ready, and the lap printed after its books were checked."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.frame import Lap
from tests.benchmarks.runs import Server


@dataclass(frozen=True)
class Course:
    """The arguments of a racer.

    Attributes:
        server: has the source's credits and an empty target.
        concurrency: requests at once.
        latency: seconds that each answer takes, once the clock runs.
        transport: the library that unibill sends with.
    """

    server: Server
    credits: int
    accounts: int
    concurrency: int
    latency: float
    transport: str = "httpx"

    @classmethod
    def of(cls, told: list[str]) -> "Course":
        """From the command line; the server is emptied, and answers at once."""
        course = cls(Server(told[0]), int(told[1]), int(told[2]), int(told[3]), float(told[4]), *told[5:])
        course._reset(0.0)
        return course

    def _reset(self, latency: float) -> None:
        self.server.reset(credits=self.credits, accounts=self.accounts, latency=latency)

    @property
    def settings(self) -> dict[str, object]:
        """Of both backends."""
        return {"concurrency": self.concurrency, "transport": self.transport}

    def run(self, copy: Callable[[], object]) -> None:
        """Copy against the clock, and print the lap: requests a second in percent of the ideal."""
        self._reset(self.latency)
        started, worked = time.perf_counter(), time.process_time()
        copy()
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        books = self.server.books()
        rate = books["requests"] / seconds
        lap = Lap(
            figure=100 * rate * self.latency / self.concurrency,
            seconds=seconds,
            cpu=cpu,
            check=said(books),
            notes={
                "requests/s": f"{rate:,.0f}",
                "credits/s": f"{self.credits / seconds:,.0f}",
                "processor, ms a request": f"{1000 * cpu / books['requests']:.2f}",
                "most connections": f"{books['connections']['source']} and {books['connections']['target']}",
            },
        )
        print(json.dumps({name: getattr(lap, name) for name in Lap.__slots__}))


def said(books: dict[str, object]) -> str:
    """What books say that must be so."""
    return f"{books['once']} once, {books['twice']} twice, {books['missing']} missing, {books['wrong']} wrong"
