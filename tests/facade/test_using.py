"""Observers, many requests at once, connecting and closing, on both drivers."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

import unibill
from tests.facade.asking import Audit, Open, draft, spend
from unibill import (
    AllocationDraft,
    CreditDraft,
    NotFound,
    hookimpl,
)
from unibill.aio import AsyncCharges, AsyncCredits
from unibill.events import PageRead, WriteSettled
from unibill.facade import Charges, Credits
from unibill.flow import Done, Flow, Sleep
from unibill.model import Credit
from unibill.provider import AccountState
from unibill.testing.memory import MemoryProvider, MemorySettings, MemoryStore, store

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
