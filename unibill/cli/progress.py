"""Progress of long work: a bar on a terminal, plain lines elsewhere, nothing beside ``--json``. Always on standard error."""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from rich.text import Text

from unibill.cli.output import DIM, amount_of, err, note, out
from unibill.showing import show

if TYPE_CHECKING:
    from unibill.copying.summary import Progress, Tell

T = TypeVar("T")
_EVERY_SECONDS: Final = 10.0
_AT_ONCE: Final = 100
_OTHER_COLUMNS: Final = 41
"""How wide everything but the bar and the money can become, and one more: a full line would be two on some terminals."""
_NARROWEST_BAR: Final = 4
_WIDEST_BAR: Final = 24


@contextmanager
def progress(quiet: bool) -> "Generator[Tell | None, None, None]":
    """Something to hand to a long call as its ``progress``."""
    if quiet:
        yield None
    elif err().is_terminal:
        yield from _bar()
    else:
        lines = _Lines()
        yield lines.tell
        lines.end()


def _bar() -> "Generator[Tell, None, None]":
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    room = err().width - _OTHER_COLUMNS
    width = min(max(room, _NARROWEST_BAR), _WIDEST_BAR)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=width),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[more]}"),
    )
    space = max(room - width, 0)
    with Bars(*columns, console=err(), transient=True) as bars:
        tasks: dict[str, object] = {}

        def tell(event: "Progress") -> None:
            if event.phase not in tasks:
                tasks[event.phase] = bars.add_task(event.phase, total=event.total, more="")
            bars.update(tasks[event.phase], completed=event.done, total=event.total, more=_cut(_more(event), space))  # type: ignore[arg-type]  # rich's TaskID is an int of its own name

        yield tell


@contextmanager
def working(text: str) -> "Generator[None, None, None]":
    """Say on a terminal what is going on, while it goes on."""
    if not err().is_terminal:
        yield
        return
    with err().status(Text(text)):
        yield


def reading(records: "Iterable[T]", what: str) -> "Iterator[T]":
    """Pass records through, and show on a terminal that they are being read.

    Where they are printed on the same terminal, until the first is there; where they go into a file or a pipe, how many there are.
    """
    if not err().is_terminal:
        yield from records
        return
    source = iter(records)
    with err().status(Text(f"reading {what}")) as shown:
        for first in source:
            break
        else:
            return
        if not out().is_terminal:
            yield first
            for count, record in enumerate(source, 2):
                yield record
                if count % _AT_ONCE == 0:
                    shown.update(Text(f"{count} {what}"))
            return
    yield first
    yield from source


class _Lines:
    """A line at the start of each phase, every ten seconds, and how far the last phase came."""

    def __init__(self) -> None:
        self._phase = ""
        self._last = 0.0
        self._untold: Progress | None = None

    def tell(self, event: "Progress") -> None:
        now = time.monotonic()
        if event.phase == self._phase and now - self._last < _EVERY_SECONDS:
            self._untold = event
            return
        self._phase, self._last, self._untold = event.phase, now, None
        self._say(event)

    def end(self) -> None:
        """Say the last count, if it was not."""
        if self._untold is not None:
            self._say(self._untold)

    def _say(self, event: "Progress") -> None:
        total = "" if event.total is None else f" of {event.total}"
        note(f"{event.phase}: {event.done}{total} {_more(event)}".rstrip(), DIM)


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: max(size - 1, 0)] + "…"[:size]


def _more(event: "Progress") -> str:
    money = ", ".join(f"{amount_of(value, currency)} {currency}" for currency, value in sorted(event.money.items()))
    charges = ", ".join(f"{amount_of(value, currency)} {currency} as charges" for currency, value in sorted(event.charges.items()))
    counts = ", ".join(
        f"{count} {name}" for name, count in sorted(event.counts.items()) if count and name in {"failed", "rejected", "unknown"}
    )
    return show(" · ".join(part for part in (money, charges, counts, event.note) if part))
