"""A sandbox whose clock and ids never depend on the day, and what recorded tests share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from unibill_billagain.sandbox import BillAgainSandbox
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.identity import SteppingClock, micros_of

from unibill.sandbox import Sandbox, Serving
from unibill.sandbox.server import SystemFactory
from unibill.testing.backends import Backends

API_VERSIONS = {"billagain": "v1", "socotra": "v0"}
"""As the vendors write them: BillAgain in its base URL, Socotra in its OpenAPI document."""
SWITCHES = {"billagain": {"empty-allocations": "accept"}}
"""Facade operations on credits without allocations need an answer to an open question."""
Row = dict[str, object]


@contextmanager
def steady_serving(switches: Mapping[str, Mapping[str, str]] | None = None, seed: str = "documented") -> Iterator[Serving]:
    """Both vendors' sandboxes, filled, with a clock that steps and ids that repeat."""

    def socotra(database: Any, settings: Any) -> SocotraSandbox:  # noqa: ANN401 - passed on
        return SocotraSandbox(database, settings, clock=SteppingClock(micros_of("2026-05-04T10:00:00.123456Z"), 1_000_777))

    known = SWITCHES if switches is None else switches
    systems: dict[str, SystemFactory] = {"billagain": BillAgainSandbox, "socotra": socotra}
    with Sandbox(systems, switches=known) as sandbox, sandbox.serve() as serving:
        if seed == "documented":
            sandbox.seed("documented")
        yield serving


def known(backends: Backends, name: str, find: Callable[[list[Row]], object]) -> str:
    """What no operation tells, such as the id of an account: looked up in the sandbox's books and kept in the cassette."""
    return backends.known(name, lambda sandbox: str(find(sandbox.books())))


def first(kind: str, **wanted: object) -> Callable[[list[Row]], object]:
    """Finds the locator of the first Socotra record of a type with these fields."""

    def find(rows: list[Row]) -> object:
        fitting = (row for row in rows if row["type"] == kind and all(row.get(name) == value for name, value in wanted.items()))
        return next(fitting)["locator"]

    return find
