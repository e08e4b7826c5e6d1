"""A provider on a Socotra sandbox of its own, for tests over real HTTP."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from unibill_socotra.provider import SocotraProvider
from unibill_socotra.sandbox import SocotraSandbox, records
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.identity import SteppingClock, micros_of
from unibill_socotra.sandbox.tenant import TENANT
from unibill_socotra.settings import SocotraSettings

from unibill import http
from unibill.flow import Flow, Step
from unibill.model import Credit
from unibill.provider import CreditQuery
from unibill.sandbox import Sandbox

T = TypeVar("T")


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
