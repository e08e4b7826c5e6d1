"""The BillAgain provider: the vendor's credit operations and the mapping, put together."""

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from unibill import allocating, money, wire
from unibill.allocating import Change
from unibill.capabilities import Capabilities
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.drafts import faults_of_allocations as core_faults_of_allocations
from unibill.errors import Conflict, Fault, InvalidDraft, InvalidQuery, MalformedResponse, NotFound, Rejected
from unibill.flow import Done, Flow, Step
from unibill.losses import Loss
from unibill.model import Charge, Credit, Invoicing
from unibill.native import AsyncRunner, Runner
from unibill.provider import (
    AccountState,
    Addressing,
    At,
    BackendSettings,
    ChargeQuery,
    Clock,
    CreditQuery,
    Endpoint,
    Mapped,
    Page,
    Provider,
    system_clock,
)
from unibill_billagain import faults, mapping
from unibill_billagain.api import BillAgainApi, numeric
from unibill_billagain.declared import CAPABILITIES
from unibill_billagain.native import AsyncBillAgainNative, BillAgainNative
from unibill_billagain.settings import BillAgainSettings
from unibill_billagain.wire import CreditInput, CreditNote

if TYPE_CHECKING:
    from unibill.sandbox.system import SandboxSystem

_FIRST = 1
_ABSENT = frozenset({404, 410})
_SPENT = "It is spent, and BillAgain may refuse to delete it for that: deallocate it, then void it."
_FREED = "Its allocations are taken off by now, so what they paid is open again: allocate it anew, or void it in BillAgain."
"""The statuses with which a DELETE may say that the record is not there; only 410 is documented, and it may mean more."""


class BillAgainProvider(Provider[BillAgainSettings]):
    """One BillAgain account. It rests on https://docs.billagain.com/developer/credits and the pages beside it."""

    name = "billagain"
    title = "BillAgain"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    Settings: ClassVar[type[BackendSettings]] = BillAgainSettings

    def __init__(self, settings: BillAgainSettings, clock: Clock = system_clock) -> None:
        super().__init__(settings, clock)
        self.api = BillAgainApi(settings.page_size)
        self._zone = settings.zone
        self._to_credit = mapping.reader(settings.zone)

    def endpoint(self) -> Endpoint:
        """The address, with HTTP Basic."""
        return self.settings.endpoint()

    def identity(self) -> str:
        """Host and account."""
        return self.settings.identity()

    @classmethod
    def sandbox(cls) -> "type[SandboxSystem]":
        """The local BillAgain."""
        from unibill_billagain.sandbox import BillAgainSandbox

        return BillAgainSandbox

    def native(self, run: Runner) -> BillAgainNative:
        """The six credit operations, blocking."""
        return BillAgainNative(self.api, run)

    def async_native(self, run: AsyncRunner) -> AsyncBillAgainNative:
        """The six credit operations, awaitable."""
        return AsyncBillAgainNative(self.api, run)

    # Reads

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        """One page of credits; allocations are always loaded, and deleted credit notes are gone.

        The credits of an invoice are picked out of the list of all, since BillAgain has no such list.
        """
        invoice = None if query.invoice is None else str(numeric(query.invoice, "invoice id"))
        notes, following = yield from self._page(query.account, at)
        if invoice is not None:
            notes = [note for note in notes if any(str(item.invoice_id) == invoice for item in note.allocations or ())]
        return Page(Mapped(notes, self._to_credit, [str(note.credit_note_id) for note in notes]), following, promised=False)

    def credit_pages(self, query: CreditQuery) -> Addressing:
        """Pages are numbered from 1."""
        del query
        return Addressing(_FIRST, 1)

    def get_credit(self, credit_id: str, account: str | None) -> Flow[Credit]:
        """One credit note; with an account, only if it is that customer's."""
        note = yield from self.api.get_credit(credit_id)
        credit = mapping.to_credit(note, self._zone)
        if account is not None and credit.account_id != account:
            raise NotFound(f"credit {credit_id} is of customer {credit.account_id}, not {account}", operation="get credit")
        return credit

    def vendor_record(self, credit: Credit) -> Flow[Mapping[str, object]]:
        """The credit note, read alone."""
        found: Mapping[str, object] = wire.plain((yield from self.api.get_credit(credit.id)))
        return found

    def find_marked(self, account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
        """Every credit note with one of these marks, in ``CreditNumber`` or ``Memo``: one scan of the list."""
        found = yield from self._scan(account, lambda note: mapping.carries(note, marks))
        return [mapping.to_credit(note, self._zone, marks) for note in found]

    def account_state(self, account: str) -> Flow[AccountState]:
        """Whether there is such a customer, from one record of its credit list. BillAgain keeps no balances and has no plans."""
        yield from self.api.list_customer_credits(account, _FIRST, 1)
        return AccountState(account)

    def list_charges(self, query: ChargeQuery, at: At | None) -> Flow[Page[Charge]]:
        """One page of a customer's credit notes, as negative charges."""
        account = query.account
        if account is None:
            self._refuse(query.operation)
        notes, following = yield from self._page(account, at)
        return Page([mapping.to_charge(note, account) for note in notes], following, promised=False)

    def charge_pages(self, query: ChargeQuery) -> Addressing:
        """Pages are numbered from 1."""
        del query
        return Addressing(_FIRST, 1)

    # Pure

    def credit_of(self, charge: Charge) -> str:
        """Every charge is a credit note, under the same id."""
        return charge.id

    def faults_of_credit(self, draft: CreditDraft, mark: str | None) -> list[Fault]:
        """What BillAgain would refuse or not keep."""
        return faults.faults_of_credit(draft, mark, self.settings.mark_in)

    def faults_of_charge(self, draft: ChargeDraft, at: str) -> list[Fault]:
        """What BillAgain cannot hold of a charge."""
        return faults.faults_of_charge(draft, at)

    def losses_of_credit(self, draft: CreditDraft, mark: str | None) -> tuple[Loss, ...]:
        """What of a draft would not be read back."""
        return mapping.losses_of_credit(draft, mark, self.settings.mark_in)

    def vendor_draft(self, draft: CreditDraft, mark: str | None) -> Mapping[str, object]:
        """The body of the POST."""
        return mapping.to_add(draft, mark, self.settings.mark_in, self.clock().astimezone(self._zone).date()).json()

    # Writes

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        """One POST, which creates and allocates together.

        Raises:
            InvalidDraft: what ``faults_of_credit`` tells; nothing was sent.
            Rejected: BillAgain refused it; the hint says so where an empty list of allocations may be the reason.
        """
        if "add" in done:
            return (yield from self.get_credit(str(done["add"]["id"]), None))
        _refuse_faults("credit", self.faults_of_credit(draft, mark))
        today = self.clock().astimezone(self._zone).date()
        body = mapping.to_add(draft, mark, self.settings.mark_in, today)
        note = yield from self._add("add", body, mark)
        if note.credit_number is None or note.date is None:
            # The page's table of the answer leaves the number out; without it the mark could not be read.
            return (yield from self.get_credit(str(note.credit_note_id), None))
        return mapping.to_credit(note, self._zone, () if mark is None else (mark,))

    def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft], done: Done) -> Flow[Credit]:
        """Add allocations: read the credit, send all it has with their ids and the new ones, read it again.

        Raises:
            Conflict: the credit is not as ``credit`` says any more, so that it might be spent twice. Nothing was sent.
            InvalidDraft: more than remains now, or something that PUT cannot carry. Nothing was sent.
        """
        if "edit" in done:
            return (yield from self.get_credit(credit.id, None))
        now = yield from self.get_credit(credit.id, None)
        _refuse_changed(credit, now)
        available = Decimal(0) if now.remaining is None else now.remaining
        wrong = [*core_faults_of_allocations(drafts, now.currency, available), *faults.faults_of_allocations(drafts)]
        _refuse_faults("allocation", [*faults.faults_of_edit(now), *wrong])
        return (yield from self._edit(now, allocating.apply(now.allocations or (), drafts)))

    def deallocate(self, credit: Credit, allocation_ids: Collection[str], done: Done) -> Flow[Credit]:
        """Remove allocations: read the credit, send all the others with their ids, read it again.

        Ids that ``credit`` has and BillAgain has no more are taken as removed.

        Raises:
            NotFound: an id that the credit never had.
            Conflict: the credit is another one by now, or BillAgain answered and kept the allocations.
            InvalidDraft: something that PUT cannot carry.
        """
        if "edit" in done:
            return (yield from self.get_credit(credit.id, None))
        now = yield from self.get_credit(credit.id, None)
        _refuse_changed(credit, now, with_allocations=False)
        standing = now.allocations or ()
        strange = set(allocation_ids) - {item.id for item in (*standing, *(credit.allocations or ()))}
        if strange:
            raise NotFound(f"credit {credit.id} has no allocation {', '.join(sorted(strange))}", operation="edit credit")
        step = allocating.reverse(standing, allocation_ids)
        if now.allocations is not None and not step.removed:
            return now
        _refuse_faults("deallocation", faults.faults_of_edit(now))
        after = yield from self._edit(now, step)
        if any(item.id in allocation_ids for item in after.allocations or ()):
            raise Conflict("BillAgain took the shorter list and kept the allocations", operation="edit credit")
        return after

    def void(self, credit: Credit, done: Done) -> Flow[None]:
        """Delete the credit note, and its allocations with it.

        Whether a credit can be deleted while it is spent is not documented. Where it is refused, and the credit carries a mark of
        ours, its allocations are taken off first; others are left as they are, since the refusal may have another reason.

        Raises:
            Rejected: BillAgain refused it, and it is still there; the hint says so where its allocations are gone all the same.
            Conflict: the same, and the credit is not as ``credit`` says any more; its allocations were left.
        """
        if "delete" in done:
            return
        try:
            yield from self._delete("delete", credit.id, credit.account_id)
        except Rejected as refusal:
            yield from self._free(credit, refusal, was_freed="edit" in done)
            try:
                yield from self._delete("delete", credit.id, credit.account_id)
            except Rejected as again:
                again.hint = _FREED
                raise

    def add_charges(self, drafts: Sequence[ChargeDraft], done: Done) -> Flow[list[Charge]]:
        """Create a credit note for each negative charge, one POST each; they are not made together.

        Raises:
            InvalidDraft: a positive charge, or one with what BillAgain does not have; nothing was sent.
        """
        _refuse_faults("charge", [fault for i, draft in enumerate(drafts) for fault in self.faults_of_charge(draft, f"$[{i}]")])
        today = self.clock().astimezone(self._zone).date()
        charges: list[Charge] = []
        for i, draft in enumerate(drafts):
            step = f"add:{i}"
            if step in done:
                note = yield from self.api.get_credit(str(done[step]["id"]))
            else:
                body = mapping.to_add(mapping.to_credit_draft(draft), None, "number", today)
                note = yield from self._add(step, body, None)
            charges.append(mapping.to_charge(note, draft.account_id))
        return charges

    def reverse_charges(self, account: str, charge_ids: Sequence[str], invoicing: Invoicing, done: Done) -> Flow[list[Charge]]:
        """Delete the credit notes behind charges. Deleting leaves no reversing charges, so the list is empty.

        Raises:
            NotFound: one of them is not of this account; none was deleted.
        """
        del invoicing
        steps = {charge_id: f"delete:{charge_id}" for charge_id in charge_ids}
        open_ids = [charge_id for charge_id, step in steps.items() if step not in done]
        spent: set[str] = set()
        for charge_id in open_ids:
            if (yield from self.get_credit(charge_id, account)).allocations:
                spent.add(charge_id)
        for charge_id in open_ids:
            try:
                yield from self._delete(steps[charge_id], charge_id, account)
            except Rejected as refusal:
                if charge_id in spent:
                    refusal.hint = _SPENT
                raise
        return []

    # Parts of flows

    def _page(self, account: str | None, at: At | None) -> Flow[tuple[list[CreditNote], int | None]]:
        page = _place(at)
        try:
            notes = yield from (self.api.list_credits(page) if account is None else self.api.list_customer_credits(account, page))
        except NotFound:
            # 410 on page 1 means that there is no such customer. How a page past the end is answered is not documented.
            if page == _FIRST:
                raise
            return [], None
        return notes, page + 1 if len(notes) >= self.settings.page_size else None

    def _scan(self, account: str | None, wanted: Callable[[CreditNote], bool]) -> Flow[list[CreditNote]]:
        """The wanted records of a whole list, each once.

        A page that brings nothing new ends it, but for the second: there it may mean that paging does not work at all, and a
        scan that misses records would let a credit be created twice.
        """
        found: list[CreditNote] = []
        seen: set[str] = set()
        page = _FIRST
        while True:
            notes, following = yield from self._page(account, page)
            fresh = [note for note in notes if str(note.credit_note_id) not in seen]
            seen.update(str(note.credit_note_id) for note in fresh)
            found += [note for note in fresh if wanted(note)]
            if notes and not fresh and page == _FIRST + 1:
                raise MalformedResponse(
                    "the second page of the list is the first again, so the rest cannot be read", operation="list credits"
                )
            if following is None or not fresh:
                return found
            page = following

    def _add(self, step: str, body: CreditInput, mark: str | None) -> Flow[CreditNote]:
        yield Step(step, done=False, data={"account": str(body.customer_id), "mark": mark})
        try:
            note = yield from self.api.add_credit(body)
        except Rejected as error:
            if not body.allocations and not body.auto_apply and "allocation" in error.vendor_message.lower():
                error.hint = "BillAgain's page demands allocations unless auto_apply is given: give allocations, or auto_apply=True."
            raise
        yield Step(step, done=True, data={"id": str(note.credit_note_id)})
        return note

    def _edit(self, now: Credit, step: Change[AllocationDraft]) -> Flow[Credit]:
        body = mapping.to_edit(now, step)
        yield Step("edit", done=False, data={"id": now.id, "allocations": [item.id for item in step.kept]})
        yield from self.api.edit_credit(now.id, body)
        yield Step("edit", done=True, data={"id": now.id})
        # PUT answers without a body, and the ids of new allocations cannot be predicted.
        return (yield from self.get_credit(now.id, None))

    def _delete(self, step: str, credit_id: str, account: str | None) -> Flow[None]:
        yield Step(step, done=False, data={"id": credit_id})
        try:
            yield from self.api.delete_credit(credit_id)
        except (Rejected, NotFound) as error:
            if error.status not in _ABSENT or not (yield from self._is_gone(credit_id, account)):
                raise
        yield Step(step, done=True, data={"id": credit_id})

    def _free(self, credit: Credit, refusal: Rejected, *, was_freed: bool) -> Flow[None]:
        """Take the allocations off a credit whose deletion was refused, if that may be why and they are ours; else raise the refusal."""
        try:
            now = yield from self.get_credit(credit.id, None)
        except NotFound:
            raise refusal from None
        if not now.allocations:
            if was_freed or credit.allocations:
                refusal.hint = _FREED
            raise refusal
        if now.mark is None:
            refusal.hint = _SPENT
            raise refusal
        _refuse_changed(credit, now)
        if found := faults.faults_of_edit(now):
            refusal.hint = f"It is spent, and unibill cannot free it ({found[0]}): free it in BillAgain, then void it."
            raise refusal
        yield from self.deallocate(now, [item.id for item in now.allocations if item.id is not None], {})

    def _is_gone(self, credit_id: str, account: str | None) -> Flow[bool]:
        """Whether a credit note can neither be read nor is in the list. 410 alone does not prove it: it means a refusal too."""
        try:
            yield from self.api.get_credit(credit_id)
        except NotFound:
            listed = yield from self._scan(account, lambda note: str(note.credit_note_id) == credit_id)
            return not listed
        return False


def _place(at: At | None) -> int:
    if at is None:
        return _FIRST
    if not isinstance(at, int):
        raise InvalidQuery(f"{at!r} is not a page of BillAgain's: pages are numbered from {_FIRST}")
    return at


def _refuse_faults(what: str, found: Sequence[Fault]) -> None:
    if found:
        raise InvalidDraft(what, found)


def _refuse_changed(credit: Credit, now: Credit, *, with_allocations: bool = True) -> None:
    """Refuse to replace a record that somebody else has changed: BillAgain has no version check, the last PUT wins."""
    changed = [name for name in ("account_id", "currency", "amount") if getattr(credit, name) != getattr(now, name)]
    if with_allocations and None not in (credit.allocations, now.allocations) and _edges(credit) != _edges(now):
        changed.append("allocations")
    if changed:
        raise Conflict(f"credit {credit.id} has changed since it was read: {', '.join(changed)}", operation="edit credit")


def _edges(credit: Credit) -> list[tuple[str, str, str]]:
    return sorted((item.id or "", item.target.id, str(item.amount.normalize(money.EXACT))) for item in credit.allocations or ())
