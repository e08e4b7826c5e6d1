"""``python -m tests.fuzz --over answers --runs 100000``: spoilt by a fuzzer that follows the code's own branches. Bounded.

Over vendors' answers, and over what users give: configurations, maps, run files and command lines. What is tried is random, unless
``--seed`` says otherwise: with the same seed, number of runs, code and ``PYTHONHASHSEED``, the same is tried again, as in continuous
integration, where a failure must mean that the code has changed.

It needs atheris, which no other part of the project does and which is not for every platform; without it this says so and ends
well. The suite has the same checks with hypothesis (``tests/hostile/test_vendor_bodies.py``, ``test_bad_input.py``).
"""

import argparse
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

OVER: Final = ("answers", "configurations", "maps", "runs", "commands")


def _seed(text: str) -> int:
    """A seed; nought would be a random one to atheris."""
    seed = int(text)
    if not 0 < seed < 2**32:
        raise ValueError(text)
    return seed


def main() -> int:
    """Fuzz; the exit status is that of atheris, which ends the process itself when it finds something."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Spoilt answers and inputs, found by coverage.")
    parser.add_argument("--over", choices=OVER, default=OVER[0], help="what is spoilt")
    parser.add_argument("--runs", type=int, default=20_000, metavar="N", help="how many to try")
    parser.add_argument("--seconds", type=int, default=120, metavar="N", help="how long at most")
    parser.add_argument("--seed", type=_seed, metavar="N", help="try the same each time (1 to 4294967295; without it, something else)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="where what was found is kept for the next time")
    given = parser.parse_args()
    if find_spec("atheris") is None:
        print("atheris is not installed, so there is nothing to do: pip install atheris", file=sys.stderr)  # noqa: T201 - a program
        return 0
    from tests.fuzz.answers import answers
    from tests.fuzz.inputs import KINDS, refused_at_most
    from tests.fuzz.loop import fuzz

    with tempfile.TemporaryDirectory(prefix="unibill-fuzz-") as folder:
        inside = Path(folder, "a", "b", "c", "d")
        inside.mkdir(parents=True)
        corpus = (given.corpus or Path(folder, "corpus")).absolute()
        os.chdir(inside)
        one = answers() if given.over == OVER[0] else refused_at_most(KINDS[given.over](inside))
        fuzz(one, given.runs, given.seconds, corpus, given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
