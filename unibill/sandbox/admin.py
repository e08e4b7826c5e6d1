"""The routes under ``/_sandbox/``: how a test in any language fills a sandbox, spoils it, and sees what really happened."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, Router

from unibill import exactjson
from unibill.checkwords import told
from unibill.sandbox.faults import parse_faults
from unibill.sandbox.openapi import document
from unibill.sandbox.page import page_routes
from unibill.sandbox.page.origin import foreign

if TYPE_CHECKING:
    from unibill.sandbox.server import Sandbox

ADMIN = "_sandbox"
"""The first segment of the admin routes' paths."""

_CHUNK_BYTES = 1 << 16


class _SeedBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["documented", "generated", "records"] = "documented"
    count: int = Field(default=0, ge=0)
    random_seed: int = 0
    records: list[dict[str, object]] = Field(default_factory=list)
    systems: list[str] | None = None


def admin_router(sandbox: "Sandbox") -> Router:
    """The admin routes of one sandbox, and its page. Bad input answers 400 with ``{"error": …}``, a foreign web page 403.

    ``POST /_sandbox/faults`` puts its list in force instead of those before; ``?add=true`` leaves those before as they are.
    """

    async def reset(_: Request) -> Response:
        sandbox.reset()
        return Response(status_code=204)

    async def seed(request: Request) -> Response:
        body = _seed_body(exactjson.loads(await request.body()))
        sandbox.seed(body.kind, body.count, body.random_seed, body.records, body.systems)
        return Response(status_code=204)

    async def set_faults(request: Request) -> Response:
        faults = parse_faults(exactjson.loads(await request.body() or b"[]"))
        if request.query_params.get("add") == "true":
            sandbox.add_faults(faults)
        else:
            sandbox.faults(faults)
        return Response(status_code=204)

    async def get_faults(_: Request) -> Response:
        return _json(sandbox.fault_report())

    async def get_requests(_: Request) -> Response:
        return _json([asdict(entry) for entry in sandbox.requests()])

    async def get_switches(_: Request) -> Response:
        return _json(sandbox.switches())

    async def get_backends(request: Request) -> Response:
        return _json(sandbox.backends(f"{request.url.scheme}://{request.url.netloc}"))

    async def get_openapi(request: Request) -> Response:
        system = sandbox.systems.get(request.path_params["system"])
        found = None if system is None else document(system, f"{request.url.scheme}://{request.url.netloc}")
        return _json({"error": "there is no such document"}, 404) if found is None else _json(found)

    async def get_books(_: Request) -> Response:
        spool = sandbox.books_file()

        def chunks() -> Iterator[bytes]:
            with spool:
                while chunk := spool.read(_CHUNK_BYTES):
                    yield chunk

        return StreamingResponse(chunks(), media_type="application/jsonl", background=BackgroundTask(spool.close))

    def route(name: str, **methods: Callable[[Request], Awaitable[Response]]) -> list[Route]:
        return [Route(f"/{ADMIN}/{name}", _guarded(handler), methods=[method.upper()]) for method, handler in methods.items()]

    return Router(
        [
            *route("reset", post=reset),
            *route("seed", post=seed),
            *route("faults", post=set_faults, get=get_faults),
            *route("requests", get=get_requests),
            *route("switches", get=get_switches),
            *route("backends", get=get_backends),
            *route("books", get=get_books),
            *route("{system}/openapi.json", get=get_openapi),
            *page_routes(sandbox, f"/{ADMIN}", _guarded),
        ],
        redirect_slashes=False,
    )


def _seed_body(value: object) -> _SeedBody:
    try:
        return _SeedBody.model_validate(value)
    except ValidationError as error:
        raise ValueError(told(error)) from error


def _guarded(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        if reason := foreign(request):
            return _json({"error": reason}, 403)
        try:
            return await handler(request)
        except ValueError as error:
            return _json({"error": str(error)}, 400)

    return guarded


def _json(value: object, status: int = 200) -> Response:
    return Response(exactjson.dumps(value), status_code=status, media_type="application/json")
