"""Drafts and credits as BillAgain's bodies: nothing is lost in silence, and what PUT replaces is sent back whole."""

from datetime import date, timedelta, timezone
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from unibill_billagain import dates, faults, mapping
from unibill_billagain.wire import CreditInput, CreditNote

from unibill import allocating, drafts, exactjson, marks, money, wire
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import Fault
from unibill.losses import LossKind
from unibill.model import Credit, Invoicing, TargetType

ZONE = timezone(timedelta(hours=2))
MARK = marks.mark("socotra:tenant", "charge", "1")
TODAY = date(2026, 2, 3)
Place = Literal["number", "memo"]
BASE = CreditDraft(account_id="269", currency="ZAR", amount=Decimal("150.00"), issued_on=date(2016, 4, 5), number="CN-1", memo="goodwill")


def answered(body: CreditInput) -> CreditNote:
    """What a BillAgain that keeps everything would answer to a body."""
    sent = exactjson.loads(exactjson.dumps(body.json()))
    assert isinstance(sent, dict)
    day, month, year = str(sent["Date"]).split()
    midnight = date(int(year), dates.MONTHS.index(month) + 1, int(day)) - timedelta(days=1)
    items = [
        {
            "allocationID": item.get("allocationID", 500 + i),
            "invoiceID": item.get("invoiceID") or 100_000 + item["invoiceNumber"],
            "creditNoteID": 0,
            "amountApplied": item["amountApplied"],
        }
        for i, item in enumerate(sent.get("Allocations", []))
    ]
    answer = {**sent, "creditNoteID": 7, "Date": f"{midnight.isoformat()}T22:00:00Z", "Status": None, "Allocations": items}
    answer.pop("AutoApply", None)
    return wire.decode(exactjson.dumps(answer), CreditNote)


def paths(found: list[Fault]) -> list[str]:
    return [fault.path for fault in found]


@pytest.mark.parametrize(
    ("draft", "mark", "mark_in", "number", "memo"),
    [
        (BASE, None, "number", "CN-1", "goodwill"),
        (BASE, MARK, "number", MARK, "goodwill"),
        (BASE, MARK, "memo", "CN-1", f"{MARK} goodwill"),
        (BASE.model_copy(update={"memo": None}), MARK, "memo", "CN-1", MARK),
        (BASE.model_copy(update={"number": None}), MARK, "memo", MARK, "goodwill"),
        (BASE.model_copy(update={"number": None, "memo": None}), MARK, "number", MARK, ""),
    ],
)
def test_the_mark_goes_where_the_setting_says_or_where_the_number_is_missing(
    draft: CreditDraft, mark: str | None, mark_in: Place, number: str, memo: str
) -> None:
    body = mapping.to_add(draft, mark, mark_in, TODAY)
    assert (body.credit_number, body.memo) == (number, memo)


def test_a_draft_without_a_day_gets_today() -> None:
    assert mapping.to_add(BASE.model_copy(update={"issued_on": None}), None, "number", TODAY).date == "03 Feb 2026"


def test_auto_apply_sends_no_allocations_and_their_absence_an_empty_list() -> None:
    applied = mapping.to_add(BASE.model_copy(update={"auto_apply": True}), None, "number", TODAY).json()
    plain = mapping.to_add(BASE, None, "number", TODAY).json()
    assert applied["AutoApply"] is True
    assert "Allocations" not in applied
    assert (plain["AutoApply"], plain["Allocations"]) == (False, [])


def test_a_missing_number_is_a_fault_without_a_mark_and_none_with_one() -> None:
    bare = BASE.model_copy(update={"number": None})
    (fault,) = faults.faults_of_credit(bare, None, "number")
    assert str(fault) == "$.number: BillAgain demands a CreditNumber; give a number, or create with a key"
    assert faults.faults_of_credit(bare, MARK, "number") == []
    assert faults.faults_of_credit(bare, MARK, "memo") == []


def test_every_fault_of_a_draft_is_told_at_once_with_its_path() -> None:
    draft = CreditDraft(
        account_id="00x",
        currency="ZAR",
        amount=Decimal("1.001"),
        number=MARK,
        memo="m" * 256,
        allocations=(
            AllocationDraft(amount=Decimal("0.125"), target_id="../x"),
            AllocationDraft(amount=Decimal(1), target_number="INV-1"),
            AllocationDraft(amount=Decimal(1), target_id="5", target_type=TargetType.SUBPAYMENT),
        ),
    )
    assert paths(faults.faults_of_credit(draft, None, "number")) == [
        "$.account_id",
        "$.amount",
        "$.number",
        "$.memo",
        "$.allocations[0].amount",
        "$.allocations[0].target_id",
        "$.allocations[1].target_number",
        "$.allocations[2].target_type",
    ]


@pytest.mark.parametrize("amount", ["10.001", "0.125"])
def test_more_decimals_than_the_vendor_is_known_to_keep_are_refused(amount: str) -> None:
    (fault,) = faults.faults_of_credit(BASE.model_copy(update={"amount": Decimal(amount), "currency": "KWD"}), None, "number")
    assert fault.message == f"{amount} has 3 decimals; BillAgain is known to keep 2"


def test_trailing_zeros_are_no_decimals() -> None:
    assert faults.faults_of_credit(BASE.model_copy(update={"amount": Decimal("10.1000")}), None, "number") == []


def test_the_length_limit_counts_the_mark_in_the_memo() -> None:
    fits = BASE.model_copy(update={"memo": "m" * (255 - marks.LENGTH - 1)})
    longer = BASE.model_copy(update={"memo": "m" * (255 - marks.LENGTH)})
    assert faults.faults_of_credit(fits, MARK, "memo") == []
    assert paths(faults.faults_of_credit(longer, MARK, "memo")) == ["$.memo"]


def test_a_number_that_the_mark_displaces_is_a_descriptive_loss() -> None:
    (loss,) = mapping.losses_of_credit(BASE, MARK, "number")
    assert (loss.field, loss.value, loss.kind) == ("number", "CN-1", LossKind.DESCRIPTIVE)
    assert mapping.losses_of_credit(BASE, MARK, "memo") == ()
    assert mapping.losses_of_credit(BASE, None, "number") == ()


@pytest.mark.parametrize("kind", [kind for kind in TargetType if kind is not TargetType.INVOICE])
def test_an_allocation_to_anything_but_an_invoice_is_a_money_loss_and_refused(kind: TargetType) -> None:
    draft = BASE.model_copy(update={"allocations": (AllocationDraft(amount=Decimal(5), target_id="9", target_type=kind),)})
    (loss,) = mapping.losses_of_credit(draft, None, "number")
    assert (loss.field, loss.value, loss.kind) == ("allocations[0]", f"5 ZAR to {kind} 9", LossKind.MONEY)
    assert paths(faults.faults_of_credit(draft, None, "number")) == ["$.allocations[0].target_type"]


TEXTS = st.none() | st.text(st.sampled_from('a4 -<=é漢😀"\\'), max_size=12) | st.sampled_from([MARK, f"{MARK} x", f" {MARK}"])
AMOUNTS = st.decimals(Decimal("0.01"), Decimal("99999999999999.99"), places=2) | st.sampled_from(
    [Decimal("12345678901234567.89"), Decimal("10.10"), Decimal("100.00"), Decimal(100)]
)


@st.composite
def credit_drafts(draw: st.DrawFn) -> CreditDraft:
    ids = st.integers(1, 99_999).map(str)
    named = st.tuples(ids, st.none()) | st.tuples(st.none(), ids)
    items = [
        AllocationDraft(amount=draw(st.decimals(Decimal("0.01"), Decimal(9), places=2)), target_id=target_id, target_number=number)
        for target_id, number in draw(st.lists(named, max_size=3))
    ]
    amount = money.add([draw(AMOUNTS | st.just(Decimal("1E+2"))), *(item.amount for item in items)])
    day = draw(st.none() | st.dates(date(1950, 1, 1), date(2099, 12, 31)))
    return CreditDraft(
        account_id=draw(ids), currency="ZAR", amount=amount, issued_on=day, number=draw(TEXTS), memo=draw(TEXTS), allocations=tuple(items)
    )


def differences(draft: CreditDraft, read: Credit) -> set[str]:
    """The fields of a draft that are not read back; an empty text and none are the same."""
    differ: set[str] = set()
    for name in ("account_id", "currency", "amount", "number", "memo"):
        if (getattr(draft, name) or None) != getattr(read, name):
            differ.add(name)
    if draft.issued_on not in {None, read.issued_on}:
        differ.add("issued_on")
    assert read.allocations is not None
    assert len(read.allocations) == len(draft.allocations)
    for i, (wanted, there) in enumerate(zip(draft.allocations, read.allocations, strict=True)):
        if wanted.amount != there.amount or (wanted.target_id or there.target.id) != there.target.id:
            differ.add(f"allocations[{i}]")
        if wanted.target_number != there.target.number:
            differ.add(f"allocations[{i}].target_number")
    return differ


@given(credit_drafts(), st.sampled_from([None, MARK]), st.sampled_from(["number", "memo"]))
def test_whatever_differs_between_a_draft_and_what_is_read_back_is_a_loss_and_nothing_else_is(
    draft: CreditDraft, mark: str | None, mark_in: Place
) -> None:
    assume(not drafts.faults_of_credit(draft) and not faults.faults_of_credit(draft, mark, mark_in))
    read = mapping.to_credit(answered(mapping.to_add(draft, mark, mark_in, TODAY)), ZONE)
    assert read.mark == mark
    assert differences(draft, read) == {loss.field for loss in mapping.losses_of_credit(draft, mark, mark_in)}


@st.composite
def readable_notes(draw: st.DrawFn) -> CreditNote:
    """Credit notes as BillAgain sends them, fit to be sent back."""
    item = st.fixed_dictionaries(
        {
            "allocationID": st.integers(1, 99_999),
            "invoiceID": st.integers(1, 99_999),
            "creditNoteID": st.integers(0, 9),
            "amountApplied": AMOUNTS,
        }
    )
    day = draw(st.dates(date(1950, 1, 1), date(2099, 12, 31)))
    body = {
        "creditNoteID": draw(st.integers(1, 99_999)),
        "customerID": draw(st.integers(1, 99_999)),
        "Status": draw(st.sampled_from([*mapping.STATUSES, "Odd"])),
        "Date": f"{day.isoformat()}T22:00:00Z",
        "CurrencyCode": "ZAR",
        "Amount": draw(AMOUNTS),
        "CreditNumber": draw(TEXTS),
        "Memo": draw(TEXTS),
        "Allocations": draw(st.lists(item, max_size=4)),
    }
    return wire.decode(exactjson.dumps(body), CreditNote)


@given(readable_notes())
def test_a_credit_note_that_is_read_and_put_back_keeps_every_field_digit_for_digit(note: CreditNote) -> None:
    now = note
    for _ in range(3):
        credit = mapping.to_credit(now, ZONE)
        assert faults.faults_of_edit(credit) == []
        body = mapping.to_edit(credit, allocating.apply(credit.allocations or (), ()))
        assert (body.customer_id, body.currency_code, str(body.amount)) == (note.customer_id, "ZAR", str(note.amount))
        assert (body.credit_number, body.memo) == (note.credit_number or "", note.memo or "")
        sent = [(item.allocation_id, item.invoice_id, str(item.amount_applied)) for item in body.allocations or ()]
        assert sent == [(item.allocation_id, item.invoice_id, str(item.amount)) for item in note.allocations or ()]
        now = answered(body)
        assert now.date == note.date


def test_a_put_names_every_allocation_that_stands_and_adds_the_new_ones() -> None:
    allocated = BASE.model_copy(update={"allocations": (AllocationDraft(amount=Decimal("50.00"), target_id="11352"),)})
    credit = mapping.to_credit(answered(mapping.to_add(allocated, MARK, "memo", TODAY)), ZONE)
    body = mapping.to_edit(
        credit, allocating.apply(credit.allocations or (), [AllocationDraft(amount=Decimal("25.50"), target_number="957")])
    )
    assert exactjson.dumps(body.json()).decode() == (
        '{"customerID":269,"Date":"05 Apr 2016","CurrencyCode":"ZAR","Amount":150.00,"CreditNumber":"CN-1",'
        f'"Memo":"{MARK} goodwill","Allocations":[{{"allocationID":500,"invoiceID":11352,"amountApplied":50.00}},'
        '{"invoiceNumber":957,"amountApplied":25.50}]}'
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"customerID": None}, "$.account_id"),
        ({"customerID": "GUID"}, "$.account_id"),
        ({"Amount": -1}, "$.amount"),
        ({"Date": None}, "$.issued_on"),
        ({"Date": "soon"}, "$.issued_on"),
        ({"Allocations": None, "Status": "Partial"}, "$.allocations"),
        ({"Allocations": [{"allocationID": 1, "invoiceID": 0, "amountApplied": 1}]}, "$.allocations[0]"),
        ({"Allocations": [{"allocationID": "a", "invoiceID": 2, "amountApplied": 1}]}, "$.allocations[0].id"),
        ({"Allocations": [{"allocationID": 1, "invoiceID": "b", "amountApplied": 1}]}, "$.allocations[0].target.id"),
    ],
)
def test_what_a_put_would_destroy_or_cannot_name_is_a_fault(changes: dict[str, object], path: str) -> None:
    body = {"creditNoteID": 7, "customerID": 269, "CurrencyCode": "ZAR", "Amount": 5, "Date": "2016-04-04T22:00:00Z", **changes}
    credit = mapping.to_credit(wire.decode(exactjson.dumps(body), CreditNote), ZONE)
    assert paths(faults.faults_of_edit(credit)) == [path]


def test_a_put_body_of_a_credit_without_a_day_is_never_made() -> None:
    credit = mapping.to_credit(answered(mapping.to_add(BASE, None, "number", TODAY)), ZONE).replace(issued_on=None)
    with pytest.raises(ValueError, match="faults_of_edit"):
        mapping.to_edit(credit, allocating.apply((), ()))


CHARGE = ChargeDraft(account_id="269", currency="ZAR", amount=Decimal("-20.50"), tag="case-1")


def test_a_negative_charge_becomes_a_credit_note_with_its_tag_as_number() -> None:
    assert faults.faults_of_charge(CHARGE, "$[0]") == []
    assert mapping.to_credit_draft(CHARGE) == CreditDraft(account_id="269", currency="ZAR", amount=Decimal("20.50"), number="case-1")
    read = mapping.to_charge(answered(mapping.to_add(mapping.to_credit_draft(CHARGE), None, "number", TODAY)), "269")
    assert (read.amount, read.tag, read.type) == (CHARGE.amount, CHARGE.tag, mapping.CHARGE_TYPE)


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        ({"amount": Decimal(5)}, "$[0].amount", "give a negative amount, or bill it on an invoice"),
        ({"amount": Decimal("-1.005")}, "$[0].amount", "2"),
        ({"account_id": "x"}, "$[0].account_id", "whole numbers"),
        ({"type": "Goodwill"}, "$[0].type", "creditNote"),
        ({"invoicing": Invoicing.NEXT}, "$[0].invoicing", "leave it out"),
        ({"policy_id": "p"}, "$[0].policy_id", "leave it out"),
        ({"transaction_id": "t"}, "$[0].transaction_id", "leave it out"),
        ({"element_id": "e"}, "$[0].element_id", "leave it out"),
        ({"element_static_id": "e"}, "$[0].element_static_id", "leave it out"),
        ({"tag": None}, "$[0].tag", "CreditNumber"),
        ({"tag": MARK}, "$[0].tag", "mark"),
        ({"tag": "t" * 256}, "$[0].tag", "255"),
    ],
)
def test_what_billagain_cannot_hold_of_a_charge_is_a_fault(change: dict[str, object], path: str, says: str) -> None:
    (fault,) = faults.faults_of_charge(CHARGE.model_copy(update=change), "$[0]")
    assert fault.path == path
    assert says in fault.message
