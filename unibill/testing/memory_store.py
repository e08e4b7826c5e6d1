"""The records behind the memory provider, and the rules by which they change.

Every method holds the store's lock for its whole length and changes all or nothing.
"""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

from unibill import marks, money
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import Conflict, NotFound, Rejected
from unibill.model import (
    Allocation,
    Charge,
    ChargeCategory,
    Credit,
    CreditKind,
    Direction,
    Invoicing,
    Status,
    Target,
    TargetType,
    applied_of,
    remaining_of,
    status_from_amounts,
)
from unibill.provider import AccountState

GONE: Final = frozenset({Status.REVERSED, Status.VOID, Status.FAILED})
_DERIVED: Final = frozenset({Status.OPEN, Status.PARTIALLY_APPLIED, Status.APPLIED})


@dataclass(frozen=True, slots=True)
class StoredInvoice:
    """An invoice that credits can be spent on.

    Attributes:
        amount: what it came to; what is outstanding follows from the allocations.
    """

    id: str
    account_id: str
    currency: str
    amount: Decimal
    number: str | None = None


class MemoryStore:
    """Accounts, invoices, credits and charges. Safe to use from several threads."""

    _named: ClassVar[dict[str, "MemoryStore"]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[str, str | None] = {}
        self._invoices: dict[str, StoredInvoice] = {}
        self._credits: dict[str, Credit] = {}
        self._charges: dict[str, Charge] = {}
        self._numbers: dict[str, int] = {}

    @classmethod
    def named(cls, name: str) -> "MemoryStore":
        """The store of a name; made when it is first asked for."""
        with cls._guard:
            return cls._named.setdefault(name, cls())

    @classmethod
    def forget(cls, name: str | None) -> None:
        """Empty the store of a name, or all of them; whoever holds one keeps it, empty."""
        with cls._guard:
            chosen = [found for known, found in cls._named.items() if name in (None, known)]
        for found in chosen:
            found.clear()

    def clear(self) -> None:
        """Empty it and start the ids anew."""
        with self._lock:
            for table in (self._accounts, self._invoices, self._credits, self._charges, self._numbers):
                table.clear()

    # What a test puts there

    def add_account(self, account: str, *, currency: str | None = None) -> None:
        """Make an account known, and bind it to one currency if one is given."""
        with self._lock:
            self._accounts[account] = currency

    def add_invoice(self, invoice: str, *, account: str, currency: str, amount: Decimal, number: str | None = None) -> StoredInvoice:
        """Put an open invoice on an account; invoices are the older, the earlier they were added.

        Raises:
            ValueError: there is one of this id.
        """
        with self._lock:
            if invoice in self._invoices:
                raise ValueError(f"there is an invoice {invoice} already")
            self._accounts.setdefault(account, None)
            self._invoices[invoice] = StoredInvoice(invoice, account, currency, amount, number)
            return self._invoices[invoice]

    def put_credit(self, credit: Credit) -> None:
        """Keep a credit as it is, of any kind and status; its mark goes to the start of its memo.

        Raises:
            ValueError: there is one of this id.
        """
        memo = " ".join(text for text in (credit.mark, credit.memo) if text) or None
        with self._lock:
            if credit.id in self._credits:
                raise ValueError(f"there is a credit {credit.id} already")
            if credit.account_id is not None:
                self._accounts.setdefault(credit.account_id, None)
            self._credits[credit.id] = credit.replace(memo=memo, mark=None, allocations=credit.allocations or ())

    # Reads

    def credits(self, *, allocations: bool) -> list[Credit]:
        """Every credit, oldest first."""
        with self._lock:
            return [_shown(credit, allocations) for credit in self._credits.values()]

    def credit(self, credit_id: str, account: str | None = None) -> Credit:
        """One credit with its allocations.

        Raises:
            NotFound: there is none, or it belongs to another account.
        """
        with self._lock:
            return _shown(self._stored(credit_id, account), allocations=True)

    def invoices_of(self, credit_id: str) -> set[str]:
        """The ids of the invoices that a credit is spent on."""
        with self._lock:
            return {
                allocation.target.id
                for allocation in self._stored(credit_id).allocations or ()
                if allocation.reversed_at is None and allocation.target.type is TargetType.INVOICE
            }

    def outstanding(self, invoice: str) -> Decimal:
        """What is left to pay of an invoice.

        Raises:
            NotFound: there is no such invoice.
        """
        with self._lock:
            found = self._invoices.get(invoice)
            if found is None:
                raise NotFound(f"there is no invoice {invoice}", operation="invoices.get")
            spent = [
                allocation
                for credit in self._credits.values()
                for allocation in credit.allocations or ()
                if allocation.target.type is TargetType.INVOICE and allocation.target.id == invoice
            ]
            return money.subtract(found.amount, applied_of(tuple(spent)))

    def account_state(self, account: str) -> AccountState:
        """What a copy must know of an account.

        Raises:
            NotFound: nothing was ever put on it.
        """
        with self._lock:
            if account not in self._accounts:
                raise NotFound(f"there is no account {account}", operation="accounts.get")
            balances: dict[str, Decimal] = {}
            for credit in self.credits(allocations=True):
                if credit.account_id == account and credit.remaining is not None and credit.status in _DERIVED:
                    balances[credit.currency] = money.add([balances.get(credit.currency, Decimal(0)), credit.remaining])
            return AccountState(account, self._accounts[account], balances)

    def charges(self) -> list[Charge]:
        """Every charge, oldest first."""
        with self._lock:
            return list(self._charges.values())

    def charges_by_id(self, ids: Sequence[str]) -> list[Charge]:
        """The charges of these ids, in their order."""
        with self._lock:
            return [self._charges[charge] for charge in ids]

    def reversed_charges(self) -> set[str]:
        """The ids of the charges that were reversed."""
        with self._lock:
            return {charge.reversal_of for charge in self._charges.values() if charge.reversal_of is not None}

    # Writes

    def create(self, draft: CreditDraft, memo: str | None, now: datetime) -> str:
        """Create a credit and give its id.

        Raises:
            Rejected: another currency than the account's, or an allocation that its target does not take.
        """
        with self._lock:
            fixed = self._accounts.get(draft.account_id)
            if fixed not in (None, draft.currency):
                raise Rejected(f"account {draft.account_id} is kept in {fixed}, not {draft.currency}", operation="credits.create")
            credit = Credit(
                id=self._next("credit"),
                provider="memory",
                account_id=draft.account_id,
                kind=CreditKind.CREDIT_NOTE,
                direction=Direction.TO_ACCOUNT,
                status=Status.OPEN,
                remote_status=Status.OPEN.value,
                currency=draft.currency,
                amount=draft.amount,
                number=draft.number,
                memo=memo,
                issued_on=draft.issued_on or now.date(),
                created_at=now,
                allocations=(),
            )
            wanted = self._open_invoices(credit) if draft.auto_apply else draft.allocations
            self._credits[credit.id] = self._spent(credit, wanted, now)
            self._accounts.setdefault(draft.account_id, None)
            return credit.id

    def allocate(self, credit_id: str, drafts: Sequence[AllocationDraft], now: datetime) -> None:
        """Spend more of a credit.

        Raises:
            Conflict: the credit is gone.
            Rejected: more than remains, or an allocation that its target does not take.
        """
        with self._lock:
            credit = self._stored(credit_id)
            if credit.status in GONE:
                raise Conflict(f"credit {credit_id} is {credit.status}", operation="credits.allocate")
            self._credits[credit_id] = self._spent(credit, drafts, now)

    def deallocate(self, credit_id: str, allocation_ids: Collection[str], now: datetime) -> None:
        """Undo allocations of a credit.

        Raises:
            NotFound: the credit has no standing allocation of one of these ids.
        """
        with self._lock:
            credit = self._stored(credit_id)
            there = credit.allocations or ()
            unknown = set(allocation_ids) - {allocation.id for allocation in there if allocation.reversed_at is None}
            if unknown:
                raise NotFound(
                    f"credit {credit_id} has no standing allocation {', '.join(sorted(unknown))}", operation="credits.deallocate"
                )
            after = tuple(_undone(allocation, now) if allocation.id in allocation_ids else allocation for allocation in there)
            self._credits[credit_id] = credit.replace(allocations=after)

    def void(self, credit_id: str, now: datetime) -> None:
        """Take a credit away.

        Raises:
            Conflict: it is gone already.
        """
        with self._lock:
            credit = self._stored(credit_id)
            if credit.status in GONE:
                raise Conflict(f"credit {credit_id} is {credit.status} already", operation="credits.void")
            after = tuple(_undone(allocation, now) for allocation in credit.allocations or ())
            self._credits[credit_id] = credit.replace(
                status=Status.VOID, remote_status=Status.VOID.value, reversed_at=now, allocations=after
            )

    def add_charges(self, drafts: Sequence[ChargeDraft]) -> list[str]:
        """Put charges on an account and give their ids."""
        with self._lock:
            for draft in drafts:
                self._accounts.setdefault(draft.account_id, None)
            return [self._keep(draft, Invoicing.NEXT) for draft in drafts]

    def reverse_charges(self, account: str, charge_ids: Sequence[str], invoicing: Invoicing) -> list[str]:
        """Undo charges and give the ids of the reversals.

        Raises:
            NotFound: the account has no such charge.
            Conflict: one is a reversal, or was reversed before.
        """
        with self._lock:
            undone = self.reversed_charges()
            for charge_id in charge_ids:
                charge = self._charges.get(charge_id)
                if charge is None or charge.account_id != account:
                    raise NotFound(f"account {account} has no charge {charge_id}", operation="charges.reverse")
                if charge.reversal_of is not None or charge_id in undone:
                    raise Conflict(f"charge {charge_id} is a reversal or was reversed before", operation="charges.reverse")
            return [self._reverse(self._charges[charge_id], invoicing) for charge_id in charge_ids]

    # Under the lock

    def _next(self, kind: str) -> str:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return f"{kind}-{self._numbers[kind]}"

    def _stored(self, credit_id: str, account: str | None = None) -> Credit:
        credit = self._credits.get(credit_id)
        if credit is None or account not in (None, credit.account_id):
            raise NotFound(f"there is no credit {credit_id}" + (f" of account {account}" if account else ""), operation="credits.get")
        return credit

    def _open_invoices(self, credit: Credit) -> list[AllocationDraft]:
        drafts: list[AllocationDraft] = []
        left = credit.amount
        for invoice in self._invoices.values():
            if (invoice.account_id, invoice.currency) == (credit.account_id, credit.currency):
                part = min(left, self.outstanding(invoice.id))
                if part > 0:
                    drafts.append(AllocationDraft(amount=part, target_id=invoice.id))
                    left = money.subtract(left, part)
        return drafts

    def _spent(self, credit: Credit, drafts: Sequence[AllocationDraft], now: datetime) -> Credit:
        there = credit.allocations or ()
        made = tuple(self._allocation(credit, draft, now) for draft in drafts)
        total = money.add([allocation.amount for allocation in made])
        remaining = remaining_of(credit.amount, applied_of(there))
        if total > remaining:
            raise Rejected(f"{total} {credit.currency} is more than the {remaining} that remain of it", operation="credits.allocate")
        paying = [allocation for allocation in made if allocation.target.type is TargetType.INVOICE]
        for invoice in {allocation.target.id for allocation in paying}:
            wanted = money.add([allocation.amount for allocation in paying if allocation.target.id == invoice])
            if wanted > self.outstanding(invoice):
                raise Rejected(
                    f"{wanted} {credit.currency} is more than the {self.outstanding(invoice)} outstanding on invoice {invoice}",
                    operation="credits.allocate",
                )
        return credit.replace(allocations=there + made)

    def _allocation(self, credit: Credit, draft: AllocationDraft, now: datetime) -> Allocation:
        target = Target(type=draft.target_type, id=draft.target_id or "", number=draft.target_number)
        if draft.target_type is TargetType.INVOICE:
            invoice = self._invoice(draft)
            if (invoice.account_id, invoice.currency) != (credit.account_id, credit.currency):
                raise Rejected(
                    f"invoice {invoice.id} is account {invoice.account_id}'s, in {invoice.currency}", operation="credits.allocate"
                )
            target = Target(type=TargetType.INVOICE, id=invoice.id, number=invoice.number)
        return Allocation(
            id=self._next("allocation"),
            credit_id=credit.id,
            target=target,
            amount=draft.amount,
            currency=credit.currency,
            applied_at=now,
        )

    def _invoice(self, draft: AllocationDraft) -> StoredInvoice:
        for invoice in self._invoices.values():
            if draft.target_id == invoice.id or (draft.target_number is not None and draft.target_number == invoice.number):
                return invoice
        raise Rejected(f"there is no invoice {draft.target_id or draft.target_number}", operation="credits.allocate")

    def _keep(self, draft: ChargeDraft, invoicing: Invoicing) -> str:
        category = ChargeCategory.CREDIT if draft.amount < 0 else ChargeCategory.NONE
        charge = Charge(
            id=self._next("charge"),
            provider="memory",
            account_id=draft.account_id,
            currency=draft.currency,
            amount=draft.amount,
            category=category,
            remote_category=category.value,
            type=draft.type or category.value,
            invoicing=draft.invoicing or invoicing,
            policy_id=draft.policy_id,
            transaction_id=draft.transaction_id,
            element_id=draft.element_id,
            element_static_id=draft.element_static_id,
            tag=marks.strip(draft.tag),
            mark=marks.find(draft.tag),
        )
        self._charges[charge.id] = charge
        return charge.id

    def _reverse(self, charge: Charge, invoicing: Invoicing) -> str:
        reversal = charge.replace(
            id=self._next("charge"),
            amount=charge.amount.copy_negate(),
            invoicing=invoicing,
            reversal_of=charge.id,
            tag=None,
            mark=None,
        )
        self._charges[reversal.id] = reversal
        return reversal.id


def _undone(allocation: Allocation, now: datetime) -> Allocation:
    return allocation if allocation.reversed_at is not None else allocation.replace(reversed_at=now)


def _shown(credit: Credit, allocations: bool) -> Credit:
    spent = credit.allocations or ()
    applied = applied_of(spent)
    status = status_from_amounts(credit.amount, applied) if credit.status in _DERIVED else credit.status
    left = remaining_of(credit.amount, applied) if status in _DERIVED else Decimal(0)
    return credit.replace(
        memo=marks.strip(credit.memo),
        mark=marks.find(credit.memo),
        status=status,
        remote_status=credit.remote_status if status is credit.status else status.value,
        applied=applied if allocations else None,
        remaining=left if allocations else None,
        allocations=spent if allocations else None,
    )


def store(name: str = "default") -> MemoryStore:
    """The store of a name, shared by every backend whose settings name it."""
    return MemoryStore.named(name)


def reset(name: str | None = None) -> None:
    """Empty the store of a name, or every store of this process."""
    MemoryStore.forget(name)
