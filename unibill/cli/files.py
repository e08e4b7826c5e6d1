"""Files that the command line writes."""

import os
from pathlib import Path

from unibill.cli.backends import sandbox_settings
from unibill.exactjson import dumps
from unibill.sandbox import Sandbox


def write_config(path: Path, hosted: Sandbox, url: str) -> None:
    """Write a ``unibill.toml`` for the sandboxes at ``url``, readable by its owner only; one of an earlier sandbox is replaced."""
    parts = ["# Backends of local sandboxes. The secrets here are the sandboxes' own and open nothing else.\n"]
    for name, settings in hosted.backends(url).items():
        if isinstance(settings, dict):
            values = sandbox_settings(name, settings)
            lines = [f"[backends.{name}]", f'provider = "{name}"', *(f"{key} = {quoted(str(value))}" for key, value in values.items())]
            parts.append("\n".join(lines) + "\n")
    write_private(path, "\n".join(parts))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def quoted(text: str) -> str:
    """A TOML string; JSON's escapes are a part of TOML's."""
    return dumps(text).decode().replace("\x7f", "\\u007f")
