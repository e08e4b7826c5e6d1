"""What only other providers, or vendors in trouble, bring about."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings

from tests.copying.conftest import Pair, Row, note
from unibill import Billing, CreditDraft, InvalidDraft, Loss, LossKind, marks
from unibill.capabilities import Capability, Grade, Operation
from unibill.copying import AccountMap, ApplyOptions, RunRecord, apply, open_run, plan, rollback, verify
from unibill.copying.auditing import Auditor
from unibill.copying.sending import CREATE, Watch, watched
from unibill.copying.settling import look
from unibill.copying.store import RunStore
from unibill.copying.summary import Progress
from unibill.errors import Fault, NotFound, UnsupportedOperation
from unibill.flow import Effect, Flow, Request, Response, Step
from unibill.model import Credit, CreditKind, Direction
from unibill.provider import AccountState

POST = "POST /billagain/v1/credits"
LIST = "GET /billagain/v1/customers/*/credits"


def like(billing: Billing, **methods: Callable[..., Any]) -> Billing:
    """The same backend, with a provider that does some things otherwise."""
    kind = type("Otherwise", (BillAgainProvider,), methods)
    settings: BillAgainSettings = billing.provider.settings
    return Billing(billing.name, kind(settings))


def records(run: Path) -> dict[str, RunRecord]:
    with open_run(run) as opened:
        return {record.source_id: record for record in opened.records()}


def mark_of(pair: Pair, number: int) -> str:
    return marks.mark(pair.source.billing.provider.identity(), CreditKind.CREDIT_NOTE, str(number))


def applied(pair: Pair, *rows: Row) -> None:
    pair.source.seed(*rows)
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).exit_status == 0


# Planning


def test_a_loss_of_money_blocks(pair: Pair) -> None:
    def losses(_: object, draft: CreditDraft, __: object) -> tuple[Loss, ...]:
        return (Loss("amount", str(draft.amount), "the vendor rounds it", LossKind.MONEY),)

    pair.source.seed(note(101, 11, "60"))
    with like(pair.target.billing, losses_of_credit=losses) as target:
        summary = plan(pair.source.billing, target, pair.run, pair.options())
    record = records(pair.run)["101"]
    assert (record.decision, record.code, record.reason) == ("blocked", "money-loss", "amount: the vendor rounds it")
    assert [(loss.field, loss.kind) for loss in summary.losses] == [("amount", "money")]


def test_an_account_of_another_currency_blocks(pair: Pair) -> None:
    def state(_: object, account: str) -> Flow[AccountState]:
        return AccountState(account, currency="USD")
        yield Step("never", done=True)

    pair.source.seed(note(101, 11, "60"), note(102, 11, "5", CurrencyCode="USD"))
    with like(pair.target.billing, account_state=state) as target:
        plan(pair.source.billing, target, pair.run, pair.options())
    assert {key: record.code for key, record in records(pair.run).items()} == {"101": "currency", "102": "create"}


def test_a_target_that_tells_nothing_of_accounts_is_planned_for_all_the_same(pair: Pair) -> None:
    def state(_: object, __: str) -> Flow[AccountState]:
        raise UnsupportedOperation("x", "accounts.get", "nobody asked")
        yield Step("never", done=True)

    pair.source.seed(note(101, 11, "60"))
    pair.target.seed(note(201, 21, "60"))
    with like(pair.target.billing, account_state=state) as target:
        plan(pair.source.billing, target, pair.run, pair.options())
    assert records(pair.run)["101"].code == "look-alike"


def without(billing: Billing, operation: Operation, grade: Grade = Grade.UNSUPPORTED) -> Billing:
    found = billing.capabilities
    operations: Mapping[Operation, Capability] = {**found.operations, operation: Capability(grade, note="not here")}
    changed = type(found)(operations, found.credit_fields, found.limits)
    return like(billing, capabilities=changed)  # type: ignore[arg-type]  # a class attribute, like methods


@pytest.mark.parametrize("operation", [Operation.CREDITS_CREATE, Operation.CREDITS_FIND, Operation.CREDITS_LIST_ACCOUNT])
def test_a_target_that_cannot_be_written_or_searched_is_refused_before_anything_is_read(pair: Pair, operation: Operation) -> None:
    with without(pair.target.billing, operation) as target, pytest.raises(UnsupportedOperation, match="not here"):
        plan(pair.source.billing, target, pair.run, pair.options())
    assert pair.source.sandbox.requests() == []


def test_a_source_that_cannot_list_all_says_that_only_mapped_accounts_were_read(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 12, "5"))
    with without(pair.source.billing, Operation.CREDITS_LIST, Grade.PARTIAL) as source:
        options = pair.options(accounts=AccountMap.from_pairs({"11": "21", "99": "22"}))
        summary = plan(source, pair.target.billing, pair.run, options)
    assert list(records(pair.run)) == ["101"]
    assert "cannot list the credits of all accounts" in summary.notes[0]
    assert summary.notes[1] == "account 99 is not at the source"


def test_a_function_that_maps_is_asked_for_each_account_of_a_list_that_may_be_partial(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 12, "5"))
    with without(pair.source.billing, Operation.CREDITS_LIST, Grade.PARTIAL) as source:
        options = pair.options(accounts=AccountMap.from_callable({"11": "21"}.get))
        summary = plan(source, pair.target.billing, pair.run, options)
    assert {key: record.code for key, record in records(pair.run).items()} == {"101": "create", "102": "unmapped-account"}
    assert "may not name every account" in summary.notes[0]


def test_a_source_that_lists_no_account_by_itself_is_still_read_again(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 12, "5"))
    with without(pair.source.billing, Operation.CREDITS_LIST_ACCOUNT) as source:
        plan(source, pair.target.billing, pair.run, pair.options())
        assert apply(source, pair.target.billing, pair.run, ApplyOptions()).exit_status == 0
        assert verify(source, pair.target.billing, pair.run).exit_status == 0


def test_a_mark_on_money_that_leaves_the_account_is_a_conflict(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    pair.target.seed(note(201, 21, "-60", CreditNumber=mark_of(pair, 101)))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    record = records(pair.run)["101"]
    assert (record.decision, record.code) == ("conflict", "mark-on-something-else")


# Sending


def test_an_intent_is_kept_before_a_write_of_a_provider_that_yields_no_steps(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"))

    def flow() -> Flow[str]:
        yield Request("read", "GET", "/x")
        yield Request("write", "POST", "/x", effect=Effect.ONCE)
        return "done"

    with RunStore(pair.run) as store:
        watch = Watch(store, store.record(records(pair.run)["101"].seq), CREATE, {})
        driven = watched(flow(), watch)
        seen: list[object] = []
        answer: Response | None = None
        item = next(driven)
        with pytest.raises(StopIteration):
            while True:
                seen.append(item)
                if isinstance(item, Step):
                    watch.keep(item)
                answer = Response(200, {}, b"") if isinstance(item, Request) else None
                item = driven.send(answer)
    kinds = [f"{type(item).__name__} {item.operation if isinstance(item, Request) else item.name}" for item in seen]  # type: ignore[attr-defined]
    assert kinds == ["Request read", "Step write", "Request write"]


def test_a_draft_that_the_provider_refuses_late_is_rejected_by_name(pair: Pair) -> None:
    def create(_: object, *__: object) -> Flow[Credit]:
        raise InvalidDraft("credit", [Fault("$.memo", "no")])
        yield Step("never", done=True)

    pair.source.seed(note(101, 11, "60"))
    with like(pair.target.billing, create_credit=create) as target:
        plan(pair.source.billing, target, pair.run, pair.options())
        summary = apply(pair.source.billing, target, pair.run, ApplyOptions())
    assert [(problem.what, problem.reason) for problem in summary.problems] == [("rejected", "the credit cannot be written: $.memo: no")]


def test_an_error_after_an_answered_write_is_unknown_not_failed(pair: Pair) -> None:
    """The write took effect, and reading it again failed: it is looked for, never sent again first."""

    def create(self: BillAgainProvider, draft: CreditDraft, mark: str | None, done: Any) -> Flow[Credit]:  # noqa: ANN401 - as in the base
        yield from BillAgainProvider.create_credit(self, draft, mark, done)
        raise NotFound("the list lags behind")

    pair.source.seed(note(101, 11, "60"))
    with like(pair.target.billing, create_credit=create) as target:
        plan(pair.source.billing, target, pair.run, pair.options())
        assert apply(pair.source.billing, target, pair.run, ApplyOptions()).exit_status == 0
    assert len(pair.target.credits()) == 1


@pytest.mark.parametrize(
    ("otherwise", "told"),
    [
        ({"amount": Decimal(61)}, "came back with 61 ZAR instead of 60 ZAR"),
        ({"direction": Direction.FROM_ACCOUNT}, "came back as money that is taken from the account"),
    ],
    ids=["amount", "direction"],
)
def test_a_copy_that_comes_back_otherwise_stops_the_run(pair: Pair, otherwise: dict[str, object], told: str) -> None:
    def create(self: BillAgainProvider, draft: CreditDraft, mark: str | None, done: Any) -> Flow[Credit]:  # noqa: ANN401 - as in the base
        credit = yield from BillAgainProvider.create_credit(self, draft, mark, done)
        return credit.replace(**otherwise)

    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"))
    with like(pair.target.billing, create_credit=create) as target:
        plan(pair.source.billing, target, pair.run, pair.options())
        summary = apply(pair.source.billing, target, pair.run, ApplyOptions(concurrency=1))
    assert told in summary.stopped
    assert (summary.exit_status, len(pair.target.credits())) == (4, 1)


def test_a_copy_that_the_plan_found_and_that_is_gone_is_not_made_behind_its_back(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"))
    pair.target.seed(note(201, 21, "60", CreditNumber=mark_of(pair, 101)))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    pair.target.billing.native.delete_credit(201)
    summary = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert (summary.exit_status, len(summary.problems), summary.writes) == (1, 1, 0)
    assert "plan into another run" in summary.problems[0].reason
    assert pair.target.credits() == []


# Settling


def test_a_scan_that_lacks_a_copy_that_is_known_to_be_there_proves_nothing(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"), note(102, 11, "5"))
    known = int(records(pair.run)["101"].target_id or 0)
    first = [row["creditNoteID"] for row in pair.target.credits()].index(known)
    pair.target.sandbox.faults([{"kind": "skipped-records", "route": LIST, "index": first}])
    with RunStore(pair.run) as store:
        row = {"seq": 7, "mark_now": mark_of(pair, 555)}
        looked = look(pair.target.billing, store, "21", [row])
        assert (looked.seen, looked.absent) == (frozenset(), frozenset())
        pair.target.sandbox.faults([])
        looked = look(pair.target.billing, store, "21", [row])
        assert looked.absent == {7}


def test_a_target_that_cannot_be_read_proves_nothing(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"))
    pair.target.sandbox.faults([{"kind": "status-500", "route": LIST}])
    with RunStore(pair.run) as store:
        looked = look(pair.target.billing, store, "21", [{"seq": 7, "mark_now": "x"}])
    assert (looked.seen, looked.absent) == (frozenset(), frozenset())


# Counting


def test_a_copy_that_was_moved_to_another_account_is_named(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"), note(102, 12, "5"))
    pair.target.seed(note(999, 22, "60", CreditNumber=mark_of(pair, 101)))
    summary = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions())
    assert [(problem.what, problem.target_id, problem.reason) for problem in summary.problems] == [
        ("surplus", "999", "its copy stands in account 22, not in 21")
    ]


def test_a_surplus_copy_that_cannot_be_taken_back_is_named(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"))
    pair.target.seed(note(999, 21, "60", CreditNumber=mark_of(pair, 101)))
    pair.target.sandbox.faults([{"kind": "status-500", "route": "DELETE /billagain/v1/credits/*"}])
    with RunStore(pair.run) as store:
        store.prove("x", Progress("x", 0))
        from sqlalchemy import update

        from unibill.copying.schema import records as table

        with store.transaction() as connection:
            connection.execute(update(table).values(sends=2))
        auditor = Auditor(pair.target.billing, store)
        auditor.at_the_end("21")
    assert [(problem.what, problem.target_id) for problem in auditor.problems] == [("surplus", "999")]
    assert "could not be taken back" in auditor.problems[0].reason


def test_an_account_that_cannot_be_counted_is_named(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"))
    pair.target.sandbox.faults([{"kind": "status-500", "route": LIST}])
    with RunStore(pair.run) as store:
        auditor = Auditor(pair.target.billing, store)
        auditor.after_account("21")
        auditor.at_the_end("22")
    assert [problem.what for problem in auditor.problems] == ["unreadable", "unreadable"]


# Rolling back


def test_an_account_that_cannot_be_read_keeps_its_copies_until_it_can(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"), note(102, 12, "5"))
    pair.target.sandbox.faults([{"kind": "status-500", "route": "GET /billagain/v1/customers/21/credits"}])
    summary = rollback(pair.target.billing, pair.run)
    assert [(problem.source_id, summary.net) for problem in summary.remains] == [("101", {"ZAR": Decimal(60)})]
    pair.target.sandbox.faults([])
    assert rollback(pair.target.billing, pair.run).exit_status == 0


def test_a_mark_that_stands_on_more_copies_than_the_run_made_undoes_none_of_them(pair: Pair) -> None:
    applied(pair, note(101, 11, "60"))
    pair.target.seed(note(999, 21, "60", CreditNumber=mark_of(pair, 101)))
    summary = rollback(pair.target.billing, pair.run)
    assert summary.remains[0].reason == "2 credits carry its mark, and this run made 1"
    assert len(pair.target.credits()) == 2
