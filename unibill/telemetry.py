"""Spans and metrics of the facade, through OpenTelemetry where its API is installed; nothing at all where it is not.

The names are part of the interface and stand in docs/observe.md.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Final

from unibill.native import AsyncRunner, Runner
from unibill.plugins import AnyProvider


class Within:
    """Runs the flows of one operation; where there is no span to run them in, as they are."""

    def blocking(self, run: Runner) -> Runner:
        """The blocking driver, inside the operation."""
        return run

    def awaitable(self, run: AsyncRunner) -> AsyncRunner:
        """The awaitable driver, inside the operation."""
        return run


class Telemetry:
    """Told of the facade's operations; this one keeps it to itself."""

    observers: tuple[object, ...] = ()
    """Who wants to hear of requests, pages and writes."""

    def operation(self, name: str) -> AbstractContextManager[object]:
        """Around one operation, such as ``credits.create``."""
        del name
        return _NOTHING

    def listing(self, name: str) -> AbstractContextManager[Within]:
        """Around the reading of a list, whose pages are read while the caller does other things in between."""
        del name
        return _AS_IT_IS


_NOTHING: Final[AbstractContextManager[object]] = nullcontext()
_AS_IT_IS: Final[AbstractContextManager[Within]] = nullcontext(Within())
_SILENT: Final = Telemetry()


def of(backend: str, provider: AnyProvider) -> Telemetry:
    """The telemetry of a backend."""
    make = _maker()
    return make(backend, provider.name, provider.endpoint().base_url) if make else _SILENT


@cache
def _maker() -> Callable[[str, str, str], Telemetry] | None:
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.metrics") is None:
        return None
    from unibill.otel import OpenTelemetry

    return OpenTelemetry
