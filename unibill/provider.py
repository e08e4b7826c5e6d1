"""The boundary: what a provider implements.

A provider speaks one vendor's API. Its methods return flows (see ``unibill.flow``) and never do I/O; its mappings are pure
functions. It opens no client of its own. Everything it cannot do it leaves to the base class, which refuses.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, NoReturn, TypeAlias, TypeVar, get_args, overload

from pydantic import BaseModel, ConfigDict, Field, field_validator

from unibill.capabilities import Capabilities, Operation
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import Fault, UnsupportedOperation
from unibill.flow import Done, Flow
from unibill.losses import Loss
from unibill.model import Charge, Credit, Invoicing

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from unibill.native import AsyncRunner, Runner
    from unibill.sandbox.system import SandboxSystem

T = TypeVar("T")
W = TypeVar("W")
S = TypeVar("S", bound="BackendSettings")

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time, with a time zone; given from outside so that tests and cassettes can repeat it."""

At: TypeAlias = int | str
"""A place in a list: a page number, an offset, or a vendor's cursor."""


class _Word(Enum):
    OPEN = "no secret"


NO_SECRET: Final = _Word.OPEN
"""What a setting of plain text says of itself that is called, or sent, as credentials are and yet may be shown:
``customer_key: Annotated[str, NO_SECRET]``. A secret says so by its type, ``SecretStr``."""


def holds_secret(setting: "FieldInfo") -> bool:
    """Whether a setting's type says that its value, or a part of it, is secret, such as ``SecretStr`` or ``SecretStr | None``."""
    return _is_secret(setting.annotation)


def says_no_secret(setting: "FieldInfo") -> bool:
    """Whether a setting says that it is no secret, with ``NO_SECRET`` in its annotation."""
    return NO_SECRET in setting.metadata or _has_word(setting.annotation)


def _has_word(annotation: object) -> bool:
    return annotation is NO_SECRET or any(map(_has_word, get_args(annotation)))


def _is_secret(annotation: object) -> bool:
    return hasattr(annotation, "get_secret_value") or any(map(_is_secret, get_args(annotation)))


def system_clock() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)


class BackendSettings(BaseModel):
    """What every backend can be told. A provider's ``Settings`` adds the vendor's own.

    Attributes:
        base_url: the API's address; https, or http on loopback.
        timeout: seconds without a byte before a request counts as lost.
        deadline: seconds for one whole answer, however slowly it drips.
        retries: how often a read, or a write that was provably not sent, is tried again.
        rate: most requests in any one second; None for no limit. They are spaced by 1.05 seconds / rate, so that some may be up to 50 ms
            later than others on their way. One that is no whole number holds on average, and rounded up in any one second.
        concurrency: most requests under way at once.
        read_ahead: how many pages of a list may be under way at once, where pages are numbered; as many more may have come and wait
            for their reader.
        max_body: most bytes of an answer, after decompression.
        read_only: refuse every request that is not a read.
        transport: the library that sends: httpx, or pyreqwest (the extra of that name), which lists faster and whose errors never prove
            that a write was not sent, so that more writes end as unknown and are looked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider_name: ClassVar[str] = ""
    """The provider that these settings are for."""

    base_url: str
    timeout: float = Field(default=30.0, gt=0)
    deadline: float = Field(default=120.0, gt=0)
    retries: int = Field(default=4, ge=0, le=20)
    rate: float | None = Field(default=None, gt=0)
    concurrency: int = Field(default=8, ge=1, le=256)
    read_ahead: int = Field(default=1, ge=1, le=64)
    max_body: int = Field(default=64 * 1024 * 1024, ge=1024)
    read_only: bool = False
    transport: Literal["httpx", "pyreqwest"] = "httpx"

    @field_validator("base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and what proves who sends them.

    Attributes:
        base_url: paths of requests are appended to it.
        headers: sent with every request; they hold credentials and are never shown.
        secrets: the texts that must never appear in anything shown or stored.
    """

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreditQuery:
    """Which credits to list: of an account, of an invoice, or all.

    Attributes:
        include_reversed: whether undone credits are wanted too.
        allocations: whether to load what each credit was spent on, and so what remains.
    """

    account: str | None = None
    invoice: str | None = None
    include_reversed: bool = False
    allocations: bool = False

    @property
    def operation(self) -> Operation:
        """The facade operation that this query is."""
        if self.invoice is not None:
            return Operation.CREDITS_LIST_INVOICE
        return Operation.CREDITS_LIST if self.account is None else Operation.CREDITS_LIST_ACCOUNT


@dataclass(frozen=True, slots=True)
class ChargeQuery:
    """Which charges to list: of exactly one account, policy or transaction.

    Attributes:
        include_all: of a transaction, what the vendor adds when asked for all.
    """

    account: str | None = None
    policy: str | None = None
    transaction: str | None = None
    include_all: bool = False

    @property
    def operation(self) -> Operation:
        """The facade operation that this query is."""
        if self.policy is not None:
            return Operation.CHARGES_LIST_POLICY
        return Operation.CHARGES_LIST_ACCOUNT if self.transaction is None else Operation.CHARGES_LIST_TRANSACTION


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: may be empty, and fewer than were asked for, without the list being at its end. A list that can be long gives
            them as ``Mapped``.
        next: where the next page is; None = this was the last.
        promised: whether the vendor said that there is a next page; False where it is only guessed from a full page.
    """

    items: Sequence[T]
    next: At | None
    promised: bool = True


class Mapped(Sequence[T]):
    """The records of a page, each mapped when it is wanted and kept by nobody else.

    A page of records that are all alive at once sets the garbage collector going, again and again; of a hundred thousand that
    come and go one by one it never hears.

    Args:
        raw: wire records.
        record: maps one. It may be called more than once for each, and must not fail.
        ids: of the records, in order.
    """

    __slots__ = ("_raw", "_record", "ids")

    def __init__(self, raw: Sequence[W], record: Callable[[W], T], ids: Sequence[str]) -> None:
        self._raw: Sequence[Any] = raw
        self._record: Callable[[Any], T] = record
        self.ids = ids

    def __len__(self) -> int:
        return len(self._raw)

    def __iter__(self) -> Iterator[T]:
        return map(self._record, self._raw)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> "Mapped[T]": ...

    def __getitem__(self, index: int | slice) -> "T | Mapped[T]":
        if isinstance(index, slice):
            return Mapped(self._raw[index], self._record, self.ids[index])
        return self._record(self._raw[index])


@dataclass(frozen=True, slots=True)
class Addressing:
    """How pages are numbered, where they are: a driver may then ask for several at once.

    Attributes:
        first: the place of the first page.
        step: how far the next one is.
    """

    first: int
    step: int


@dataclass(frozen=True, slots=True)
class AccountState:
    """What a copy must know of an account before it writes there.

    Attributes:
        currency: the account's only currency, if it has one.
        balances: credit that the account could spend now, by currency; None where the vendor keeps no such balance.
        plan: the name of the vendor's plan that handles excess credit, if any.
        plan_would: what that plan would do with a new credit by itself: an empty text for nothing, else a sentence.
    """

    account_id: str
    currency: str | None = None
    balances: Mapping[str, Decimal] | None = None
    plan: str | None = None
    plan_would: str = ""


class Provider(ABC, Generic[S]):
    """One vendor, with one backend's settings.

    Class attributes tell what it is; methods that are not overridden refuse. A method that writes takes ``done``, the steps
    that an earlier try has finished, and yields a ``Step`` before and after each write.

    ``mark``: a text from ``unibill.marks`` that must be readable again as ``Credit.mark``.
    """

    name: ClassVar[str]
    """The entry point's name; its ``Settings.provider_name`` says the same."""
    title: ClassVar[str]
    """The vendor's name, as people write it."""
    capabilities: ClassVar[Capabilities]
    Settings: ClassVar[type[BackendSettings]]

    def __init__(self, settings: S, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.clock = clock

    @abstractmethod
    def endpoint(self) -> Endpoint:
        """Where requests go, with credentials."""

    @abstractmethod
    def identity(self) -> str:
        """The system behind the settings: vendor, and tenant or host and account; never a configured name."""

    @classmethod
    def sandbox(cls) -> "type[SandboxSystem] | None":
        """The vendor's local sandbox, or None where there is none."""
        return None

    def native(self, run: "Runner") -> Any:  # noqa: ANN401 - every provider's client is of its own type
        """The vendor's operations one to one, blocking; not portable."""
        del run
        self._refuse("native")

    def async_native(self, run: "AsyncRunner") -> Any:  # noqa: ANN401 - every provider's client is of its own type
        """The vendor's operations one to one, awaitable; not portable."""
        del run
        self._refuse("native")

    # Reads

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        """One page of credits; ``at`` is None for the first, else the ``next`` of the page before."""
        del at
        self._refuse(query.operation)

    def credit_pages(self, query: CreditQuery) -> Addressing | None:
        """How the pages of ``list_credits`` are numbered, or None where each page tells the next."""
        del query
        return None

    def get_credit(self, credit_id: str, account: str | None) -> Flow[Credit]:
        """One credit with its allocations; some vendors can find it only with its account."""
        del credit_id, account
        self._refuse(Operation.CREDITS_GET)

    def vendor_record(self, credit: Credit) -> Flow[Mapping[str, object]]:
        """The vendor's own record behind a credit, as JSON values under the vendor's names; empty where the provider does not tell.

        It is for people who check a mapping, so it is read anew and not taken from the credit.
        """
        del credit
        return _answered({})

    def find_marked(self, account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
        """Every credit that carries one of these marks, reversed ones too, in a bounded number of requests per account."""
        del account, marks
        self._refuse(Operation.CREDITS_FIND)

    def account_state(self, account: str) -> Flow[AccountState]:
        """What a copy must know of an account; ``NotFound`` where there is no such account."""
        del account
        self._refuse("accounts.get")

    def list_charges(self, query: ChargeQuery, at: At | None) -> Flow[Page[Charge]]:
        """One page of charges."""
        del at
        self._refuse(query.operation)

    def charge_pages(self, query: ChargeQuery) -> Addressing | None:
        """How the pages of ``list_charges`` are numbered."""
        del query
        return None

    def invoiced_charges(self, account: str) -> Flow[Mapping[str, str] | None]:
        """The invoice that each charge of an account is on, by the charge's id; None where the vendor does not let one know."""
        del account
        return _answered(None)

    # Pure

    def credit_of(self, charge: Charge) -> str | None:
        """The id of the credit that ``list_credits`` shows this charge as, where the two are one record; None for any other charge."""
        del charge
        return None

    def faults_of_credit(self, draft: CreditDraft, mark: str | None) -> list[Fault]:
        """What this vendor refuses in a draft that the core has passed, told before anything is sent."""
        del draft, mark
        return []

    def faults_of_copy(self, draft: CreditDraft) -> list[Fault]:
        """What keeps the copy of a plan from being compared with what the vendor answers, though it would take the draft."""
        del draft
        return []

    def faults_of_charge(self, draft: ChargeDraft, at: str) -> list[Fault]:
        """The same for a charge; ``at`` is its path in the list."""
        del draft, at
        return []

    def losses_of_credit(self, draft: CreditDraft, mark: str | None) -> tuple[Loss, ...]:
        """What of a draft would not arrive at this vendor."""
        del draft, mark
        return ()

    def vendor_draft(self, draft: CreditDraft, mark: str | None) -> Mapping[str, object]:
        """What the vendor would be sent for a draft, as JSON values under the vendor's names; empty where the provider does not tell."""
        del draft, mark
        return {}

    # Writes

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        """Create a credit with its allocations and give it as it now stands."""
        del draft, mark, done
        self._refuse(Operation.CREDITS_CREATE)

    def done_from(self, credit: Credit) -> Done:
        """The steps of ``create_credit`` that a credit found by its mark proves done, so that a second try goes on from there."""
        del credit
        return {}

    def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft], done: Done) -> Flow[Credit]:
        """Spend more of a credit; allocations that stand are kept."""
        del credit, drafts, done
        self._refuse(Operation.CREDITS_ALLOCATE)

    def deallocate(self, credit: Credit, allocation_ids: Collection[str], done: Done) -> Flow[Credit]:
        """Undo some of a credit's allocations, by their ids."""
        del credit, allocation_ids, done
        self._refuse(Operation.CREDITS_DEALLOCATE)

    def void(self, credit: Credit, done: Done) -> Flow[None]:
        """Take a credit away with all its allocations, newest step first."""
        del credit, done
        self._refuse(Operation.CREDITS_VOID)

    def add_charges(self, drafts: Sequence[ChargeDraft], done: Done) -> Flow[list[Charge]]:
        """Put charges on one account, in one request; they share account, currency, policy and invoicing."""
        del drafts, done
        self._refuse(Operation.CHARGES_ADD)

    def reverse_charges(self, account: str, charge_ids: Sequence[str], invoicing: Invoicing, done: Done) -> Flow[list[Charge]]:
        """Undo charges of one account; gives the reversing charges."""
        del account, charge_ids, invoicing, done
        self._refuse(Operation.CHARGES_REVERSE)

    def _refuse(self, operation: str) -> NoReturn:
        claim = self.capabilities.of(Operation(operation)) if operation in set(Operation) else None
        reason = (claim.note or str(claim.grade)) if claim else "the provider does not offer it"
        if claim and claim.usable:
            reason = f"it is declared as {claim.grade}, but {type(self).__name__} does not implement it"
        raise UnsupportedOperation(self.name, operation, reason, claim.instead if claim else "")


def _answered(value: T) -> Flow[T]:
    yield from ()
    return value
