from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.identity import SteppingClock, micros_of
from unibill_socotra.sandbox.tenant import TENANT, TOKEN

from tests.providers.socotra.living import Live, OpenLive, living
from unibill import exactjson, http
from unibill.sandbox import Sandbox

Ask = Callable[..., Any]
"""``ask(method, path, body, status=200, **query)``: the answer's JSON, numbers exact; ``/billing/x`` gets the tenant put in."""
OpenSocotra = Callable[..., AbstractContextManager[tuple[Ask, SocotraSandbox]]]


def asker(client: httpx.Client) -> Ask:
    def ask(method: str, path: str, body: object = None, status: int = 200, **query: object) -> Any:  # noqa: ANN401 - what JSON holds
        area, _, rest = path.lstrip("/").partition("/")
        content = None if body is None else exactjson.dumps(body)
        params = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()}
        answer = client.request(method, f"/{area}/{TENANT}/{rest}", content=content, params=params)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return exactjson.loads(answer.content)

    return ask


@contextmanager
def serving(switches: dict[str, str], **given: Any) -> Iterator[tuple[httpx.Client, SocotraSandbox]]:  # noqa: ANN401 - passed on
    systems: list[SocotraSandbox] = []

    def make(database: Any, settings: Any) -> SocotraSandbox:  # noqa: ANN401 - passed on
        clock = SteppingClock(micros_of("2026-05-04T10:00:00.123456Z"), 1_000_777)
        systems.append(SocotraSandbox(database, settings, **{"clock": clock, **given}))
        return systems[0]

    with (
        Sandbox({"socotra": make}, switches={"socotra": switches}) as sandbox,
        sandbox.serve() as served,
        httpx.Client(base_url=f"{served.url}/socotra", headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False) as client,
    ):
        yield client, systems[0]


@pytest.fixture(scope="session")
def open_socotra() -> OpenSocotra:
    """Starts an empty Socotra of its own, with switches as keyword arguments."""

    @contextmanager
    def opened(**switches: str) -> Iterator[tuple[Ask, SocotraSandbox]]:
        with serving({name.replace("_", "-"): value for name, value in switches.items()}) as (client, system):
            yield asker(client), system

    return opened


@pytest.fixture(scope="session")
def serve_socotra() -> Callable[..., AbstractContextManager[tuple[httpx.Client, SocotraSandbox]]]:
    """Starts an empty Socotra and gives the bare HTTP client."""
    return serving


@pytest.fixture(scope="session")
def _default() -> Iterator[tuple[httpx.Client, SocotraSandbox]]:
    with serving({}) as served:
        yield served


@pytest.fixture
def client(_default: tuple[httpx.Client, SocotraSandbox]) -> httpx.Client:
    """A client of an empty Socotra with the default switches."""
    client, system = _default
    system.reset()
    return client


@pytest.fixture
def socotra(_default: tuple[httpx.Client, SocotraSandbox], client: httpx.Client) -> SocotraSandbox:
    """The sandbox behind ``ask``."""
    assert client
    return _default[1]


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    return asker(client)


@pytest.fixture(scope="session")
def open_live() -> OpenLive:
    """Opens a provider on an empty Socotra; settings as a mapping, switches as keyword arguments."""

    def opened(settings: Mapping[str, object] | None = None, **switches: str) -> AbstractContextManager[Live]:
        return living(settings or {}, {name.replace("_", "-"): value for name, value in switches.items()})

    return opened


@pytest.fixture(scope="session")
def _live() -> Iterator[Live]:
    with living({}, {}) as live:
        yield live


@pytest.fixture
def live(_live: Live) -> Iterator[Live]:
    """A provider on an empty Socotra with the default switches; flows do not really wait."""
    _live.sandbox.reset()
    _live.steps.clear()
    with http.without_waiting():
        yield _live
