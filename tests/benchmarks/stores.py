"""The same copy kept in a file and in a database, in turn: ``python -m tests.benchmarks.stores 5000 --rounds 3``.

The server answers at once, so that all the time there is, is unibill's and the store's. It needs the database that the tests of runs in a
database need; the file and the database are on the same disk, and both flush every commit.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median

from sqlalchemy import text

from tests.benchmarks.machine import described
from tests.benchmarks.runs import Server, check, options_of, serving
from tests.support.postgresql import a_run, opened
from unibill.copying import ApplyOptions, apply, plan, verify

EACH = 20
STAGES = ("plan", "apply", "verify")


def copied(server: Server, run: str, credits: int, accounts: int) -> dict[str, float]:
    """Copy from end to end; gives the seconds of each stage."""
    server.reset(credits=credits, accounts=accounts)
    seconds: dict[str, float] = {}

    def timed(name: str, do: Callable[[], object]) -> None:
        started = time.perf_counter()
        do()
        seconds[name] = time.perf_counter() - started

    with server.billing("source") as source, server.billing("target") as target:
        timed("plan", lambda: plan(source, target, run, options_of(accounts)))
        timed("apply", lambda: apply(source, target, run, ApplyOptions(yes=True)))
        timed("verify", lambda: verify(source, target, run))
    check(server.books(), credits)
    return seconds


def bytes_in_database(run: str) -> int:
    """What a run takes up, indexes included."""
    query = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = current_schema::regnamespace AND relkind = 'r'"
    with opened(run) as database, database.transaction() as connection:
        return int(connection.execute(text(query)).scalar_one())


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.stores", description=__doc__)
    parser.add_argument("credits", type=int, nargs="?", default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    credits, accounts = chosen.credits, max(1, chosen.credits // EACH)
    found: dict[str, list[dict[str, float]]] = {"file": [], "database": []}
    sizes: dict[str, float] = {}
    with serving(credits=credits, accounts=accounts) as server:
        for _ in range(chosen.rounds):
            for kind, laps in found.items():
                with tempfile.TemporaryDirectory() as folder, a_run(30) if kind == "database" else nullcontext(f"{folder}/a.run") as run:
                    laps.append(copied(server, run, credits, accounts))
                    size = bytes_in_database(run) if kind == "database" else sum(file.stat().st_size for file in Path(folder).iterdir())
                    sizes[kind] = size / credits
    sys.stdout.write(
        f"| kept in | {' | '.join(f'{name}, ms a credit' for name in STAGES)} | bytes a credit |\n| --- | ---: | ---: | ---: | ---: |\n"
    )
    for kind, laps in found.items():
        figures = (f"{1000 * median(lap[name] for lap in laps) / credits:.2f}" for name in STAGES)
        sys.stdout.write(f"| {kind} | {' | '.join(figures)} | {sizes[kind]:,.0f} |\n")
    ratios = ", ".join(
        f"{name} {median(lap[name] for lap in found['database']) / median(lap[name] for lap in found['file']):.2f}" for name in STAGES
    )
    sys.stdout.write(f"\nDatabase against file: {ratios}. {credits:,} credits, medians of {chosen.rounds} rounds. {described()}.\n")


if __name__ == "__main__":
    main()
