"""A server that answers every request after the same time, however many are under way.

``python -m tests.benchmarks.slow_server PORT LATENCY MODULE:FUNCTION:ARGUMENT``: the function makes, of the argument, what
answers: it takes method, target and body as bytes and gives a status and a JSON body. It is asked when a request has come in
whole, as a vendor's system would be, and its answer waits until the latency is over.
"""

import asyncio
import selectors
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias

Answer: TypeAlias = Callable[[bytes, bytes, bytes], tuple[int, bytes]]
_END: Final = b"\r\n\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self, answer: Answer, latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        received = asyncio.get_running_loop().time()
        self._read += data
        head, found, rest = self._read.partition(_END)
        length = _length(head)
        if not found or len(rest) < length:
            return
        self._read = rest[length:]
        method, target, _ = head.split(b"\r\n", 1)[0].split(b" ")
        status, body = self._answer(method, target, rest[:length])
        said = f"HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        asyncio.get_running_loop().call_at(received + self._latency, self._write, said)

    def _write(self, said: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(said)


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def pages(folder: str) -> Answer:
    """Answer with the pages of a folder, by the ``page`` of the query; an empty one past the end."""
    held = {path.stem.encode(): path.read_bytes() for path in Path(folder).glob("*.json")}
    empty = held.pop(b"empty", b"[]")

    def answer(_: bytes, target: bytes, __: bytes) -> tuple[int, bytes]:
        number = target.partition(b"page=")[2].partition(b"&")[0]
        return 200, held.get(number, empty)

    return answer


async def _serve(port: int, latency: float, answer: Answer) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(answer, latency), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


def main(port: str, latency: str, made_by: str) -> None:
    """Serve until stopped."""
    where, function, argument = made_by.split(":", 2)
    answer: Answer = getattr(import_module(where), function)(argument)
    # select waits for parts of a millisecond; epoll, the usual one, rounds every delay up to a whole one.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_serve(int(port), float(latency), answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
