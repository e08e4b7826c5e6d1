"""One spoilt answer after the other, as atheris makes them up."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.mutating import ACTIONS, collected, hostile
from unibill.errors import UnibillError
from unibill.http import without_waiting
from unibill.model import Record
from unibill.showing import json_line, show

_INSTRUMENTED = ("unibill.wire", "unibill.exactjson", "unibill.money", "unibill.redact", "unibill.bodies")


def fuzz(runs: int, seconds: int, corpus: Path) -> None:
    """Run atheris; it ends the process.

    Args:
        runs: how many inputs at most.
        seconds: how long at most.
        corpus: a folder for inputs that reached something new.
    """
    atheris: Any = import_module("atheris")
    answers = collected()
    names = sorted(ACTIONS)
    for name in [module for module in sys.modules if module.startswith((*_INSTRUMENTED, "unibill_billagain", "unibill_socotra"))]:
        for value in list(vars(sys.modules[name]).values()):
            if getattr(value, "__module__", None) == name and callable(value) and hasattr(value, "__code__"):
                atheris.instrument_func(value)

    def one(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)

        def pick(most: int) -> int:
            return int(given.ConsumeIntInRange(0, most - 1))

        backend = ("billagain", "socotra")[pick(2)]
        with without_waiting(), hostile(answers, backend, pick) as billing:
            try:
                result = ACTIONS[names[pick(len(names))]](billing, answers.ids[backend])
            except UnibillError as error:
                show(str(error))
                return
        for record in result if isinstance(result, list) else [result]:
            if isinstance(record, Record):
                json_line(record.jsonable())

    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-runs={runs}", f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", f"-artifact_prefix={corpus}/"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], one)
    atheris.Fuzz()
