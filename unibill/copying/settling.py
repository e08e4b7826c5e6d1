"""Looking for writes whose outcome is unknown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from unibill.copying import reading
from unibill.copying.decisions import State
from unibill.copying.items import RecordType
from unibill.copying.prepared import Row
from unibill.copying.schema import records
from unibill.copying.scope import Scope
from unibill.copying.store import RunStore
from unibill.errors import BackendError, InvalidQuery, NotFound, UnsupportedOperation
from unibill.facade import Billing

_SCANS: Final = 8


@dataclass(frozen=True, slots=True)
class Looked:
    """What scans of an account show of unsettled records, by ``seq``.

    Attributes:
        seen: some scan had their mark.
        absent: two equal complete scans in a row lacked it.
    """

    seen: frozenset[int]
    absent: frozenset[int]


def look(target: Billing, store: RunStore, account: str, rows: Sequence[Row]) -> Looked:
    """Scan an account until two scans in a row are equal and complete.

    A scan is complete if it has every copy that this run knows to be there: pages that skip records do not hide a copy. Copies that are not
    there by their ids either are gone.
    """
    made = records.c.target_account == account, records.c.state == State.CREATED
    copies = store.rows(select(records.c.target_id, records.c.record_type).where(*made))
    known = frozenset(row["target_id"] for row in copies if row["target_id"])
    credits = frozenset(row["target_id"] for row in copies if row["record_type"] == RecordType.CREDIT)
    by_mark = {row["mark_now"]: row["seq"] for row in rows}
    scope, was_there = Scope.kept(store), reading.had_records(store, account)
    seen: set[int] = set()
    before: frozenset[tuple[str, str | None, bool]] | None = None
    for _ in range(_SCANS):
        try:
            items = scope.target(target, account, spent=False, was_there=was_there)
            found = [(item.id, item.mark, reading.is_standing(item)) for item in items]
        except BackendError:
            before = None
            continue
        seen.update(by_mark[mark] for _, mark, _ in found if mark in by_mark)
        scan = frozenset(found)
        lacking = known - {record_id for record_id, _, _ in found}
        if scan == before and len(found) == len(scan) and lacking:
            known -= _gone(target, account, lacking & credits)
            before = scan
        elif scan == before and len(found) == len(scan):
            return Looked(frozenset(seen), frozenset(by_mark.values()) - seen)
        else:
            before = scan
    return Looked(frozenset(seen), frozenset())


def _gone(target: Billing, account: str, ids: Iterable[str]) -> frozenset[str]:
    """Those of some copies that the target, asked by their ids, says are not there."""
    gone: set[str] = set()
    for credit_id in ids:
        try:
            target.run(target.core.operations.get_credit(credit_id, account))
        except NotFound:
            gone.add(credit_id)
        except (BackendError, InvalidQuery, UnsupportedOperation):
            continue
    return frozenset(gone)
