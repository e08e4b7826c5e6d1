"""The operations: each sends exactly what the vendor documents."""

import inspect
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from unibill_socotra.api import SocotraApi
from unibill_socotra.native import AsyncSocotraNative, SocotraNative
from unibill_socotra.wire.charges import ChargeCreate
from unibill_socotra.wire.common import CreditItem

from unibill import exactjson
from unibill.errors import InvalidQuery
from unibill.flow import Effect, Request, Response

TENANT = "6ec2f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a77"
LOCATOR = "01JBAS3SK5ABDPV2E32GNXW7Z6"
API: dict[str, Any] = json.loads((Path(__file__).parent / "socotra-api.json").read_text())
OPERATIONS: dict[str, dict[str, Any]] = {entry["operation"]: entry for entry in API["operations"]}
ITEM = CreditItem(container_locator=LOCATOR, container_type="invoice", amount=Decimal("5.00"))
BARE = CreditItem(container_locator=LOCATOR, container_type="account")
ONCE_NOT = {"createOrReplaceCreditDistribution", "updateQuoteInvoiceFeeAmount", "updatePolicyInvoiceFeeAmount"}
WRITES: dict[str, tuple[Callable[[SocotraApi], Any], dict[str, Any] | None]] = {
    "addCharges": (
        lambda api: api.add_charges(
            LOCATOR,
            [ChargeCreate(Decimal("-50.00"), "GoodwillCredit", "T", "E", "S", "tag"), ChargeCreate(Decimal("1E+1"), "Fee")],
            policy_locator="P",
            invoicing="immediate",
            currency="USD",
        ),
        {
            "policyLocator": "P",
            "invoicing": "immediate",
            "currency": "USD",
            "charges": [
                {
                    "amount": Decimal("-50.00"),
                    "chargeType": "GoodwillCredit",
                    "transactionLocator": "T",
                    "elementLocator": "E",
                    "elementStaticLocator": "S",
                    "tag": "tag",
                },
                {"amount": 10, "chargeType": "Fee"},
            ],
        },
    ),
    "reverseCharges": (
        lambda api: api.reverse_charges(LOCATOR, ["a", "b"], invoicing="next"),
        {"charges": ["a", "b"], "invoicing": "next"},
    ),
    "createOrReplaceCreditDistribution": (
        lambda api: api.create_or_replace_credit_distribution(
            LOCATOR, Decimal("5.00"), [BARE], [ITEM], account_locator="A", currency="USD"
        ),
        {
            "accountLocator": "A",
            "amount": Decimal("5.00"),
            "currency": "USD",
            "sources": [{"containerLocator": LOCATOR, "containerType": "account"}],
            "targets": [{"containerLocator": LOCATOR, "containerType": "invoice", "amount": Decimal("5.00")}],
        },
    ),
    "createCreditDistribution": (
        lambda api: api.create_credit_distribution(Decimal("5.00"), [], []),
        {"amount": Decimal("5.00"), "sources": [], "targets": []},
    ),
    "updateCreditDistribution": (
        lambda api: api.update_credit_distribution(
            LOCATOR, amount=Decimal(3), add_sources=[BARE], remove_sources=["s"], remove_targets=["t"], currency="EUR"
        ),
        {
            "amount": 3,
            "addSources": [{"containerLocator": LOCATOR, "containerType": "account"}],
            "removeSources": ["s"],
            "addTargets": [],
            "removeTargets": ["t"],
            "currency": "EUR",
        },
    ),
    "validateCreditDistribution": (lambda api: api.validate_credit_distribution(LOCATOR), None),
    "executeCreditDistribution": (lambda api: api.execute_credit_distribution(LOCATOR), None),
    "resetCreditDistribution": (lambda api: api.reset_credit_distribution(LOCATOR), None),
    "discardCreditDistribution": (lambda api: api.discard_credit_distribution(LOCATOR), None),
    "reverseCreditDistribution": (lambda api: api.reverse_credit_distribution(LOCATOR, "migration"), {"reversalType": "migration"}),
    "createPayment": (
        lambda api: api.create_payment(
            "Cash",
            Decimal("7.50"),
            [ITEM],
            account_locator="A",
            currency="USD",
            data={"a": 1},
            use_default_financial_instrument=False,
            financial_instrument_locator="F",
            transaction_method="cash",
            transaction_number="N",
            payment_mode="normal",
            retry_plan_name="R",
        ),
        {
            "accountLocator": "A",
            "type": "Cash",
            "amount": Decimal("7.50"),
            "currency": "USD",
            "data": {"a": 1},
            "targets": [{"containerLocator": LOCATOR, "containerType": "invoice", "amount": Decimal("5.00")}],
            "useDefaultFinancialInstrument": False,
            "financialInstrumentLocator": "F",
            "transactionMethod": "cash",
            "transactionNumber": "N",
            "paymentMode": "normal",
            "retryPlanName": "R",
        },
    ),
    "validatePayment": (lambda api: api.validate_payment(LOCATOR), None),
    "postPayment": (lambda api: api.post_payment(LOCATOR), None),
    "reversePayment": (lambda api: api.reverse_payment(LOCATOR, "migration"), {"reversalType": "migration"}),
    "writeOff": (
        lambda api: api.write_off("A", [BARE]),
        {"accountLocator": "A", "targets": [{"containerLocator": LOCATOR, "containerType": "account"}]},
    ),
    "writeOffInvoice": (lambda api: api.write_off_invoice(LOCATOR), None),
    "reverseWriteOff": (lambda api: api.reverse_write_off(LOCATOR), None),
    "settleNegativeOrZeroInvoice": (lambda api: api.settle_negative_or_zero_invoice(LOCATOR, forced=True), None),
    "updateQuoteInvoiceFeeAmount": (
        lambda api: api.update_quote_invoice_fee_amount(LOCATOR, Decimal("2.50")),
        {"invoiceFeeAmount": Decimal("2.50")},
    ),
    "updatePolicyInvoiceFeeAmount": (
        lambda api: api.update_policy_invoice_fee_amount(LOCATOR, Decimal("2.50")),
        {"invoiceFeeAmount": Decimal("2.50")},
    ),
}


def snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def parameters(entry: dict[str, Any], where: str) -> list[str]:
    return [parameter["name"] for parameter in entry["parameters"] if parameter["in"] == where]


def asked_of(entry: dict[str, Any]) -> Request:
    """The first request of an operation, called with every argument it has."""
    api = SocotraApi(TENANT)
    if entry["operation"] in WRITES:
        flow = WRITES[entry["operation"]][0](api)
    else:
        method = getattr(api, snake(entry["operation"]))
        ids = (
            ["accountCreditBalance", LOCATOR]
            if "refType" in parameters(entry, "path")
            else [LOCATOR] * (len(parameters(entry, "path")) - 1)
        )
        values: dict[str, object] = {"offset": 40, "count": 20, "size": 5, "currency": "USD"}
        given = {snake(name): values.get(name, LOCATOR if name.endswith("Locator") else True) for name in parameters(entry, "query")}
        flow = method(*ids, **given)
    request = next(flow)
    assert isinstance(request, Request)
    flow.close()
    return request


def test_there_is_a_method_for_each_of_the_46_operations_and_no_other() -> None:
    public = {name for name, _ in inspect.getmembers(SocotraApi, inspect.isfunction) if not name.startswith("_")}
    assert public == {snake(name) for name in OPERATIONS}
    assert len(public) == 46


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_sends_what_is_documented(operation: str) -> None:
    entry = OPERATIONS[operation]
    request = asked_of(entry)
    assert (request.operation, request.method) == (operation, entry["method"])
    expected = entry["path"].replace("{tenantLocator}", TENANT).replace("{refType}", "accountCreditBalance")
    for name in parameters(entry, "path"):
        expected = expected.replace("{" + name + "}", LOCATOR)
    assert request.path == expected
    assert sorted(name for name, _ in request.query) == sorted(parameters(entry, "query"))
    permission = f"{entry['security']['group']}: {', '.join(entry['security']['permission'])}"
    assert request.permission == permission
    if entry["method"] == "GET":
        assert (request.effect, request.body) == (Effect.NONE, None)
    else:
        assert request.effect is (Effect.IDEMPOTENT if operation in ONCE_NOT else Effect.ONCE)


@pytest.mark.parametrize("operation", WRITES)
def test_a_write_sends_its_body_exactly(operation: str) -> None:
    body = asked_of(OPERATIONS[operation]).body
    wanted = WRITES[operation][1]
    assert (None if body is None else exactjson.loads(body)) == wanted
    if "request" in OPERATIONS[operation]:
        assert isinstance(wanted, dict)
        assert set(wanted) <= set(API["schemas"][OPERATIONS[operation]["request"]])


def test_every_operation_that_writes_is_tried() -> None:
    assert set(WRITES) == {name for name, entry in OPERATIONS.items() if entry["method"] != "GET"}


def test_amounts_are_sent_with_their_digits() -> None:
    body = next(SocotraApi(TENANT).update_quote_invoice_fee_amount(LOCATOR, Decimal("12345678901234567.890")))
    assert isinstance(body, Request)
    assert body.body == b'{"invoiceFeeAmount":12345678901234567.890}'


def test_absent_arguments_are_left_out_and_extended_is_always_asked_for() -> None:
    request = next(SocotraApi(TENANT, page_size=50).fetch_credits())
    assert isinstance(request, Request)
    assert request.query == (("offset", "0"), ("count", "50"), ("extended", "true"))


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_an_id_that_would_leave_its_place_is_refused(bad: str) -> None:
    with pytest.raises(InvalidQuery):
        next(SocotraApi(TENANT).fetch_payment(bad))


def test_an_id_with_a_slash_stays_one_segment() -> None:
    request = next(SocotraApi(TENANT).fetch_payment("../x?y#z"))
    assert isinstance(request, Request)
    assert request.path.endswith("/payments/..%2Fx%3Fy%23z")


@pytest.mark.parametrize(("offset", "count"), [(-1, 10), (0, 0)])
def test_paging_that_makes_no_sense_is_refused(offset: int, count: int) -> None:
    with pytest.raises(InvalidQuery):
        next(SocotraApi(TENANT).fetch_credits(offset=offset, count=count))


@pytest.mark.parametrize("native", [SocotraNative, AsyncSocotraNative])
def test_a_native_client_has_each_operation(native: type) -> None:
    assert {snake(name) for name in OPERATIONS} <= set(dir(native))
    for name in OPERATIONS:
        assert getattr(native, snake(name)).__doc__ == getattr(SocotraApi, snake(name)).__doc__


def test_the_settle_answer_may_be_an_envelope_or_an_array() -> None:
    record = b'{"locator":"x","creditDistributionState":"executed","currency":"USD","amount":5}'
    for body in (b"[" + record + b"]", b'{"listCompleted":true,"items":[' + record + b"]}"):
        flow = SocotraApi(TENANT).settle_negative_or_zero_invoice(LOCATOR)
        next(flow)
        with pytest.raises(StopIteration) as stopped:
            flow.send(Response(200, {}, body))
        assert [distribution.locator for distribution in stopped.value.value] == ["x"]
