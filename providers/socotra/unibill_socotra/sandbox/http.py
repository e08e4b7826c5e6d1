"""The transport's side of every operation: who may call it, how it is asked, and how it is answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from unibill import exactjson
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.auth import Gate, Turned
from unibill_socotra.sandbox.bodies import Body
from unibill_socotra.sandbox.errors import Declined, invalid
from unibill_socotra.sandbox.identity import ulid
from unibill_socotra.sandbox.store import Store

Answer = bytes | str


@dataclass(frozen=True, slots=True)
class Operation:
    """One documented operation.

    Attributes:
        name: the vendor's name of it.
        method: GET, POST, PUT or PATCH.
        path: below the base URL.
        group: the security group whose permission it needs.
        permissions: all of these.
        answer: does it, and gives the JSON of the answer.
        kind: the kind of record it answers, for state conflicts that are answered with a 200.
        takes: the body it takes.
        asks: the parameters of its query.
    """

    name: str
    method: str
    path: str
    group: str
    permissions: tuple[str, ...]
    answer: Callable[["Call"], Answer]
    kind: type[r.Record] | None = None
    takes: type[Body] | None = None
    asks: tuple[str, ...] = ()


class Call:
    """One request, read.

    Args:
        request: as it came.
        body: its bytes.
        settings: the switches.
    """

    def __init__(self, request: Request, body: bytes, settings: Mapping[str, str]) -> None:
        self._path: Mapping[str, str] = request.path_params
        self._query = request.query_params
        self._settings = settings
        self.body = body

    def locator(self, name: str = "locator") -> str:
        """A locator of the path.

        Raises:
            Declined: it is not a ULID, or in small letters where these are refused.
        """
        given = self._path[name]
        found = ulid(given)
        if found != given and self._settings["ulid-case"] == "reject":
            raise invalid(f"Invalid ULID: '{given}'")
        return found

    def text(self, name: str) -> str:
        """A part of the path."""
        return self._path[name]

    def query(self, name: str) -> str | None:
        """A query parameter."""
        return self._query.get(name)

    def query_locator(self, name: str) -> str | None:
        """A locator of the query.

        Raises:
            Declined: it is not a ULID.
        """
        value = self._query.get(name)
        return None if value is None else ulid(value)

    def flag(self, name: str, default: bool) -> bool:
        """A boolean of the query.

        Raises:
            Declined: it is neither true nor false.
        """
        value = self._query.get(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise invalid(f"{name} must be true or false, not {value!r}")
        return value == "true"

    def include_reversed(self) -> bool:
        """Whether reversed ones are wanted.

        Raises:
            Declined: it is neither true nor false.
        """
        return self.flag("includeReversed", self._settings["include-reversed-default"] == "true")

    def whole(self, name: str, default: int) -> int:
        """A non-negative integer of the query.

        Raises:
            Declined: it is not one.
        """
        value = self._query.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit()):
            raise invalid(f"{name} must be a whole number from 0, not {value!r}")
        return int(value)

    def window(self) -> tuple[int, int]:
        """The offset and count of the page asked for.

        Raises:
            Declined: one of them is no whole number, or the count is above the maximum and the switch rejects that.
        """
        offset = self.whole("offset", 0)
        most = int(self._settings["max-count"])
        count = self.whole("count", min(int(self._settings["default-count"]), most))
        if count > most:
            if self._settings["count-overflow"] == "reject":
                raise invalid(f"count must be at most {most}, not {count}")
            count = most
        return min(offset, _FAR), count


_FAR: Final = 2**62
_ORDERS: Final = {"locator-asc": "locator ASC", "locator-desc": "locator DESC", "shuffled": "substr(locator, -6), locator"}


class Lists:
    """Pages: the window, the order, what is hidden, and the envelope.

    Args:
        store: the records.
        settings: the switches.
    """

    def __init__(self, store: Store, settings: Mapping[str, str]) -> None:
        self._store = store
        self._settings = settings
        self._order = _ORDERS[settings["list-order"]]

    def page(self, call: Call, table: str, where: str, parameters: Sequence[object], *, column: str = "body", extended: bool = True) -> str:
        """A page of stored JSON.

        Args:
            call: the request.
            table: where the records are.
            where: which of them; a constant of this package.
            parameters: its values.
            column: the JSON wanted.
            extended: whether the operation takes ``extended`` (the older generation's bare arrays).

        Raises:
            Declined: a bad window.
        """
        offset, count = call.window()
        sql = f"SELECT {column} FROM {table} WHERE {where} ORDER BY {self._order} LIMIT ? OFFSET ?"  # noqa: S608 - constants of this package
        rows = self._store.database.execute(sql, (*parameters, count + 1, offset)).fetchall()
        return self._envelope(call, [row[0] for row in rows], offset, count, extended=extended)

    def of(self, call: Call, found: Mapping[str, str], *, extended: bool = True) -> str:
        """A page of JSON texts given by a key that begins with their locator.

        Raises:
            Declined: a bad window.
        """
        offset, count = call.window()
        keys = sorted(found, reverse=self._settings["list-order"] == "locator-desc")
        if self._settings["list-order"] == "shuffled":
            keys.sort(key=lambda key: key[20:26])
        return self._envelope(call, [found[key] for key in keys[offset : offset + count + 1]], offset, count, extended=extended)

    @staticmethod
    def whole(texts: Sequence[str]) -> str:
        """An envelope with everything there is."""
        return f'{{"listCompleted":true,"items":[{",".join(texts)}]}}'

    def _envelope(self, call: Call, rows: list[str], offset: int, count: int, *, extended: bool) -> str:
        more = len(rows) > count
        rows = rows[:count]
        completed = not more if self._settings["completed-flag"] == "exact" else len(rows) < count
        hidden = self._settings["hidden-items"]
        if hidden == "every-third":
            rows = [row for index, row in enumerate(rows, offset + 1) if index % 3]
        elif hidden == "whole-page" and offset == 0 and not completed:
            rows = []
        items = f"[{','.join(rows)}]"
        legacy = self._settings["legacy-lists"]
        wanted = call.flag("extended", default=False)
        if extended and (legacy == "bare-always" or (legacy == "bare-unless-extended" and not wanted)):
            return items
        return f'{{"listCompleted":{"true" if completed else "false"},"items":{items}}}'


class Front:
    """Turns operations into routes.

    Args:
        gate: who may call what.
        store: the records.
        settings: the switches.
        tick: called once for every admitted request.
    """

    def __init__(self, gate: Gate, store: Store, settings: Mapping[str, str], tick: Callable[[], None]) -> None:
        self._gate = gate
        self._store = store
        self._settings = settings
        self._tick = tick
        self._requests = 0

    def route(self, operation: Operation) -> Route:
        """The route of an operation."""

        async def endpoint(request: Request) -> Response:
            body = await request.body()
            return self._handle(operation, request, body)

        return Route(operation.path, endpoint, methods=[operation.method], name=operation.name)

    def nowhere(self) -> Route:
        """The route of everything that no operation has."""

        async def endpoint(request: Request) -> Response:
            return self._error(404, f"{request.method} {request.url.path} is not an operation of this API")

        return Route("/{path:path}", endpoint, methods=["GET", "POST", "PUT", "PATCH", "DELETE"], name="nowhere")

    def _handle(self, operation: Operation, request: Request, body: bytes) -> Response:
        try:
            tenant = str(request.path_params["tenantLocator"])
            self._gate.admit(request.headers.get("authorization"), tenant, operation.group, operation.permissions)
            self._tick()
            return self._ok(operation.answer(Call(request, body, self._settings)))
        except Turned as turned:
            return self._error(turned.status, turned.message)
        except Declined as declined:
            return self._declined(operation, declined)

    def _declined(self, operation: Operation, declined: Declined) -> Response:
        settings = self._settings
        statuses = {
            "invalid": settings["invalid-input-status"],
            "unknown": settings["unknown-locator-status"],
            "conflict": settings["state-conflict"],
            "refused-validation": "400",
            "shortage": "409",
        }
        status = statuses[declined.kind]
        if status.isdigit():
            return self._error(int(status), declined.message)
        record = declined.record
        if record is None or type(record) is not operation.kind:
            return self._error(409, declined.message)
        if status == "soft-200" and isinstance(record, (r.Distribution, r.Payment)):
            failed = r.Validation(False, [r.Problem(record.kind, record.locator, [declined.message])])
            return self._ok(self._store.renderer.body(msgspec.structs.replace(record, validation_result=failed)))
        return self._ok(self._store.body(type(record), record.locator))

    def _ok(self, answer: Answer) -> Response:
        return Response(answer, media_type="application/json", headers={"socotra-request-id": self._request_id()})

    def _error(self, status: int, message: str) -> Response:
        request_id = self._request_id()
        headers = {"socotra-request-id": request_id}
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        form = self._settings["error-body"]
        if form == "empty":
            return Response(b"", status, headers)
        if form == "html":
            page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><p>{escape(message)}</p></body></html>"
            return Response(page, status, headers, "text/html")
        fields: dict[str, object] = {"message": message}
        if form == "message-plus":
            fields.update(status=status, requestId=request_id, details=[])
        return Response(exactjson.dumps(fields), status, headers, "application/json")

    def _request_id(self) -> str:
        self._requests += 1
        return f"{self._requests:016x}"
