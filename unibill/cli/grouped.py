"""Options that belong together, as one dataclass that several commands take.

Typer reads a command's options off its signature. A parameter whose type is a dataclass marked by ``group`` stands there for all its
fields: Typer sees them one by one, the command gets them as one value.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import partial
from typing import Any, TypeVar, cast, get_type_hints

C = TypeVar("C")
_MARK = "__is_option_group__"


def group(cls: type[C]) -> type[C]:
    """Mark a dataclass whose fields are options."""
    setattr(cls, _MARK, True)
    return cls


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer shall see it: with the fields of its groups in their places."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {name: hint for name, hint in hints.items() if getattr(hint, _MARK, False)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            parameters += _parameters(groups[name])
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    def spread_out(**given: Any) -> None:  # noqa: ANN401 - whatever the command line holds
        for name, kind in groups.items():
            given[name] = kind(**{item.name: given.pop(item.name) for item in fields(cast("Any", kind))})
        command(**given)

    spread_out.__name__, spread_out.__doc__, spread_out.__module__ = command.__name__, command.__doc__, command.__module__
    spread_out.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    cast("Any", spread_out).__signature__ = inspect.Signature(parameters)
    return spread_out


def _parameters(kind: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    make = partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    return [make(item.name, annotation=hints[item.name], default=_default(item)) for item in fields(cast("Any", kind))]


def _default(item: "Field[Any]") -> object:
    return inspect.Parameter.empty if item.default is MISSING else item.default
