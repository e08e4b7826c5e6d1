"""The processes of the harness: two sandbox servers, and those that work between them and are killed."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from tests.crash.vendors import Row, Server
from unibill import exactjson

ROOT: Final = Path(__file__).parents[2]
_PATIENCE: Final = 60.0
_PASSING: Final = ("Unavailable", "RateLimited", "MalformedResponse")
"""Errors that end a process because of the faults it met; the next one goes on."""


class Lines:
    """The lines that a process writes, waited for no longer than a while."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self._process = process
        self._handle = process.stdout.fileno()
        self._rest = b""
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._handle, selectors.EVENT_READ)

    def next(self, seconds: float = _PATIENCE) -> dict[str, Any] | None:
        """The next line, or None if none came in time."""
        limit = time.monotonic() + seconds
        while b"\n" not in self._rest:
            if not self._ready.select(max(0.0, limit - time.monotonic())):
                return None
            data = os.read(self._handle, 65536)
            if not data:
                raise AssertionError(f"a process of the harness ended by itself, with {self._process.wait(5)}")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """Watch no longer."""
        self._ready.close()


@contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", Lines]]:
    """A worker process, ended with the block."""
    command = [sys.executable, "-m", "tests.crash.worker", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this very interpreter
    lines = Lines(process)
    try:
        yield process, lines
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        if arguments:
            process.terminate()
        process.wait(10)
        lines.close()
        process.stdout.close()


class Forks:
    """Starts the processes that do the jobs, one at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]", lines: Lines) -> None:
        self._process = process
        self._lines = lines
        self.pid = 0
        self.held = ""
        self.ended: dict[str, Any] | None = None

    def start(self, job: Mapping[str, Any]) -> None:
        """Begin a job."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        self.held, self.ended = "", None
        begun = self._lines.next()
        assert begun is not None
        self.pid = int(begun["pid"])

    def listen(self, seconds: float) -> None:
        """Hear what the process says within a while: that it is held, or has ended."""
        said = self._lines.next(seconds)
        if said is not None and "held" in said:
            self.held = said["held"]
        elif said is not None:
            self.ended = said

    def kill(self) -> bool:
        """Kill the process, unless it has ended; tells whether it was killed."""
        os.kill(self.pid, signal.SIGKILL)  # a zombie until the next job, so the number is still its own
        return self.wait() < 0

    def wait(self) -> int:
        """Wait for the end; gives the exit status, -9 for a killed process."""
        limit = time.monotonic() + _PATIENCE
        while self.ended is None:
            assert time.monotonic() < limit, "a job takes too long"
            self.listen(1.0)
        return -int(self.ended["ended"]) if self.ended["killed"] else int(self.ended["ended"])


@dataclass
class World:
    """Two servers, and two places to start processes, so that two can run at once."""

    source: Server
    target: Server
    forks: tuple[Forks, Forks]


@contextmanager
def world() -> Iterator[World]:
    """Start all of it."""
    with ExitStack() as stack:
        servers: list[Server] = []
        for _ in range(2):
            said = stack.enter_context(started("serve"))[1].next()
            assert said is not None
            servers.append(Server(said))
            stack.enter_context(closing(servers[-1].client))
        forks = [Forks(*stack.enter_context(started())) for _ in range(2)]
        yield World(servers[0], servers[1], (forks[0], forks[1]))


@dataclass
class Ended:
    """How a process ended: killed, or with a result."""

    killed: bool
    status: int
    result: Row = field(default_factory=dict[str, Any])


def ended(forks: Forks, job: Row) -> Ended:
    """Wait for a process and read its result."""
    status = forks.wait()
    place = Path(job["result"])
    result = cast("Row", exactjson.loads(place.read_bytes())) if place.exists() else dict[str, Any]()
    if status >= 0:
        assert result, f"a process ended with {status} and without a result"
    if "error" in result and not str(result["error"]).startswith(_PASSING):
        raise AssertionError(f"{job['do']}: {result['error']}")
    return Ended(status < 0, status, result)
