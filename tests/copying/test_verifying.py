from decimal import Decimal
from typing import Any

import pytest

from tests.copying.conftest import Pair, note
from tests.copying.runs_of_three import POST, TARGET_LIST, mark_of
from unibill import marks
from unibill.copying import ApplyOptions, Progress, Verification, apply, open_run, plan, status, verify
from unibill.errors import RunStoreError
from unibill.model import CreditKind
from unibill.reporting import figures


def done(pair: Pair, **options: object) -> None:
    """Three credits planned and applied, beside one that the target had before."""
    pair.target.seed(note(200, 21, "1000"))
    pair.source.seed(note(101, 11, "60"), note(102, 11, "15", (31, "10")), note(103, 12, "7"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options(**options))
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).exit_status == 0


def verified(pair: Pair) -> Verification:
    return verify(pair.source.billing, pair.target.billing, pair.run)


def lines(found: Verification) -> list[tuple[str, str, str]]:
    return [(item.sign, item.code, item.source_id or item.target_id) for item in found.differences]


def copy_of(pair: Pair, source_id: str) -> int:
    with open_run(pair.run) as run:
        return int(next(item.target_id for item in run.records() if item.source_id == source_id and item.target_id))


def change(pair: Pair, source_id: str, **values: object) -> None:
    """Change a copy behind unibill's back."""
    row = pair.target.credit(copy_of(pair, source_id))
    pair.target.billing.native.delete_credit(row["creditNoteID"])
    pair.target.seed({**row, **values})


def test_what_the_target_gained_is_what_was_carried(pair: Pair) -> None:
    done(pair)
    found = verified(pair)
    assert found.exit_status == 0
    assert found.signs == {"=": 3, "-": 0, "+": 0, "*": 0, "!": 0}
    kept = [(line.account, line.before, line.carried, line.after, line.sign) for line in found.conservation]
    assert kept == [("21", Decimal(1000), Decimal(65), Decimal(1065), "="), ("22", Decimal(0), Decimal(7), Decimal(7), "=")]
    assert status(pair.run).next == "Verified: keep the file as proof."


@pytest.mark.parametrize("options", [{}, {"only": "failed"}, {"canary": 2}])
def test_an_apply_that_has_nothing_to_do_leaves_what_was_verified(options: dict[str, Any], pair: Pair) -> None:
    done(pair)
    verified(pair)
    for given in (ApplyOptions(**options), ApplyOptions(expect=status(pair.run).hash)):
        summary = apply(pair.source.billing, pair.target.billing, pair.run, given)
        assert (summary.exit_status, summary.writes, summary.canary) == (0, 0, None)
        assert (status(pair.run).phase, status(pair.run).next) == ("applied", "Verified: keep the file as proof.")
        assert figures(pair.run).verdict.code == "proved"


def test_an_apply_that_cannot_read_or_is_interrupted_and_had_nothing_to_do_leaves_what_was_verified(pair: Pair) -> None:
    done(pair)
    verified(pair)
    pair.target.sandbox.faults([{"kind": "status-500", "route": TARGET_LIST}])
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).exit_status == 1
    pair.target.sandbox.faults([])

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(), interrupt).interrupted
    assert (status(pair.run).phase, status(pair.run).next) == ("applied", "Verified: keep the file as proof.")


def test_an_apply_that_finds_less_or_more_than_was_verified_asks_for_another_verification(pair: Pair) -> None:
    done(pair)
    verified(pair)
    pair.target.billing.native.delete_credit(copy_of(pair, "101"))
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).exit_status == 1
    assert status(pair.run).next == "Everything planned is done: verify it."
    assert verified(pair).exit_status == 1
    assert status(pair.run).next == "Verification found differences: look at them, then apply or roll back."


def test_a_surplus_copy_that_is_taken_back_after_a_verification_asks_for_another(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST, "count": 1}])
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert verified(pair).exit_status == 0
    pair.target.seed(note(777, 21, "60", CreditNumber=mark_of(pair.source, 101)))
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).undone == 1
    assert status(pair.run).next == "Everything planned is done: verify it."


def test_an_apply_of_a_kind_of_record_that_a_plan_has_none_of_leaves_it_planned(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(only="failed")).exit_status == 0
    assert status(pair.run).phase == "planned"
    assert figures(pair.run).verdict.code == "planned"


def test_an_apply_that_ended_before_it_had_counted_is_to_be_given_again(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())

    def interrupt(event: Progress) -> None:
        if event.done == event.total:
            raise KeyboardInterrupt

    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(), interrupt).interrupted
    wanted = "Everything planned is done, but the last apply ended before it had counted what stands there: apply again."
    assert (status(pair.run).phase, status(pair.run).next) == ("applying", wanted)
    assert verified(pair).exit_status == 0
    assert status(pair.run).next == wanted
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert status(pair.run).next == "Everything planned is done: verify it."


def test_verifying_writes_to_neither_side(pair: Pair) -> None:
    done(pair)
    before = len(pair.target.writes())
    verified(pair)
    assert (len(pair.target.writes()), pair.source.writes()) == (before, [])


def test_a_missing_credit_is_found(pair: Pair) -> None:
    done(pair)
    pair.target.billing.native.delete_credit(copy_of(pair, "101"))
    found = verified(pair)
    assert lines(found) == [("-", "missing", "101")]
    assert [(line.account, line.sign) for line in found.conservation] == [("21", "-"), ("22", "=")]
    assert found.exit_status == 1


def test_an_extra_credit_is_found(pair: Pair) -> None:
    done(pair)
    pair.target.seed(note(999, 22, "3"))
    found = verified(pair)
    assert lines(found) == [("+", "extra", "999")]
    assert [(line.account, line.sign) for line in found.conservation] == [("21", "="), ("22", "+")]


def test_a_wrong_amount_is_found(pair: Pair) -> None:
    done(pair)
    change(pair, "101", Amount=Decimal(61))
    assert lines(verified(pair)) == [("*", "amount", "101")]


def test_two_errors_that_cancel_out_are_still_found(pair: Pair) -> None:
    done(pair)
    change(pair, "101", Amount=Decimal(59))
    change(pair, "102", Amount=Decimal(6))
    found = verified(pair)
    assert [line.sign for line in found.conservation] == ["=", "="]
    assert [sign for sign, _, _ in lines(found)] == ["*", "*"]


def test_a_wrong_allocation_is_found(pair: Pair) -> None:
    done(pair, carry="history")
    change(pair, "102", Allocations=[{"invoiceID": 41, "amountApplied": Decimal(9)}])
    assert lines(verified(pair)) == [("*", "allocation", "102")]


def test_an_allocation_that_was_not_planned_is_found(pair: Pair) -> None:
    done(pair)
    change(pair, "101", Allocations=[{"invoiceID": 41, "amountApplied": Decimal(9)}])
    found = verified(pair)
    assert lines(found) == [("*", "allocation", "101")]
    assert found.differences[0].reason == "9 on 41 was spent that was not planned"


def test_a_copy_that_was_made_twice_is_found(pair: Pair) -> None:
    done(pair)
    row = pair.target.credit(copy_of(pair, "101"))
    pair.target.seed({**row, "creditNoteID": 999})
    found = verified(pair)
    assert lines(found) == [("+", "made-twice", "101")]
    assert found.differences[0].target_id == "999"


def test_a_copy_that_was_made_again_by_hand_is_found(pair: Pair) -> None:
    done(pair)
    pair.target.seed(note(999, 21, "60"))
    found = verified(pair)
    assert lines(found) == [("+", "made-by-hand", "101")]


def test_a_copy_in_another_account_is_found(pair: Pair) -> None:
    done(pair)
    change(pair, "101", customerID=22)
    assert sorted(lines(verified(pair))) == [("+", "copy-in-another-account", str(copy_of(pair, "101"))), ("-", "missing", "101")]


def test_a_copy_whose_mark_was_edited_is_found(pair: Pair) -> None:
    done(pair)
    change(pair, "101", CreditNumber="edited")
    assert lines(verified(pair)) == [("*", "mark-unreadable", "101")]


def test_a_source_that_changed_since_is_found(pair: Pair) -> None:
    done(pair)
    pair.source.billing.native.delete_credit(103)
    found = verified(pair)
    assert lines(found) == [("*", "source-changed", "103")]
    assert found.signs["="] == 2


def test_a_credit_of_the_targets_own_that_went_away_is_found(pair: Pair) -> None:
    done(pair)
    pair.target.billing.native.delete_credit(200)
    assert lines(verified(pair)) == [("-", "gone", "200")]


def test_an_account_that_cannot_be_read_is_not_taken_as_equal(pair: Pair) -> None:
    done(pair)
    pair.target.sandbox.faults([{"kind": "status-500", "route": "GET /billagain/v1/customers/22/credits"}])
    found = verified(pair)
    assert lines(found) == [("!", "unreadable", "103")]
    assert [line.sign for line in found.conservation] == ["=", "!"]


def test_a_source_that_cannot_be_read_is_not_taken_as_unchanged(pair: Pair) -> None:
    done(pair)
    pair.source.sandbox.faults([{"kind": "status-500", "route": "GET /billagain/v1/customers/12/credits"}])
    assert lines(verified(pair)) == [("!", "unreadable", "103")]


def test_what_was_not_applied_yet_is_missing(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert lines(verified(pair)) == [("-", "not-made", "101")]


def test_what_existed_before_the_plan_is_not_counted_as_gained(pair: Pair) -> None:
    mark = marks.mark(pair.source.billing.provider.identity(), CreditKind.CREDIT_NOTE, "101")
    pair.source.seed(note(101, 11, "60"))
    pair.target.seed(note(300, 21, "60", CreditNumber=mark))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    found = verified(pair)
    assert (found.exit_status, found.conservation[0].carried) == (0, Decimal(0))


def test_a_copy_that_the_plan_found_and_that_went_away_is_named_once(pair: Pair) -> None:
    mark = marks.mark(pair.source.billing.provider.identity(), CreditKind.CREDIT_NOTE, "101")
    pair.source.seed(note(101, 11, "60"))
    pair.target.seed(note(300, 21, "60", CreditNumber=mark))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    pair.target.billing.native.delete_credit(300)
    found = verified(pair)
    assert lines(found) == [("-", "missing", "101")]
    assert sum(found.signs.values()) == 1


def test_a_verification_is_kept_as_proof(pair: Pair) -> None:
    done(pair)
    found = verified(pair)
    with open_run(pair.run) as run:
        kinds = [proof.kind for proof in run.proofs()]
        last = list(run.proofs())[-1]
    assert kinds == ["apply", "verification"]
    assert last.data["signs"] == found.signs


def test_without_a_plan_there_is_nothing_to_verify(pair: Pair) -> None:
    with pytest.raises(RunStoreError, match="make one with a plan"):
        verified(pair)
