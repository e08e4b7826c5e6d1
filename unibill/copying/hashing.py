"""Fingerprints of records and the hash of a plan: the same for the same facts, on any machine and in any order of reading."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

import msgspec
from pydantic import SecretBytes, SecretStr

from unibill import exactjson
from unibill.copying.charge_maps import ChargeTypeMap, PolicyMap
from unibill.copying.items import ChargeItem, Item
from unibill.copying.maps import InvoiceMap
from unibill.copying.options import PlanOptions
from unibill.model import Allocation, Credit
from unibill.plugins import AnyProvider
from unibill.provider import BackendSettings

SCHEMA: Final = 5
"""Rises when the same plan would get another hash."""

_plain: Final = msgspec.json.Encoder().encode
"""JSON of texts and lists of them, which needs none of the care that numbers do."""
_PRINT: Final = 16
"""Bytes of a fingerprint: a change shows in them as surely as it needs to, and nobody gains by two records with the same."""


def amount_key(amount: Decimal) -> str:
    """One text for all spellings of an amount: 10.10 and 10.1 are the same money.

    Every digit counts, whatever the precision of the decimal context that an app has set.
    """
    if not amount:
        return "0"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def canonical(value: object) -> bytes:
    """Compact JSON with sorted keys."""
    return exactjson.dumps(_sorted(value))


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value)
        return {key: _sorted(items[key]) for key in sorted(items)}
    if isinstance(value, (list, tuple)):
        return [_sorted(item) for item in cast("Sequence[object]", value)]
    return value


def digest(value: object) -> str:
    """A SHA-256 over the canonical JSON of a value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def fingerprint(item: Item) -> str:
    """What a person would call a change of a record changes this text; the vendor's extra fields do not count."""
    return _of_charge(item) if isinstance(item, ChargeItem) else _of_credit(item)


def _of_charge(item: ChargeItem) -> str:
    charge = item.charge
    facts = (
        charge.id,
        charge.account_id,
        charge.currency,
        amount_key(charge.amount),
        charge.category,
        charge.type,
        charge.invoicing,
        charge.policy_id,
        charge.transaction_id,
        charge.element_id,
        charge.element_static_id,
        charge.reversal_of,
        charge.tag,
        charge.mark,
        item.status,
        item.invoice,
        None if item.twin is None else _of_credit(item.twin),
    )
    return _short(facts)


def _of_credit(credit: Credit) -> str:
    allocations = None if credit.allocations is None else sorted(map(_edge, credit.allocations))
    facts = (
        credit.id,
        credit.account_id,
        credit.kind,
        credit.direction,
        credit.status,
        credit.currency,
        amount_key(credit.amount),
        None if credit.remaining is None else amount_key(credit.remaining),
        credit.number,
        credit.memo,
        None if credit.issued_on is None else credit.issued_on.isoformat(),
        credit.mark,
        allocations,
    )
    return _short(facts)


def _short(facts: Sequence[object]) -> str:
    """The start of a SHA-256 in few letters, since a run keeps two of each record."""
    return base64.b64encode(hashlib.sha256(_plain(facts)).digest()[:_PRINT]).decode().rstrip("=")


def _edge(allocation: Allocation) -> list[str]:
    target = allocation.target
    return [
        target.type,
        target.id,
        target.number or "",
        amount_key(allocation.amount),
        "" if allocation.reversed_at is None else "reversed",
    ]


def write_settings(provider: AnyProvider) -> dict[str, object]:
    """The settings that change what is written: the provider's own, without secrets and without those that every backend has."""
    settings: BackendSettings = provider.settings
    fields: dict[str, Any] = {name: getattr(settings, name) for name in type(settings).model_fields}
    own = {name: value for name, value in fields.items() if name not in BackendSettings.model_fields}
    return {name: str(value) for name, value in own.items() if value is not None and not isinstance(value, (SecretStr, SecretBytes))}


def carry_options(options: PlanOptions) -> dict[str, object]:
    """The options that change what is planned."""
    return {
        "carry": options.carry,
        "include": sorted(options.include),
        "only_accounts": _listed(options.only_accounts),
        "currencies": _listed(options.currencies),
        "statuses": _listed(options.statuses),
        "kinds": _listed(options.kinds),
        "ids": _listed(options.ids),
        "since": options.since.isoformat() if options.since else None,
        "until": options.until.isoformat() if options.until else None,
        "look_alikes": options.look_alikes,
        "allow_card_numbers": options.allow_card_numbers,
        "accept_plans": sorted(options.accept_plans),
        "same_account_ids": options.same_account_ids,
        "invoices": _invoices(options.invoices),
        "charge_types": _types(options.charge_types),
        "same_charge_types": options.same_charge_types,
        "policies": _policies(options.policies),
        "credit_charges": options.credit_charges,
        "invoiced_charges": options.invoiced_charges,
    }


def _listed(values: frozenset[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _invoices(invoices: InvoiceMap | None) -> str | None:
    if invoices is None:
        return None
    if invoices.find is not None:
        return "function"
    return digest([[source, found.id, found.number] for source, found in sorted(invoices.pairs.items())])


def _types(types: ChargeTypeMap | None) -> str | None:
    if types is None:
        return None
    if types.find is not None:
        return "function"
    return digest([[source, found.name, found.invoicing] for source, found in sorted(types.pairs.items())])


def _policies(policies: PolicyMap | None) -> str | None:
    if policies is None:
        return None
    if policies.find is not None:
        return "function"
    return digest([[kind.value, source, target] for (kind, source), target in sorted(policies.pairs.items())])


def plan_hash(head: Mapping[str, object], lines: Iterable[Sequence[str | None]]) -> str:
    """The hash of a plan: its head, then lines of text, such as its account map and its records, in the order in which they are given."""
    total = hashlib.sha256(canonical({"schema": SCHEMA, **head}))
    for line in lines:
        total.update(b"\n" + _plain(line))
    return total.hexdigest()
