"""Two runs over one account, and an app that writes while a copy runs: nothing is over-applied, and what others did is named."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from tests.copying.conftest import Pair, note
from unibill import AllocationDraft, CreditDraft, UnibillError
from unibill.copying import AccountMap, ApplyOptions, ApplySummary, Progress, apply, plan, verify

BOTH, ONE = AccountMap.from_pairs({"11": "21", "12": "22"}), AccountMap.from_pairs({"11": "21"})


def two_runs(pair: Pair, folder: Path) -> list[Path]:
    """Two plans, each in a run file of its own, that both carry account 11's credits."""
    pair.source.seed(*(note(100 + i, 11, "5") for i in range(6)), note(120, 12, "7"))
    runs = [folder / "one.run", folder / "two.run"]
    for run, accounts in zip(runs, (BOTH, ONE), strict=True):
        plan(pair.source.billing, pair.target.billing, run, pair.options(accounts=accounts))
    return runs


def test_of_two_runs_over_one_account_the_later_one_takes_the_copies_of_the_first_for_its_own(pair: Pair, tmp_path: Path) -> None:
    for run in two_runs(pair, tmp_path):
        assert apply(pair.source.billing, pair.target.billing, run, ApplyOptions()).exit_status == 0
        assert verify(pair.source.billing, pair.target.billing, run).exit_status == 0
    assert pair.target.sum() == Decimal(37)


def test_two_runs_that_apply_to_one_account_at_once_make_nothing_twice_that_is_not_named(pair: Pair, tmp_path: Path) -> None:
    """Beyond what is guaranteed, so duplicates may come; each is named, by a run or by verify, and the status is 1."""
    runs = two_runs(pair, tmp_path)
    start = threading.Barrier(2)

    def work(run: Path) -> ApplySummary:
        start.wait()
        return apply(pair.source.billing, pair.target.billing, run, ApplyOptions())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, runs))
    marks = Counter(row["CreditNumber"] for row in pair.target.credits())
    assert len(marks) == 7
    named = [line for line in verify(pair.source.billing, pair.target.billing, runs[0]).differences if line.code == "made-twice"]
    assert len(named) == sum(marks.values()) - len(marks)
    again = [apply(pair.source.billing, pair.target.billing, run, ApplyOptions()) for run in runs]
    left = Counter(row["CreditNumber"] for row in pair.target.credits())
    assert all((summary.exit_status == 1) == (max(left.values()) > 1) for summary in again[1:])


@pytest.mark.parametrize("concurrency", [1, 2])
def test_what_an_app_writes_while_a_copy_runs_stands_and_verify_names_it(pair: Pair, concurrency: int) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"), note(103, 12, "7"))
    pair.target.seed(note(200, 21, "100"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    made: list[str] = []

    def app(_: Progress) -> None:
        if made:
            return
        credits = pair.target.billing.credits
        draft = CreditDraft.model_validate({"account_id": "21", "currency": "ZAR", "amount": "9", "number": "app"})
        made.append(credits.create(draft, key="order-17").id)
        part = AllocationDraft.model_validate({"target_id": "41", "amount": "30"})
        credits.allocate(credits.get("200"), [part])
        pair.source.seed(note(104, 11, "8"))

    summary = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(concurrency=concurrency), app)
    assert (summary.exit_status, len(made)) == (0, 1)
    assert pair.target.sum() == 100 + 9 + 60 + 5 + 7
    assert pair.target.credit(int(made[0]))["Amount"] == 9
    assert sum(part["amountApplied"] for part in pair.target.credit(200)["Allocations"]) == 30
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    told = [(line.sign, line.code, line.source_id, line.target_id) for line in found.differences]
    assert told == [("+", "extra", "", made[0]), ("-", "not-planned", "104", "")]
    assert found.exit_status == 1


def test_an_app_and_a_copy_that_spend_one_credit_spend_no_more_than_there_is(pair: Pair) -> None:
    """The app spends a copy as soon as it is there, from many threads; what it may not spend any more is refused."""
    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    told: list[bool] = []

    def spend(number: str) -> bool:
        credits = pair.target.billing.credits
        try:
            credits.allocate(credits.get(number), [AllocationDraft.model_validate({"target_id": "41", "amount": "25"})])
        except UnibillError:
            return False
        return True

    def app(_: Progress) -> None:
        rows = [str(row["creditNoteID"]) for row in pair.target.credits() if row["Amount"] == 60]
        if rows and not told:
            with ThreadPoolExecutor(4) as pool:
                told.extend(pool.map(spend, rows * 4))

    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(concurrency=1), app).exit_status == 0
    (copy,) = [row for row in pair.target.credits() if row["Amount"] == 60]
    assert sum(part["amountApplied"] for part in copy["Allocations"]) == 25 * sum(told) <= 60
    assert told.count(True) >= 1
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    assert [(line.code, line.source_id) for line in found.differences] == [("allocation", "101")]
