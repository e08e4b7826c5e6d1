"""What a client sees: who is let in, how requests are checked, how lists page, and that a refusal changes nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.payments import NewPayment
from unibill_socotra.sandbox.records import Item
from unibill_socotra.sandbox.tenant import TENANT, TOKEN

from unibill import exactjson
from unibill.sandbox import Seed

Ask = Callable[..., Any]
ServeSocotra = Callable[..., AbstractContextManager[tuple[httpx.Client, SocotraSandbox]]]
UNUSED = "01J5V8NM2GSXK6HG42PD5Z1VAE"


def test_backend_gives_what_a_client_needs(socotra: SocotraSandbox) -> None:
    assert socotra.backend("http://127.0.0.1:1") == {"base_url": "http://127.0.0.1:1/socotra", "tenant": TENANT, "token": TOKEN}


def test_a_call_without_a_token_is_turned_away_before_anything_else(client: httpx.Client) -> None:
    del client.headers["authorization"]
    try:
        answer = client.get(f"/billing/{TENANT}/payments/not-a-locator")
    finally:
        client.headers["authorization"] = f"Bearer {TOKEN}"
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_every_answer_names_its_request(client: httpx.Client) -> None:
    answers = [client.get(f"/billing/{TENANT}/{path}") for path in ("credits/list", "credits/list?count=-1", "nowhere")]
    assert [answer.status_code for answer in answers] == [200, 400, 404]
    assert len({answer.headers["socotra-request-id"] for answer in answers}) == 3


def test_credits_have_no_single_read_and_cannot_be_written(client: httpx.Client, socotra: SocotraSandbox) -> None:
    socotra.seed(Seed("documented"))
    listed = client.get(f"/billing/{TENANT}/credits/list").json()["items"]
    assert client.get(f"/billing/{TENANT}/credits/{listed[0]['locator']}").status_code == 404
    for method in ("POST", "PUT", "PATCH"):
        assert client.request(method, f"/billing/{TENANT}/credits/list", json={}).status_code == 404


def test_a_seeded_token_carries_only_its_permissions(client: httpx.Client, socotra: SocotraSandbox) -> None:
    socotra.seed(Seed("records", records=[{"type": "token", "token": "reader", "permissions": ["accounts:read", "charges:write"]}]))
    account = socotra.engine.add_account().locator
    reader = {"authorization": "Bearer reader"}
    assert client.get(f"/policy/{TENANT}/accounts/{account}", headers=reader).status_code == 200
    assert client.get(f"/billing/{TENANT}/accounts/{account}/charges/list", headers=reader).status_code == 403
    body = {"charges": [{"amount": 5, "chargeType": "ServiceFee"}]}
    assert client.post(f"/billing/{TENANT}/accounts/{account}/charges", json=body, headers=reader).status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "Expected `object`"),
        (b'{"charges": []}', "charges is empty"),
        (b'{"charges": [{"amount": "5", "chargeType": "ServiceFee"}]}', "must be a number, not text"),
        (b'{"charges": [{"amount": true, "chargeType": "ServiceFee"}]}', "Expected `decimal`"),
        (b'{"charges": [{"amount": 5}]}', "missing required field `chargeType`"),
        (b'{"charges": [{"amount": 5, "chargeType": "ServiceFee"}], "invoicing": "later"}', "Invalid enum value 'later'"),
        (b'{"charges": [{"amount": 5, "chargeType": "ServiceFee"}], "currency": "usd"}', "not an ISO 4217"),
        (b'{"charges": [{"amount": 5, "chargeType": "ServiceFee", "elementLocator": "x"}]}', "Invalid ULID: 'x'"),
        (b'{"charges": [{"amount": 1e400, "chargeType": "ServiceFee"}]}', "more digits"),
    ],
)
def test_malformed_charges_are_refused_with_a_reason_and_leave_nothing(
    client: httpx.Client, socotra: SocotraSandbox, body: bytes, message: str
) -> None:
    account = socotra.engine.add_account().locator
    before = list(socotra.books())
    answer = client.post(f"/billing/{TENANT}/accounts/{account}/charges", content=body)
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert list(socotra.books()) == before


def test_unknown_request_fields_and_nulls_are_ignored(ask: Ask, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    body = {"charges": [{"amount": 5, "chargeType": "ServiceFee", "tag": None, "more": 1}], "policyLocator": None, "extra": []}
    made = ask("POST", f"/billing/accounts/{account}/charges", body)
    assert (made[0]["currency"], made[0]["chargeInvoicing"], "tag" in made[0]) == ("USD", "immediate", False)


def test_reversing_charges_needs_invoicing(ask: Ask, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    made = socotra.engine.charges.add(account, [NewCharge(Decimal(5), "ServiceFee")])
    path = f"/billing/accounts/{account}/charges/reverse"
    assert "invoicing" in ask("POST", path, {"charges": [made[0].locator]}, status=400)["message"]
    assert ask("POST", path, {"charges": [made[0].locator.lower()], "invoicing": "next"})[0]["reversalOfLocator"] == made[0].locator


def test_locators_are_read_in_any_case_and_must_be_ulids(ask: Ask, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    assert ask("GET", f"/policy/accounts/{account.lower()}")["locator"] == account
    assert ask("GET", "/policy/accounts/8ZZZZZZZZZZZZZZZZZZZZZZZZZ", status=400)["message"] == "Invalid ULID: '8ZZZZZZZZZZZZZZZZZZZZZZZZZ'"


@pytest.mark.parametrize("query", [{"offset": "-1"}, {"count": "x"}, {"extended": "yes"}, {"accountLocator": "x"}])
def test_a_bad_query_is_refused(ask: Ask, query: dict[str, object]) -> None:
    ask("GET", "/billing/credits/list", status=400, **query)


def test_pages_end_where_they_say_and_nothing_follows_the_end(ask: Ask, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    socotra.engine.charges.add(account, [NewCharge(Decimal(n), "ServiceFee", f"case-{n}") for n in range(1, 6)])
    path = f"/billing/accounts/{account}/charges/list"
    pages = [ask("GET", path, offset=offset, count=2) for offset in (0, 2, 4, 6, 10**30)]
    assert [(len(page["items"]), page["listCompleted"]) for page in pages] == [(2, False), (2, False), (1, True), (0, True), (0, True)]
    tags = [charge["tag"] for page in pages for charge in page["items"]]
    assert tags == [f"case-{n}" for n in range(1, 6)]
    assert ask("GET", path, count=0) == {"listCompleted": False, "items": []}


def test_lists_are_of_the_account_asked_for(ask: Ask, socotra: SocotraSandbox) -> None:
    accounts = [socotra.engine.add_account().locator for _ in range(2)]
    for account in accounts:
        socotra.engine.charges.add(account, [NewCharge(Decimal(-5), "GoodwillCredit")])
    assert len(ask("GET", "/billing/credits/list")["items"]) == 2
    assert [credit["accountLocator"] for credit in ask("GET", "/billing/credits/list", accountLocator=accounts[1])["items"]] == [
        accounts[1]
    ]
    assert ask("GET", "/billing/creditDistributions/list", accountLocator=UNUSED)["items"] == []
    ask("GET", f"/billing/accounts/{UNUSED}/charges/list", status=404)


def test_payments_are_found_by_target_and_a_subpayment_doubles_its_parent(ask: Ask, socotra: SocotraSandbox) -> None:
    engine = socotra.engine
    account = engine.add_account().locator
    invoices = [engine.charges.add(account, [NewCharge(Decimal(9), "ServiceFee")])[0].invoice_locator or "" for _ in range(2)]
    engine.payments.run(NewPayment("P", Decimal(9), "USD", [Item(invoices[0], "invoice")], account, payment_mode="aggregate"))
    found = ask("GET", "/billing/payments/list", targetContainerLocator=invoices[0])["items"]
    assert len(found) == 2
    assert found[0]["subpayments"] == [{"subpaymentLocator": found[1]["locator"], "amount": 9}]
    assert found[1]["aggregatePaymentLocator"] == found[0]["locator"]
    assert ask("GET", "/billing/payments/list", targetContainerLocator=invoices[1])["items"] == []
    credits = ask("GET", f"/billing/invoices/{invoices[0]}/credits/list")["items"]
    assert [credit["creditType"] for credit in credits] == ["payment", "subpayment"]
    assert ask("GET", "/billing/credits/list")["items"] == credits


def test_a_posted_payment_tells_what_it_left_over(ask: Ask, socotra: SocotraSandbox) -> None:
    engine = socotra.engine
    account = engine.add_account().locator
    invoice = engine.charges.add(account, [NewCharge(Decimal("9.50"), "ServiceFee")])[0].invoice_locator
    body = {"type": "P", "amount": 12, "data": {"note": None, "rate": Decimal("1.10")}, "accountLocator": account, "paymentMode": "normal"}
    made = ask("POST", "/billing/payments", {**body, "targets": [{"containerLocator": invoice, "containerType": "invoice"}]})
    assert (made["paymentState"], str(made["data"]["rate"]), made["data"]["note"]) == ("draft", "1.10", None)
    assert "remainingAmount" not in made
    ask("PATCH", f"/billing/payments/{made['locator']}/validate")
    posted = ask("PATCH", f"/billing/payments/{made['locator']}/post")
    assert (posted["paymentState"], posted["remainingAmount"], posted["targets"][0]["amount"]) == (
        "posted",
        Decimal("2.50"),
        Decimal("9.50"),
    )
    ledger = ask("GET", f"/billing/accounting/ledgerAccounts/accountCreditBalance/{account}")
    assert (ledger["balance"], ledger["lineItems"][0]["accountingType"], ledger["lineItems"][0]["amount"]) == (
        Decimal("2.50"),
        "credit",
        Decimal("2.50"),
    )
    cash = ask("GET", f"/billing/accounting/ledgerAccounts/creditCash/{made['locator']}", size=1)
    assert (cash["balance"], len(cash["lineItems"])) == (12, 1)
    ask("GET", f"/billing/accounting/ledgerAccounts/piggyBank/{account}", status=400)
    ask("GET", f"/billing/accounting/ledgerAccounts/accountCreditBalance/{UNUSED}", status=404)


def test_a_negative_invoice_has_a_debit_and_no_credit(ask: Ask, socotra: SocotraSandbox) -> None:
    engine = socotra.engine
    account = engine.add_account().locator
    invoice = engine.charges.add(account, [NewCharge(Decimal(-9), "GoodwillCredit")])[0].invoice_locator
    debits = ask("GET", f"/billing/invoices/{invoice}/debits/list")["items"]
    assert debits == [{"invoiceLocator": invoice, "targetType": "account", "targetLocator": account, "amount": 9, "reversed": False}]
    assert ask("GET", f"/billing/invoices/{invoice}/credits/list")["items"] == []


def test_zero_invoices_are_listed_only_when_asked_for(ask: Ask, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    socotra.engine.charges.add(account, [NewCharge(Decimal(n), "ServiceFee") for n in (5, -5)])
    path = f"/billing/invoices/accounts/{account}/list"
    assert ask("GET", path)["items"] == []
    listed = ask("GET", path, includeZeroAmountInvoices=True)["items"]
    assert len(listed) == 1
    assert "invoiceItems" not in listed[0]


def test_an_unknown_invoice_number_answers_an_empty_array(ask: Ask) -> None:
    assert ask("GET", "/billing/invoices/numbers/INV-77") == []


def test_actions_seeded_over_http_do_what_no_route_does(client: httpx.Client, ask: Ask, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    ask("POST", f"/billing/accounts/{account}/charges", {"charges": [{"amount": -40, "chargeType": "GoodwillCredit"}], "invoicing": "next"})
    place: dict[str, object] = {"system": "socotra", "type": "action", "accountLocator": account, "currency": "USD"}
    rows = [{**place, "action": "invoice-run"}, {**place, "action": "disburse", "amount": Decimal("15.50")}]
    seed_url = str(client.base_url.copy_with(path="/_sandbox/seed"))
    answer = client.post(seed_url, content=exactjson.dumps({"kind": "records", "records": rows}))
    assert answer.is_success, answer.text
    assert socotra.engine.balance(account, "USD") == Decimal("24.50")
    paid = ask("GET", "/billing/disbursements/list")["items"]
    assert [(one["disbursementState"], one["amount"]) for one in paid] == [("executed", Decimal("15.50"))]


def test_the_clock_and_tenant_given_are_the_ones_used(serve_socotra: ServeSocotra) -> None:
    with serve_socotra({}, clock=lambda: 1_700_000_000_123_456) as (client, system):
        account = system.engine.add_account().locator
        answer = client.get(f"/policy/{TENANT}/accounts/{account}").json()
    assert answer["createdAt"] == "2023-11-14T22:13:20.123Z"
