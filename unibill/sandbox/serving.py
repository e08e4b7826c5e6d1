"""An ASGI app on a loopback port: in a background thread or in the foreground, with connections that can be cut."""

import asyncio
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

CUT = "unibill.sandbox.cut"
"""Where a request's ``state`` holds the function that closes its connection at once."""

_HOST = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 300
_INFORMATIONAL = b"HTTP/1.1 1"
_GRACE_SECONDS = 1.0


class _JoiningTransport:
    """Sends the head of an answer together with what follows it: one system call and one packet instead of two."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if not self._head and data.startswith(b"HTTP/1.1 ") and not data.startswith(_INFORMATIONAL):
            self._head = data
        elif self._head or data:
            self._flush(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send a head that nothing follows."""
        if self._head:
            self._flush(b"")

    def _flush(self, data: bytes) -> None:
        self._transport.write(self._head + data)
        self._head = b""

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


class _CuttableProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests carry a way to close their own connection, which ASGI has not."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, CUT: self.cut}, _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it the same way
        self._joining = _JoiningTransport(transport)
        super().connection_made(cast("asyncio.Transport", self._joining))

    def on_response_complete(self) -> None:
        self._joining.flush()
        super().on_response_complete()

    def cut(self) -> None:
        self.transport.abort()


class _Server(uvicorn.Server):
    """Uvicorn that says when it listens, waits without polling, and stops without lingering."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._listening()

    async def main_loop(self) -> None:
        await self._stop.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.stop()

    def stop(self) -> None:
        """Ask the server to stop; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        under_way = set(self.server_state.tasks)
        late = (await asyncio.wait(under_way, timeout=_GRACE_SECONDS))[1] if under_way else set[asyncio.Task[None]]()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()


def _listen(port: int) -> tuple[socket.socket, str]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only where TCP is named
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
    except OSError:
        listener.close()
        raise
    return listener, f"http://{_HOST}:{listener.getsockname()[1]}"


def _server(app: ASGIApp, listening: Callable[[], None]) -> _Server:
    async def quiet(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if not server.stopping:
                raise

    config = uvicorn.Config(
        quiet,
        loop="asyncio",
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    server = _Server(config, listening)
    return server


@contextmanager
def in_background(app: ASGIApp, port: int = 0) -> Generator[str, None, None]:
    """Serve on a thread of its own; the value is the URL, without a trailing slash. Port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    listener, url = _listen(port)
    settled = threading.Event()
    failures: list[BaseException] = []
    server = _server(app, settled.set)

    def work() -> None:
        try:
            server.run(sockets=[listener])
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)
        finally:
            settled.set()

    thread = threading.Thread(target=work, name="unibill-sandbox", daemon=True)
    thread.start()
    try:
        settled.wait()
        if failures:
            raise failures[0]
        yield url
    finally:
        server.stop()
        thread.join()
        listener.close()


def in_foreground(app: ASGIApp, port: int, ready: Callable[[str], None]) -> None:
    """Serve until a signal comes; ``ready`` is called with the URL once connections are taken.

    Raises:
        OSError: the port is taken.
    """
    listener, url = _listen(port)
    try:
        _server(app, lambda: ready(url)).run(sockets=[listener])
    finally:
        listener.close()
