"""An apply with all that belongs to it: ``apply_unibill URL CREDITS ACCOUNTS CONCURRENCY LATENCY [TRANSPORT]``."""

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.racers.apply_course import Course
from tests.benchmarks.runs import options_of
from unibill.copying import ApplyOptions, apply, plan


def main(told: list[str]) -> None:
    """Plan, then apply against the clock."""
    course = Course.of(told)
    with (
        tempfile.TemporaryDirectory() as folder,
        course.server.billing("source", **course.settings) as source,
        course.server.billing("target", **course.settings) as target,
    ):
        run = Path(folder) / "apply.run"
        planned = plan(source, target, run, options_of(course.accounts))
        course.run(lambda: apply(source, target, run, ApplyOptions(expect=planned.hash)))


if __name__ == "__main__":
    main(sys.argv[1:])
