"""Drafts are refused before anything is sent, with all their faults at once and where each is."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from unibill.drafts import (
    AllocationDraft,
    ChargeDraft,
    CreditDraft,
    faults_of_allocations,
    faults_of_charge,
    faults_of_credit,
    faults_of_text,
)
from unibill.errors import InvalidDraft
from unibill.model import Invoicing


def credit(**changed: Any) -> CreditDraft:  # noqa: ANN401 - any field of the draft
    return CreditDraft(**{"account_id": "269", "currency": "USD", "amount": Decimal("50.00"), **changed})


def charge(**changed: Any) -> ChargeDraft:  # noqa: ANN401 - any field of the draft
    return ChargeDraft(**{"account_id": "269", "currency": "USD", "amount": Decimal("-50.00"), **changed})


def spend(amount: str, **changed: Any) -> AllocationDraft:  # noqa: ANN401 - any field of the draft
    return AllocationDraft(**{"amount": Decimal(amount), "target_id": "9001", **changed})


def test_good_drafts_have_no_faults() -> None:
    assert (
        faults_of_credit(
            credit(memo="two\nlines\tüß", number="CN-1", allocations=(spend("20"), spend("30", target_id=None, target_number="7")))
        )
        == []
    )
    assert faults_of_charge(charge(tag="note", invoicing=Invoicing.NEXT)) == []


def test_all_faults_of_a_credit_are_told_at_once_each_with_its_path() -> None:
    draft = credit(
        account_id=" ",
        amount=Decimal("-1.005"),
        number="a\x00b",
        memo="\x1b[31m",
        allocations=(spend("0.001"), spend("3", target_id=None)),
        auto_apply=True,
    )

    assert [fault.path for fault in faults_of_credit(draft)] == [
        "$.account_id",
        "$.amount",
        "$.amount",
        "$.number",
        "$.memo",
        "$.allocations[0].amount",
        "$.allocations[1].target_id",
        "$.allocations",
        "$.auto_apply",
    ]


def test_the_error_names_every_fault_and_keeps_them_as_values() -> None:
    error = InvalidDraft("credit", faults_of_credit(credit(currency="usd", amount=Decimal(0))))

    assert [fault.path for fault in error.faults] == ["$.amount", "$.currency"]
    assert str(error) == (
        "the credit cannot be written: $.amount: 0 is not positive; "
        "$.currency: 'usd' is not a currency code; give three capital letters such as USD"
    )


@pytest.mark.parametrize(
    ("currency", "amount", "fine"),
    [
        ("JPY", "100", True),
        ("JPY", "100.00", True),
        ("JPY", "100.5", False),
        ("KWD", "1.234", True),
        ("KWD", "1.2345", False),
        ("USD", "1.230", True),
        ("USD", "1.234", False),
    ],
)
def test_an_amount_has_no_more_decimals_than_its_currency(currency: str, amount: str, fine: bool) -> None:
    assert (faults_of_credit(credit(currency=currency, amount=Decimal(amount))) == []) is fine
    assert (faults_of_charge(charge(currency=currency, amount=-Decimal(amount))) == []) is fine


@pytest.mark.parametrize("currency", ["", "US", "USDX", "usd", "ＵＳＤ", "XAU", "ZZZ"])
def test_what_is_no_currency_to_pay_in_is_refused(currency: str) -> None:
    assert [fault.path for fault in faults_of_credit(credit(currency=currency))] == ["$.currency"]


@pytest.mark.parametrize("account", ["", "  ", ".", "..", "a\x00", "\ud800"])
def test_what_is_no_id_is_refused(account: str) -> None:
    assert [fault.path for fault in faults_of_credit(credit(account_id=account))] == ["$.account_id"]


@pytest.mark.parametrize(
    "target", [{"target_id": ".."}, {"target_id": None, "target_number": ""}, {"target_id": None, "target_number": "\ud800"}]
)
def test_a_target_that_cannot_be_named_is_refused(target: dict[str, str | None]) -> None:
    assert len(faults_of_allocations([spend("1", **target)], "USD", Decimal(5))) == 1


def test_a_target_is_named_once() -> None:
    both = faults_of_allocations([spend("1", target_number="7")], "USD", Decimal(5))

    assert [str(fault) for fault in both] == ["$.allocations[0].target_id: give either target_id or target_number"]


@given(
    st.lists(st.decimals(min_value=Decimal("0.01"), max_value=1000, places=2), min_size=1, max_size=8),
    st.decimals(min_value=0, max_value=4000, places=2),
)
def test_allocations_are_refused_exactly_when_they_come_to_more_than_there_is(amounts: list[Decimal], available: Decimal) -> None:
    drafts = [AllocationDraft(amount=amount, target_id=str(i)) for i, amount in enumerate(amounts)]

    assert bool(faults_of_allocations(drafts, "USD", available)) is (sum(amounts) > available)


def test_a_charge_of_zero_and_an_unknown_invoicing_are_refused_at_their_place_in_the_list() -> None:
    faults = faults_of_charge(charge(amount=Decimal(0), invoicing=Invoicing.UNKNOWN, account_id=""), "$[3]")

    assert [fault.path for fault in faults] == ["$[3].account_id", "$[3].amount", "$[3].invoicing"]


@pytest.mark.parametrize("field", ["type", "policy_id", "transaction_id", "element_id", "element_static_id", "tag"])
def test_broken_unicode_anywhere_in_a_charge_is_a_fault_of_that_field(field: str) -> None:
    assert [fault.path for fault in faults_of_charge(charge(**{field: "a\ud800"}))] == [f"$.{field}"]


@pytest.mark.parametrize("field", ["type", "policy_id", "transaction_id", "element_id", "element_static_id"])
def test_a_blank_id_in_a_charge_is_a_fault_of_that_field(field: str) -> None:
    assert [fault.path for fault in faults_of_charge(charge(**{field: " "}))] == [f"$.{field}"]


@pytest.mark.parametrize("amount", [0.1, float("nan"), Decimal("NaN"), Decimal("Infinity"), "NaN", True])
def test_an_amount_that_is_not_exact_makes_no_draft(amount: object) -> None:
    for make in (credit, charge):
        with pytest.raises(InvalidDraft, match=r"cannot be written: \$\.amount: "):
            make(amount=amount)


def test_every_fault_of_a_draft_that_cannot_be_made_is_told_in_our_words() -> None:
    with pytest.raises(InvalidDraft) as refused:
        CreditDraft(account_id=269, amount=1.5)  # type: ignore[arg-type, call-arg]  # what a caller without a type checker does
    assert [str(fault) for fault in refused.value.faults] == [
        "$.account_id: Input should be a valid string",
        "$.currency: is missing",
        "$.amount: is a float; give a Decimal, an int or a text such as '10.10'",
    ]


def test_a_draft_takes_no_unknown_field_and_cannot_be_changed() -> None:
    with pytest.raises(InvalidDraft, match=r"\$\.ammount: is not a field of it"):
        credit(ammount=1)
    with pytest.raises(ValidationError):
        credit().memo = "x"


def test_a_text_longer_than_the_backend_takes_is_refused() -> None:
    assert faults_of_text("$.memo", "x" * 5, most=5) == []
    assert [str(fault) for fault in faults_of_text("$.memo", "x" * 6, most=5)] == ["$.memo: has 6 characters; the backend takes 5"]
    assert faults_of_text("$.memo", None, most=0) == []
