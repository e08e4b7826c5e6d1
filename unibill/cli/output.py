"""What commands print: records as JSON lines or as tables that fit, headings, questions.

Colours follow the terminal and ``NO_COLOR``; into a pipe go plain lines, in full width and without colour.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
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
_UNDER: Final = "  "
_MEASURED: Final = 200
_NARROWEST: Final = 20
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
        least: how narrow it may become where room is short; None = it keeps its width, as ids and amounts do.
        wrap: where room is short, go on in the next line instead of being cut.
        drop: columns of the highest number go first where room is still short; 0 = never.
        lift: where dropping was not enough, stand on a line of its own above the rest of the row.
    """

    title: str
    right: bool = False
    least: int | None = None
    drop: int = 0
    wrap: bool = False
    lift: bool = False


class _Console(Console):
    """Raises where nobody reads any more; Rich would end the process with status 1."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        raise BrokenPipeError


@cache
def out() -> Console:
    """Standard output."""
    return _Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


@cache
def err() -> Console:
    """Standard error."""
    return _Console(markup=False, highlight=False, emoji=False, soft_wrap=True, stderr=True)


def forget() -> None:
    """Forget the consoles, so that a test's standard output is found anew."""
    out.cache_clear()
    err.cache_clear()


def say(text: str = "", style: Style | None = None) -> None:
    """Print a line of our own words, wrapped at words on a terminal."""
    _wrapped(out(), Text(text, style or ""))


def command(text: str, style: Style | None = None) -> None:
    """Print a command to be copied: in one line, whatever the room, since a line end inside would break it."""
    out().print(Text(f"  {text}", style or ""))


def heading(text: str) -> None:
    """Print a heading with an empty line above."""
    say()
    say(text, BOLD)


def note(text: str, style: Style | None = None) -> None:
    """Print a line on standard error, so that the output stays clean."""
    tell(Text(text, style or ""))


def tell(text: Text) -> None:
    """Print styled words on standard error, wrapped at words on a terminal."""
    _wrapped(err(), text)


def _wrapped(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=not console.is_terminal)


def json_lines(values: Iterable[object]) -> None:
    """Print values as JSON, one a line, each as soon as it is there."""
    for value in values:
        sys.stdout.write(json_line(value) + "\n")


@contextmanager
def printing(done: str, status: int = 0) -> Iterator[None]:
    """Print what was written at a backend. Where that cannot be printed, standard error says what was done, so that nobody does it again.

    Args:
        done: a sentence without its stop; it must have gone through ``show``.
        status: with which the command is about to end.

    Raises:
        Exit: with that status or else with 1, where it could not be printed.
    """
    try:
        yield
        sys.stdout.flush()
    except BaseException as error:
        _discard()
        with suppress(OSError):
            note(f"{done}. Only printing it failed: {_why(error)}.", YELLOW)
        if isinstance(error, (BrokenPipeError, KeyboardInterrupt)) or not isinstance(error, Exception):
            raise
        import typer

        raise typer.Exit(status or 1) from error
    if getattr(sys.stdout, "name", "") == os.devnull:  # which stands there for a closed one; a redirected one keeps its name
        note(f"{done}. Standard output is closed, so nothing more is told.", YELLOW)


def _why(error: BaseException) -> str:
    if isinstance(error, BrokenPipeError):
        return "nobody reads standard output any more"
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted"
    return show(getattr(error, "strerror", None)) or type(error).__name__


def _discard() -> None:
    """Let what could not be printed go nowhere, or the flush at the end would fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    layout = _laid_out(columns, natural, available)
    console = out()
    for line in layout.lines([column.title for column in columns]):
        console.print(Text(line, DIM))
    count = 0
    for row in _chained(first, source):
        for line in layout.lines(row):
            console.print(Text(line))
        count += 1
    if layout.hidden:
        say(f"no room for: {', '.join(layout.hidden)}", DIM)
    return count


def _chained(first: Sequence[Sequence[str]], rest: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield from first
    yield from rest


@dataclass(frozen=True, slots=True)
class _Layout:
    """How rows are set: which columns stand above, which beside each other and how wide, and what has no room."""

    columns: Sequence[Column]
    above: Sequence[int]
    beside: Sequence[tuple[int, int]]
    available: int | None

    @property
    def hidden(self) -> list[str]:
        shown = {*self.above, *(i for i, _ in self.beside)}
        return [column.title for i, column in enumerate(self.columns) if i not in shown]

    def lines(self, row: Sequence[str]) -> Iterator[str]:
        """The lines of a row: one, unless something stands above it or goes on below."""
        if self.above:
            cells = [row[i] or "–" for i in self.above]
            together = (" " * _GAP).join(cells)
            yield from [together] if cell_len(together) <= (self.available or 0) else cells
        indent = _UNDER if self.above else ""
        parts = {i: _folded(row[i], size) for i, size in self.beside if self.columns[i].wrap and self._too_long(row[i], size)}
        for place in range(max(map(len, parts.values()), default=1)):
            yield indent + self._line([_part(parts[i], place) if i in parts else cell if place == 0 else "" for i, cell in enumerate(row)])

    def _too_long(self, text: str, size: int) -> bool:
        return self.available is not None and cell_len(text) > size

    def _line(self, cells: Sequence[str]) -> str:
        parts: list[str] = []
        for i, size in self.beside:
            text = cells[i]
            if self._too_long(text, size) and self.columns[i].least is not None:
                text = set_cell_size(text, max(size - 1, 0)).rstrip() + _ELLIPSIS
            padding = " " * max(size - cell_len(text), 0)
            parts.append(padding + text if self.columns[i].right else text + padding)
        return (" " * _GAP).join(parts).rstrip()


def _folded(text: str, size: int) -> list[str]:
    return [line.plain.rstrip() for line in Text(text).wrap(out(), size)]


def _part(lines: Sequence[str], place: int) -> str:
    return lines[place] if place < len(lines) else ""


def _laid_out(columns: Sequence[Column], natural: Sequence[int], available: int | None) -> _Layout:
    every = range(len(columns))
    if available is None:
        return _Layout(columns, (), [(i, natural[i]) for i in every], available)
    beside, excess = _fitted(columns, natural, every, available)
    lifted = [i for i in every if columns[i].lift]
    if not (excess and lifted):
        return _Layout(columns, (), beside, available)
    rest = [i for i in every if i not in lifted]
    beside, _ = _fitted(columns, natural, rest, available - len(_UNDER))
    return _Layout(columns, lifted, beside, available)


def _fitted(columns: Sequence[Column], natural: Sequence[int], among: Iterable[int], available: int) -> tuple[list[tuple[int, int]], int]:
    """The columns that fit beside each other, with their widths, and by how much they still exceed the room."""
    shown = list(among)
    while True:
        total = sum(natural[i] for i in shown) + _GAP * max(len(shown) - 1, 0)
        spare = sum(max(natural[i] - _least(columns[i], natural[i]), 0) for i in shown)
        droppable = [i for i in shown if columns[i].drop]
        if total - spare <= available or not droppable:
            return _shrunk(columns, natural, shown, max(total - available, 0)), max(total - spare - available, 0)
        shown.remove(max(droppable, key=lambda i: columns[i].drop))


def _least(column: Column, natural: int) -> int:
    return natural if column.least is None else max(column.least, cell_len(column.title))


def _shrunk(columns: Sequence[Column], natural: Sequence[int], shown: Sequence[int], excess: int) -> list[tuple[int, int]]:
    """Take ``excess`` off the widest columns that may be cut or go on in the next line."""
    sizes = {i: natural[i] for i in shown}
    for _ in range(excess):
        wide = [(size, i) for i, size in sizes.items() if size > _least(columns[i], natural[i])]
        if not wide:
            break
        sizes[max(wide)[1]] -= 1
    return list(sizes.items())


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
        labelled(Text(f"{' ' * indent}{name:<{size}}  ", DIM), value)


def labelled(label: Text, value: str) -> None:
    """Print a value after its label; where it is too long for a terminal, the next lines begin under the first.

    A value without a space, such as a hash, stays in one piece, so that it can be copied.
    """
    space = room()
    parts = [value] if space is None or " " not in value else _folded(value, max(space - label.cell_len, _NARROWEST)) or [value]
    out().print(Text.assemble(label, parts[0]))
    for part in parts[1:]:
        out().print(Text(" " * label.cell_len + part))


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
