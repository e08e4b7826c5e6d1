"""Every switch changes what the sandbox does, and each of its values does what it says."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.switches import SWITCHES

from unibill.sandbox import Seed

Ask = Callable[..., Any]
OpenSocotra = Callable[..., AbstractContextManager[tuple[Ask, SocotraSandbox]]]
ServeSocotra = Callable[..., AbstractContextManager[tuple[httpx.Client, SocotraSandbox]]]
UNUSED = "01J5V8NM2GSXK6HG42PD5Z1VAE"
MINE = "01JBAS3SK5ABDPV2E32GNXW7Z6"


class Desk:
    """An account, and short words for what tests do to it over HTTP."""

    def __init__(self, ask: Ask, system: SocotraSandbox, **account: str) -> None:
        self.ask = ask
        self.engine = system.engine
        self.account = system.engine.add_account(**account).locator

    def charge(self, *amounts: str, invoicing: str = "immediate", kind: str = "ServiceFee", status: int = 200, **more: object) -> Any:  # noqa: ANN401 - what JSON holds
        charges = [{"amount": Decimal(amount), "chargeType": kind, **more} for amount in amounts]
        body = {"charges": charges, "invoicing": invoicing, "currency": "USD"}
        return self.ask("POST", f"/billing/accounts/{self.account}/charges", body, status=status)

    def invoices(self) -> list[dict[str, Any]]:
        path = f"/billing/invoices/accounts/{self.account}/list"
        return list(self.ask("GET", path, includeZeroAmountInvoices=True)["items"])

    def invoice(self, amount: str) -> str:
        self.charge(amount)
        return str(self.invoices()[-1]["locator"])

    def charges(self, **query: object) -> Any:  # noqa: ANN401 - what JSON holds
        return self.ask("GET", f"/billing/accounts/{self.account}/charges/list", **query)

    def balance(self) -> Decimal:
        return self.engine.balance(self.account, "USD")

    def body(self, invoice: str, amount: str, target_amount: str | None = None) -> dict[str, object]:
        target: dict[str, object] = {"containerLocator": invoice, "containerType": "invoice"}
        if target_amount:
            target["amount"] = Decimal(target_amount)
        source = {"containerLocator": self.account, "containerType": "account"}
        return {"accountLocator": self.account, "amount": Decimal(amount), "currency": "USD", "sources": [source], "targets": [target]}

    def put(self, invoice: str, amount: str, status: int = 200, locator: str = MINE) -> Any:  # noqa: ANN401 - what JSON holds
        return self.ask("PUT", f"/billing/creditDistributions/{locator}", self.body(invoice, amount), status=status)

    def step(self, name: str, status: int = 200, body: object = None, locator: str = MINE) -> Any:  # noqa: ANN401 - what JSON holds
        return self.ask("PATCH", f"/billing/creditDistributions/{locator}/{name}", body, status=status)

    def spend(self, invoice: str, amount: str, locator: str = MINE) -> None:
        self.put(invoice, amount, locator=locator)
        self.step("validate", locator=locator)
        self.step("execute", locator=locator)


@pytest.fixture
def desk(ask: Ask, socotra: SocotraSandbox) -> Desk:
    return Desk(ask, socotra)


OpenDesk = Callable[..., AbstractContextManager[Desk]]


@pytest.fixture
def open_desk(open_socotra: OpenSocotra) -> OpenDesk:
    @contextmanager
    def opened(**switches: str) -> Iterator[Desk]:
        with open_socotra(**switches) as (ask, system):
            yield Desk(ask, system)

    return opened


def test_auth_failure(client: httpx.Client, desk: Desk, serve_socotra: ServeSocotra) -> None:
    path = f"/billing/{desk.engine.core.tenant.locator}/credits/list"
    for header in ("Bearer wrong", "Basic Zm9v", "Bearer"):
        answer = client.get(path, headers={"authorization": header})
        assert answer.status_code == 401
        assert answer.json() == {"message": "the bearer token is missing or not valid"}
    with serve_socotra({"auth-failure": "403"}) as (other, _):
        assert other.get(path, headers={"authorization": "Bearer wrong"}).status_code == 403
        assert other.get(path).status_code == 200


def test_wrong_tenant(client: httpx.Client, serve_socotra: ServeSocotra) -> None:
    path = "/billing/00000000-0000-4000-8000-000000000000/credits/list"
    assert client.get(path).status_code == 403
    with serve_socotra({"wrong-tenant": "404"}) as (other, _):
        assert other.get(path).status_code == 404


@pytest.mark.parametrize(("switch", "status"), [("403", 403), ("404", 404)])
def test_missing_permission(serve_socotra: ServeSocotra, switch: str, status: int) -> None:
    tokens = {"reader": ["credits:read", "credits:list"], "half": ["credits:read"], "admin": None}
    with serve_socotra({"missing-permission": switch}, tokens=tokens) as (client, system):
        path = f"/billing/{system.engine.core.tenant.locator}/credits/list"
        answers = {token: client.get(path, headers={"authorization": f"Bearer {token}"}) for token in tokens}
    assert {token: answer.status_code for token, answer in answers.items()} == {"reader": 200, "half": status, "admin": 200}
    assert answers["half"].json() == {"message": "the token lacks the permission credits:list"}


def test_error_body(client: httpx.Client, serve_socotra: ServeSocotra, socotra: SocotraSandbox) -> None:
    path = f"/billing/{socotra.engine.core.tenant.locator}/payments/{UNUSED}"
    message = f"payment {UNUSED} was not found"
    plain = client.get(path)
    assert (plain.status_code, plain.json()) == (404, {"message": message})
    assert plain.headers["socotra-request-id"]
    with serve_socotra({"error-body": "message-plus"}) as (other, _):
        answer = other.get(path)
        assert answer.json() == {"message": message, "status": 404, "requestId": answer.headers["socotra-request-id"], "details": []}
    with serve_socotra({"error-body": "empty"}) as (other, _):
        assert other.get(path).content == b""
    with serve_socotra({"error-body": "html"}) as (other, _):
        answer = other.get(path)
        assert answer.headers["content-type"].startswith("text/html")
        assert "<h1>404</h1>" in answer.text


def test_invalid_input_status(desk: Desk, open_desk: OpenDesk) -> None:
    assert (
        "chargeType" in desk.ask("POST", f"/billing/accounts/{desk.account}/charges", {"charges": [{"amount": 1}]}, status=400)["message"]
    )
    with open_desk(invalid_input_status="422") as other:
        other.ask("POST", f"/billing/accounts/{other.account}/charges", {"charges": [{"amount": 1}]}, status=422)


def test_unknown_locator_status(desk: Desk, open_desk: OpenDesk) -> None:
    desk.ask("GET", f"/billing/writeOffs/{UNUSED}", status=404)
    with open_desk(unknown_locator_status="400") as other:
        other.ask("GET", f"/billing/writeOffs/{UNUSED}", status=400)


def executed(desk: Desk) -> None:
    desk.charge("-50")
    desk.spend(desk.invoice("20"), "20")


def test_state_conflict(desk: Desk, open_desk: OpenDesk) -> None:
    executed(desk)
    assert desk.step("execute", status=409)["message"] == f"credit distribution {MINE} is executed, not validated"
    with open_desk(state_conflict="400") as other:
        executed(other)
        other.step("execute", status=400)
    with open_desk(state_conflict="soft-200") as other:
        executed(other)
        answer = other.step("execute")
        assert (answer["creditDistributionState"], answer["validationResult"]["success"]) == ("executed", False)
        again = other.ask("GET", f"/billing/creditDistributions/{MINE}")
        assert again["validationResult"]["success"] is True
        assert other.balance() == 30
    with open_desk(state_conflict="no-op-200") as other:
        executed(other)
        assert other.step("execute") == other.ask("GET", f"/billing/creditDistributions/{MINE}")
        assert other.balance() == 30


def test_validate_failure(desk: Desk, open_desk: OpenDesk) -> None:
    invoice = desk.invoice("20")
    desk.put(invoice, "20")
    answer = desk.step("validate")
    assert answer["creditDistributionState"] == "draft"
    assert answer["validationResult"]["success"] is False
    assert answer["validationResult"]["validationItems"][0]["errors"] == ["sources add up to 0, not to the amount 20"]
    with open_desk(validate_failure="400") as other:
        other.put(other.invoice("20"), "20")
        other.step("validate", status=400)
        assert other.ask("GET", f"/billing/creditDistributions/{MINE}")["creditDistributionState"] == "draft"


def test_default_count(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge(*["1"] * 101, invoicing="next")
    page = desk.charges()
    assert (len(page["items"]), page["listCompleted"]) == (100, False)
    with open_desk(default_count="7") as other:
        other.charge(*["1"] * 8, invoicing="next")
        assert len(other.charges()["items"]) == 7


def test_max_count_and_count_overflow(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge(*["1"] * 101, invoicing="next")
    assert len(desk.charges(count=500)["items"]) == 100
    with open_desk(max_count="3", count_overflow="reject") as other:
        other.charge(*["1"] * 4, invoicing="next")
        other.ask("GET", f"/billing/accounts/{other.account}/charges/list", count=4, status=400)
        assert len(other.charges()["items"]) == 3


@pytest.mark.parametrize("order", ["locator-asc", "locator-desc", "shuffled"])
def test_list_order(open_desk: OpenDesk, order: str) -> None:
    with open_desk(list_order=order) as desk:
        made = [charge["locator"] for charge in desk.charge(*["1"] * 9, invoicing="next")]
        pages = [desk.charges(count=4, offset=offset)["items"] for offset in (0, 4, 8)]
        listed = [charge["locator"] for page in pages for charge in page]
    assert sorted(listed) == sorted(made)
    expected = {"locator-asc": sorted(made), "locator-desc": sorted(made, reverse=True)}.get(order)
    assert listed == expected if expected else listed not in (sorted(made), sorted(made, reverse=True))


def test_hidden_items(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge(*["1"] * 6, invoicing="next")
    assert len(desk.charges(count=6)["items"]) == 6
    with open_desk(hidden_items="every-third") as other:
        made = other.charge(*["1"] * 7, invoicing="next")
        seen = [part["locator"] for offset in (0, 2, 4, 6) for part in other.charges(count=2, offset=offset)["items"]]
        assert seen == [made[index]["locator"] for index in (0, 1, 3, 4, 6)]
    with open_desk(hidden_items="whole-page") as other:
        other.charge(*["1"] * 6, invoicing="next")
        assert other.charges(count=4) == {"listCompleted": False, "items": []}
        assert len(other.charges(count=4, offset=4)["items"]) == 2


def test_completed_flag(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("1", "2", invoicing="next")
    assert desk.charges(count=2)["listCompleted"] is True
    with open_desk(completed_flag="late") as other:
        other.charge("1", "2", invoicing="next")
        assert other.charges(count=2)["listCompleted"] is False
        assert other.charges(count=2, offset=2) == {"listCompleted": True, "items": []}


def test_legacy_lists(desk: Desk, open_desk: OpenDesk) -> None:
    assert isinstance(desk.ask("GET", "/billing/credits/list"), dict)
    with open_desk(legacy_lists="bare-unless-extended") as other:
        assert other.ask("GET", "/billing/credits/list") == []
        assert other.ask("GET", "/billing/credits/list", extended=True) == {"listCompleted": True, "items": []}
        assert isinstance(other.charges(), dict)
    with open_desk(legacy_lists="bare-always") as other:
        assert other.ask("GET", "/billing/credits/list", extended=True) == []


def test_include_reversed_default(desk: Desk, open_desk: OpenDesk) -> None:
    def reversed_credits(at: Desk, **query: object) -> int:
        at.charge("-50")
        invoice = at.invoice("20")
        locator = at.ask("POST", "/billing/creditDistributions", at.body(invoice, "20"))["locator"]
        for step in ("validate", "execute"):
            at.step(step, locator=locator)
        at.step("reverse", body={"reversalType": "migration"}, locator=locator)
        return len(at.ask("GET", f"/billing/invoices/{invoice}/credits/list", **query)["items"])

    assert reversed_credits(desk) == 0
    assert reversed_credits(desk, includeReversed=True) == 1
    with open_desk(include_reversed_default="true") as other:
        assert reversed_credits(other) == 1
        assert reversed_credits(other, includeReversed=False) == 0


@pytest.mark.parametrize(("value", "amount"), [("whole", 30), ("applied-part", 10)])
def test_invoice_credit_amount(open_desk: OpenDesk, value: str, amount: int) -> None:
    with open_desk(invoice_credit_amount=value) as desk:
        desk.charge("-50")
        first, second = desk.invoice("10"), desk.invoice("20")
        body = desk.body(first, "30")
        body["targets"] = [{"containerLocator": invoice, "containerType": "invoice"} for invoice in (first, second)]
        desk.ask("PUT", f"/billing/creditDistributions/{MINE}", body)
        desk.step("validate")
        desk.step("execute")
        assert [credit["amount"] for credit in desk.ask("GET", f"/billing/invoices/{first}/credits/list")["items"]] == [amount]


def test_credit_charge_sign(desk: Desk, open_desk: OpenDesk) -> None:
    assert [charge["amount"] for charge in desk.charge("5", "-5", kind="GoodwillCredit", invoicing="next")] == [5, -5]
    with open_desk(credit_charge_sign="require-negative") as other:
        other.charge("5", kind="GoodwillCredit", status=400)
        other.charge("5", kind="ServiceFee")
        other.charge("-5", kind="GoodwillCredit")
    with open_desk(credit_charge_sign="store-negated") as other:
        assert other.charge("5", kind="GoodwillCredit")[0]["amount"] == -5
        assert other.charge("5", kind="ServiceFee")[0]["amount"] == 5


def test_tag_max_length(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("1", tag="x" * 255)
    desk.charge("1", tag="x" * 256, status=400)
    with open_desk(tag_max_length="3") as other:
        other.charge("1", tag="xxxx", status=400)
    with open_desk(tag_max_length="none") as other:
        assert len(other.charge("1", tag="x" * 5000)[0]["tag"]) == 5000


def test_tag_duplicates(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("1", tag="a")
    desk.charge("1", tag="a")
    with open_desk(tag_duplicates="reject") as other:
        other.charge("1", tag="a")
        other.charge("1", tag="a", status=409)
        other.charge("1", "2", tag="b", status=409)
        other.charge("1", tag="b")


def test_zero_amount(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("0", status=400)
    with open_desk(zero_amount="accept") as other:
        assert other.charge("0.00")[0]["amount"] == 0
    with open_desk(zero_amount="drop") as other:
        assert [charge["amount"] for charge in other.charge("0", "3")] == [3]


@pytest.mark.parametrize(("currency", "kept"), [("USD", "10.00"), ("JPY", "10"), ("KWD", "10.005")])
def test_excess_decimals_are_rounded_half_even_to_the_currency(desk: Desk, currency: str, kept: str) -> None:
    body = {"charges": [{"amount": Decimal("10.005"), "chargeType": "serviceFee"}], "currency": currency}
    assert str(desk.ask("POST", f"/billing/accounts/{desk.account}/charges", body)[0]["amount"]) == kept


def test_excess_decimals(open_desk: OpenDesk) -> None:
    with open_desk(excess_decimals="reject") as other:
        other.charge("10.005", status=400)
        other.charge("10.01")
    with open_desk(excess_decimals="keep") as other:
        assert str(other.charge("10.005")[0]["amount"]) == "10.005"


def test_charges_atomic(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("1", "0", "2", status=400)
    assert desk.charges()["items"] == []
    with open_desk(charges_atomic="partial") as other:
        assert other.charge("1", "0", "2", status=400)["message"] == "charges[1]: amount is zero"
        assert [charge["amount"] for charge in other.charges()["items"]] == [1]
        assert [invoice["totalAmount"] for invoice in other.invoices()] == [1]


def test_charges_order(desk: Desk, open_desk: OpenDesk) -> None:
    amounts = ["1", "2", "3", "4"]
    assert [str(charge["amount"]) for charge in desk.charge(*amounts)] == amounts
    with open_desk(charges_order="shuffled") as other:
        answered = [str(charge["amount"]) for charge in other.charge(*amounts)]
        assert answered != amounts
        assert sorted(answered) == amounts


def test_immediate_invoicing(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("-5")
    assert desk.balance() == 5
    with open_desk(immediate_invoicing="queued") as other:
        other.charge("-5")
        assert [len(other.invoices()) for _ in range(4)] == [0, 0, 0, 1]
        assert other.balance() == 5
        other.charge("-6")
        other.engine.charges.run_queue()
        assert other.balance() == 11


def test_negative_invoice(desk: Desk, open_desk: OpenDesk) -> None:
    desk.invoice("20")
    desk.charge("-50")
    assert desk.balance() == 50
    with open_desk(negative_invoice="to-open-invoices") as other:
        invoice = other.invoice("20")
        other.charge("-50")
        assert other.balance() == 30
        made = other.ask("GET", "/billing/creditDistributions/list")["items"]
        assert [(one["sources"][0]["containerType"], one["targets"][0]["containerType"], one["amount"]) for one in made] == [
            ("invoice", "invoice", 20),
            ("invoice", "account", 30),
        ]
        assert other.ask("GET", f"/billing/invoices/{invoice}")["invoiceState"] == "settled"
    with open_desk(negative_invoice="never") as other:
        other.charge("-50")
        assert other.balance() == 0
        assert [(one["invoiceState"], one["totalRemainingAmount"]) for one in other.invoices()] == [("open", -50)]


def test_settle_forced(open_desk: OpenDesk) -> None:
    for switch, refused in (("required-when-never", True), ("ignored", False)):
        with open_desk(negative_invoice="never", settle_forced=switch) as desk:
            invoice = desk.invoice("-50")
            desk.ask("POST", f"/billing/invoices/{invoice}/settle", status=409 if refused else 200)
            assert desk.balance() == (0 if refused else 50)
            if refused:
                desk.ask("POST", f"/billing/invoices/{invoice}/settle", forced=True)
                assert desk.balance() == 50


def test_auto_apply(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("20")
    desk.charge("-50")
    assert desk.balance() == 50
    with open_desk(auto_apply="on") as other:
        other.charge("20")
        other.charge("-50")
        other.charge("10")
        assert other.balance() == 20
        assert [invoice["totalRemainingAmount"] for invoice in other.invoices()] == [0, 0, 0]


def test_reversal_tag(desk: Desk, open_desk: OpenDesk) -> None:
    def reversal(at: Desk) -> dict[str, Any]:
        made = at.charge("5", tag="note")[0]["locator"]
        path = f"/billing/accounts/{at.account}/charges/reverse"
        return dict(at.ask("POST", path, {"charges": [made], "invoicing": "next"})[0])

    assert (reversal(desk)["tag"], reversal(desk)["amount"]) == ("note", -5)
    with open_desk(reversal_tag="drop") as other:
        assert "tag" not in reversal(other)


def reversing(at: Desk, *locators: str, status: int = 200) -> Any:  # noqa: ANN401 - what JSON holds
    path = f"/billing/accounts/{at.account}/charges/reverse"
    return at.ask("POST", path, {"charges": list(locators), "invoicing": "immediate"}, status=status)


def test_reversal_amount(desk: Desk, open_desk: OpenDesk) -> None:
    with open_desk(reversal_amount="as-original") as other:
        for at, shown in ((desk, -5), (other, 5)):
            made = at.charge("5")[0]["locator"]
            assert reversing(at, made)[0]["amount"] == at.charges()["items"][1]["amount"] == shown
            assert [invoice["totalAmount"] for invoice in at.invoices()] == [5, -5]


def test_reversal_of_reversal(desk: Desk, open_desk: OpenDesk) -> None:
    with open_desk(reversal_of_reversal="accept") as other:
        for at, status in ((desk, 409), (other, 200)):
            (reversal,) = reversing(at, at.charge("5")[0]["locator"])
            reversing(at, reversal["locator"], status=status)
        assert [charge["amount"] for charge in other.charges()["items"]] == [5, -5, 5]


def test_bad_reversal_locator(desk: Desk, open_desk: OpenDesk) -> None:
    with open_desk(bad_reversal_locator="skip") as other:
        for at, status, count in ((desk, 404, 1), (other, 200, 2)):
            good = at.charge("5")[0]["locator"]
            reversing(at, good, UNUSED, status=status)
            assert len(at.charges()["items"]) == count


def test_ulid_case(desk: Desk, open_desk: OpenDesk) -> None:
    with open_desk(ulid_case="reject") as other:
        for at, status in ((desk, 200), (other, 400)):
            at.ask("GET", f"/policy/accounts/{at.account.lower()}", status=status)
            at.ask("GET", f"/policy/accounts/{at.account}")


@pytest.mark.parametrize(("value", "amount"), [("positive", 10), ("negative", -10)])
def test_disbursement_sign(open_desk: OpenDesk, value: str, amount: int) -> None:
    with open_desk(disbursement_sign=value) as desk:
        desk.charge("-10", kind="GoodwillCredit")
        out = desk.engine.disbursements.pay_out(desk.account, Decimal(10), "USD").locator
        listed = {item["creditType"]: item["amount"] for item in desk.ask("GET", "/billing/credits/list")["items"]}
        assert listed == {"creditDistribution": 10, "disbursement": amount}
        assert desk.ask("GET", f"/billing/disbursements/{out}")["amount"] == amount
        assert desk.balance() == 0


@pytest.mark.parametrize(("value", "amount"), [("unchanged", 5), ("negated", -5), ("zero", 0)])
def test_reversed_credit_amount(open_desk: OpenDesk, value: str, amount: int) -> None:
    with open_desk(reversed_credit_amount=value) as desk:
        desk.charge("-10", kind="GoodwillCredit")
        desk.spend(desk.invoice("5"), "5")
        desk.step("reverse", body={"reversalType": "migration"})
        listed = {item["locator"]: item["amount"] for item in desk.ask("GET", "/billing/credits/list")["items"]}
        assert listed.pop(MINE) == amount
        assert list(listed.values()) == [10]
        assert desk.ask("GET", f"/billing/creditDistributions/{MINE}")["amount"] == amount


def test_double_reversal(desk: Desk, open_desk: OpenDesk) -> None:
    for at, status in ((desk, 409), (None, 200)):
        with open_desk(double_reversal="accept") as other:
            place = at or other
            made = place.charge("5")[0]["locator"]
            path, body = f"/billing/accounts/{place.account}/charges/reverse", {"charges": [made], "invoicing": "next"}
            place.ask("POST", path, body)
            place.ask("POST", path, body, status=status)


@pytest.mark.parametrize(("value", "named"), [("when-known", {"a"}), ("always", {"a", "b"}), ("never", set[str]())])
def test_credit_account_locator(open_desk: OpenDesk, value: str, named: set[str]) -> None:
    with open_desk(credit_account_locator=value) as desk:
        target = [{"containerLocator": desk.invoice("20"), "containerType": "invoice", "amount": 5}]
        for name, more in (("a", {"accountLocator": desk.account}), ("b", {})):
            body = {"type": name, "amount": 5, "currency": "USD", "data": {}, "targets": target, **more}
            made = desk.ask("POST", "/billing/payments", body)["locator"]
            desk.ask("PATCH", f"/billing/payments/{made}/validate")
            desk.ask("PATCH", f"/billing/payments/{made}/post")
        credits = desk.ask("GET", "/billing/credits/list")["items"]
        assert {name for name, credit in zip("ab", credits, strict=True) if credit.get("accountLocator") == desk.account} == named


def test_put_distribution(desk: Desk, open_desk: OpenDesk) -> None:
    assert desk.put(desk.invoice("5"), "5")["locator"] == MINE
    with open_desk(put_distribution="replace-only") as other:
        other.put(other.invoice("5"), "5", status=404)


def test_put_existing(desk: Desk, open_desk: OpenDesk) -> None:
    def prepared(at: Desk) -> str:
        at.charge("-50")
        invoice = at.invoice("20")
        at.put(invoice, "1")
        at.put(invoice, "20")
        at.step("validate")
        return invoice

    invoice = prepared(desk)
    assert desk.put(invoice, "20")["creditDistributionState"] == "validated"
    desk.put(invoice, "19", status=409)
    desk.step("execute")
    assert desk.put(invoice, "20")["creditDistributionState"] == "executed"
    assert desk.balance() == 30
    with open_desk(put_existing="draft-only") as other:
        other.put(prepared(other), "20", status=409)
    with open_desk(put_existing="any-state") as other:
        invoice = prepared(other)
        other.step("execute")
        assert other.put(invoice, "19")["creditDistributionState"] == "draft"
        assert other.balance() == 50


def test_over_allocation(desk: Desk, open_desk: OpenDesk) -> None:
    desk.charge("-50")
    invoice = desk.invoice("20")
    desk.ask("PUT", f"/billing/creditDistributions/{MINE}", desk.body(invoice, "30", "30"))
    found = desk.step("validate")["validationResult"]
    assert found["validationItems"][0]["errors"] == [f"invoice {invoice} can take 20, not 30"]
    with open_desk(over_allocation="cap") as other:
        other.charge("-15")
        other.ask("PUT", f"/billing/creditDistributions/{MINE}", other.body(other.invoice("20"), "30", "30"))
        capped = other.step("validate")
        assert (capped["amount"], capped["targets"][0]["amount"], capped["creditDistributionState"]) == (15, 15, "validated")


def test_execute_shortage(desk: Desk, open_desk: OpenDesk) -> None:
    def short(at: Desk) -> None:
        at.charge("-30")
        first, second = at.invoice("20"), at.invoice("20")
        at.put(first, "20")
        at.step("validate")
        at.spend(second, "20", locator=UNUSED)

    short(desk)
    desk.step("execute", status=409)
    assert desk.ask("GET", f"/billing/creditDistributions/{MINE}")["creditDistributionState"] == "validated"
    with open_desk(execute_shortage="soft-200") as other:
        short(other)
        answer = other.step("execute")
        assert (answer["creditDistributionState"], answer["validationResult"]["success"]) == ("validated", False)
        assert other.balance() == 10
    with open_desk(execute_shortage="partial") as other:
        short(other)
        answer = other.step("execute")
        assert (answer["creditDistributionState"], answer["amount"]) == ("executed", 10)
        assert other.balance() == 0


def test_empty_values(desk: Desk, open_desk: OpenDesk) -> None:
    draft = desk.put(desk.invoice("5"), "5")
    assert draft["shortfallCreditLocators"] == []
    assert "executedAt" not in draft
    with open_desk(empty_values="omit") as other:
        draft = other.put(other.invoice("5"), "5")
        assert {"shortfallCreditLocators", "executedAt"} & set(draft) == set()
    with open_desk(empty_values="null") as other:
        draft = other.put(other.invoice("5"), "5")
        assert (draft["shortfallCreditLocators"], draft["executedAt"]) == (None, None)
        assert draft["sources"][0]["amount"] is None


def test_time_fraction(desk: Desk, open_desk: OpenDesk) -> None:
    def lengths(at: Desk) -> set[int]:
        invoice = at.invoice("5")
        for number in range(9):
            at.put(invoice, "5", locator=f"01JBAS3SK5ABDPV2E32GNXW7Z{number}")
        return {len(one["createdAt"]) for one in at.ask("GET", "/billing/creditDistributions/list")["items"]}

    assert lengths(desk) == {24}
    for value, expected in (("micro", {27}), ("none", {20}), ("mixed", {20, 24, 27})):
        with open_desk(time_fraction=value) as other:
            assert lengths(other) == expected


def test_number_style(desk: Desk, open_desk: OpenDesk) -> None:
    sent = ["240", "10.10", "0.5"]

    def styled(at: Desk) -> list[str]:
        return [str(charge["amount"]) for charge in at.charge(*sent)]

    assert styled(desk) == sent
    with open_desk(number_style="one-decimal") as other:
        assert styled(other) == ["240.0", "10.1", "0.5"]
    with open_desk(number_style="padded") as other:
        assert styled(other) == ["240.00", "10.10", "0.50"]


def test_forward_fields(desk: Desk, open_desk: OpenDesk) -> None:
    assert {charge["chargeCategory"] for charge in desk.charge(*["1"] * 20)} == {"fee"}
    with open_desk(forward_fields="on") as other:
        made = other.charge(*["-1"] * 20, invoicing="next") + [charge for _ in range(20) for charge in other.charge("-1")]
        assert {charge["chargeCategory"] for charge in made} == {"fee", "loyalty"}
        assert all("addedWithoutNotice" in charge for charge in made)
        states = {credit["creditState"] for credit in other.ask("GET", "/billing/credits/list")["items"]}
        assert states == {"executed", "escrowed"}


def test_every_switch_has_a_test_of_its_own() -> None:
    tests = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    pairs = {"max-count-and-count-overflow": {"max-count", "count-overflow"}}
    tested = tests | {name for pair, names in pairs.items() if pair in tests for name in names}
    assert {switch.name for switch in SWITCHES} <= tested


def test_switches_are_named_once_and_start_with_a_value_they_take() -> None:
    assert len({switch.name for switch in SWITCHES}) == len(SWITCHES)
    assert all(not switch.values or switch.default == switch.values[0] for switch in SWITCHES)


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"nope": "1"}, "no switch"),
        ({"auth-failure": "500"}, "takes 401, 403"),
        ({"max-count": "many"}, "whole number"),
        ({"max-count": "0"}, "whole number"),
    ],
)
def test_a_wrong_switch_is_refused_with_what_exists(switches: dict[str, str], message: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database, pytest.raises(ValueError, match=message):
        SocotraSandbox(database, switches)


def test_stored_records_follow_a_presentation_switch_changed_between_openings() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        first = SocotraSandbox(database)
        first.seed(Seed("documented"))
        before = list(first.books())
        second = SocotraSandbox(database, {"number-style": "padded", "time-fraction": "none"})
        bodies = [str(body) for (body,) in database.execute("SELECT body FROM socotra_charge")]
        assert bodies
        assert all(re.search(r'"amount":-?\d+\.\d\d,', body) for body in bodies)
        assert list(second.books()) == before
