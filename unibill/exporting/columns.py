"""The columns of a table of records: one per field of the model, so that none is forgotten."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from unibill.model import Record


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    AMOUNT = "amount"
    DAY = "day"
    MOMENT = "moment"
    RECORD = "record"
    RECORDS = "records"
    """A list of records that belong to this one, such as allocations; None where they were not loaded."""
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        of: the model of the records that it holds, for ``RECORD`` and ``RECORDS``.
    """

    name: str
    kind: Kind
    of: type[Record] | None = None


@cache
def columns(model: type[Record]) -> tuple[Column, ...]:
    """The columns of a model, in the order of its fields.

    Raises:
        TypeError: a field has a type that no column is known for.
    """
    types = get_type_hints(model)
    return tuple(_column(name, types[name]) for name in model.__struct_fields__)


def _column(name: str, annotation: object) -> Column:
    types = [kind for kind in _flat(annotation) if kind is not type(None)]
    for kind in types:
        if isinstance(kind, type) and issubclass(kind, Record):
            return Column(name, Kind.RECORDS if _is_listed(annotation) else Kind.RECORD, kind)
        if kind is Mapping:
            return Column(name, Kind.EXTRA)
        for known, what in ((Decimal, Kind.AMOUNT), (datetime, Kind.MOMENT), (date, Kind.DAY), (str, Kind.TEXT), (Enum, Kind.TEXT)):
            if isinstance(kind, type) and issubclass(kind, known):
                return Column(name, what)
    raise TypeError(f"no column is known for {name}: {annotation}")


def _flat(annotation: object) -> Iterator[Any]:
    """The types that an annotation names, without unions, tuples and metadata."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _flat(get_args(annotation)[0])
    elif origin in {Union, UnionType, tuple}:
        for part in get_args(annotation):
            if part is not Ellipsis:
                yield from _flat(part)
    else:
        yield Mapping if origin is not None and issubclass(origin, Mapping) else annotation


def _is_listed(annotation: object) -> bool:
    return get_origin(annotation) is tuple or any(map(_is_listed, get_args(annotation)))
