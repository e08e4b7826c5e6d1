"""Files that are written for people: readable by their owner only, and all of it or nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from unibill.errors import ConfigurationError


@contextmanager
def written(path: Path | str) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when the block ends well; otherwise what stood there stays.

    Raises:
        ConfigurationError: it cannot be written there.
    """
    place = Path(path)
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        if place.is_dir():
            raise IsADirectoryError(21, "it is a folder; name a file in it")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        beside.replace(place)
    except OSError as error:
        raise ConfigurationError(f"{place} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
