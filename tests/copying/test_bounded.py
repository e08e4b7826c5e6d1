"""What a run holds in memory, measured against backends that make each record when it is asked for."""

import gc
import tracemalloc
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest

from unibill import Billing, CreditDraft, marks
from unibill.copying import AccountMap, ApplyOptions, PlanOptions, apply, plan, verify
from unibill.flow import Done, Flow, Step
from unibill.model import Credit, CreditKind, Direction, Status
from unibill.provider import AccountState, At, CreditQuery, Page
from unibill.testing.memory import MemoryProvider, MemorySettings

PAGE = 100
KILOBYTE = 1024
LINE = 40
"""Bytes of an account's line in a summary."""

T = TypeVar("T")


class Source(MemoryProvider):
    """Lists so many credits of each of so many accounts, and keeps none of them."""

    accounts = each = 0

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        yield from ()
        first, number = (0 if query.account is None else int(query.account) * self.each), int(at or 1)
        end = self.accounts * self.each if query.account is None else first + self.each
        begin = first + (number - 1) * PAGE
        items = [_credit(one, one // self.each) for one in range(begin, min(begin + PAGE, end))]
        return Page(items, number + 1 if begin + PAGE < end else None)


class Target(MemoryProvider):
    """Takes one credit an account, and keeps of it only that it was made."""

    def __init__(self, settings: MemorySettings, accounts: int, origin: str) -> None:
        super().__init__(settings)
        self._made = bytearray(accounts)
        self._origin = origin

    def account_state(self, account: str) -> Flow[AccountState]:
        yield from ()
        return AccountState(account)

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        del at
        yield from ()
        accounts = range(len(self._made)) if query.account is None else [int(query.account)]
        return Page([self._copy(account) for account in accounts if self._made[account]], None)

    def find_marked(self, account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
        page = yield from self.list_credits(CreditQuery(account=account, include_reversed=True, allocations=True), None)
        return [credit for credit in page.items if credit.mark in marks]

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        del mark, done
        yield Step("create", done=False)
        assert not self._made[int(draft.account_id)]
        self._made[int(draft.account_id)] = 1
        yield Step("create", done=True)
        return self._copy(int(draft.account_id))

    def _copy(self, account: int) -> Credit:
        mark = marks.mark(self._origin, CreditKind.CREDIT_NOTE, f"c{account}")
        return _credit(account, account).replace(id=f"t{account}", mark=mark)


def _credit(number: int, account: int) -> Credit:
    return Credit(
        id=f"c{number}",
        provider="memory",
        account_id=str(account),
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
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


@dataclass(frozen=True)
class Held:
    """Bytes above what there was before: the most at once, and what is still held of what came of it."""

    most: int
    after: int


def _held(do: Callable[[], T]) -> tuple[Held, T]:
    gc.collect()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    result = do()
    gc.collect()
    after, most = tracemalloc.get_traced_memory()
    return Held(most - before, after - before), result


def _stages(accounts: int, each: int, folder: Path, *, whole: bool = True) -> dict[str, Held]:
    """What each stage of a copy held."""
    old, run = Source(MemorySettings(store="bounded-old")), folder / f"{accounts}-{each}.run"
    old.accounts, old.each = accounts, each
    new = Target(MemorySettings(store="bounded-new"), accounts, old.identity())
    options = PlanOptions(accounts=AccountMap.from_pairs({str(n): str(n) for n in range(accounts)}))
    held: dict[str, Held] = {}
    with Billing("old", old) as source, Billing("new", new) as target:
        tracemalloc.start()
        try:
            held["plan"], planned = _held(lambda: plan(source, target, run, options))
            assert planned.counts["create"] == accounts * each
            if whole:
                held["apply"], applied = _held(lambda: apply(source, target, run, ApplyOptions()))
                assert (applied.counts, len(applied.totals)) == ({"created": accounts}, accounts)
                held["verify"], found = _held(lambda: verify(source, target, run))
                assert (found.signs["="], len(found.conservation), found.exit_status) == (accounts, accounts, 0)
        finally:
            tracemalloc.stop()
    return held


@pytest.mark.skipif(tracemalloc.is_tracing(), reason="somebody else measures memory already")
def test_four_times_the_credits_of_an_account_take_no_more_memory_to_plan(tmp_path: Path) -> None:
    _stages(1, 10, tmp_path, whole=False)  # what is built once and kept
    few, many = (_stages(1, each, tmp_path, whole=False)["plan"] for each in (1_500, 6_000))
    assert many.most - few.most < 500 * KILOBYTE, (few, many)


@pytest.mark.skipif(tracemalloc.is_tracing(), reason="somebody else measures memory already")
def test_three_times_the_accounts_take_little_more_memory_to_plan(tmp_path: Path) -> None:
    _stages(10, 1, tmp_path, whole=False)
    few, many = (_stages(accounts, 1, tmp_path, whole=False)["plan"] for accounts in (1_200, 3_600))
    assert many.most - few.most < 800 * KILOBYTE, (few, many)
    assert many.after - few.after < 2_400 * LINE, (few, many)


@pytest.mark.skipif(tracemalloc.is_tracing(), reason="somebody else measures memory already")
def test_four_times_the_accounts_take_little_more_memory_to_apply_and_verify(tmp_path: Path) -> None:
    _stages(10, 1, tmp_path)
    few, many = (_stages(accounts, 1, tmp_path) for accounts in (300, 1_200))
    for stage in ("apply", "verify"):
        assert many[stage].most - few[stage].most < 900 * KILOBYTE, (few, many)
        assert many[stage].after - few[stage].after < 900 * LINE, (few, many)
