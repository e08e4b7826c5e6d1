"""The facade, blocking, pages asked for ahead: ``ahead_unibill BASE_URL WINDOW LATENCY [TRANSPORT [READ_AHEAD]]``; else the window is read ahead."""

import sys
from collections.abc import Iterator

import unibill
from tests.benchmarks.racers.backend import settings
from tests.benchmarks.racers.counting import Noted, ahead


def main(base_url: str, window: str, latency: str, transport: str = "httpx", read_ahead: str = "") -> None:
    """List, and print the lap."""
    with unibill.connect(settings(base_url, int(read_ahead or window), transport)) as billing:

        def listing() -> Iterator[Noted]:
            for credit in billing.credits.list(allocations=True):
                yield credit.id, credit.amount

        ahead(listing, int(window), float(latency))


if __name__ == "__main__":
    main(*sys.argv[1:])
