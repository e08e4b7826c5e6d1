"""Every body of the sandbox against billagain-api.json, which was written from the vendor's pages."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from unibill import exactjson
from unibill.sandbox import Sandbox

API: dict[str, Any] = json.loads(Path(__file__).with_name("billagain-api.json").read_text(encoding="utf-8"))
CREDIT: dict[str, Any] = {
    "customerID": 269,
    "Date": "05 Apr 2016",
    "CurrencyCode": "ZAR",
    "Amount": 100,
    "CreditNumber": "R-1",
    "Allocations": [{"invoiceNumber": 957, "amountApplied": 50}],
}


def conform(value: object, fields: dict[str, Any], place: str = "") -> None:
    """The keys are the documented ones, all of them and no other, and the values have the documented types."""
    assert isinstance(value, dict), place
    assert list(value) == list(fields), place
    for name, rule in fields.items():
        check(value[name], rule, f"{place}.{name}")


def check(value: Any, rule: dict[str, Any], place: str) -> None:  # noqa: ANN401 - what a JSON document holds
    if value is None:
        assert rule.get("nullable"), place
        return
    match rule["type"]:
        case "number":
            assert isinstance(value, (int, Decimal)) and not isinstance(value, bool), place
        case "text":
            assert isinstance(value, str), place
            assert value in rule.get("values", [value]), place
        case "boolean":
            assert isinstance(value, bool), place
        case "date":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value), place
        case "object":
            conform(value, rule["fields"], place)
        case "list":
            for index, item in enumerate(value):
                conform(item, rule["fields"], f"{place}[{index}]")
        case other:
            raise AssertionError(f"{place}: the table has a type {other}")


def path_of(operation: dict[str, Any]) -> str:
    path: str = operation["path"]
    return path.replace("{customerID}", "269").replace("{creditNoteID}", "10095").replace("{invoiceID}", "11380")


@pytest.mark.parametrize("operation", API["operations"], ids=lambda operation: operation["name"])
def test_every_operation_answers_as_documented(http: httpx.Client, sandbox: Sandbox, operation: dict[str, Any]) -> None:
    sandbox.seed("generated", 40)
    body = CREDIT if operation["method"] in ("POST", "PUT") else None

    answer = http.request(operation["method"], path_of(operation), json=body)

    assert answer.status_code == operation["status"]
    if operation["output"] is None:
        assert answer.content == b""
        return
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    value = exactjson.loads(answer.content)
    records = value if operation["list"] else [value]
    assert isinstance(records, list)
    assert records
    for record in records:
        conform(record, API["records"][operation["output"]])


@pytest.mark.parametrize("operation", API["operations"], ids=lambda operation: operation["name"])
def test_every_operation_refuses_with_the_documented_error_body(http: httpx.Client, operation: dict[str, Any]) -> None:
    path = re.sub(r"\d+", "1", path_of(operation))
    answers = [http.request(operation["method"], path, auth=("1042", "wrong"))]
    if path != path_of(operation) or operation["method"] == "POST":
        answers.append(http.request(operation["method"], path, json={}))

    for answer in answers:
        assert answer.status_code >= 400
        conform(exactjson.loads(answer.content), API["records"]["error"])


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (operation["name"], changes)
        for operation in API["operations"]
        for changes in [name for name, rule in operation.get("input", {}).items() if rule["required"] is True]
    ],
)
def test_every_required_field_is_required(http: httpx.Client, operation: str, changes: str) -> None:
    method, path = ("POST", "/credits") if operation == "add credit" else ("PUT", "/credits/10095")
    body = {name: value for name, value in CREDIT.items() if name != changes}

    answer = http.request(method, path, json=body)

    assert answer.status_code == 400
    assert answer.json() == {"Errors": [{"Message": f"{changes} is required"}]}
