"""What of a source charge is carried, when charges are copied as charges. Pure functions.

A charge is carried whole or not at all. As with credits the tables are total and there is no silent default: what no map names
blocks, and what stays behind is named.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from unibill.capabilities import Capabilities
from unibill.copying.carry import Rule, Ruling, Verdict, lost_texts, mask, text_of
from unibill.copying.charge_maps import LinkKind, MappedType
from unibill.copying.decisions import Decision
from unibill.copying.items import ChargeItem
from unibill.copying.options import PlanOptions
from unibill.copying.texts import Text, fate
from unibill.drafts import ChargeDraft
from unibill.losses import Loss
from unibill.model import ChargeCategory, Invoicing, Status

_UNDOCUMENTED: Final = "nobody documented this category, so nobody can say whether the charge is owed"
CATEGORIES: Final[Mapping[ChargeCategory, Verdict]] = {
    ChargeCategory.PREMIUM: Verdict(Rule.CARRY),
    ChargeCategory.TAX: Verdict(Rule.CARRY),
    ChargeCategory.FEE: Verdict(Rule.CARRY),
    ChargeCategory.CREDIT: Verdict(Rule.CARRY),
    ChargeCategory.INVOICE_FEE: Verdict(Rule.CARRY),
    ChargeCategory.CEDED_PREMIUM: Verdict(Rule.CARRY),
    ChargeCategory.NON_FINANCIAL: Verdict(Rule.CARRY),
    ChargeCategory.SURCHARGE: Verdict(Rule.CARRY),
    ChargeCategory.NONE: Verdict(Rule.CARRY),
    ChargeCategory.UNKNOWN: Verdict(Rule.BLOCK, "unknown-category", _UNDOCUMENTED),
}
"""A category alone lets any charge pass that somebody documented: its type has to be in the map, which is where a person decides."""
_LINKS: Final = {
    LinkKind.POLICY: "policy_id",
    LinkKind.TRANSACTION: "transaction_id",
    LinkKind.ELEMENT: "element_id",
    LinkKind.ELEMENT_STATIC: "element_static_id",
}


def judged(item: ChargeItem, options: PlanOptions) -> MappedType | Ruling:
    """The charge type that a charge becomes, or why it is not carried."""
    charge = item.charge
    if item.status is Status.REVERSED:
        of = f"it undoes charge {charge.reversal_of}, which is left out too" if charge.reversal_of else "it was reversed"
        return Ruling(Decision.SKIP, "reversal" if charge.reversal_of else "reversed", of)
    if charge.reversal_of is not None:
        return _blocked("reversal-alone", f"it undoes charge {charge.reversal_of}, which the account does not list")
    verdict = CATEGORIES[charge.category]
    if verdict.rule is Rule.BLOCK:
        return _blocked(verdict.code, f'{verdict.reason} (the source says "{charge.remote_category}")')
    mapped = options.charge_types.get(charge.type) if options.charge_types is not None else None
    if mapped is None and options.same_charge_types:
        mapped = MappedType(charge.type)
    if mapped is None:
        return _blocked("unmapped-charge-type", f"charge type {charge.type} is not in the map; map it, or leave it behind with -")
    if mapped.name is None:
        return Ruling(Decision.SKIP, "left-behind", f"the map leaves charges of type {charge.type} behind")
    return _on_its_way(item, options) or mapped


def _on_its_way(item: ChargeItem, options: PlanOptions) -> Ruling | None:
    """What its credit or its invoice say against copying a charge."""
    if item.credit_id is not None:
        if item.twin is None:
            return _blocked("changed-while-read", "it is a credit too, which the account does not list; plan again")
        return _spent(item)
    if item.invoice is None or options.invoiced_charges == "copy":
        return None
    where = f"it is on invoice {item.invoice} of the source, and would be owed twice where that invoice stands at the target"
    if options.invoiced_charges == "skip":
        return Ruling(Decision.SKIP, "invoiced", where)
    return _blocked("invoiced", f"{where}; --invoiced-charges copy|skip says what to do")


def _spent(item: ChargeItem) -> Ruling | None:
    credit = item.twin
    if credit is None or (not credit.applied and credit.remaining in {None, credit.amount}):
        return None
    left = "what remains is unknown" if credit.remaining is None else f"{credit.remaining} {credit.currency} remains"
    return _blocked("spent", f"it is a credit too, and some of it is spent ({left}); as a credit it would carry what remains")


def drafted(item: ChargeItem, account: str, mapped: MappedType, options: PlanOptions) -> ChargeDraft | Ruling:
    """The draft of a copy with the source's tag and no mark; or why there is none."""
    charge = item.charge
    links: dict[str, str] = {}
    for kind, name in _LINKS.items():
        source = getattr(charge, name)
        if source is None:
            continue
        target = options.policies.get(kind, source) if options.policies is not None else None
        if target is None:
            return _blocked(
                f"unmapped-{kind.value.replace('_', '-')}", f"{kind.value.replace('_', ' ')} {source} is not in the map of policies"
            )
        links[name] = target
    invoicing = mapped.invoicing or charge.invoicing
    if invoicing is Invoicing.UNKNOWN:
        return _blocked("unknown-invoicing", "nobody knows when it is invoiced; name an invoicing for its type in the map")
    return ChargeDraft.model_construct(
        account_id=account,
        currency=charge.currency,
        amount=charge.amount,
        type=mapped.name,
        invoicing=invoicing,
        policy_id=links.get("policy_id"),
        transaction_id=links.get("transaction_id"),
        element_id=links.get("element_id"),
        element_static_id=links.get("element_static_id"),
        tag=charge.tag,
    )


def marked(draft: ChargeDraft, mark: str) -> ChargeDraft:
    """The draft with the mark at the start of its tag."""
    return draft.model_copy(update={"tag": " ".join(text for text in (mark, draft.tag) if text)})


def values_of(draft: ChargeDraft, item: ChargeItem) -> dict[str, Any]:
    """A draft as JSON values for the store, with what its copy has to be: the category, and whether it counts as a credit."""
    values: dict[str, Any] = {name: getattr(draft, name) for name in ChargeDraft.model_fields}
    values["invoicing"] = None if draft.invoicing is None else draft.invoicing.value
    return {**values, "category": item.charge.category.value, "credit": item.twin is not None, "allocations": []}


def draft_from(values: Mapping[str, Any], tag: str | None) -> ChargeDraft:
    """The draft that ``values_of`` kept, with its tag."""
    known = {name: values[name] for name in ChargeDraft.model_fields}
    mode = known["invoicing"]
    return ChargeDraft(**{**known, "amount": Decimal(known["amount"]), "invoicing": None if mode is None else Invoicing(mode), "tag": tag})


def fates(item: ChargeItem, options: PlanOptions) -> dict[str, Text]:
    """What becomes of a charge's texts, by name."""
    return {"tag": fate(item.charge.tag, cards=options.allow_card_numbers, whole=False)}


def differences(item: ChargeItem, values: Mapping[str, Any]) -> str:
    """In what a copy differs from the draft that ``values_of`` kept, beyond its amount, account and tag; an empty text for nothing."""
    charge = item.charge
    wanted = {name: values[name] for name in ("category", "type", "invoicing", *_LINKS.values())}
    found = {name: getattr(charge, name) for name in wanted}
    if charge.invoicing is Invoicing.UNKNOWN:
        found["invoicing"] = wanted["invoicing"]
    other = [f"{name} {found[name] or 'missing'} instead of {wanted[name] or 'none'}" for name in wanted if found[name] != wanted[name]]
    return ", ".join(other)


def losses_of(item: ChargeItem, texts: Mapping[str, Text], source: Capabilities, title: str) -> list[Loss]:
    """What of a charge has no place in a draft.

    Args:
        item: the source's.
        texts: what becomes of its texts, by name.
        source: what the source's provider declares.
        title: the target's vendor, as people write it.
    """
    charge, nowhere = item.charge, f"{title} has no place for it"
    losses = lost_texts(charge, texts)
    if item.invoice is not None:
        losses.append(Loss("invoice", item.invoice, "its copy is invoiced anew"))
    for name, value in charge.extra.items():
        if value not in (None, "", [], {}) and name not in source.restated:
            losses.append(Loss(f"extra.{name}", mask(text_of(value)), nowhere))
    return losses


def _blocked(code: str, reason: str) -> Ruling:
    return Ruling(Decision.BLOCKED, code, mask(reason))
