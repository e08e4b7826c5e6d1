"""Records of the source that a plan does not have: made since, or missed because the source's list changed while it was paged."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from sqlalchemy import select

from unibill import marks
from unibill.copying import carry, filters, reading
from unibill.copying.decisions import Decision
from unibill.copying.items import ChargeItem, Item
from unibill.copying.options import PlanOptions
from unibill.copying.schema import records
from unibill.copying.store import RunStore
from unibill.model import CreditKind, Status


class Newcomers:
    """Finds them.

    Args:
        store: a run with a finished plan.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._options = _asked(store.need("options"))
        self._target: str = store.need("target_identity")

    def among(self, items: Iterable[Item], account: str, known: Collection[str]) -> list[Item]:
        """What the plan would have taken up and does not have.

        Args:
            items: the records that an account of the source has now.
            account: that account.
            known: ids of records that the plan has, so that nobody needs to look for them.
        """
        unknown = [item for item in items if item.id not in known and self._is_wanted(item)]
        if not unknown:
            return []
        query = select(records.c.source_id).where(records.c.source_account == account)
        planned = {row["source_id"] for row in self._store.rows(query)}
        return [item for item in unknown if item.id not in planned]

    def _is_wanted(self, item: Item) -> bool:
        came_from_there = item.mark is not None and marks.names(item.mark, self._target)
        if came_from_there or filters.filtered(item, self._options) is not None:
            return False
        if isinstance(item, ChargeItem):
            return reading.is_standing(item)
        ruling = carry.judged(item, self._options)
        is_spent = self._options.carry == "remaining" and item.remaining is not None and item.remaining <= 0
        return not is_spent and (ruling is None or ruling.decision is not Decision.SKIP)


def _asked(kept: dict[str, Any]) -> PlanOptions:
    """What a plan was asked for, of which records it took up."""

    def only(name: str, kind: type = str) -> frozenset[Any] | None:
        return None if kept[name] is None else frozenset(map(kind, kept[name]))

    def day(name: str) -> date | None:
        return None if kept[name] is None else date.fromisoformat(kept[name])

    return PlanOptions(
        carry=kept["carry"],
        include=frozenset(kept["include"]),
        only_accounts=only("only_accounts"),
        currencies=only("currencies"),
        statuses=only("statuses", Status),
        kinds=only("kinds", CreditKind),
        ids=only("ids"),
        since=day("since"),
        until=day("until"),
        credit_charges=kept["credit_charges"],
    )
