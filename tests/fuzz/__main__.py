"""``python -m tests.fuzz --runs 100000``: vendors' answers, spoilt by a fuzzer that follows the code's own branches. Bounded.

It needs atheris, which no other part of the project does and which is not for every platform; without it this says so and ends
well. The suite has the same check with hypothesis (``tests/hostile/test_vendor_bodies.py``).
"""

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path


def main() -> int:
    """Fuzz; the exit status is that of atheris, which ends the process itself when it finds something."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Spoilt answers of both vendors, found by coverage.")
    parser.add_argument("--runs", type=int, default=20_000, metavar="N", help="how many answers to try")
    parser.add_argument("--seconds", type=int, default=120, metavar="N", help="how long at most")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="where what was found is kept for the next time")
    given = parser.parse_args()
    if find_spec("atheris") is None:
        print("atheris is not installed, so there is nothing to do: pip install atheris", file=sys.stderr)  # noqa: T201 - a program
        return 0
    from tests.fuzz.answers import fuzz

    with tempfile.TemporaryDirectory(prefix="unibill-fuzz-") as folder:
        fuzz(given.runs, given.seconds, given.corpus or Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
