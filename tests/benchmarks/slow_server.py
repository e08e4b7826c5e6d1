"""A server that answers every request after the same time, however many are under way.

``python -m tests.benchmarks.slow_server PORT LATENCY MODULE:FUNCTION:ARGUMENT``: the function makes, of the argument, what
answers: it takes method, target and body as bytes and gives a status and a JSON body. It is asked when a request has come in
whole, as a vendor's system would be, and its answer waits until the latency is over.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from tests.benchmarks.punctual import Punctual

Answer: TypeAlias = Callable[[bytes, bytes, bytes], tuple[int, bytes]]


def pages(folder: str) -> Answer:
    """Answer with the pages of a folder, by the ``page`` of the query; an empty one past the end."""
    held = {path.stem.encode(): path.read_bytes() for path in Path(folder).glob("*.json")}
    empty = held.pop(b"empty", b"[]")

    def answer(_: bytes, target: bytes, __: bytes) -> tuple[int, bytes]:
        number = target.partition(b"page=")[2].partition(b"&")[0]
        return 200, held.get(number, empty)

    return answer


def main(port: str, latency: str, made_by: str) -> None:
    """Serve until stopped."""
    where, function, argument = made_by.split(":", 2)
    answer: Answer = getattr(import_module(where), function)(argument)
    seconds = float(latency)
    Punctual(lambda method, target, body: (*answer(method, target, body), seconds), port=int(port)).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
