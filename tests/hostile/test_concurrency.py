"""Several threads, tasks and facades at once: nothing is spent twice, and who leaves early leaves nothing behind."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.settings import SocotraSettings

import unibill
from tests.copying.conftest import customer, invoice, note
from tests.support.server import Answer, Raw, Reply, Seen, Server
from unibill import AllocationDraft, CreditDraft, exactjson, plugins
from unibill.errors import Conflict, UnibillError
from unibill.events import WriteSettled
from unibill.http import without_waiting
from unibill.provider import BackendSettings
from unibill.sandbox import Sandbox
from unibill.testing.memory import MemorySettings
from unibill.testing.memory_store import MemoryStore

WRITERS = 8


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Nothing waits between tries."""
    with without_waiting():
        yield


class World:
    """One backend with a credit of 100, and what of it was spent, by its own books."""

    def __init__(self, settings: BackendSettings, account: str, invoice: str, currency: str) -> None:
        self.settings = settings
        self.account, self.invoice, self.currency = account, invoice, currency

    def draft(self, amount: str = "100") -> CreditDraft:
        return CreditDraft.model_validate({"account_id": self.account, "currency": self.currency, "amount": amount, "number": "n-1"})

    def part(self, amount: str = "30") -> AllocationDraft:
        return AllocationDraft.model_validate({"target_id": self.invoice, "amount": amount})

    def spent(self, billing: unibill.Billing, credit_id: str) -> Decimal:
        credit = billing.credits.get(credit_id, account=self.account)
        assert credit.allocations is not None
        return sum((item.amount for item in credit.allocations if item.reversed_at is None), Decimal(0))


@contextmanager
def billagain() -> Iterator[World]:
    system = plugins.load("billagain").sandbox()
    assert system is not None
    with Sandbox([system], switches={"billagain": {"empty-allocations": "accept"}}) as sandbox, sandbox.serve() as serving:
        rows = [customer(11, "USD"), invoice(31, 11, "1000"), note(101, 11, "7")]
        sandbox.seed("records", records=[{"system": "billagain", **row} for row in rows])
        served: Any = serving.backends["billagain"]
        yield World(BillAgainSettings(**served), "11", "31", "USD")


@contextmanager
def socotra() -> Iterator[World]:
    system = plugins.load("socotra").sandbox()
    assert system is not None
    with Sandbox([system]) as sandbox, sandbox.serve() as serving:
        sandbox.seed("documented")
        row = next(row for row in sandbox.books() if row["type"] == "invoice" and row["locator"] == "01JBAS3SK5ABDPV2E32GNXW7Z6")
        served: Any = serving.backends["socotra"]
        settings = SocotraSettings(**served, credit_charge_type="GoodwillCredit", reversal_type="migration")
        yield World(settings, str(row["accountLocator"]), str(row["locator"]), str(row["currency"]))


@contextmanager
def memory() -> Iterator[World]:
    name = f"concurrency-{time.monotonic_ns()}"
    store = MemoryStore.named(name)
    store.add_account("A", currency="USD")
    store.add_invoice("I", account="A", currency="USD", amount=Decimal(1000))
    yield World(MemorySettings(store=name), "A", "I", "USD")
    MemoryStore.forget(name)


WORLDS = [billagain, socotra, memory]


@pytest.fixture(params=WORLDS, ids=lambda world: world.__name__)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each vendor's sandbox in turn."""
    with request.param() as made:
        yield made


# Spending


@pytest.mark.parametrize("facades", ["one", "each"])
def test_threads_that_spend_one_credit_spend_no_more_than_there_is_and_lose_nothing(world: World, facades: str) -> None:
    """Three parts of 30 fit into 100; whoever is told that a record has changed reads it and tries again."""
    with unibill.connect(world.settings) as first:
        credit = first.credits.create(world.draft())
        others = [unibill.connect(world.settings) for _ in range(WRITERS)] if facades == "each" else [first] * WRITERS
        start = threading.Barrier(WRITERS)

        def spend(billing: unibill.Billing) -> bool:
            start.wait()
            for _ in range(WRITERS * 2):
                try:
                    billing.credits.allocate(billing.credits.get(credit.id, account=world.account), [world.part()])
                except Conflict:
                    continue
                except UnibillError:
                    return False
                return True
            return False

        try:
            with ThreadPoolExecutor(WRITERS) as pool:
                told = list(pool.map(spend, others))
        finally:
            for billing in others:
                billing.close()
        with unibill.connect(world.settings) as looking:
            assert world.spent(looking, credit.id) == 30 * sum(told) == 90


@pytest.mark.parametrize("facades", ["one", "each"])
def test_tasks_that_spend_one_credit_spend_no_more_than_there_is_and_lose_nothing(world: World, facades: str) -> None:
    async def work() -> tuple[str, list[bool]]:
        async with unibill.aconnect(world.settings) as first:
            credit = await first.credits.create(world.draft())
            others = [unibill.aconnect(world.settings) for _ in range(WRITERS)] if facades == "each" else [first] * WRITERS

            async def spend(billing: unibill.AsyncBilling) -> bool:
                for _ in range(WRITERS * 2):
                    try:
                        await billing.credits.allocate(await billing.credits.get(credit.id, account=world.account), [world.part()])
                    except Conflict:
                        continue
                    except UnibillError:
                        return False
                    return True
                return False

            told = await asyncio.gather(*map(spend, others))
            for billing in others:
                await billing.close()
            return credit.id, told

    credit_id, told = asyncio.run(work())
    with unibill.connect(world.settings) as looking:
        assert world.spent(looking, credit_id) == 30 * sum(told) == 90


@pytest.mark.parametrize("facades", ["one", "each"])
def test_threads_that_create_under_one_key_make_one_credit(world: World, facades: str) -> None:
    others = [unibill.connect(world.settings)] * WRITERS if facades == "one" else [unibill.connect(world.settings) for _ in range(WRITERS)]
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            made = {credit.id for credit in pool.map(lambda billing: billing.credits.create(world.draft(), key="order-17"), others)}
    finally:
        for billing in others:
            billing.close()
    assert len(made) == 1
    with unibill.connect(world.settings) as looking:
        assert [credit.id for credit in looking.credits.list(account=world.account) if credit.mark] == list(made)


def test_tasks_that_create_under_one_key_make_one_credit(world: World) -> None:
    async def work() -> set[str]:
        async with unibill.aconnect(world.settings) as billing:
            made = await asyncio.gather(*(billing.credits.create(world.draft(), key="order-17") for _ in range(WRITERS)))
            return {credit.id for credit in made}

    assert len(asyncio.run(work())) == 1


# Reading


def test_a_facade_is_read_from_many_threads_and_tasks_at_once(world: World) -> None:
    with unibill.connect(world.settings) as billing:
        billing.credits.create(world.draft())
        alone = [credit.id for credit in billing.credits.list(account=world.account, allocations=True)]
        assert alone
        with ThreadPoolExecutor(16) as pool:
            listed = list(
                pool.map(lambda _: [credit.id for credit in billing.credits.list(account=world.account, allocations=True)], range(48))
            )
    assert listed == [alone] * 48

    async def work() -> list[list[str]]:
        async with unibill.aconnect(world.settings) as awaitable:

            async def one() -> list[str]:
                return [credit.id async for credit in awaitable.credits.list(account=world.account, allocations=True)]

            return await asyncio.gather(*(one() for _ in range(48)))

    assert asyncio.run(work()) == [alone] * 48


# Leaving early

PAGE = 3


class Ledger:
    """A BillAgain of many pages, which knows what connections it has and can hold its breath."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.asked = threading.Event()
        self.hold = threading.Event()
        self.gone = threading.Event()
        server.respond = self.respond

    def settings(self, **more: object) -> BillAgainSettings:
        base = {"base_url": f"{self.server.url}/v1", "account": "1042", "api_key": "sesame-1", "page_size": PAGE, "retries": 0}
        return BillAgainSettings.model_validate({**base, **more})

    def respond(self, seen: Seen) -> Answer:
        found = re.search(r"[?&]page=(\d+)", seen.target)
        page = int(found[1]) if found else 0
        if page >= 3 or seen.method != "GET":
            self.asked.set()
            return Raw(self._never())
        rows = [
            {"creditNoteID": page * 10 + i, "customerID": 11, "Amount": 1, "CurrencyCode": "USD", "Status": "Open"} for i in range(PAGE)
        ]
        return Reply(200, exactjson.dumps(rows))

    def _never(self) -> Iterator[bytes]:
        """Says nothing until the client has gone, which it finds out by writing."""
        try:
            yield b"HTTP/1.1 200 OK\r\nx-a: "
            while not self.hold.wait(0.01):
                yield b"x"
        finally:
            self.gone.set()


@pytest.fixture
def ledger(server: Server) -> Iterator[Ledger]:
    """A vendor whose third page never comes."""
    made = Ledger(server)
    yield made
    made.hold.set()


@pytest.mark.parametrize("read_ahead", [1, 3])
def test_an_iterator_closed_early_leaves_no_request_behind(ledger: Ledger, read_ahead: int) -> None:
    settings = ledger.settings(read_ahead=read_ahead, deadline=1.0)
    with unibill.connect(settings) as billing:
        listed = billing.credits.list(account="11")
        assert next(listed).id
        started = time.monotonic()
        listed.close()
        assert time.monotonic() - started < 3
    if ledger.asked.is_set():
        assert ledger.gone.wait(5), "a page that nobody waits for was left under way"


@pytest.mark.parametrize("read_ahead", [1, 3])
def test_a_cancelled_task_leaves_no_connection_behind(ledger: Ledger, read_ahead: int) -> None:
    async def work() -> None:
        async with unibill.aconnect(ledger.settings(read_ahead=read_ahead)) as billing:

            async def drain() -> None:
                async for _ in billing.credits.list(account="11"):
                    pass

            task = asyncio.create_task(drain())
            assert await asyncio.to_thread(ledger.asked.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(ledger.gone.wait, 5), "the connection was left open"
            transport: Any = billing._transport
            assert transport._lanes.room.value == billing.provider.settings.concurrency, "a place was left taken"

    asyncio.run(work())


def test_an_async_iterator_closed_early_leaves_no_connection_behind(ledger: Ledger) -> None:
    async def work() -> None:
        async with unibill.aconnect(ledger.settings(read_ahead=3)) as billing:
            listed = billing.credits.list(account="11")
            assert (await anext(listed)).id
            await listed.aclose()
            if ledger.asked.is_set():
                assert await asyncio.to_thread(ledger.gone.wait, 5), "a page that nobody waits for was left under way"

    asyncio.run(work())


def test_a_write_that_is_cancelled_gives_its_turn_back_and_is_told_as_unknown(ledger: Ledger) -> None:
    told: list[str] = []

    class Audit:
        @unibill.hookimpl
        def unibill_write_settled(self, event: WriteSettled) -> None:
            told.append(event.outcome)

    async def work() -> None:
        async with unibill.aconnect(ledger.settings(), observers=[Audit()]) as billing:
            draft = CreditDraft.model_validate({"account_id": "11", "currency": "USD", "amount": "5.00", "number": "n-1"})
            for _ in range(2):
                ledger.asked.clear()
                ledger.gone.clear()
                task = asyncio.create_task(billing.credits.create(draft, key=None))
                assert await asyncio.to_thread(ledger.asked.wait, 5)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await asyncio.to_thread(ledger.gone.wait, 5)

    asyncio.run(work())
    assert told == ["unknown", "unknown"]


def test_reads_that_are_cancelled_all_at_once_take_up_no_place_in_the_pool(ledger: Ledger) -> None:
    async def work() -> list[str]:
        async with unibill.aconnect(ledger.settings(read_ahead=3, concurrency=3, timeout=2)) as billing:

            async def drain() -> list[str]:
                return [credit.id async for credit in billing.credits.list(account="11")]

            for _ in range(4):
                ledger.asked.clear()
                task = asyncio.create_task(drain())
                assert await asyncio.to_thread(ledger.asked.wait, 5)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            ledger.hold.set()
            ledger.server.respond = lambda _: Reply(200, b"[]")
            return await drain()

    assert asyncio.run(work()) == []
