"""Acme's API on a loopback port, for tests. Imports nothing of the provider, or both would be wrong alike."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from unibill import exactjson
from unibill.sandbox import Refused, SandboxSystem, Seed, Switch

_KEY = "acme-sandbox-key"
_MOST = 50
_FIELDS = ("id", "customer", "currency", "amount", "left", "state", "reference", "text", "created")


class AcmeSandbox(SandboxSystem):
    """Credits of one company."""

    name = "acme"
    switches: ClassVar[tuple[Switch, ...]] = ()

    def __init__(self, database: sqlite3.Connection, switches: Mapping[str, str] | None = None) -> None:
        super().__init__(database, switches)
        database.execute(
            "CREATE TABLE IF NOT EXISTS acme_credits (number INTEGER PRIMARY KEY, customer TEXT NOT NULL, currency TEXT NOT NULL,"
            " amount INTEGER NOT NULL, remaining INTEGER NOT NULL, state TEXT NOT NULL, reference TEXT, text TEXT)"
        )

    def routes(self) -> Sequence[BaseRoute]:
        """The four operations."""
        return [
            Route("/v1/credits", self._list, methods=["GET"]),
            Route("/v1/credits", self._create, methods=["POST"]),
            Route("/v1/credits/{id}", self._get, methods=["GET"]),
            Route("/v1/credits/{id}", self._void, methods=["DELETE"]),
        ]

    def backend(self, url: str) -> dict[str, str]:
        """What a client needs."""
        return {"base_url": f"{url}/{self.name}", "api_key": _KEY}

    def reset(self) -> None:
        """Forget every credit."""
        self.database.execute("DELETE FROM acme_credits")

    def seed(self, seed: Seed) -> None:
        """Generated credits, or rows in the form of ``books``; Acme's documents print none."""
        for number in range(1, seed.count + 1) if seed.kind == "generated" else ():
            self._insert({"customer": f"c{number % 3}", "currency": "USD", "amount": 100 * number})
        for record in seed.records:
            self._insert(record)

    def books(self) -> Iterator[dict[str, object]]:
        """Every credit."""
        for row in self._rows():
            yield {"system": self.name, "type": "credit", **row}

    async def _list(self, request: Request) -> Response:
        self._check(request)
        query = request.query_params
        limit = min(int(query.get("limit", _MOST)), _MOST)
        after = int(query.get("cursor", "0"))
        states = {"active", "void"} if query.get("include_void") == "true" else {"active"}
        wanted = query.get("customer")
        rows = [row for row in self._rows(after) if row["state"] in states and wanted in {None, row["customer"]}]
        page = rows[:limit]
        return _json({"credits": page, "next_cursor": str(page[-1]["id"])[3:] if len(rows) > limit else None})

    async def _create(self, request: Request) -> Response:
        self._check(request)
        body = exactjson.loads(await request.body())
        if not isinstance(body, dict):
            raise Refused(_error(422, "invalid", "give an object"))
        wanted = cast("dict[str, object]", body)
        if not isinstance(wanted.get("amount"), int) or cast("int", wanted["amount"]) <= 0:
            raise Refused(_error(422, "invalid", "amount must be a positive whole number of minor units"))
        return _json({"credit": self._one(self._insert(wanted))}, 201)

    async def _get(self, request: Request) -> Response:
        self._check(request)
        return _json({"credit": self._one(request.path_params["id"])})

    async def _void(self, request: Request) -> Response:
        self._check(request)
        found = self._one(request.path_params["id"])
        self.database.execute("UPDATE acme_credits SET state = 'void' WHERE number = ?", (str(found["id"])[3:],))
        return Response(status_code=204)

    def _check(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {_KEY}":
            raise Refused(_error(401, "unauthorized", "no such api key"))

    def _insert(self, record: Mapping[str, object]) -> str:
        values = [record.get(name) for name in ("customer", "currency", "amount", "amount", "reference", "text")]
        made = self.database.execute(
            "INSERT INTO acme_credits (customer, currency, amount, remaining, state, reference, text) VALUES (?, ?, ?, ?, 'active', ?, ?)",
            values,
        )
        return f"cr_{made.lastrowid}"

    def _one(self, credit_id: str) -> dict[str, object]:
        rows = [row for row in self._rows() if row["id"] == credit_id]
        if not rows:
            raise Refused(_error(404, "not_found", f"no credit {credit_id}"))
        return rows[0]

    def _rows(self, after: int = 0) -> list[dict[str, object]]:
        found = self.database.execute(
            "SELECT 'cr_' || number, customer, currency, amount, remaining, state, reference, text, '2026-04-05T12:00:00Z'"
            " FROM acme_credits WHERE number > ? ORDER BY number",
            (after,),
        )
        return [dict(zip(_FIELDS, row, strict=True)) for row in found]


def _json(value: object, status: int = 200) -> Response:
    return Response(exactjson.dumps(value), status, media_type="application/json")


def _error(status: int, code: str, message: str) -> Response:
    return _json({"error": {"code": code, "message": message}}, status)
