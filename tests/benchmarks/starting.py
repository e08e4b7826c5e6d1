"""What starting costs: a whole process, from its call to its end."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module

_MODEL: Final = "import httpx, pydantic\nclass Note(pydantic.BaseModel):\n    id: int\n    amount: str"
_USED: Final = "from unibill import Credit, CreditDraft, connect"


def _python(text: str) -> Sequence[str]:
    return module("process", sys.executable, "-c", text)


@contextmanager
def _importing(_: Setup) -> Iterator[Course]:
    yield Course(
        [
            Racer("import unibill", _python("import unibill"), ours=True),
            Racer("from unibill import Credit, CreditDraft, connect", _python(_USED), ours=True),
            Racer("httpx and a pydantic model", _python(_MODEL)),
            Racer("python alone", _python("pass")),
        ]
    )


@contextmanager
def _helping(_: Setup) -> Iterator[Course]:
    yield Course(
        [
            Racer("unibill --help", module("process", sys.executable, "-m", "unibill", "--help"), ours=True),
            Racer("unibill providers --help", module("process", sys.executable, "-m", "unibill", "providers", "--help"), ours=True),
            Racer("import typer", _python("import typer")),
            Racer("python alone", _python("pass")),
        ]
    )


BENCHMARKS: Final = (
    Benchmark(
        name="import",
        title="Importing",
        says="A process that imports and ends. `import unibill` loads what is used when it is used; the second row loads what a blocking program uses.",
        unit="ms",
        reference="httpx and a pydantic model",
        course=_importing,
        targets=(
            Target("import unibill", "at most", 1.15, "httpx and a pydantic model"),
            Target("from unibill import Credit, CreditDraft, connect", "at most", 1.15, "httpx and a pydantic model"),
        ),
    ),
    Benchmark(
        name="help",
        title="The command line's start",
        says="`unibill --help` as a process, beside a process that imports Typer and does nothing.",
        unit="ms",
        reference="import typer",
        course=_helping,
        targets=(Target("unibill --help", "at most", 1.5, "import typer"),),
    ),
)
