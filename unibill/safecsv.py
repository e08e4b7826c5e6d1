"""CSV that is safe to open in a spreadsheet.

A text that a spreadsheet would take for a formula gets an apostrophe before it; so does a text that begins with an apostrophe,
so that taking one leading apostrophe off gives the text back. Amounts are numbers and stay as they are.
"""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import BinaryIO, Final

from unibill.exactjson import number

_BLOCK: Final = 64 * 1024
_ACTING: Final = frozenset("=+-@\t\r\n'＝＋－＠")


def text(value: str) -> str:
    """A text, so that no spreadsheet takes it for a formula."""
    return f"'{value}" if value and value[0] in _ACTING else value


def cell(value: object) -> str:
    """A value as a cell: nothing for None, digits for an amount, a text that is no formula."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return text(str(value.value) if isinstance(value, Enum) else str(value))


class Writer:
    """Writes rows into a binary file.

    Args:
        file: open for writing.
        columns: their names.
        spreadsheet: begin with the mark by which a spreadsheet knows that the file is UTF-8.
    """

    def __init__(self, file: BinaryIO, columns: Iterable[str], *, spreadsheet: bool = False) -> None:
        self._file = file
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator="\r\n")
        self._writer.writerow(columns)
        if spreadsheet:
            file.write(b"\xef\xbb\xbf")
        self.flush()

    def row(self, values: Iterable[object]) -> None:
        """Write one row. Its texts must have gone through ``unibill.showing`` where they came from outside."""
        self._writer.writerow(map(cell, values))
        if self._buffer.tell() > _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Hand what is waiting to the file."""
        self._file.write(self._buffer.getvalue().encode("utf-8", "backslashreplace"))
        self._buffer.seek(0)
        self._buffer.truncate()
