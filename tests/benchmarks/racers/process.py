"""Runs another command and says how many milliseconds it took: ``process COMMAND…``. The best of five, after one to warm the files."""

import subprocess
import sys
import time

from tests.benchmarks.racers.counting import lap


def main(*command: str) -> None:
    """Run it, and print the lap."""
    took: list[float] = []
    for _ in range(6):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the benchmark's own commands
        took.append(time.perf_counter() - started)
    best = min(took[1:])
    lap(1000 * best, best)


if __name__ == "__main__":
    main(*sys.argv[1:])
