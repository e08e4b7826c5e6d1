"""Where ``unibill.toml`` is, and what stands in it: all that completing a backend's name needs, without pydantic or a plugin."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from unibill.errors import ConfigurationError

NAME: Final = "unibill.toml"
_ENVIRONMENT: Final = "UNIBILL_BACKENDS__"


def find(explicit: Path | None = None) -> Path | None:
    """The configuration file: the given one, ``UNIBILL_CONFIG``, or ``unibill.toml`` upwards from here, then the user's folder.

    Raises:
        ConfigurationError: one was named and is not there.
    """
    named = explicit or (Path(os.environ["UNIBILL_CONFIG"]) if os.environ.get("UNIBILL_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(f"there is no configuration file {named}")
        return named
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / NAME).is_file():
            return folder / NAME
    import platformdirs  # here, because it is needed only where no file lies closer

    own = Path(platformdirs.user_config_dir("unibill")) / NAME
    return own if own.is_file() else None


def read(file: Path) -> dict[str, dict[str, object]]:
    """The table of each backend in a file, by name, as written.

    Raises:
        ConfigurationError: the file is not TOML, or not of the right form; the message says where.
    """
    import tomllib  # here, because a program with settings of its own reads no file

    try:
        content = tomllib.loads(file.read_text("utf-8-sig"))
    except (ValueError, RecursionError, OSError) as error:
        raise ConfigurationError(f"the configuration {file} cannot be read: {error}") from error
    if unknown := set(content) - {"backends"}:
        raise ConfigurationError(
            f"the configuration {file} has unknown tables {', '.join(sorted(unknown))}; a backend is a table [backends.NAME]"
        )
    backends = content.get("backends", {})
    if not isinstance(backends, dict) or not all(isinstance(table, dict) for table in cast("dict[str, object]", backends).values()):
        raise ConfigurationError(f"the configuration {file} must have tables as its backends, each written [backends.NAME]")
    return {name: dict(table) for name, table in cast("dict[str, dict[str, object]]", backends).items()}


def overridden(tables: Mapping[str, Mapping[str, object]], environment: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """The tables with what ``UNIBILL_BACKENDS__<NAME>__<SETTING>`` adds or replaces."""
    found = {name: dict(table) for name, table in tables.items()}
    for variable, value in sorted(environment.items()):
        if variable.startswith(_ENVIRONMENT) and (name := variable[len(_ENVIRONMENT) :].lower()).count("__") == 1:
            backend, setting = name.split("__")
            found.setdefault(backend, {})[setting] = value
    return found
