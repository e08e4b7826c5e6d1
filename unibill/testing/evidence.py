"""What a provider's claims rest on, computed from tests that ran and passed.

``pytest --unibill-evidence write`` writes ``evidence.json`` into the package of each provider that was tried: for every operation of
the facade that ran to its end, where its answers came from. ``unibill.capabilities.proven`` grades the claims by that file.
``--unibill-evidence check`` fails where the file and the run are not the same: a claim whose evidence is gone must go too.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from unibill import exactjson, installed, plugins
from unibill.aio import AsyncBilling
from unibill.capabilities import EVIDENCE_FILE, PROVES, Operation
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.events import PageRead
from unibill.facade import Billing
from unibill.flow import Flow
from unibill.hookspecs import hookimpl
from unibill.model import Charge, Credit, Invoicing
from unibill.operations import Operations
from unibill.plugins import AnyProvider
from unibill.provider import ChargeQuery, CreditQuery

P = ParamSpec("P")
T = TypeVar("T")
Ran = tuple[str, str, str]
"""A provider, an operation of the facade, and the origin of its answers."""
_SPECIAL_CREATES: Final = frozenset({Operation.CREDITS_CREATE_ALLOCATED, Operation.CREDITS_AUTO_APPLY})
"""They ask a vendor for more than a credit; that they work does not show that a credit alone can be made."""


class Witness:
    """Sees which operations of backends ran to their end. Give it to ``connect`` as an observer, and ``watch`` what you get.

    Attributes:
        used: providers and operations.
    """

    def __init__(self) -> None:
        self.used: set[tuple[str, str]] = set()
        self._watched: list[_Noting] = []

    def watch(self, billing: Billing | AsyncBilling) -> None:
        """Watch a backend."""
        noting = _Noting(billing.name, billing.provider, self.used)
        self._watched.append(noting)
        billing.core.operations = noting

    @hookimpl
    def unibill_page_read(self, event: PageRead) -> None:
        """A list was read, if only its first page."""
        for noting in self._watched:
            noting.read(event)


class _Noting(Operations):
    """Notes operations when their flows end well: one that is refused, or fails, is no evidence that it works."""

    def __init__(self, backend: str, provider: AnyProvider, used: set[tuple[str, str]]) -> None:
        super().__init__(backend, provider)
        self._used = used
        self._required: set[Operation] = set()
        self._asked: dict[str, set[Operation]] = {}

    def require(self, operation: Operation) -> None:
        super().require(operation)
        self._required.add(operation)

    def read(self, event: PageRead) -> None:
        if event.backend == self.backend:
            self._note(self._asked.get(event.operation, set()))

    def _note(self, operations: Collection[Operation]) -> None:
        self._used |= {(self.provider.name, operation.value) for operation in operations}

    def _noted(self, make: Callable[P, Flow[T]], *arguments: P.args, **named: P.kwargs) -> Flow[T]:
        self._required = set()
        flow = make(*arguments, **named)
        special = self._required & _SPECIAL_CREATES
        return self._ending(flow, self._required - {Operation.CREDITS_CREATE} if special else self._required)

    def _ending(self, flow: Flow[T], required: Collection[Operation]) -> Flow[T]:
        result = yield from flow
        self._note(required)
        return result

    def credit_query(self, account: str | None, invoice: str | None, include_reversed: bool, allocations: bool) -> CreditQuery:
        self._required = set()
        query = super().credit_query(account, invoice, include_reversed, allocations)
        self._asked[query.operation] = self._required
        return query

    def charge_query(self, account: str | None, policy: str | None, transaction: str | None, include_all: bool) -> ChargeQuery:
        self._required = set()
        query = super().charge_query(account, policy, transaction, include_all)
        self._asked[query.operation] = self._required
        return query

    def get_credit(self, credit_id: str, account: str | None) -> Flow[Credit]:
        return self._noted(super().get_credit, credit_id, account)

    def create_credit(self, draft: CreditDraft, key: str | None) -> Flow[Credit]:
        return self._noted(super().create_credit, draft, key)

    def find_credit(self, key: str, account: str | None) -> Flow[Credit | None]:
        return self._noted(super().find_credit, key, account)

    def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft]) -> Flow[Credit]:
        return self._noted(super().allocate, credit, drafts)

    def deallocate(self, credit: Credit, allocation_ids: Collection[str]) -> Flow[Credit]:
        return self._noted(super().deallocate, credit, allocation_ids)

    def void(self, credit: Credit) -> Flow[None]:
        return self._noted(super().void, credit)

    def add_charges(self, drafts: Sequence[ChargeDraft]) -> Flow[list[Charge]]:
        return self._noted(super().add_charges, drafts)

    def reverse_charges(self, account: str, charge_ids: Sequence[str], invoicing: Invoicing) -> Flow[list[Charge]]:
        return self._noted(super().reverse_charges, account, charge_ids, invoicing)


def text(ran: Iterable[Ran], provider: str) -> str:
    """The content of a provider's ``evidence.json``."""
    origins: dict[str, set[str]] = {}
    for name, operation, origin in ran:
        if name == provider:
            origins.setdefault(operation, set()).add(origin)
    lines = [
        f"  {exactjson.dumps(operation).decode()}: {exactjson.dumps(sorted(origins[operation], key=list(PROVES).index)).decode().replace(',', ', ')}"
        for operation in Operation
        if operation in origins
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def file_of(provider: str, below: Path) -> Path | None:
    """Where a provider keeps its evidence; None where its package is not below a folder, and so is somebody else's."""
    module = sys.modules[plugins.load(provider).__module__]
    file = Path(str(module.__file__)).with_name(EVIDENCE_FILE)
    return file if file.is_relative_to(below) else None


def write(ran: Collection[Ran], below: Path) -> list[str]:
    """Write what ran into the packages of the providers, and say which files are new or other than before."""
    changed: list[str] = []
    for file, now in _files(ran, below):
        if _held(file) != now:
            file.write_text(now, "utf-8", newline="\n")
            changed.append(f"{file.relative_to(below)} is written")
    return changed


def check(ran: Collection[Ran], below: Path) -> list[str]:
    """What is wrong with the evidence that the packages hold, compared with what ran; empty where they agree."""
    faults: list[str] = []
    for file, now in _files(ran, below):
        before = _held(file)
        if before != now:
            gone, new = (sorted(set(one.splitlines()) - set(other.splitlines())) for one, other in ((before, now), (now, before)))
            shown = [*(f"  claimed: {line.strip(' ,')}" for line in gone), *(f"  ran:     {line.strip(' ,')}" for line in new)]
            faults.append("\n".join([f"{file.relative_to(below)} is not what ran; --unibill-evidence write mends it", *shown]))
    return faults


def _held(file: Path) -> str:
    return file.read_text("utf-8") if file.is_file() else text((), "")


def _files(ran: Collection[Ran], below: Path) -> list[tuple[Path, str]]:
    """The evidence of every provider below a folder, also of one of which nothing ran: then its claims have lost all of it."""
    broken = plugins.broken()
    files = {provider: file_of(provider, below) for provider in installed.found() if provider not in broken}
    return [(file, text(ran, provider)) for provider, file in files.items() if file is not None]
