"""The Socotra provider: Socotra's operations and the mappings, put together."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from unibill.capabilities import Capabilities
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import Fault, InvalidDraft, InvalidQuery, MalformedResponse, NotFound, Rejected
from unibill.flow import Done, Flow, Step
from unibill.losses import Loss
from unibill.model import Charge, ChargeCategory, Credit, CreditKind, Invoicing, Status, TargetType, applied_of
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
    Page,
    Provider,
    system_clock,
)
from unibill_socotra.api import Listing, SocotraApi, read_all
from unibill_socotra.declared import CAPABILITIES
from unibill_socotra.mapping import charges as map_charges
from unibill_socotra.mapping import credits as map_credits
from unibill_socotra.mapping import ids
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.native import AsyncSocotraNative, SocotraNative
from unibill_socotra.reading import single
from unibill_socotra.reading.attribute import attribute
from unibill_socotra.reading.gather import gather
from unibill_socotra.reading.invoiced import invoices_of
from unibill_socotra.settings import SocotraSettings
from unibill_socotra.wire import charges as wire_charges
from unibill_socotra.wire import invoices as wire_invoices
from unibill_socotra.writing.checks import refuse_reversed, refuse_unreversed
from unibill_socotra.writing.distributing import allocations_of
from unibill_socotra.writing.writer import CONTAINERS, Writer

if TYPE_CHECKING:
    from unibill.sandbox.system import SandboxSystem

_CHARGES = "charges"
"""The last page of an account's credits: those that are charges."""
_LAST_OFFSET = 2**31 - 1
"""The vendor's offset is an int32."""


class SocotraProvider(Provider[SocotraSettings]):
    """One Socotra tenant. It rests on Socotra's Credits API and Flat Charges API pages and its OpenAPI document."""

    name = "socotra"
    title = "Socotra"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    Settings: ClassVar[type[BackendSettings]] = SocotraSettings

    def __init__(self, settings: SocotraSettings, clock: Clock = system_clock) -> None:
        super().__init__(settings, clock)
        self.api = SocotraApi(settings.tenant, settings.page_size, clock)
        self._zone = ZoneInfo(settings.time_zone)
        self._rules = ChargeRules.of(settings)
        self._writer = Writer(self.api, settings, self._rules, self.name, self._zone)

    def endpoint(self) -> Endpoint:
        """The address, with a bearer token."""
        token = self.settings.token.get_secret_value()
        return Endpoint(self.settings.base_url, {"Authorization": f"Bearer {token}"}, (token,))

    def identity(self) -> str:
        """The tenant: a UUID, and so the same whatever the address."""
        return f"socotra:{self.settings.tenant.lower()}"

    @classmethod
    def sandbox(cls) -> "type[SandboxSystem]":
        """The local Socotra."""
        from unibill_socotra.sandbox import SocotraSandbox

        return SocotraSandbox

    def native(self, run: Runner) -> SocotraNative:
        """All operations, blocking."""
        return SocotraNative(self.api, run)

    def async_native(self, run: AsyncRunner) -> AsyncSocotraNative:
        """All operations, awaitable."""
        return AsyncSocotraNative(self.api, run)

    # Reads

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        """One page of credits.

        With allocations, everything of the account comes as one page, since it has to be read whole. Without, an account's
        credits/list comes page by page, and then all its credit charges as one page more.

        Raises:
            InvalidQuery: allocations of all accounts at once.
        """
        if query.allocations:
            found = yield from self._attributed(query)
            return Page(_wanted(found, query.include_reversed), None)
        if at == _CHARGES and query.account is not None:
            credit_charges = yield from self._credit_charges(query.account)
            return Page(_wanted(credit_charges, query.include_reversed), None)
        offset = self._offset(at)
        if query.invoice is not None:
            page = yield from self.api.fetch_credits_for_an_invoice(query.invoice, include_reversed=query.include_reversed, offset=offset)
        else:
            page = yield from self.api.fetch_credits(query.account, offset=offset)
        found = [map_credits.listed_credit(record, self.name, self._zone) for record in page.items]
        following: At | None = offset + self.settings.page_size
        if page.completed:
            following = None if query.account is None else _CHARGES
        return Page(_wanted(found, query.include_reversed), following, promised=page.said or following == _CHARGES)

    def credit_pages(self, query: CreditQuery) -> Addressing | None:
        """Offsets, where one list of the vendor's is all there is to read."""
        return None if query.allocations or query.account is not None else Addressing(0, self.settings.page_size)

    def get_credit(self, credit_id: str, account: str | None) -> Flow[Credit]:
        """One credit with its allocations; its account is read whole for them.

        Raises:
            InvalidQuery: no id of Socotra's credits, or one of a charge without the account.
            NotFound: no such credit, or one of another account.
        """
        kind, locator = ids.parse(credit_id)
        if kind is CreditKind.CHARGE and account is None:
            raise InvalidQuery(f"{credit_id} is a charge, which Socotra finds only by its account; give account=")
        credit_id, account = ids.spelt_id(credit_id), None if account is None else ids.spelt(account)
        alone = yield from single.credit_of(self.api, kind, locator, self.name, self._zone)
        owner = account if alone is None or alone.account_id is None else alone.account_id
        if alone is not None and account is not None and owner not in {None, account}:
            raise NotFound(f"credit {credit_id} belongs to account {owner}, not {account}", operation="credits.get")
        if owner is not None:
            records = yield from gather(self.api, owner, self._rules)
            for credit in attribute(records, self.name, self._zone, self._rules):
                if credit.id == credit_id:
                    return credit
        if alone is None:
            raise NotFound(f"account {owner} has no credit {credit_id}", operation="credits.get")
        return alone if kind is not CreditKind.DISTRIBUTION else (yield from self._movement(alone, locator))

    def vendor_record(self, credit: Credit) -> Flow[Mapping[str, object]]:
        """The charge, payment or whatever the credit's id names, as its own operation reads it; a charge out of its account's list."""
        return single.record_of(self.api, credit)

    def find_marked(self, account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
        """Every charge of an account whose tag starts with one of these marks. Reversals do not count: the server may copy the tag.

        Raises:
            InvalidQuery: no account. Socotra lists charges by account only.
        """
        if account is None:
            raise InvalidQuery("Socotra lists charges by account only; give account=")
        charges = yield from self._charges_of(account)
        undone = map_charges.reversed_locators(charges)
        found: list[Credit] = []
        for charge in charges:
            if charge.reversal_of_locator is not None or map_charges.charge(charge, self.name, self._rules).mark not in marks:
                continue
            found.append(map_charges.marked_credit(charge, self.name, self._zone, self._rules, undone=charge.locator in undone))
        return found

    def account_state(self, account: str) -> Flow[AccountState]:
        """Balances in the currencies that the account's credits have, and its excess credit plan.

        Raises:
            NotFound: no such account.
            InvalidQuery: Socotra spells it otherwise. A plan compares the accounts of its copies with those that it was given.
        """
        found = yield from self.api.fetch_account(account)
        if found.locator != account:
            raise InvalidQuery(f"Socotra spells this account {found.locator}, not {account}; give it so")
        listed = yield from read_all(lambda at: self.api.fetch_credits(account, offset=at), self.settings.page_size)
        balances: dict[str, Decimal] = {}
        for currency in sorted({record.currency for record in listed}):
            ledger = yield from self.api.fetch_ledger_account("accountCreditBalance", account, currency=currency, size=1)
            balances[currency] = ledger.balance
        plan = found.excess_credit_plan_name
        would = f"the excess credit plan {plan!r}, whose settings cannot be read through the API, may apply or pay out the credit by itself"
        return AccountState(account, None, balances, plan, would if plan else "")

    def list_charges(self, query: ChargeQuery, at: At | None) -> Flow[Page[Charge]]:
        """One page of the charges of an account, policy or transaction."""
        offset = self._offset(at)
        page: Listing[wire_charges.Charge]
        if query.policy is not None:
            page = yield from self.api.fetch_charges_by_policy(query.policy, offset=offset)
        elif query.transaction is not None:
            everything = query.include_all or None
            page = yield from self.api.fetch_charges_by_transaction(query.transaction, include_all=everything, offset=offset)
        elif query.account is not None:
            page = yield from self.api.fetch_charges_by_account(query.account, offset=offset)
        else:
            raise InvalidQuery("give an account, a policy or a transaction")
        found = [map_charges.charge(record, self.name, self._rules) for record in page.items]
        return Page(found, None if page.completed else offset + self.settings.page_size, promised=page.said)

    def charge_pages(self, query: ChargeQuery) -> Addressing:
        """Offsets."""
        del query
        return Addressing(0, self.settings.page_size)

    def invoiced_charges(self, account: str) -> Flow[Mapping[str, str]]:
        """The invoices of an account are read with their items, which name type and amount; the oldest charge that fits is taken.

        Which of two charges of one type, amount and currency is on an invoice, Socotra does not say; the older one is, then.
        """
        charges = yield from self._charges_of(account)
        size = self.settings.page_size
        listed = yield from read_all(
            lambda at: self.api.fetch_invoices_for_account(account, include_zero_amount_invoices=True, offset=at), size
        )
        invoices: list[wire_invoices.Invoice] = []
        for one in listed:
            invoices.append(one if one.invoice_items else (yield from self.api.get_invoice_with_items(one.locator)))
        return invoices_of(charges, invoices, self._rules)

    # Pure

    def credit_of(self, charge: Charge) -> str | None:
        """A charge that lowers what is owed, of category credit or the configured type, and undoes nothing."""
        ours = charge.type == self._rules.credit_type or charge.category is ChargeCategory.CREDIT
        return ids.charge_id(charge.id) if ours and charge.amount < 0 and charge.reversal_of is None else None

    def faults_of_credit(self, draft: CreditDraft, mark: str | None) -> list[Fault]:
        """What Socotra would refuse, or could only take cut."""
        return map_charges.faults_of_credit(draft, mark, self.settings)

    def faults_of_copy(self, draft: CreditDraft) -> list[Fault]:
        """Locators in another spelling than Socotra's, which it reads and does not give back."""
        return ids.faults_of_spelling(draft.allocations)

    def faults_of_charge(self, draft: ChargeDraft, at: str) -> list[Fault]:
        """What Socotra would refuse of a charge."""
        return map_charges.faults_of_charge(draft, at, self.settings)

    def losses_of_credit(self, draft: CreditDraft, mark: str | None) -> tuple[Loss, ...]:
        """What a charge cannot carry."""
        del mark
        return map_charges.losses_of_credit(draft)

    def vendor_draft(self, draft: CreditDraft, mark: str | None) -> Mapping[str, object]:
        """The account, and the charge of ``addCharges`` with what it shares with others; and what its distributions are to move."""
        charge = map_charges.credit_charge(draft, mark, self._rules).body() if self._rules.credit_type is not None else {}
        shared = {"accountLocator": draft.account_id, "currency": draft.currency, "invoicing": self.settings.credit_invoicing}
        targets = [
            {
                "containerLocator": item.target_id or item.target_number,
                "containerType": CONTAINERS.get(item.target_type, "invoice"),
                "amount": item.amount,
            }
            for item in draft.allocations
        ]
        return {**shared, **charge, **({"targets": targets} if targets else {})}

    # Writes

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        """A negative flat charge, spent by credit distributions; see ``writing.writer``."""
        _refuse("credit", self.faults_of_credit(draft, mark))
        return self._writer.create(draft, mark, done)

    def done_from(self, credit: Credit) -> Done:
        """A charge that carries the mark proves that it was added; its distributions are found by their locators."""
        kind, locator = ids.parse(credit.id)
        return {"charge": {"id": locator}} if kind is CreditKind.CHARGE else {}

    def allocate(self, credit: Credit, drafts: Sequence[AllocationDraft], done: Done) -> Flow[Credit]:
        """One credit distribution from the account's balance for each draft."""
        return self._writer.allocate(ids.spelt_credit(credit), drafts, done)

    def deallocate(self, credit: Credit, allocation_ids: Collection[str], done: Done) -> Flow[Credit]:
        """The distributions behind these allocations are reversed, whole."""
        return self._writer.deallocate(ids.spelt_credit(credit), allocation_ids, done)

    def void(self, credit: Credit, done: Done) -> Flow[None]:
        """The credit's distributions are reversed, then the credit itself; see ``writing.undoing``."""
        return self._writer.void(ids.spelt_credit(credit), done)

    def add_charges(self, drafts: Sequence[ChargeDraft], done: Done) -> Flow[list[Charge]]:
        """``addCharges``, once. A second try after an answer that never came is not made: tags are not unique to the vendor.

        Raises:
            Rejected: of several, some may stay where one is refused; the hint says so.
        """
        faults = [fault for i, draft in enumerate(drafts) for fault in self.faults_of_charge(draft, f"$[{i}]")]
        _refuse("charge", faults)
        first = drafts[0]
        if "add" in done:
            added = set(_texts(done["add"].get("ids")))
            charges = yield from self._charges_of(first.account_id)
            return [map_charges.charge(record, self.name, self._rules) for record in charges if record.locator in added]
        yield Step("add", done=False, data={"count": len(drafts)})
        try:
            made = yield from self.api.add_charges(
                first.account_id,
                [map_charges.charge_create(draft, self._rules) for draft in drafts],
                policy_locator=first.policy_id,
                invoicing=None if first.invoicing is None else first.invoicing.value,
                currency=first.currency,
            )
        except Rejected as error:
            if len(drafts) > 1:
                error.hint = "Whether Socotra keeps the others of a refused request is not documented: list the account's charges first."
            raise
        yield Step("add", done=True, data={"ids": [record.locator for record in made]})
        return [map_charges.charge(record, self.name, self._rules) for record in made]

    def reverse_charges(self, account: str, charge_ids: Sequence[str], invoicing: Invoicing, done: Done) -> Flow[list[Charge]]:
        """``reverseCharges``, once. What Socotra makes of one that is reversed already is not documented, so none is sent twice.

        Raises:
            NotFound: one of them is not of this account; nothing was sent.
            Conflict: one of them is reversed already; nothing was sent.
        """
        if invoicing is Invoicing.UNKNOWN:
            raise InvalidQuery("unknown is no invoicing; give scheduled, next or immediate")
        wanted = list(dict.fromkeys(map(ids.spelt, charge_ids)))
        charges = yield from self._charges_of(account)
        if "reverse" in done:
            return [map_charges.charge(record, self.name, self._rules) for record in charges if record.reversal_of_locator in wanted]
        refuse_reversed(charges, wanted)
        yield Step("reverse", done=False, data={"ids": wanted})
        made = yield from self.api.reverse_charges(account, wanted, invoicing=invoicing.value)
        refuse_unreversed(made, wanted)
        yield Step("reverse", done=True)
        return [map_charges.charge(record, self.name, self._rules) for record in made]

    # Parts

    def _offset(self, at: At | None) -> int:
        offset = 0 if at is None else at
        if not isinstance(offset, int):
            raise InvalidQuery(f"{at!r} is no place in a list of Socotra")
        if offset > _LAST_OFFSET:
            raise MalformedResponse(f"the list does not end: at offset {offset} it still says that it is not complete")
        return offset

    def _charges_of(self, account: str) -> Flow[list[wire_charges.Charge]]:
        return read_all(lambda at: self.api.fetch_charges_by_account(account, offset=at), self.settings.page_size)

    def _credit_charges(self, account: str) -> Flow[list[Credit]]:
        charges = yield from self._charges_of(account)
        undone = map_charges.reversed_locators(charges)
        return [
            map_charges.credit_of_charge(record, self.name, self._zone, undone=record.locator in undone)
            for record in charges
            if self._rules.is_credit(record)
        ]

    def _attributed(self, query: CreditQuery) -> Flow[list[Credit]]:
        account = query.account
        places: set[str] = set()
        if query.invoice is not None:
            invoice = yield from self.api.get_invoice_with_items(query.invoice)
            account = invoice.account_locator
            places = {invoice.locator, *(item.locator for item in invoice.invoice_items or ())}
        if account is None:
            raise InvalidQuery("Socotra's allocations are worked out account by account; give account= or invoice=")
        records = yield from gather(self.api, ids.spelt(account), self._rules)
        found = attribute(records, self.name, self._zone, self._rules)
        if query.invoice is None:
            return found
        return [credit for credit in found if any(item.target.id in places for item in credit.allocations or ())]

    def _movement(self, credit: Credit, locator: str) -> Flow[Credit]:
        """A distribution that only moves other credits' money, with the edges it made: nothing of its own remains."""
        record = yield from self.api.fetch_credit_distribution(locator)
        if credit.status not in map_credits.MOVED:
            return credit
        edges = tuple(edge for edge in allocations_of(record, credit.id) if edge.target.type is not TargetType.ACCOUNT)
        return map_credits.with_allocations(credit, edges, applied_of(edges), Decimal(0), credit.status)


def _wanted(credits: Sequence[Credit], include_reversed: bool) -> list[Credit]:
    return [credit for credit in credits if include_reversed or credit.status is not Status.REVERSED]


def _refuse(what: str, faults: Sequence[Fault]) -> None:
    if faults:
        raise InvalidDraft(what, faults)


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
