"""The facade, blocking: one way to work with any backend.

::

    with unibill.connect("main") as billing:
        for credit in billing.credits.list(account="269"):
            print(credit.amount, credit.remaining)

It may be used from many threads at once. Lists are lazy: a page is read when its first record is wanted; a question that
cannot be answered is refused when it is asked, not when its answer is read. ``unibill.aio`` is the awaitable twin.
"""

from collections.abc import Collection, Generator, Sequence
from contextlib import closing, nullcontext
from types import TracebackType
from typing import Any, Self, TypeVar

from unibill.base import Core, blocking_turns, names, outcome
from unibill.capabilities import Capabilities
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.flow import Flow
from unibill.http import Client, Keep, Transport
from unibill.losses import Loss
from unibill.model import Charge, Credit, Invoicing
from unibill.pacing import Paces, Permit, always
from unibill.paging import walk
from unibill.plugins import AnyProvider
from unibill.provider import ChargeQuery, CreditQuery

T = TypeVar("T")


class Credits:
    """Credits of a backend, blocking."""

    def __init__(self, billing: "Billing") -> None:
        self._billing = billing

    def list(
        self, account: str | None = None, *, invoice: str | None = None, include_reversed: bool = False, allocations: bool = False
    ) -> Generator[Credit, None, None]:
        """The credits of an account or of an invoice, or all of the backend; read page by page as they are wanted.

        Args:
            account: the vendor's id of the account (BillAgain: customer).
            invoice: the vendor's id of an invoice.
            include_reversed: undone credits too.
            allocations: load what each was spent on and what remains; some vendors need more requests for it.

        Raises:
            InvalidQuery: both an account and an invoice.
            UnsupportedOperation: the backend cannot answer it; nothing was sent.
            BackendError: while reading.
        """
        query = self._billing.core.operations.credit_query(account, invoice, include_reversed, allocations)
        return self._read(query)

    def _read(self, query: CreditQuery) -> Generator[Credit, None, None]:
        billing, provider = self._billing, self._billing.provider
        with billing.core.telemetry.listing(query.operation) as within:
            pages = walk(
                query.operation,
                lambda at: provider.list_credits(query, at),
                within.blocking(billing.run),
                provider.credit_pages(query),
                provider.settings.read_ahead,
                billing.name,
                lambda stop: billing.ended_by(stop, within),
            )
            with closing(pages):
                for items in pages:
                    billing.core.page(query.operation, len(items))
                    yield from items

    def get(self, credit_id: str, *, account: str | None = None) -> Credit:
        """One credit, with its allocations.

        Args:
            credit_id: as in ``Credit.id``.
            account: some vendors can find a credit only with it.

        Raises:
            NotFound: there is none.
        """
        return self._billing.read("credits.get", self._billing.core.operations.get_credit(credit_id, account))

    def losses(self, draft: CreditDraft, *, key: str | None = None) -> tuple[Loss, ...]:
        """What of a draft would not arrive at this backend. Sends nothing."""
        return self._billing.core.operations.losses_of_credit(draft, key)

    def create(self, draft: CreditDraft, *, key: str | None = None) -> Credit:
        """Create a credit.

        Args:
            draft: what to create.
            key: your own name for it, such as ``order-17``. Under a key the credit is looked for first and made at most
                once, however often you call, also from several threads of one process; two processes that create under one
                key at the same moment can both find nothing. Without a key, a lost answer leaves you to look for yourself.

        Returns:
            The credit as it now stands. What could not be written is among its findings (code ``not-written``).

        Raises:
            InvalidDraft: with every fault; nothing was sent.
            Conflict: the key was used for another credit, or the vendor did not keep its mark.
            OutcomeUnknown: no answer came; call again with the same key, or ``find`` it.
        """
        flow = self._billing.core.operations.create_credit(draft, key)
        with nullcontext() if key is None else blocking_turns.waited(self._billing.provider, "key", key):
            return self._billing.write("credits.create", draft.account_id, flow)

    def find(self, *, key: str, account: str | None = None) -> Credit | None:
        """The credit made under a key, or None.

        Args:
            key: as given to ``create``.
            account: the account of the draft; some vendors can look only there.
        """
        return self._billing.read("credits.find", self._billing.core.operations.find_credit(key, account))

    def allocate(self, credit: Credit, allocations: Sequence[AllocationDraft]) -> Credit:
        """Spend more of a credit; what it was spent on before stays.

        Calls for one credit wait for each other, whatever thread and whatever blocking facade of this process they come
        from. What an awaitable facade or another program writes at the same moment cannot be seen at vendors without a
        version check.

        Raises:
            InvalidDraft: more than remains, or faults in an allocation; nothing was sent.
        """
        flow = self._billing.core.operations.allocate(credit, allocations)
        with blocking_turns.waited(self._billing.provider, credit.id):
            return self._billing.write("credits.allocate", credit.account_id or "", flow)

    def deallocate(self, credit: Credit, allocation_ids: Collection[str]) -> Credit:
        """Undo allocations of a credit, by their ids."""
        flow = self._billing.core.operations.deallocate(credit, allocation_ids)
        with blocking_turns.waited(self._billing.provider, credit.id):
            return self._billing.write("credits.deallocate", credit.account_id or "", flow)

    def void(self, credit: Credit) -> None:
        """Take a credit away, with its allocations."""
        flow = self._billing.core.operations.void(credit)
        with blocking_turns.waited(self._billing.provider, credit.id):
            self._billing.write("credits.void", credit.account_id or "", flow)


class Charges:
    """Charges of a backend, blocking."""

    def __init__(self, billing: "Billing") -> None:
        self._billing = billing

    def list(
        self, account: str | None = None, *, policy: str | None = None, transaction: str | None = None, include_all: bool = False
    ) -> Generator[Charge, None, None]:
        """The charges of exactly one account, policy or transaction; read page by page as they are wanted.

        Args:
            account: the vendor's id of an account.
            policy: the vendor's id of a policy.
            transaction: the vendor's id of a transaction.
            include_all: of a transaction, what the vendor adds when asked for all.

        Raises:
            InvalidQuery: none or several of account, policy and transaction.
            UnsupportedOperation: the backend cannot answer it; nothing was sent.
        """
        query = self._billing.core.operations.charge_query(account, policy, transaction, include_all)
        return self._read(query)

    def _read(self, query: ChargeQuery) -> Generator[Charge, None, None]:
        billing, provider = self._billing, self._billing.provider
        with billing.core.telemetry.listing(query.operation) as within:
            pages = walk(
                query.operation,
                lambda at: provider.list_charges(query, at),
                within.blocking(billing.run),
                provider.charge_pages(query),
                provider.settings.read_ahead,
                billing.name,
                lambda stop: billing.ended_by(stop, within),
            )
            with closing(pages):
                for items in pages:
                    billing.core.page(query.operation, len(items))
                    yield from items

    def add(self, charges: Sequence[ChargeDraft]) -> Sequence[Charge]:
        """Put charges on one account, in one request.

        Raises:
            InvalidDraft: with every fault of every draft; nothing was sent.
            OutcomeUnknown: no answer came.
        """
        flow = self._billing.core.operations.add_charges(charges)
        return self._billing.write("charges.add", charges[0].account_id, flow)

    def reverse(self, account: str, charge_ids: Sequence[str], *, invoicing: Invoicing = Invoicing.NEXT) -> Sequence[Charge]:
        """Undo charges of one account.

        Returns:
            The reversing charges; each names in ``reversal_of`` what it undoes.
        """
        flow = self._billing.core.operations.reverse_charges(account, charge_ids, invoicing)
        return self._billing.write("charges.reverse", account, flow)


class Billing:
    """One backend, blocking. Use it as a context manager, or close it. Safe to use from many threads at once.

    Attributes:
        name: of the backend, in the configuration.
        provider: the provider behind it.
        credits: its credits.
        charges: its charges.
        ended_by: makes drivers that can be ended; see ``Transport.ended_by``.
    """

    def __init__(self, name: str, provider: AnyProvider, *, client: Client | None = None, observers: Sequence[object] = ()) -> None:
        self.core = Core(name, provider, observers)
        self._transport = Transport(name, provider.endpoint(), provider.settings, client=client, observe=self.core.settled)
        self.ended_by = self._transport.ended_by
        self.credits = Credits(self)
        self.charges = Charges(self)

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.core.name

    @property
    def provider(self) -> AnyProvider:
        """The provider behind the backend."""
        return self.core.provider

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do."""
        return self.core.provider.capabilities

    @property
    def native(self) -> Any:  # noqa: ANN401 - every provider's client is of its own type; annotate with that type where you use it
        """The vendor's own operations, one to one; not portable."""
        return self.core.provider.native(self.run)

    def run(self, flow: Flow[T], keep: Keep | None = None) -> T:
        """Drive a flow of this backend's provider."""
        return self._transport.run(flow, keep)

    def limit(self, pacer: Paces | None, permit: Permit = always) -> None:
        """Share this backend with other processes.

        Args:
            pacer: gives the moments of all of them away; None leaves it as it is, at first the rate of the settings.
            permit: is asked right before the first byte of each request, and raises what shall keep it from being sent.
        """
        self._transport.limit(pacer, permit)

    def read(self, operation: str, flow: Flow[T]) -> T:
        """Drive a flow that reads, as one operation of the facade."""
        with self.core.telemetry.operation(operation):
            return self.run(flow)

    def write(self, operation: str, account: str, flow: Flow[T]) -> T:
        """Drive a flow that writes, and tell the observers its outcome."""
        with self.core.telemetry.operation(operation):
            try:
                result = self.run(flow)
            except BaseException as error:
                self.core.wrote(operation, account, outcome(error))
                raise
            self.core.wrote(operation, account, "done", *names(result))
            return result

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
