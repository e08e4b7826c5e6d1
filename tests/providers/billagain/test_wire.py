"""BillAgain's shapes: the vendor's printed answers decode, digits survive, and odd values are put up with."""

from decimal import Decimal

import pytest
from unibill_billagain.wire import AllocationInput, AllocationRecord, CreditInput, CreditNote

from unibill import exactjson, wire

# Typed from https://docs.billagain.com/developer/credits.
CUSTOMER_LIST = b"""[
{"creditNoteID": 10083, "customerID": 269, "Status": "Allocated", "Date": "2016-04-04T22:00:00Z", "CurrencyCode": "ZAR", "Amount": 100,
 "CreditNumber": "424242424242424", "Memo": "",
 "Allocations": [{"allocationID": 10331, "invoiceID": 11343, "creditNoteID": 0, "amountApplied": 100}]},
{"creditNoteID": 10095, "customerID": 269, "Status": "Allocated", "Date": "2016-04-04T22:00:00Z", "CurrencyCode": "ZAR", "Amount": 200,
 "CreditNumber": "424242424242424", "Memo": "payment to invoices",
 "Allocations": [{"allocationID": 10355, "invoiceID": 11352, "creditNoteID": 10095, "amountApplied": 150},
                 {"allocationID": 10358, "invoiceID": 11380, "creditNoteID": 10095, "amountApplied": 50}]}]"""
POST_INPUT = b"""{"customerID": 269, "Date": "05 Apr 2016", "CurrencyCode": "ZAR", "Amount": 150, "CreditNumber" : "424242424242424", "Memo": "",
"AutoApply" : false, "Allocations": [{"invoiceID": 11351, "amountApplied": 50}, {"invoiceID": 11352, "amountApplied": 50},
{"amountApplied": 50, "invoiceNumber": 957}]}"""
PUT_INPUT = b"""{"customerID": 269, "Date": "05 Apr 2016", "CurrencyCode": "ZAR", "Amount": 200, "CreditNumber" : "424242424242424",
"Memo": "payment to invoices", "Allocations": [{"invoiceID": 11352, "amountApplied": 150}, {"amountApplied": 50, "invoiceNumber": 957}]}"""


def note(fields: str) -> CreditNote:
    return wire.decode(('{"creditNoteID":1,"CurrencyCode":"ZAR",' + fields + "}").encode(), CreditNote)


def test_the_printed_list_decodes_field_by_field() -> None:
    first, second = wire.decode(CUSTOMER_LIST, list[CreditNote])
    assert first == CreditNote(
        credit_note_id=10083,
        customer_id=269,
        status="Allocated",
        date="2016-04-04T22:00:00Z",
        currency_code="ZAR",
        amount=Decimal(100),
        credit_number="424242424242424",
        memo="",
        allocations=[AllocationRecord(allocation_id=10331, invoice_id=11343, credit_note_id=0, amount=Decimal(100))],
    )
    assert [item.allocation_id for item in second.allocations or ()] == [10355, 10358]


@pytest.mark.parametrize("digits", ["100", "100.0", "100.00", "10.10", "79.8", "12345678901234567.89", "0.01", "0", "-5.50"])
@pytest.mark.parametrize("form", ["{}", '"{}"'], ids=["number", "text"])
def test_amounts_keep_their_digits_as_number_and_as_text(digits: str, form: str) -> None:
    value = form.format(digits)
    read = note(f'"Amount":{value},"Allocations":[{{"amountApplied":{value}}}]')
    assert str(read.amount) == digits
    assert [str(item.amount) for item in read.allocations or ()] == [digits]


def test_digits_survive_beside_a_field_that_nobody_documented() -> None:
    read = note('"Amount":10.10,"Tax":0.10')
    assert (str(read.amount), read.unknown) == ("10.10", {"Tax": Decimal("0.10")})


@pytest.mark.parametrize(
    "digits", ['"NaN"', '"Infinity"', '"-Infinity"', "1e40", "1e-40", "1.00000000000000000000000000001", '"abc"', "null", "true"]
)
def test_what_is_no_amount_of_money_is_refused(digits: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimal|Amount"):
        note(f'"Amount":{digits}')


@pytest.mark.parametrize("form", ['"Allocations":null', '"Allocations":[]', '"Memo":""'], ids=["null", "empty", "absent"])
def test_allocations_may_be_null_empty_or_absent(form: str) -> None:
    assert not note(f'"Amount":1,{form}').allocations


def test_every_text_and_reference_may_be_null_or_absent() -> None:
    nulls = note('"Amount":1,"customerID":null,"Status":null,"Date":null,"CreditNumber":null,"Memo":null,"Allocations":null')
    assert nulls == note('"Amount":1')


def test_ids_are_read_as_numbers_and_as_text() -> None:
    read = note('"Amount":1,"customerID":"269","Allocations":[{"allocationID":"7","invoiceID":"8","amountApplied":1}]')
    (item,) = list(read.allocations or ())
    assert (read.customer_id, item.allocation_id, item.invoice_id) == ("269", "7", "8")


def test_texts_that_come_as_numbers_or_truths_are_read_with_their_digits() -> None:
    read = note('"Amount":10.10,"Status":7,"Date":20160404,"CreditNumber":424242424242424,"Memo":5.10')
    assert (read.status, read.date, read.credit_number, read.memo) == ("7", "20160404", "424242424242424", "5.10")
    assert str(read.amount) == "10.10"
    assert note('"Amount":1,"Memo":false').memo == "false"


@pytest.mark.parametrize("missing", ["creditNoteID", "CurrencyCode", "Amount"])
def test_a_record_without_id_currency_or_amount_is_refused(missing: str) -> None:
    whole = {"creditNoteID": 1, "CurrencyCode": "ZAR", "Amount": 1}
    del whole[missing]
    with pytest.raises(ValueError, match=missing):
        wire.decode(exactjson.dumps(whole), CreditNote)


def test_undocumented_fields_are_kept_in_record_and_allocation() -> None:
    read = note('"Amount":1,"comp_status":"x","Allocations":[{"amountApplied":1,"positiveAdjustmentID":703}]')
    assert read.unknown == {"comp_status": "x"}
    assert [item.unknown for item in read.allocations or ()] == [{"positiveAdjustmentID": 703}]


def test_the_post_body_is_the_printed_one_with_its_key_order() -> None:
    body = CreditInput(
        269,
        "05 Apr 2016",
        "ZAR",
        Decimal(150),
        "424242424242424",
        "",
        auto_apply=False,
        allocations=(
            AllocationInput(Decimal(50), invoice_id=11351),
            AllocationInput(Decimal(50), invoice_id=11352),
            AllocationInput(Decimal(50), invoice_number=957),
        ),
    )
    printed = exactjson.loads(POST_INPUT)
    assert isinstance(printed, dict)
    assert body.json() == printed
    assert list(body.json()) == list(printed)


def test_the_put_body_is_the_printed_one_with_its_key_order() -> None:
    items = (AllocationInput(Decimal(150), invoice_id=11352), AllocationInput(Decimal(50), invoice_number=957))
    body = CreditInput(269, "05 Apr 2016", "ZAR", Decimal(200), "424242424242424", "payment to invoices", allocations=items)
    printed = exactjson.loads(PUT_INPUT)
    assert isinstance(printed, dict)
    assert body.json() == printed
    assert list(body.json()) == list(printed)


def test_an_item_with_an_allocation_id_names_it_first() -> None:
    item = AllocationInput(Decimal("1.50"), invoice_id=2, allocation_id=3)
    assert exactjson.dumps(item.json()) == b'{"allocationID":3,"invoiceID":2,"amountApplied":1.50}'


@pytest.mark.parametrize(
    ("amount", "text"), [("1E+2", "100"), ("1.2E+3", "1200"), ("10.10", "10.10"), ("0.00", "0.00"), ("100.00", "100.00")]
)
def test_amounts_are_sent_digit_for_digit_and_without_an_exponent(amount: str, text: str) -> None:
    body = CreditInput(1, "05 Apr 2016", "ZAR", Decimal(amount), "x").json()
    assert f'"Amount":{text},'.encode() in exactjson.dumps(body)
