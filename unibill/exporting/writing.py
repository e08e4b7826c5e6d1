"""Writing records as CSV, JSON Lines or Parquet, one after another: what is in memory does not grow with their number."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from unibill import safecsv
from unibill.copying.summary import Progress, Tell
from unibill.errors import ConfigurationError
from unibill.exporting.columns import Column, Kind, columns
from unibill.model import Credit, Record
from unibill.outfiles import written
from unibill.showing import json_line, masked, visible

_TOLD: Final = 1000
"""Records between two words of progress."""


class Format(StrEnum):
    """A file format."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written.

    Attributes:
        path: of the file.
        records: how many.
    """

    path: Path
    format: Format
    records: int


class Writer(Protocol):
    """Writes records of one model."""

    def take(self, record: Record) -> None:
        """Write one record."""

    def close(self) -> None:
        """Write what is left."""


def export(
    records: Iterable[Record],
    path: Path | str,
    format: Format | str | None = None,
    *,
    model: type[Record] = Credit,
    progress: Tell | None = None,
) -> Summary:
    """Write records into a file, all of them or none.

    Args:
        records: such as ``billing.credits.list()``.
        path: of the file.
        format: None takes it from the file's name: .csv, .jsonl or .parquet.
        model: ``Credit`` or ``Charge``; it says the columns, also where there are no records.
        progress: is told how far it is.

    Raises:
        ConfigurationError: the format is not known, its library is not installed, an amount does not fit into it, or the file cannot
            be written.
    """
    place = Path(path)
    chosen = format_of(place, format)
    with written(place) as file:
        return Summary(place, chosen, write(records, file, chosen, model=model, progress=progress))


def write(
    records: Iterable[Record],
    file: BinaryIO,
    format: Format,
    *,
    model: type[Record] = Credit,
    progress: Tell | None = None,
) -> int:
    """Write records into an open file; arguments and errors as of ``export``.

    Returns:
        How many there were.
    """
    count = 0
    with ExitStack() as stack:
        writer = _writer(file, format, model)
        stack.callback(writer.close)
        for record in records:
            writer.take(record)
            count += 1
            if progress is not None and count % _TOLD == 0:
                progress(Progress("export", count))
    return count


def format_of(path: Path, named: Format | str | None) -> Format:
    """The format of a file.

    Raises:
        ConfigurationError: neither its name nor the caller says a known one.
    """
    word = str(named or path.suffix.removeprefix(".")).lower()
    if word not in set(Format):
        known = ", ".join(Format)
        raise ConfigurationError(
            f"the file name {path} does not say a format; give one of: {known}"
            if named is None
            else f"the format {word} is not one of: {known}"
        )
    return Format(word)


def _writer(file: BinaryIO, chosen: Format, model: type[Record]) -> Writer:
    if chosen is Format.CSV:
        return _Csv(file, model)
    if chosen is Format.JSONL:
        return _JsonLines(file)
    from unibill.exporting.arrow import Parquet

    return Parquet(file, model)


class _JsonLines:
    """An object a line, exact to a program and harmless to a terminal."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def take(self, record: Record) -> None:
        self._file.write(json_line(record.jsonable()).encode() + b"\n")

    def close(self) -> None:
        """Nothing waits."""


class _Csv:
    """A row a record; what has an inner shape is JSON."""

    def __init__(self, file: BinaryIO, model: type[Record]) -> None:
        self._columns = columns(model)
        self._writer = safecsv.Writer(file, [column.name for column in self._columns])

    def take(self, record: Record) -> None:
        values = record.jsonable()
        self._writer.row(_cell(column, values[column.name]) for column in self._columns)

    def close(self) -> None:
        self._writer.flush()


def _cell(column: Column, value: object) -> object:
    if value is None or column.kind is Kind.AMOUNT:
        return value
    if column.kind in {Kind.EXTRA, Kind.RECORD, Kind.RECORDS}:
        return json_line(value) if value or column.kind is Kind.RECORDS else ""
    return visible(str(masked(str(value), column.name)))
