"""One copy from end to end: plan, apply, verify, then status and a walk through the run file; prints what each took.

Arguments: address of the server, credits, accounts, concurrency, folder for the run file.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.benchmarks.runs import Server, check, options_of
from unibill.copying import ApplyOptions, apply, open_run, plan, status, verify

T = TypeVar("T")


class Stages:
    """Measures stages one after the other: seconds, processor seconds, and the most memory in each."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}

    def time(self, name: str, do: Callable[[], T]) -> T:
        """Do a stage."""
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        started, worked = time.perf_counter(), time.process_time()
        result = do()
        self.found[name] = {
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - worked,
            "peak": _peak(),
        }
        return result


def _peak() -> float:
    """The most memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def main(url: str, credits: int, accounts: int, concurrency: int, folder: Path) -> dict[str, Any]:
    """Copy everything and give the figures."""
    server, run, stages = Server(url), folder / "scale.run", Stages()
    chosen = options_of(accounts)
    with server.billing("source", concurrency=concurrency) as source, server.billing("target", concurrency=concurrency) as target:
        planned = stages.time("plan", lambda: plan(source, target, run, chosen))
        applied = stages.time("apply", lambda: apply(source, target, run, ApplyOptions(expect=planned.hash)))
        verified = stages.time("verify", lambda: verify(source, target, run))
    books = server.books()
    check(books, credits)
    if (planned.counts["create"], applied.exit_status, verified.signs["="], verified.exit_status) != (credits, 0, credits, 0):
        raise SystemExit(f"not everything was copied: {planned.counts}, {applied.counts}, {verified.signs}")
    stages.time("status", lambda: status(run))
    with open_run(run) as opened:
        seen = stages.time("reading", lambda: sum(1 for _ in opened.records()))
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"credits": seen, "requests": books["requests"], "bytes": size / credits, "stages": stages.found}


if __name__ == "__main__":
    told = sys.argv[1:]
    print(json.dumps(main(told[0], int(told[1]), int(told[2]), int(told[3]), Path(told[4]))))
