"""Facades over the memory provider, sync and async in turn."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

import unibill
from tests.facade.asking import NOW, Audit, Open
from tests.support.facades import Facade
from unibill.testing.memory import MemoryProvider, MemorySettings, MemoryStore, reset, store


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
