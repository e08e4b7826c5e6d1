"""The fuzzer's loop."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

_INSTRUMENTED = (
    *("unibill.wire", "unibill.exactjson", "unibill.money", "unibill.redact", "unibill.http.bodies", "unibill.config"),
    *("unibill.copying.maplines", "unibill.copying.maps", "unibill.copying.charge_maps", "unibill.copying.sqlite", "unibill.copying.store"),
    *("unibill.copying.shapes", "unibill.copying.columns", "unibill.copying.outline", "unibill.copying.reports", "unibill.reporting"),
    *("unibill.cli", "unibill_billagain", "unibill_socotra"),
)


def fuzz(one: Callable[[Any], None], runs: int, seconds: int, corpus: Path, seed: int | None = None) -> None:
    """Run atheris; it ends the process.

    Args:
        one: tries one input, given as a ``FuzzedDataProvider``.
        runs: how many inputs at most.
        seconds: how long at most.
        corpus: a folder for inputs that reached something new.
        seed: of what is tried; None for a random one.
    """
    atheris: Any = import_module("atheris")
    for name in [module for module in sys.modules if module.startswith(_INSTRUMENTED)]:
        for value in list(vars(sys.modules[name]).values()):
            if getattr(value, "__module__", None) == name and callable(value) and hasattr(value, "__code__"):
                atheris.instrument_func(value)
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [
        f"-runs={runs}",
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-len_control=0",
        "-timeout=20",
        f"-artifact_prefix={corpus}/",
    ]
    if seed is not None:
        limits.append(f"-seed={seed}")
    atheris.Setup([sys.argv[0], *limits, str(corpus)], lambda data: one(atheris.FuzzedDataProvider(data)))
    atheris.Fuzz()
