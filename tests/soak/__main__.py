"""``python -m tests.soak --credits 10000 --seed N``: a bounded soak on loopback, and its table."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import soak


def main() -> int:
    """Run it; the exit status is 1 where anything was lost, done twice, or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Reads, writes and copies under a mix of faults.")
    parser.add_argument("--credits", type=int, default=10_000, metavar="N", help="how many credits there are to copy")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the records and of the faults")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unibill-soak-") as folder:
        soaked = soak(given.credits, given.seed, Path(folder), lambda said: print(said, file=sys.stderr, flush=True))  # noqa: T201 - a program
    print(soaked.table())  # noqa: T201 - a program
    return 0 if soaked.good else 1


if __name__ == "__main__":
    sys.exit(main())
