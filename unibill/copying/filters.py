"""Which records a plan was asked for, and whether anything at the source is what was asked for."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select

from unibill.copying.carry import Ruling, mask
from unibill.copying.decisions import Decision
from unibill.copying.items import Item
from unibill.copying.options import PlanOptions
from unibill.copying.schema import records
from unibill.copying.store import CHUNK, RunStore, in_chunks

FILTERED = "filtered"
_NAMED = 5
"""How many values a note names."""


def filtered(credit: Item, options: PlanOptions) -> Ruling | None:
    """Whether the options leave a record out."""
    day = credit.issued_on or (credit.created_at.date() if credit.created_at else None)
    if options.only_accounts is not None and credit.account_id not in options.only_accounts:
        reason = "its account is not asked for"
    elif options.ids is not None and credit.id not in options.ids:
        reason = "its id is not asked for"
    elif options.kinds is not None and credit.kind not in options.kinds:
        reason = "its kind is not asked for"
    elif options.statuses is not None and credit.status not in options.statuses:
        reason = "its status is not asked for"
    elif options.currencies is not None and credit.currency not in options.currencies:
        reason = "its currency is not asked for"
    elif (options.since is not None and (day is None or day < options.since)) or (
        options.until is not None and (day is None or day > options.until)
    ):
        reason = "its day is not asked for" if day is not None else "nobody knows its day, and days are asked for"
    else:
        return None
    return Ruling(Decision.SKIP, FILTERED, reason)


def unmatched(store: RunStore, options: PlanOptions) -> list[str]:
    """What was asked for and is not at the source, as sentences: a name that is misspelt would else look like a plan with nothing to do."""
    r = records.c
    asked: tuple[tuple[str, frozenset[str] | None, ColumnElement[str]], ...] = (
        ("--account", options.only_accounts, r.source_account),
        ("--currency", options.currencies, r.currency),
        ("--status", options.statuses, r.status),
        ("--kind", options.kinds, r.kind),
        ("--ids", options.ids, r.source_id),
    )
    notes = [_told(name, _absent(store, values, column)) for name, values, column in asked if values is not None]
    given = [name for name, values, _ in asked if values is not None]
    given += [name for name, day in (("--since", options.since), ("--until", options.until)) if day is not None]
    if given and not store.rows(select(r.seq).where(r.code != FILTERED).limit(1)):
        notes.append(f"nothing at the source is what was asked for by {', '.join(given)}: this plan does nothing")
    return [note for note in notes if note]


def _absent(store: RunStore, values: Iterable[str], column: ColumnElement[str]) -> list[str]:
    found: set[str] = set()
    for chunk in in_chunks(sorted(values), CHUNK):
        found.update(row["value"] for row in store.rows(select(column.label("value")).where(column.in_(chunk)).distinct()))
    return sorted(set(values) - found)


def _told(name: str, absent: list[str]) -> str:
    if not absent:
        return ""
    more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    return f"{name} asks for {mask(', '.join(absent[:_NAMED]))}{more}, and no record at the source has that"
