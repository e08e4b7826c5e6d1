"""What planning holds in memory, measured against a source that makes each page when it is asked for."""

import tracemalloc
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from unibill import Billing
from unibill.copying import AccountMap, PlanOptions, plan
from unibill.flow import Flow
from unibill.model import Credit, CreditKind, Status
from unibill.provider import At, CreditQuery, Page
from unibill.testing import memory
from unibill.testing.memory import MemoryProvider, MemorySettings

FEW, MANY, PAGE = 1_500, 6_000, 100
KILOBYTE = 1024


class Long(MemoryProvider):
    """Lists so many credits of one account, and keeps none of them."""

    count = 0

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        del query
        yield from ()
        number = int(at or 1)
        items = [_credit(one) for one in range((number - 1) * PAGE, min(number * PAGE, self.count))]
        return Page(items, number + 1 if number * PAGE < self.count else None)


def _credit(number: int) -> Credit:
    return Credit(
        id=f"c{number}",
        provider="memory",
        account_id="1",
        kind=CreditKind.CREDIT_NOTE,
        status=Status.OPEN,
        remote_status="open",
        currency="USD",
        amount=Decimal(number + 1),
        applied=Decimal(0),
        remaining=Decimal(number + 1),
        memo=f"goodwill {number}",
        issued_on=date(2026, 1, 1),
        allocations=(),
    )


def _peak(count: int, folder: Path) -> int:
    """The most that a plan of so many credits held, in bytes."""
    for name in ("bounded-old", "bounded-new"):
        memory.reset(name)
    old, new = Long(MemorySettings(store="bounded-old")), MemoryProvider(MemorySettings(store="bounded-new"))
    old.count = count
    new.store.add_account("1")
    with Billing("old", old) as source, Billing("new", new) as target:
        tracemalloc.start()
        try:
            planned = plan(source, target, folder / f"{count}.run", PlanOptions(accounts=AccountMap.from_pairs({"1": "1"})))
            assert planned.counts["create"] == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.skipif(tracemalloc.is_tracing(), reason="somebody else measures memory already")
def test_planning_four_times_the_credits_takes_no_more_memory(tmp_path: Path) -> None:
    _peak(10, tmp_path)  # what is built once and kept
    few, many = _peak(FEW, tmp_path), _peak(MANY, tmp_path)
    assert many - few < 500 * KILOBYTE, (few, many)
