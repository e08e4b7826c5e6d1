"""The facade, blocking: ``list_unibill BASE_URL [READ_AHEAD]``."""

import sys
from collections.abc import Iterator

import unibill
from tests.benchmarks.racers.backend import settings
from tests.benchmarks.racers.counting import Noted, race


def main(base_url: str, ahead: str = "1") -> None:
    """List, and print the lap."""
    with unibill.connect(settings(base_url, int(ahead))) as billing:

        def listing() -> Iterator[Noted]:
            for credit in billing.credits.list(allocations=True):
                yield credit.id, credit.amount

        race(listing)


if __name__ == "__main__":
    main(*sys.argv[1:])
