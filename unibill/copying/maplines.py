"""Reading the lines of a map: a file is checked whole, and every bad line is named in one error."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from unibill.errors import ConfigurationError

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_UNSEEN: Final = frozenset({"Cc", "Cf"})
"""Categories of characters that have no picture and no width, such as those that a web page leaves in what is copied from it."""
_ROUNDED: Final = re.compile(r"\d+(?:[.,]\d+)?[eE]\+?\d+")


class InvalidMap(ConfigurationError):
    """A map has faults.

    Attributes:
        faults: all of them, each with its line.
    """

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{what} cannot be used:\n" + "\n".join(f"  {fault}" for fault in faults))


def stripped(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs without blanks around them."""
    listed = cast("Iterable[tuple[str, str]]", pairs.items() if isinstance(pairs, Mapping) else pairs)
    return [(source.strip(), target.strip()) for source, target in listed]


class Lines:
    """The wanted columns of the lines of a file, each with its number, and the faults found so far."""

    def __init__(self, lines: list[tuple[int, list[str]]], faults: list[str], has_optional: bool) -> None:
        self._lines = lines
        self.faults = faults
        self.has_optional = has_optional

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return iter(self._lines)


def read_lines(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> Lines:
    """The wanted columns of every line that has the right number of cells."""
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    faults: list[str] = []
    lines: list[tuple[int, list[str]]] = []
    places: list[int | None] = []
    header: list[str] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not header:
                header = [cell.lower() for cell in cells]
                places = _places(path, cells, required, optional)
            elif len(cells) != len(header):
                faults.append(f"line {reader.line_num}: {len(cells)} cells where the header has {len(header)}")
            else:
                lines.append((reader.line_num, ["" if place is None else cells[place] for place in places]))
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: {error}")
    if not header:
        raise InvalidMap(f"the file {path}", faults or [f"it is empty; the first line must be {','.join(required)}"])
    return Lines(lines, faults, all(name in header for name in optional))


def _places(path: Path, written: list[str], required: tuple[str, ...], optional: tuple[str, ...]) -> list[int | None]:
    header = [cell.lower() for cell in written]
    missing = [name for name in required if name not in header]
    if missing:
        hint = (
            "; its cells seem to be separated by ;, | or tabs, and must be by commas"
            if len(header) == 1 and re.search(r"[;|\t]", header[0])
            else f"; the first line must be {','.join(required)}"
        )
        found = ", ".join(written)
        raise InvalidMap(f"the file {path}", [f"line 1: the header lacks {' and '.join(missing)}; it has: {found}{hint}"])
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InvalidMap(f"the file {path}", [f"line 1: the header names {' and '.join(twice)} twice"])
    return [header.index(name) if name in header else None for name in (*required, *optional)]


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidMap(f"the file {path}", [f"it cannot be read: {error.strerror or error}"]) from error
    if data.startswith(_UTF16):
        raise InvalidMap(f"the file {path}", ["it is UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidMap(f"the file {path}", [f"line {line}: byte {data[error.start]:#04x} is not UTF-8; save it as UTF-8"]) from error
    if "\0" in text:
        raise InvalidMap(
            f"the file {path}", [f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}: it holds a zero byte, so it is no text"]
        )
    return text


def is_complete(faults: list[str], line: int, cells: Mapping[str, str], unit: str = "line") -> bool:
    """Whether every cell holds something that can be an id; else a fault is noted."""
    empty = [name for name, value in cells.items() if not value]
    rounded = [value for value in cells.values() if _ROUNDED.fullmatch(value)]
    if empty:
        faults.append(f"{unit} {line}: {' and '.join(empty)} is empty")
    unseen = [name for name, value in cells.items() if any(unicodedata.category(letter) in _UNSEEN for letter in value)]
    if unseen:
        faults.append(f"{unit} {line}: {' and '.join(unseen)} holds a character that cannot be seen; type the id again")
    if rounded:
        faults.append(f"{unit} {line}: {rounded[0]} is an id that a spreadsheet has rounded; format the column as text")
    return not (empty or unseen or rounded)


def is_new(faults: list[str], line: int, what: str, source: str, pairs: Mapping[str, object], unit: str = "line") -> bool:
    """Whether a source is named for the first time; else a fault is noted."""
    if source in pairs:
        faults.append(f"{unit} {line}: {what} {source} is named a second time")
        return False
    return True
