"""Charges, both ways; charges as the credits they are; and what of a credit draft a charge cannot carry.

There is no "create credit" in Socotra. A credit that comes from elsewhere is put on the account as a flat charge that lowers
what is owed. That such a charge is negative is inferred, so the sign is a setting. Where it is ``positive``, charges of the
configured type change their sign on the way in and out, so that in the common model a negative charge always lowers what is owed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from unibill import marks
from unibill.drafts import ChargeDraft, CreditDraft
from unibill.errors import Fault
from unibill.losses import Loss
from unibill.model import Charge, ChargeCategory, Credit, CreditKind, Direction, Finding, Invoicing, Status, TargetType
from unibill_socotra.mapping.ids import charge_id
from unibill_socotra.mapping.times import day, ulid_moment
from unibill_socotra.settings import SocotraSettings
from unibill_socotra.wire import charges as wire
from unibill_socotra.wire.charges import ChargeCreate

CATEGORIES: Final = {
    "none": ChargeCategory.NONE,
    "premium": ChargeCategory.PREMIUM,
    "tax": ChargeCategory.TAX,
    "fee": ChargeCategory.FEE,
    "credit": ChargeCategory.CREDIT,
    "invoiceFee": ChargeCategory.INVOICE_FEE,
    "cededPremium": ChargeCategory.CEDED_PREMIUM,
    "nonFinancial": ChargeCategory.NON_FINANCIAL,
    "surcharge": ChargeCategory.SURCHARGE,
}
INVOICINGS: Final = {mode.value: mode for mode in (Invoicing.SCHEDULED, Invoicing.NEXT, Invoicing.IMMEDIATE)}
_ESTIMATED: Final = Finding(
    code="created-at-estimated", message="Socotra gives charges no time; this one is read from the locator.", field="created_at"
)
_NOT_A_CREDIT: Final = Finding(
    code="not-a-credit", message="The charge carries a mark, but it does not lower what the account owes.", field="amount"
)
_WRITABLE: Final = frozenset({TargetType.INVOICE, TargetType.INVOICE_ITEM})


@dataclass(frozen=True, slots=True)
class ChargeRules:
    """Which charges are credits, and which sign they have at the vendor.

    Attributes:
        flipped: as it gives them.
        sent_flipped: as it takes them.
    """

    credit_type: str | None
    flipped: bool
    sent_flipped: bool

    @classmethod
    def of(cls, settings: SocotraSettings) -> "ChargeRules":
        """The rules that a backend's settings give."""
        sign = settings.credit_charge_sign
        return cls(settings.credit_charge_type, flipped=sign == "positive", sent_flipped=sign != "negative")

    def signed(self, amount: Decimal, charge_type: str) -> Decimal:
        """The vendor's amount with our sign."""
        return amount.copy_negate() if self.flipped and charge_type == self.credit_type else amount

    def sent(self, amount: Decimal, charge_type: str) -> Decimal:
        """Our amount with the sign that the vendor takes."""
        return amount.copy_negate() if self.sent_flipped and charge_type == self.credit_type else amount

    def is_credit(self, record: wire.Charge) -> bool:
        """Whether a charge is a credit: of category credit or the configured type, lowering what is owed, and undoing nothing."""
        if record.reversal_of_locator is not None:
            return False
        ours = record.charge_type == self.credit_type
        return (ours or record.charge_category == "credit") and self.signed(record.amount, record.charge_type) < 0


def charge(record: wire.Charge, provider: str, rules: ChargeRules) -> Charge:
    """A charge in the common model. A reversal carries no mark, even where the server copied the tag."""
    extra = dict(record.unknown)
    if record.bundle_transaction_locator is not None:
        extra["bundleTransactionLocator"] = record.bundle_transaction_locator
    amount = rules.signed(record.amount, record.charge_type)
    if amount != record.amount:
        extra["amount"] = record.amount
    mark = marks.find(record.tag)
    if mark and record.reversal_of_locator is not None:
        extra["tag"] = record.tag
        mark = None
    invoicing = INVOICINGS.get(record.charge_invoicing or "", Invoicing.UNKNOWN)
    if invoicing is Invoicing.UNKNOWN and record.charge_invoicing is not None:
        extra["chargeInvoicing"] = record.charge_invoicing
    return Charge(
        id=record.locator,
        provider=provider,
        account_id=record.account_locator,
        currency=record.currency,
        amount=amount,
        category=CATEGORIES.get(record.charge_category, ChargeCategory.UNKNOWN),
        remote_category=record.charge_category,
        type=record.charge_type,
        invoicing=invoicing,
        policy_id=record.policy_locator,
        transaction_id=record.transaction_locator,
        element_id=record.element_locator,
        element_static_id=record.element_static_locator,
        reversal_of=record.reversal_of_locator,
        tag=marks.strip(record.tag),
        mark=mark,
        extra=extra,
    )


def reversed_locators(records: Collection[wire.Charge]) -> frozenset[str]:
    """The charges that others of these undo; one whose reversal was itself reversed stands again."""
    undoes = {record.locator: record.reversal_of_locator for record in records if record.reversal_of_locator is not None}
    undone, before = frozenset(undoes.values()), None
    # Each round is right for one reversal of a reversal more; records that undo each other in a circle never settle.
    for _ in undoes:
        if undone == before or undone.isdisjoint(undoes):
            break
        before, undone = undone, frozenset(original for reversal, original in undoes.items() if reversal not in undone)
    return undone


def credit_of_charge(record: wire.Charge, provider: str, zone: tzinfo, *, undone: bool) -> Credit:
    """A credit charge as a credit.

    Args:
        record: ``ChargeRules.is_credit`` has said yes.
        provider: the name in the credit.
        zone: whose calendar day the credit was issued on.
        undone: whether another charge reverses it.
    """
    created = ulid_moment(record.locator)
    mark = marks.find(record.tag)
    return Credit(
        id=charge_id(record.locator),
        provider=provider,
        account_id=record.account_locator,
        kind=CreditKind.CHARGE,
        direction=Direction.TO_ACCOUNT,
        status=Status.REVERSED if undone else Status.OPEN,
        remote_status="",
        currency=record.currency,
        amount=record.amount.copy_abs(),
        remaining=Decimal(0) if undone else None,
        memo=record.tag if mark is None else marks.strip(record.tag),
        issued_on=day(created, zone),
        created_at=created,
        mark=mark,
        findings=() if created is None else (_ESTIMATED,),
        extra=_rest(record),
    )


def marked_credit(record: wire.Charge, provider: str, zone: tzinfo, rules: ChargeRules, *, undone: bool) -> Credit:
    """A charge that was meant as a credit, and says so where it does not lower what the account owes."""
    credit = credit_of_charge(record, provider, zone, undone=undone)
    if rules.is_credit(record):
        return credit
    return credit.replace(direction=Direction.FROM_ACCOUNT, findings=(*credit.findings, _NOT_A_CREDIT))


def _rest(record: wire.Charge) -> dict[str, object]:
    """What of a charge has no slot in a credit, under the vendor's names; written out, since this is done for every charge read."""
    extra: dict[str, object] = {
        "amount": record.amount,
        "chargeCategory": record.charge_category,
        "chargeType": record.charge_type,
        **record.unknown,
    }
    if record.charge_invoicing is not None:
        extra["chargeInvoicing"] = record.charge_invoicing
    if record.policy_locator is not None:
        extra["policyLocator"] = record.policy_locator
    if record.transaction_locator is not None:
        extra["transactionLocator"] = record.transaction_locator
    if record.element_locator is not None:
        extra["elementLocator"] = record.element_locator
    if record.element_static_locator is not None:
        extra["elementStaticLocator"] = record.element_static_locator
    if record.bundle_transaction_locator is not None:
        extra["bundleTransactionLocator"] = record.bundle_transaction_locator
    if record.reversal_of_locator is not None:
        extra["reversalOfLocator"] = record.reversal_of_locator
    return extra


def charge_create(draft: ChargeDraft, rules: ChargeRules) -> ChargeCreate:
    """A charge draft as the request's charge; its account, currency, policy and invoicing belong to the request."""
    kind = draft.type or rules.credit_type
    if kind is None:
        raise ValueError("the draft names no charge type and the settings none for credits")
    return ChargeCreate(
        amount=rules.sent(draft.amount, kind),
        charge_type=kind,
        transaction_locator=draft.transaction_id,
        element_locator=draft.element_id,
        element_static_locator=draft.element_static_id,
        tag=draft.tag,
    )


def credit_charge(draft: CreditDraft, mark: str | None, rules: ChargeRules) -> ChargeCreate:
    """A credit draft as the charge that puts it on the account: its amount with the reducing sign, its mark and memo as the tag."""
    if rules.credit_type is None:
        raise ValueError("the settings name no charge type for credits")
    return ChargeCreate(
        amount=rules.sent(draft.amount.copy_negate(), rules.credit_type), charge_type=rules.credit_type, tag=tag_of(draft, mark)
    )


def tag_of(draft: CreditDraft, mark: str | None) -> str | None:
    """The tag: the mark and the memo, whole."""
    return " ".join(part for part in (mark, draft.memo) if part) or None


def faults_of_credit(draft: CreditDraft, mark: str | None, settings: SocotraSettings) -> list[Fault]:
    """What Socotra refuses in a credit draft, beyond what the core refuses."""
    faults: list[Fault] = []
    if settings.credit_charge_type is None:
        faults.append(
            Fault("$", "set credit_charge_type in the backend's settings: a credit is put on the account as a charge of that type")
        )
    tag = tag_of(draft, mark) or ""
    if len(tag) > settings.tag_max:
        room = settings.tag_max - (len(mark) + 1 if mark else 0)
        faults.append(Fault("$.memo", f"has {len(draft.memo or '')} characters; the charge's tag has room for {room}"))
    if settings.credit_invoicing != "immediate" and (draft.allocations or draft.auto_apply):
        faults.append(
            Fault("$.allocations", 'only a credit that is invoiced at once can be spent at once; set credit_invoicing = "immediate"')
        )
    for i, allocation in enumerate(draft.allocations):
        if allocation.target_type not in _WRITABLE:
            faults.append(
                Fault(f"$.allocations[{i}].target_type", f"Socotra pays invoices and their items, not a {allocation.target_type}")
            )
        elif allocation.target_type is TargetType.INVOICE_ITEM and allocation.target_id is None:
            faults.append(Fault(f"$.allocations[{i}].target_id", "an invoice item has no number; give its id"))
    return faults


def faults_of_charge(draft: ChargeDraft, at: str, settings: SocotraSettings) -> list[Fault]:
    """What Socotra refuses in a charge draft, beyond what the core refuses."""
    faults: list[Fault] = []
    if draft.type is None and settings.credit_charge_type is None:
        faults.append(Fault(f"{at}.type", "give the tenant's charge type, or set credit_charge_type in the backend's settings"))
    if len(draft.tag or "") > settings.tag_max:
        faults.append(Fault(f"{at}.tag", f"has {len(draft.tag or '')} characters; the tag has room for {settings.tag_max}"))
    return faults


def losses_of_credit(draft: CreditDraft) -> tuple[Loss, ...]:
    """What of a credit draft a charge cannot carry: only descriptive facts, since amount, currency and allocations arrive whole."""
    losses: list[Loss] = []
    if draft.issued_on is not None:
        losses.append(Loss("issued_on", draft.issued_on.isoformat(), "a charge has no date of its own: it counts from when it is added"))
    if draft.number is not None:
        losses.append(Loss("number", draft.number, "a charge has no number; put it in the memo to keep it"))
    return tuple(losses)
