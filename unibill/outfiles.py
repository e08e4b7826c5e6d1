"""Files that are written for people: readable by their owner only, all of it or nothing, and never over what a migration needs."""

import csv
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from unibill.errors import ConfigurationError

_SQLITE: Final = b"SQLite format 3\x00"
_FOLDER: Final = "it is a folder; name a file in it"
_BESIDE_SQLITE: Final = ("-wal", "-shm", "-journal", ".lock")
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_HEADER: Final = 4096
_SEPARATORS: Final = ",;\t|"


@contextmanager
def written(path: Path | str) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when the block ends well; otherwise what stood there stays.

    Raises:
        ConfigurationError: it cannot be written there, or would replace a run, a configuration or a map.
    """
    refuse_kept(path)
    with replaced(path) as file:
        yield file


@contextmanager
def replaced(path: Path | str) -> Iterator[BinaryIO]:
    """The same for a file that may replace whatever is there: its caller knows what that is.

    A link stays and what it leads to is written. What is no regular file, such as a pipe, is written straight into.

    Raises:
        ConfigurationError: it cannot be written there.
    """
    place, goal = Path(path), Path(os.path.realpath(path))  # resolve() would raise where a link leads to itself
    beside: Path | None = None
    try:
        descriptor = _straight(place)
        if descriptor is None:
            beside = _beside(goal)
            descriptor = os.open(beside, _NEW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        if beside is not None:
            beside.replace(goal)
    except OSError as error:
        raise _unwritable(place, error) from error
    finally:
        if beside is not None:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def refuse_unwritable(path: Path | str) -> None:
    """Refuse at once what ``written`` would refuse after long work. What is there stays.

    Raises:
        ConfigurationError: as of ``written``.
    """
    place, goal = Path(path), Path(os.path.realpath(path))
    try:
        refuse_kept(path)
        if place.is_dir():
            raise IsADirectoryError(21, _FOLDER)
        if place.is_file() or not place.exists():
            beside = _beside(goal)
            os.close(os.open(beside, _NEW, 0o600))
            beside.unlink()
    except OSError as error:
        raise _unwritable(place, error) from error


def refuse_kept(path: Path | str) -> None:
    """Refuse to replace what a migration needs.

    Raises:
        ConfigurationError: a run or another database is there, a file that belongs to one, a configuration, or a map.
    """
    place = Path(path)
    goal = Path(os.path.realpath(place))
    for ending in _BESIDE_SQLITE:  # also where there is none yet: SQLite would take it for its own
        if goal.name.endswith(ending) and _is_sqlite(goal.with_name(goal.name.removesuffix(ending))):
            raise ConfigurationError(f"the file {place} belongs to a run or another database; write to another file")
    if not place.is_file():
        return
    if ".toml" in {place.suffix.lower(), goal.suffix.lower()}:
        raise ConfigurationError(f"the file {place} is a configuration; write to another file")
    if _is_sqlite(goal):
        raise ConfigurationError(f"the file {place} is a run or another database; write to another file")
    if columns := _columns_of_map(goal):
        raise ConfigurationError(f"the file {place} is a map, whose header names {columns}; write to another file")


def _unwritable(place: Path, error: OSError) -> ConfigurationError:
    what: object = error.strerror or error
    if isinstance(error, FileNotFoundError):
        folder = (Path(os.path.realpath(place)) if place.is_symlink() else place).parent
        what = what if folder.exists() else f"there is no folder {folder}"
    return ConfigurationError(f"the file {place} cannot be written: {what}")


def _columns_of_map(path: Path) -> str:
    """The columns by which a file is a map, such as ``source_account and target_account``; empty if it is none.

    Maps that a plan would refuse for how they were saved count too: somebody made them.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEADER)
    except OSError:
        return ""
    text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace").lstrip("\ufeff")
    header = next((line for line in text.splitlines() if line.strip()), "")
    for separator in _SEPARATORS:
        names = [cell.strip().lower() for row in csv.reader([header], delimiter=separator) for cell in row]
        for name in names:
            other = f"target_{name.removeprefix('source_')}"
            if name.startswith("source_") and other in names:
                return f"{name} and {other}"
    return ""


def _beside(goal: Path) -> Path:
    return goal.with_name(f".{goal.name}.{os.getpid()}")


def _is_sqlite(path: Path) -> bool:
    try:
        if not path.is_file():  # opening a pipe would wait for its writer
            return False
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _straight(place: Path) -> int | None:
    """A descriptor of what cannot be replaced; None for a regular file, there or to be made."""
    try:
        found = place.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(21, _FOLDER)
    for standard in (1, 2):
        # /dev/stdout may lead to a regular file, and a socket there cannot be opened by name: only the open stream will do.
        with suppress(OSError):
            if os.path.samestat(found, os.fstat(standard)):
                return os.dup(standard)
    return None if stat.S_ISREG(found.st_mode) else os.open(place, os.O_WRONLY)
