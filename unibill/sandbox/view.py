"""How a system's books are shown to people: the types of its records, a page of them, their sums, and what hangs together.

The sandbox's page asks only for this. ``SystemView`` answers all of it from ``books()``, so every system has a page; a system
whose books can be large overrides what its own tables answer faster.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, cast

from unibill import marks

if TYPE_CHECKING:
    from unibill.sandbox.system import SandboxSystem

Row = Mapping[str, object]
Role = Literal["account", "credit", "invoice", "charge", "other"]
ColumnKind = Literal["text", "id", "account", "state", "day", "time", "money"]

_MOST_COLUMNS = 6
_ROLES: Sequence[tuple[str, Role]] = (
    ("account", "account"),
    ("customer", "account"),
    ("credit", "credit"),
    ("invoice", "invoice"),
    ("charge", "charge"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        field: of the record, or of the entry's ``extra``.
        title: what stands above it.
        kind: how it is shown. ``money``: a Decimal in the record's currency, or a mapping of currencies to Decimals.
    """

    field: str
    title: str
    kind: ColumnKind = "text"


@dataclass(frozen=True, slots=True)
class RecordType:
    """One table of a system.

    Attributes:
        name: unique in the system.
        title: for people, plural.
        role: which table of another system it stands beside.
        columns: the first is the one that opens the record.
        currency: the field that says in which currency its amounts are; None where amounts say so themselves.
    """

    name: str
    title: str
    role: Role
    columns: Sequence[Column]
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a table.

    Attributes:
        id: unique in its type.
        account: whose it is, as the id of an entry of the account type.
        record: as ``books()`` gives it.
        extra: what the table shows besides, and the record does not say.
    """

    id: str
    record: Row
    account: str | None = None
    extra: Row = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records of a type: all, or those of one account, or those in which a text occurs."""

    type: str
    account: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sum:
    """What some records of one currency come to.

    Attributes:
        label: what these records have in common; empty for all.
        amounts: by name.
    """

    label: str
    currency: str
    count: int
    amounts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Standing:
    """One currency of a system: what accounts can still spend of their credits, and what they owe on invoices."""

    currency: str
    to_spend: Decimal
    owed: Decimal


@dataclass(frozen=True, slots=True)
class Link:
    """From a record to another one. ``label`` is what the other is to it; an amount is what went between them."""

    label: str
    type: str
    id: str
    amount: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A record from which a mark can be made: the kind and id that unibill gives it. See ``unibill.marks``."""

    type: str
    id: str
    kind: str
    record_id: str


class SystemView:
    """A system as its page shows it, answered from ``books()``: right for every system, slow for a large one.

    Every method is called under the server's lock, between transactions of the system.
    """

    def __init__(self, system: "SandboxSystem") -> None:
        self._system = system

    def types(self) -> Sequence[RecordType]:
        """The tables, in the order in which people read them; what is not there yet may be missing."""
        firsts: dict[str, Row] = {}
        for row in self._system.books():
            firsts.setdefault(str(row["type"]), row)
        return [_guessed(name, row) for name, row in firsts.items()]

    def count(self, wanted: Wanted) -> int:
        """How many records there are."""
        return sum(1 for _ in self._entries(wanted))

    def page(self, wanted: Wanted, offset: int, count: int) -> list[Entry]:
        """Some of the records, newest first."""
        return list(reversed(list(self._entries(wanted))))[offset : offset + count]

    def sums(self, wanted: Wanted) -> list[Sum]:
        """What the records come to, by currency."""
        del wanted
        return []

    def standing(self) -> list[Standing]:
        """Where the accounts stand, by currency."""
        return []

    def find(self, type_name: str, entry_id: str) -> Entry | None:
        """One record."""
        return next((entry for entry in self._entries(Wanted(type_name)) if entry.id == entry_id), None)

    def links(self, type_name: str, entry: Entry) -> list[Link]:
        """The records that belong to this one."""
        del type_name, entry
        return []

    def marked(self) -> int:
        """How many records carry a mark of unibill."""
        return sum(1 for row in self._system.books() if mark_of(row))

    def carriers(self, wanted: Collection[str]) -> list[tuple[str, str]]:
        """Type and id of the records that carry one of these marks."""
        return [
            (name, entry.id)
            for name in dict.fromkeys(str(row["type"]) for row in self._system.books())
            for entry in self._entries(Wanted(name))
            if mark_of(entry.record) in wanted
        ]

    def identities(self, url: str) -> Sequence[str]:
        """What marks may call this system when it is served at ``url``; see ``Provider.identity``."""
        del url
        return ()

    def sources(self) -> Iterator[Source]:
        """Every record that may have been copied elsewhere."""
        yield from ()

    def source(self, type_name: str, entry: Entry) -> Source | None:
        """The same for one record, or None if it is of no kind that is copied."""
        del type_name, entry
        return None

    def _entries(self, wanted: Wanted) -> Iterator[Entry]:
        if wanted.account:
            return
        needle = wanted.text.lower()
        for number, row in enumerate(row for row in self._system.books() if row["type"] == wanted.type):
            if holds(row, needle):
                yield Entry(str(number + 1), row)


def mark_of(record: Row) -> str | None:
    """The mark that a record carries at the start of one of its texts."""
    return marks.find(*(value for value in record.values() if isinstance(value, str)))


def holds(value: object, needle: str) -> bool:
    """Whether a text, in lower case, occurs in a value or in what is nested in it; names of fields do not count."""
    if isinstance(value, Mapping):
        return any(holds(item, needle) for item in cast("Mapping[str, object]", value).values())
    if isinstance(value, list):
        return any(holds(item, needle) for item in cast("list[object]", value))
    return value is not None and needle in str(value).lower()


def _guessed(name: str, row: Row) -> RecordType:
    fields = [key for key, value in row.items() if key not in ("system", "type") and not isinstance(value, (dict, list))]
    columns = [Column("", "No.", "id"), *(Column(key, key) for key in fields[:_MOST_COLUMNS])]
    return RecordType(name, name, _guessed_role(name.lower()), columns)


def _guessed_role(name: str) -> Role:
    for word, role in _ROLES:
        if word in name:
            return role
    return "other"
