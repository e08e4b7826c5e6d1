"""Every switch changes what the sandbox does, and each of its values does what it says."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from unibill_billagain.sandbox import SWITCHES, BillAgainSandbox

from unibill import exactjson
from unibill.sandbox import Sandbox

OpenBillAgain = Callable[..., AbstractContextManager[tuple[httpx.Client, Sandbox]]]

BODY: dict[str, Any] = {
    "customerID": 269,
    "Date": "05 Apr 2016",
    "CurrencyCode": "ZAR",
    "Amount": 150,
    "CreditNumber": "R-1",
    "Memo": "m",
    "Allocations": [{"invoiceID": 11351, "amountApplied": 100}],
}


def post(http: httpx.Client, **changes: object) -> httpx.Response:
    return http.post("/credits", json={**BODY, **changes})


def created(http: httpx.Client, **changes: object) -> dict[str, Any]:
    answer = post(http, **changes)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]  # what JSON holds


def edited(http: httpx.Client, **changes: object) -> dict[str, Any]:
    body = {**BODY, "Amount": 200, **changes}
    answer = http.put("/credits/10095", json={name: value for name, value in body.items() if value is not ...})
    assert answer.status_code == 204, answer.text
    return http.get("/credits/10095").json()  # type: ignore[no-any-return]  # what JSON holds


def ids(answer: httpx.Response) -> list[int]:
    return [credit["creditNoteID"] for credit in answer.json()]


def applied(credit: dict[str, Any]) -> list[tuple[int, Any]]:
    return [(item["invoiceID"], item["amountApplied"]) for item in credit["Allocations"]]


def test_every_switch_has_a_test_here() -> None:
    tested = {name.removeprefix("test_switch_").partition("__")[0] for name in globals() if name.startswith("test_switch_")}
    assert tested == {switch.name.replace("-", "_") for switch in SWITCHES}


@pytest.mark.parametrize(("value", "status", "challenge"), [("401-plain", 401, False), ("403", 403, False), ("410", 410, False), ("401-challenge", 401, True)])  # fmt: skip
def test_switch_auth_failure(open_billagain: OpenBillAgain, value: str, status: int, challenge: bool) -> None:
    with open_billagain(auth_failure=value) as (http, _):
        answer = http.get("/credits", auth=("1042", "wrong"))
        assert (answer.status_code, "www-authenticate" in answer.headers) == (status, challenge)


@pytest.mark.parametrize("value", ["410", "404"])
def test_switch_missing_credit(open_billagain: OpenBillAgain, value: str) -> None:
    with open_billagain(missing_credit=value) as (http, _):
        assert http.get("/credits/1").status_code == int(value)
        assert http.get("/customers/1").status_code == 410


@pytest.mark.parametrize("value", ["400", "409", "410", "422", "500"])
def test_switch_validation_status(open_billagain: OpenBillAgain, value: str) -> None:
    with open_billagain(validation_status=value) as (http, _):
        assert post(http, Amount=0).status_code == int(value)
        assert http.post("/credits", content=b"{").status_code == int(value)


@pytest.mark.parametrize("value", ["410", "400"])
def test_switch_missing_reference(open_billagain: OpenBillAgain, value: str) -> None:
    with open_billagain(missing_reference=value, validation_status="422") as (http, _):
        assert post(http, customerID=1).status_code == int(value)
        assert post(http, Allocations=[{"invoiceID": 1, "amountApplied": 5}]).status_code == int(value)
        assert post(http, customerID=1, Amount=0).status_code == 422


@pytest.mark.parametrize(("value", "word"), [("by-sum", "Partial"), ("always-allocated", "Allocated")])
def test_switch_status_rule(open_billagain: OpenBillAgain, value: str, word: str) -> None:
    with open_billagain(status_rule=value) as (http, _):
        assert created(http)["Status"] == word


@pytest.mark.parametrize(("value", "status"), [("accept", 201), ("reject", 400)])
def test_switch_under_allocation(open_billagain: OpenBillAgain, value: str, status: int) -> None:
    with open_billagain(under_allocation=value) as (http, _):
        assert post(http).status_code == status
        assert post(http, Amount=100).status_code == 201
        assert post(http, AutoApply=True, Allocations=[]).status_code == 201


@pytest.mark.parametrize(
    ("value", "kept"), [("separate", [(11351, 60), (11352, 5), (11351, 40)]), ("merge", [(11351, 100), (11352, 5)]), ("reject", None)]
)
def test_switch_duplicate_invoice(open_billagain: OpenBillAgain, value: str, kept: list[tuple[int, int]] | None) -> None:
    twice = [{"invoiceID": number, "amountApplied": amount} for number, amount in ((11351, 60), (11352, 5), (11351, 40))]
    with open_billagain(duplicate_invoice=value) as (http, sandbox):
        answer = post(http, Allocations=twice)
        assert answer.status_code == (400 if kept is None else 201)
        assert kept is None or applied(answer.json()) == kept
        lowered = {row["invoiceID"]: row["Credited"] for row in sandbox.books() if row["type"] == "invoice"}
        assert lowered[11351] == (0 if kept is None else 100)


@pytest.mark.parametrize(("value", "status"), [("release", 204), ("refuse-when-allocated", 400)])
def test_switch_delete_effect(open_billagain: OpenBillAgain, value: str, status: int) -> None:
    with open_billagain(delete_effect=value) as (http, _):
        assert http.delete("/credits/10083").status_code == status
        assert http.get("/credits/10083").status_code == (410 if status == 204 else 200)
        edited(http, Allocations=[])
        assert http.delete("/credits/10095").status_code == 204


@pytest.mark.parametrize(("value", "status"), [("off", 410), ("on", 204), ("on-locked", 400)])
def test_switch_system_credits(open_billagain: OpenBillAgain, value: str, status: int) -> None:
    with open_billagain(system_credits=value) as (http, _):
        listed = {credit["creditNoteID"]: credit["CreditNumber"] for credit in http.get("/customers/269/credits").json()}
        assert ("" in listed.values()) == (value != "off")
        assert http.delete("/credits/10099").status_code == status
        assert http.delete("/credits/10083").status_code == 204


def test_switch_opening_balance_allocations(open_billagain: OpenBillAgain) -> None:
    spent = [{"positiveAdjustmentID": 703, "amountApplied": 30}, {"invoiceID": 11351, "amountApplied": 20}]
    record = {"system": "billagain", "type": "credit", "creditNoteID": 20001, "customerID": 269, "Amount": 100, "Allocations": spent}
    with open_billagain() as (_, sandbox), pytest.raises(ValueError, match="no invoice None"):
        sandbox.seed("records", records=[record])
    with open_billagain(opening_balance_allocations="on") as (http, sandbox):
        sandbox.seed("records", records=[record])
        before = sandbox.books()
        listed = http.get("/credits/20001").json()["Allocations"]
        assert [(item["invoiceID"], item["positiveAdjustmentID"], item["amountApplied"]) for item in listed] == [
            (0, 703, 30),
            (11351, 0, 20),
        ]
        kept = {"allocationID": listed[1]["allocationID"], "invoiceID": 11351, "amountApplied": 20}
        unnamed = {"allocationID": listed[0]["allocationID"], "invoiceID": 0, "amountApplied": 30}
        assert http.put("/credits/20001", json={**BODY, "Amount": 100, "Allocations": [unnamed, kept]}).status_code == 400
        sandbox.reset()
        sandbox.seed("records", records=before)
        assert sandbox.books() == before
        assert http.put("/credits/20001", json={**BODY, "Amount": 100, "Allocations": [kept]}).status_code == 204
        assert applied(http.get("/credits/20001").json()) == [(11351, 20)]
        assert http.delete("/credits/20001").status_code == 204

    with open_billagain(opening_balance_allocations="on", put_empty_allocations="keep") as (http, sandbox):
        sandbox.seed("records", records=[record])
        assert http.put("/credits/20001", json={**BODY, "Amount": 100, "Allocations": []}).status_code == 204
        assert sorted(applied(http.get("/credits/20001").json())) == [(0, 30), (11351, 20)]


@pytest.mark.parametrize("value", ["410", "204"])
def test_switch_repeat_delete(open_billagain: OpenBillAgain, value: str) -> None:
    with open_billagain(repeat_delete=value) as (http, _):
        assert [http.delete("/credits/10083").status_code for _ in range(2)] == [204, int(value)]
        assert http.delete("/credits/1").status_code == 410


@pytest.mark.parametrize(("value", "count"), [("clamp", 200), ("default-100", 100), ("reject", None)])
def test_switch_page_size_overflow(open_billagain: OpenBillAgain, value: str, count: int | None) -> None:
    with open_billagain(page_size_overflow=value) as (http, sandbox):
        sandbox.seed("generated", 250)
        answer = http.get("/credits", params={"page_size": "201"})
        assert (answer.status_code, None if count is None else len(answer.json())) == (400 if count is None else 200, count)
        assert len(http.get("/credits", params={"page_size": "200"}).json()) == 200


@pytest.mark.parametrize(("value", "status", "expected"), [("empty", 200, []), ("410", 410, None), ("repeat-last", 200, [10095])])
def test_switch_past_end(open_billagain: OpenBillAgain, value: str, status: int, expected: list[int] | None) -> None:
    with open_billagain(past_end=value) as (http, _):
        answer = http.get("/credits", params={"page": "9", "page_size": "2"})
        assert answer.status_code == status
        assert expected is None or ids(answer) == expected
        assert http.get("/customers", params={"page": "9"}).status_code == status
        assert http.get("/invoices", params={"page": "9"}).status_code == status


def test_switch_list_order__desc(open_billagain: OpenBillAgain) -> None:
    with open_billagain(list_order="desc") as (http, _):
        assert ids(http.get("/credits")) == [10095, 10083, 10081]
        assert ids(http.get("/customers/269/credits")) == [10095, 10083]


def test_switch_list_order__shuffled_is_another_order_whose_pages_fit(open_billagain: OpenBillAgain) -> None:
    with open_billagain(list_order="shuffled") as (http, sandbox):
        sandbox.seed("generated", 30)
        whole = ids(http.get("/credits"))
        pages = [ids(http.get("/credits", params={"page": str(page), "page_size": "10"})) for page in (1, 2, 3, 4)]
        assert [number for page in pages for number in page] == whole
        assert len(set(whole)) == 33
        assert whole not in (sorted(whole), sorted(whole, reverse=True))


@pytest.mark.parametrize(
    ("value", "account", "customer", "get", "post_offset"),
    [
        ("as-samples", 0, 10095, 10095, -2),
        ("own", 10095, 10095, 10095, 0),
        ("zero", 0, 0, 0, None),
        ("other", 10093, 10093, 10093, -2),
    ],
)
def test_switch_nested_credit_id(
    open_billagain: OpenBillAgain, value: str, account: int, customer: int, get: int, post_offset: int | None
) -> None:
    def nested(credit: dict[str, Any]) -> set[int]:
        return {item["creditNoteID"] for item in credit["Allocations"]}

    with open_billagain(nested_credit_id=value) as (http, _):
        assert nested(http.get("/credits").json()[2]) == {account}
        assert nested(http.get("/customers/269/credits").json()[1]) == {customer}
        assert nested(http.get("/credits/10095").json()) == {get}
        new = created(http)
        assert nested(new) == {0 if post_offset is None else new["creditNoteID"] + post_offset}


@pytest.mark.parametrize("value", ["Pending", "Failed", "On hold"])
def test_switch_force_status(open_billagain: OpenBillAgain, value: str) -> None:
    with open_billagain(force_status=value) as (http, _):
        assert {credit["Status"] for credit in http.get("/credits").json()} == {value}
        assert created(http)["Status"] == value


def test_switch_over_allocation__accept(open_billagain: OpenBillAgain) -> None:
    with open_billagain(over_allocation="accept") as (http, _):
        credit = created(http, Amount=60)
        assert (applied(credit), credit["Status"]) == ([(11351, 100)], "Allocated")


def test_switch_over_allocation__cap(open_billagain: OpenBillAgain) -> None:
    items = [{"invoiceID": 11351, "amountApplied": 40}, {"invoiceID": 11352, "amountApplied": 40}, {"invoiceID": 11380, "amountApplied": 1}]
    with open_billagain(over_allocation="cap") as (http, _):
        assert applied(created(http, Amount=60, Allocations=items)) == [(11351, 40), (11352, 20)]


@pytest.mark.parametrize(("value", "amount", "balance"), [("accept", 250, -50), ("cap", 200, 0)])
def test_switch_over_invoice(open_billagain: OpenBillAgain, value: str, amount: int, balance: int) -> None:
    items = [{"invoiceID": 11351, "amountApplied": 150}, {"invoiceID": 11351, "amountApplied": 100}]
    with open_billagain(over_invoice=value) as (http, sandbox):
        credit = created(http, Amount=300, Allocations=items)
        assert sum(item[1] for item in applied(credit)) == amount
        balances = [row["Balance"] for row in sandbox.books() if row.get("invoiceID") == 11351]
        assert balances == [balance]


@pytest.mark.parametrize(("value", "status"), [("reject", 400), ("accept", 201)])
@pytest.mark.parametrize("state", ["isDraft", "isCancelled"])
def test_switch_closed_invoice__draft_and_cancelled(open_billagain: OpenBillAgain, value: str, status: int, state: str) -> None:
    with open_billagain(closed_invoice=value) as (http, sandbox):
        invoice = {"system": "billagain", "type": "invoice", "customerID": 269, "invoiceID": 1, "Total": 500, state: True}
        sandbox.seed("records", records=[invoice])
        assert post(http, Allocations=[{"invoiceID": 1, "amountApplied": 1}]).status_code == status


@pytest.mark.parametrize(("value", "status"), [("reject", 400), ("accept", 201)])
def test_switch_closed_invoice__paid(open_billagain: OpenBillAgain, value: str, status: int) -> None:
    with open_billagain(closed_invoice=value, over_invoice="accept") as (http, sandbox):
        invoice = {"system": "billagain", "type": "invoice", "customerID": 269, "invoiceID": 1, "Total": 500, "Paid": 500}
        sandbox.seed("records", records=[invoice])
        assert post(http, Allocations=[{"invoiceID": 1, "amountApplied": 1}]).status_code == status


@pytest.mark.parametrize("sent", [{"Allocations": []}, {"Allocations": None}])
def test_switch_empty_allocations(open_billagain: OpenBillAgain, sent: dict[str, object]) -> None:
    with open_billagain(empty_allocations="accept") as (http, _):
        credit = created(http, **sent)
        assert (credit["Status"], credit["Allocations"]) == ("Unallocated", [])


def test_switch_put_empty_allocations__keep(open_billagain: OpenBillAgain) -> None:
    with open_billagain(put_empty_allocations="keep") as (http, _):
        before = http.get("/credits/10095").json()["Allocations"]
        assert edited(http, Allocations=[])["Allocations"] == before


def test_switch_put_empty_allocations__reject(open_billagain: OpenBillAgain) -> None:
    with open_billagain(put_empty_allocations="reject") as (http, _):
        assert http.put("/credits/10095", json={**BODY, "Allocations": []}).status_code == 400


@pytest.mark.parametrize(("value", "expected"), [("first-only", [(11343, 100)]), ("spill", [(11343, 100), (11351, 200), (11352, 30)])])
def test_switch_auto_apply_spill(open_billagain: OpenBillAgain, value: str, expected: list[tuple[int, int]]) -> None:
    with open_billagain(auto_apply_spill=value) as (http, _):
        assert applied(created(http, Amount=330, AutoApply=True)) == expected


@pytest.mark.parametrize(("value", "memo"), [("blank", ""), ("keep", "payment to invoices")])
def test_switch_put_memo_omitted(open_billagain: OpenBillAgain, value: str, memo: str) -> None:
    with open_billagain(put_memo_omitted=value) as (http, _):
        assert edited(http, Memo=...)["Memo"] == memo


@pytest.mark.parametrize(("value", "status"), [("allow", 201), ("reject", 400)])
def test_switch_credit_number_duplicates(open_billagain: OpenBillAgain, value: str, status: int) -> None:
    with open_billagain(credit_number_duplicates=value) as (http, _):
        assert post(http, CreditNumber="424242424242424").status_code == status
        edited(http, CreditNumber="own")
        edited(http, CreditNumber="own")


@pytest.mark.parametrize(
    ("value", "status", "number"), [("10", 400, None), ("10-truncate", 201, "x" * 10), ("none", 201, "x" * 300), ("300", 201, "x" * 300)]
)
def test_switch_text_max_length(open_billagain: OpenBillAgain, value: str, status: int, number: str | None) -> None:
    with open_billagain(text_max_length=value) as (http, _):
        answer = post(http, CreditNumber="x" * 300)
        assert answer.status_code == status
        assert number is None or answer.json()["CreditNumber"] == number


@pytest.mark.parametrize(("value", "expected"), [("empty-text", ""), ("null", None), ("absent", ...)])
def test_switch_empty_memo(open_billagain: OpenBillAgain, value: str, expected: object) -> None:
    with open_billagain(empty_memo=value) as (http, _):
        assert created(http, Memo="").get("Memo", ...) == expected
        assert created(http, Memo="m")["Memo"] == "m"


@pytest.mark.parametrize(("value", "expected"), [("array", []), ("null", None), ("absent", ...)])
def test_switch_empty_list_form(open_billagain: OpenBillAgain, value: str, expected: object) -> None:
    with open_billagain(empty_list_form=value, empty_allocations="accept") as (http, _):
        assert created(http, Allocations=[]).get("Allocations", ...) == expected
        assert len(created(http)["Allocations"]) == 1


def test_switch_allocation_order(open_billagain: OpenBillAgain) -> None:
    items = [
        {"invoiceID": 11351, "amountApplied": 1},
        {"allocationID": 10358, "invoiceID": 11380, "amountApplied": 50},
        {"allocationID": 10355, "invoiceID": 11352, "amountApplied": 1},
        {"invoiceID": 11343, "amountApplied": 1},
    ]
    orders = {}
    for value in ("id", "input", "shuffled"):
        with open_billagain(allocation_order=value) as (http, _):
            orders[value] = [item[0] for item in applied(edited(http, Allocations=items))]
    assert orders["id"] == [11352, 11380, 11351, 11343]
    assert orders["input"] == [11351, 11380, 11352, 11343]
    assert sorted(orders["shuffled"]) == sorted(orders["id"])
    assert orders["shuffled"] not in (orders["id"], orders["input"])


@pytest.mark.parametrize(
    ("value", "date"),
    [("+02:00", "2016-04-04T22:00:00Z"), ("-05:30", "2016-04-05T05:30:00Z"), ("UTC", "2016-04-05T00:00:00Z"), ("Europe/London", "2016-04-04T23:00:00Z")],
)  # fmt: skip
def test_switch_time_zone(open_billagain: OpenBillAgain, value: str, date: str) -> None:
    with open_billagain(time_zone=value) as (http, _):
        assert created(http)["Date"] == date


@pytest.mark.parametrize(
    ("value", "date"),
    [("offset", "2016-04-05T00:00:00+02:00"), ("fraction-7", "2016-04-04T22:00:00.0000000Z"), ("utc", "2016-04-04T22:00:00Z")],
)
def test_switch_date_output(open_billagain: OpenBillAgain, value: str, date: str) -> None:
    with open_billagain(date_output=value) as (http, _):
        assert created(http)["Date"] == date


def test_switch_excess_decimals__reject(open_billagain: OpenBillAgain) -> None:
    with open_billagain(excess_decimals="reject") as (http, _):
        assert post(http, Amount=150.125).status_code == 400
        assert post(http, Amount=150.12).status_code == 201


def test_switch_excess_decimals__keep(open_billagain: OpenBillAgain) -> None:
    with open_billagain(excess_decimals="keep") as (http, sandbox):
        assert b'"Amount":150.123456,' in post(http, Amount=150.123456).content
        assert post(http, Amount=150.1234567).status_code == 400
        assert sandbox.books()[-1]["Amount"] == Decimal("150.123456")


@pytest.mark.parametrize(
    ("value", "whole", "fraction"),
    [("plain", "150", "0.5"), ("one-decimal", "150.0", "0.5"), ("two-decimals", "150.00", "0.50"), ("text", '"150.00"', '"0.50"')],
)
def test_switch_number_style(open_billagain: OpenBillAgain, value: str, whole: str, fraction: str) -> None:
    with open_billagain(number_style=value) as (http, _):
        text = post(http, Allocations=[{"invoiceID": 11351, "amountApplied": 0.5}]).text
        assert f'"Amount":{whole},' in text
        assert f'"amountApplied":{fraction}}}' in text


def test_switch_forward_fields(open_billagain: OpenBillAgain) -> None:
    with open_billagain(forward_fields="on") as (http, _):
        credit = created(http)
        assert {"isLocked", "ExternalRef"} <= set(credit)
        assert credit["Allocations"][0]["AppliedBy"] == "system"


@pytest.mark.parametrize(("name", "value"), [("time-zone", "Mars/Base"), ("time-zone", "+25:00"), ("text-max-length", "0"), ("text-max-length", "9-cut")])  # fmt: skip
def test_a_free_value_that_makes_no_sense_is_refused_at_the_start(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"switch '{name}' takes"):
        Sandbox([BillAgainSandbox], switches={"billagain": {name: value}})


def test_records_kept_in_a_file_are_written_anew_when_a_switch_changes(tmp_path: Path) -> None:
    file = tmp_path / "billagain.db"
    with Sandbox([BillAgainSandbox], database=file) as first:
        first.seed("documented")
        books = first.books()
    with (
        Sandbox([BillAgainSandbox], database=file, switches={"billagain": {"number-style": "two-decimals"}}) as second,
        second.serve() as serving,
        httpx.Client(base_url=serving.url, auth=("1042", "sandbox-key"), trust_env=False) as http,
    ):
        credit = exactjson.loads(http.get("/billagain/v1/credits/10095").content)
        assert isinstance(credit, dict)
        assert str(credit["Amount"]) == "200.00"
        assert second.books() == books
