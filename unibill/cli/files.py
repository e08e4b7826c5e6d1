"""Files that the command line writes."""

import tomllib
from pathlib import Path
from typing import Any, Final

from unibill.errors import ConfigurationError
from unibill.outfiles import replaced
from unibill.sandbox import Sandbox
from unibill.sandbox.toml import backends_toml

_HEAD: Final = "# Backends of local sandboxes. The secrets here are the sandboxes' own and open nothing else.\n"
_LOCAL: Final = "http://127.0.0.1:"


def refuse_others(folder: Path, maps: tuple[str, ...]) -> None:
    """Make sure that a sandbox may write its configuration and maps into a folder: what is there must be an earlier sandbox's.

    A map says nothing of who made it, so one is a sandbox's if the configuration beside it is.

    Raises:
        ConfigurationError: the folder is none, or holds somebody's own files.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"the folder {folder} cannot be made: a file is there; give --write another folder")
    config = folder / "unibill.toml"
    if config.exists():
        if not _is_sandboxes(config):
            raise ConfigurationError(f"the file {config} was not written by a sandbox and is not replaced; give --write another folder")
        return
    for place in (folder / name for name in maps):
        if place.exists():
            raise ConfigurationError(f"the file {place} is there already and is not replaced; give --write another folder")


def _is_sandboxes(config: Path) -> bool:
    """Whether a sandbox wrote a configuration, and nobody added a backend of their own."""
    try:
        text = config.read_text("utf-8")
        backends: dict[str, Any] = tomllib.loads(text).get("backends", {})
        return text.startswith(_HEAD) and all(map(_is_local, backends.values()))
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _is_local(backend: dict[str, object]) -> bool:
    return any(str(value).startswith(_LOCAL) for value in backend.values())


def write_config(path: Path, hosted: Sandbox, url: str) -> None:
    """Write a ``unibill.toml`` for the sandboxes at ``url``, readable by its owner only; what is there is replaced."""
    write_private(path, f"{_HEAD}\n" + backends_toml(hosted.client_settings(url)))


def add_to_config(path: Path, hosted: Sandbox, url: str, number: int) -> None:
    """Add the backends of the vendors' n-th systems to a ``unibill.toml``; those of an earlier sandbox of this number are replaced.

    Raises:
        OSError: the file is there and cannot be read.
    """
    begin, end = f"# System {number} of each vendor.\n", f"# End of system {number}.\n"
    before = path.read_text("utf-8") if path.exists() else ""
    if begin in before and end in before:
        before = before[: before.index(begin)] + before[before.index(end) + len(end) :]
    write_private(path, f"{before.rstrip()}\n\n{begin}\n{backends_toml(hosted.client_settings(url), str(number))}{end}".lstrip())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    with replaced(path) as file:
        file.write(text.encode())
