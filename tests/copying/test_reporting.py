"""A report of a real run says what the two systems hold."""

from decimal import Decimal

from tests.copying.conftest import Pair, note
from unibill.copying import ApplyOptions, apply, plan, rollback, verify
from unibill.reporting import Outcome, figures


def test_a_verified_copy_is_proved_and_its_money_is_what_the_target_gained(pair: Pair) -> None:
    pair.target.seed(note(900, 21, "7.5"))
    pair.source.seed(note(1, 11, "100.25"), note(2, 11, "50", (31, "20")), note(3, 12, "9.99"), note(4, 12, "5", (32, "5")))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert figures(pair.run).verdict.code == "planned"
    before = pair.target.sum()
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert figures(pair.run).verdict.code == "unverified"
    verify(pair.source.billing, pair.target.billing, pair.run)
    found = figures(pair.run)
    assert found.verdict.code == "proved"
    (line,) = found.money
    assert (line.before, line.carried, line.found) == (before, Decimal("140.24"), pair.target.sum())
    assert line.sign == "="
    counts = {total.outcome: total.records for total in found.outcomes if total.records}
    assert counts == {Outcome.CARRIED: 3, Outcome.SKIPPED: 1}
    assert [event.kind for event in found.events] == ["plan", "apply", "verification"]


def test_a_copy_that_somebody_changed_is_a_difference_with_its_record(pair: Pair) -> None:
    pair.source.seed(note(1, 11, "100"), note(2, 12, "50"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    copy = next(row for row in pair.target.credits() if row["Amount"] == Decimal(50))
    pair.target.billing.credits.void(pair.target.billing.credits.get(str(copy["creditNoteID"])))
    verify(pair.source.billing, pair.target.billing, pair.run)
    found = figures(pair.run)
    assert found.verdict.code == "differences"
    assert [(line.source_id, line.sign) for line in found.exceptions] == [("2", "-")]
    assert [(line.account, line.sign) for line in found.accounts] == [("21", "="), ("22", "-")]


def test_a_rollback_is_reported_and_its_verification_says_that_nothing_is_left(pair: Pair) -> None:
    pair.source.seed(note(1, 11, "100"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    rollback(pair.target.billing, pair.run)
    verify(pair.source.billing, pair.target.billing, pair.run)
    found = figures(pair.run)
    assert found.verdict.code == "rolled-back"
    assert "stands as it stood before" in found.verdict.sentences[1]
    (line,) = found.money
    assert (line.expected, line.found, line.sign) == (line.before, line.before, "=")
    assert [event.kind for event in found.events] == ["plan", "apply", "rollback", "verification"]
