"""The figures of a report are the run's."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import delete

from tests.support import runfiles
from tests.support.runfiles import at, make, record, staying
from unibill import money
from unibill.copying import open_run, schema
from unibill.copying.decisions import Decision, State
from unibill.errors import RunStoreError
from unibill.reporting import Outcome, figures
from unibill.reporting.values import STANDING


def test_every_record_is_counted_once_and_its_money_under_its_own_currency(mixed_run: Path) -> None:
    found = figures(mixed_run)
    with open_run(mixed_run) as run:
        records = list(run.records())
    assert found.records == sum(line.records for line in found.outcomes) == len(records)
    assert sum(line.records for line in found.reasons) == len(records)
    for line in found.money:
        mine = [each for each in records if each.currency == line.currency]
        assert line.records == len(mine)
        assert line.remaining == money.add([each.remaining for each in mine if each.remaining is not None])
        assert line.unknown == sum(each.remaining is None for each in mine)
        standing = [each for each in mine if each.state is State.CREATED]
        assert line.carried == money.add([each.carried for each in standing if each.carried is not None])


def test_before_carried_and_waiting_come_to_what_should_stand_in_every_line(mixed_run: Path) -> None:
    found = figures(mixed_run)
    for line in found.money:
        assert line.expected == money.add([line.before, line.carried, line.waiting])
    for account in found.accounts:
        assert account.expected == money.add([account.before, account.carried, account.waiting])
    for total in found.money:
        assert total.expected == money.add([line.expected for line in found.accounts if line.currency == total.currency])


def test_each_state_and_decision_has_an_outcome_of_its_own(mixed_run: Path) -> None:
    counts = {line.outcome: line.records for line in figures(mixed_run).outcomes}
    assert counts == {
        Outcome.CARRIED: 60,
        Outcome.EXISTED: 1,
        Outcome.WAITING: 1,
        Outcome.UNDONE: 1,
        Outcome.FAILED: 3,
        Outcome.UNKNOWN: 2,
        Outcome.CONFLICT: 2,
        Outcome.BLOCKED: 2,
        Outcome.SKIPPED: 1,
    }


def test_what_somebody_must_look_at_is_named_with_its_reason(mixed_run: Path) -> None:
    found = figures(mixed_run)
    named = {line.source_id: line for line in found.exceptions}
    assert found.exception_count == len(named) == 13
    assert named["10112"].reason == "account 7 is not in the map"
    assert named["10100"].reason == "it is rejected"
    assert (named["10000"].sign, named["10000"].reason) == ("-", "it is missing")
    assert all(line.outcome in STANDING for line in found.sample)
    assert not set(named) & {line.source_id for line in found.sample}


def test_the_sample_reaches_the_last_accounts_also_of_a_run_that_is_little_longer_than_it(tmp_path: Path) -> None:
    found = figures(make(tmp_path / "short.run", [record(place, "5") for place in range(19)]))
    assert [int(line.source_id) - 10_000 for line in found.sample] == [0, 2, 4, 5, 7, 8, 10, 12, 13, 15, 16, 18]


def test_a_difference_of_money_shows_at_the_account_and_at_the_currency(mixed_run: Path) -> None:
    found = figures(mixed_run)
    assert {line.currency: line.sign for line in found.money} == {"USD": "-", "JPY": "=", "EUR": "="}
    off = [line for line in found.accounts if line.sign != "="]
    assert [(line.account, line.found) for line in off] == [(runfiles.TARGET, Decimal(1))]


def test_two_accounts_whose_differences_cancel_out_do_not_make_a_currency_the_same(tmp_path: Path) -> None:
    rows = [record(0, "10"), record(1, "10")]
    found = {(row["target_account"], "USD"): amount for row, amount in zip(rows, ("9", "11"), strict=True)}
    (line,) = figures(make(tmp_path / "a.run", rows, found=found)).money
    assert (line.found, line.sign) == (line.expected, "*")


def test_the_timeline_tells_plan_apply_and_verification_with_their_times(clean_run: Path) -> None:
    found = figures(clean_run)
    assert [(event.kind, event.began, event.ended) for event in found.events] == [
        ("plan", "", at(0)),
        ("apply", at(60), at(661)),
        ("verification", "", at(900)),
    ]
    assert found.events[1].counts == {"created": 60}
    assert sum(sum(stretch.counts.values()) for stretch in found.pace) == 60
    assert len(found.pace) <= 60


def test_the_same_run_has_the_same_fingerprint_and_another_has_another(clean_run: Path, mixed_run: Path, tmp_path: Path) -> None:
    again = runfiles.clean(tmp_path / "moved.run")
    assert figures(clean_run).fingerprint == figures(clean_run).fingerprint == figures(again).fingerprint
    assert figures(clean_run).fingerprint != figures(mixed_run).fingerprint
    changed = make(tmp_path / "changed.run", [record(0, "10.01")])
    assert figures(changed).fingerprint != figures(make(tmp_path / "other.run", [record(0, "10.02")])).fingerprint


WAITING = State.PLANNED
EXISTED = record(6, "1", State.EXISTS, decision=Decision.EXISTS, code="exists", reason="credit 1 of the target is its copy", sends=0)
BLOCKED = staying(5, "8", Decision.BLOCKED, "pending", "it is pending at the source")


ONE_AS_MANY = r"\b1 (credits\b|(credit )?(of this run )?(still )?(are|were|have|stand|differ|agree)\b)"


@pytest.mark.parametrize(
    ("verdict", "rows", "options"),
    [
        ("proved", [record(0, "1")], {}),
        ("proved-in-part", [record(0, "1"), BLOCKED], {}),
        ("nothing-copied", [BLOCKED], {}),
        ("nothing-copied", [EXISTED], {}),
        ("unverified", [record(0, "1")], {"verified": False}),
        ("unverified", [BLOCKED], {"verified": False}),
        ("differences", [record(0, "1")], {"found": {(record(0, "1")["target_account"], "USD"): "2"}}),
        ("unfinished", [record(0, "1"), record(1, "1", WAITING)], {"verified": False, "phase": "applying"}),
        ("unfinished", [record(0, "1", State.REJECTED, outcome="no")], {"verified": False, "phase": "applying"}),
        ("planned", [record(0, "1", WAITING), BLOCKED], {"verified": False, "phase": "planned"}),
        ("rolled-back", [record(0, "1", State.UNDONE)], {"verified": False, "phase": "rolled back"}),
        ("partly-rolled-back", [record(0, "1"), record(1, "1", State.UNDONE)], {"verified": False, "phase": "partly rolled back"}),
    ],
)
def test_the_verdict_is_what_the_run_proves_and_no_more(
    tmp_path: Path, verdict: str, rows: list[runfiles.Row], options: Mapping[str, object]
) -> None:
    found = figures(make(tmp_path / "a.run", [dict(row) for row in rows], **options))  # type: ignore[arg-type]  # options of make
    assert found.verdict.code == verdict
    assert all(sentence.endswith(".") for sentence in found.verdict.sentences)
    assert not [sentence for sentence in found.verdict.sentences if re.search(ONE_AS_MANY, sentence)]
    created = any(row["state"] == State.CREATED for row in rows)
    assert found.verdict.title.startswith("Copied") <= created


def test_a_verification_before_the_last_write_proves_nothing(tmp_path: Path) -> None:
    path = make(tmp_path / "a.run", [record(0, "1")])
    with runfiles.opened(path) as store:
        runfiles.go_on(store, 5000)
    found = figures(path)
    assert found.verification is not None
    assert found.verification.stale
    assert found.verdict.code == "unverified"
    assert [line.found for line in found.money] == [None]
    assert found.events[-1].kind == "work"


def test_an_apply_that_wrote_nothing_leaves_the_verification_standing_and_one_that_wrote_does_not(tmp_path: Path) -> None:
    path = make(tmp_path / "a.run", [record(0, "1")])
    with runfiles.opened(path) as store:
        runfiles.apply_again(store, 5000)
    again = figures(path)
    assert again.verification is not None
    assert not again.verification.stale
    assert again.verdict.code == "proved"
    assert [line.found for line in again.money] == [Decimal(1)]
    assert [event.kind for event in again.events][-2:] == ["verification", "apply"]
    with runfiles.opened(path) as store:
        runfiles.go_on(store, 5500)
        runfiles.apply_again(store, 6000)
    assert figures(path).verdict.code == "unverified"


def test_a_plan_that_was_not_finished_has_no_report(tmp_path: Path) -> None:
    path = make(tmp_path / "a.run", [record(0, "1")])
    with runfiles.opened(path) as store:
        store.put(hash=None)
    with pytest.raises(RunStoreError, match="was not finished; plan again"):
        figures(path)


def test_what_a_rollback_found_gone_is_not_told_as_taken_back_by_it(tmp_path: Path) -> None:
    undone = [record(place, "1", State.UNDONE) for place in range(3)]
    path = make(tmp_path / "a.run", undone, verified=False, phase="rolled back")
    with runfiles.opened(path) as store, store.transaction() as connection:
        connection.execute(delete(schema.journal).where(schema.journal.c.seq == 2, schema.journal.c.phase == "intent"))
    found = figures(path)
    assert found.verdict.sentences[0] == "2 credits of this run were taken back at new; 1 more was gone before, or never there."
    assert {(line.code, line.records, line.sample) for line in found.reasons} == {
        ("undone", 2, "its copy was taken back"),
        ("gone", 1, "a rollback found nothing of it to take back"),
    }
    assert found.events[1].counts == {"undone": 2, "gone": 1}
