"""Records of the model as pydantic sees them: their values checked, and as fields of an app's own pydantic models.

Each record has a pydantic model of the same fields, made when it is first asked for, since programs that only read need none.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter, create_model
from pydantic_core import CoreSchema
from pydantic_core import core_schema as schemas

from unibill.model import Record

R = TypeVar("R", bound=Record)


def validated(record: type[R], values: Mapping[str, object]) -> R:
    """Make a record of values that nobody has checked; see ``Record.validated``."""
    made: R = _adapter(record).validate_python(dict(values), strict=True)
    return made


def core_schema(record: type[Record], handler: GetCoreSchemaHandler) -> CoreSchema:
    """What pydantic asks a type for: instances pass, mappings are checked field by field, and JSON is that of the fields."""
    twin = _twin(record)
    fields = handler(twin)

    def made(checked: BaseModel) -> Record:
        return record(**{name: getattr(checked, name) for name in record.__struct_fields__})

    def told(one: Record) -> BaseModel:
        return twin.model_construct(**{name: getattr(one, name) for name in record.__struct_fields__})

    from_values = schemas.no_info_after_validator_function(made, fields)
    return schemas.json_or_python_schema(
        json_schema=from_values,
        python_schema=schemas.union_schema([schemas.is_instance_schema(record), from_values]),
        serialization=schemas.plain_serializer_function_ser_schema(told, return_schema=fields),
    )


@cache
def _adapter(record: type[R]) -> TypeAdapter[R]:
    return TypeAdapter(record)


@cache
def _twin(record: type[Record]) -> type[BaseModel]:
    hints = get_type_hints(record, include_extras=True)
    fields: dict[str, Any] = {field.name: (hints[field.name], _default(field)) for field in msgspec.structs.fields(record)}
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return create_model(record.__name__, __config__=config, __doc__=record.__doc__, **fields)


def _default(field: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 - a default of any type, or pydantic's word for one
    if field.default_factory is not msgspec.NODEFAULT:
        return Field(default_factory=field.default_factory)
    return ... if field.default is msgspec.NODEFAULT else field.default
