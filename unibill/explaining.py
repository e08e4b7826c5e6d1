"""What becomes of a credit at another backend, field by field. Pure: nothing is sent.

``explain`` takes a credit as it was read; ``matrix`` takes a made-up one in which everything is filled that the source's
provider can read, and so tells for a pair of providers what can be lost between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from unibill import exactjson, marks
from unibill.capabilities import Capabilities, FieldSupport, Operation
from unibill.copying import carry
from unibill.copying.carry import Carried, Ruling
from unibill.copying.maps import AccountMap, InvoiceMap
from unibill.copying.options import Carry, PlanOptions
from unibill.drafts import CreditDraft, faults_of_credit
from unibill.errors import Fault
from unibill.losses import Loss, LossKind
from unibill.model import Allocation, Credit, CreditKind, Direction, Record, Status, Target, TargetType
from unibill.plugins import AnyProvider


class Arrival(StrEnum):
    """What becomes of a field."""

    SAME = "same"
    CHANGED = "changed"
    OWN = "its own"
    """The target gives it a value of its own, as it does to every record."""
    PARTLY = "partly"
    LOST = "lost"
    STAYS = "stays"
    """The credit is not copied, so this stays with it where it is."""
    EMPTY = "empty"
    """There is nothing to carry."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One field of a credit on its way.

    Attributes:
        raw: the source vendor's own value, as text; empty where it sent none, or its record was not read.
        source: the rule by which the common value comes from it: what the vendor calls it, and what is done with it.
        value: as the common model has it, as text; not masked.
        target: the rule by which the target's vendor gets it.
        arrives: the common value there, as text; empty where there is none or the target makes its own.
        written: what the target's vendor is sent for it, as text.
        reasons: why it is not the same.
        money: whether money is lost with it.
    """

    field: str
    source: str
    value: str
    arrival: Arrival
    target: str
    arrives: str
    reasons: tuple[str, ...] = ()
    money: bool = False
    raw: str = ""
    written: str = ""

    def jsonable(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "field": self.field,
            "raw": self.raw,
            "source": self.source,
            "value": self.value,
            "arrival": self.arrival.value,
            "target": self.target,
            "arrives": self.arrives,
            "written": self.written,
            "reasons": list(self.reasons),
            "money": self.money,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """What a copy would carry of a credit with one ``--carry``.

    Attributes:
        carry: which.
        amount: in the credit's currency; None where the copy would leave the credit alone.
        allocations: how many of its allocations come with it.
        reason: why it would be left alone; else empty.
    """

    carry: Carry
    amount: Decimal | None
    allocations: int = 0
    reason: str = ""

    def jsonable(self) -> dict[str, object]:
        """As JSON values."""
        return {"carry": self.carry, "amount": self.amount, "allocations": self.allocations, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A credit on its way to another backend.

    Attributes:
        credit: as it was read.
        refusal: why a copy would leave it alone or stop at it; empty where it would be made.
        draft: what would be written; None with a refusal.
        faults: what the target refuses in the draft.
        fields: every field, in the model's order; the vendor's own fields that are lost come last.
        mark: of the copy.
        carry: with which ``--carry`` all that is told of the copy holds.
        choices: what a copy would carry with each.
    """

    credit: Credit
    refusal: str
    draft: CreditDraft | None
    faults: tuple[Fault, ...]
    fields: tuple[Explained, ...]
    mark: str = ""
    carry: Carry = "history"
    choices: tuple[Choice, ...] = ()

    def jsonable(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "id": self.credit.id,
            "amount": self.credit.amount,
            "remaining": self.credit.remaining,
            "carry": self.carry,
            "choices": [choice.jsonable() for choice in self.choices],
            "refusal": self.refusal,
            "draft": None if self.draft is None else _plain(self.draft.model_dump()),
            "faults": [{"path": fault.path, "message": fault.message} for fault in self.faults],
            "fields": [field.jsonable() for field in self.fields],
        }


_OWN: Final[Mapping[str, str]] = {
    "id": "the target numbers its records itself",
    "provider": "the target's name stands there",
    "kind": "the target's kind of credit",
    "status": "follows from the amounts at the target",
    "remote_status": "the target's word for it",
    "applied": "follows from the allocations at the target",
    "remaining": "follows from the amounts at the target",
    "mark": "the mark of this copy",
    "findings": "findings are about one side only",
}
_UNDECLARED: Final = FieldSupport(read=False, write=False)
"""What a provider does not declare of a field, it can neither read nor write."""
_SKIPPED: Final = frozenset({"extra"})


def explain(
    credit: Credit,
    source: Capabilities,
    source_identity: str,
    target: AnyProvider,
    account: str | None = None,
    *,
    history: bool = True,
    record: Mapping[str, object] | None = None,
) -> Explanation:
    """What a copy of a credit would be at another backend.

    Args:
        credit: with its allocations loaded.
        source: what the source's provider declares.
        source_identity: from ``Provider.identity``, for the mark.
        target: the other backend's provider.
        account: the account there; the same id if left out.
        history: tell of a copy that carries allocations too, each to an invoice of the same id; else, or where that cannot be and
            what remains can be carried, of one of only what remains.
        record: the vendor's own record (``Provider.vendor_record``), for the values as the vendor has them.
    """
    tells, takes = source.of(Operation.CREDITS_ALLOCATIONS), target.capabilities.of(Operation.CREDITS_CREATE_ALLOCATED)
    able = tells.usable and takes.usable
    remaining, spent = _choice(credit, "remaining"), _choice(credit, "history")
    if not able:
        spent = Choice("history", None, reason=f"{target.title} cannot get it with what it was spent on")
    carries_history = history and able and (spent.amount is not None or remaining.amount is None)
    told = _explained(credit, source, source_identity, target, account, _options("history" if carries_history else "remaining"))
    body = _body(told, target)
    fields = tuple(_in_vendors_words(field, source, target.capabilities, record, body) for field in told.fields)
    return replace(told, fields=fields, carry="history" if carries_history else "remaining", choices=(remaining, spent))


def _options(which: Carry) -> PlanOptions:
    """Each allocation goes to an invoice of the same id."""
    return PlanOptions(accounts=AccountMap(), carry=which, invoices=InvoiceMap.from_callable(lambda invoice: invoice))


def _carried(credit: Credit, options: PlanOptions) -> Carried | Ruling:
    ruling = carry.judged(credit, options)
    return ruling if ruling is not None else carry.carried(credit, options)


def _choice(credit: Credit, which: Carry) -> Choice:
    what = _carried(credit, _options(which))
    return Choice(which, None, reason=what.reason) if isinstance(what, Ruling) else Choice(which, what.amount, len(what.allocations))


def _explained(
    credit: Credit, source: Capabilities, source_identity: str, target: AnyProvider, account: str | None, options: PlanOptions
) -> Explanation:
    there = account or credit.account_id or "1"
    mark = marks.mark(source_identity, credit.kind, credit.id)
    what = _carried(credit, options)
    if isinstance(what, Ruling):
        return Explanation(credit, what.reason, None, (), tuple(_unsent(name, credit, source, target) for name in _names()))
    texts = carry.fates(credit, options)
    draft = carry.with_texts(carry.draft_of(credit, there, what), texts, stored=False)
    # The core's list of what a draft has no place for names extra fields and times; what the target says comes after it.
    losses = [*carry.losses_of(credit, what, texts, source, target.title), *target.losses_of_credit(draft, mark)]
    faults = (*faults_of_credit(draft), *target.faults_of_credit(draft, mark))
    fields = [_sent(name, credit, draft, mark, source, target, losses) for name in _names()]
    for name, value in credit.extra.items():
        here = [loss for loss in losses if loss.field == f"extra.{name}"]
        if here:
            fields.append(Explained(f"extra.{name}", name, text_of(value), Arrival.LOST, "", "", tuple(loss.reason for loss in here)))
    return Explanation(credit, "", draft, faults, tuple(fields), mark)


def _body(told: Explanation, target: AnyProvider) -> Mapping[str, object]:
    """What the target would be sent; without the allocations where only they stand in the way, and nothing where more does."""
    draft = told.draft
    if draft is None:
        return {}
    if all(fault.path.startswith("$.allocations") for fault in told.faults):
        return target.vendor_draft(draft.model_copy(update={"allocations": ()}) if told.faults else draft, told.mark)
    return {}


def _in_vendors_words(
    field: Explained, source: Capabilities, target: Capabilities, record: Mapping[str, object] | None, body: Mapping[str, object]
) -> Explained:
    """The same with the vendors' own values, and with the rules between them and the common one."""
    from_support, to_support = source.credit_fields.get(field.field, _UNDECLARED), target.credit_fields.get(field.field, _UNDECLARED)
    extra = field.field.removeprefix("extra.") if field.field.startswith("extra.") else ""
    # Where nothing was found in a text that is another field's too, it is not this field's value.
    has_raw = field.arrival is not Arrival.EMPTY and (field.field != "mark" or bool(field.value))
    raw = _own_values((extra,) if extra else from_support.vendor, record or {}) if has_raw else ""
    # A field that the target makes itself is not sent, though another field may be sent under the same name.
    sends = field.arrival in {Arrival.SAME, Arrival.CHANGED, Arrival.PARTLY} or field.field == "mark"
    written = _own_values(to_support.vendor, body) if sends else ""
    return replace(
        field,
        raw=raw,
        source=extra or from_support.rule(record or None),
        target="" if extra else to_support.rule(body or None),
        written=written,
    )


def _own_values(names: Sequence[str], record: Mapping[str, object]) -> str:
    """The values of a vendor's fields as text; with their names where there are several."""
    found = [(name, _own_text(record[name])) for name in names if name in record and record[name] not in (None, "", [], {})]
    return found[0][1] if len(found) == 1 else ", ".join(f"{name} {text}" for name, text in found)


def _own_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_own_text(item)}" for name, item in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON values
    if isinstance(value, list):
        return "; ".join(_own_text(item) for item in value)  # pyright: ignore[reportUnknownVariableType] - the same
    return value if isinstance(value, str) else exactjson.dumps(value).decode()


def matrix(source: AnyProvider, target: AnyProvider) -> tuple[Explained, ...]:
    """What becomes of each field between two providers, judged on a credit in which everything is filled that the source can read."""
    return explain(sample(source.name, source.capabilities), source.capabilities, source.identity(), target, "1001").fields


def sample(provider: str, capabilities: Capabilities) -> Credit:
    """A made-up credit with every field filled that the provider can read."""
    day, moment = date(2016, 4, 5), datetime(2016, 4, 5, 8, 30, tzinfo=UTC)
    # No capability speaks of an allocation's own time; a vendor that tells when a credit took effect is taken to tell it too.
    tells_times = capabilities.credit_fields.get("realized_at", _UNDECLARED).read
    allocation = Allocation(
        id="31",
        credit_id="1",
        target=Target(type=TargetType.INVOICE, id="11351", number="948"),
        amount=Decimal("40.00"),
        currency="USD",
        applied_at=moment if tells_times else None,
    )
    full: dict[str, Any] = {
        "applied": Decimal("40.00"),
        "number": "CN-1",
        "memo": "goodwill",
        "issued_on": day,
        "created_at": moment,
        "realized_at": moment,
        "parent_id": "1000",
        "allocations": (allocation,),
    }
    readable = {name: value for name, value in full.items() if capabilities.credit_fields.get(name, _UNDECLARED).read}
    return Credit(
        id="1",
        provider=provider,
        account_id="1001" if capabilities.credit_fields.get("account_id", _UNDECLARED).read else None,
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
        status=Status.PARTIALLY_APPLIED,
        remote_status="Partial",
        currency="USD",
        amount=Decimal("100.00"),
        remaining=Decimal("60.00"),
        **readable,
    )


def _names() -> list[str]:
    return [name for name in Credit.__struct_fields__ if name not in _SKIPPED]


def _notes(name: str, source: Capabilities, target: AnyProvider) -> tuple[str, str]:
    return source.credit_fields.get(name, _UNDECLARED).note, target.capabilities.credit_fields.get(name, _UNDECLARED).note


def _unsent(name: str, credit: Credit, source: Capabilities, target: AnyProvider) -> Explained:
    from_note, to_note = _notes(name, source, target)
    value = getattr(credit, name)
    arrival = Arrival.EMPTY if _is_empty(value) else Arrival.STAYS
    return Explained(name, from_note, text_of(value), arrival, to_note, "")


def _sent(
    name: str, credit: Credit, draft: CreditDraft, mark: str, source: Capabilities, target: AnyProvider, losses: Sequence[Loss]
) -> Explained:
    from_note, to_note = _notes(name, source, target)
    value = getattr(credit, name)
    text = text_of(value)
    if name == "mark":
        return Explained(name, from_note, text, Arrival.OWN, to_note, mark, (_OWN[name],))
    if name in _OWN:
        return Explained(name, from_note, text, Arrival.EMPTY if _is_empty(value) else Arrival.OWN, to_note, "", (_OWN[name],))
    if _is_empty(value):
        return Explained(name, from_note, "", Arrival.EMPTY, to_note, "")
    here = [loss for loss in losses if loss.field == name or loss.field.startswith((f"{name}[", f"{name}."))]
    reasons = tuple(dict.fromkeys(_reason(loss) for loss in here))
    money = any(loss.kind is LossKind.MONEY for loss in here)
    support = target.capabilities.credit_fields.get(name, _UNDECLARED)
    if name == "direction":
        return Explained(name, from_note, text, Arrival.SAME, to_note, text)
    if name not in type(draft).model_fields or not support.write:
        why = reasons or ((f"{target.title} {to_note}",) if to_note else (f"{target.title} has no place for it",))
        return Explained(name, from_note, text, Arrival.LOST, to_note, "", why, money)
    written = getattr(draft, name)
    if any(loss.field == name for loss in here):
        return Explained(name, from_note, text, Arrival.LOST, to_note, "", reasons, money)
    arrives = text_of(written)
    if name == "allocations":
        missing = len(credit.allocations or ()) - len(draft.allocations)
        if missing:
            reasons += (f"{missing} cannot be carried; the amount is lower by them",)
        return Explained(name, from_note, text, Arrival.PARTLY if reasons else Arrival.SAME, to_note, arrives, reasons, money)
    if here:
        return Explained(name, from_note, text, Arrival.PARTLY, to_note, arrives, reasons, money)
    if name == "account_id":
        arrival = Arrival.SAME if arrives == text else Arrival.CHANGED
        return Explained(name, from_note, text, arrival, to_note, arrives)
    if written != value:
        why = ("what is spent elsewhere stays behind",) if name == "amount" else ()
        return Explained(name, from_note, text, Arrival.CHANGED, to_note, arrives, why)
    return Explained(name, from_note, text, Arrival.SAME, to_note, arrives)


def _reason(loss: Loss) -> str:
    part = loss.field.rpartition(".")[2] if "." in loss.field else ""
    return f"{part}: {loss.reason}" if part else loss.reason


def _is_empty(value: object) -> bool:
    return value is None or value == "" or value == ()


def text_of(value: object) -> str:
    """A value of a credit or draft as text, amounts digit for digit; not masked."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return exactjson.number(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return ", ".join(_item(item) for item in value)  # pyright: ignore[reportUnknownVariableType] - items of any type are the point
    return str(value)


def _item(item: object) -> str:
    if isinstance(item, Allocation):
        return f"{text_of(item.amount)} to {item.target.type} {item.target.id or item.target.number or '?'}"
    target = getattr(item, "target_id", None) or getattr(item, "target_number", None)
    if target is not None:
        return f"{text_of(getattr(item, 'amount', None))} to {getattr(item, 'target_type', '')} {target}"
    return getattr(item, "message", None) or str(item)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType] - items of any type
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - the same
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (StrEnum, Record)):
        return str(value)
    return value
