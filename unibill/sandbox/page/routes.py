"""The routes of the page: its files, and what its tables show."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from unibill import exactjson
from unibill.redact import mask_cards
from unibill.sandbox.faults import KINDS, settings_of
from unibill.sandbox.page.cells import amount_text, cells, raw_text
from unibill.sandbox.page.patience import Patience
from unibill.sandbox.page.twins import copies, searches
from unibill.sandbox.toml import backends_toml
from unibill.sandbox.view import Entry, RecordType, SystemView, Wanted, mark_of

if TYPE_CHECKING:
    from unibill.sandbox.server import LoggedRequest, Sandbox

Handler = Callable[[Request], Awaitable[Response]]

_FILES: Final = Path(__file__).parent / "static"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
_NO_STORE: Final = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
_MOST_ROWS: Final = 200
_MOST_LINKS: Final = 200
_MOST_TEXT: Final = 200


class Page:
    """What the page asks of one sandbox."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._views: dict[str, SystemView] = {name: system.view() for name, system in sandbox.systems.items()}
        self._figures = Patience()

    async def setup(self, request: Request) -> Response:
        """What does not change while the sandbox serves: its systems, how to connect, its switches, the kinds of faults."""
        settings = self._sandbox.client_settings(_url(request))
        switches = [
            {
                "system": name,
                "switch": switch.name,
                "question": switch.question,
                "value": system.settings[switch.name],
                "usual": switch.default,
            }
            for name, system in self._sandbox.systems.items()
            for switch in system.switches
        ]
        kinds = [{"kind": kind, "settings": settings_of(kind)} for kind in KINDS]
        return _json({"systems": list(self._views), "toml": backends_toml(settings), "switches": switches, "fault_kinds": kinds})

    async def overview(self, request: Request) -> Response:
        """Counts, where accounts stand, faults in force; 204 when nothing has changed since the version in ``since``."""
        version = self._sandbox.version()
        if request.query_params.get("since") == version:
            return Response(status_code=204, headers=_NO_STORE)
        systems: list[dict[str, object]] = []
        settled = True
        for name, view in self._views.items():
            with self._sandbox.transaction():
                figures, fresh = self._figures.get(("overview", name), version, partial(_overview, view))
            settled = settled and fresh
            systems.append({"name": name, **figures})
        faults = self._sandbox.fault_report()
        return _json({"version": version, "settled": settled, "systems": systems, "faults": faults})

    async def records(self, request: Request) -> Response:
        """A page of one table: rows newest first, how many there are and, with ``sums=true``, what all of them come to."""
        name, view, kind = self._table(request)
        offset, count = _whole(request, "offset", 0, 10**12), _whole(request, "count", 25, _MOST_ROWS)
        wanted = Wanted(
            kind.name, request.query_params.get("account", "")[:_MOST_TEXT], request.query_params.get("q", "").strip()[:_MOST_TEXT]
        )
        add = request.query_params.get("sums") == "true"
        version = self._sandbox.version()
        with self._sandbox.transaction():
            total, counted = self._figures.get(("count", name, wanted), version, lambda: view.count(wanted))
            sums, summed = self._figures.get(("sums", name, wanted), version, lambda: view.sums(wanted)) if add else ([], True)
            entries = view.page(wanted, offset, count)
        rows = [
            {"id": entry.id, "account": entry.account, "mark": mark_of(entry.record), "cells": cells(kind, entry, brief=True)}
            for entry in entries
        ]
        written = [
            {**asdict(each), "amounts": {title: amount_text(amount, each.currency) for title, amount in each.amounts.items()}}
            for each in sums
        ]
        return _json({"version": version, "settled": counted and summed, "total": total, "offset": offset, "rows": rows, "sums": written})

    async def record(self, request: Request) -> Response:
        """One record: what the table shows of it, the whole of it, and what belongs to it."""
        name, view, kind = self._table(request)
        with self._sandbox.transaction():
            entry = _found(view, kind, request)
            links = view.links(kind.name, entry)
            copied = view.source(kind.name, entry) is not None
        shown = [{"title": column.title, "text": text} for column, text in zip(kind.columns, cells(kind, entry), strict=True)]
        written = [
            {
                "label": link.label,
                "type": link.type,
                "id": link.id,
                "amount": "" if link.amount is None else f"{amount_text(link.amount, link.currency)} {link.currency}".strip(),
            }
            for link in links
        ]
        return _json(
            {
                "system": name,
                "type": kind.name,
                "id": entry.id,
                "account": entry.account,
                "fields": shown,
                "raw": raw_text(entry.record),
                "links": written[:_MOST_LINKS],
                "more_links": max(0, len(written) - _MOST_LINKS),
                "mark": mark_of(entry.record),
                "copied": copied,
            }
        )

    async def twins(self, request: Request) -> Response:
        """The other ends of a record: what it was copied from, and what was copied from it."""
        name, view, kind = self._table(request)
        url = _url(request)
        with self._sandbox.transaction():
            entry = _found(view, kind, request)
            made = copies(self._views, url, name, kind.name, entry)
            ways = searches(self._views, url, entry)
        found = [twin for way in ways for twin in await asyncio.to_thread(way.run)]
        return _json({"twins": [asdict(twin) for twin in (*found, *made)], "searched": [way.system for way in ways]})

    async def log(self, request: Request) -> Response:
        """The last requests to vendors' routes, newest first."""
        offset, count = _whole(request, "offset", 0, 10**12), _whole(request, "count", 25, _MOST_ROWS)
        needle = request.query_params.get("q", "").strip().lower()
        version = self._sandbox.version()
        entries = self._sandbox.requests()[::-1]
        shown = [entry for entry in entries if needle in _searched(entry)] if needle else entries
        rows = [_logged(entry) for entry in shown[offset : offset + count]]
        return _json({"version": version, "total": len(shown), "offset": offset, "rows": rows})

    def _table(self, request: Request) -> tuple[str, SystemView, RecordType]:
        name = request.query_params.get("system", "")
        view = self._views.get(name)
        if view is None:
            raise ValueError(f"no system {name!r} here; there are: {', '.join(self._views)}")
        with self._sandbox.transaction():
            kinds = {kind.name: kind for kind in view.types()}
        kind = kinds.get(request.query_params.get("type", ""))
        if kind is None:
            raise ValueError(f"no records of type {request.query_params.get('type')!r} in {name}; there are: {', '.join(kinds)}")
        return name, view, kind


def page_routes(sandbox: "Sandbox", prefix: str, guarded: Callable[[Handler], Handler]) -> list[Route]:
    """The page at ``/``, and its files and data below ``prefix``."""
    page = Page(sandbox)
    data = {
        "setup": page.setup,
        "overview": page.overview,
        "records": page.records,
        "record": page.record,
        "twins": page.twins,
        "log": page.log,
    }
    return [
        Route("/", guarded(_file), methods=["GET"]),
        Route(f"{prefix}/page/{{name}}", guarded(_file), methods=["GET"]),
        *(Route(f"{prefix}/{name}", guarded(handler), methods=["GET"]) for name, handler in data.items()),
    ]


async def _file(request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    content = _files().get(name)
    if content is None:
        return _json({"error": f"the page has no file {name!r}"}, 404)
    return Response(content, headers=_HEADERS, media_type=_TYPES[Path(name).suffix])


@cache
def _files() -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in _FILES.iterdir() if path.suffix in _TYPES}


def _overview(view: SystemView) -> dict[str, object]:
    kinds = [
        {
            "name": kind.name,
            "title": kind.title,
            "role": kind.role,
            "count": view.count(Wanted(kind.name)),
            "columns": [{"title": column.title, "kind": column.kind} for column in kind.columns],
        }
        for kind in view.types()
    ]
    standing = [
        {"currency": each.currency, "to_spend": amount_text(each.to_spend, each.currency), "owed": amount_text(each.owed, each.currency)}
        for each in view.standing()
    ]
    return {"types": kinds, "standing": standing, "marked": view.marked()}


def _found(view: SystemView, kind: RecordType, request: Request) -> Entry:
    number = request.query_params.get("id", "")
    entry = view.find(kind.name, number)
    if entry is None:
        raise ValueError(f"no record {number!r} of type {kind.name}; it may have been removed")
    return entry


def _logged(entry: "LoggedRequest") -> dict[str, object]:
    return {**asdict(entry), "path": mask_cards(entry.path), "query": mask_cards(entry.query)}


def _searched(entry: "LoggedRequest") -> str:
    status = entry.status if entry.status is not None else "no answer"
    return f"{entry.method} {entry.path}?{entry.query} {status} {entry.fault or ''}".lower()


def _whole(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(f"{name} is a whole number from 0, not {text!r}")
    return min(int(text), most)


def _url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _json(value: object, status: int = 200) -> Response:
    return Response(exactjson.dumps(value), status_code=status, media_type="application/json", headers=_NO_STORE)
