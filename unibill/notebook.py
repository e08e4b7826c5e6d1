"""What a notebook shows: records, lists of them and summaries of runs as tables.

Text from outside is escaped, and secrets and card-like numbers in it are masked, since notebooks are saved and passed on.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Final, cast

from unibill import exactjson, money
from unibill.model import Record
from unibill.showing import masked, visible

_MOST: Final = 200
"""Rows of a table; a notebook is for looking, and its file keeps what it shows."""
_NUMBER: Final = ' style="text-align:right;font-variant-numeric:tabular-nums"'
_TEXT: Final = ' style="text-align:left"'


class Records(tuple[Record, ...]):
    """Records that a notebook shows as one table: ``Records(billing.credits.list("269"))``."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return _table([record.jsonable() for record in self]) if self else "<em>no records</em>"


def html(title: str, values: Mapping[str, object]) -> str:
    """A record or a summary: its own values below each other, then a table for each list in it.

    Args:
        title: what it is.
        values: as its ``jsonable`` gives them.
    """
    lists = {name: value for name, value in values.items() if _rows(value)}
    own = [(name, value) for name, value in values.items() if name not in lists and not _empty(value)]
    lines = "".join(f"<tr><th{_TEXT}>{escape(name)}</th>{_cell(name, value, values)}</tr>" for name, value in own)
    parts = [f"<table><caption{_TEXT}><strong>{escape(title)}</strong></caption><tbody>{lines}</tbody></table>"]
    parts += [f"<p><strong>{escape(name)}</strong></p>{_table(_rows(value))}" for name, value in lists.items()]
    return "".join(parts)


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as a table of the columns in which anything stands."""
    shown = rows[:_MOST]
    names = [name for name in shown[0] if not all(_empty(row.get(name)) for row in shown)]
    head = "".join(f"<th{_TEXT}>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(name, row.get(name), row) for name in names)}</tr>" for row in shown)
    more = f"<p><em>{len(rows) - _MOST} more are not shown</em></p>" if len(rows) > _MOST else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(name: str, value: object, row: Mapping[str, object]) -> str:
    if isinstance(value, Decimal):
        currency = row.get("currency")
        return f"<td{_NUMBER}>{exactjson.number(money.full(value, currency) if isinstance(currency, str) else value)}</td>"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"<td{_NUMBER}>{value}</td>"
    return f"<td{_TEXT}>{escape(visible(_words(masked(value, name))))}</td>"


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(item)}" for name, item in cast("Mapping[object, object]", value).items() if not _empty(item))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(map(_words, cast("Sequence[object]", value)))
    return exactjson.number(value) if isinstance(value, Decimal) else str(value)


def _rows(value: object) -> Sequence[Mapping[str, object]]:
    """A value as rows of a table; none where it is no list of objects."""
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(item, Mapping) for item in cast("Iterable[object]", value)):
        return ()
    return cast("Sequence[Mapping[str, object]]", value)


def _empty(value: object) -> bool:
    return value is None or value in ("", (), [], {})
