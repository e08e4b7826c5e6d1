"""Creating, spending and undoing credits.

Each write is announced by a ``Step`` and confirmed by another. A flow that is given the steps already done, or that finds by its own
reading what an earlier try has done, goes on from there: a charge is added once, a distribution of unibill's own locator is
executed once, nothing that is reversed is reversed again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from unibill import allocating, money
from unibill.drafts import AllocationDraft, CreditDraft, faults_of_allocations
from unibill.errors import ConfigurationError, Conflict, Fault, InvalidDraft, InvalidQuery, NotFound, OutcomeUnknown, Rejected
from unibill.flow import Done, Flow, Step
from unibill.model import Allocation, Credit, CreditKind, Direction, Status, TargetType, applied_of, status_from_amounts
from unibill_socotra.api import SocotraApi, read_all
from unibill_socotra.mapping import charges as map_charges
from unibill_socotra.mapping import ids
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.mapping.credits import with_allocations
from unibill_socotra.reading.attribute import attribute
from unibill_socotra.reading.edges import Part
from unibill_socotra.reading.gather import gather
from unibill_socotra.settings import SocotraSettings
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.credits import Distribution
from unibill_socotra.wire.invoices import Invoice
from unibill_socotra.writing import checks, distributing, spendable
from unibill_socotra.writing.checks import by_id, newest_first, refuse_shared, reversal_type
from unibill_socotra.writing.distributing import Movement
from unibill_socotra.writing.undoing import Undoing, void_charge

_SPENDABLE = frozenset({CreditKind.CHARGE, CreditKind.PAYMENT, CreditKind.DISTRIBUTION})
CONTAINERS = {TargetType.INVOICE: "invoice", TargetType.INVOICE_ITEM: "invoiceItem"}
"""What can be paid, and what Socotra calls it."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes the writing flows of one backend."""

    api: SocotraApi
    settings: SocotraSettings
    rules: ChargeRules
    provider: str
    zone: tzinfo

    def create(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        """Add the charge, make it spendable where it is to be spent, and spend it.

        Raises:
            ConfigurationError: no credit_charge_type is set.
            InvalidDraft: a target that is no invoice of the account and currency, or has less left to pay. Nothing was written.
            Rejected: the vendor refused. Where the charge had been added, it stays.
        """
        if self.settings.credit_charge_type is None:
            raise ConfigurationError(
                "writing credits to Socotra needs credit_charge_type: the tenant's charge type (handling flat) for new credits"
            )
        draft = draft.model_copy(update={"account_id": ids.spelt(draft.account_id)})
        targets = yield from self._targets(draft.account_id, draft.allocations)
        if "charge" not in done:
            # Once the charge is there, what could not be spent of it would be left to spend.
            yield from checks.refuse_targets(self.api, draft.account_id, draft.currency, targets)
        charge, fresh = yield from self._charge(draft, mark, done)
        credit = map_charges.marked_credit(charge, self.provider, self.zone, self.rules, undone=False)
        if credit.direction is Direction.FROM_ACCOUNT:
            return credit
        if not targets and not draft.auto_apply:
            return credit
        yield from spendable.settle(self.api, charge, self.rules)
        known: list[Distribution] = [] if fresh else (yield from distributing.made_for(self.api, draft.account_id, credit.id))
        if draft.auto_apply:
            targets = yield from self._earliest_due(draft, known)
        movements = [self._movement(credit, part) for part in targets]
        finished = yield from distributing.run_all(self.api, credit.id, movements, known, 0)
        return _spent(credit, [allocation for record in finished for allocation in distributing.allocations_of(record, credit.id)])

    def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft], done: Done) -> Flow[Credit]:
        """Spend more of what a credit has in the account's balance.

        Raises:
            Conflict: the credit is undone, or of a kind that cannot be spent.
            InvalidDraft: more than remains of it now.
        """
        account = self._account_of(credit)
        now = yield from self._read(account, credit.id)
        if now.kind not in _SPENDABLE or now.status in {Status.REVERSED, Status.VOID, Status.FAILED}:
            raise Conflict(f"credit {credit.id} is {now.status} and cannot be spent", operation="credits.allocate")
        targets = yield from self._targets(account, drafts)
        if now.kind is CreditKind.CHARGE and now.remaining is None:
            charge = yield from self._charge_by_locator(account, ids.parse(credit.id)[1])
            yield from spendable.settle(self.api, charge, self.rules)
            now = yield from self._read(account, credit.id)
        known = yield from distributing.made_for(self.api, account, credit.id)
        first = done["start"]["number"] if "start" in done else None
        if not isinstance(first, int):
            first = distributing.next_number(known)
            there = Decimal(0) if now.remaining is None else now.remaining
            if faults := faults_of_allocations(drafts, credit.currency, there):
                raise InvalidDraft("allocation", faults)
            yield Step("start", done=True, data={"number": first})
        movements = [self._movement(now, part) for part in targets]
        finished = yield from distributing.run_all(self.api, credit.id, movements, known, first)
        seen = {allocation.group_id for allocation in now.allocations or ()}
        fresh = [
            allocation for record in finished if record.locator not in seen for allocation in distributing.allocations_of(record, credit.id)
        ]
        return _spent(now, [*(now.allocations or ()), *fresh])

    def deallocate(self, credit: Credit, allocation_ids: Collection[str], done: Done) -> Flow[Credit]:
        """Reverse the distributions behind allocations, newest first. Socotra reverses a distribution only whole.

        Raises:
            ConfigurationError: no reversal_type is set.
            Conflict: a distribution has other allocations too, which would be undone with it.
            NotFound: the credit has no such allocation.
        """
        del done
        reversal_type = self.reversal_type("undoing an allocation")
        account = self._account_of(credit)
        every = yield from self._read_all(account)
        now = by_id(every, credit.id)
        wanted = set(allocation_ids)
        if missing := wanted - {allocation.id for allocation in now.allocations or ()}:
            raise NotFound(f"credit {credit.id} has no allocation {', '.join(sorted(missing))} that a distribution made")
        step = allocating.reverse(now.allocations or (), wanted)
        groups = newest_first(step.removed)
        refuse_shared(every, groups, wanted)
        for group in groups:
            yield from distributing.reverse(self.api, group, reversal_type)
        return (yield from self._read(account, credit.id))

    def void(self, credit: Credit, done: Done) -> Flow[None]:
        """Take a credit away; see ``undoing`` for a charge's own way.

        Raises:
            ConfigurationError: no reversal_type is set and a distribution or payment would have to be reversed.
            Rejected: Socotra has no route that undoes this kind.
            Conflict: its money was spent together with other credits'.
        """
        del done
        kind, locator = ids.parse(credit.id)
        if kind is CreditKind.CHARGE:
            yield from void_charge(self._undoing(), self._account_of(credit), locator)
        elif kind is CreditKind.PAYMENT:
            reversal_type = self.reversal_type("reversing a payment")
            if (yield from self.api.fetch_payment(locator)).payment_state != "reversed":
                yield Step(f"reverse:{locator}", done=False)
                yield from self.api.reverse_payment(locator, reversal_type)
                yield Step(f"reverse:{locator}", done=True)
        elif kind is CreditKind.DISTRIBUTION:
            yield from distributing.reverse(self.api, locator, self.reversal_type("reversing a distribution"))
        elif kind is CreditKind.WRITE_OFF:
            if (yield from self.api.fetch_write_off(locator)).write_off_state != "reversed":
                yield Step(f"reverse:{locator}", done=False)
                yield from self.api.reverse_write_off(locator)
                yield Step(f"reverse:{locator}", done=True)
        else:
            raise Rejected(f"Socotra has no operation that undoes a {credit.kind}", operation="credits.void", hint="Undo what caused it.")

    def _undoing(self) -> Undoing:
        return Undoing(self.api, self.settings, self.rules, self.provider, self.zone)

    def reversal_type(self, what: str) -> str:
        """The configured reversal type, or the error that says what needs it."""
        return reversal_type(self.settings, what)

    def _charge(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[tuple[Charge, bool]]:
        """The credit's charge, and whether it was added just now."""
        if "charge" in done:
            return (yield from self._charge_by_locator(draft.account_id, str(done["charge"]["id"]))), False
        wanted = map_charges.credit_charge(draft, mark, self.rules)
        yield Step("charge", done=False, data={"mark": mark})
        made = yield from self.api.add_charges(
            draft.account_id, [wanted], invoicing=self.settings.credit_invoicing, currency=draft.currency
        )
        if len(made) != 1:
            raise OutcomeUnknown(f"one charge was sent and {len(made)} were answered", operation="addCharges")
        yield Step("charge", done=True, data={"id": made[0].locator})
        return made[0], True

    def _charge_by_locator(self, account: str, locator: str) -> Flow[Charge]:
        charges = yield from read_all(lambda at: self.api.fetch_charges_by_account(account, offset=at), self.api.page_size)
        found = next((charge for charge in charges if charge.locator == locator), None)
        if found is None:
            raise NotFound(f"account {account} has no charge {locator}", operation="fetchChargesByAccount")
        return found

    def _targets(self, account: str, drafts: Sequence[AllocationDraft]) -> Flow[list[Part]]:
        """Where allocations go, numbers looked up."""
        parts: list[Part] = []
        faults: list[Fault] = []
        for i, draft in enumerate(drafts):
            locator = draft.target_id
            if locator is None:
                found: list[Invoice] = yield from self.api.fetch_invoice_with_number(draft.target_number or "")
                ours = [invoice.locator for invoice in found if invoice.account_locator == account]
                if len(ours) != 1:
                    message = f"{draft.target_number!r} is the number of {len(ours)} invoices of account {account}; give target_id"
                    faults.append(Fault(f"$.allocations[{i}].target_number", message))
                    continue
                locator = ours[0]
            parts.append(Part(ids.spelt(locator), CONTAINERS.get(draft.target_type, "invoice"), draft.amount))
        if faults:
            raise InvalidDraft("allocation", faults)
        return parts

    def _earliest_due(self, draft: CreditDraft, known: Sequence[Distribution]) -> Flow[list[Part]]:
        """The account's open invoices, the earliest due first, as far as the credit's amount goes."""
        account = draft.account_id
        parts: list[Part] = []
        promised: dict[str, Decimal] = {}
        for record in known:
            if record.credit_distribution_state not in {"draft", "validated", "executed"}:
                continue
            for target in (record.targets or ())[:1]:
                parts.append(Part(target.container_locator, target.container_type, record.amount))
                if record.credit_distribution_state != "executed":
                    promised[target.container_locator] = money.add([promised.get(target.container_locator, Decimal(0)), record.amount])
        left = money.subtract(draft.amount, money.add([part.amount for part in parts]))
        invoices = yield from read_all(lambda at: self.api.fetch_invoices_for_account(account, offset=at), self.api.page_size)
        waiting = [invoice for invoice in invoices if invoice.invoice_state == "open" and invoice.currency == draft.currency]
        waiting.sort(key=lambda one: (one.due_time or "", one.locator))
        open_amounts = [
            (one.locator, money.subtract(one.total_remaining_amount or Decimal(0), promised.get(one.locator, Decimal(0))))
            for one in waiting
        ]
        return [*parts, *(Part(locator, "invoice", part) for _, locator, part in allocating.fill([(None, left)], open_amounts))]

    def _movement(self, credit: Credit, part: Part) -> Movement:
        account = self._account_of(credit)
        return Movement(account, credit.currency, part.amount, Part(account, "account", part.amount), part)

    def _account_of(self, credit: Credit) -> str:
        if credit.account_id is None:
            raise InvalidQuery(f"credit {credit.id} names no account; read it with its account")
        return credit.account_id

    def _read_all(self, account: str) -> Flow[list[Credit]]:
        records = yield from gather(self.api, account, self.rules)
        return attribute(records, self.provider, self.zone, self.rules)

    def _read(self, account: str, credit_id: str) -> Flow[Credit]:
        return by_id((yield from self._read_all(account)), credit_id)


def _spent(credit: Credit, allocations: Sequence[Allocation]) -> Credit:
    """A credit with what was spent of it. A charge's own distributions spend it first, so nothing else can have."""
    applied = applied_of(tuple(allocations))
    before = money.subtract(credit.amount, credit.applied or Decimal(0)) if credit.remaining is None else credit.remaining
    remaining = max(money.subtract(before, money.subtract(applied, credit.applied or Decimal(0))), Decimal(0))
    status = status_from_amounts(credit.amount, money.subtract(credit.amount, remaining))
    return with_allocations(credit, tuple(allocations), applied, remaining, status)
