"""What the conformance suite must know of a provider and of the backend that it is tried on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from unibill import plugins
from unibill.capabilities import Operation
from unibill.connecting import connect
from unibill.drafts import AllocationDraft, CreditDraft
from unibill.facade import Billing
from unibill.flow import Flow
from unibill.hookspecs import hookimpl
from unibill.model import Credit
from unibill.plugins import AnyProvider
from unibill.provider import At, BackendSettings, Clock, CreditQuery, Page, system_clock
from unibill.testing.evidence import Witness

if TYPE_CHECKING:
    from unibill.events import RequestSettled
    from unibill.sandbox import Sandbox
    from unibill.testing.recorder import Origin


MOST_CALLS: Final = 5000
"""No test of the suite reads so many pages."""


class RequestCounter:
    """Counts the requests of backends: the log of those that have no other."""

    def __init__(self) -> None:
        self.count = 0

    @hookimpl
    def unibill_request_settled(self, event: "RequestSettled") -> None:
        """Count one."""
        del event
        self.count += 1


@dataclass
class Subject:
    """One provider on one backend that may be filled and emptied at will.

    Attributes:
        provider: the provider's name, as its entry point has it.
        settings: of the backend.
        account: an account without credits, which takes ``currency``.
        other_account: another one.
        currency: of the account, with two decimals if the vendor has such.
        invoices: open invoices of the account, each with at least 100 outstanding; for providers that allocate.
        missing_account: an id as the vendor writes them, of no account.
        missing_credit: the same, of no credit.
        accounts: an account for every currency that money is tried in; those with 0, 2 and 3 decimals if the vendor takes them.
        largest: an amount beyond 2**53 that the vendor takes; None where it takes none.
        words: the JSON fields of a credit that hold one of a documented list of words, with the lists.
        charge_words: the same of a charge.
        charge_type: a type for charges, where the vendor has types.
        policy: a policy with charges; where the vendor has policies.
        transaction: a transaction with charges; where the vendor has them.
        sandbox: the sandbox behind the backend, for faults and its log of requests; None where there is none.
        origin: what a passed test proves: ``sandbox``, or ``live`` where the vendor's own system is behind the backend. On a
            cassette it is ``unibill_billing.origin``.
        draft_defaults: more fields of every draft, where the vendor demands them.
        clock: tells the time to the provider; on a cassette it is ``unibill_billing.clock``.
    """

    provider: str
    settings: BackendSettings
    account: str
    other_account: str
    currency: str
    missing_account: str
    missing_credit: str
    invoices: Sequence[str] = ()
    accounts: Mapping[str, str] = field(default_factory=dict[str, str])
    largest: Decimal | None = None
    words: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    charge_words: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    charge_type: str | None = None
    policy: str | None = None
    transaction: str | None = None
    sandbox: "Sandbox | None" = None
    draft_defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    origin: "Origin" = "sandbox"
    clock: Clock = system_clock
    counter: RequestCounter = field(default_factory=RequestCounter)
    witness: Witness = field(default_factory=Witness)

    @cached_property
    def kind(self) -> type[AnyProvider]:
        """The provider's class."""
        return plugins.load(self.provider)

    def usable(self, operation: Operation) -> bool:
        """Whether the provider declares that it can."""
        return self.kind.capabilities.of(operation).usable

    @contextmanager
    def open(self, **changes: object) -> Iterator[Billing]:
        """A connection to the backend, with other values for some settings."""
        with connect(self.made(**changes), observers=[self.counter, self.witness]) as billing:
            self.witness.watch(billing)
            yield billing

    def made(self, **changes: object) -> AnyProvider:
        """The provider itself, with other values for some settings."""
        settings = type(self.settings).model_validate({**_values(self.settings), **changes}) if changes else self.settings
        return _bounded(self.kind(settings, self.clock))

    def sent(self) -> int:
        """How many requests were sent so far, by the sandbox's log or else by what the driver told."""
        return len(self.sandbox.requests()) if self.sandbox is not None else self.counter.count

    def draft(
        self,
        amount: str | Decimal = "10.10",
        *,
        account: str | None = None,
        currency: str | None = None,
        **more: Any,  # noqa: ANN401 - fields of a draft
    ) -> CreditDraft:
        """A credit that the vendor can hold."""
        fields: dict[str, Any] = {"memo": "conformance", "issued_on": date(2026, 5, 4), **self.draft_defaults, **more}
        return CreditDraft(account_id=account or self.account, currency=currency or self.currency, amount=Decimal(amount), **fields)

    def to_invoice(self, place: int, amount: str) -> AllocationDraft:
        """An allocation to one of the invoices."""
        return AllocationDraft(target_id=self.invoices[place], amount=Decimal(amount))


def _bounded(provider: AnyProvider) -> AnyProvider:
    """The provider, whose lists end with an error where it goes round in circles and asks nobody, which nothing else would notice."""
    original, pages = provider.list_credits, count(1)

    def list_credits(query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        if next(pages) > MOST_CALLS:
            raise AssertionError(f"list_credits was called {MOST_CALLS} times in one test, at last for {query} at {at!r}: it does not end")
        return original(query, at)

    provider.list_credits = list_credits  # type: ignore[method-assign]  # of this one instance
    return provider


def _values(settings: BackendSettings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in type(settings).model_fields}
