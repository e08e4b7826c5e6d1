"""What a failure of the suite says: which id or which field, what was sent, and what came."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Protocol, TypeVar

from unibill.model import Credit


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Identified)


def same_ids(came: Collection[str], wanted: Collection[str], where: str) -> None:
    """Fail unless these are the ids that a backend gave for what was written, each once.

    Args:
        came: the ids that are there.
        wanted: those that the writes gave.
        where: what was looked at.
    """
    __tracebackhide__ = True
    missing, surplus = Counter(wanted) - Counter(came), Counter(came) - Counter(wanted)
    if missing or surplus:
        faults = [f"{verb} {_listed(ids.elements())}" for verb, ids in (("lacks", missing), ("has besides", surplus)) if ids]
        raise AssertionError(f"{where} must have the ids {_listed(wanted)} and has {_listed(came)}: it {' and '.join(faults)}")


def the_one(records: Iterable[R], record_id: str, where: str) -> R:
    """The one record of an id that a backend gave; fails where there is none or are several."""
    __tracebackhide__ = True
    there = list(records)
    found = [record for record in there if record.id == record_id]
    if len(found) != 1:
        has = f"{len(found)} records" if found else "none"
        raise AssertionError(
            f"the backend gave the id {record_id!r}, and {where} has {has} of it, but {_listed(record.id for record in there)}"
        )
    return found[0]


def same_values(came: Mapping[str, object], wanted: Mapping[str, object], where: str, *, by: str = "sent") -> None:
    """Fail unless every field came as it was sent.

    Args:
        came: values by field.
        wanted: the same, as they should be.
        where: what was looked at.
        by: where the right values are from.
    """
    __tracebackhide__ = True
    wrong = [f"{name}: {by} {shown(value)}, came {shown(came[name])}" for name, value in wanted.items() if came[name] != value]
    if wrong:
        raise AssertionError(f"{where} differs in {'; '.join(wrong)}")


def values(record: object, names: Iterable[str]) -> dict[str, object]:
    """Some fields of a record."""
    return {name: getattr(record, name) for name in names}


def edges(credit: Credit) -> list[tuple[str, Decimal]]:
    """What of a credit stands on which invoice."""
    __tracebackhide__ = True
    if credit.allocations is None:
        raise AssertionError(f"credit {credit.id} has allocations=None, which says that they were not read")
    return sorted((item.target.id, item.amount) for item in credit.allocations if item.reversed_at is None)


def same_edges(credit: Credit, wanted: Iterable[tuple[str, Decimal]], where: str) -> None:
    """Fail unless a credit is spent on these invoices, with these amounts, and on nothing else."""
    __tracebackhide__ = True
    came, right = edges(credit), sorted(wanted)
    if came != right:
        raise AssertionError(f"credit {credit.id}, {where}, must be spent as {_spent(right)} and is as {_spent(came)}")


def shown(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    return value.isoformat() if isinstance(value, date) else repr(value)


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(ids) or "none"


def _spent(spent: Iterable[tuple[str, Decimal]]) -> str:
    return ", ".join(f"{amount} on {invoice}" for invoice, amount in spent) or "nothing"
