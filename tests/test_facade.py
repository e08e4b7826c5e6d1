"""Every operation of the facade, on both drivers, against the memory provider."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

import unibill
from tests.support.facades import Facade
from unibill import (
    AllocationDraft,
    ChargeDraft,
    Conflict,
    CreditDraft,
    InvalidDraft,
    InvalidQuery,
    Invoicing,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Status,
    UnsupportedOperation,
    hookimpl,
)
from unibill.aio import AsyncCharges, AsyncCredits
from unibill.capabilities import Capabilities, Capability, Grade, Operation
from unibill.events import PageRead, WriteSettled
from unibill.facade import Charges, Credits
from unibill.flow import Done, Flow, Sleep
from unibill.losses import Loss
from unibill.model import Credit
from unibill.provider import AccountState, At, CreditQuery, Page
from unibill.testing.memory import MemoryProvider, MemorySettings, MemoryStore, reset, store

NOW = datetime(2026, 4, 5, 12, tzinfo=UTC)
Open = Callable[..., Facade]


class Audit:
    """Hears of everything."""

    def __init__(self) -> None:
        self.writes: list[WriteSettled] = []
        self.pages: list[PageRead] = []

    @hookimpl
    def unibill_write_settled(self, event: WriteSettled) -> None:
        self.writes.append(event)

    @hookimpl
    def unibill_page_read(self, event: PageRead) -> None:
        self.pages.append(event)


@pytest.fixture
def books(request: pytest.FixtureRequest) -> Iterator[MemoryStore]:
    """A store with an account and two invoices, for this test alone."""
    name = request.node.nodeid
    books = store(name)
    books.add_invoice("9001", account="269", currency="USD", amount=Decimal("100.00"), number="INV-1")
    books.add_invoice("9002", account="269", currency="USD", amount=Decimal("30.00"), number="INV-2")
    yield books
    reset(name)


@pytest.fixture
def audit() -> Audit:
    return Audit()


@pytest.fixture(params=["sync", "async"])
def facade(request: pytest.FixtureRequest, books: MemoryStore, audit: Audit) -> Iterator[Open]:
    """Opens a facade, sync and async in turn; keywords are settings."""
    assert books is store(request.node.nodeid)
    opened: list[Facade] = []

    def make(provider: type[MemoryProvider] = MemoryProvider, observers: tuple[object, ...] = (), **settings: object) -> Facade:
        chosen = provider(MemorySettings.model_validate({"store": request.node.nodeid, **settings}), lambda: NOW)
        connect = unibill.connect if request.param == "sync" else unibill.aconnect
        opened.append(Facade(connect(chosen, name="main", observers=[audit, *observers])))
        return opened[-1]

    yield make
    for each in opened:
        each.__exit__(None, None, None)


def draft(amount: str = "50.00", **changed: Any) -> CreditDraft:  # noqa: ANN401 - any field of the draft
    return CreditDraft(**{"account_id": "269", "currency": "USD", "amount": Decimal(amount), **changed})


def spend(amount: str, invoice: str = "9001") -> AllocationDraft:
    return AllocationDraft(amount=Decimal(amount), target_id=invoice)


def charge(amount: str = "-5.00", **changed: Any) -> ChargeDraft:  # noqa: ANN401 - any field of the draft
    return ChargeDraft(**{"account_id": "269", "currency": "USD", "amount": Decimal(amount), **changed})


def create(main: Facade, wanted: CreditDraft) -> Any:  # noqa: ANN401 - a credit
    return main.call(lambda b: b.credits.create(wanted))


def allocate(main: Facade, credit: Credit, drafts: list[AllocationDraft]) -> Any:  # noqa: ANN401 - a credit
    return main.call(lambda b: b.credits.allocate(credit, drafts))


def reverse(main: Facade, charge_id: str) -> Any:  # noqa: ANN401 - charges
    return main.call(lambda b: b.charges.reverse("269", [charge_id]))


# Reading credits


def test_credits_are_listed_by_account_by_invoice_or_all(facade: Open) -> None:
    main = facade(page_size=2)
    for i in range(5):
        wanted = draft(account_id="269" if i % 2 else "270", memo=f"no. {i}")
        create(main, wanted)
    main.call(lambda b: b.credits.create(draft("20", allocations=(spend("20"),))))

    assert [c.memo for c in main.records(lambda b: b.credits.list(account="270"))] == ["no. 0", "no. 2", "no. 4"]
    assert [c.id for c in main.records(lambda b: b.credits.list(invoice="9001"))] == ["credit-6"]
    assert [c.id for c in main.records(lambda b: b.credits.list())] == [f"credit-{i}" for i in range(1, 7)]
    assert main.records(lambda b: b.credits.list("nobody")) == []


@pytest.mark.parametrize("read_ahead", [1, 3])
def test_lists_are_lazy_and_read_page_by_page(facade: Open, books: MemoryStore, audit: Audit, read_ahead: int) -> None:
    for i in range(1, 8):
        books.create(draft(str(i)), None, NOW)
    main = facade(page_size=2, read_ahead=read_ahead)
    listed = main.billing.credits.list(account="269")
    assert audit.pages == []

    if isinstance(main.billing, unibill.Billing):
        listed.close()  # type: ignore[union-attr]  # it is the sync one here
    else:
        main.call(lambda _: listed.aclose())  # type: ignore[union-attr]  # it is the async one here
    assert audit.pages == []
    assert [c.amount for c in main.records(lambda b: b.credits.list(account="269"), most=3)] == [1, 2, 3]
    assert audit.pages == [PageRead("main", "credits.list(account=)", 2)] * 2
    assert [c.amount for c in main.records(lambda b: b.credits.list(account="269"))] == [1, 2, 3, 4, 5, 6, 7]


def test_reversed_credits_are_listed_only_when_asked_for(facade: Open) -> None:
    main = facade()
    credit = main.call(lambda b: b.credits.create(draft()))
    main.call(lambda b: b.credits.void(credit))

    assert main.records(lambda b: b.credits.list("269")) == []
    assert [c.status for c in main.records(lambda b: b.credits.list("269", include_reversed=True))] == [Status.VOID]


def test_allocations_are_loaded_only_when_asked_for(facade: Open) -> None:
    main = facade()
    main.call(lambda b: b.credits.create(draft(allocations=(spend("20.50"),))))

    (plain,) = main.records(lambda b: b.credits.list("269"))
    (loaded,) = main.records(lambda b: b.credits.list("269", allocations=True))
    assert (plain.allocations, plain.applied, plain.remaining) == (None, None, None)
    assert (loaded.applied, loaded.remaining, len(loaded.allocations)) == (Decimal("20.50"), Decimal("29.50"), 1)


def test_one_credit_is_read_with_its_allocations(facade: Open) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(memo="for the delay", number="CN-7", allocations=(spend("20"), spend("30", "9002")))))
    read = main.call(lambda b: b.credits.get(made.id, account="269"))

    assert read == made
    assert (read.memo, read.number, read.status, read.issued_on) == ("for the delay", "CN-7", Status.APPLIED, date(2026, 4, 5))
    assert [(a.target.id, a.target.number, a.amount) for a in read.allocations] == [("9001", "INV-1", 20), ("9002", "INV-2", 30)]


@pytest.mark.parametrize(("credit_id", "account"), [("credit-9", None), ("credit-1", "270")])
def test_a_credit_that_is_not_there_or_somebody_elses_is_not_found(facade: Open, credit_id: str, account: str | None) -> None:
    main = facade()
    main.call(lambda b: b.credits.create(draft()))

    with pytest.raises(NotFound) as raised:
        main.call(lambda b: b.credits.get(credit_id, account=account))
    assert raised.value.backend == "main"


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "account-and-invoice": lambda b: b.credits.list(account="1", invoice="2"),
    "empty-account": lambda b: b.credits.list(account=""),
    "blank-invoice": lambda b: b.credits.list(invoice=" "),
    "empty-id": lambda b: b.credits.get(""),
    "empty-key-to-find": lambda b: b.credits.find(key=""),
    "blank-key-to-create": lambda b: b.credits.create(draft(), key=" "),
    "charges-of-nothing": lambda b: b.charges.list(),
    "charges-of-two-things": lambda b: b.charges.list(account="1", policy="2"),
    "all-of-an-account": lambda b: b.charges.list(account="1", include_all=True),
    "empty-policy": lambda b: b.charges.list(policy=""),
    "reverse-nothing": lambda b: b.charges.reverse("269", []),
    "reverse-twice": lambda b: b.charges.reverse("269", ["1", "1"]),
    "reverse-of-nobody": lambda b: b.charges.reverse("", ["1"]),
    "reverse-a-blank-charge": lambda b: b.charges.reverse("269", [" "]),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_that_makes_no_sense_is_refused_when_it_is_asked(facade: Open, question: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidQuery):
        facade().call(question)


# Writing credits


def test_a_credit_is_created_and_told_as_it_stands(facade: Open, audit: Audit) -> None:
    credit = facade().call(lambda b: b.credits.create(draft("50.00", allocations=(spend("20.00"),))))

    assert (credit.amount, credit.applied, credit.remaining, credit.status) == (50, 20, 30, Status.PARTIALLY_APPLIED)
    assert str(credit.amount) == "50.00"
    assert audit.writes == [WriteSettled("main", "credits.create", "done", "269", credit.id, "")]


def test_auto_apply_spends_on_the_earliest_open_invoices(facade: Open, books: MemoryStore) -> None:
    credit = facade().call(lambda b: b.credits.create(draft("110", auto_apply=True)))

    assert [(a.target.id, a.amount) for a in credit.allocations] == [("9001", 100), ("9002", 10)]
    assert [books.outstanding("9001"), books.outstanding("9002")] == [0, 20]


def test_a_bad_draft_is_refused_with_all_its_faults_and_nothing_is_written(facade: Open, books: MemoryStore, audit: Audit) -> None:
    with pytest.raises(InvalidDraft) as refused:
        facade().call(lambda b: b.credits.create(draft("-0.001", account_id="", currency="usd")))

    assert [fault.path for fault in refused.value.faults] == ["$.account_id", "$.amount", "$.currency"]
    assert (books.credits(allocations=False), audit.writes) == ([], [])


def test_under_a_key_a_credit_is_made_once_however_often_it_is_created(facade: Open, books: MemoryStore) -> None:
    main = facade()
    first = main.call(lambda b: b.credits.create(draft(memo="for the delay"), key="order-17"))
    second = main.call(lambda b: b.credits.create(draft(memo="for the delay"), key="order-17"))
    other = main.call(lambda b: b.credits.create(draft(), key="order-18"))

    assert (first, first.memo) == (second, "for the delay")
    assert first.mark is not None
    assert other.id != first.id
    assert len(books.credits(allocations=False)) == 2


def test_a_key_finds_its_credit_and_no_other(facade: Open) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(), key="order-17"))

    assert main.call(lambda b: b.credits.find(key="order-17")) == made
    assert main.call(lambda b: b.credits.find(key="order-17", account="269")) == made
    assert main.call(lambda b: b.credits.find(key="order-17", account="270")) is None
    assert main.call(lambda b: b.credits.find(key="order-18")) is None


def test_a_key_of_a_voided_credit_makes_a_new_one(facade: Open) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(), key="order-17"))
    main.call(lambda b: b.credits.void(made))

    assert main.call(lambda b: b.credits.find(key="order-17")) is None
    assert main.call(lambda b: b.credits.create(draft(), key="order-17")).id != made.id


@pytest.mark.parametrize("changed", [{"amount": Decimal(51)}, {"currency": "ZAR"}], ids=["amount", "currency"])
def test_a_key_used_for_another_credit_is_a_conflict(facade: Open, books: MemoryStore, changed: dict[str, Any]) -> None:
    main = facade()
    main.call(lambda b: b.credits.create(draft(), key="order-17"))

    with pytest.raises(Conflict, match="this key already made credit credit-1 of 50.00 USD"):
        main.call(lambda b: b.credits.create(draft(**changed), key="order-17"))
    assert len(books.credits(allocations=False)) == 1


def test_two_credits_under_one_key_are_a_conflict_that_names_both(facade: Open, books: MemoryStore) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(), key="order-17"))
    books.put_credit(made.replace(id="twin"))

    with pytest.raises(Conflict, match="2 credits carry the mark of this key: credit-1, twin"):
        main.call(lambda b: b.credits.find(key="order-17"))


class LosesAnswers(MemoryProvider):
    """Writes, and then nobody hears of it."""

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        yield from super().create_credit(draft, mark, done)
        raise OutcomeUnknown("the write was sent, but no answer came", operation="addCredit")


def test_a_lost_answer_is_unknown_and_the_key_settles_it(facade: Open, books: MemoryStore, audit: Audit) -> None:
    main = facade(LosesAnswers)
    with pytest.raises(OutcomeUnknown) as unknown:
        main.call(lambda b: b.credits.create(draft(), key="order-17"))

    assert unknown.value.backend == "main"
    assert audit.writes[-1].outcome == "unknown"
    assert main.call(lambda b: b.credits.find(key="order-17")).amount == 50
    assert main.call(lambda b: b.credits.create(draft(), key="order-17")).amount == 50
    assert len(books.credits(allocations=False)) == 1


def test_more_of_a_credit_is_spent_and_what_stood_stays(facade: Open, audit: Audit) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(allocations=(spend("20"),))))
    after = main.call(lambda b: b.credits.allocate(made, [spend("5"), spend("25", "9002")]))

    assert [(a.target.id, a.amount) for a in after.allocations] == [("9001", 20), ("9001", 5), ("9002", 25)]
    assert (after.allocations[0], after.remaining, after.status) == (made.allocations[0], 0, Status.APPLIED)
    assert audit.writes[-1] == WriteSettled("main", "credits.allocate", "done", "269", made.id, "")


def test_spending_more_than_remains_is_refused_before_anything_is_sent(facade: Open, audit: Audit) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(allocations=(spend("20"),))))

    for drafts in ([spend("30.01")], [], [spend("-1")]):
        with pytest.raises(InvalidDraft):
            allocate(main, made, drafts)
    assert [write.operation for write in audit.writes] == ["credits.create"]


def test_a_refusal_of_the_backend_is_rejected_and_audited(facade: Open, audit: Audit) -> None:
    main = facade()
    with pytest.raises(Rejected, match="no invoice 404"):
        main.call(lambda b: b.credits.create(draft(allocations=(spend("1", "404"),))))

    assert audit.writes == [WriteSettled("main", "credits.create", "rejected", "269")]


def test_allocations_are_undone_by_their_ids(facade: Open, books: MemoryStore) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(allocations=(spend("20"), spend("30", "9002")))))
    after = main.call(lambda b: b.credits.deallocate(made, [made.allocations[0].id]))

    assert [(a.amount, a.reversed_at) for a in after.allocations] == [(20, NOW), (30, None)]
    assert (after.remaining, after.status) == (20, Status.PARTIALLY_APPLIED)
    assert books.outstanding("9001") == 100
    with pytest.raises(InvalidQuery):
        main.call(lambda b: b.credits.deallocate(made, []))


def test_a_voided_credit_gives_back_what_it_was_spent_on(facade: Open, books: MemoryStore, audit: Audit) -> None:
    main = facade()
    made = main.call(lambda b: b.credits.create(draft(allocations=(spend("20"),))))
    assert main.call(lambda b: b.credits.void(made)) is None

    assert books.outstanding("9001") == 100
    assert audit.writes[-1] == WriteSettled("main", "credits.void", "done", "269")
    with pytest.raises(Conflict):
        main.call(lambda b: b.credits.void(made))


class Forgetful(MemoryProvider):
    """Cannot carry memos."""

    def losses_of_credit(self, draft: CreditDraft, mark: str | None) -> tuple[Loss, ...]:
        del mark
        return (Loss("memo", draft.memo, "it has no memos"),) if draft.memo else ()


def test_what_a_backend_cannot_carry_is_told_before_and_after(facade: Open, books: MemoryStore) -> None:
    main = facade(Forgetful)

    assert main.billing.credits.losses(draft(memo="gone"), key="k") == (Loss("memo", "gone", "it has no memos"),)
    assert main.billing.credits.losses(draft()) == ()
    assert books.credits(allocations=False) == []
    findings = main.call(lambda b: b.credits.create(draft(memo="gone"))).findings
    assert [(finding.code, finding.field, finding.message) for finding in findings] == [("not-written", "memo", "it has no memos")]


# Charges


def test_charges_are_added_listed_and_reversed(facade: Open, audit: Audit) -> None:
    main = facade(page_size=2)
    drafts = [charge("-5.00", policy_id="p", transaction_id="t"), charge("7.50", policy_id="p", transaction_id="t")]
    minus, plus = main.call(lambda b: b.charges.add(drafts))
    (reversal,) = main.call(lambda b: b.charges.reverse("269", [minus.id], invoicing=Invoicing.IMMEDIATE))

    assert (reversal.reversal_of, reversal.amount, reversal.invoicing) == (minus.id, 5, Invoicing.IMMEDIATE)
    everything = [minus, plus, reversal]
    assert main.records(lambda b: b.charges.list("269")) == everything
    assert main.records(lambda b: b.charges.list(policy="p")) == everything
    assert main.records(lambda b: b.charges.list(transaction="t")) == [plus]
    assert main.records(lambda b: b.charges.list(transaction="t", include_all=True)) == everything
    assert main.records(lambda b: b.charges.list("270")) == []
    assert [(write.operation, write.outcome) for write in audit.writes] == [("charges.add", "done"), ("charges.reverse", "done")]


def test_a_charge_is_reversed_once_and_only_in_its_account(facade: Open) -> None:
    main = facade()
    (added,) = main.call(lambda b: b.charges.add([charge()]))
    with pytest.raises(NotFound):
        main.call(lambda b: b.charges.reverse("270", [added.id]))
    (reversal,) = main.call(lambda b: b.charges.reverse("269", [added.id]))

    for charge_id in (added.id, reversal.id):
        with pytest.raises(Conflict):
            reverse(main, charge_id)


def test_charges_of_one_call_go_together_and_all_faults_are_told(facade: Open, books: MemoryStore) -> None:
    with pytest.raises(InvalidDraft) as refused:
        facade().call(lambda b: b.charges.add([charge("0"), charge("0.001", account_id="270")]))

    assert [fault.path for fault in refused.value.faults] == ["$", "$[0].amount", "$[1].amount"]
    with pytest.raises(InvalidDraft, match="there are no charges"):
        facade().call(lambda b: b.charges.add([]))
    assert books.charges() == []


# What a backend cannot do


class ReadsOnly(MemoryProvider):
    """Declares one operation and says of another what to do instead."""

    capabilities = Capabilities(
        {
            Operation.CREDITS_LIST_ACCOUNT: Capability(Grade.NATIVE),
            Operation.CREDITS_CREATE: Capability(Grade.UNSUPPORTED, note="credits come from elsewhere", instead="charges.add"),
        }
    )

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        assert query.account is not None, "an undeclared operation reached the provider"
        return super().list_credits(query, at)


REFUSED: dict[str, Callable[[Any, Credit], Any]] = {
    "credits.list": lambda b, _: b.credits.list(),
    "credits.list(invoice=)": lambda b, _: b.credits.list(invoice="9001"),
    "credits.list(allocations=True)": lambda b, _: b.credits.list("269", allocations=True),
    "credits.get": lambda b, credit: b.credits.get(credit.id),
    "credits.create": lambda b, _: b.credits.create(draft()),
    "credits.find": lambda b, _: b.credits.find(key="k"),
    "credits.allocate": lambda b, credit: b.credits.allocate(credit, [spend("1")]),
    "credits.deallocate": lambda b, credit: b.credits.deallocate(credit, ["a"]),
    "credits.void": lambda b, credit: b.credits.void(credit),
    "charges.list(account=)": lambda b, _: b.charges.list("269"),
    "charges.list(policy=)": lambda b, _: b.charges.list(policy="p"),
    "charges.list(transaction=)": lambda b, _: b.charges.list(transaction="t"),
    "charges.add": lambda b, _: b.charges.add([charge()]),
    "charges.reverse": lambda b, _: b.charges.reverse("269", ["1"]),
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_is_not_declared_is_refused_when_it_is_asked(facade: Open, books: MemoryStore, operation: str) -> None:
    books.create(draft(), None, NOW)
    (credit,) = books.credits(allocations=True)

    with pytest.raises(UnsupportedOperation) as refused:
        facade(ReadsOnly).call(lambda b: REFUSED[operation](b, credit))
    assert (refused.value.backend, refused.value.operation) == ("main", operation)
    assert books.credits(allocations=True) == [credit]
    assert books.charges() == []


def test_a_refusal_says_why_and_what_would_do_instead(facade: Open) -> None:
    with pytest.raises(UnsupportedOperation) as refused:
        facade(ReadsOnly).call(lambda b: b.credits.create(draft()))

    assert str(refused.value) == "backend 'main' cannot do credits.create: credits come from elsewhere; instead: charges.add"


def test_what_is_declared_works_beside_what_is_not(facade: Open, books: MemoryStore) -> None:
    books.create(draft(), None, NOW)

    assert len(facade(ReadsOnly).records(lambda b: b.credits.list("269"))) == 1


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (Operation.CREDITS_CREATE_ALLOCATED, lambda b: b.credits.create(draft(allocations=(spend("1"),)))),
        (Operation.CREDITS_AUTO_APPLY, lambda b: b.credits.create(draft(auto_apply=True))),
        (Operation.CREDITS_FIND, lambda b: b.credits.create(draft(), key="k")),
    ],
    ids=["allocations", "auto-apply", "key"],
)
def test_a_part_of_create_that_is_not_supported_is_refused_and_the_rest_works(
    facade: Open, books: MemoryStore, operation: Operation, wanted: Callable[[Any], Any]
) -> None:
    class Lacking(MemoryProvider):
        capabilities = Capabilities({known: Capability(Grade.NATIVE) for known in Operation if known is not operation})

    main = facade(Lacking)
    with pytest.raises(UnsupportedOperation) as refused:
        main.call(wanted)
    assert refused.value.operation == operation
    assert books.credits(allocations=False) == []
    assert main.call(lambda b: b.credits.create(draft())).amount == 50


def test_a_read_only_backend_reads_and_refuses_writes(facade: Open, books: MemoryStore) -> None:
    main = facade(read_only=True)

    with pytest.raises(UnsupportedOperation, match="read_only"):
        main.call(lambda b: b.credits.create(draft()))
    assert main.records(lambda b: b.credits.list()) == books.credits(allocations=True) == []


# Observers


class Failing:
    """An observer with a fault of its own."""

    @hookimpl
    def unibill_write_settled(self, event: WriteSettled) -> None:
        raise ZeroDivisionError(event.operation)

    @hookimpl
    def unibill_page_read(self, event: PageRead) -> None:
        raise ZeroDivisionError(event.operation)


def test_a_failing_observer_is_logged_and_harms_neither_the_work_nor_the_others(
    facade: Open, audit: Audit, caplog: pytest.LogCaptureFixture
) -> None:
    main = facade(observers=(Failing(),))
    with caplog.at_level(logging.ERROR, "unibill"):
        made = main.call(lambda b: b.credits.create(draft()))
        assert main.records(lambda b: b.credits.list("269", allocations=True)) == [made]

    assert [write.record_id for write in audit.writes] == [made.id]
    assert len(audit.pages) == 1
    assert [record.getMessage().rpartition(" failed on ")[2] for record in caplog.records] == ["WriteSettled", "PageRead"]


def test_an_observer_with_a_misspelt_hook_is_refused(facade: Open) -> None:
    class Misspelt:
        @hookimpl
        def unibill_write_setled(self, event: WriteSettled) -> None:
            """Never called."""

    with pytest.raises(unibill.PluginError, match="unibill_write_setled"):
        facade(observers=(Misspelt(),))


def test_a_write_that_was_interrupted_is_audited_as_unknown(facade: Open, audit: Audit) -> None:
    class Interrupted(MemoryProvider):
        def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
            yield from super().create_credit(draft, mark, done)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        facade(Interrupted).call(lambda b: b.credits.create(draft()))
    assert [write.outcome for write in audit.writes] == ["unknown"]


# Many at once


def test_many_threads_share_a_facade(books: MemoryStore, request: pytest.FixtureRequest) -> None:
    provider = MemoryProvider(MemorySettings(store=request.node.nodeid))
    with unibill.connect(provider) as billing:
        credit = billing.credits.create(draft("100"))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: billing.credits.allocate(credit, [spend("1")]), range(40)))
        assert billing.credits.get(credit.id).applied == 40
    assert books.outstanding("9001") == 60


def test_many_tasks_share_a_facade(books: MemoryStore, request: pytest.FixtureRequest) -> None:
    async def work() -> None:
        async with unibill.aconnect(MemoryProvider(MemorySettings(store=request.node.nodeid))) as billing:
            credit = await billing.credits.create(draft("100"))
            await asyncio.gather(*(billing.credits.allocate(credit, [spend("1")]) for _ in range(40)))
            assert (await billing.credits.get(credit.id)).applied == 40

    asyncio.run(work())
    assert books.outstanding("9001") == 60


def test_threads_that_write_to_one_credit_wait_for_each_other(books: MemoryStore, request: pytest.FixtureRequest) -> None:
    met: list[int] = []
    together = threading.Barrier(2, action=lambda: met.append(2))

    class Meeting(MemoryProvider):
        def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft], done: Done) -> Flow[Credit]:
            with suppress(threading.BrokenBarrierError):
                together.wait(0.3)
            return (yield from super().allocate(credit, drafts, done))

    with unibill.connect(Meeting(MemorySettings(store=request.node.nodeid))) as billing, ThreadPoolExecutor(2) as pool:
        credit = billing.credits.create(draft("100"))
        list(pool.map(lambda _: billing.credits.allocate(credit, [spend("1")]), range(2)))
    assert met == []
    assert books.outstanding("9001") == 98


def test_tasks_that_write_to_one_credit_wait_for_each_other(books: MemoryStore, request: pytest.FixtureRequest) -> None:
    inside: list[str] = []

    class Watching(MemoryProvider):
        def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft], done: Done) -> Flow[Credit]:
            inside.append("in")
            yield Sleep(0)
            after = yield from super().allocate(credit, drafts, done)
            inside.append("out")
            return after

    async def work() -> None:
        async with unibill.aconnect(Watching(MemorySettings(store=request.node.nodeid))) as billing:
            credit = await billing.credits.create(draft("100"))
            await asyncio.gather(*(billing.credits.allocate(credit, [spend("1")]) for _ in range(5)))

    asyncio.run(work())
    assert inside == ["in", "out"] * 5
    assert books.outstanding("9001") == 95


# Connecting and closing


def test_a_facade_tells_its_name_its_provider_and_what_it_can_do(facade: Open) -> None:
    billing = facade().billing

    assert (billing.name, billing.provider.name) == ("main", "memory")
    assert billing.capabilities is MemoryProvider.capabilities
    assert billing.native is store(billing.provider.settings.store)


def test_the_sync_and_the_async_facade_offer_the_same_with_the_same_arguments() -> None:
    def signatures(kind: type) -> dict[str, Any]:
        return {
            name: list(inspect.signature(method).parameters.values())
            for name, method in vars(kind).items()
            if callable(method) and name[0] != "_"
        }

    for sync, asynchronous in ((Credits, AsyncCredits), (Charges, AsyncCharges)):
        assert signatures(sync) == signatures(asynchronous)
    for_runs = "limit"  # shares a backend with other processes; runs are blocking
    offered = [name for name in vars(unibill.Billing) if name[0] != "_" and name != for_runs]
    assert offered == [name for name in vars(unibill.AsyncBilling) if name[0] != "_"]


def test_a_state_of_an_account_is_read_through_the_provider(facade: Open) -> None:
    main = facade()
    main.call(lambda b: b.credits.create(draft("50", allocations=(spend("20"),))))

    assert main.call(lambda b: b.run(b.provider.account_state("269"))) == AccountState("269", None, {"USD": Decimal(30)})
    with pytest.raises(NotFound, match="no account 270"):
        main.call(lambda b: b.run(b.provider.account_state("270")))
