"""What commands print: records as JSON lines or as tables that fit, headings, questions.

Colours follow the terminal and ``NO_COLOR``; into a pipe go plain lines, in full width and without colour.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.style import Style
from rich.text import Text

from unibill.errors import ConfigurationError
from unibill.showing import json_line, show

if TYPE_CHECKING:
    from decimal import Decimal

_GAP: Final = 2
_MEASURED: Final = 200
_ELLIPSIS: Final = "…"
BOLD: Final = Style(bold=True)
DIM: Final = Style(dim=True)
RED: Final = Style(color="red")
GREEN: Final = Style(color="green")
YELLOW: Final = Style(color="yellow")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        least: how narrow it may become where room is short; None = it keeps its width.
        wrap: where room is short, go on in the next line instead of being cut.
        drop: columns of the highest number go first where room is still short; 0 = never.
    """

    title: str
    right: bool = False
    least: int | None = None
    drop: int = 0
    wrap: bool = False


@cache
def out() -> Console:
    """Standard output."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


@cache
def err() -> Console:
    """Standard error."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True, stderr=True)


def forget() -> None:
    """Forget the consoles, so that a test's standard output is found anew."""
    out.cache_clear()
    err.cache_clear()


def say(text: str = "", style: Style | None = None) -> None:
    """Print a line of our own words, wrapped at words on a terminal."""
    console = out()
    console.print(Text(text, style or ""), soft_wrap=not console.is_terminal)


def heading(text: str) -> None:
    """Print a heading with an empty line above."""
    say()
    say(text, BOLD)


def note(text: str, style: Style | None = None) -> None:
    """Print a line on standard error, so that the output stays clean."""
    err().print(Text(text, style or ""))


def json_lines(values: Iterable[object]) -> None:
    """Print values as JSON, one a line, each as soon as it is there."""
    for value in values:
        sys.stdout.write(json_line(value) + "\n")


def room() -> int | None:
    """How many columns there are; None where nothing needs to be cut."""
    console = out()
    return console.width if console.is_terminal or os.environ.get("COLUMNS") else None


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, width: int | None = None, empty: str = "nothing") -> int:
    """Print a table. Cells must have gone through ``show`` where they came from outside.

    Columns are measured on the first rows only, so that any number of rows can pass through.

    Args:
        columns: from left to right.
        rows: one text per column.
        width: the room; None takes the terminal's.
        empty: what to say where there are no rows.

    Returns:
        How many rows there were.
    """
    available = width or room()
    source = iter(rows)
    first = list(islice(source, _MEASURED))
    if not first:
        say(empty, DIM)
        return 0
    natural = [max(cell_len(column.title), *(cell_len(row[i]) for row in first)) for i, column in enumerate(columns)]
    widths = _fitted(columns, natural, available)
    chosen = [i for i, size in enumerate(widths) if size is not None]
    sizes = [(i, widths[i] or 0) for i in chosen]
    console = out()
    console.print(Text(_line(columns, sizes, [column.title for column in columns], available), DIM))
    count = 0
    for row in _chained(first, source):
        for cells in _wrapped(columns, sizes, row, available):
            console.print(Text(_line(columns, sizes, cells, available)))
        count += 1
    hidden = [column.title for i, column in enumerate(columns) if i not in chosen]
    if hidden:
        say(f"no room for: {', '.join(hidden)}", DIM)
    return count


def _chained(first: Sequence[Sequence[str]], rest: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield from first
    yield from rest


def _wrapped(columns: Sequence[Column], sizes: Sequence[tuple[int, int]], row: Sequence[str], available: int | None) -> list[Sequence[str]]:
    """The lines of a row: one, unless a cell that may go on is too long."""
    parts = {i: wrap(row[i], size) for i, size in sizes if columns[i].wrap and available is not None and cell_len(row[i]) > size}
    if not parts:
        return [row]
    height = max(map(len, parts.values()))
    lines: list[Sequence[str]] = []
    for place in range(height):
        lines.append([_part(parts[i], place) if i in parts else cell if place == 0 else "" for i, cell in enumerate(row)])
    return lines


def _part(lines: Sequence[str], place: int) -> str:
    return lines[place] if place < len(lines) else ""


def _line(columns: Sequence[Column], sizes: Sequence[tuple[int, int]], cells: Sequence[str], available: int | None) -> str:
    parts: list[str] = []
    for i, size in sizes:
        text = cells[i]
        length = cell_len(text)
        if length > size and available is not None and columns[i].least is not None:
            text = set_cell_size(text, max(size - 1, 0)).rstrip() + _ELLIPSIS
            length = cell_len(text)
        padding = " " * max(size - length, 0)
        parts.append(padding + text if columns[i].right else text + padding)
    return (" " * _GAP).join(parts).rstrip()


def _fitted(columns: Sequence[Column], natural: Sequence[int], available: int | None) -> list[int | None]:
    widths: list[int | None] = list(natural)
    if available is None:
        return widths
    while True:
        shown = [i for i, size in enumerate(widths) if size is not None]
        total = sum(natural[i] for i in shown) + _GAP * (len(shown) - 1)
        spare = sum(max(natural[i] - max(columns[i].least or natural[i], cell_len(columns[i].title)), 0) for i in shown)
        droppable = [i for i in shown if columns[i].drop]
        if total - spare <= available or not droppable:
            return _shrunk(columns, widths, max(total - available, 0))
        widths[max(droppable, key=lambda i: columns[i].drop)] = None


def _shrunk(columns: Sequence[Column], widths: Sequence[int | None], excess: int) -> list[int | None]:
    """Take ``excess`` off the widest columns that may be cut."""
    sizes = list(widths)
    floors = {i: max(column.least, cell_len(column.title)) for i, column in enumerate(columns) if column.least is not None}
    for _ in range(excess):
        wide = [(sizes[i] or 0, i) for i, floor in floors.items() if sizes[i] is not None and (sizes[i] or 0) > floor]
        if not wide:
            break
        size, i = max(wide)
        sizes[i] = size - 1
    return sizes


def ask(question: str, *, yes: bool) -> bool:
    """Ask before something is written.

    Args:
        question: ends without a question mark.
        yes: the answer was given on the command line.

    Raises:
        ConfigurationError: there is nobody to ask and ``--yes`` was not given.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and err().is_terminal):
        raise ConfigurationError(f"this writes, and there is no terminal to ask on: {question}? Give --yes if that is what you want")
    err().print(Text(f"{question}? [y/N] ", BOLD), end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def fields(pairs: Iterable[tuple[str, str]], indent: int = 0) -> None:
    """Print names and values, aligned. Values must have gone through ``show`` where they came from outside."""
    listed = list(pairs)
    size = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        out().print(Text.assemble(" " * indent, (f"{name:<{size}}", DIM), "  ", value))


def amount_of(amount: "Decimal | None", currency: str) -> str:
    """An amount for people: every digit, and at least the decimals that its currency has."""
    from unibill import money

    return "" if amount is None else text_of(money.full(amount, currency))


def text_of(value: object) -> str:
    """A field's value for people: amounts digit for digit, nothing for None."""
    from decimal import Decimal

    from unibill.exactjson import number

    if value is None:
        return ""
    return number(value) if isinstance(value, Decimal) else show(str(value))
