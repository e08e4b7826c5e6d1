"""An apply does what was planned: nothing else, nothing twice, and it stops where it should."""

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from tests.copying.conftest import Open, Pair, Row, Side, customer, invoice, note
from tests.copying.runs_of_three import POST, THREE, applied, copies, mark_of, planned, record, states, three
from unibill import Billing, hookimpl
from unibill.copying import ApplyOptions, Guards, Progress, apply, open_run, plan, status, verify
from unibill.errors import AuthenticationFailed, GuardStopped, PlanMismatch, RunStoreError
from unibill.events import RunProgressed, WriteSettled


def test_exactly_the_signed_off_plan_is_applied(pair: Pair) -> None:
    three(pair)
    with pytest.raises(PlanMismatch, match="nothing was written"):
        applied(pair, expect="0" * 64)
    assert pair.target.writes() == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET draft = json_set(draft, '$.amount', 600)",
        "UPDATE records SET carried = '1'",
        "UPDATE records SET currency = 'EUR'",
        "UPDATE records SET kind = 'payment'",
        "UPDATE records SET day = '2001-01-01'",
        "UPDATE records SET mark_now = 'ub1-AAAAAA-BBBBBBBBBBBBBBBBBBBB'",
        "UPDATE records SET generation = 1",
        "UPDATE meta SET value = replace(value, '0.3', '0.9') WHERE key = 'guards'",
    ],
)
def test_a_plan_that_somebody_changed_in_the_file_is_refused(pair: Pair, change: str) -> None:
    three(pair)
    with closing(sqlite3.connect(pair.run)) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(PlanMismatch, match="somebody changed"):
        applied(pair)
    assert pair.target.writes() == []


def test_other_systems_than_planned_are_refused(pair: Pair) -> None:
    three(pair)
    with pytest.raises(PlanMismatch, match=r"planned for the source .*; give the backend of the source as it was planned \(--from\)"):
        apply(pair.target.billing, pair.target.billing, pair.run, ApplyOptions())


def test_changed_write_settings_are_refused(pair: Pair) -> None:
    three(pair)
    provider = pair.target.billing.provider
    changed = type(provider)(provider.settings.model_copy(update={"mark_in": "memo"}))
    with Billing("b", changed) as billing, pytest.raises(PlanMismatch, match="mark_in"):
        apply(pair.source.billing, billing, pair.run, ApplyOptions())


def test_history_is_written_with_its_allocations(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "100", (31, "40")))
    planned(pair, carry="history")
    assert applied(pair).exit_status == 0
    copy = pair.target.credits()[0]
    assert [(item["invoiceID"], item["amountApplied"]) for item in copy["Allocations"]] == [(41, Decimal(40))]
    assert pair.target.invoices()[41]["Balance"] == Decimal(960)
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0


def test_a_second_apply_writes_nothing(pair: Pair) -> None:
    three(pair)
    applied(pair)
    writes = len(pair.target.writes())
    again = applied(pair)
    assert (len(pair.target.writes()), again.writes, again.exit_status) == (writes, 0, 0)


def test_every_intent_is_in_the_journal_before_its_outcome(pair: Pair) -> None:
    three(pair)
    applied(pair)
    with open_run(pair.run) as run:
        phases = [entry.phase for entry in run.journal() if entry.seq == record(pair, "101").seq]
    assert phases == ["intent", "done", "outcome"]


def test_an_intent_is_durable_when_its_request_is_sent(pair: Pair) -> None:
    """The store is looked into by another connection at the moment the target gets the request."""
    three(pair)
    found: list[int] = []
    real = pair.target.sandbox.systems["billagain"]._api._credits.create  # type: ignore[attr-defined]  # the sandbox's own handler

    def create(body: bytes) -> tuple[int, str]:
        reader = sqlite3.connect(pair.run)
        found.append(reader.execute("SELECT count(*) FROM journal WHERE phase = 'intent'").fetchone()[0])
        reader.close()
        result: tuple[int, str] = real(body)
        return result

    pair.target.sandbox.systems["billagain"]._api._credits.create = create  # type: ignore[attr-defined]
    try:
        applied(pair, concurrency=1)
    finally:
        pair.target.sandbox.systems["billagain"]._api._credits.create = real  # type: ignore[attr-defined]
    assert found == [2, 2, 3], "two of one account in one commit, then the other account's"


# The source has changed


def test_a_record_that_changed_since_the_plan_is_refused_by_name_and_others_go_on(pair: Pair) -> None:
    three(pair)
    pair.source.billing.native.edit_credit(101, _edited(pair.source, 101, "61"))
    pair.source.billing.native.delete_credit(103)
    summary = applied(pair)
    assert states(pair) == {"101": "refused", "102": "created", "103": "refused"}
    assert [(problem.what, problem.source_id, problem.reason) for problem in summary.problems] == [
        ("refused", "101", "it has changed at the source since the plan; plan into another run for it"),
        ("refused", "103", "it is not at the source any more; plan into another run for it"),
    ]
    assert (copies(pair), summary.exit_status) == ([(21, Decimal(5))], 1)


def test_records_that_were_refused_are_carried_by_a_plan_into_another_run_as_the_status_says(pair: Pair) -> None:
    three(pair)
    pair.source.billing.native.edit_credit(101, _edited(pair.source, 101, "61"))
    applied(pair)
    advice = "plan into another run for what is there now, unless one has carried it."
    assert status(pair.run).next == f"1 credit changed at the source since the plan, or went: {advice}"
    another = pair.run.with_name("another.run")
    plan(pair.source.billing, pair.target.billing, another, pair.options())
    assert apply(pair.source.billing, pair.target.billing, another, ApplyOptions()).exit_status == 0
    assert copies(pair) == [(21, Decimal(5)), (21, Decimal(61)), (22, Decimal(7))]


def test_the_status_parts_what_can_be_mended_from_what_was_refused(pair: Pair) -> None:
    three(pair)
    pair.source.billing.native.edit_credit(101, _edited(pair.source, 101, "61"))
    pair.target.sandbox.faults([{"kind": "status-429", "route": POST, "retry_after": 600}])
    applied(pair)
    assert status(pair.run).next == (
        "2 credits failed: look at the reasons, mend them, and apply with --only failed. "
        "1 credit changed at the source since the plan, or went: plan into another run for what is there now, unless one has carried it."
    )


def _edited(side: Side, number: int, amount: str) -> Any:  # noqa: ANN401 - the provider's own input
    from unibill_billagain.wire import CreditInput

    row = side.credit(number)
    return CreditInput(
        customer_id=row["customerID"],
        date="05 Mar 2026",
        currency_code="ZAR",
        amount=Decimal(amount),
        credit_number=row["CreditNumber"],
        memo=row["Memo"],
        allocations=(),
    )


# What is at the target already


def test_a_copy_that_somebody_made_since_the_plan_is_taken_as_it_is(pair: Pair) -> None:
    three(pair)
    pair.target.seed(note(201, 21, "60", CreditNumber=mark_of(pair.source, 101)))
    summary = applied(pair)
    assert (states(pair)["101"], summary.exit_status) == ("exists", 0)
    assert copies(pair) == THREE


@pytest.mark.parametrize("copy", [note(201, 21, "59"), note(201, 21, "60", CurrencyCode="USD")])
def test_nothing_is_created_over_a_mark_that_stands_on_something_else(pair: Pair, copy: Row) -> None:
    three(pair)
    pair.target.seed({**copy, "CreditNumber": mark_of(pair.source, 101)})
    summary = applied(pair)
    assert states(pair) == {"101": "conflict", "102": "created", "103": "created"}
    assert summary.exit_status == 1


def test_a_second_carrier_that_this_run_did_not_make_is_named_and_left(pair: Pair) -> None:
    three(pair)
    applied(pair)
    pair.target.seed(note(999, 21, "60", CreditNumber=mark_of(pair.source, 101)))
    summary = applied(pair)
    assert [(problem.what, problem.target_id) for problem in summary.problems] == [("surplus", "999")]
    assert summary.exit_status == 1
    assert any(row["creditNoteID"] == 999 for row in pair.target.credits())


def test_a_copy_that_was_taken_away_is_named(pair: Pair) -> None:
    three(pair)
    applied(pair)
    made = record(pair, "101").target_id
    pair.target.billing.native.delete_credit(made)
    summary = applied(pair)
    assert [(problem.what, problem.source_id) for problem in summary.problems] == [("missing", "101")]


# Failures


def test_a_refusal_is_recorded_and_others_go_on(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "100", (31, "40")), note(102, 11, "5"), note(103, 12, "7"))
    planned(pair, carry="history")
    pair.target.billing.native.add_credit(_spending(41))
    summary = applied(pair)
    assert states(pair) == {"101": "rejected", "102": "created", "103": "created"}
    assert "more than its balance" in summary.problems[0].reason
    assert summary.exit_status == 1
    assert status(pair.run).next == "1 credit failed: look at the reasons, mend them, and apply with --only failed."


def _spending(number: int) -> Any:  # noqa: ANN401 - the provider's own input
    from unibill_billagain.wire import AllocationInput, CreditInput

    return CreditInput(
        customer_id=21,
        date="05 Mar 2026",
        currency_code="ZAR",
        amount=Decimal(990),
        credit_number="X",
        memo="",
        allocations=(AllocationInput(Decimal(990), invoice_id=number),),
    )


def test_only_failed_takes_up_what_failed_and_nothing_else(pair: Pair) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": "status-429", "route": POST, "retry_after": 600, "count": 1}])
    applied(pair, concurrency=1, canary=1)
    assert states(pair) == {"101": "failed", "102": "planned", "103": "planned"}
    assert applied(pair, only="failed").exit_status == 0
    assert states(pair) == {"101": "created", "102": "planned", "103": "planned"}
    assert applied(pair).exit_status == 0
    assert copies(pair) == THREE


def test_only_unknown_takes_up_what_is_unknown_and_nothing_else(pair: Pair) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": "cut-before", "route": POST}])
    applied(pair, canary=1)
    pair.target.sandbox.faults([])
    assert states(pair) == {"101": "unknown", "102": "planned", "103": "planned"}
    assert applied(pair, only="unknown").exit_status == 0
    assert states(pair) == {"101": "created", "102": "planned", "103": "planned"}


def test_credentials_that_are_refused_stop_the_run(pair: Pair) -> None:
    three(pair)
    from pydantic import SecretStr

    provider = pair.target.billing.provider
    wrong = type(provider)(provider.settings.model_copy(update={"api_key": SecretStr("wrong")}))
    with Billing("b", wrong) as billing, pytest.raises(AuthenticationFailed):
        apply(pair.source.billing, billing, pair.run, ApplyOptions())
    assert pair.target.writes() == []
    assert applied(pair).exit_status == 0


def test_a_source_that_cannot_be_read_fails_its_records_and_writes_none(pair: Pair) -> None:
    three(pair)
    pair.source.sandbox.faults([{"kind": "status-500", "route": "GET /billagain/v1/customers/11/credits"}])
    assert applied(pair).exit_status == 1
    assert states(pair) == {"101": "failed", "102": "failed", "103": "created"}
    pair.source.sandbox.faults([])
    assert (applied(pair).exit_status, copies(pair)) == (0, THREE)


def test_an_address_at_which_nothing_is_does_not_say_that_credits_went_at_the_source(pair: Pair) -> None:
    three(pair)
    provider = pair.source.billing.provider
    astray = type(provider)(provider.settings.model_copy(update={"base_url": f"{provider.settings.base_url}9"}))
    with Billing("a", astray) as billing:
        summary = apply(billing, pair.target.billing, pair.run, ApplyOptions())
        assert (summary.counts, pair.target.writes()) == ({"failed": 3}, [])
        assert all("there is nothing there (status 404" in problem.reason for problem in summary.problems)
        assert status(pair.run).next == "3 credits failed: look at the reasons, mend them, and apply with --only failed."
        assert applied(pair).exit_status == 0
        found = verify(billing, pair.target.billing, pair.run)
    assert {(item.sign, item.code) for item in found.differences} == {("!", "unreadable")}
    assert (applied(pair).exit_status, copies(pair)) == (0, THREE)


def test_too_many_requests_are_waited_for(pair: Pair) -> None:
    three(pair)
    pair.target.sandbox.faults([{"kind": "status-429", "route": POST, "retry_after": 1, "count": 3}])
    assert (applied(pair).exit_status, copies(pair)) == (0, THREE)


def test_a_mark_that_the_vendor_cuts_off_stops_the_run_after_that_record(pair: Pair, open_side: Open) -> None:
    cutting = open_side("6006", {"text-max-length": "20-truncate"})
    cutting.seed(customer(21), customer(22))
    pair.source.seed(note(101, 11, "60", Memo=""), note(102, 11, "5", Memo=""))
    plan(pair.source.billing, cutting.billing, pair.run, pair.options())
    summary = apply(pair.source.billing, cutting.billing, pair.run, ApplyOptions(concurrency=1))
    assert "the vendor cut it off" in summary.stopped
    assert (summary.exit_status, len(cutting.writes())) == (4, 1)
    assert states(pair) == {"101": "created", "102": "planned"}
    assert record(pair, "102").sends == 0, "its intent was durable with the first one's, and was taken back"
    with open_run(pair.run) as run:
        assert [entry.step for entry in run.journal() if entry.seq == record(pair, "102").seq] == ["add", "withdrawn"]


def test_card_numbers_that_may_be_copied_are_taken_from_the_source_again(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60", Memo="card 4111111111111111"))
    planned(pair, allow_card_numbers=True)
    applied(pair)
    assert pair.target.credits()[0]["Memo"] == "card 4111111111111111"
    assert not any(b"4111111111111111" in path.read_bytes() for path in pair.run.parent.iterdir())


# Stopping


def test_guards_stop_before_anything_is_written_and_yes_passes_them(pair: Pair) -> None:
    three(pair)
    limits = Guards(max_records=2)
    with pytest.raises(GuardStopped, match="--max-records 3 would let it pass"):
        applied(pair, guards=limits)
    assert pair.target.writes() == []
    assert applied(pair, guards=limits, yes=True).exit_status == 0


def test_the_plans_own_guards_hold_too(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    planned(pair, guards=Guards(max_credit={"ZAR": Decimal(59)}))
    with pytest.raises(GuardStopped, match="--max-credit ZAR=60"):
        applied(pair)


def test_a_canary_is_verified_and_stops_for_a_look(pair: Pair) -> None:
    three(pair)
    summary = applied(pair, canary=2)
    assert summary.canary is not None
    assert (summary.canary.signs["="], summary.canary.exit_status, summary.exit_status) == (2, 0, 0)
    assert summary.counts == {"created": 2, "planned": 1}
    assert status(pair.run).next == "1 credit is not made yet: apply again to go on."


def test_while_somebody_works_on_a_run_its_status_says_so_and_no_look_keeps_anybody_out(pair: Pair) -> None:
    three(pair)
    seen: list[str] = []
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(), lambda _: seen.append(status(pair.run).next))
    assert seen
    assert all(said.startswith("It is being worked on") for said in seen)
    over = threading.Event()
    looker = threading.Thread(target=lambda: [status(pair.run) for _ in iter(over.is_set, True)])
    looker.start()
    try:
        for _ in range(10):
            assert applied(pair).exit_status == 0
    finally:
        over.set()
        looker.join()
    assert status(pair.run).next == "Everything planned is done: verify it."


def test_an_interrupted_apply_ends_cleanly_and_the_next_goes_on(pair: Pair) -> None:
    three(pair)

    def interrupt(event: Progress) -> None:
        if event.done:
            raise KeyboardInterrupt

    summary = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(concurrency=1), interrupt)
    assert (summary.interrupted, summary.exit_status) == (True, 130)
    assert "sending" not in states(pair).values()
    assert len(copies(pair)) < 3
    assert applied(pair).exit_status == 0
    assert copies(pair) == THREE


def test_two_applies_of_one_run_do_not_overlap(pair: Pair) -> None:
    three(pair)
    refused: list[str] = []

    def second(_: Progress) -> None:
        def try_it() -> None:
            with pytest.raises(RunStoreError, match="another process is working on the run") as caught:
                applied(pair)
            refused.append(str(caught.value))

        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()

    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(), second)
    assert refused
    assert copies(pair) == THREE


def test_progress_tells_records_and_money(pair: Pair) -> None:
    three(pair)
    seen: list[Progress] = []
    apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(), seen.append)
    last = seen[-1]
    assert (last.phase, last.done, last.total) == ("apply", 3, 3)
    assert (dict(last.money), dict(last.counts)) == ({"ZAR": Decimal(72)}, {"created": 3})


def test_observers_are_told_of_every_write(pair: Pair) -> None:
    three(pair)
    told: list[WriteSettled] = []

    class Audit:
        @hookimpl
        def unibill_write_settled(self, event: WriteSettled) -> None:
            told.append(event)

    with Billing("audited", pair.target.billing.provider, observers=[Audit()]) as billing:
        apply(pair.source.billing, billing, pair.run, ApplyOptions())
    assert sorted((event.outcome, event.account_id) for event in told) == [("created", "21"), ("created", "21"), ("created", "22")]
    assert {event.mark for event in told} == {mark_of(pair.source, number) for number in (101, 102, 103)}


def test_two_accounts_that_become_one_are_copied_in_order(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 12, "5"), note(103, 11, "7"))
    from unibill.copying import AccountMap

    planned(pair, accounts=AccountMap.from_pairs({"11": "21", "12": "21"}))
    assert applied(pair).exit_status == 0
    made = [row["CreditNumber"] for row in pair.target.credits()]
    assert made == [mark_of(pair.source, number) for number in (101, 103, 102)]


def test_an_invoice_can_be_named_by_its_number(pair: Pair) -> None:
    from unibill.copying import InvoiceMap, MappedInvoice

    pair.target.seed(invoice(49, 21, invoiceNum=957))
    pair.source.seed(note(101, 11, "100", (31, "40")))
    planned(pair, carry="history", invoices=InvoiceMap({"31": MappedInvoice(None, "957")}))
    assert applied(pair).exit_status == 0
    assert pair.target.credits()[0]["Allocations"][0]["invoiceID"] == 49
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0


def test_a_summary_prints_as_json(pair: Pair) -> None:
    three(pair)
    printed: Mapping[str, object] = applied(pair).jsonable()
    assert printed["money"] == {"ZAR": Decimal(72)}
    assert printed["exit_status"] == 0


def test_observers_are_told_how_far_a_run_is(pair: Pair) -> None:
    three(pair)
    told: list[RunProgressed] = []

    class Watcher:
        @hookimpl
        def unibill_run_progressed(self, event: RunProgressed) -> None:
            told.append(event)

    with Billing("watched", pair.target.billing.provider, observers=[Watcher()]) as billing:
        apply(pair.source.billing, billing, pair.run, ApplyOptions())
        verify(pair.source.billing, billing, pair.run)
    assert {event.run for event in told} == {str(pair.run)}
    assert {event.phase for event in told if event.done == event.total == len(THREE)} == {"apply"}
    assert told[-1].phase == "verify"


def test_a_found_copy_that_is_gone_is_not_made_again_though_its_mark_was_written_into_the_run(pair: Pair) -> None:
    three(pair)
    applied(pair)
    pair.run.unlink()
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    for row in pair.target.credits():
        pair.target.billing.native.delete_credit(str(row["creditNoteID"]))
    gone = copies(pair)
    with closing(sqlite3.connect(pair.run)) as run, run:
        run.execute("UPDATE records SET mark = mark_now")
    applied(pair)
    assert ({*states(pair).values()}, copies(pair)) == ({"failed"}, gone)


def test_a_copy_that_the_plan_found_and_that_is_gone_since_is_named_by_the_next_apply(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    applied(pair)
    pair.run.unlink()
    planned(pair)
    assert applied(pair).counts == {"exists": 1}
    (copy,) = pair.target.credits()
    pair.target.billing.native.delete_credit(copy["creditNoteID"])
    summary = applied(pair)
    assert [(problem.what, problem.source_id) for problem in summary.problems] == [("missing", "101")]


def test_a_changed_record_that_another_run_has_carried_since_is_refused_and_says_so(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    planned(pair)
    pair.source.sandbox.reset()
    pair.source.seed(customer(11), note(101, 11, "50"))
    assert [problem.reason for problem in applied(pair).problems] == [
        "it has changed at the source since the plan; plan into another run for it"
    ]
    assert status(pair.run).next.endswith("plan into another run for what is there now, unless one has carried it.")
    old, pair.run = pair.run, pair.run.with_name("other.db")
    planned(pair)
    assert applied(pair).exit_status == 0
    pair.run = old
    (copy,) = pair.target.credits()
    reason = f"it has changed at the source since the plan; another run has carried it since, as {copy['creditNoteID']}"
    assert [problem.reason for problem in applied(pair).problems] == [reason]


def test_a_copy_of_which_less_is_spent_than_planned_stops_the_run(pair: Pair, open_side: Open) -> None:
    """What the vendor did not spend could be spent again."""
    target = open_side("5005", {"over-invoice": "cap"})
    target.seed(customer(21), invoice(41, 21, "10"))
    pair.source.seed(note(101, 11, "100", (31, "40")), note(102, 11, "7"))
    plan(pair.source.billing, target.billing, pair.run, pair.options(carry="history"))
    summary = apply(pair.source.billing, target.billing, pair.run, ApplyOptions(concurrency=1))
    assert summary.stopped.endswith("came back with 10 ZAR spent instead of 40 ZAR: the rest of it could be spent again")
    assert (summary.exit_status, len(target.credits())) == (4, 1)
