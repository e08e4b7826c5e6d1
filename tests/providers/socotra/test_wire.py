"""The wire records: every documented field is read, exactly and tolerantly."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from unibill_socotra.wire import charges, credits, invoices, payments, policies
from unibill_socotra.wire.common import CreditItem, ValidationItem, ValidationResult, raw

from unibill import exactjson
from unibill.wire import WireRecord, decode

SCHEMAS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "socotra-api.json").read_text())["schemas"]
RECORDS: dict[str, type[WireRecord]] = {
    "AccountResponse": policies.Account,
    "ChargeResponse": charges.Charge,
    "CreditItem": CreditItem,
    "CreditDistributionListResponse": credits.DistributionList,
    "CreditDistributionResponse": credits.Distribution,
    "ValidationResult": ValidationResult,
    "ValidationItemResponse": ValidationItem,
    "CreditListResponse": credits.CreditList,
    "CreditResponse": credits.Credit,
    "DisbursementListResponse": payments.DisbursementList,
    "DisbursementResponse": payments.Disbursement,
    "InvoiceDetailsResponse": invoices.InvoiceDetails,
    "InvoiceSummary": invoices.InvoiceSummary,
    "InvoiceItemSummary": invoices.InvoiceItemSummary,
    "InstallmentItemSummary": invoices.InstallmentItemSummary,
    "FlatChargeSummary": invoices.FlatChargeSummary,
    "InvoiceListResponse": invoices.InvoiceList,
    "InvoiceSummaryView": invoices.Invoice,
    "InvoiceResponse": invoices.Invoice,
    "InvoiceItemResponse": invoices.InvoiceItem,
    "LedgerAccountResponse": invoices.LedgerAccount,
    "LedgerAccountLineItem": invoices.LedgerLine,
    "ListPageResponseChargeResponse": charges.ChargeList,
    "ListPageResponseCreditDistributionResponse": credits.DistributionList,
    "ListPageResponseDebitResponse": invoices.DebitList,
    "DebitResponse": invoices.Debit,
    "ListPageResponsePaymentResponse": payments.PaymentList,
    "PaymentResponse": payments.Payment,
    "SubpaymentResponse": payments.Subpayment,
    "ListPageResponseShortfallCreditResponse": credits.ShortfallCreditList,
    "ShortfallCreditResponse": credits.ShortfallCredit,
    "PaymentListResponse": payments.PaymentList,
    "PolicyResponse": policies.Policy,
    "QuoteResponse": policies.Quote,
    "ShortfallCreditListResponse": credits.ShortfallCreditList,
    "WriteOffListResponse": credits.WriteOffList,
    "WriteOffResponse": credits.WriteOff,
    "WriteOffTarget": CreditItem,
}
REQUESTS = {name for name in SCHEMAS if name.endswith("Request")} | {"PaymentRequestExecutionLogItem"}
SAMPLE = b"""{"locator":"01JBAS3SK5ABDPV2E32GNXW7Z6","accountLocator":"01J5V8NM2GSXK6HG42PD5Z1VAE","invoiceState":"open",
 "invoiceItems":[{"locator":"01JBAS3SK5ZKZ5D3RX1R64F261","chargeType":"serviceFee","chargeCategory":"fee","amount":2.85,
   "remainingAmount":2.85,"invoiceLocator":"01JBAS3SK5ABDPV2E32GNXW7Z6","installmentItemLocators":["01JBAS3SBN5EBZH4Z6AJNHJWTQ"],
   "timezone":"Australia/Sydney","quoteLocator":"01JBAS3D48XSA9GWDKKD0EW3GH","policyLocator":"01JBAS3D48XSA9GWDKKD0EW3GH",
   "transactionLocator":"01JBAS3D48XSA9GWDKKD0EW3GH","elementStaticLocator":"01JBAS3D48XSA9GWDKKD0EW3GH",
   "elementType":"PersonalAutoSegment","transactionLocators":["01JBAS3D48XSA9GWDKKD0EW3GH"]}],
 "generatedTime":"2024-10-28T23:59:21.647Z","dueTime":"2024-10-27T12:59:59.999Z","currency":"AUD","startTime":"2024-10-27T00:00:00Z",
 "endTime":"2024-11-26T13:00:00Z","timezone":"Australia/Sydney","totalAmount":521.13,"totalRemainingAmount":521.13}"""


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def example(kind: str) -> Any:  # noqa: ANN401 - a JSON value of the documented type
    bare = kind.removesuffix("?")
    if bare.endswith("[]"):
        return [example(bare[:-2])]
    if bare.startswith("map<"):
        return {"k": "v"}
    if bare.startswith("enum("):
        return bare[5:-1].split("|")[0]
    if bare == "boolean":
        return True
    if bare == "number":
        return Decimal("12345678901234567.890")
    return full(bare) if bare in SCHEMAS else {"a": Decimal("1.10")} if bare[0].isupper() else "text"


def full(schema: str) -> dict[str, Any]:
    return {name: example(kind) for name, kind in SCHEMAS[schema].items()}


def test_every_schema_of_the_vendor_has_a_record_or_is_a_request() -> None:
    assert set(SCHEMAS) == set(RECORDS) | REQUESTS


@pytest.mark.parametrize("schema", RECORDS)
def test_every_documented_field_is_read_under_its_own_name_with_its_digits(schema: str) -> None:
    record = decode(exactjson.dumps(full(schema)), RECORDS[schema])
    for name in SCHEMAS[schema]:
        assert getattr(record, snake(name)) not in (None, ()), name
    assert raw(record) == full(schema)


@pytest.mark.parametrize("schema", RECORDS)
def test_an_undocumented_field_is_kept_and_breaks_nothing(schema: str) -> None:
    sent = {**full(schema), "addedWithoutNotice": {"since": Decimal("10.10")}}
    record = decode(exactjson.dumps(sent), RECORDS[schema])
    assert record.unknown["addedWithoutNotice"] == {"since": Decimal("10.10")}
    assert raw(record) == sent


@pytest.mark.parametrize("value", [None, [], ...])
def test_absent_null_and_empty_collections_are_one(value: Any) -> None:  # noqa: ANN401 - a JSON value
    fields = {name: item for name, item in full("CreditDistributionResponse").items() if name != "targets"}
    sent = fields if value is ... else {**fields, "targets": value}
    assert not decode(exactjson.dumps(sent), credits.Distribution).targets


def test_the_vendors_own_sample_invoice_is_read_though_it_lacks_documented_fields() -> None:
    invoice = decode(SAMPLE, invoices.Invoice)
    assert invoice.total_amount == Decimal("521.13")
    assert invoice.invoice_items is not None
    assert invoice.invoice_items[0].unknown == {"transactionLocator": "01JBAS3D48XSA9GWDKKD0EW3GH"}


def test_an_enumeration_value_that_nobody_documented_is_read() -> None:
    sent = {**full("CreditResponse"), "creditState": "pondering", "creditType": "gift"}
    assert decode(exactjson.dumps(sent), credits.Credit).credit_state == "pondering"


@pytest.mark.parametrize("bad", ['"NaN"', '"Infinity"', "true", "{}"])
def test_an_amount_that_is_no_number_is_refused_with_its_place(bad: str) -> None:
    body = b'{"listCompleted":true,"items":[{"locator":"x","creditState":"posted","creditType":"payment","currency":"USD","amount":%s}]}'
    with pytest.raises(ValueError, match=r"items\[0\]|not an amount"):
        decode(body.replace(b"%s", bad.encode()), credits.CreditList)


def test_what_unibill_cannot_do_without_is_required() -> None:
    for name in ("locator", "creditState", "creditType", "currency", "amount"):
        sent = {key: value for key, value in full("CreditResponse").items() if key != name}
        with pytest.raises(ValueError, match=name):
            decode(exactjson.dumps(sent), credits.Credit)


def test_configured_fields_keep_the_digits_of_their_numbers() -> None:
    record = decode(exactjson.dumps({**full("PaymentResponse"), "data": {"share": Decimal("0.10")}}), payments.Payment)
    assert record.data == {"share": Decimal("0.10")}
    assert isinstance(record, msgspec.Struct)


def test_states_types_and_numbers_in_a_form_that_nobody_documented_are_read_and_what_decides_by_being_there_is_not() -> None:
    sent = {"locator": "01J", "accountLocator": "A", "currency": "USD", "amount": 1, "chargeCategory": 3, "chargeType": 7, "tag": 10}
    read = decode(exactjson.dumps(sent), charges.Charge)
    assert (read.charge_category, read.charge_type, read.tag) == ("3", "7", "10")
    for name in ("locator", "currency", "accountLocator", "reversalOfLocator"):
        with pytest.raises(ValueError, match=name):
            decode(exactjson.dumps({**sent, name: 0}), charges.Charge)
