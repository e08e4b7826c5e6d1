"""Configuration: ``unibill.toml``, environment variables, and secrets.

A backend is a provider plus its settings, under a name::

    [backends.old]
    provider = "billagain"
    account = "1042"
    api_key = { env = "BILLAGAIN_KEY" }

A secret is written as ``{ env = "NAME" }``, ``{ file = "PATH" }`` (read by nobody but its owner) or
``{ keyring = "SERVICE", user = "NAME" }`` (with the ``keyring`` library installed). Environment variables
``UNIBILL_BACKENDS__<NAME>__<SETTING>`` override the file and can replace it.
"""

import importlib
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ValidationError

from unibill import configfile, installed, plugins
from unibill.checkwords import own_words
from unibill.errors import ConfigurationError, PluginError
from unibill.provider import BackendSettings, holds_secret
from unibill.redact import HIDDEN, SHORTEST, Redactor, guard

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_VARIABLE: Final = re.compile("[A-Z_][A-Z0-9_]{0,63}")
_REFERENCES: Final = frozenset({"env", "file", "keyring"})

_SAID: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not a setting of this provider",
    "string_too_short": "is too short; it has at least {min_length} character(s)",
    "string_too_long": "is too long; it has at most {max_length} character(s)",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "greater_than": "has to be more than {gt}",
    "greater_than_equal": "has to be {ge} or more",
    "less_than": "has to be less than {lt}",
    "less_than_equal": "has to be {le} or less",
    "finite_number": "has to be a finite number",
    "literal_error": "has to be {expected}",
    "enum": "has to be {expected}",
}
"""By pydantic's kind of a fault; its own words are for programmers."""
_SAID_OF_TYPES: Final[Mapping[str, str]] = {
    "string": "has to be a text, in quotation marks",
    "int": "has to be a whole number",
    "float": "has to be a number",
    "bool": "has to be true or false",
}
"""By the first word of the kinds that say of which type a setting is."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Backend:
    """A configured backend: its name, its provider, and its settings as written, with secrets still as references.

    A secret that is written out, and one whose environment variable is set, is masked in every text for as long as this lives,
    wherever else it was put by mistake.
    """

    name: str
    provider: str
    settings: Mapping[str, object]
    source: str

    def __post_init__(self) -> None:
        guard(self, filter(None, map(_at_hand, self.settings, self.settings.values())))

    def load(self) -> "tuple[type[plugins.AnyProvider], BackendSettings]":
        """The provider's class and its validated settings.

        Raises:
            ConfigurationError: a secret cannot be read, or settings are missing or wrong; all of them are named at once.
            PluginError: the provider is unknown or broken.
        """
        where = f"backend {self.name!r} in {self.source}"
        try:
            provider = plugins.load(self.provider)
        except PluginError as error:
            error.add_note(f"It is the provider of {where}.")
            raise
        values = {name: _resolve(where, name, value) for name, value in self.settings.items()}
        return provider, validate(provider.Settings, values, where)


def validate(model: type[BackendSettings], values: Mapping[str, object], where: str) -> BackendSettings:
    """Check settings, without ever repeating a value: one of them may be a secret.

    Raises:
        ConfigurationError: with every missing, unknown or wrong setting.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {_said_without_value(fault)}" for fault in error.errors()]
    hidden = Redactor(str(value) for name, value in values.items() if _holds_secret(model, name))
    raise ConfigurationError(hidden.text(f"{where}: {'; '.join(faults)}; it takes {', '.join(sorted(model.model_fields))}"))


def _holds_secret(model: type[BackendSettings], name: str) -> bool:
    setting = model.model_fields.get(name)
    return _looks_secret(name) if setting is None else holds_secret(setting)


def _said_without_value(fault: "ErrorDetails") -> str:
    """As ``said_of``; a provider's own check may repeat the value, which may be a secret in the wrong place."""
    hidden = Redactor(text for text in _texts(fault["input"]) if len(text) >= SHORTEST)
    return hidden.secrets(said_of(fault)) if _own_words(fault) is None else said_of(fault)


def _texts(value: object) -> Iterator[str]:
    """What a value would show, if somebody repeated it."""
    if isinstance(value, Mapping):
        value = list(cast("Mapping[object, object]", value).values())
    if isinstance(value, (list, tuple, set, frozenset)):
        for item in cast("Iterable[object]", value):
            yield from _texts(item)
    else:
        yield str(value)


def said_of(fault: "ErrorDetails") -> str:
    """What is wrong with a setting, in words for who wrote the file; never its value, which may be a secret.

    Args:
        fault: one of those of a pydantic error. What a provider's own check says stays as it is.
    """
    text = _own_words(fault)
    return own_words(fault["msg"]) if text is None else text.format_map(fault.get("ctx", {}))


def _own_words(fault: "ErrorDetails") -> str | None:
    """What we say of a fault of this kind; None where a provider's own check speaks, or pydantic in its own words."""
    kind = fault["type"]
    return _SAID.get(kind) or _SAID_OF_TYPES.get(kind.partition("_")[0])


def backends(explicit: Path | None = None, environment: Mapping[str, str] | None = None) -> dict[str, Backend]:
    """Every configured backend, by name.

    Raises:
        ConfigurationError: the file is not TOML, or not of the right form; the message says where.
    """
    tables, source = _tables(explicit, environment)
    return {name: _backend(name, table, source) for name, table in tables.items()}


def _tables(explicit: Path | None, environment: Mapping[str, str] | None) -> tuple[dict[str, dict[str, object]], str]:
    """What is configured of each backend, and where."""
    file = configfile.find(explicit)
    written = {} if file is None else configfile.read(file)
    if file is not None and any(
        not _is_reference(value) and _looks_secret(name) for table in written.values() for name, value in table.items()
    ):
        _warn_if_shared(file)
    source = "the environment" if file is None else str(file)
    return configfile.overridden(written, os.environ if environment is None else environment), source


def backend(name: str, explicit: Path | None = None) -> Backend:
    """One configured backend.

    Raises:
        ConfigurationError: there is none of this name; the message lists those there are, and where they were looked for.
    """
    known, source = _tables(explicit, None)
    if name in known:
        return _backend(name, known[name], source)
    file = configfile.find(explicit)
    where = f" in {file}" if file else f": no {configfile.NAME} was found from {Path.cwd()} upwards ('unibill init' writes one)"
    raise ConfigurationError(f"there is no backend {name!r}{where}; configured are: {', '.join(known) or 'none'}")


def _backend(name: str, table: dict[str, object], source: str) -> Backend:
    provider = table.get("provider")
    if not isinstance(provider, str) or not provider:
        raise ConfigurationError(
            f'backend {name!r} in {source} names no provider; write provider = "...", one of {", ".join(installed.found())}'
        )
    return Backend(name, provider, {key: value for key, value in table.items() if key != "provider"}, source)


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and bool(_REFERENCES & set(cast("dict[str, object]", value)))


def _looks_secret(name: str) -> bool:
    return any(word in name for word in ("key", "token", "secret", "password"))


def _at_hand(name: str, value: object) -> str:
    """The secret that a setting holds or gets from the environment; empty if neither."""
    if not _looks_secret(name):
        return ""
    if _is_reference(value):
        return os.environ.get(str(cast("dict[str, object]", value).get("env", "")), "")
    return value if isinstance(value, str) else ""


def _warn_if_shared(file: Path) -> None:
    if os.name == "posix" and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(f'{file} holds a secret and can be read by others; chmod 600 it, or use {{ env = "NAME" }}', stacklevel=2)


def _resolve(whose: str, setting: str, value: object) -> object:
    if not _is_reference(value):
        return value
    reference = cast("dict[str, Any]", value)
    where = f"{whose}, setting {setting!r}"
    if "env" in reference:
        found = os.environ.get(str(reference["env"]))
        if not found:
            raise ConfigurationError(f"{where}: the environment variable {shown_variable(reference['env'])} is not set")
        return found
    if "file" in reference:
        return _secret_file(where, str(reference["file"]))
    return _keyring(where, reference)


def shown_variable(name: object) -> str:
    """The name of an environment variable; hidden if none has it and it looks like none, since it may be the secret itself."""
    return str(name) if str(name) in os.environ or _VARIABLE.fullmatch(str(name)) else HIDDEN


def _secret_file(where: str, written: str) -> str:
    try:
        file = Path(written).expanduser()
        mode = file.stat().st_mode
        text = file.read_text("utf-8").strip()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigurationError(f"{where}: the secret's file {written} cannot be read: {error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{where}: {file} can be read by others; chmod 600 it")
    return text


def _keyring(where: str, reference: Mapping[str, Any]) -> str:
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError as error:
        raise ConfigurationError(f"{where}: reading it from the keyring needs the library keyring; install it") from error
    found = keyring.get_password(str(reference["keyring"]), str(reference.get("user", "")))
    if not found:
        raise ConfigurationError(f"{where}: the keyring has no password for {reference['keyring']!r}, user {reference.get('user', '')!r}")
    return str(found)
