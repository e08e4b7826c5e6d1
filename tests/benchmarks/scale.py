"""Whether a copy stays linear in time and flat in memory: ``python -m tests.benchmarks.scale 10000 50000 200000``.

Each size is copied from end to end in a process of its own, against a server that answers at once and keeps its own books. A
million takes a good while; it is a size like any other.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.machine import described
from tests.benchmarks.runs import serving
from tests.benchmarks.table import put

EACH: Final = 20
"""Credits of an account."""
_STAGES: Final = ("plan", "apply", "verify", "status", "reading")


def measured(credits: int, concurrency: int, folder: str | None) -> dict[str, Any]:
    """Copy so many credits."""
    accounts = max(credits // EACH, 1)
    with serving(credits=credits, accounts=accounts) as server, tempfile.TemporaryDirectory(dir=folder) as place:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.racers.run_scale",
            server.url,
            str(credits),
            str(accounts),
            str(concurrency),
            place,
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def fit(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The straight line through points: where it begins, its slope, and the share of the variance that it explains."""
    count = len(points)
    mean_x, mean_y = (sum(point[i] for point in points) / count for i in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    start = mean_y - slope * mean_x
    left = sum((y - start - slope * x) ** 2 for x, y in points)
    total = sum((y - mean_y) ** 2 for _, y in points)
    return start, slope, 1 - left / total


def section(results: Mapping[int, Mapping[str, Any]], concurrency: int) -> str:
    """The results as Markdown."""
    names = [f"{name}, s" for name in _STAGES]  # of processor time: a clock would tell of the machine's other work too
    head = ["credits", *names, "processor, ms a credit", "most memory, MB", "run file, bytes a credit"]
    rows = [head, ["---:"] * len(head)]
    for credits, found in sorted(results.items()):
        stages = found["stages"]
        cpu = 1000 * sum(stages[name]["cpu"] for name in _STAGES[:3]) / credits
        peaks = ", ".join(f"{stages[name]['peak']:.0f}" for name in _STAGES[:3])
        rows.append([f"{credits:,}", *(f"{stages[name]['cpu']:.1f}" for name in _STAGES), f"{cpu:.2f}", peaks, f"{found['bytes']:.0f}"])
    says = (
        f"Copies of BillAgain credits from end to end, {EACH} to an account, {concurrency} requests at once, against a server that answers "
        "at once. Every credit was found once at the target, with the digits of the source. Seconds are the process's own processor time. "
        "Memory is the most that it held while it planned, applied and verified; *reading* is a walk through all records of the run file."
    )
    lines = [
        says,
        "",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    if len(results) > 2:
        for name in _STAGES[:3]:
            start, slope, share = fit([(credits, found["stages"][name]["cpu"]) for credits, found in results.items()])
            lines.append(f"- {name}: {start:.1f} s + {1e6 * slope:.0f} s of processor time a million credits explains {100 * share:.2f} %.")
    return "\n".join([*lines, f"- {described()}."])


def main() -> None:
    """Measure the sizes that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("sizes", nargs="+", type=int, metavar="CREDITS")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--folder", help="where run files are kept while it runs; the system's temporary folder if not given")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this docs page, such as docs/speed.md")
    chosen = parser.parse_args()
    results: dict[int, Mapping[str, Any]] = {}
    for credits in chosen.sizes:
        results[credits] = measured(credits, chosen.concurrency, chosen.folder)
        print(json.dumps({"size": credits, **results[credits]}), file=sys.stderr, flush=True)
    text = section(results, chosen.concurrency)
    print(text)
    if chosen.write:
        put(chosen.write, "scale", "Copies of any size", text)


if __name__ == "__main__":
    main()
