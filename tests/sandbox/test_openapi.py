"""The sandboxes tell in OpenAPI what they take, and whatever is sent to them, none of it is a server error."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fuzz.sandboxes import SYSTEMS, fuzz
from tests.support.kit import steady_serving
from unibill.sandbox import Sandbox, SandboxSystem, Serving

PROVIDERS = Path(__file__).parents[1] / "providers"
Operations = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    with steady_serving() as serving:
        yield serving


def document(serving: Serving, system: str) -> dict[str, Any]:
    answer = httpx.get(f"{serving.url}/_sandbox/{system}/openapi.json", trust_env=False)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(found: dict[str, Any]) -> Operations:
    return {(method.upper(), path): entry for path, methods in found["paths"].items() for method, entry in methods.items()}


def asked(entry: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in entry["parameters"] if parameter["in"] == "query"}


def test_socotras_document_has_the_vendors_46_operations_with_their_queries_and_bodies(served: Serving) -> None:
    vendor = json.loads((PROVIDERS / "socotra" / "socotra-api.json").read_text("utf-8"))["operations"]
    told = operations(document(served, "socotra"))
    assert {place: entry["operationId"] for place, entry in told.items()} == {
        (one["method"], one["path"]): one["operation"] for one in vendor
    }
    assert len(told) == 46
    for one in vendor:
        entry = told[one["method"], one["path"]]
        wanted = {parameter["name"] for parameter in one["parameters"] if parameter["in"] == "query"}
        assert asked(entry) == wanted - {"size"}, one["operation"]
        assert ("requestBody" in entry) == bool(one.get("request")), one["operation"]


def test_billagains_document_has_the_vendors_routes(served: Serving) -> None:
    vendor = json.loads((PROVIDERS / "billagain" / "billagain-api.json").read_text("utf-8"))["operations"]
    told = {(method, path.replace("{id}", "{}")) for method, path in operations(document(served, "billagain"))}
    wanted = {
        (one["method"], "/v1" + one["path"].replace("{creditNoteID}", "{}").replace("{customerID}", "{}").replace("{invoiceID}", "{}"))
        for one in vendor
    }
    assert told == wanted


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_told_is_what_is_served(system: str, served: Serving) -> None:
    told = document(served, system)
    assert told["servers"] == [{"url": f"{served.url}/{system}"}]
    made: SandboxSystem = served.sandbox.systems[system]
    routes = {str(getattr(route, "path", "")) for route in made.routes()} - {"/{path:path}"}
    assert set(told["paths"]) == routes


def test_a_system_that_tells_nothing_has_no_document(notes: type[SandboxSystem]) -> None:
    with Sandbox([notes]) as sandbox, sandbox.serve() as serving:
        for name in (notes.name, "nobody"):
            answer = httpx.get(f"{serving.url}/_sandbox/{name}/openapi.json", trust_env=False)
            assert (answer.status_code, answer.json()) == (404, {"error": "there is no such document"})


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_request_is_a_server_error_whatever_it_holds(system: str, served: Serving) -> None:
    ended = fuzz(served, system, examples=3)
    statuses = {status for _, status in ended}
    assert statuses & {200, 201}
    assert statuses & {400, 404, 409, 410}
    assert {label for label, _ in ended} == {f"{method} {path}" for method, path in operations(document(served, system))}
