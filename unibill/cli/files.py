"""Files that the command line writes."""

from pathlib import Path

from unibill.outfiles import written
from unibill.sandbox import Sandbox
from unibill.sandbox.toml import backends_toml


def write_config(path: Path, hosted: Sandbox, url: str) -> None:
    """Write a ``unibill.toml`` for the sandboxes at ``url``, readable by its owner only; one of an earlier sandbox is replaced."""
    head = "# Backends of local sandboxes. The secrets here are the sandboxes' own and open nothing else.\n\n"
    write_private(path, head + backends_toml(hosted.client_settings(url)))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    with written(path) as file:
        file.write(text.encode())
