"""Which account and which invoice of the source is which at the target.

Maps come from CSV files, pairs or functions. A file is checked whole, and every bad line is named in one error.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from unibill.errors import ConfigurationError

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_ROUNDED: Final = re.compile(r"\d+(?:[.,]\d+)?[eE]\+?\d+")
_ACCOUNTS: Final = ("source_account", "target_account")
_INVOICES: Final = ("source_invoice", "target_invoice")
_NUMBER: Final = "target_number"


class InvalidMap(ConfigurationError):
    """A map has faults.

    Attributes:
        faults: all of them, each with its line.
    """

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{what} cannot be used:\n" + "\n".join(f"  {fault}" for fault in faults))


@dataclass(frozen=True, slots=True)
class AccountMap:
    """The target's account for each source account.

    Attributes:
        pairs: the known pairs; empty where ``find`` is given.
        find: asked for each source account that the source lists.
        notes: what a person should know about the map, such as two accounts that become one.
    """

    pairs: Mapping[str, str] = field(default_factory=dict[str, str])
    find: Callable[[str], str | None] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_csv(cls, path: Path | str) -> "AccountMap":
        """Read ``source_account,target_account``, UTF-8, with or without a byte order mark.

        Raises:
            InvalidMap: with every bad line.
        """
        rows = _read(Path(path), _ACCOUNTS, ())
        faults, pairs = rows.faults, dict[str, str]()
        for line, (source, target) in rows:
            if _complete(faults, line, {_ACCOUNTS[0]: source, _ACCOUNTS[1]: target}) and _new(faults, line, "account", source, pairs):
                pairs[source] = target
        return cls._checked(str(path), pairs, faults)

    @classmethod
    def from_pairs(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> "AccountMap":
        """Take pairs of a source and a target account.

        Raises:
            InvalidMap: an empty id, or a source account twice.
        """
        items = _items(pairs)
        faults, known = list[str](), dict[str, str]()
        for place, (source, target) in enumerate(items, 1):
            named = {_ACCOUNTS[0]: source, _ACCOUNTS[1]: target}
            if _complete(faults, place, named, "pair") and _new(faults, place, "account", source, known, "pair"):
                known[source] = target
        return cls._checked("the account map", known, faults)

    @classmethod
    def from_callable(cls, find: Callable[[str], str | None]) -> "AccountMap":
        """Ask a function, which gives None for an account that is not to be copied."""
        return cls(find=find)

    @classmethod
    def _checked(cls, what: str, pairs: dict[str, str], faults: list[str]) -> "AccountMap":
        if not pairs and not faults:
            faults.append("it holds no account; give at least one line below the header")
        if faults:
            raise InvalidMap(what, faults)
        by_target: dict[str, list[str]] = {}
        for source, target in pairs.items():
            by_target.setdefault(target, []).append(source)
        notes = [f"accounts {', '.join(found)} all become account {target}" for target, found in by_target.items() if len(found) > 1]
        return cls(pairs, notes=tuple(notes))

    def get(self, account: str) -> str | None:
        """The target's account, or None."""
        return (self.find(account) or None) if self.find is not None else self.pairs.get(account)


@dataclass(frozen=True, slots=True)
class MappedInvoice:
    """An invoice at the target: its id, or the number people see, or both."""

    id: str | None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceMap:
    """The target's invoice for each source invoice; attributes as of ``AccountMap``."""

    pairs: Mapping[str, MappedInvoice] = field(default_factory=dict[str, MappedInvoice])
    find: Callable[[str], str | None] | None = None

    @classmethod
    def from_csv(cls, path: Path | str) -> "InvoiceMap":
        """Read ``source_invoice,target_invoice`` and, if it is there, ``target_number``; one of the two last may be empty.

        Raises:
            InvalidMap: with every bad line.
        """
        rows = _read(Path(path), _INVOICES, (_NUMBER,))
        faults, pairs = rows.faults, dict[str, MappedInvoice]()
        for line, (source, target, number) in rows:
            named = {_INVOICES[0]: source, f"{_INVOICES[1]} and {_NUMBER}" if rows.has_optional else _INVOICES[1]: target or number}
            if _complete(faults, line, named) and _new(faults, line, "invoice", source, pairs):
                pairs[source] = MappedInvoice(target or None, number or None)
        if faults:
            raise InvalidMap(str(path), faults)
        return cls(pairs)

    @classmethod
    def from_pairs(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> "InvoiceMap":
        """Take pairs of a source and a target invoice's id.

        Raises:
            InvalidMap: an empty id, or a source invoice twice.
        """
        items = _items(pairs)
        faults, known = list[str](), dict[str, MappedInvoice]()
        for place, (source, target) in enumerate(items, 1):
            named = {_INVOICES[0]: source, _INVOICES[1]: target}
            if _complete(faults, place, named, "pair") and _new(faults, place, "invoice", source, known, "pair"):
                known[source] = MappedInvoice(target)
        if faults:
            raise InvalidMap("the invoice map", faults)
        return cls(known)

    @classmethod
    def from_callable(cls, find: Callable[[str], str | None]) -> "InvoiceMap":
        """Ask a function, which gives None for an invoice that the target does not have."""
        return cls(find=find)

    def get(self, invoice: str) -> MappedInvoice | None:
        """The target's invoice, or None."""
        if self.find is None:
            return self.pairs.get(invoice)
        found = self.find(invoice)
        return MappedInvoice(found) if found else None


def _items(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    listed = cast("Iterable[tuple[str, str]]", pairs.items() if isinstance(pairs, Mapping) else pairs)
    return [(source.strip(), target.strip()) for source, target in listed]


class _Rows:
    """The lines of a file, with the faults found so far."""

    def __init__(self, lines: list[tuple[int, list[str]]], faults: list[str], has_optional: bool) -> None:
        self._lines = lines
        self.faults = faults
        self.has_optional = has_optional

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return iter(self._lines)


def _read(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> _Rows:
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
                places = _places(path, header, required, optional)
            elif len(cells) != len(header):
                faults.append(f"line {reader.line_num}: {len(cells)} cells where the header has {len(header)}")
            else:
                lines.append((reader.line_num, ["" if place is None else cells[place] for place in places]))
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: {error}")
    if not header:
        raise InvalidMap(str(path), [f"it is empty; the first line must be {','.join(required)}"])
    return _Rows(lines, faults, all(name in header for name in optional))


def _places(path: Path, header: list[str], required: tuple[str, ...], optional: tuple[str, ...]) -> list[int | None]:
    missing = [name for name in required if name not in header]
    if missing:
        hint = (
            "; its cells seem to be separated by ; or tabs, and must be by commas"
            if len(header) == 1 and re.search(r"[;\t]", header[0])
            else ""
        )
        found = ", ".join(header)
        raise InvalidMap(str(path), [f"line 1: the header lacks {' and '.join(missing)}; it has: {found}{hint}"])
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InvalidMap(str(path), [f"line 1: the header names {' and '.join(twice)} twice"])
    return [header.index(name) if name in header else None for name in (*required, *optional)]


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidMap(str(path), [f"it cannot be read: {error.strerror or error}"]) from error
    if data.startswith(_UTF16):
        raise InvalidMap(str(path), ["it is UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidMap(str(path), [f"line {line}: byte {data[error.start]:#04x} is not UTF-8; save it as UTF-8"]) from error
    if "\0" in text:
        raise InvalidMap(str(path), [f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}: it holds a zero byte, so it is no text"])
    return text


def _complete(faults: list[str], line: int, cells: Mapping[str, str], unit: str = "line") -> bool:
    empty = [name for name, value in cells.items() if not value]
    rounded = [value for value in cells.values() if _ROUNDED.fullmatch(value)]
    if empty:
        faults.append(f"{unit} {line}: {' and '.join(empty)} is empty")
    if rounded:
        faults.append(f"{unit} {line}: {rounded[0]} is an id that a spreadsheet has rounded; format the column as text")
    return not empty and not rounded


def _new(faults: list[str], line: int, what: str, source: str, pairs: Mapping[str, object], unit: str = "line") -> bool:
    if source in pairs:
        faults.append(f"{unit} {line}: {what} {source} is named a second time")
        return False
    return True
