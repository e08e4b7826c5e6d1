"""Files that the command line writes."""

from pathlib import Path

from unibill.outfiles import written
from unibill.sandbox import Sandbox
from unibill.sandbox.toml import backends_toml


def write_config(path: Path, hosted: Sandbox, url: str) -> None:
    """Write a ``unibill.toml`` for the sandboxes at ``url``, readable by its owner only; one of an earlier sandbox is replaced."""
    head = "# Backends of local sandboxes. The secrets here are the sandboxes' own and open nothing else.\n\n"
    write_private(path, head + backends_toml(hosted.client_settings(url)))


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
    with written(path) as file:
        file.write(text.encode())
