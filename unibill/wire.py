"""Reading a vendor's JSON into typed wire records, exactly and tolerantly.

A wire record is a msgspec struct with the vendor's own field names. Numbers keep their digits; a field that nobody
documented does not break the read but is kept in ``unknown``. A field of a wrong type, or a missing one that the vendor
promises, is a ``MalformedResponse`` that names its place; only where a shape says ``Words`` is anything taken for its text.
"""

import threading
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from unibill import exactjson
from unibill.errors import MalformedResponse, OutcomeUnknown
from unibill.flow import Effect, Request, Response
from unibill.redact import clean

T = TypeVar("T")
_SHOWN = 200
_ANY_FORM: Final = "unibill: any form"
Words: TypeAlias = Annotated[str, _ANY_FORM]
"""A text that only tells something: a status, a memo, a reference. Where a vendor sends a number or something else that nobody
documented in its place, its JSON text is read, digit for digit. Not for a text whose being there decides something, such as the
locator of what a record reverses: ``false`` and ``0`` may stand for none."""


class WireRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A vendor's record. What was read from JSON holds no cycles, so the garbage collector need not look at it.

    Subclasses say ``kw_only=True`` themselves: msgspec does not inherit it. A record with amounts checks in
    ``__post_init__`` that they are finite: a text such as ``"NaN"`` decodes into a Decimal too.

    Attributes:
        unknown: the fields that the vendor sent and nobody documented.
    """

    unknown: dict[str, object] = msgspec.field(name="~unknown", default_factory=dict)

    def __repr__(self) -> str:
        return clean(super().__repr__())


_building = threading.Lock()


@cache
def _decoder(shape: Hashable) -> msgspec.json.Decoder[Any]:
    # msgspec shows other threads what it knows of a struct while it still finds out, and they read through a null pointer.
    with _building:
        return msgspec.json.Decoder(cast("type[Any]", shape), strict=True)


def decode(body: bytes, shape: type[T]) -> T:
    """Decode JSON bytes into a shape made of wire records.

    What is documented is read at full speed; only a body with undocumented fields, or words in another form, is read a second
    time, to keep them.

    Args:
        body: UTF-8 JSON.
        shape: a ``WireRecord`` subclass, or ``list`` of one.

    Raises:
        ValueError: not JSON, or not of this shape; the message names the place, such as ``$[3].Amount``.
    """
    try:
        value = cast("T", _decoder(cast("Hashable", shape)).decode(body))
    except msgspec.ValidationError:
        try:
            value = msgspec.convert(_set_apart(exactjson.loads(body), shape), shape, strict=True)
        except (msgspec.ValidationError, RecursionError) as error:
            raise ValueError(str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    return value


def read(request: Request, response: Response, shape: type[T]) -> T:
    """Decode a successful answer.

    Raises:
        MalformedResponse: the body is not of this shape.
        OutcomeUnknown: the same, of a write that cannot be sent again: it took effect, but nobody can say how.
    """
    try:
        return decode(response.body, shape)
    except ValueError as error:
        raise malformed(request, response, str(error)) from error


def malformed(request: Request, response: Response, reason: str) -> MalformedResponse | OutcomeUnknown:
    """The error for an answer that cannot be read."""
    content_type = response.headers.get("content-type", "")
    start = response.body[:_SHOWN].decode("utf-8", "replace").strip()
    kind = "HTML, not JSON" if "html" in content_type.lower() or start.startswith("<") else f"not what is documented: {reason}"
    error = OutcomeUnknown if request.effect is Effect.ONCE else MalformedResponse
    return error(
        f"the answer is {kind}",
        operation=request.operation,
        status=response.status,
        permission=request.permission,
        request_id=next((value for name, value in response.headers.items() if name.endswith("request-id")), ""),
    )


@cache
def _fields(shape: type[WireRecord]) -> Mapping[str, tuple[str, Any]]:
    hints = get_type_hints(shape, include_extras=True)
    return {field.encode_name: (field.name, hints[field.name]) for field in msgspec.structs.fields(shape) if field.name != "unknown"}


def _set_apart(value: object, shape: Any) -> object:  # noqa: ANN401 - a type form, such as list[Struct]
    """The same value with the undocumented fields of each record moved under the record's ``unknown``, and words as text."""
    if isinstance(value, list) and get_origin(shape) in {list, tuple}:
        inner = get_args(shape)[0]
        return [_set_apart(item, inner) for item in cast("list[object]", value)]
    if get_origin(shape) in {Union, UnionType}:
        records = [arm for arm in get_args(shape) if arm is not type(None)]
        return _set_apart(value, records[0]) if len(records) == 1 else value
    if isinstance(value, dict) and isinstance(shape, type) and issubclass(shape, WireRecord):
        known = _fields(shape)
        sorted_out: dict[str, object] = {}
        unknown: dict[str, object] = {}
        for key, item in cast("dict[str, object]", value).items():
            if key in known:
                sorted_out[key] = _set_apart(item, known[key][1])
            else:
                unknown[key] = item
        sorted_out["~unknown"] = unknown
        return sorted_out
    if shape == Words and value is not None and not isinstance(value, str):
        return exactjson.dumps(value).decode()
    return value


def plain(value: object) -> Any:  # noqa: ANN401 - JSON values
    """A wire record as the vendor's own JSON values, undocumented fields too; what the vendor left out is left out."""
    if isinstance(value, WireRecord):
        named = {
            field.encode_name: (getattr(value, field.name), field) for field in msgspec.structs.fields(value) if field.name != "unknown"
        }
        given = {name: plain(item) for name, (item, field) in named.items() if item is not None or field.required}
        return {**given, **value.unknown}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Sequence[object]", value)]
    return value


def require_finite(*amounts: Decimal | None) -> None:
    """Refuse amounts that are no numbers.

    Raises:
        ValueError: one of them is NaN or infinite.
    """
    for amount in amounts:
        if amount is not None and not amount.is_finite():
            raise ValueError(f"{amount} is not an amount")
