"""The OpenAPI document of a sandbox's system, made from its own table of routes.

It says what this server takes, for clients in other languages and for fuzzers; it is no document of the vendor's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from unibill.sandbox.system import SandboxSystem

Schema = Mapping[str, Any]
"""A JSON schema."""
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a vendor's API, as a client sees it.

    Attributes:
        name: the vendor's name of it.
        method: of HTTP.
        path: below the system, with {placeholders}.
        statuses: that it answers when all is well or the request is at fault.
        query: schemas of the query's parameters, all of them optional.
        path_parameters: schemas of the placeholders; a text where none is given.
        body: schema of the body; None where it takes none.
    """

    name: str
    method: str
    path: str
    statuses: Sequence[int] = (200,)
    query: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    path_parameters: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    body: Schema | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a system says of its API.

    Attributes:
        title: the vendor's name.
        version: of the vendor's API.
        scheme: how a client proves who it is.
        operations: all of them.
        schemas: those that bodies refer to, by name.
    """

    title: str
    version: str
    scheme: Literal["basic", "bearer"]
    operations: Sequence[Operation]
    schemas: Mapping[str, Schema] = field(default_factory=dict[str, Schema])


def document(system: "SandboxSystem", url: str) -> dict[str, Any] | None:
    """The document of a system served at ``url``; None where the system describes nothing."""
    described = system.description()
    if described is None:
        return None
    paths: dict[str, dict[str, Any]] = {}
    for operation in described.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"unibill's sandbox of {described.title}", "version": described.version},
        "servers": [{"url": f"{url}/{system.name}"}],
        "security": [{"account": []}],
        "paths": paths,
        "components": {
            "schemas": dict(described.schemas),
            "securitySchemes": {"account": {"type": "http", "scheme": described.scheme}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    placed = [
        {"name": name, "in": "path", "required": True, "schema": operation.path_parameters.get(name, {"type": "string"})}
        for name in _PLACEHOLDER.findall(operation.path)
    ]
    asked = [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()]
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "parameters": placed + asked,
        "responses": {**{str(status): {"description": "done"} for status in operation.statuses}, "default": {"description": "refused"}},
    }
    if operation.body is not None:
        entry["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    return entry
