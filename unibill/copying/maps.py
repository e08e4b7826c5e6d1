"""Which account and which invoice of the source is which at the target.

Maps come from CSV files, pairs or functions. A file is checked whole, and every bad line is named in one error.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from unibill.copying.maplines import InvalidMap, is_complete, is_new, read_lines, stripped
from unibill.errors import InvalidQuery, Rejected

_ACCOUNTS: Final = ("source_account", "target_account")
_INVOICES: Final = ("source_invoice", "target_invoice")
_NUMBER: Final = "target_number"
Side: TypeAlias = Literal["source", "target"]


@dataclass(frozen=True, slots=True)
class AccountMap:
    """The target's account for each source account.

    Attributes:
        pairs: the known pairs; empty where ``find`` is given.
        find: asked for each source account that the source lists.
        notes: what a person should know about the map, such as two accounts that become one.
        origin: the file that it was read from.
    """

    pairs: Mapping[str, str] = field(default_factory=dict[str, str])
    find: Callable[[str], str | None] | None = None
    notes: tuple[str, ...] = ()
    origin: Path | None = None

    @classmethod
    def from_csv(cls, path: Path | str) -> "AccountMap":
        """Read ``source_account,target_account``, UTF-8, with or without a byte order mark.

        Raises:
            InvalidMap: with every bad line.
        """
        rows = read_lines(Path(path), _ACCOUNTS, ())
        faults, pairs = rows.faults, dict[str, str]()
        for line, (source, target) in rows:
            if is_complete(faults, line, {_ACCOUNTS[0]: source, _ACCOUNTS[1]: target}) and is_new(faults, line, "account", source, pairs):
                pairs[source] = target
        return cls._checked(f"the file {path}", pairs, faults, Path(path))

    @classmethod
    def from_pairs(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> "AccountMap":
        """Take pairs of a source and a target account.

        Raises:
            InvalidMap: an empty id, or a source account twice.
        """
        items = stripped(pairs)
        faults, known = list[str](), dict[str, str]()
        for place, (source, target) in enumerate(items, 1):
            named = {_ACCOUNTS[0]: source, _ACCOUNTS[1]: target}
            if is_complete(faults, place, named, "pair") and is_new(faults, place, "account", source, known, "pair"):
                known[source] = target
        return cls._checked("the account map", known, faults)

    @classmethod
    def from_callable(cls, find: Callable[[str], str | None]) -> "AccountMap":
        """Ask a function, which gives None for an account that is not to be copied."""
        return cls(find=find)

    @classmethod
    def _checked(cls, what: str, pairs: dict[str, str], faults: list[str], origin: Path | None = None) -> "AccountMap":
        if not pairs and not faults:
            faults.append("it holds no account; give at least one line below the header")
        if faults:
            raise InvalidMap(what, faults)
        shared = {target for target, count in Counter(pairs.values()).items() if count > 1}
        by_target: dict[str, list[str]] = {}
        for source, target in pairs.items():
            if target in shared:
                by_target.setdefault(target, []).append(source)
        notes = [f"accounts {', '.join(found)} all become account {target}" for target, found in by_target.items()]
        return cls(pairs, notes=tuple(notes), origin=origin)

    def get(self, account: str) -> str | None:
        """The target's account, or None."""
        return (self.find(account) or None) if self.find is not None else self.pairs.get(account)

    @contextmanager
    def naming(self, account: str, side: Side) -> Iterator[None]:
        """Add to the error by which a system refuses an account where the map names it.

        Args:
            account: as its system calls it.
            side: ``source`` or ``target``.
        """
        try:
            yield
        except (InvalidQuery, Rejected) as error:
            if place := self._place_of(account, side):
                error.add_note(f"Account {account} is named in {place}.")
            raise

    def _place_of(self, account: str, side: Side) -> str:
        """``line 3 of the file accounts.csv``; empty where it is not named."""
        column = 0 if side == "source" else 1
        if not isinstance(self.pairs, dict):  # one that is looked up elsewhere, account by account
            return ""
        if self.origin is None:
            found = (place for place, pair in enumerate(self.pairs.items(), 1) if pair[column] == account)
            return next((f"pair {place} of the account map" for place in found), "")
        if not any(pair[column] == account for pair in self.pairs.items()):
            return ""
        try:  # read again, since lines are asked for only where something is wrong
            lines = [line for line, cells in read_lines(self.origin, _ACCOUNTS, ()) if cells[column] == account]
        except InvalidMap:
            lines = []
        return f"{f'line {lines[0]} of ' if lines else ''}the file {self.origin}"


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
        rows = read_lines(Path(path), _INVOICES, (_NUMBER,))
        faults, pairs = rows.faults, dict[str, MappedInvoice]()
        for line, (source, target, number) in rows:
            named = {_INVOICES[0]: source, f"{_INVOICES[1]} and {_NUMBER}" if rows.has_optional else _INVOICES[1]: target or number}
            if is_complete(faults, line, named) and is_new(faults, line, "invoice", source, pairs):
                pairs[source] = MappedInvoice(target or None, number or None)
        if faults:
            raise InvalidMap(f"the file {path}", faults)
        return cls(pairs)

    @classmethod
    def from_pairs(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> "InvoiceMap":
        """Take pairs of a source and a target invoice's id.

        Raises:
            InvalidMap: an empty id, or a source invoice twice.
        """
        items = stripped(pairs)
        faults, known = list[str](), dict[str, MappedInvoice]()
        for place, (source, target) in enumerate(items, 1):
            named = {_INVOICES[0]: source, _INVOICES[1]: target}
            if is_complete(faults, place, named, "pair") and is_new(faults, place, "invoice", source, known, "pair"):
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
