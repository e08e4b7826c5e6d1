"""The mappings: every documented value, and the digits of every amount."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict
from unibill_socotra.mapping import charges, credits, ids, times
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.settings import SocotraSettings
from unibill_socotra.wire import charges as wire_charges
from unibill_socotra.wire import credits as wire
from unibill_socotra.wire.payments import Disbursement, Payment

from unibill import exactjson, marks
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import InvalidQuery
from unibill.model import Charge, ChargeCategory, Credit, CreditKind, Direction, Invoicing, Record, Status, TargetType
from unibill.wire import decode

SCHEMAS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "socotra-api.json").read_text())["schemas"]
LOCATOR = "01JBAS3SK5ABDPV2E32GNXW7Z6"
MARK = marks.mark("billagain:host:1042", "credit_note", "10081")
RULES = ChargeRules("GoodwillCredit", flipped=False, sent_flipped=False)
FLIPPED = ChargeRules("GoodwillCredit", flipped=True, sent_flipped=True)
SETTINGS: dict[str, Any] = {"base_url": "https://example.test", "tenant": "6ec2f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a77", "token": "secret"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value="-9999999999999999.999", max_value="9999999999999999.999")


def values_of(schema: str, field: str) -> list[str]:
    return SCHEMAS[schema][field].removesuffix("?").removeprefix("enum(").removesuffix(")").split("|")


def listed(**changes: Any) -> wire.Credit:  # noqa: ANN401 - fields of any type
    fields: dict[str, Any] = {
        "locator": LOCATOR,
        "credit_state": "posted",
        "credit_type": "payment",
        "currency": "USD",
        "amount": Decimal("12.30"),
        "created_at": "2026-03-04T23:30:00.123456Z",
        "account_locator": "A",
    }
    return wire.Credit(**{**fields, **changes})


def charge(**changes: Any) -> wire_charges.Charge:  # noqa: ANN401 - fields of any type
    fields: dict[str, Any] = {
        "locator": LOCATOR,
        "account_locator": "A",
        "currency": "USD",
        "amount": Decimal("-50.00"),
        "charge_category": "credit",
        "charge_type": "GoodwillCredit",
        "charge_invoicing": "immediate",
    }
    return wire_charges.Charge(**{**fields, **changes})


def validated(record: Credit | Charge) -> Credit | Charge:
    """The same record made by pydantic with full validation."""
    return type(record).validated(asdict(record))


def test_every_credit_type_of_the_vendor_has_a_kind_and_an_id_that_names_it() -> None:
    for word in values_of("CreditResponse", "creditType"):
        credit = credits.listed_credit(listed(credit_type=word), "socotra", UTC)
        assert credit.kind is not CreditKind.UNKNOWN
        assert ids.parse(credit.id) == (credit.kind, LOCATOR)


STAGES = {
    "payment": "PaymentResponse.paymentState",
    "subpayment": "PaymentResponse.paymentState",
    "creditDistribution": "CreditDistributionResponse.creditDistributionState",
    "disbursement": "DisbursementResponse.disbursementState",
    "writeOff": "WriteOffResponse.writeOffState",
    "shortfallWriteOff": "ShortfallCreditResponse.shortfallCreditState",
}


@pytest.mark.parametrize("credit_type", STAGES)
def test_every_state_of_a_kind_has_a_status_and_every_other_pair_is_unknown_with_a_finding(credit_type: str) -> None:
    schema, field = STAGES[credit_type].split(".")
    own = set(values_of(schema, field))
    for state in values_of("CreditResponse", "creditState"):
        credit = credits.listed_credit(listed(credit_type=credit_type, credit_state=state), "socotra", UTC)
        assert credit.remote_status == state
        if state in own:
            assert credit.status is not Status.UNKNOWN
        else:
            assert credit.status is Status.UNKNOWN
            assert [finding.code for finding in credit.findings] == ["state-does-not-fit-kind"]


def test_the_states_that_move_money_are_applied_and_the_others_are_not() -> None:
    moved = {
        (kind, state)
        for kind, states in credits.STATUSES.items()
        for state, status in states.items()
        if status in credits.MOVED and kind is not CreditKind.REFUND
    }
    assert moved == {
        (CreditKind.PAYMENT, "posted"),
        (CreditKind.SUBPAYMENT, "posted"),
        (CreditKind.DISTRIBUTION, "executed"),
        (CreditKind.DISBURSEMENT, "executed"),
        (CreditKind.WRITE_OFF, "distributed"),
        (CreditKind.SHORTFALL_WRITE_OFF, "distributed"),
    }


def test_undocumented_words_become_unknown_and_are_kept() -> None:
    strange = credits.listed_credit(listed(credit_type="gift", credit_state="wrapped"), "socotra", UTC)
    assert (strange.kind, strange.status, strange.remote_status) == (CreditKind.UNKNOWN, Status.UNKNOWN, "wrapped")
    assert strange.id == f"unknown.gift:{LOCATOR}"
    assert ids.parse(strange.id) == (CreditKind.UNKNOWN, LOCATOR)
    odd = credits.listed_credit(listed(credit_state="pondering"), "socotra", UTC)
    assert [finding.code for finding in odd.findings] == ["unknown-status"]


def test_a_disbursement_leaves_the_account() -> None:
    credit = credits.listed_credit(listed(credit_type="disbursement", credit_state="executed"), "socotra", UTC)
    assert credit.direction is Direction.FROM_ACCOUNT


def test_a_negative_amount_becomes_positive_with_a_finding_and_the_vendors_number_in_extra() -> None:
    credit = credits.listed_credit(listed(amount=Decimal("-12.30")), "socotra", UTC)
    assert (credit.amount, credit.extra["amount"]) == (Decimal("12.30"), Decimal("-12.30"))
    assert [finding.code for finding in credit.findings] == ["negative-amount"]


def test_without_allocations_what_remains_is_unknown_but_of_a_reversed_credit_nothing_does() -> None:
    assert credits.listed_credit(listed(), "socotra", UTC).remaining is None
    assert credits.listed_credit(listed(credit_state="reversed"), "socotra", UTC).remaining == 0


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2024-10-27T00:00:00Z", datetime(2024, 10, 27, tzinfo=UTC)),
        ("2024-10-28T23:59:21.647Z", datetime(2024, 10, 28, 23, 59, 21, 647000, tzinfo=UTC)),
        ("2024-10-28T23:33:06.195973Z", datetime(2024, 10, 28, 23, 33, 6, 195973, tzinfo=UTC)),
        ("2024-10-29T01:33:06+02:00", datetime(2024, 10, 28, 23, 33, 6, tzinfo=UTC)),
        ("2024-10-28T23:33:06.195973", datetime(2024, 10, 28, 23, 33, 6, 195973, tzinfo=UTC)),
    ],
)
def test_times_have_any_fraction_and_keep_their_microseconds(text: str, read: datetime) -> None:
    credit = credits.listed_credit(listed(created_at=text), "socotra", UTC)
    assert credit.created_at == read
    assert "createdAt" not in credit.extra


def test_a_time_beyond_microseconds_is_kept_as_text_and_one_that_is_no_time_is_a_finding() -> None:
    for text in ("2024-10-28T23:33:06.1959735Z", "2024-10-28T23:33:06.1959735"):
        assert credits.listed_credit(listed(created_at=text), "socotra", UTC).extra["createdAt"] == text
    broken = credits.listed_credit(listed(created_at="yesterday"), "socotra", UTC)
    assert (broken.created_at, broken.extra["createdAt"]) == (None, "yesterday")
    assert [finding.code for finding in broken.findings] == ["unreadable-time"]


def test_a_credit_is_issued_on_the_calendar_day_of_the_backends_time_zone() -> None:
    assert credits.listed_credit(listed(), "socotra", UTC).issued_on == date(2026, 3, 4)
    assert credits.listed_credit(listed(), "socotra", ZoneInfo("Australia/Sydney")).issued_on == date(2026, 3, 5)


def test_trusted_records_are_what_validation_would_have_made() -> None:
    made = [
        credits.listed_credit(listed(realized_at="2026-03-05T00:00:00Z", reversal_reason="x"), "socotra", UTC),
        credits.payment(Payment(locator=LOCATOR, payment_state="posted", currency="USD", amount=Decimal(1)), "socotra", UTC),
        credits.disbursement(Disbursement(locator=LOCATOR, disbursement_state="draft", currency="USD", amount=Decimal(1)), "socotra", UTC),
        credits.write_off(wire.WriteOff(locator=LOCATOR, write_off_state="draft", currency="USD", amount=Decimal(1)), "socotra", UTC),
        charges.credit_of_charge(charge(tag=f"{MARK} hello"), "socotra", UTC, undone=False),
    ]
    for credit in made:
        assert validated(credit) == credit
    assert validated(charges.charge(charge(), "socotra", RULES)) == charges.charge(charge(), "socotra", RULES)


def test_every_charge_category_and_invoicing_of_the_vendor_is_known() -> None:
    for word in values_of("ChargeResponse", "chargeCategory"):
        mapped = charges.charge(charge(charge_category=word), "socotra", RULES)
        assert mapped.category is not ChargeCategory.UNKNOWN
        assert mapped.remote_category == word
    for word in values_of("ChargeResponse", "chargeInvoicing"):
        assert charges.charge(charge(charge_invoicing=word), "socotra", RULES).invoicing is not Invoicing.UNKNOWN
    strange = charges.charge(charge(charge_category="gift", charge_invoicing="never"), "socotra", RULES)
    assert (strange.category, strange.invoicing, strange.extra["chargeInvoicing"]) == (ChargeCategory.UNKNOWN, Invoicing.UNKNOWN, "never")


def test_a_charge_is_a_credit_when_it_lowers_what_is_owed_and_undoes_nothing() -> None:
    assert RULES.is_credit(charge())
    assert RULES.is_credit(charge(charge_type="Other"))
    assert RULES.is_credit(charge(charge_category="fee"))
    assert not RULES.is_credit(charge(charge_category="fee", charge_type="Other"))
    assert not RULES.is_credit(charge(amount=Decimal("50.00")))
    assert not RULES.is_credit(charge(reversal_of_locator="X"))


def test_where_the_sign_setting_is_positive_a_charge_of_the_credit_type_changes_sign_both_ways() -> None:
    stored = charge(amount=Decimal("50.00"))
    assert FLIPPED.is_credit(stored)
    assert charges.charge(stored, "socotra", FLIPPED).amount == Decimal("-50.00")
    assert charges.charge(stored, "socotra", FLIPPED).extra["amount"] == Decimal("50.00")
    draft = ChargeDraft(account_id="A", currency="USD", amount=Decimal("-50.00"))
    assert charges.charge_create(draft, FLIPPED).amount == Decimal("50.00")
    credit = CreditDraft(account_id="A", currency="USD", amount=Decimal("50.00"))
    assert charges.credit_charge(credit, None, FLIPPED).amount == Decimal("50.00")
    assert charges.credit_charge(credit, None, RULES).amount == Decimal("-50.00")


def test_a_charges_mark_and_memo_come_apart_and_a_reversal_carries_no_mark() -> None:
    credit = charges.credit_of_charge(charge(tag=f"{MARK} case 7"), "socotra", UTC, undone=False)
    assert (credit.mark, credit.memo) == (MARK, "case 7")
    reversal = charges.charge(charge(tag=f"{MARK} case 7", amount=Decimal(50), reversal_of_locator="X"), "socotra", RULES)
    assert (reversal.mark, reversal.tag, reversal.extra["tag"]) == (None, "case 7", f"{MARK} case 7")


def test_a_charge_has_no_time_so_its_locators_is_taken_and_said_to_be_an_estimate() -> None:
    credit = charges.credit_of_charge(charge(), "socotra", UTC, undone=False)
    assert credit.created_at == times.ulid_moment(LOCATOR) == datetime(2024, 10, 28, 23, 59, 21, 701000, tzinfo=UTC)
    assert [finding.code for finding in credit.findings] == ["created-at-estimated"]
    strange = charges.credit_of_charge(charge(locator="9" * 26), "socotra", UTC, undone=False)
    assert (strange.created_at, strange.issued_on, strange.findings) == (None, None, ())


@given(amount=AMOUNTS)
def test_amounts_keep_their_digits_from_the_wire_to_the_model_and_back(amount: Decimal) -> None:
    body = exactjson.dumps({"locator": LOCATOR, "creditState": "posted", "creditType": "payment", "currency": "KWD", "amount": amount})
    credit = credits.listed_credit(decode(body, wire.Credit), "socotra", UTC)
    assert str(credit.amount) == str(amount.copy_abs())
    draft = ChargeDraft(account_id="A", currency="KWD", amount=amount, type="Fee")
    sent = exactjson.dumps(charges.charge_create(draft, RULES).body())
    assert sent == b'{"amount":' + exactjson.number(amount).encode() + b',"chargeType":"Fee"}'


@given(
    amount=AMOUNTS,
    kind=st.sampled_from(["GoodwillCredit", "Fee"]),
    rules=st.sampled_from([RULES, FLIPPED]),
    carried=st.dictionaries(st.sampled_from(["tag", "transactionLocator", "elementLocator", "elementStaticLocator"]), TEXTS),
)
def test_a_charge_that_is_read_and_written_again_keeps_every_carried_field_digit_for_digit(
    amount: Decimal, kind: str, rules: ChargeRules, carried: dict[str, str]
) -> None:
    body = {"locator": LOCATOR, "accountLocator": "A", "currency": "KWD", "chargeCategory": "credit", "amount": amount, "chargeType": kind}
    read = charges.charge(decode(exactjson.dumps({**body, **carried}), wire_charges.Charge), "socotra", rules)
    draft = ChargeDraft(
        account_id=read.account_id,
        currency=read.currency,
        amount=read.amount,
        type=read.type,
        transaction_id=read.transaction_id,
        element_id=read.element_id,
        element_static_id=read.element_static_id,
        tag=read.tag,
    )
    written = charges.charge_create(draft, rules).body()
    assert {name: str(value) for name, value in written.items()} == {"amount": str(amount), "chargeType": kind, **carried}


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=80))
def test_a_memo_comes_back_as_it_was_written(text: str) -> None:
    draft = CreditDraft(account_id="A", currency="USD", amount=Decimal(1), memo=text or None)
    tag = charges.credit_charge(draft, MARK, RULES).tag
    credit = charges.credit_of_charge(charge(tag=tag), "socotra", UTC, undone=False)
    assert (credit.mark, credit.memo) == (MARK, text or None)


def test_a_credit_draft_without_a_configured_charge_type_is_refused_with_the_setting_to_make() -> None:
    draft = CreditDraft(account_id="A", currency="USD", amount=Decimal(1))
    settings = SocotraSettings.model_validate(SETTINGS)
    assert "credit_charge_type" in str(charges.faults_of_credit(draft, None, settings)[0])
    assert charges.faults_of_credit(draft, None, settings.model_copy(update={"credit_charge_type": "G"})) == []


def test_a_memo_that_does_not_fit_is_a_fault_and_never_cut() -> None:
    settings = SocotraSettings.model_validate({**SETTINGS, "credit_charge_type": "G", "tag_max": 40})
    draft = CreditDraft(account_id="A", currency="USD", amount=Decimal(1), memo="123456789")
    assert [fault.path for fault in charges.faults_of_credit(draft, MARK, settings)] == ["$.memo"]
    assert charges.faults_of_credit(draft, None, settings) == []
    fitting = draft.model_copy(update={"memo": "12345678"})
    assert charges.faults_of_credit(fitting, MARK, settings) == []
    assert charges.tag_of(fitting, MARK) == f"{MARK} 12345678"


def test_allocations_need_immediate_invoicing_and_a_target_that_can_be_paid() -> None:
    settings = SocotraSettings.model_validate({**SETTINGS, "credit_charge_type": "G", "credit_invoicing": "next"})
    item = AllocationDraft(amount=Decimal(1), target_number="7", target_type=TargetType.INVOICE_ITEM)
    account = AllocationDraft(amount=Decimal(1), target_id="x", target_type=TargetType.ACCOUNT)
    draft = CreditDraft(account_id="A", currency="USD", amount=Decimal(2), allocations=(item, account))
    paths = [fault.path for fault in charges.faults_of_credit(draft, None, settings)]
    assert paths == ["$.allocations", "$.allocations[0].target_id", "$.allocations[1].target_type"]


def test_a_charge_draft_needs_a_type_and_a_tag_that_fits() -> None:
    settings = SocotraSettings.model_validate({**SETTINGS, "tag_max": 31})
    draft = ChargeDraft(account_id="A", currency="USD", amount=Decimal(1), tag="x" * 32)
    assert [fault.path for fault in charges.faults_of_charge(draft, "$[2]", settings)] == ["$[2].type", "$[2].tag"]


def test_what_a_charge_cannot_carry_is_a_loss() -> None:
    draft = CreditDraft(account_id="A", currency="USD", amount=Decimal(1), issued_on=date(2026, 1, 2), number="CN-7", memo="kept")
    assert {loss.field: loss.value for loss in charges.losses_of_credit(draft)} == {"issued_on": "2026-01-02", "number": "CN-7"}


@pytest.mark.parametrize(
    "bad", ["", "payment", "payment:", f"gift:{LOCATOR}", "payment:../x", f"payment:{LOCATOR}x", f"unknown.:{LOCATOR}"]
)
def test_an_id_that_is_no_credits_is_refused(bad: str) -> None:
    with pytest.raises(InvalidQuery):
        ids.parse(bad)


@given(credit=st.text(min_size=1, max_size=40), number=st.integers(0, 32**5 - 1))
def test_a_derived_locator_is_a_ulid_that_tells_its_credit_and_number(credit: str, number: int) -> None:
    locator = ids.derived_locator(credit, number)
    assert len(locator) == 26
    assert set(locator) <= set(times.ALPHABET)
    assert locator[0] <= "7"
    assert ids.derived_stem(locator) == ids.derived_stem(locator.lower()) == ids.stem_of(credit)
    assert ids.derived_number(locator) == number


@pytest.mark.parametrize(
    "setting", [{"tenant": "x"}, {"time_zone": "Mars/Base"}, {"page_size": 101}, {"credit_charge_sign": "both"}, {"more": 1}]
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        SocotraSettings.model_validate({**SETTINGS, **setting})


def test_the_token_is_never_shown() -> None:
    assert "secret" not in repr(SocotraSettings.model_validate(SETTINGS))


@pytest.mark.parametrize(
    ("locator", "there"),
    [
        ("01jbas3sk5abdpv2e32gnxw7z6", True),
        ("0IJBAS3SK5ABDPV2E32GNXW7Z6", True),
        ("01JBAU3SK5ABDPV2E32GNXW7Z6", False),
        ("+1JBAS3SK5A-_ DPV2E32GNXW7", False),
        ("0", False),
    ],
)
def test_a_ulids_time_is_read_in_either_case_and_with_its_aliases_and_from_nothing_else(locator: str, there: bool) -> None:
    assert times.ulid_moment(locator) == (times.ulid_moment(LOCATOR) if there else None)


def test_what_of_a_charge_has_no_slot_in_a_credit_is_in_extra() -> None:
    whole = {name: f"{name}-1" for name, kind in SCHEMAS["ChargeResponse"].items() if kind.startswith("string")}
    sent: dict[str, object] = {**whole, "amount": Decimal("-5.0"), "chargeCategory": "credit", "chargeInvoicing": "next", "added": 1}
    record = decode(exactjson.dumps(sent), wire_charges.Charge)
    slots = {"locator", "accountLocator", "currency", "tag"}
    assert charges.credit_of_charge(record, "socotra", UTC, undone=False).extra == {k: v for k, v in sent.items() if k not in slots}


@pytest.mark.parametrize("credit_type", STAGES)
def test_the_short_way_of_a_listed_credit_is_the_way_that_all_take(credit_type: str) -> None:
    for state in values_of("CreditResponse", "creditState"):
        record = listed(credit_type=credit_type, credit_state=state, realized_at="2026-03-05T00:00:00Z", unknown={"added": 1})
        assert credits.listed_credit(record, "socotra", UTC) == credits._odd_listed_credit(record, "socotra", UTC)


def sample(kind: str, number: Iterator[int]) -> Any:  # noqa: ANN401 - whatever the table names
    """A value of a type of the vendor's tables; no two texts and no two numbers are the same."""
    kind = kind.removesuffix("?")
    if kind.endswith("[]"):
        return [sample(kind[:-2], number)]
    if kind.startswith("enum("):
        return kind.removeprefix("enum(").partition("|")[0]
    if kind in SCHEMAS:
        return {**{name: sample(inner, number) for name, inner in SCHEMAS[kind].items()}, "added": f"text-{next(number)}-"}
    match kind:
        case "boolean":
            return False
        case "number":
            return Decimal(f"{next(number)}.50")
        case "string(date-time)":
            return f"2026-03-04T01:02:03.{next(number):07d}Z"
        case _:
            return f"text-{next(number)}-" if kind.startswith("string") else {"key": f"text-{next(number)}-"}


def leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Every text, number and truth value in a JSON value, with its place."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{place}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, f"{place}[]")
    else:
        yield place, value


WHOLE: dict[str, tuple[type[Any], Callable[[Any], Record]]] = {
    "CreditResponse": (wire.Credit, lambda record: credits.listed_credit(record, "socotra", UTC)),
    "PaymentResponse": (Payment, lambda record: credits.payment(record, "socotra", UTC)),
    "DisbursementResponse": (Disbursement, lambda record: credits.disbursement(record, "socotra", UTC)),
    "CreditDistributionResponse": (wire.Distribution, lambda record: credits.distribution(record, "socotra", UTC)),
    "WriteOffResponse": (wire.WriteOff, lambda record: credits.write_off(record, "socotra", UTC)),
    "ShortfallCreditResponse": (wire.ShortfallCredit, lambda record: credits.shortfall(record, "socotra", UTC)),
    "ChargeResponse": (wire_charges.Charge, lambda record: charges.charge(record, "socotra", RULES)),
}


@pytest.mark.parametrize("schema", WHOLE)
def test_whatever_the_vendor_says_is_in_a_slot_or_in_extra(schema: str) -> None:
    """The creditType is the kind, in the model's own words."""
    shape, to_model = WHOLE[schema]
    sent = sample(schema, count(1))
    model = exactjson.loads(to_model(decode(exactjson.dumps(sent), shape)).json_line())
    said = list(leaves(model))
    values = {str(value) for _, value in said}
    places = {place.rpartition(".")[2] for place, value in said if value is False}
    lost = [
        place
        for place, value in leaves(sent)
        if not (place.rpartition(".")[2] in places if value is False else any(str(value) in text for text in values))
    ]
    assert set(lost) <= {".creditType"}
