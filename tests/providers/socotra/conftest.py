from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import pytest
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.sandbox import SocotraSandbox, records
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.identity import SteppingClock, micros_of
from unibill_socotra.sandbox.tenant import TENANT, TOKEN
from unibill_socotra.settings import SocotraSettings

from unibill import exactjson, http
from unibill.flow import Flow, Step
from unibill.model import Credit
from unibill.provider import CreditQuery
from unibill.sandbox import Sandbox

T = TypeVar("T")

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


@dataclass
class Live:
    """A provider, a transport to a sandbox of its own, and the steps that its flows wanted kept."""

    provider: SocotraProvider
    transport: http.Transport
    system: SocotraSandbox
    sandbox: Sandbox
    steps: list[Step] = field(default_factory=list[Step])

    def run(self, flow: Flow[T]) -> T:
        return self.transport.run(flow, self.steps.append)

    def account(self, **plans: str) -> str:
        return self.system.engine.add_account(**plans).locator

    def charge(self, account: str, amount: str, kind: str = "GoodwillCredit", mode: Any = "immediate", tag: str | None = None) -> str:  # noqa: ANN401 - one of three words
        charge = NewCharge(Decimal(amount), kind, tag)
        return self.system.engine.charges.add(account, [charge], mode, "USD")[0].locator

    def bill(self, account: str, amount: str, currency: str = "USD") -> str:
        """An open invoice."""
        made = self.system.engine.charges.add(account, [NewCharge(Decimal(amount), "ServiceFee")], "immediate", currency)
        return made[0].invoice_locator or ""

    def balance(self, account: str, currency: str = "USD") -> Decimal:
        return self.system.engine.balance(account, currency)

    def open_amount(self, invoice: str) -> Decimal:
        return self.system.engine.core.store.get(records.Invoice, invoice).total_remaining_amount

    def credits(self, account: str, *, include_reversed: bool = False, allocations: bool = True) -> list[Credit]:
        """Every page of the account's credits."""
        wanted = CreditQuery(account, include_reversed=include_reversed, allocations=allocations)
        page = self.run(self.provider.list_credits(wanted, None))
        found = list(page.items)
        while page.next is not None:
            page = self.run(self.provider.list_credits(wanted, page.next))
            found += page.items
        return found

    def credit(self, account: str, credit_id: str) -> Credit:
        return next(credit for credit in self.credits(account, include_reversed=True) if credit.id == credit_id)

    def sent(self) -> list[str]:
        prefix = f"/billing/{TENANT}"
        return [f"{entry.method} {entry.path.removeprefix('/socotra').removeprefix(prefix)}" for entry in self.sandbox.requests()]


OpenLive = Callable[..., AbstractContextManager[Live]]


@contextmanager
def living(settings: Mapping[str, object], switches: Mapping[str, str]) -> Iterator[Live]:
    systems: list[SocotraSandbox] = []

    def make(database: Any, chosen: Any) -> SocotraSandbox:  # noqa: ANN401 - passed on
        clock = SteppingClock(micros_of("2026-05-04T10:00:00.123456Z"), 1_000_777)
        systems.append(SocotraSandbox(database, chosen, clock=clock))
        return systems[0]

    with Sandbox({"socotra": make}, switches={"socotra": dict(switches)}) as sandbox, sandbox.serve() as served:
        known = {"credit_charge_type": "GoodwillCredit", "reversal_type": "migration", **systems[0].backend(served.url)}
        chosen = SocotraSettings.model_validate({**known, **settings})
        provider = SocotraProvider(chosen)
        with closing(http.Transport("new", provider.endpoint(), chosen)) as transport:
            yield Live(provider, transport, systems[0], sandbox)


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
