"""An HTTP/1.1 server whose answers leave when they are due: so many seconds after their requests came, and not a millisecond later.

Event loops are made for other things. They look for new requests first and at their timers afterwards, wait for whole milliseconds
with epoll, and are woken up late, which makes 20 ms of latency 21 or 22. Here answers that are due go before requests that are new,
an answer's time begins when its request was seen, not when it was read and understood, and the last moment before an answer is
due is spent looking at the clock. Meant for a core of its own.
"""

import gc
import heapq
import re
import select
import socket
import time
from collections.abc import Callable
from itertools import count
from typing import Final, TypeAlias

Answer: TypeAlias = Callable[[bytes, bytes, bytes], tuple[int, bytes, float]]
"""Of a method, a target and a body, gives status, JSON body, and after how many seconds it leaves."""
Counted: TypeAlias = Callable[[bytes, int], None]
"""Is told the first target that was asked for on a connection, and 1; and when the connection is lost, the same and -1."""
WATCH: Final = 0.0002
"""Seconds before an answer is due from which on the clock is watched: by so much and less, sleepers are woken up late."""
_READ: Final = 1 << 16
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Punctual:
    """The server.

    Args:
        answer: what it answers.
        counted: is told of connections.
        port: of this machine; 0 for any that is free.
    """

    def __init__(self, answer: Answer, counted: Counted = lambda *_: None, port: int = 0) -> None:
        self._answer = answer
        self._counted = counted
        self._listening = socket.create_server(("127.0.0.1", port), backlog=512)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._open: dict[socket.socket, _Connection] = {}
        self._due: list[tuple[float, int, _Connection, bytes]] = []
        self._order = count()

    def serve(self) -> None:
        """Serve until the process is ended."""
        gc.freeze()
        while True:
            self._send()
            left = self._due[0][0] - time.monotonic() if self._due else None
            wait = left if left is None else max(left - WATCH, 0.0)
            # select waits for parts of a millisecond; epoll rounds every wait up to a whole one.
            ready, _, _ = select.select([self._listening, *self._open], (), (), wait)
            seen = time.monotonic()
            for sock in ready:
                self._send()
                if sock is self._listening:
                    self._accept()
                else:
                    self._take(self._open[sock], seen)

    def _send(self) -> None:
        """Send what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, connection, reply = heapq.heappop(self._due)
            self._reply(connection, reply)

    def _accept(self) -> None:
        sock, _ = self._listening.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open[sock] = _Connection(sock)

    def _take(self, connection: "_Connection", seen: float) -> None:
        """Read what came, and work out the answer of a request that is whole."""
        try:
            data = connection.sock.recv(_READ)
        except ConnectionError:
            data = b""
        if not data:
            self._lose(connection)
            return
        connection.arrived += data
        head, found, rest = connection.arrived.partition(_HEAD_END)
        length = _LENGTH.search(head)
        size = int(length.group(1)) if length else 0
        if not found or len(rest) < size:
            return
        connection.arrived = rest[size:]
        method, target, _ = head.split(b" ", 2)
        if not connection.first:
            connection.first = target
            self._counted(target, 1)
        status, body, seconds = self._answer(method, target, rest[:size])
        reply = b"HTTP/1.1 %d Said\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)
        heapq.heappush(self._due, (seen + seconds, next(self._order), connection, reply))

    def _reply(self, connection: "_Connection", reply: bytes) -> None:
        if connection.sock not in self._open:
            return
        try:
            connection.sock.sendall(reply)
        except OSError:
            self._lose(connection)

    def _lose(self, connection: "_Connection") -> None:
        del self._open[connection.sock]
        connection.sock.close()
        if connection.first:
            self._counted(connection.first, -1)


class _Connection:
    """One client's connection.

    Attributes:
        arrived: what came of a request that is not whole.
        first: the first target that was asked for.
    """

    __slots__ = ("arrived", "first", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.arrived = b""
        self.first = b""
