"""The same address with httpx alone: ``get_httpx BASE_URL TIMES bytes|exact``."""

import json
import sys
import time
from decimal import Decimal

import httpx

from tests.benchmarks.racers.counting import lap


def main(base_url: str, times: str, how: str) -> None:
    """Get, and print the lap."""
    count = int(times)
    with httpx.Client(auth=("1042", "a-key-of-no-account")) as client:
        client.get(f"{base_url}/credits/1")
        started, worked = time.perf_counter(), time.process_time()
        for _ in range(count):
            answer = client.get(f"{base_url}/credits/1")
            answer.raise_for_status()
            if how == "exact":
                json.loads(answer.content, parse_float=Decimal)
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    lap(1e6 * seconds / count, seconds, cpu)


if __name__ == "__main__":
    main(*sys.argv[1:])
