"""What starting costs: a whole process, from its call to its end, with everything compiled as it is where it was installed."""

import compileall
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import unibill
from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module

_MODEL: Final = "import httpx, pydantic\nclass Note(pydantic.BaseModel):\n    id: int\n    amount: str"
_USED: Final = "from unibill import Credit, CreditDraft, connect"


def _python(text: str) -> Sequence[str]:
    return module("process", sys.executable, "-c", text)


def _completing(line: str) -> Sequence[str]:
    asked = (f"COMP_WORDS={line}", f"COMP_CWORD={line.count(' ')}", "_UNIBILL_COMPLETE=complete_bash")
    return module("process", "/usr/bin/env", *asked, sys.executable, "-m", "unibill")


def _compile() -> None:
    """Byte code of a checkout may be old or missing, and is not written where ``PYTHONDONTWRITEBYTECODE`` is set."""
    assert compileall.compile_dir(Path(unibill.__file__).parent, quiet=1)


@contextmanager
def _importing(_: Setup) -> Iterator[Course]:
    _compile()
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
    _compile()
    yield Course(
        [
            Racer("unibill --help", module("process", sys.executable, "-m", "unibill", "--help"), ours=True),
            Racer("unibill plan --help", module("process", sys.executable, "-m", "unibill", "plan", "--help"), ours=True),
            Racer("unibill --version", module("process", sys.executable, "-m", "unibill", "--version"), ours=True),
            Racer("bash completes unibill cre", _completing("unibill cre"), ours=True),
            Racer("bash completes unibill plan --", _completing("unibill plan --"), ours=True),
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
        says="The command line where nothing is to be done yet, as a process, beside one that imports Typer and does nothing.",
        unit="ms",
        reference="import typer",
        course=_helping,
        targets=(Target("unibill --help", "at most", 1.5, "import typer"),),
    ),
)
