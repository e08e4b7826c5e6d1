"""The drivers of every library that can send."""

from collections.abc import Iterator
from contextlib import nullcontext

import httpx
import pytest

from tests.conftest import MakeDriver, drivers
from tests.http.asking import HAS_PYREQWEST, TRANSPORTS, WRAPPED
from tests.http.wrapping import wrap
from tests.support.server import Server
from unibill.events import RequestSettled
from unibill.http import without_waiting


@pytest.fixture(params=TRANSPORTS)
def driver(
    request: pytest.FixtureRequest, server: Server, events: list[RequestSettled], monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeDriver]:
    """What is promised holds for every library that can send, and also where somebody watches the transports."""
    kind: str = request.param
    if kind.endswith(WRAPPED):
        for owner, name in _methods():
            wrap(owner, name, monkeypatch)
    yield from drivers(kind.removesuffix(WRAPPED), server, events)


def _methods() -> list[tuple[type, str]]:
    methods: list[tuple[type, str]] = [(httpx.HTTPTransport, "handle_request"), (httpx.AsyncHTTPTransport, "handle_async_request")]
    if HAS_PYREQWEST:
        from pyreqwest.compatibility.httpx import HttpxTransport, SyncHttpxTransport

        methods += [(SyncHttpxTransport, "handle_request"), (HttpxTransport, "handle_async_request")]
    return methods


@pytest.fixture(autouse=True)
def waiting(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing waits but a test that is about waiting."""
    with nullcontext() if "really_waits" in request.node.name else without_waiting():
        yield
