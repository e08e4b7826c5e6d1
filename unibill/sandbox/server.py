"""The sandbox server: several vendors' systems over one SQLite database, faults, and the routes by which a test looks in.

What touches the database runs under one lock and is never suspended half-way: a request's body is read first, then the
vendor's handler runs from start to end in one transaction, then the answer is sent. So a handler is atomic whether the
request came over a socket, in process, or from another thread, and the Python methods here may be called from any thread.
"""

import asyncio
import sqlite3
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self, cast
from uuid import uuid4

from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from unibill import exactjson
from unibill.sandbox.admin import ADMIN, admin_router
from unibill.sandbox.faults import Answer, Fault, FaultList, Hit, bare_status, error_page, parse_faults, spoils_bodies
from unibill.sandbox.serving import CUT, in_background, in_foreground
from unibill.sandbox.system import Refused, SandboxSystem, Seed

SystemFactory = Callable[[sqlite3.Connection, Mapping[str, str]], SandboxSystem]
"""What makes a system: its class, or a function that gives it more than a database and its switches."""

_SPOOL_BYTES = 8_000_000


class ConnectionCut(ConnectionResetError):
    """A fault cut the connection of a request that came in process, where there is no connection to close."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request to a vendor's route.

    Attributes:
        number: counts from 1 since the last reset.
        time: milliseconds since the epoch.
        status: None if the client got no answer.
        fault: the kind of the fault applied, or None.
    """

    number: int
    time: int
    system: str
    method: str
    path: str
    query: str
    status: int | None
    fault: str | None


class Sandbox:
    """Vendors' systems behind one ASGI app.

    Args:
        systems: the classes of the systems, or a mapping of their names to what makes them.
        database: an SQLite file, made if it is not there; None keeps everything in memory.
        switches: per system, its switches.
        log_size: how many requests ``requests()`` remembers.

    Raises:
        ValueError: two systems of one name, or a switch of none.

    Close it, or use it in a ``with`` statement: it holds a database connection.
    """

    def __init__(
        self,
        systems: Mapping[str, SystemFactory] | Iterable[type[SandboxSystem]],
        database: Path | None = None,
        switches: Mapping[str, Mapping[str, str]] | None = None,
        log_size: int = 10_000,
    ) -> None:
        factories = _factories(systems)
        names = [name for name, _ in factories]
        if len(set(names)) < len(names):
            raise ValueError(f"two systems of one name: {', '.join(names)}")
        stray = set(switches or {}) - set(names)
        if stray:
            raise ValueError(f"switches for {', '.join(sorted(stray))}, which is not among the systems: {', '.join(names)}")
        self._lock = threading.RLock()
        self._faults = FaultList()
        self._fault_changes = 0
        self._started = uuid4().hex[:8]
        self._log: deque[LoggedRequest] = deque(maxlen=log_size)
        self._count = 0
        self._late: set[asyncio.Task[None]] = set()
        self._database = _open(database)
        try:
            self.systems = {name: factory(self._database, (switches or {}).get(name, {})) for name, factory in factories}
        except BaseException:
            self._database.close()
            raise
        self._routers = {name: Router(system.routes(), redirect_slashes=False) for name, system in self.systems.items()}
        self._admin = admin_router(self)
        self.app = self._serve_asgi
        """The whole server as an ASGI app, for use in process."""

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def serve(self, port: int = 0) -> Generator["Serving", None, None]:
        """Serve on 127.0.0.1 from a thread of its own; port 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        with in_background(self.app, port) as url:
            yield Serving(url, self)

    def run(self, port: int = 0, ready: Callable[[str], None] = lambda _: None) -> None:
        """Serve on 127.0.0.1 in the foreground until interrupted; ``ready`` gets the URL once connections are taken.

        Raises:
            OSError: the port is taken.
        """
        in_foreground(self.app, port, ready)

    def backends(self, url: str) -> dict[str, object]:
        """What a client needs to reach each system, for the server at ``url``: ``{"url", <name>: {"base_url", …}}``."""
        return {"url": url, **{name: system.backend(url) for name, system in self.systems.items()}}

    def client_settings(self, url: str) -> dict[str, dict[str, str]]:
        """Everything that a client of each system should be configured with, for the server at ``url``, by the system's name."""
        return {name: {**system.backend(url), **system.configured()} for name, system in self.systems.items()}

    def switches(self) -> dict[str, dict[str, str]]:
        """Every switch of every system, with its value."""
        return {name: dict(system.settings) for name, system in self.systems.items()}

    def reset(self) -> None:
        """Empty every system; forget faults and logged requests."""
        with self.transaction():
            for system in self.systems.values():
                system.reset()
            self._faults = FaultList()
            self._fault_changes += 1
            self._log.clear()
            self._count = 0

    def seed(
        self,
        kind: Literal["documented", "generated", "records"],
        count: int = 0,
        random_seed: int = 0,
        records: Sequence[Mapping[str, object]] = (),
        systems: Sequence[str] | None = None,
    ) -> None:
        """Add records to every system, or to those named.

        Args:
            kind: ``documented``: what the vendors' pages print; ``generated``: ``count`` credits each; ``records``: rows as
                ``books()`` gives them, each to the system it names.
            count: how many credits to generate.
            random_seed: the same number gives the same records.
            records: the rows of ``records``.
            systems: names; None for all.

        Raises:
            ValueError: a system that is not here, or rows that do not fit.
        """
        wanted = list(self.systems) if systems is None else list(systems)
        rows: dict[str, list[Mapping[str, object]]] = {name: [] for name in wanted}
        for record in records:
            rows.setdefault(str(record.get("system")), []).append(record)
        absent = set(rows) - set(self.systems)
        if absent:
            raise ValueError(f"no system {', '.join(sorted(absent))} here; there are: {', '.join(self.systems)}")
        with self.transaction():
            for name in wanted:
                if kind != "records" or rows[name]:
                    self.systems[name].seed(Seed(kind, count, random_seed, rows[name]))

    def books(self) -> list[dict[str, object]]:
        """The whole state of every system at one moment; see ``SandboxSystem.books``."""
        with self._lock:
            return [row for system in self.systems.values() for row in system.books()]

    def books_file(self) -> IO[bytes]:
        """``books()`` as JSON Lines in a temporary file, at its start; the caller closes it."""
        spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - handed to the caller
        with self._lock:
            for system in self.systems.values():
                for row in system.books():
                    spool.write(exactjson.dumps(row))
                    spool.write(b"\n")
        spool.seek(0)
        return cast("IO[bytes]", spool)

    def requests(self) -> list[LoggedRequest]:
        """The last requests to vendors' routes, oldest first. Headers and bodies are not kept."""
        with self._lock:
            return list(self._log)

    def faults(self, faults: Sequence[Fault | Mapping[str, object]]) -> None:
        """Put these faults in force, instead of those before; an empty list clears.

        Raises:
            ValueError: a fault that makes no sense; see ``Fault``.
        """
        parsed = parse_faults(list(faults))
        with self._lock:
            self._faults = FaultList(parsed)
            self._fault_changes += 1

    def add_faults(self, faults: Sequence[Fault | Mapping[str, object]]) -> None:
        """Put these faults in force after those before, which go on as they are.

        Raises:
            ValueError: a fault that makes no sense; see ``Fault``.
        """
        parsed = parse_faults(list(faults))
        with self._lock:
            self._faults.add(parsed)
            self._fault_changes += 1

    def version(self) -> str:
        """A text that is another one after every change of the records, the faults and the request log."""
        with self._lock:
            return f"{self._started}.{self._database.total_changes}.{self._count}.{self._fault_changes}"

    def fault_report(self) -> list[dict[str, object]]:
        """The faults in force, and how often each was used."""
        with self._lock:
            return self._faults.report()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock and one database transaction: committed at the end, rolled back on an exception."""
        with self._lock:
            self._database.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    async def _serve_asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._admin(scope, receive, send)
            return
        name = cast("str", scope["path"]).split("/", 2)[1]
        if name in ("", ADMIN):
            await self._admin(scope, receive, send)
        elif name in self._routers:
            await self._answer_vendor(name, scope, receive, send)
        else:
            places = [f"/{system}" for system in (*self.systems, ADMIN)]
            body = exactjson.dumps({"error": f"nothing here; try {', '.join(places)}"})
            await _send(Answer(404, [(b"content-type", b"application/json")], b"").with_body(body), send)

    async def _answer_vendor(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            return
        with self._lock:
            hit = self._faults.pick(scope["method"], scope["path"])
        try:
            if hit is None:
                await self._reply(name, scope, self._handle(name, scope, body), None, send)
            else:
                await self._misbehave(hit, name, scope, body, receive, send)
        except ConnectionCut:
            raise
        except Exception:
            self._remember(name, scope, 500, None)
            raise

    async def _misbehave(self, hit: Hit, name: str, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        fault = hit.fault
        kind: str | None = fault.kind
        answer: Answer | None = None
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
            answer = self._handle(name, scope, body)
        elif fault.kind == "late-effect":
            self._handle_later(fault.seconds, name, scope, body)
            answer = None if fault.answer == "cut" else bare_status(502)
        elif fault.kind.startswith("cut-"):
            if fault.kind == "cut-after":
                self._handle(name, scope, body)
        elif fault.kind == "slow-body":
            answer = self._handle(name, scope, body)
        elif spoils_bodies(fault.kind):
            whole = self._handle(name, scope, body)
            answer = hit.spoil(whole)
            if answer is None:
                hit.give_back()
                answer, kind = whole, None
        else:
            if fault.effect == "done":
                self._handle(name, scope, body)
            status = fault.status if fault.kind == "html-error" else int(fault.kind.removeprefix("status-"))
            answer = error_page(status) if fault.kind == "html-error" else bare_status(status, fault.retry_after)
        if answer is None:
            self._remember(name, scope, None, kind)
            await _cut(scope, receive)
            return
        await self._reply(name, scope, answer, kind, send, fault.seconds if kind == "slow-body" else None)

    async def _reply(self, name: str, scope: Scope, answer: Answer, kind: str | None, send: Send, pause: float | None = None) -> None:
        self._remember(name, scope, answer.status, kind)
        if pause is None:
            await _send(answer, send)
        else:
            await _send_slowly(answer, send, pause)

    def _handle(self, name: str, scope: Scope, body: bytes) -> Answer:
        """Run the vendor's handler from start to end, in one transaction."""
        inner = dict(scope)
        inner["root_path"] = f"{scope.get('root_path', '')}/{name}"
        start: Message = {}
        parts: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        coroutine = self._routers[name](inner, receive, send)
        try:
            with self.transaction():
                try:
                    coroutine.send(None)
                except StopIteration:
                    return Answer(start["status"], list(start["headers"]), b"".join(parts))
                raise RuntimeError(f"the handler of {scope['method']} {scope['path']} waited for something; handlers must not")
        except Refused as refused:
            return Answer(refused.response.status_code, list(refused.response.raw_headers), bytes(refused.response.body))
        finally:
            coroutine.close()

    def _handle_later(self, seconds: float, name: str, scope: Scope, body: bytes) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            self._handle(name, scope, body)

        task = asyncio.get_running_loop().create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _remember(self, name: str, scope: Scope, status: int | None, fault: str | None) -> None:
        query = cast("bytes", scope["query_string"]).decode("latin-1")
        with self._lock:
            self._count += 1
            self._log.append(
                LoggedRequest(self._count, round(time.time() * 1000), name, scope["method"], scope["path"], query, status, fault)
            )


@dataclass(frozen=True, slots=True)
class Serving:
    """A sandbox that listens: ``url`` without a trailing slash."""

    url: str
    sandbox: Sandbox

    @property
    def backends(self) -> dict[str, object]:
        """The settings of every system at this URL."""
        return self.sandbox.backends(self.url)


def _factories(systems: Mapping[str, SystemFactory] | Iterable[type[SandboxSystem]]) -> Sequence[tuple[str, SystemFactory]]:
    if isinstance(systems, Mapping):
        return [(name, factory) for name, factory in cast("Mapping[str, SystemFactory]", systems).items()]
    return [(system.name, system) for system in systems]


def _open(path: Path | None) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False, isolation_level=None, cached_statements=512)
    try:
        if path is not None:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _send(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_slowly(answer: Answer, send: Send, pause: float) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    for byte in answer.body:
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": b""})


async def _cut(scope: Scope, receive: Receive) -> None:
    cut = cast("Callable[[], None] | None", scope.get("state", {}).get(CUT))
    if cut is None:
        raise ConnectionCut("a fault of the sandbox cut this connection")
    cut()
    while (await receive())["type"] != "http.disconnect":
        pass
