"""The memory provider: a billing system inside this process, for tests that need no vendor.

::

    from unibill.testing import memory

    memory.store("shop").add_invoice("9001", account="269", currency="ZAR", amount=Decimal("120.00"))
    with unibill.connect(memory.MemorySettings(store="shop")) as billing:
        billing.credits.create(CreditDraft(account_id="269", currency="ZAR", amount=Decimal("50.00")))
    memory.reset("shop")

It is an ordinary plugin, named ``memory``, whose flows make no requests. All operations are native. It is as strict as a vendor: an
invoice must exist, has one currency, and takes no more than is outstanding; what a credit was spent on and what remains of it
is told only where it was asked for, since an app that forgets ``allocations=True`` would fail elsewhere too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from pydantic import Field

from unibill.capabilities import Capabilities, Capability, FieldSupport, Grade, Operation, proven
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import UnsupportedOperation
from unibill.flow import Done, Flow, Step
from unibill.hookspecs import hookimpl
from unibill.model import Charge, Credit, Invoicing
from unibill.native import AsyncRunner, Runner
from unibill.provider import AccountState, Addressing, At, BackendSettings, ChargeQuery, CreditQuery, Endpoint, Page, Provider
from unibill.testing.memory_store import GONE, MemoryStore, StoredInvoice, reset, store

__all__ = ["MemoryProvider", "MemorySettings", "MemoryStore", "StoredInvoice", "reset", "store", "unibill_provider"]

R = TypeVar("R", Credit, Charge)
T = TypeVar("T")
NAME: Final = "memory"
_NOWHERE: Final = "http://127.0.0.1:9"
_WRITTEN: Final = frozenset({"account_id", "currency", "amount", "number", "memo", "issued_on", "mark", "allocations"})


class MemorySettings(BackendSettings):
    """Settings of the memory provider.

    Attributes:
        base_url: never used; no request is made.
        store: the name of the store. Backends with the same one see the same records.
        page_size: records a page, so that paging can be tried with few records.
    """

    provider_name: ClassVar[str] = NAME

    base_url: str = _NOWHERE
    store: str = "default"
    page_size: int = Field(default=100, ge=1)


class MemoryProvider(Provider[MemorySettings]):
    """Credits, allocations and charges in a store of this process. Safe to use from several threads."""

    name = NAME
    title = "Memory"
    Settings = MemorySettings
    capabilities = Capabilities(
        operations=proven(__name__, {operation: Capability(Grade.NATIVE) for operation in Operation}),
        credit_fields={name: FieldSupport(read=True, write=name in _WRITTEN) for name in Credit.__struct_fields__},
    )

    @property
    def store(self) -> MemoryStore:
        """The records behind these settings."""
        return store(self.settings.store)

    def endpoint(self) -> Endpoint:
        """A loopback address that is never asked."""
        return Endpoint(self.settings.base_url, {}, ())

    def identity(self) -> str:
        """The store's name is what tells one memory system from another."""
        return f"{NAME}:{self.settings.store}"

    def native(self, run: Runner) -> MemoryStore:
        """The store itself."""
        del run
        return self.store

    def async_native(self, run: AsyncRunner) -> MemoryStore:
        """The store itself; nothing of it needs to be awaited."""
        del run
        return self.store

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        """One page, in the order in which the credits were made."""
        yield from ()
        credits = (
            credit
            for credit in self.store.credits(allocations=query.allocations)
            if (query.account is None or credit.account_id == query.account)
            and (query.invoice is None or query.invoice in self.store.invoices_of(credit.id))
            and (query.include_reversed or credit.status not in GONE)
        )
        return self._page(credits, at)

    def credit_pages(self, query: CreditQuery) -> Addressing:
        """Pages are numbered from 1."""
        del query
        return Addressing(1, 1)

    def get_credit(self, credit_id: str, account: str | None) -> Flow[Credit]:
        """One credit with its allocations; one of another account is not found."""
        yield from ()
        return self.store.credit(credit_id, account)

    def find_marked(self, account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
        """Every credit that carries one of the marks."""
        yield from ()
        return [
            credit
            for credit in self.store.credits(allocations=True)
            if credit.mark in marks and (account is None or credit.account_id == account)
        ]

    def account_state(self, account: str) -> Flow[AccountState]:
        """An account's currency, and what of its credits remains.

        Raises:
            NotFound: nothing was ever put on such an account.
        """
        yield from ()
        return self.store.account_state(account)

    def list_charges(self, query: ChargeQuery, at: At | None) -> Flow[Page[Charge]]:
        """One page; of a transaction, what was reversed and its reversals only with ``include_all``."""
        yield from ()
        charges: Iterable[Charge] = self.store.charges()
        if query.policy is not None:
            charges = (charge for charge in charges if charge.policy_id == query.policy)
        elif query.transaction is not None:
            undone = self.store.reversed_charges()
            charges = (
                charge
                for charge in charges
                if charge.transaction_id == query.transaction
                and (query.include_all or (charge.id not in undone and charge.reversal_of is None))
            )
        else:
            charges = (charge for charge in charges if charge.account_id == query.account)
        return self._page(charges, at)

    def charge_pages(self, query: ChargeQuery) -> Addressing:
        """Pages are numbered from 1."""
        del query
        return Addressing(1, 1)

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        """Create a credit with its allocations, all or nothing; the mark is the start of its memo."""
        memo = " ".join(text for text in (mark, draft.memo) if text) or None

        def work() -> Mapping[str, object]:
            return {"id": self.store.create(draft, memo, self.clock())}

        data = yield from self._once("create", Operation.CREDITS_CREATE, done, work)
        return self.store.credit(str(data["id"]))

    def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft], done: Done) -> Flow[Credit]:
        """Spend more of a credit, all of the drafts or none."""

        def work() -> Mapping[str, object]:
            self.store.allocate(credit.id, drafts, self.clock())
            return {}

        yield from self._once("allocate", Operation.CREDITS_ALLOCATE, done, work)
        return self.store.credit(credit.id)

    def deallocate(self, credit: Credit, allocation_ids: Collection[str], done: Done) -> Flow[Credit]:
        """Undo allocations, all of those named or none; they stay in the record, with the time."""

        def work() -> Mapping[str, object]:
            self.store.deallocate(credit.id, allocation_ids, self.clock())
            return {}

        yield from self._once("deallocate", Operation.CREDITS_DEALLOCATE, done, work)
        return self.store.credit(credit.id)

    def void(self, credit: Credit, done: Done) -> Flow[None]:
        """Undo a credit's allocations and then the credit."""

        def work() -> Mapping[str, object]:
            self.store.void(credit.id, self.clock())
            return {}

        yield from self._once("void", Operation.CREDITS_VOID, done, work)

    def add_charges(self, drafts: Sequence[ChargeDraft], done: Done) -> Flow[list[Charge]]:
        """Put charges on an account. They are charges and nothing else: a negative one makes no credit."""

        def work() -> Mapping[str, object]:
            return {"ids": self.store.add_charges(drafts)}

        data = yield from self._once("charges", Operation.CHARGES_ADD, done, work)
        return self.store.charges_by_id(data["ids"])

    def reverse_charges(self, account: str, charge_ids: Sequence[str], invoicing: Invoicing, done: Done) -> Flow[list[Charge]]:
        """Undo charges, all of those named or none; each once only, and no reversal."""

        def work() -> Mapping[str, object]:
            return {"ids": self.store.reverse_charges(account, charge_ids, invoicing)}

        data = yield from self._once("reversals", Operation.CHARGES_REVERSE, done, work)
        return self.store.charges_by_id(data["ids"])

    def _once(self, step: str, operation: Operation, done: Done, work: Callable[[], Mapping[str, object]]) -> Flow[Mapping[str, Any]]:
        if self.settings.read_only:
            raise UnsupportedOperation(self.name, operation, "the backend is configured as read_only")
        if step in done:
            return done[step]
        yield Step(step, done=False)
        data = work()
        yield Step(step, done=True, data=data)
        return data

    def _page(self, records: Iterable[R], at: At | None) -> Page[R]:
        number, size = int(at or 1), self.settings.page_size
        all_of_them = list(records)
        items = all_of_them[(number - 1) * size : number * size]
        return Page(items, number + 1 if len(all_of_them) > number * size else None)


@hookimpl
def unibill_provider() -> type[MemoryProvider]:
    """The provider class, for unibill's plugin manager."""
    return MemoryProvider
