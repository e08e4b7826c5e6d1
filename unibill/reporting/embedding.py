"""What the page carries for its tables, packed: compact, streamed, and no markup whatever it says.

The packed text is base64 of gzip of lines. A line that is a JSON string adds a text to the dictionary, a line that is a JSON array
is a row. Where a row has a number for a text, it is the text's place in the dictionary.
"""

import json
import zlib
from base64 import b64encode
from collections.abc import Sequence
from decimal import Decimal
from typing import BinaryIO, Final

from unibill import money
from unibill.copying.decisions import FAILED, UNSETTLED
from unibill.copying.summary import RunStatus
from unibill.exactjson import number
from unibill.reporting.values import AccountMoney, RecordLine

LIMIT: Final = 100_000
"""Records in a page, unless another number is asked for: so many can be searched and sorted without a pause."""
ACCOUNTS: Final = 20_000
"""Account lines in a page."""
_TEXTS: Final = 50_000
"""Texts in the dictionary; later ones are repeated in each row."""
_BLOCK: Final = 96 * 1024
_CHUNK: Final = 500
_GZIP: Final = 31
"""What zlib calls a gzip stream with the largest window."""


class Pack:
    """Packs rows into a file that is open for writing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zip = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self._waiting = bytearray()
        self._lines: list[str] = []
        self._texts: dict[str, int] = {}

    def text(self, text: str) -> int | str:
        """A text that is likely to come again: its place in the dictionary."""
        place = self._texts.get(text)
        if place is None:
            if len(self._texts) >= _TEXTS:
                return text
            place = self._texts[text] = len(self._texts)
            self._lines.append(_json(text))
        return place

    def row(self, values: Sequence[object]) -> None:
        """Pack a row."""
        self._lines.append(_json(values))
        if len(self._lines) >= _CHUNK:
            self._pack()

    def _pack(self) -> None:
        text = "".join(f"{line}\n" for line in self._lines)
        self._lines.clear()
        self._waiting += self._zip.compress(text.encode("utf-8", "backslashreplace"))
        if len(self._waiting) >= _BLOCK:
            whole = len(self._waiting) - len(self._waiting) % 3
            self._file.write(b64encode(self._waiting[:whole]))
            del self._waiting[:whole]

    def close(self) -> None:
        """Write what is left."""
        self._pack()
        self._waiting += self._zip.flush()
        self._file.write(b64encode(self._waiting))
        self._waiting.clear()


class PackedRecords:
    """Takes records and packs those that the page holds: all, or past a limit the exceptions and an even sample of the others.

    Args:
        file: open for writing.
        standing: how many records there are.
        limit: how many the page holds at most.

    Attributes:
        held: records in the page.
        is_whole: the page holds all records.
    """

    def __init__(self, file: BinaryIO, standing: RunStatus, limit: int = LIMIT) -> None:
        self._pack = Pack(file)
        self._limit = limit
        total = sum(standing.counts.values())
        troubled = sum(standing.states.get(state.value, 0) for state in FAILED | UNSETTLED)
        exceptions = standing.counts["blocked"] + standing.counts["conflict"] + troubled
        room = max(limit - exceptions, 0)
        self._every = 1 if total <= limit else -(-(total - exceptions) // room) if room else 0
        self._others = 0
        self.held = 0
        self.is_whole = total <= limit

    def take(self, line: RecordLine) -> None:
        """Pack a record, if the page is to hold it."""
        if not line.is_exception:
            self._others += 1
            if not self._every or (self._others - 1) % self._every:
                return
        if self.held < self._limit:
            self.held += 1
            self._pack.row(self._row(line))

    def _row(self, line: RecordLine) -> list[object]:
        known, currency = self._pack.text, line.currency
        return [
            known(line.outcome.value),
            line.sign,
            known(line.source_account),
            line.source_id,
            known(line.kind),
            known(line.status),
            line.day,
            known(currency),
            _amount(line.amount, currency),
            _amount(line.remaining, currency),
            _amount(line.carried, currency),
            known(line.target_account),
            line.target_id,
            known(line.code),
            known(line.reason),
            line.number,
            line.memo,
            line.mark,
            line.sends,
            [[known(field), known(kind), value, known(reason)] for field, kind, value, reason in line.losses],
            [[target, _amount(value, currency), known(reason)] for target, value, _, reason in line.dropped],
            [[target, _amount(value, currency)] for target, value in line.spent],
            known(line.record_type.value),
            known(line.type),
        ]

    def close(self) -> None:
        """Write what is left."""
        self._pack.close()


def pack_accounts(file: BinaryIO, accounts: Sequence[AccountMoney]) -> None:
    """Pack account lines, as many as the page holds."""
    pack = Pack(file)
    for line in accounts[:ACCOUNTS]:
        amounts = (line.before, line.carried, line.waiting, line.expected, line.found)
        shown = [_amount(amount, line.currency) for amount in amounts]
        pack.row(
            [
                line.account,
                pack.text(line.record_type.value),
                pack.text(line.currency),
                ", ".join(line.sources),
                line.created,
                *shown,
                line.sign,
            ]
        )
    pack.close()


def _amount(value: Decimal | None, currency: str) -> str:
    return "" if value is None else number(money.full(value, currency))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
