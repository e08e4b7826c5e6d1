"""How a run keeps drafts and losses: without what stands in the record's other columns, and what repeats from record to record only once."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import select

from unibill.copying.items import RecordType
from unibill.copying.prepared import Row
from unibill.copying.schema import loss_kinds
from unibill.copying.store import RunStore, dumps
from unibill.drafts import ChargeDraft

_MOST: Final = 1000
"""How many kinds of losses are kept apart; those of others stand in their records whole."""
_TEXTS: Final = msgspec.json.Encoder()
"""Exact where there are texts only."""
_CREDIT: Final = ("number", "memo")
_CHARGE: Final = tuple(name for name in ChargeDraft.model_fields if name != "amount")

Values: TypeAlias = Mapping[str, Any] | Row
Kind: TypeAlias = tuple[str, str, str]
"""Field, kind and reason of a loss."""


def draft_text(draft: Values, row: Values) -> str:
    """A draft as exact JSON, without what follows from the record.

    Args:
        draft: its values.
        row: the record's other columns.
    """
    usual = _usual(row)
    values = {name: value for name, value in draft.items() if name not in usual or usual[name] != value}
    if row["carried"] == str(draft["amount"]):
        del values["amount"]
    return dumps(values)


def draft_of(row: Values) -> dict[str, Any]:
    """The values that ``draft_text`` kept.

    Args:
        row: a record with a draft; at least its columns of accounts, currency, amounts, day and types.
    """
    draft: dict[str, Any] = {**_usual(row), **row["draft"]}
    if "amount" not in draft:
        draft["amount"] = Decimal(row["carried"])
    draft["allocations"] = [{"target_id": None, "target_number": None, **item} for item in draft["allocations"]]
    return draft


def allocation(amount: Decimal, target_id: str | None, target_number: str | None, source: str) -> dict[str, Any]:
    """One allocation of a draft, as it is kept: with what it is called at the source, and without what it does not have."""
    values = {"amount": amount, "target_id": target_id, "target_number": target_number, "source": source}
    return {name: value for name, value in values.items() if value is not None}


def _usual(row: Values) -> dict[str, Any]:
    """What most drafts of such a record say."""
    usual: dict[str, Any] = {"account_id": row["target_account"], "currency": row["currency"], "allocations": []}
    if row["record_type"] == RecordType.CHARGE:
        return dict.fromkeys(_CHARGE) | {"type": row["type"], "credit": False} | usual
    return dict.fromkeys(_CREDIT) | {"issued_on": row["day"]} | usual


def reason_of(row: Values) -> str:
    """Why a record was decided as it was."""
    return str(row["reason"]) or "it is not at the target yet"


class Losses:
    """The losses of a run's records: their fields, kinds and reasons repeat, so each of these is kept once.

    Args:
        store: the run.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._ids: dict[Kind, int] = {}
        self._kinds: dict[int, Kind] = {}

    def text(self, losses: Iterable[Mapping[str, str]]) -> str:
        """Losses as JSON, each with field, value, reason and kind."""
        kept: list[object] = []
        for loss in losses:
            number = self._number((loss["field"], loss["kind"], loss["reason"]))
            kept.append(loss if number is None else [number, loss["value"]])
        return dumps(kept)

    def told(self, kept: Iterable[Any]) -> list[dict[str, str]]:
        """The losses that ``text`` kept, from the JSON that it gave.

        Raises:
            RunStoreError: the run is damaged.
        """
        return [self._told(item) for item in kept]

    def json(self, kept: Iterable[Any]) -> str:
        """The same as exact JSON."""
        return _TEXTS.encode(self.told(kept)).decode()

    def _told(self, item: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
        if isinstance(item, dict):
            return item
        number, value = item
        if number not in self._kinds:
            self._read()
        if number not in self._kinds:
            raise self._store.damaged(f"loss_kinds has no {number}, which a record names")
        field, kind, reason = self._kinds[number]
        return {"field": field, "value": value, "reason": reason, "kind": kind}

    def _number(self, kind: Kind) -> int | None:
        if kind not in self._ids and len(self._ids) < _MOST:
            self._read()
            if kind not in self._ids:
                with self._store.transaction() as connection:
                    row = {"field": kind[0], "kind": kind[1], "reason": kind[2]}
                    self._store.database.insert_new(connection, loss_kinds, [row])
                self._read()
        return self._ids.get(kind)

    def _read(self) -> None:
        for row in self._store.rows(select(loss_kinds)):
            kind = row["field"], row["kind"], row["reason"]
            self._ids[kind], self._kinds[row["id"]] = row["id"], kind
