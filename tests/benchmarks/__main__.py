"""Measure unibill against what people would use instead: ``python -m tests.benchmarks``.

Each benchmark runs its racers in turn, round after round, in fresh processes, and prints a table of medians and ratios;
``--write PAGE`` puts the tables into their places in a docs page.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks import applying, asking, listing, loading, readahead, starting, transports, workers
from tests.benchmarks.frame import LATENCY, Benchmark, Setup, run
from tests.benchmarks.machine import described
from tests.benchmarks.table import table, write

BENCHMARKS: Final[dict[str, Benchmark]] = {
    one.name: one
    for one in (
        listing.BENCHMARK,
        *readahead.BENCHMARKS,
        asking.BENCHMARK,
        *starting.BENCHMARKS,
        *loading.BENCHMARKS,
        *applying.BENCHMARKS,
        *transports.BENCHMARKS,
        workers.BENCHMARK,
    )
}

_LATENCY: Final = """milliseconds before each answer of a server that is far away (default 20); a machine that
is half as fast is asked the same with twice as many"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each racer runs (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="times the full size (default 1)")
    parser.add_argument("--cache", type=Path, default=Path(".benchmarks"), help="a folder for rivals and pages (default .benchmarks)")
    parser.add_argument("--no-rivals", action="store_true", help="leave out what needs an environment of its own")
    parser.add_argument("--no-pin", action="store_true", help="do not keep servers and racers to a core each")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this docs page, such as docs/speed.md")
    parser.add_argument("--latency", type=float, default=1000 * LATENCY, metavar="MS", help=_LATENCY)
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    server_core, client_core = (None, None) if chosen.no_pin or len(cores) < 2 else cores[:2]
    chosen.cache.mkdir(parents=True, exist_ok=True)
    setup = Setup(chosen.scale, chosen.cache.resolve(), server_core, client_core, not chosen.no_rivals, chosen.latency / 1000)
    for name in chosen.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        standings, notes = run(benchmark, setup, chosen.rounds, lambda line: print(line, file=sys.stderr))
        section = table(benchmark, standings, notes, f"{described()}.")
        print(f"\n## {benchmark.title}\n\n{section}\n", flush=True)
        if chosen.write:
            write(chosen.write, benchmark, section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
