import threading
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.copying.conftest import Open, Pair, customer, invoice, note
from tests.copying.runs_of_three import mark_of, states
from unibill import marks
from unibill.base import blocking_turns
from unibill.copying import ApplyOptions, Progress, RollbackOptions, RollbackSummary, apply, open_run, plan, rollback, status, verify
from unibill.errors import PermissionDenied, PlanMismatch, RunStoreError
from unibill.model import CreditKind

DELETE = "DELETE /billagain/v1/credits/*"
POST = "POST /billagain/v1/credits"


def applied(pair: Pair, **options: Any) -> None:  # noqa: ANN401 - any field of PlanOptions
    pair.target.seed(note(200, 21, "1000"))
    pair.source.seed(note(101, 11, "60"), note(102, 11, "15", (31, "10")), note(103, 12, "7"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options(**options))
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(concurrency=1))


def rolled_back(pair: Pair, **options: Any) -> RollbackSummary:  # noqa: ANN401 - any field of RollbackOptions
    return rollback(pair.target.billing, pair.run, RollbackOptions(**options))


def target_ids(pair: Pair) -> dict[str, str | None]:
    with open_run(pair.run) as run:
        return {record.source_id: record.target_id for record in run.records()}


def standing(pair: Pair) -> list[int]:
    return [row["creditNoteID"] for row in pair.target.credits()]


def test_exactly_what_the_run_made_is_taken_back(pair: Pair) -> None:
    applied(pair)
    summary = rolled_back(pair)
    assert (summary.undone, summary.money, summary.net, summary.exit_status) == (3, {"ZAR": Decimal(72)}, {"ZAR": Decimal(0)}, 0)
    assert standing(pair) == [200]
    assert status(pair.run).next.startswith("Everything of this run was taken back")


@pytest.mark.parametrize("status", [400, 403])
def test_what_a_proxy_called_refused_after_the_vendor_had_made_it_is_taken_back(pair: Pair, status: int) -> None:
    pair.target.sandbox.faults([{"kind": "html-error", "status": status, "effect": "done", "route": POST}])
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    with suppress(PermissionDenied):
        apply(pair.source.billing, pair.target.billing, pair.run)
    pair.target.sandbox.faults([])
    assert len(standing(pair)) == 1

    assert rolled_back(pair).exit_status == 0
    assert standing(pair) == []


@pytest.mark.parametrize("hidden", [1, 2])
def test_what_was_refused_without_proof_is_looked_for_as_often_as_what_was_made(pair: Pair, hidden: int) -> None:
    pair.target.sandbox.faults([{"kind": "html-error", "status": 400, "effect": "done", "route": POST}])
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run)
    pair.target.sandbox.faults([{"kind": "skipped-records", "route": "GET /billagain/v1/customers/21/credits", "count": hidden}])

    assert rolled_back(pair).undone == 1
    assert standing(pair) == []


@pytest.mark.parametrize("state", ["sending", "rejected"])
def test_what_the_journal_has_the_id_of_is_asked_for_by_it_where_lists_leave_it_out(pair: Pair, state: str) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    _apply_until_answered(pair)
    hidden = {"kind": "skipped-records", "route": "GET /billagain/v1/customers/21/credits"}
    if state == "rejected":
        pair.target.sandbox.faults([hidden, {"kind": "html-error", "status": 400, "route": "GET /billagain/v1/credits/*"}])
        apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    with open_run(pair.run) as run:
        assert [(record.state, record.sends, record.target_id) for record in run.records()] == [(state, 1, None)]
    pair.target.sandbox.faults([hidden])

    assert rolled_back(pair, settle=0).undone == 1
    assert standing(pair) == []


def _apply_until_answered(pair: Pair) -> None:
    """Apply, ended between an answer that was kept and the outcome of its record."""
    from unibill.copying.journal import Entry, Writer

    real = Writer.note

    class Ended(BaseException):
        pass

    def note_but_outcomes(self: Writer, entry: Entry) -> int:
        if entry.phase == "outcome":
            self.flush()
            raise Ended
        return real(self, entry)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Ended):
        patch.setattr(Writer, "note", note_but_outcomes)
        apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(concurrency=1))


def test_the_newest_is_taken_back_first(pair: Pair) -> None:
    applied(pair)
    ids = target_ids(pair)
    rolled_back(pair, concurrency=1)
    deleted = [path.rsplit("/", 1)[1] for path in pair.target.writes() if path.startswith("DELETE")]
    assert deleted == [ids["102"], ids["101"], ids["103"]]


def test_allocations_go_with_their_copies_and_invoices_reopen(pair: Pair) -> None:
    applied(pair, carry="history")
    assert pair.target.invoices()[41]["Balance"] == Decimal(990)
    rolled_back(pair)
    assert pair.target.invoices()[41]["Balance"] == Decimal(1000)


@pytest.mark.parametrize("broken", ["PUT", "DELETE"])
def test_a_rollback_frees_what_the_target_does_not_delete_while_it_is_spent_and_a_broken_one_is_ended_by_the_next(
    pair: Pair, open_side: Open, broken: str
) -> None:
    target = open_side("3003", {"delete-effect": "refuse-when-allocated"})
    target.seed(customer(21), customer(22), invoice(41, 21))
    locked = replace(pair, target=target)
    applied(locked, carry="history")
    skipped = 1 if broken == "DELETE" else 0  # the first DELETE is refused, and only the second one breaks
    target.sandbox.faults([{"kind": "cut-before", "route": f"{broken} /billagain/v1/**", "skip": skipped}])
    assert rolled_back(locked, concurrency=1).exit_status == 1
    target.sandbox.faults([])
    summary = rolled_back(locked)
    assert (summary.exit_status, summary.net, summary.remains) == (0, {"ZAR": Decimal(0)}, ())
    assert (standing(locked), target.invoices()[41]["Balance"]) == ([200], Decimal(1000))


def test_what_existed_before_is_left(pair: Pair) -> None:
    mark = marks.mark(pair.source.billing.provider.identity(), CreditKind.CREDIT_NOTE, "103")
    pair.target.seed(note(300, 22, "7", CreditNumber=mark))
    applied(pair)
    assert rolled_back(pair).undone == 2
    assert standing(pair) == [200, 300]


def test_what_somebody_else_took_back_before_is_not_counted_as_undone(pair: Pair) -> None:
    applied(pair)
    credits = pair.target.billing.credits
    credits.void(credits.get(target_ids(pair)["101"] or ""))
    summary = rolled_back(pair)
    assert (summary.undone, summary.money, summary.net, summary.exit_status) == (2, {"ZAR": Decimal(12)}, {"ZAR": Decimal(0)}, 0)
    assert standing(pair) == [200]
    now = status(pair.run)
    assert (dict(now.states), now.gone) == ({"undone": 3}, 1)
    gone = "1 credit was gone before, or never there"
    assert now.next == f"Nothing of this run stands, {gone}; apply makes all of it again, or keep the file as proof."
    with open_run(pair.run) as run:
        assert {record.source_id for record in run.records() if record.gone} == {"101"}
        assert {work.step: work.count for work in run.work([]) if work.step in {"undone", "gone"}} == {"undone": 2, "gone": 1}
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert rolled_back(pair).undone == 3
    assert status(pair.run).gone == 0


@pytest.mark.parametrize("status", [404, 410])
def test_an_account_that_is_said_not_to_be_there_is_not_taken_for_an_empty_one(pair: Pair, status: int) -> None:
    applied(pair)
    before = standing(pair)
    pair.target.sandbox.faults([{"kind": "html-error", "status": status, "route": "GET /billagain/v1/customers/**"}])
    summary = rolled_back(pair)
    assert (summary.undone, len(summary.remains), summary.net, summary.exit_status) == (0, 3, {"ZAR": Decimal(72)}, 1)
    proof = verify(pair.source.billing, pair.target.billing, pair.run)
    assert (proof.signs["!"], proof.exit_status) == (3, 1)
    pair.target.sandbox.faults([])
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    rolled_back(pair)
    again = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert (again.exit_status, len(standing(pair))) == (0, len(before))
    rolled_back(pair)
    pair.target.sandbox.faults([{"kind": "html-error", "status": status, "route": "GET /billagain/v1/customers/**"}])
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 1


def test_a_lost_write_is_not_taken_for_never_made_where_its_account_is_said_not_to_be_there(pair: Pair) -> None:
    pair.target.seed(note(200, 21, "1000"))
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    pair.target.sandbox.faults(
        [
            {"kind": "cut-after", "route": POST},
            {"kind": "html-error", "status": 404, "route": "GET /billagain/v1/customers/**", "skip": 1},
        ]
    )
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    left = rolled_back(pair, settle=0)
    assert [problem.source_id for problem in left.remains] == ["101"]
    pair.target.sandbox.faults([])
    standing_or_not = "1 copy of this run may still stand: look at the reasons, mend them, and roll back again."
    assert status(pair.run).next == standing_or_not
    assert rolled_back(pair, settle=0).undone == 1
    assert standing(pair) == [200]


@pytest.mark.parametrize("fault", [{"kind": "cut-after"}, {"kind": "html-error", "status": 400, "effect": "done"}])
def test_an_account_in_which_the_first_write_was_begun_is_not_taken_for_an_empty_one(pair: Pair, fault: dict[str, object]) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    not_there = {"kind": "html-error", "status": 404, "route": "GET /billagain/v1/customers/**"}
    pair.target.sandbox.faults([{**fault, "route": POST}, {**not_there, "skip": 1}])
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    assert len(standing(pair)) == 1

    pair.target.sandbox.faults([not_there])
    assert [problem.source_id for problem in rolled_back(pair, settle=0).remains] == ["101"]
    pair.target.sandbox.faults([])
    assert rolled_back(pair, settle=0).undone == 1
    assert standing(pair) == []


@pytest.mark.parametrize("hidden", [1, 2, 20])
def test_a_copy_that_a_list_leaves_out_is_not_taken_for_gone(pair: Pair, hidden: int) -> None:
    applied(pair)
    pair.target.sandbox.faults([{"kind": "skipped-records", "route": "GET /billagain/v1/customers/22/credits", "count": hidden}])
    assert rolled_back(pair).undone == 3
    assert standing(pair) == [200]


def test_a_copy_that_was_spent_since_is_left_and_named(pair: Pair) -> None:
    from unibill import AllocationDraft

    applied(pair)
    copy = pair.target.billing.credits.get(target_ids(pair)["101"] or "")
    pair.target.billing.credits.allocate(copy, [AllocationDraft(amount=Decimal(5), target_id="41")])
    summary = rolled_back(pair)
    assert [(problem.source_id, problem.reason) for problem in summary.remains] == [
        ("101", "it was touched since it was made, so it was left as it is")
    ]
    assert (summary.exit_status, summary.net, summary.undone) == (1, {"ZAR": Decimal(60)}, 2)
    assert standing(pair) == [200, int(copy.id)]
    assert status(pair.run).next.startswith("1 copy of this run still stands: ")


def test_a_copy_whose_memo_was_edited_since_is_left(pair: Pair) -> None:
    applied(pair)
    row = pair.target.credit(int(target_ids(pair)["101"] or 0))
    pair.target.billing.native.delete_credit(row["creditNoteID"])
    pair.target.seed({**row, "Memo": "for the customer's birthday"})
    assert [problem.source_id for problem in rolled_back(pair).remains] == ["101"]


def test_an_unknown_write_is_settled_before_anything_is_undone(pair: Pair) -> None:
    pair.target.sandbox.faults([{"kind": "cut-after", "route": POST}])
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    _apply_until_unknown(pair)
    pair.target.sandbox.faults([])
    assert len(standing(pair)) == 1
    summary = rolled_back(pair)
    assert (summary.undone, summary.exit_status, standing(pair)) == (1, 0, [])


def _apply_until_unknown(pair: Pair) -> None:
    """Apply, killed between the lost answer and the look for it."""
    from unibill.copying.crew import Crew

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Crew, "pause", killed)
        apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())


def test_a_rollback_that_was_interrupted_goes_on(pair: Pair) -> None:
    applied(pair)

    def interrupt(event: Progress) -> None:
        if event.done:
            raise KeyboardInterrupt

    summary = rollback(pair.target.billing, pair.run, RollbackOptions(concurrency=1), interrupt)
    assert (summary.interrupted, summary.exit_status) == (True, 130)
    assert len(standing(pair)) > 1
    assert status(pair.run).next.startswith("The rollback was not finished")
    with pytest.raises(RunStoreError, match="roll back again first"):
        apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert rolled_back(pair).exit_status == 0
    assert standing(pair) == [200]


@pytest.mark.parametrize("kind", ["cut-after", "cut-before", "status-500"])
def test_a_lost_answer_to_an_undo_ends_in_one_undo(pair: Pair, kind: str) -> None:
    applied(pair)
    pair.target.sandbox.faults([{"kind": kind, "route": DELETE, "count": 1}])
    assert rolled_back(pair).exit_status == 0
    assert standing(pair) == [200]


def test_an_undo_that_the_target_refuses_is_named(pair: Pair) -> None:
    applied(pair)
    pair.target.sandbox.faults([{"kind": "status-500", "route": f"DELETE /billagain/v1/credits/{target_ids(pair)['101']}"}])
    summary = rolled_back(pair)
    assert [problem.source_id for problem in summary.remains] == ["101"]
    assert summary.remains[0].reason.startswith("it could not be taken back")
    pair.target.sandbox.faults([])
    assert rolled_back(pair).exit_status == 0


def test_after_a_rollback_a_new_apply_makes_everything_again_under_new_marks(pair: Pair) -> None:
    applied(pair)
    with open_run(pair.run) as run:
        before = {record.mark for record in run.records() if record.state}
        planned = run.status().hash
    rolled_back(pair)
    summary = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(expect=planned))
    assert summary.exit_status == 0
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0
    after = {row["CreditNumber"] for row in pair.target.credits() if row["creditNoteID"] != 200}
    assert (len(after), after & before) == (3, set())


def test_rolling_back_twice_undoes_nothing_more(pair: Pair) -> None:
    applied(pair)
    rolled_back(pair)
    writes = len(pair.target.writes())
    assert (rolled_back(pair).undone, len(pair.target.writes())) == (0, writes)


def test_another_target_is_refused(pair: Pair) -> None:
    applied(pair)
    with pytest.raises(PlanMismatch, match="planned for the target"):
        rollback(pair.source.billing, pair.run)


def test_a_plan_that_was_never_applied_has_nothing_to_roll_back(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert (rolled_back(pair).undone, pair.target.writes()) == (0, [])


def test_after_a_rollback_verify_proves_that_the_target_is_as_it_was(pair: Pair) -> None:
    applied(pair)
    rolled_back(pair)
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    assert (found.exit_status, [line.carried for line in found.conservation]) == (0, [Decimal(0)])


def test_a_copy_that_came_back_after_its_rollback_is_found(pair: Pair) -> None:
    applied(pair)
    copy = pair.target.credit(int(target_ids(pair)["101"] or 0))
    rolled_back(pair)
    pair.target.seed(copy)
    earlier = "it is an earlier copy of this record: a rollback counted it as gone, and it stands"
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    assert [(item.sign, item.code, item.source_id, item.reason) for item in found.differences] == [("+", "extra", "101", earlier)]
    again = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert [(problem.what, problem.source_id) for problem in again.problems] == [("conflict", "101")]
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    assert [(item.code, item.source_id) for item in found.differences] == [("not-made", "101"), ("extra", "101")]
    assert found.signs == {"=": 2, "-": 1, "+": 1, "*": 0, "!": 0}


def test_what_another_run_made_after_a_rollback_is_not_made_again_by_the_run_that_was_rolled_back(pair: Pair) -> None:
    applied(pair)
    rolled_back(pair)
    other = replace(pair, run=pair.run.with_name("other.db"))
    assert plan(pair.source.billing, pair.target.billing, other.run, other.options()).counts["create"] == 3
    apply(pair.source.billing, pair.target.billing, other.run, ApplyOptions())
    made = standing(pair)
    again = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert (again.writes, again.exit_status, standing(pair)) == (0, 1, made)
    reason = (
        f"this run rolled it back, and {target_ids(other)['101']} stands under its mark from before: another run made it, or it came back"
    )
    assert again.problems[0].reason == f"{reason}; go on with that run, or void it and apply again"

    assert rolled_back(other).exit_status == 0
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).exit_status == 0
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0
    assert len(standing(pair)) == len(made)


def test_a_copy_that_came_back_in_another_account_is_said_to_be_of_this_run(pair: Pair) -> None:
    applied(pair)
    copy = pair.target.credit(int(target_ids(pair)["101"] or 0))
    rolled_back(pair)
    pair.target.seed({**copy, "customerID": 22})
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    assert [(item.sign, item.code, item.account) for item in found.differences] == [("+", "copy-in-another-account", "22")]


def test_a_copy_that_a_newer_copy_of_the_run_made_is_said_to_be_one(pair: Pair) -> None:
    applied(pair)
    old = pair.run.read_bytes()
    rolled_back(pair)
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    pair.run.write_bytes(old)
    newer = "it is a newer copy of this record, made after a rollback that this run file is too old to know"
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    assert [(item.source_id, item.reason) for item in found.differences if item.sign == "+"] == [(i, newer) for i in ("101", "102", "103")]


def test_a_rollback_waits_for_who_is_writing_the_credit_in_this_process(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    (copy,) = pair.target.credits()
    undoing = threading.Thread(target=rollback, args=(pair.target.billing, pair.run))
    with blocking_turns.waited(pair.target.billing.provider, str(copy["creditNoteID"])):
        undoing.start()
        undoing.join(0.5)
        assert undoing.is_alive()
        assert len(pair.target.credits()) == 1
    undoing.join()
    assert pair.target.credits() == []


def _written_and_then_changed(pair: Pair) -> None:
    """A write that was refused without proof took effect; its record has changed at the source since."""
    pair.target.sandbox.faults([{"kind": "html-error", "status": 400, "effect": "done", "route": POST}])
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    pair.source.sandbox.reset()
    pair.source.seed(customer(11), note(101, 11, "50"))


def test_a_copy_that_was_seen_is_not_forgotten_where_its_record_has_changed_and_a_list_leaves_it_out(pair: Pair) -> None:
    _written_and_then_changed(pair)
    pair.target.sandbox.faults([{"kind": "skipped-records", "route": "GET /billagain/v1/customers/21/credits", "skip": 2, "count": 1}])
    summary = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    assert (summary.counts, summary.money) == ({"created": 1}, {"ZAR": Decimal(60)})


def test_what_came_late_of_a_record_that_was_refused_since_is_taken_back(pair: Pair) -> None:
    _written_and_then_changed(pair)
    (late,) = pair.target.credits()
    pair.target.billing.native.delete_credit(late["creditNoteID"])
    pair.target.sandbox.faults([])
    summary = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(settle=0))
    assert summary.counts == {"refused": 1}
    pair.target.seed(late)

    assert (rolled_back(pair, settle=0).undone, standing(pair)) == (1, [])


def test_after_a_rollback_verify_wants_no_copy_of_what_was_never_made(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 12, "5"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    pair.source.billing.native.delete_credit(102)
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert states(pair) == {"101": "created", "102": "refused"}
    assert rolled_back(pair).exit_status == 0
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0
    pair.target.seed(note(777, 22, "5", CreditNumber=mark_of(pair.source, 102)))
    found = verify(pair.source.billing, pair.target.billing, pair.run)
    reason = "it carries the mark of this record, for which this run made nothing after its rollback"
    assert [(item.sign, item.source_id, item.reason) for item in found.differences] == [("+", "102", reason)]


def test_a_copy_that_was_moved_to_another_account_is_named_and_not_taken_for_gone(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    (copy,) = pair.target.credits()
    pair.target.billing.native.delete_credit(copy["creditNoteID"])
    pair.target.seed({**copy, "customerID": 22})
    assert [problem.source_id for problem in rolled_back(pair).remains] == ["101"]
    assert standing(pair) == [copy["creditNoteID"]]
