"""The facade's operations, as checked flows: the one place where a call becomes questions to a provider.

Whatever can be refused is refused here, before any request: what the backend cannot do, questions that make no sense, and
drafts with faults. The sync and the async facade only drive what this module makes.
"""

from collections.abc import Collection, Sequence

from unibill import marks
from unibill.capabilities import Operation
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft, faults_of_allocations, faults_of_charge, faults_of_credit
from unibill.errors import Conflict, Fault, InvalidDraft, InvalidQuery, UnsupportedOperation
from unibill.flow import Done, Flow
from unibill.losses import Loss
from unibill.model import Charge, Credit, Direction, Finding, Invoicing, Status
from unibill.plugins import AnyProvider
from unibill.provider import ChargeQuery, CreditQuery
from unibill.scanning import ended

GONE = frozenset({Status.REVERSED, Status.VOID, Status.FAILED})
"""The statuses of a credit that gives nobody anything any more."""


class Operations:
    """Makes flows for one backend."""

    def __init__(self, backend: str, provider: AnyProvider) -> None:
        self.backend = backend
        self.provider = provider

    def require(self, operation: Operation) -> None:
        """Refuse an operation that the provider does not declare as usable.

        Raises:
            UnsupportedOperation: naming the backend, the operation, the reason, and what would do instead.
        """
        claim = self.provider.capabilities.of(operation)
        if not claim.usable:
            raise UnsupportedOperation(self.backend, operation, claim.note or str(claim.grade), claim.instead)

    def credit_query(self, account: str | None, invoice: str | None, include_reversed: bool, allocations: bool) -> CreditQuery:
        """A checked question for credits.

        Raises:
            InvalidQuery: both an account and an invoice, or an empty id.
            UnsupportedOperation: the backend cannot answer it.
        """
        if account is not None and invoice is not None:
            raise InvalidQuery("give either account or invoice, not both")
        _ids(account=account, invoice=invoice)
        query = CreditQuery(account, invoice, include_reversed, allocations)
        self.require(query.operation)
        if allocations:
            self.require(Operation.CREDITS_ALLOCATIONS)
        return query

    def charge_query(self, account: str | None, policy: str | None, transaction: str | None, include_all: bool) -> ChargeQuery:
        """A checked question for charges.

        Raises:
            InvalidQuery: not exactly one of account, policy and transaction, or an empty id.
            UnsupportedOperation: the backend cannot answer it.
        """
        if sum(value is not None for value in (account, policy, transaction)) != 1:
            raise InvalidQuery("give exactly one of account, policy and transaction")
        if include_all and transaction is None:
            raise InvalidQuery("include_all goes with transaction only")
        _ids(account=account, policy=policy, transaction=transaction)
        query = ChargeQuery(account, policy, transaction, include_all)
        self.require(query.operation)
        return query

    def get_credit(self, credit_id: str, account: str | None) -> Flow[Credit]:
        """One credit."""
        self.require(Operation.CREDITS_GET)
        _ids(credit_id=credit_id, account=account)
        return self.provider.get_credit(credit_id, account)

    def losses_of_credit(self, draft: CreditDraft, key: str | None) -> tuple[Loss, ...]:
        """What of a draft would not arrive; sends nothing."""
        return self.provider.losses_of_credit(draft, marks.key_mark(key) if key else None)

    def create_credit(self, draft: CreditDraft, key: str | None) -> Flow[Credit]:
        """Create a credit; under a key, at most once however often it is called.

        Raises:
            InvalidDraft: with every fault.
        """
        self.require(Operation.CREDITS_CREATE)
        if draft.allocations:
            self.require(Operation.CREDITS_CREATE_ALLOCATED)
        if draft.auto_apply:
            self.require(Operation.CREDITS_AUTO_APPLY)
        if key is not None:
            self.require(Operation.CREDITS_FIND)
            _ids(key=key)
        mark = marks.key_mark(key) if key is not None else None
        check_draft("credit", [*faults_of_credit(draft), *self.provider.faults_of_credit(draft, mark)])
        return self._create(draft, mark)

    def _create(self, draft: CreditDraft, mark: str | None) -> Flow[Credit]:
        done: Done = {}
        if mark is not None:
            standing = yield from self._standing(draft.account_id, mark)
            if standing is not None:
                if (standing.currency, standing.amount) != (draft.currency, draft.amount):
                    raise Conflict(
                        f"this key already made credit {standing.id} of {standing.amount} {standing.currency}, "
                        f"not {draft.amount} {draft.currency}; use another key for another credit",
                        operation=Operation.CREDITS_CREATE,
                    )
                done = self.provider.done_from(standing)
                if not done:
                    return _giving(standing)
        credit = _marked(_giving((yield from self.provider.create_credit(draft, mark, done))), mark)
        notes = tuple(
            Finding(code="not-written", message=loss.reason, field=loss.field) for loss in self.provider.losses_of_credit(draft, mark)
        )
        return credit.replace(findings=credit.findings + notes) if notes else credit

    def find_credit(self, key: str, account: str | None) -> Flow[Credit | None]:
        """The credit that was created under a key, or None."""
        self.require(Operation.CREDITS_FIND)
        _ids(key=key, account=account)
        return self._standing(account, marks.key_mark(key))

    def _standing(self, account: str | None, mark: str) -> Flow[Credit | None]:
        search = self.provider.find_marked(account, frozenset({mark}))
        carriers = yield from ended(search, Operation.CREDITS_FIND, self.backend)
        standing = [credit for credit in carriers if credit.status not in GONE]
        if len(standing) > 1:
            raise Conflict(
                f"{len(standing)} credits carry the mark of this key: {', '.join(credit.id for credit in standing)}",
                operation=Operation.CREDITS_FIND,
                hint="Void all but one of them.",
            )
        return standing[0] if standing else None

    def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft]) -> Flow[Credit]:
        """Spend more of a credit.

        Raises:
            InvalidDraft: an empty list, faults in it, or more than remains.
        """
        self.require(Operation.CREDITS_ALLOCATE)
        faults = faults_of_allocations(drafts, credit.currency, credit.amount if credit.remaining is None else credit.remaining)
        if not drafts:
            faults.append(Fault("$.allocations", "there are none; give at least one"))
        check_draft("allocation", faults)
        return self.provider.allocate(credit, drafts, {})

    def deallocate(self, credit: Credit, allocation_ids: Collection[str]) -> Flow[Credit]:
        """Undo allocations of a credit, by their ids."""
        self.require(Operation.CREDITS_DEALLOCATE)
        if not allocation_ids:
            raise InvalidQuery("name at least one allocation to undo")
        _each(allocation_ids)
        return self.provider.deallocate(credit, allocation_ids, {})

    def void(self, credit: Credit) -> Flow[None]:
        """Take a credit away."""
        self.require(Operation.CREDITS_VOID)
        return self.provider.void(credit, {})

    def add_charges(self, drafts: Sequence[ChargeDraft]) -> Flow[list[Charge]]:
        """Put charges on one account.

        Raises:
            InvalidDraft: none, or drafts that do not share account, currency, policy and invoicing, or faults in them.
        """
        self.require(Operation.CHARGES_ADD)
        faults: list[Fault] = [] if drafts else [Fault("$", "there are no charges; give at least one")]
        shared = {(draft.account_id, draft.currency, draft.policy_id, draft.invoicing) for draft in drafts}
        if len(shared) > 1:
            faults.append(Fault("$", "charges of one call share account, currency, policy and invoicing; make one call for each"))
        for i, draft in enumerate(drafts):
            faults += faults_of_charge(draft, f"$[{i}]")
            faults += self.provider.faults_of_charge(draft, f"$[{i}]")
        check_draft("charge", faults)
        return self.provider.add_charges(drafts, {})

    def reverse_charges(self, account: str, charge_ids: Sequence[str], invoicing: Invoicing) -> Flow[list[Charge]]:
        """Undo charges of one account."""
        self.require(Operation.CHARGES_REVERSE)
        _ids(account=account)
        if not charge_ids or len(set(charge_ids)) != len(charge_ids):
            raise InvalidQuery("name at least one charge to reverse, and each only once")
        _each(charge_ids)
        return self.provider.reverse_charges(account, charge_ids, invoicing, {})


def check_draft(what: str, faults: Sequence[Fault]) -> None:
    """Refuse a draft with faults.

    Raises:
        InvalidDraft: with all of them.
    """
    if faults:
        raise InvalidDraft(what, dict.fromkeys(faults))


def _giving(credit: Credit) -> Credit:
    """The credit that a create made, now or before.

    Raises:
        Conflict: it takes money instead.
    """
    if credit.direction is Direction.FROM_ACCOUNT:
        raise Conflict(
            f"credit {credit.id} was made, and takes {credit.amount} {credit.currency} from the account instead of giving it",
            operation=Operation.CREDITS_CREATE,
            hint="Void it at the vendor, and mend what the backend's settings say of signs.",
        )
    return credit


def _marked(credit: Credit, mark: str | None) -> Credit:
    """The credit that a create made, if its key can find it again.

    Raises:
        Conflict: the vendor did not keep the mark, so that a second call with the key would make a second credit.
    """
    if mark is not None and credit.mark != mark:
        raise Conflict(
            f"credit {credit.id} was made, but the mark of its key came back cut off or changed, so the key cannot find it",
            operation=Operation.CREDITS_CREATE,
            hint="Do not call again with the key: keep the credit's id, or void it, and ask the vendor how long its texts may be.",
        )
    return credit


def _ids(**ids: str | None) -> None:
    empty = [name for name, value in ids.items() if value is not None and not value.strip()]
    if empty:
        raise InvalidQuery(f"{' and '.join(empty)} must not be empty")
    wrong = [name for name, value in ids.items() if value is not None and not _may_be_id(value)]
    if wrong:
        raise InvalidQuery(f"{' and '.join(wrong)} cannot be an id: a dot alone, two dots, or broken unicode")


def _each(ids: Collection[str]) -> None:
    if not all(value.strip() for value in ids):
        raise InvalidQuery("an id in the list is empty")
    if not all(map(_may_be_id, ids)):
        raise InvalidQuery("an id in the list is a dot alone, two dots, or broken unicode")


def _may_be_id(value: str) -> bool:
    """Servers and proxies read dots as another path; a lone surrogate cannot be sent at all."""
    return value not in {".", ".."} and not any("\ud800" <= character <= "\udfff" for character in value)
