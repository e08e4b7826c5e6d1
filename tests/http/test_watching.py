"""Whoever puts himself in place of an HTTP library's transport sees every request, as cassettes and instrumentation have to."""

import functools
from typing import Any
from unittest.mock import Mock, create_autospec

import httpx
import pytest

from tests.http.asking import HAS_PYREQWEST, READ
from tests.http.wrapping import wrap
from tests.support.drivers import AsyncDriver, SyncDriver
from tests.support.server import Reply, Server
from unibill.flow import exchange
from unibill.http.messages import is_untouched
from unibill.provider import BackendSettings, Endpoint


def test_a_method_counts_as_its_packages_own_only_if_it_is() -> None:
    own = httpx.HTTPTransport.handle_request

    @functools.wraps(own)
    def wrapped(*args: object) -> object:
        return own(*args)  # type: ignore[arg-type]  # whatever it is given

    assert is_untouched(own, "httpx")
    assert not is_untouched(own, "pyreqwest")
    for stranger in (wrapped, create_autospec(own), Mock(spec=own), functools.partial(own), lambda: None):
        assert not is_untouched(stranger, "httpx")


@pytest.mark.parametrize("kind", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize("transport", ["httpx", pytest.param("pyreqwest", marks=pytest.mark.skipif(not HAS_PYREQWEST, reason="an extra"))])
def test_who_comes_while_connections_are_open_sees_what_is_sent_from_then_on(
    server: Server, monkeypatch: pytest.MonkeyPatch, kind: type[SyncDriver | AsyncDriver], transport: str
) -> None:
    server.script(*[Reply(200, b"{}")] * 3)
    settings = BackendSettings.model_validate({"base_url": server.url, "transport": transport})
    driver = kind(Endpoint(server.url, {}, ()), settings, lambda _: None)
    owner: Any = httpx
    if transport == "pyreqwest":
        import pyreqwest.compatibility.httpx as owner
    names = {
        ("httpx", SyncDriver): ("HTTPTransport", "handle_request"),
        ("httpx", AsyncDriver): ("AsyncHTTPTransport", "handle_async_request"),
        ("pyreqwest", SyncDriver): ("SyncHttpxTransport", "handle_request"),
        ("pyreqwest", AsyncDriver): ("HttpxTransport", "handle_async_request"),
    }
    name, method = names[transport, kind]
    try:
        assert driver.run(exchange(READ)).status == 200
        with monkeypatch.context() as patched:
            seen = wrap(getattr(owner, name), method, patched)
            assert driver.run(exchange(READ)).status == 200
            assert [str(request.url) for request in seen] == [server.url + "/things/a%2Fb?q=a+b%26c&q=%C3%BC"]
        assert driver.run(exchange(READ)).status == 200
    finally:
        driver.close()
    assert len(seen) == 1
    assert len(server.seen) == 3
    assert len({seen.target for seen in server.seen}) == 1
