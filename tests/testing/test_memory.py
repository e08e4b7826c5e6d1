"""The memory provider: what it keeps, what it refuses, and that a refusal changes nothing."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unibill
from unibill import marks, plugins
from unibill.capabilities import Operation
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import Conflict, NotFound, Rejected, UnsupportedOperation
from unibill.flow import Flow, Request, Step
from unibill.model import ChargeCategory, Credit, CreditKind, Direction, Invoicing, Status, TargetType
from unibill.provider import AccountState, CreditQuery
from unibill.testing import memory
from unibill.testing.memory import MemoryProvider, MemorySettings, MemoryStore

T = TypeVar("T")
NOW = datetime(2026, 4, 5, 12, tzinfo=UTC)


@pytest.fixture
def books() -> Iterator[MemoryStore]:
    books = memory.store("memory-tests")
    books.add_invoice("9001", account="269", currency="USD", amount=Decimal("100.00"), number="INV-1")
    yield books
    memory.reset("memory-tests")


@pytest.fixture
def provider(books: MemoryStore) -> MemoryProvider:
    assert books is memory.store("memory-tests")
    return MemoryProvider(MemorySettings(store="memory-tests"), lambda: NOW)


def run(flow: Flow[T], steps: list[Step] | None = None) -> T:
    try:
        item = next(flow)
        while True:
            assert not isinstance(item, Request), "the memory provider made a request"
            if isinstance(item, Step) and steps is not None:
                steps.append(item)
            item = flow.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value


def draft(
    amount: str = "50.00", *allocations: AllocationDraft, currency: str = "USD", account_id: str = "269", memo: str | None = None
) -> CreditDraft:
    return CreditDraft(account_id=account_id, currency=currency, amount=Decimal(amount), allocations=allocations, memo=memo)


def spend(
    amount: str, target_id: str | None = "9001", target_number: str | None = None, target_type: TargetType = TargetType.INVOICE
) -> AllocationDraft:
    return AllocationDraft(amount=Decimal(amount), target_id=target_id, target_number=target_number, target_type=target_type)


# Stores


def test_backends_with_one_store_see_the_same_and_others_do_not(provider: MemoryProvider) -> None:
    made = run(provider.create_credit(draft(), None, {}))
    twin, stranger = MemoryProvider(MemorySettings(store="memory-tests")), MemoryProvider(MemorySettings(store="memory-strangers"))

    assert run(twin.get_credit(made.id, None)) == made
    assert run(stranger.list_credits(CreditQuery(), None)).items == []
    assert provider.identity() == twin.identity() != stranger.identity()


def test_a_reset_empties_a_store_also_for_those_who_hold_it_and_leaves_others(provider: MemoryProvider, books: MemoryStore) -> None:
    other = memory.store("memory-other")
    other.add_account("1")
    run(provider.create_credit(draft(), None, {}))
    memory.reset("memory-tests")

    assert books.credits(allocations=False) == []
    assert run(provider.create_credit(draft(), None, {})).id == "credit-1"
    assert other.account_state("1") == AccountState("1", None, {})
    memory.reset()
    with pytest.raises(NotFound):
        other.account_state("1")


def test_ids_are_taken_only_once(books: MemoryStore, provider: MemoryProvider) -> None:
    credit = run(provider.create_credit(draft(), None, {}))

    with pytest.raises(ValueError, match="invoice 9001 already"):
        books.add_invoice("9001", account="269", currency="USD", amount=Decimal(1))
    with pytest.raises(ValueError, match="credit credit-1 already"):
        books.put_credit(credit)


def test_a_credit_of_any_kind_is_kept_as_it_is(books: MemoryStore, provider: MemoryProvider) -> None:
    planted = Credit(
        id="d-1",
        provider="memory",
        account_id="270",
        kind=CreditKind.DISBURSEMENT,
        direction=Direction.FROM_ACCOUNT,
        status=Status.PENDING,
        remote_status="queued",
        currency="JPY",
        amount=Decimal(500),
        memo="a memo",
        mark=marks.key_mark("x"),
        allocations=(),
        extra={"odd": Decimal("0.10")},
    )
    books.put_credit(planted)

    assert run(provider.get_credit("d-1", "270")) == planted.replace(applied=Decimal(0), remaining=Decimal(0))
    assert run(provider.find_marked(None, {marks.key_mark("x")}))[0].id == "d-1"


# Plugin


def test_it_is_a_whole_plugin_with_every_operation_native() -> None:
    plugins.check(memory.unibill_provider(), "memory", "the memory provider")

    manager = plugins.new_manager()
    manager.register(memory)
    manager.check_pending()
    assert manager.hook.unibill_provider() == [MemoryProvider]
    assert all(MemoryProvider.capabilities.of(operation).usable for operation in Operation)
    assert set(MemoryProvider.capabilities.credit_fields) == set(Credit.__struct_fields__)


def test_its_default_settings_are_enough_to_connect() -> None:
    with unibill.connect(MemoryProvider(MemorySettings())) as billing:
        assert billing.native is memory.store()


# Credits


def test_a_credit_is_kept_with_its_mark_out_of_sight_at_the_start_of_its_memo(provider: MemoryProvider) -> None:
    mark = marks.key_mark("order-17")
    credit = run(provider.create_credit(draft(memo="for the delay"), mark, {}))

    assert (credit.mark, credit.memo, credit.issued_on, credit.created_at) == (mark, "for the delay", date(2026, 4, 5), NOW)
    assert run(provider.create_credit(draft(), mark, {})).memo is None
    assert len(run(provider.find_marked("269", {mark}))) == 2
    assert run(provider.find_marked("270", {mark})) == []
    assert run(provider.find_marked(None, [])) == []


def test_a_write_is_a_step_before_and_a_step_after_and_is_not_done_again(provider: MemoryProvider, books: MemoryStore) -> None:
    steps: list[Step] = []
    credit = run(provider.create_credit(draft(), None, {}), steps)

    assert [(step.name, step.done) for step in steps] == [("create", False), ("create", True)]
    assert run(provider.create_credit(draft(), None, {"create": steps[1].data})) == credit
    assert len(books.credits(allocations=False)) == 1


def test_targets_are_named_by_number_too(provider: MemoryProvider) -> None:
    credit = run(provider.create_credit(draft("50", spend("20", None, "INV-1")), None, {}))

    assert credit.allocations is not None
    assert credit.allocations[0].target.id == "9001"


def test_targets_other_than_invoices_are_taken_as_they_are(provider: MemoryProvider, books: MemoryStore) -> None:
    credit = run(provider.create_credit(draft("500", spend("200", "9001", target_type=TargetType.ACCOUNT)), None, {}))

    assert credit.applied == 200
    assert books.outstanding("9001") == 100
    assert books.invoices_of(credit.id) == set()


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (draft("50", spend("20"), spend("1", "404")), "no invoice 404"),
        (draft("500", spend("20"), spend("80.01")), "100.01 USD is more than the 100.00 outstanding on invoice 9001"),
        (draft("500", spend("20"), currency="ZAR"), "in USD"),
        (draft("500", spend("20"), account_id="270"), "account 269's"),
        (draft("50", spend("50.01")), "more than the 50 that remain"),
    ],
    ids=["unknown", "outstanding", "currency", "account", "remaining"],
)
def test_a_refused_credit_leaves_nothing_behind(provider: MemoryProvider, books: MemoryStore, wanted: CreditDraft, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        run(provider.create_credit(wanted, None, {}))

    assert books.credits(allocations=False) == []
    assert books.outstanding("9001") == 100
    with pytest.raises(NotFound):
        books.account_state("270")


def test_an_account_of_one_currency_takes_no_other(provider: MemoryProvider, books: MemoryStore) -> None:
    books.add_account("271", currency="ZAR")

    with pytest.raises(Rejected, match="kept in ZAR, not USD"):
        run(provider.create_credit(draft(account_id="271"), None, {}))
    assert run(provider.account_state("271")) == AccountState("271", "ZAR", {})


def test_a_refused_allocation_leaves_what_stood(provider: MemoryProvider, books: MemoryStore) -> None:
    credit = run(provider.create_credit(draft("50", spend("20")), None, {}))

    with pytest.raises(Rejected):
        run(provider.allocate(credit, [spend("5"), spend("30")], {}))
    with pytest.raises(NotFound, match="no standing allocation nothing"):
        run(provider.deallocate(credit, [str(credit.allocations[0].id) if credit.allocations else "", "nothing"], {}))
    assert run(provider.get_credit(credit.id, None)) == credit
    assert books.outstanding("9001") == 80


def test_a_voided_credit_takes_no_allocation(provider: MemoryProvider) -> None:
    credit = run(provider.create_credit(draft("50", spend("20")), None, {}))
    run(provider.void(credit, {}))
    after = run(provider.get_credit(credit.id, None))

    assert (after.status, after.reversed_at, after.applied, after.remaining) == (Status.VOID, NOW, Decimal(0), Decimal(0))
    with pytest.raises(Conflict, match="is void"):
        run(provider.allocate(credit, [spend("1")], {}))


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_pages_are_as_large_as_the_settings_say(books: MemoryStore, size: int) -> None:
    for i in range(1, 6):
        books.create(draft(str(i)), None, NOW)
    provider = MemoryProvider(MemorySettings(store="memory-tests", page_size=size))
    pages = [run(provider.list_credits(CreditQuery(), None))]
    while pages[-1].next is not None:
        pages.append(run(provider.list_credits(CreditQuery(), pages[-1].next)))

    assert [credit.amount for page in pages for credit in page.items] == [1, 2, 3, 4, 5]
    assert [len(page.items) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert run(provider.list_credits(CreditQuery(), 99)).items == []


def test_a_read_only_backend_writes_nothing(books: MemoryStore) -> None:
    provider = MemoryProvider(MemorySettings(store="memory-tests", read_only=True))

    with pytest.raises(UnsupportedOperation, match="read_only"):
        run(provider.add_charges([ChargeDraft(account_id="269", currency="USD", amount=Decimal(1))], {}))
    assert books.charges() == []


# Charges


def test_charges_are_kept_as_drafted(provider: MemoryProvider) -> None:
    mark = marks.key_mark("x")
    written = ChargeDraft(
        account_id="269",
        currency="USD",
        amount=Decimal("-5.00"),
        type="goodwill",
        invoicing=Invoicing.SCHEDULED,
        policy_id="p",
        transaction_id="t",
        element_id="e",
        element_static_id="s",
        tag=f"{mark} note",
    )
    minus, plus = run(provider.add_charges([written, ChargeDraft(account_id="269", currency="USD", amount=Decimal(1))], {}))

    assert (minus.type, minus.category, minus.invoicing, minus.tag, minus.mark) == (
        "goodwill",
        ChargeCategory.CREDIT,
        Invoicing.SCHEDULED,
        "note",
        mark,
    )
    assert (minus.policy_id, minus.transaction_id, minus.element_id, minus.element_static_id) == ("p", "t", "e", "s")
    assert (plus.type, plus.category, plus.invoicing) == ("none", ChargeCategory.NONE, Invoicing.NEXT)


def test_a_reversal_of_several_charges_undoes_all_or_none(provider: MemoryProvider, books: MemoryStore) -> None:
    first, second = run(
        provider.add_charges([ChargeDraft(account_id="269", currency="USD", amount=Decimal(amount)) for amount in ("-5.00", "7")], {})
    )
    with pytest.raises(NotFound, match="no charge charge-9"):
        run(provider.reverse_charges("269", [first.id, "charge-9"], Invoicing.NEXT, {}))
    assert books.charges() == [first, second]

    undone = run(provider.reverse_charges("269", [first.id, second.id], Invoicing.NEXT, {}))
    assert [(charge.reversal_of, charge.amount) for charge in undone] == [(first.id, Decimal(5)), (second.id, Decimal(-7))]


# Threads, and money


def test_many_threads_spend_an_invoice_no_further_than_it_goes(provider: MemoryProvider, books: MemoryStore) -> None:
    start = threading.Barrier(8)

    def work(_: int) -> int:
        start.wait(5)
        done = 0
        for _ in range(25):
            try:
                run(provider.create_credit(draft("1", spend("1")), None, {}))
            except Rejected:
                continue
            done += 1
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 100
    assert books.outstanding("9001") == 0
    assert len({credit.id for credit in books.credits(allocations=False)}) == 100


@given(
    st.lists(st.tuples(st.sampled_from(["create", "allocate", "deallocate", "void"]), st.integers(0, 5), st.integers(1, 60)), max_size=25)
)
def test_whatever_happens_amounts_add_up(moves: list[tuple[str, int, int]]) -> None:
    name = "memory-property"
    memory.reset(name)
    books = memory.store(name)
    books.add_invoice("1", account="269", currency="USD", amount=Decimal(100))
    provider = MemoryProvider(MemorySettings(store=name))
    for move, which, amount in moves:
        credits = books.credits(allocations=True)
        chosen = credits[which % len(credits)] if credits else None
        try:
            if move == "create" or chosen is None:
                run(provider.create_credit(draft(str(amount)), None, {}))
            elif move == "allocate":
                run(provider.allocate(chosen, [spend(str(amount), "1")], {}))
            elif move == "deallocate":
                run(provider.deallocate(chosen, [str(a.id) for a in chosen.allocations or () if a.reversed_at is None][:1], {}))
            else:
                run(provider.void(chosen, {}))
        except (Rejected, NotFound):
            pass
        credits = books.credits(allocations=True)
        applied = sum((credit.applied or Decimal(0) for credit in credits), Decimal(0))
        assert books.outstanding("1") == 100 - applied >= 0
        assert all(credit.remaining is not None and credit.remaining >= 0 for credit in credits)
        assert all(
            (credit.applied or 0) + (credit.remaining or 0) == credit.amount for credit in credits if credit.status is not Status.VOID
        )
