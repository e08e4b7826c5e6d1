"""Writes whose answers are lost, or whose process ends: looked for, and never made twice."""

from decimal import Decimal

import pytest

from tests.copying.conftest import Pair, invoice, note
from tests.copying.runs_of_three import POST, TARGET_LIST, THREE, applied, copies, mark_of, planned, record, states, three
from unibill.copying import ApplyOptions, Progress, apply, plan, status


@pytest.mark.parametrize("kind", ["cut-after", "cut-before"])
def test_a_lost_answer_ends_in_one_effect(pair: Pair, kind: str) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": kind, "route": POST, "count": 1}])
    summary = applied(pair, concurrency=1)
    assert (summary.exit_status, copies(pair)) == (0, THREE)
    assert set(states(pair).values()) == {"created"}


@pytest.mark.parametrize("effect", ["none", "done"])
@pytest.mark.parametrize("kind", ["status-500", "html-error"])
def test_a_server_error_ends_in_one_effect(pair: Pair, kind: str, effect: str) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": kind, "route": POST, "count": 2, "effect": effect}])
    assert applied(pair).exit_status == 0
    assert copies(pair) == THREE


def test_half_an_answer_ends_in_one_effect(pair: Pair) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": "truncated-json", "route": POST, "count": 1}])
    assert applied(pair).exit_status == 0
    assert copies(pair) == THREE


def test_an_unknown_write_is_looked_for_twice_before_it_is_sent_again(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST, "count": 1}])
    before = len(pair.target.sandbox.requests())
    applied(pair)
    sent = [entry.method for entry in pair.target.sandbox.requests()[before:]]
    first, second = [place for place, method in enumerate(sent) if method == "POST"]
    assert sent[first + 1 : second].count("GET") >= 3


def test_what_was_refused_without_proof_is_looked_for_before_it_is_sent_again(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    pair.target.sandbox.faults([{"kind": "html-error", "status": 400, "effect": "done", "route": POST}])
    assert applied(pair).counts["rejected"] == 1
    pair.target.sandbox.faults([{"kind": "skipped-records", "route": TARGET_LIST, "count": 1}])
    before = len(pair.target.sandbox.requests())
    summary = applied(pair, only="failed")
    assert (summary.exit_status, summary.undone, states(pair)) == (0, 0, {"101": "created"})
    assert [entry.method for entry in pair.target.sandbox.requests()[before:]].count("POST") == 0


def test_a_record_that_is_done_again_counts_once_in_the_progress(pair: Pair) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST, "count": 4}])
    seen: list[Progress] = []
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(), seen.append)
    assert {event.total for event in seen if event.done > (event.total or 0)} == set()
    assert (seen[-1].done, {name: count for name, count in seen[-1].counts.items() if count}) == (3, {"created": 3})


def test_a_write_that_is_never_seen_stays_unknown_and_says_what_to_do(pair: Pair) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST}])
    summary = applied(pair)
    assert set(states(pair).values()) == {"unknown"}
    assert {problem.what for problem in summary.problems} == {"unknown"}
    assert summary.exit_status == 1
    assert status(pair.run).next.startswith("3 writes have an unknown outcome: apply again")
    pair.target.sandbox.faults([])
    assert applied(pair).exit_status == 0
    assert copies(pair) == THREE


def test_an_effect_that_comes_late_but_within_the_settling_time_is_found(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause is where the late effect happens: nothing is sent again before it has passed."""
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    late = note(777, 21, "60", CreditNumber=mark_of(pair.source, 101))
    paused: list[float] = []

    def pause(_: object, __: object, seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 1:
            pair.target.seed(late)

    monkeypatch.setattr("unibill.copying.crew.Crew.pause", pause)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST, "count": 1}])
    summary = applied(pair, settle=30.0)
    assert 29 < paused[0] <= 30
    assert (summary.exit_status, copies(pair), record(pair, "101").target_id) == (0, [(21, Decimal(60))], "777")


def test_a_surplus_copy_that_this_run_sent_is_taken_back(pair: Pair) -> None:
    """Outside the limits: the first effect comes after the second was sent. This run sent both, so it takes one back."""
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST, "count": 1}])
    applied(pair)
    assert record(pair, "101").sends == 2
    pair.target.seed(note(777, 21, "60", CreditNumber=mark_of(pair.source, 101)))
    summary = applied(pair)
    assert (summary.undone, summary.exit_status, copies(pair)) == (1, 0, [(21, Decimal(60))])
    assert record(pair, "101").target_id == str(pair.target.credits()[0]["creditNoteID"])


def test_a_surplus_copy_that_somebody_spent_is_named_and_stays(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST, "count": 1}])
    applied(pair)
    pair.target.seed(invoice(949, 21, "500"), note(777, 21, "60", (949, "10"), CreditNumber=mark_of(pair.source, 101)))
    summary = applied(pair)
    assert [(problem.what, problem.target_id) for problem in summary.problems] == [("surplus", "777")]
    assert "some of it was spent since" in summary.problems[0].reason
    assert (summary.undone, len(copies(pair))) == (0, 2)


def test_pages_that_skip_a_copy_do_not_make_a_second_one(pair: Pair) -> None:
    pair.source.seed(*(note(100 + i, 11, str(i + 1)) for i in range(6)))
    planned(pair)
    pair.target.sandbox.faults(
        [
            {"kind": "cut-after", "route": POST, "rate": 0.5, "random_seed": 3},
            {"kind": "skipped-records", "route": TARGET_LIST, "rate": 0.3, "index": 1, "random_seed": 5},
        ]
    )
    for _ in range(6):
        if applied(pair).exit_status == 0:
            break
    pair.target.sandbox.faults([])
    assert applied(pair).exit_status == 0
    assert copies(pair) == [(21, Decimal(i + 1)) for i in range(6)]


@pytest.mark.parametrize("moment", ["intent", "done", "outcome"])
def test_a_run_that_broke_off_at_any_step_goes_on_without_a_second_effect(pair: Pair, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is not durable at that moment is lost, as in a crash."""
    from unibill.copying.journal import Entry, Writer

    three(pair)

    class Crashed(BaseException):
        pass

    real = Writer.note

    def note(self: Writer, entry: Entry) -> int:
        if entry.phase != moment:
            return real(self, entry)
        if moment == "intent":
            real(self, entry)
            self.flush()
        self._waiting.clear()
        raise Crashed

    monkeypatch.setattr(Writer, "note", note)
    with pytest.raises(Crashed):
        applied(pair, concurrency=1)
    monkeypatch.undo()
    assert len(pair.target.writes()) == (0 if moment == "intent" else 1)
    assert applied(pair).exit_status == 0
    assert copies(pair) == THREE


def test_a_new_store_finds_what_an_old_one_made(pair: Pair) -> None:
    three(pair)
    applied(pair)
    pair.run.unlink()
    assert plan(pair.source.billing, pair.target.billing, pair.run, pair.options()).counts["exists"] == 3
    assert (applied(pair).exit_status, copies(pair)) == (0, THREE)


def test_a_store_restored_from_an_old_copy_makes_nothing_twice(pair: Pair) -> None:
    three(pair)
    old = pair.run.read_bytes()
    applied(pair)
    pair.run.write_bytes(old)
    assert (applied(pair).exit_status, copies(pair)) == (0, THREE)


def test_a_write_that_was_refused_does_not_make_a_strangers_copy_this_runs_own(pair: Pair) -> None:
    """Only writes that may have made something count when surplus copies are taken back."""
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    pair.target.sandbox.faults([{"kind": "status-429", "route": POST, "retry_after": 600, "count": 1}])
    applied(pair)
    pair.target.sandbox.faults([])
    applied(pair)
    assert record(pair, "101").sends == 1
    pair.target.seed(note(777, 21, "60", CreditNumber=mark_of(pair.source, 101)))
    summary = applied(pair)
    assert ([problem.target_id for problem in summary.problems], summary.undone, len(copies(pair))) == (["777"], 0, 2)


def test_a_copy_that_somebody_took_away_does_not_keep_others_of_its_account_unknown(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"))
    planned(pair)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST, "skip": 1}])
    applied(pair, concurrency=1)
    assert states(pair) == {"101": "created", "102": "unknown"}
    pair.target.sandbox.faults([])
    pair.target.billing.native.delete_credit(record(pair, "101").target_id)
    summary = applied(pair)
    assert states(pair) == {"101": "created", "102": "created"}
    assert [(problem.what, problem.source_id) for problem in summary.problems] == [("missing", "101")]
