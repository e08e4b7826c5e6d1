"""Every operation on credits, on both drivers."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

import unibill
from tests.facade.asking import NOW, Audit, Open, allocate, create, draft, spend
from unibill import (
    Conflict,
    CreditDraft,
    InvalidDraft,
    InvalidQuery,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Status,
)
from unibill.events import PageRead, WriteSettled
from unibill.flow import Done, Flow
from unibill.losses import Loss
from unibill.model import Credit
from unibill.testing.memory import MemoryProvider, MemoryStore

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
