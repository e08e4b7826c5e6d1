"""Of what was rolled back: what a rollback took back itself, and what it only found gone, or never there."""

from typing import Final

from sqlalchemy import case, exists, func, select, type_coerce

from unibill.copying.columns import Whole
from unibill.copying.decisions import State
from unibill.copying.schema import journal, records
from unibill.copying.sending import UNDO
from unibill.copying.store import RunStore

_intent = journal.alias("undo_intent")
_is_undo: Final = (_intent.c.action == UNDO) & (_intent.c.phase == "intent")
_begun_for_record: Final = exists().where(_intent.c.seq == records.c.seq, _is_undo, _intent.c.attempt == records.c.generation - 1)
"""A rollback began to undo the copy that a record had before its present generation."""
_begun_for_entry: Final = exists().where(_intent.c.seq == journal.c.seq, _is_undo, _intent.c.attempt == journal.c.attempt)

GONE_RECORD: Final = (records.c.state == State.UNDONE) & ~_begun_for_record
"""A record was rolled back, and nothing of it had to be taken back: no undo of it was ever begun."""
GONE_ENTRY: Final = (journal.c.action == UNDO) & (journal.c.phase == "outcome") & ~_begun_for_entry
"""The same of the entry of the journal that says so."""
GONE: Final = type_coerce(case((GONE_RECORD, 1), else_=0), Whole()).label("gone")
"""The same as a column beside a record's own."""


def count_gone(store: RunStore) -> int:
    """How many records were rolled back without anything to take back."""
    return store.count(select(func.count()).select_from(records).where(GONE_RECORD))
