import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from unibill import exactjson
from unibill.sandbox import Refused, Sandbox, SandboxSystem, Seed, Serving, Switch


class Notes(SandboxSystem):
    """A made-up vendor, as small as one can be: notes with an amount."""

    name = "notes"
    switches: ClassVar[tuple[Switch, ...]] = (Switch("envelope", "off", ("off", "on"), "Is a list wrapped in items?", 1),)

    def __init__(self, database: sqlite3.Connection, switches: Mapping[str, str] | None = None) -> None:
        super().__init__(database, switches)
        database.execute("CREATE TABLE IF NOT EXISTS notes_notes (id INTEGER PRIMARY KEY, amount TEXT NOT NULL)")

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/notes", self._list, methods=["GET"]),
            Route("/v1/notes", self._add, methods=["POST"]),
            Route("/v1/broken", self._write_then_raise, methods=["POST"]),
            Route("/v1/refused", self._write_then_refuse, methods=["POST"]),
        ]

    def backend(self, url: str) -> dict[str, str]:
        return {"base_url": f"{url}/notes/v1", "token": "t"}

    def reset(self) -> None:
        self.database.execute("DELETE FROM notes_notes")

    def seed(self, seed: Seed) -> None:
        amounts = [record["amount"] for record in seed.records] if seed.kind == "records" else range(1, seed.count + 1)
        self.database.executemany("INSERT INTO notes_notes (amount) VALUES (?)", [(str(amount),) for amount in amounts])

    def books(self) -> Iterator[dict[str, object]]:
        for number, amount in self.database.execute("SELECT id, amount FROM notes_notes ORDER BY id"):
            yield {"system": self.name, "type": "note", "id": number, "amount": Decimal(amount)}

    async def _list(self, _: Request) -> Response:
        notes = [{"id": note["id"], "Amount": note["amount"]} for note in self.books()]
        return _json({"items": notes, "listCompleted": True} if self.settings["envelope"] == "on" else notes)

    async def _add(self, request: Request) -> Response:
        body = exactjson.loads(await request.body())
        assert isinstance(body, dict)
        self.seed(Seed("records", records=[body]))
        return _json(body, 201)

    async def _write_then_raise(self, _: Request) -> Response:
        self.seed(Seed("generated", count=1))
        raise ZeroDivisionError

    async def _write_then_refuse(self, _: Request) -> Response:
        self.seed(Seed("generated", count=1))
        raise Refused(Response("no", 409))


def _json(value: object, status: int = 200) -> Response:
    return Response(exactjson.dumps(value), status, media_type="application/json")


@pytest.fixture
def notes() -> type[Notes]:
    return Notes


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox([Notes]) as sandbox:
        yield sandbox


@pytest.fixture
def serving(sandbox: Sandbox) -> Iterator[Serving]:
    with sandbox.serve() as serving:
        yield serving


@pytest.fixture
def http(serving: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serving.url, trust_env=False) as client:
        yield client
