"""The drivers of every library that can send."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.conftest import MakeDriver, drivers
from tests.http.asking import TRANSPORTS
from tests.support.server import Server
from unibill.events import RequestSettled
from unibill.http import without_waiting


@pytest.fixture(params=TRANSPORTS)
def driver(request: pytest.FixtureRequest, server: Server, events: list[RequestSettled]) -> Iterator[MakeDriver]:
    """What is promised holds for every library that can send."""
    yield from drivers(request.param, server, events)


@pytest.fixture(autouse=True)
def waiting(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing waits but a test that is about waiting."""
    with nullcontext() if "really_waits" in request.node.name else without_waiting():
        yield
