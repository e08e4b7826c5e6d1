"""``credits.get``, again and again: ``get_unibill BASE_URL TIMES``."""

import sys
import time

import unibill
from tests.benchmarks.racers.backend import settings
from tests.benchmarks.racers.counting import lap


def main(base_url: str, times: str) -> None:
    """Get, and print the lap."""
    count = int(times)
    with unibill.connect(settings(base_url)) as billing:
        billing.credits.get("1")
        started, worked = time.perf_counter(), time.process_time()
        for _ in range(count):
            billing.credits.get("1")
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    lap(1e6 * seconds / count, seconds, cpu)


if __name__ == "__main__":
    main(*sys.argv[1:])
