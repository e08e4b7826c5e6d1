"""Records of the model as pydantic sees them: their values checked, and as fields of an app's own pydantic models.

Each record has a pydantic model of the same fields, made when it is first asked for, since programs that only read need none.
On the way in, values and instances alike are checked by it and become records; on the way out, a record is told as it would be.
"""

import operator
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast, get_type_hints

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    create_model,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticSerializationUnexpectedValue
from pydantic_core import core_schema as schemas

from unibill.model import Record
from unibill.redact import HIDDEN

R = TypeVar("R", bound=Record)
_PLACE: Final = "pydantic_internal_union_tag_key"
"""Where pydantic's ``Tag`` keeps what a part of a union is called in the places of faults; without it that is the check's making."""


def validated(record: type[R], values: Mapping[str, object]) -> R:
    """Make a record of values that nobody has checked; see ``Record.validated``."""
    made: R = _adapter(record).validate_python(dict(values), strict=True)
    return made


def core_schema(record: type[Record], handler: GetCoreSchemaHandler) -> CoreSchema:
    """What pydantic asks a type for: mappings and instances are checked field by field, and JSON is that of the fields."""
    twin = _twin(record)
    fields = handler(twin)

    def checked(value: object, check: ValidatorFunctionWrapHandler) -> Record:
        try:
            if not isinstance(value, record):
                return record(**_values(record, check(value)))
            return _instance(value, _values(record, check(_values(record, value))))
        except ValidationError as error:
            raise _hidden(error) from None

    def told(one: object, tell: SerializerFunctionWrapHandler) -> object:
        if not isinstance(one, record):
            raise PydanticSerializationUnexpectedValue(f"not a {record.__name__}")
        return tell(twin.model_construct(**_values(record, one)))

    checked.__name__ = record.__name__  # errors of a whole list are headed by it
    return schemas.no_info_wrap_validator_function(
        checked,
        fields,
        # Only a function around the fields' own serializer has include and exclude heeded inside the record.
        serialization=schemas.wrap_serializer_function_ser_schema(told, schema=fields),
        metadata={_PLACE: record.__name__},
    )


def _values(record: type[Record], one: object) -> dict[str, Any]:
    return {name: getattr(one, name) for name in record.__struct_fields__}


def _instance(one: Record, checked: Mapping[str, object]) -> Record:
    """The same record where the check left every value as it was, else one of what it made of them."""
    changed = {name: value for name, value in checked.items() if not _is_same(value, getattr(one, name))}
    return one.replace(**changed) if changed else one


def _is_same(checked: object, given: object) -> bool:
    """Whether a check changed nothing: pydantic copies tuples and mappings, and gives other valid values back themselves."""
    if isinstance(checked, tuple) and isinstance(given, tuple):
        items, others = cast("tuple[object, ...]", checked), cast("tuple[object, ...]", given)
        return len(items) == len(others) and all(map(operator.is_, items, others))
    return checked is given or (isinstance(checked, Mapping) and checked == given)


def _hidden(error: ValidationError) -> ValidationError:
    """The same faults without the values that were given, which may hold card numbers: an app's errors end up in logs."""
    faults: list[InitErrorDetails] = []
    for fault in error.errors(include_url=False, include_input=False):
        hidden = InitErrorDetails(type=fault["type"], loc=fault["loc"], input=HIDDEN)
        if "ctx" in fault:
            hidden["ctx"] = fault["ctx"]
        faults.append(hidden)
    return ValidationError.from_exception_data(error.title, faults, hide_input=True)


@cache
def _adapter(record: type[R]) -> TypeAdapter[R]:
    return TypeAdapter(record, config=ConfigDict(title=record.__name__, hide_input_in_errors=True))


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
