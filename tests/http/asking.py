"""What the tests of sending ask, and of whom."""

import socket
from importlib.util import find_spec

import pytest

from unibill.flow import Effect, Request

HAS_PYREQWEST = find_spec("pyreqwest") is not None
_DIRECT = ["sync", "async", *(["sync-pyreqwest", "async-pyreqwest"] if HAS_PYREQWEST else [])]
WRAPPED = " wrapped"
"""What a kind of driver ends with where somebody has put himself in place of the HTTP library's transport."""
TRANSPORTS = [*_DIRECT, *(kind + WRAPPED for kind in _DIRECT)]

READ = Request("fetchThing", "GET", "/things/a%2Fb", query=(("q", "a b&c"), ("q", "ü")), permission="things: read")
WRITE = Request("addThing", "POST", "/things", body=b'{"amount":10.10}', effect=Effect.ONCE, permission="things: write")
PUT = Request("putThing", "PUT", "/things/1", body=b"{}", effect=Effect.IDEMPOTENT)
WRITES = pytest.mark.parametrize("write", [WRITE, PUT], ids=["once", "idempotent"])


PROVING = pytest.mark.parametrize("driver", ["sync", "async", *(kind + WRAPPED for kind in ("sync", "async"))], indirect=True)
"""Only httpx's own connections tell what was not sent."""


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def head(status: str = "200 OK", *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()
