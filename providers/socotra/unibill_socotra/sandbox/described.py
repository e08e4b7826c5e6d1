"""What the sandbox takes, as the server's OpenAPI document tells it: from the table of operations and the bodies' own types."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from unibill.sandbox.openapi import Description, Schema
from unibill.sandbox.openapi import Operation as Described
from unibill_socotra.sandbox.http import Operation

_ULID: Final[Schema] = {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"}
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
_FLAG: Final[Schema] = {"type": "boolean"}
_TEXT: Final[Schema] = {"type": "string"}
_ASKED: Final[Mapping[str, Schema]] = {
    "accountLocator": _ULID,
    "count": _WHOLE,
    "currency": _TEXT,
    "extended": _FLAG,
    "forced": _FLAG,
    "includeAll": _FLAG,
    "includeReversed": _FLAG,
    "includeZeroAmountInvoices": _FLAG,
    "offset": _WHOLE,
    "targetContainerLocator": _ULID,
}
_PLACED: Final = ("locator", "accountLocator", "policyLocator", "transactionLocator", "invoiceLocator")
_EXACT: Final = {"type": "string", "format": "decimal"}
"""How msgspec describes a Decimal; here amounts are numbers."""
_REFERENCE: Final = "#/components/schemas/{name}"


def described(operations: Sequence[Operation], tenant: str) -> Description:
    """The description of operations for one tenant."""
    bodies = [operation.takes for operation in operations if operation.takes is not None]
    schemas, parts = msgspec.json.schema_components(bodies, schema_hook=lambda _: {"title": "anything"}, ref_template=_REFERENCE)
    taken = dict(zip(bodies, schemas, strict=True))
    placed: dict[str, Schema] = {"tenantLocator": {"type": "string", "enum": [tenant]}, **dict.fromkeys(_PLACED, _ULID)}
    return Description(
        "Socotra",
        "v0",
        "bearer",
        [
            Described(
                one.name,
                one.method,
                one.path,
                query={name: _ASKED[name] for name in one.asks},
                path_parameters=placed,
                body=None if one.takes is None else taken[one.takes],
            )
            for one in operations
        ],
        {name: _with_numbers(part) for name, part in parts.items()},
    )


def _with_numbers(schema: Any) -> Any:  # noqa: ANN401 - a schema
    if isinstance(schema, dict):
        return {"type": "number"} if schema == _EXACT else {name: _with_numbers(part) for name, part in schema.items()}
    return [_with_numbers(part) for part in schema] if isinstance(schema, list) else schema
