"""Every body that the sandbox answers has the shape that Socotra's OpenAPI document gives it."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.http import Lists
from unibill_socotra.sandbox.routes import Operations

from unibill import exactjson
from unibill.sandbox import Seed

Ask = Callable[..., Any]
API: dict[str, Any] = msgspec.json.decode(Path(__file__).with_name("socotra-api.json").read_bytes())
SCHEMAS: dict[str, dict[str, str]] = API["schemas"]
OPERATIONS: dict[str, dict[str, Any]] = {operation["operation"]: operation for operation in API["operations"]}
UNPRINTED = {"PreferencesResponse", "ContactRoles", "ElementResponse"}
FORMATS: dict[str, str] = {
    "string(ulid)": r"[0-7][0-9A-HJKMNP-TV-Z]{25}",
    "string(uuid)": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "string(date-time)": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z",
    "string": r"(?s).*",
}


def faults(value: object, kind: str, path: str) -> list[str]:
    """Where a value departs from a type of the field tables."""
    if kind.endswith("[]"):
        if not isinstance(value, list):
            return [f"{path}: no array"]
        return [fault for index, part in enumerate(value) for fault in faults(part, kind[:-2], f"{path}[{index}]")]
    if kind in FORMATS:
        fits = isinstance(value, str) and re.fullmatch(FORMATS[kind], value) is not None
    elif kind.startswith("enum("):
        fits = value in kind[5:-1].split("|")
    elif kind == "number":
        fits = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    elif kind == "boolean":
        fits = isinstance(value, bool)
    elif kind.startswith("map<") or kind in UNPRINTED:
        fits = isinstance(value, dict)
    else:
        return object_faults(value, SCHEMAS[kind], path)
    return [] if fits else [f"{path}: {value!r} is no {kind}"]


def object_faults(value: object, schema: dict[str, str], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no object"]
    found = [f"{path}.{name}: undocumented" for name in value if name not in schema]
    found += [f"{path}.{name}: missing" for name, kind in schema.items() if not kind.endswith("?") and name not in value]
    for name, kind in schema.items():
        if name in value:
            found += faults(value[name], kind.removesuffix("?"), f"{path}.{name}")
    return found


def rows(socotra: SocotraSandbox, kind: str) -> list[dict[str, Any]]:
    return [row for row in socotra.books() if row["type"] == kind]


class Walk:
    """Asks every operation, filling each path from the books, and checks every answer."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.seen: set[str] = set()
        self.faults: list[str] = []

    def __call__(self, operation: str, body: object = None, *, query: dict[str, object] | None = None, **path: str) -> Any:  # noqa: ANN401 - what JSON holds
        known = OPERATIONS[operation]
        where = known["path"].replace("/{tenantLocator}", "")
        for name, value in path.items():
            where = where.replace(f"{{{name}}}", value)
        answer = self.ask(known["method"], where, body, **(query or {}))
        self.seen.add(operation)
        self.faults += faults(answer, known["response"], operation)
        return answer


def test_the_schema_check_finds_what_it_looks_for() -> None:
    good = {"containerLocator": "01J5V8NM2GSXK6HG42PD5Z1VAE", "containerType": "invoice", "amount": Decimal("1.5")}
    assert faults(good, "CreditItem", "x") == []
    assert faults({**good, "amount": "1.5"}, "CreditItem", "x") == ["x.amount: '1.5' is no number"]
    assert faults({**good, "more": 1}, "CreditItem", "x") == ["x.more: undocumented"]
    assert faults({"containerType": "cash"}, "CreditItem", "x") == [
        "x.containerLocator: missing",
        "x.containerType: 'cash' is no enum(invoice|account|subpayment|invoiceItem)",
    ]
    assert faults([1], "string[]", "x") == ["x[0]: 1 is no string"]


def test_routes_are_the_documented_operations_with_their_permissions(socotra: SocotraSandbox) -> None:
    lists = Lists(socotra.engine.core.store, socotra.settings)
    built = {
        operation.name: (operation.method, operation.path, operation.group, list(operation.permissions))
        for operation in Operations(socotra.engine, lists, socotra.settings).table()
    }
    documented = {
        name: (known["method"], known["path"], known["security"]["group"], known["security"]["permission"])
        for name, known in OPERATIONS.items()
    }
    assert built == documented
    assert len(built) == 46


def read_everything(walk: Walk, socotra: SocotraSandbox) -> None:
    singles = {
        "payment": "fetchPayment",
        "subpayment": "fetchPayment",
        "disbursement": "fetchDisbursement",
        "creditDistribution": "fetchCreditDistribution",
        "writeOff": "fetchWriteOff",
        "shortfallWriteOff": "fetchShortfallCredit",
        "account": "fetchAccount",
        "invoice": "getInvoiceWithItems",
    }
    for kind, operation in singles.items():
        for row in rows(socotra, kind):
            walk(operation, locator=row["locator"])
    for operation in (
        "fetchMultipleWriteOffs",
        "fetchMultipleShortfallCredits",
        "fetchMultiplePayments",
        "fetchMultipleDisbursements",
        "fetchCredits",
        "fetchMultipleCreditDistributions",
    ):
        assert walk(operation, query={"extended": True})["items"]
    for invoice in rows(socotra, "invoice"):
        for operation in ("fetchPaymentsForAnInvoice", "fetchCreditsForAnInvoice", "fetchCreditDistributionsForAnInvoice"):
            walk(operation, locator=invoice["locator"], query={"includeReversed": True})
        walk("fetchDebitsForAnInvoice", invoiceLocator=invoice["locator"], query={"includeReversed": True})
        walk("fetchInvoiceDetails", locator=invoice["locator"])
        if "invoiceNumber" in invoice:
            assert len(walk("fetchInvoiceWithNumber", invoiceNumber=invoice["invoiceNumber"])) == 1
    for account in rows(socotra, "account"):
        walk("fetchChargesByAccount", accountLocator=account["locator"])
        walk("fetchInvoicesForAccount", accountLocator=account["locator"], query={"includeZeroAmountInvoices": True})
        walk("fetchLedgerAccount", refType="accountCreditBalance", refLocator=account["locator"], query={"currency": "USD"})
    for policy in rows(socotra, "policy"):
        walk("fetchChargesByPolicy", policyLocator=policy["locator"])
    for transaction in rows(socotra, "transaction"):
        walk("fetchChargesByTransaction", transactionLocator=transaction["locator"], query={"includeAll": True})
    for payment in rows(socotra, "payment"):
        walk("fetchSubpayments", locator=payment["locator"])
        walk("listShortfallCredits", locator=payment["locator"])


def write_everything(walk: Walk, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    own = {"containerLocator": account, "containerType": "account"}
    for amount in ("-50.00", "30.00", "20.00", "10.00"):
        charges = [{"amount": Decimal(amount), "chargeType": "ServiceFee", "tag": "t"}]
        walk("addCharges", {"charges": charges, "invoicing": "immediate", "currency": "USD"}, accountLocator=account)
    listed = walk("fetchInvoicesForAccount", accountLocator=account)["items"]
    negative, first, second, third = [item["locator"] for item in listed]
    target = {"containerLocator": first, "containerType": "invoice"}
    body: dict[str, object] = {"accountLocator": account, "amount": 30, "currency": "USD", "sources": [own], "targets": [target]}
    mine = walk("createOrReplaceCreditDistribution", body, locator="01J5V8NM2GSXK6HG42PD5Z1VAE")["locator"]
    other = walk("createCreditDistribution", body)["locator"]
    delta = {"addSources": [], "removeSources": [], "addTargets": [], "removeTargets": [], "amount": 25}
    walk("updateCreditDistribution", delta, locator=other)
    for step in ("validate", "reset", "discard"):
        walk(f"{step}CreditDistribution", locator=other)
    for step in ("validate", "execute"):
        walk(f"{step}CreditDistribution", locator=mine)
    reason = {"reversalType": "migration"}
    walk("reverseCreditDistribution", reason, locator=mine)
    payment = {"type": "StandardPayment", "amount": Decimal("35.00"), "data": {"a": 1}, "targets": [target]}
    paid = walk("createPayment", payment)["locator"]
    walk("validatePayment", locator=paid)
    walk("postPayment", locator=paid)
    walk("reversePayment", reason, locator=paid)
    partly = [{"containerLocator": second, "containerType": "invoice", "amount": 5}]
    written = walk("writeOff", {"accountLocator": account, "targets": partly})["locator"]
    walk("reverseWriteOff", locator=written)
    walk("writeOffInvoice", locator=third)
    settlement = next(row for row in rows(socotra, "creditDistribution") if row["sources"][0]["containerLocator"] == negative)
    walk("reverseCreditDistribution", reason, locator=settlement["locator"])
    assert len(walk("settleNegativeOrZeroInvoice", locator=negative, query={"forced": True})["items"]) == 1
    charge = walk("fetchChargesByAccount", accountLocator=account)["items"][1]["locator"]
    walk("reverseCharges", {"charges": [charge], "invoicing": "next"}, accountLocator=account)
    quote = next(row for row in rows(socotra, "quote") if row["quoteState"] != "issued")
    walk("updateQuoteInvoiceFeeAmount", {"invoiceFeeAmount": Decimal("2.50")}, locator=quote["locator"])
    walk("updatePolicyInvoiceFeeAmount", {"invoiceFeeAmount": 0}, locator=rows(socotra, "policy")[0]["locator"])


def test_every_answer_of_every_operation_conforms_to_its_schema(ask: Ask, socotra: SocotraSandbox) -> None:
    socotra.seed(Seed("documented"))
    walk = Walk(ask)
    write_everything(walk, socotra)
    read_everything(walk, socotra)
    assert walk.faults == []
    assert walk.seen == set(OPERATIONS)


@pytest.mark.parametrize("operation", [name for name, known in OPERATIONS.items() if known["method"] == "GET"])
def test_no_documented_query_parameter_is_refused(ask: Ask, socotra: SocotraSandbox, operation: str) -> None:
    socotra.seed(Seed("documented"))
    known = OPERATIONS[operation]
    samples = {"boolean": True, "integer(int32)": 1, "string(ulid)": "01J5V8NM2GSXK6HG42PD5Z1VAE", "string": "USD"}
    query = {part["name"]: samples[part["type"]] for part in known["parameters"] if part["in"] == "query"}
    kinds = {"accountLocator": "account", "policyLocator": "policy", "transactionLocator": "transaction", "invoiceLocator": "invoice"}
    owners = {"payments": "payment", "disbursements": "disbursement", "creditDistributions": "creditDistribution", "writeOffs": "writeOff"}
    owners |= {"shortfallCredits": "shortfallWriteOff", "invoices": "invoice", "accounts": "account", "ledgerAccounts": "account"}
    path = known["path"].replace("/{tenantLocator}", "").replace("{refType}", "accountCreditBalance").replace("{invoiceNumber}", "INV-1")
    area = path.split("/")[2] if "ledger" not in path else "ledgerAccounts"
    for name in re.findall(r"{(\w+)}", path):
        kind = kinds.get(name) or owners[area]
        path = path.replace(f"{{{name}}}", rows(socotra, kind)[0]["locator"])
    assert faults(ask("GET", path, **query), known["response"], operation) == []


def test_numbers_keep_their_digits_through_the_sandbox(ask: Ask, socotra: SocotraSandbox) -> None:
    account = socotra.engine.add_account().locator
    wanted = [Decimal("12345678901234567.89"), Decimal("-10.10"), Decimal(7)]
    charges = [{"amount": amount, "chargeType": "serviceFee"} for amount in wanted]
    ask("POST", f"/billing/accounts/{account}/charges", {"charges": charges})
    listed = ask("GET", f"/billing/accounts/{account}/charges/list")["items"]
    assert [str(charge["amount"]) for charge in listed] == ["12345678901234567.89", "-10.10", "7"]
    assert exactjson.dumps(listed[1]["amount"]) == b"-10.10"
