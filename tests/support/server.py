"""A small HTTP server whose every answer a test writes, down to the bytes and the moment at which a connection is cut."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer, sent whole."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Raw:
    """Bytes sent as they come, head included; then the connection is closed, unless it stays. None at all: it is cut without an answer."""

    chunks: Iterable[bytes] = ()
    stays: bool = False


Answer = Reply | Raw


class Server:
    """What was asked, and what is answered: the script first, in order, then ``respond``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[Seen] = []
        self.respond: Callable[[Seen], Answer] = lambda _: Reply(599, b"nobody wrote this answer")
        self._script: deque[Answer] = deque()
        self._lock = threading.Lock()

    def script(self, *answers: Answer) -> None:
        """Answer the next requests with these."""
        self._script.extend(answers)

    def take(self, request: Seen) -> Answer:
        """Note a request and give its answer."""
        with self._lock:
            self.seen.append(request)
            if self._script:
                return self._script.popleft()
        return self.respond(request)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.take(Seen(self.command, self.path, headers, body))
            if isinstance(answer, Raw):
                self.close_connection = not answer.stays
                try:
                    for chunk in answer.chunks:
                        self.wfile.write(chunk)
                except OSError:  # the client has had enough
                    return
                return
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # a client may leave in the middle
                self.close_connection = True

    return Handler


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


@contextmanager
def serve(port: int = 0) -> Iterator[Server]:
    """A server on a loopback port, a free one if it is 0, for as long as the block lasts."""
    server = Server("")
    with _Threads(("127.0.0.1", port), _handler(server)) as httpd:
        server.url = f"http://127.0.0.1:{httpd.server_port}"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()
