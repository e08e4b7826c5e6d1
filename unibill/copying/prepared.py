"""Statements that are used again and again: worded once, and what they read is checked column by column.

SQLAlchemy words a statement anew, or looks it up, at every use, and looks at each value of each row by itself; where a few rows are
read for every few requests that costs as much as the database does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Insert, Select, Update

from unibill.copying.columns import Checked

Row: TypeAlias = Mapping[str, Any]
Values: TypeAlias = Mapping[str, object]


class Prepared:
    """A statement with bound parameters.

    Args:
        statement: its parameters have None for a value; what it selects, if it does, are columns that check what they read.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]] | Insert | Update) -> None:
        self._statement = statement
        self._worded: dict[str, _Worded] = {}
        self._names: list[str] = []
        self._types: list[Checked] = []
        if isinstance(statement, Select):
            for column in statement.selected_columns:
                if not isinstance(column.type, Checked):
                    raise TypeError(f"{column} is not checked when it is read")
                self._names.append(str(column.key))
                self._types.append(column.type)

    @staticmethod
    def can_read(query: Select[*tuple[Any, ...]]) -> bool:
        """Whether all that a query selects is checked when it is read."""
        return all(isinstance(column.type, Checked) for column in query.selected_columns)

    def rows(self, connection: Connection, values: Values) -> list[Row]:
        """All rows.

        Raises:
            Unreadable: a value cannot stand where it stands.
        """
        worded = self._for(connection)
        result: Any = connection.exec_driver_sql(worded.text, worded.given(values))
        found = result.cursor.fetchall()  # as the driver gives them
        if not found:
            return []
        columns = [kind.many(column) for kind, column in zip(self._types, zip(*found, strict=True), strict=True)]
        del found
        names = self._names
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def run(self, connection: Connection, values: Sequence[Values]) -> None:
        """Run it once for each set of parameters."""
        worded = self._for(connection)
        connection.exec_driver_sql(worded.text, [worded.given(one) for one in values])

    def _for(self, connection: Connection) -> "_Worded":
        dialect = connection.dialect
        worded = self._worded.get(dialect.name)
        if worded is None:
            compiled = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            worded = self._worded[dialect.name] = _Worded(compiled)
        return worded


class _Worded:
    """A statement in the words of one kind of database."""

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own class has no public name
        self.text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        self._fixed: dict[str, object] = {name: value for name, value in compiled.construct_params().items() if value is not None}

    def given(self, values: Values) -> Any:  # noqa: ANN401 - as the driver wants them
        if self._order is None:
            return {**self._fixed, **values}
        fixed = self._fixed
        return tuple([values[name] if name in values else fixed[name] for name in self._order])
