"""One spoilt answer after the other, as atheris makes them up."""

from collections.abc import Callable
from typing import Any

from tests.support.mutating import ACTIONS, collected, hostile
from unibill.errors import UnibillError
from unibill.http import without_waiting
from unibill.model import Record
from unibill.showing import json_line, show


def answers() -> Callable[[Any], None]:
    """What tries one answer of a vendor; its argument is a ``FuzzedDataProvider``."""
    real = collected()
    names = sorted(ACTIONS)

    def one(given: Any) -> None:  # noqa: ANN401 - atheris has no types
        def pick(most: int) -> int:
            return int(given.ConsumeIntInRange(0, most - 1))

        backend = ("billagain", "socotra")[pick(2)]
        with without_waiting(), hostile(real, backend, pick) as billing:
            try:
                result = ACTIONS[names[pick(len(names))]](billing, real.ids[backend])
            except UnibillError as error:
                show(str(error))
                return
        for record in result if isinstance(result, list) else [result]:
            if isinstance(record, Record):
                json_line(record.jsonable())

    return one
