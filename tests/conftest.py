"""What the tests of the core share."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tests.support.drivers import HEADER, SECRET, AsyncDriver, Driver, SyncDriver
from tests.support.server import Server, serve
from unibill.events import RequestSettled
from unibill.http import Observe
from unibill.provider import BackendSettings, Endpoint
from unibill.testing.network import block_network

# A busy machine is not a failure, and CI repeats the same examples: what it finds is the change's doing.
settings.register_profile("suite", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.register_profile("few", settings.get_profile("suite"), max_examples=20)
settings.load_profile("suite")

# A shell has what it starts in the background ignore Ctrl-C, and children inherit that; tests that send it want it heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MakeDriver = Callable[..., Driver]


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """No test of the suite leaves this machine."""
    with block_network():
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    """A server whose answers the test writes."""
    with serve() as server:
        yield server


@pytest.fixture
def events() -> list[RequestSettled]:
    """What the drivers told of each try."""
    return []


@pytest.fixture(params=["sync", "async"])
def driver(request: pytest.FixtureRequest, server: Server, events: list[RequestSettled]) -> Iterator[MakeDriver]:
    """Makes a driver for the server, sync and async in turn; other keywords are settings."""
    yield from drivers(request.param, server, events)


def drivers(kind_of: str, server: Server, events: list[RequestSettled]) -> Iterator[MakeDriver]:
    """What makes drivers: sync or async, with the library that sends behind a hyphen where it is not httpx."""
    how, _, transport = kind_of.partition("-")
    kind = SyncDriver if how == "sync" else AsyncDriver
    made: list[Driver] = []

    def make(base_url: str = "", observe: Observe = events.append, **settings: object) -> Driver:
        address = base_url or server.url
        endpoint = Endpoint(address, {"authorization": HEADER}, (SECRET,))
        known = {"base_url": address, "timeout": 5, "transport": transport or "httpx", **settings}
        made.append(kind(endpoint, BackendSettings.model_validate(known), observe))
        return made[-1]

    yield make
    for each in made:
        each.close()
