"""The columns of a run store: whatever is read is checked where it enters, so that nothing after it meets a damaged value.

SQLite keeps what it is given, whatever the type of the column, and files rot, are cut off and are edited by hand. A value that cannot
stand in its column is raised as ``Unreadable`` while the row is read; the store makes a ``RunStoreError`` of it that names the row.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from types import NoneType
from typing import Any, NoReturn, Protocol, cast

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, Dialect, Integer, Text, type_coerce
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.types import TypeDecorator, TypeEngine

from unibill.copying import shapes
from unibill.copying.shapes import Check, Wrong


class Unreadable(Exception):
    """A value that cannot stand where it stands.

    Attributes:
        column: where, as ``records.state``.
        value: what was found.
        wrong: what is wrong with it, to be said after the column's name.
    """

    def __init__(self, column: str, value: object, wrong: str) -> None:
        super().__init__(f"{column} {wrong}")
        self.column = column
        self.value = value
        self.wrong = wrong


class Reader(Protocol):
    """Reads one value of a column as the database gave it."""

    def __call__(self, value: Any) -> Any:  # noqa: ANN401, D102 - what a column may hold; the class says it
        ...


class Checked(TypeDecorator[Any]):
    """A column of texts or whole numbers whose values are checked when they are read.

    Attributes:
        column: where it stands, as ``records.state``.
        nullable: null may stand there.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok = True

    def __init__(self) -> None:
        super().__init__()
        self.column = ""
        self.nullable = False

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL sorts as its database is told to; a plan's hash needs the order of the bytes everywhere."""
        return TEXT(collation="C") if dialect.name == "postgresql" else Text()

    def many(self, values: Sequence[Any]) -> Sequence[Any]:
        """What reads the values of many rows, as ``result_processor`` does each.

        Raises:
            Unreadable: one cannot stand there.
        """
        return list(map(self._reader(), values))

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader:
        """What reads one value."""
        del dialect, coltype
        return self._reader()

    def _reader(self) -> Reader:
        raise NotImplementedError

    def _are_all(self, values: Sequence[Any], kind: type) -> bool:
        """Whether all are of one type, or null where that may stand."""
        kinds = set(map(type, values))
        return kinds == {kind} or (self.nullable and kinds <= {kind, NoneType})

    def _tested(self, check: Check) -> Reader:
        nullable, fail = self.nullable, self._raise

        def read(value: Any) -> Any:  # noqa: ANN401 - what a column may hold
            if value is not None or not nullable:
                try:
                    check(value)
                except Wrong as wrong:
                    fail(value, wrong)
            return value

        return read

    def _refuse(self, value: object, check: Check) -> Any:  # noqa: ANN401 - null, or nothing at all
        """Null where it may stand; anything else is refused in the words of a check."""
        if value is None and self.nullable:
            return None
        try:
            check(value)
        except Wrong as wrong:
            self._raise(value, wrong)
        raise AssertionError(f"{self.column}: {value!r} is right, and was refused")

    def _raise(self, value: object, wrong: Wrong) -> NoReturn:
        raise Unreadable(self.column, value, str(wrong))


class Plain(Checked):
    """Any text."""

    cache_ok = True

    def _reader(self) -> Reader:
        refuse = self._refuse
        return lambda value: value if type(value) is str else refuse(value, shapes.text)

    def many(self, values: Sequence[Any]) -> Sequence[Any]:
        """As of the base; most columns need one look at the types alone."""
        return values if self._are_all(values, str) else super().many(values)


class Whole(Checked):
    """A whole number.

    Args:
        check: of numbers that cannot be any.
        long: whether there may be more than two thousand millions.
    """

    impl = Integer
    cache_ok = True

    def __init__(self, check: Check = shapes.whole, *, long: bool = False) -> None:
        super().__init__()
        self.check = check
        self.long = long

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A wider one where the database needs to be told."""
        return BigInteger() if self.long and dialect.name == "postgresql" else Integer()

    def _reader(self) -> Reader:
        if self.check is not shapes.whole:
            return self._tested(self.check)
        refuse = self._refuse
        return lambda value: value if type(value) is int else refuse(value, shapes.whole)

    def many(self, values: Sequence[Any]) -> Sequence[Any]:
        """As of the base; most columns need one look at the types alone."""
        return values if self.check is shapes.whole and self._are_all(values, int) else super().many(values)


class Words(Checked):
    """A word of an enumeration, read as its member."""

    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def _reader(self) -> Reader:
        return cast("Reader", _Members(self.words, self._refuse).__getitem__)


class _Members(dict[Any, Any]):
    """The members of an enumeration by their words: looked up without a call of Python's where there is one."""

    def __init__(self, words: Iterable[StrEnum], refuse: Callable[[object, Check], Any]) -> None:
        super().__init__({member.value: member for member in words})
        self._refuse = refuse
        self._check = shapes.one_of(*self)

    def __missing__(self, value: object) -> Any:  # noqa: ANN401 - null, or nothing at all
        return self._refuse(value, self._check)


class Tested(Checked):
    """A text that passes a check, and is read as it stands."""

    cache_ok = True

    def many(self, values: Sequence[Any]) -> Sequence[Any]:
        """As of the base; what stands there several times is checked once."""
        super().many(tuple(set(values)))
        return values

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.check = check

    def _reader(self) -> Reader:
        return self._tested(self.check)


class Json(Checked):
    """JSON that passes a check, read as its value.

    Args:
        check: of the value.
        quick: reads what passes the check at once; gives None, or raises msgspec's errors, for what the check has to look at.
        blank: whether an empty text stands for an empty object.
    """

    cache_ok = True

    def __init__(self, check: Check, quick: Callable[[str], Any] | None = None, *, blank: bool = False) -> None:
        super().__init__()
        self.check = check
        self.quick = quick
        self.blank = blank

    def _reader(self) -> Reader:
        check, quick, blank, nullable, fail, parsed = self.check, self.quick, self.blank, self.nullable, self._raise, shapes.parsed

        def read(value: Any) -> Any:  # noqa: ANN401 - the check knows
            if value is None and nullable:
                return None
            if blank and value == "":
                return {}
            if quick is not None and type(value) is str:
                try:
                    found = quick(value)
                except (Wrong, msgspec.DecodeError, RecursionError, UnicodeError):
                    found = None
                if found is not None:
                    return found
            try:
                return parsed(value, check)
            except Wrong as wrong:
                fail(value, wrong)

        return read


def as_written(column: Column[Any]) -> ColumnElement[Any]:
    """A column whose text is read as it stands, whatever it says."""
    plain = Plain()
    plain.column, plain.nullable = f"{column.table.name}.{column.name}", bool(column.nullable)
    return type_coerce(column, plain).label(column.name)


def place(columns: Iterable[Column[Any]]) -> None:
    """Tell columns where they stand."""
    for column in columns:
        if isinstance(column.type, Checked):
            column.type.column = f"{column.table.name}.{column.name}"
            column.type.nullable = bool(column.nullable)
