"""What the sandbox does by default: documented behaviour, and the default assumption where the documents are silent."""

import base64
from typing import Any

import httpx
import pytest

from unibill import exactjson
from unibill.sandbox import Sandbox

SAMPLE_10083 = (
    '{"creditNoteID":10083,"customerID":269,"Status":"Allocated","Date":"2016-04-04T22:00:00Z","CurrencyCode":"ZAR","Amount":100,'
    '"CreditNumber":"424242424242424","Memo":"","Allocations":[{"allocationID":10331,"invoiceID":11343,"creditNoteID":0,"amountApplied":100}]}'
)
SAMPLE_10095 = (
    '{"creditNoteID":10095,"customerID":269,"Status":"Allocated","Date":"2016-04-04T22:00:00Z","CurrencyCode":"ZAR","Amount":200,'
    '"CreditNumber":"424242424242424","Memo":"payment to invoices","Allocations":['
    '{"allocationID":10355,"invoiceID":11352,"creditNoteID":10095,"amountApplied":150},'
    '{"allocationID":10358,"invoiceID":11380,"creditNoteID":10095,"amountApplied":50}]}'
)
SAMPLE_10081 = (
    '{"creditNoteID":10081,"customerID":222,"Status":"Allocated","Date":"2016-04-04T22:00:00Z","CurrencyCode":"ZAR","Amount":200,'
    '"CreditNumber":"424242424242424","Memo":"","Allocations":[{"allocationID":10327,"invoiceID":11343,"creditNoteID":0,"amountApplied":200}]}'
)
POST: dict[str, Any] = {
    "customerID": 269,
    "Date": "05 Apr 2016",
    "CurrencyCode": "ZAR",
    "Amount": 150,
    "CreditNumber": "424242424242424",
    "Memo": "",
    "AutoApply": False,
    "Allocations": [
        {"invoiceID": 11351, "amountApplied": 50},
        {"invoiceID": 11352, "amountApplied": 50},
        {"amountApplied": 50, "invoiceNumber": 957},
    ],
}
PUT: dict[str, Any] = {
    **{name: value for name, value in POST.items() if name != "AutoApply"},
    "Amount": 200,
    "Memo": "payment to invoices",
    "Allocations": [{"invoiceID": 11352, "amountApplied": 150}, {"amountApplied": 50, "invoiceNumber": 957}],
}


def balances(sandbox: Sandbox) -> dict[int, str]:
    return {row["invoiceID"]: str(row["Balance"]) for row in sandbox.books() if row["type"] == "invoice"}  # type: ignore[misc]  # ids are int


def messages(answer: httpx.Response) -> list[str]:
    return [error["Message"] for error in answer.json()["Errors"]]


def post(http: httpx.Client, **changes: object) -> httpx.Response:
    return http.post("/credits", json={**POST, **changes})


def test_the_customers_list_is_the_printed_sample(http: httpx.Client) -> None:
    assert http.get("/customers/269/credits").text == f"[{SAMPLE_10083},{SAMPLE_10095}]"


def test_the_accounts_list_prints_zero_inside_allocations(http: httpx.Client) -> None:
    zeroed = SAMPLE_10095.replace('"creditNoteID":10095,"amount', '"creditNoteID":0,"amount')
    assert http.get("/credits").text == f"[{SAMPLE_10081},{SAMPLE_10083},{zeroed}]"


def test_get_is_the_printed_sample(http: httpx.Client) -> None:
    assert http.get("/credits/10095").text == SAMPLE_10095


def test_the_documented_post_put_get_story(http: httpx.Client, sandbox: Sandbox) -> None:
    created = http.post("/credits", json=POST)
    assert created.status_code == 201
    credit = created.json()
    number = credit["creditNoteID"]
    assert {name: credit[name] for name in ("Status", "Date", "Amount")} == {
        "Status": "Allocated",
        "Date": "2016-04-04T22:00:00Z",
        "Amount": 150,
    }
    assert [(item["invoiceID"], item["amountApplied"]) for item in credit["Allocations"]] == [(11351, 50), (11352, 50), (11380, 50)]
    assert {item["creditNoteID"] for item in credit["Allocations"]} == {number - 2}
    first_ids = {item["allocationID"] for item in credit["Allocations"]}
    assert balances(sandbox) == {11343: "100", 11351: "150", 11352: "100", 11380: "50", 11381: "250"}

    edited = http.put(f"/credits/{number}", json=PUT)
    assert (edited.status_code, edited.content) == (204, b"")

    after = http.get(f"/credits/{number}").json()
    assert (after["Status"], after["Amount"], after["Memo"]) == ("Allocated", 200, "payment to invoices")
    assert [(item["invoiceID"], item["amountApplied"]) for item in after["Allocations"]] == [(11352, 150), (11380, 50)]
    assert first_ids.isdisjoint(item["allocationID"] for item in after["Allocations"])
    assert balances(sandbox) == {11343: "100", 11351: "200", 11352: "0", 11380: "50", 11381: "250"}

    deleted = http.delete(f"/credits/{number}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert balances(sandbox) == {11343: "100", 11351: "200", 11352: "150", 11380: "100", 11381: "250"}
    assert http.get(f"/credits/{number}").status_code == 410
    assert http.delete(f"/credits/{number}").status_code == 410


def test_put_keeps_adds_and_deletes_by_allocation_id(http: httpx.Client) -> None:
    http.put(
        "/credits/10095",
        json={
            **PUT,
            "Allocations": [
                {"allocationID": 10355, "invoiceID": 11352, "amountApplied": 20},
                {"invoiceID": 11351, "amountApplied": 30},
            ],
        },
    )

    credit = http.get("/credits/10095").json()
    kept, added = credit["Allocations"]
    assert (kept["allocationID"], kept["amountApplied"]) == (10355, 20)
    assert added["allocationID"] > 12_000
    assert credit["Status"] == "Partial"


def test_put_moves_a_known_allocation_to_another_invoice(http: httpx.Client) -> None:
    items = [
        {"allocationID": 10355, "invoiceID": 11351, "amountApplied": 150},
        {"allocationID": 10358, "invoiceID": 11380, "amountApplied": 50},
    ]
    assert http.put("/credits/10095", json={**PUT, "Allocations": items}).status_code == 204
    assert http.get("/credits/10095").json()["Allocations"][0] == {
        "allocationID": 10355,
        "invoiceID": 11351,
        "creditNoteID": 10095,
        "amountApplied": 150,
    }


def test_put_keeps_an_allocation_to_another_customers_invoice_that_stood_before(http: httpx.Client) -> None:
    items = [{"allocationID": 10327, "invoiceID": 11343, "amountApplied": 200}]
    body = {**PUT, "customerID": 222, "Memo": "new memo", "Allocations": items}
    assert http.put("/credits/10081", json=body).status_code == 204
    assert http.get("/credits/10081").json()["Memo"] == "new memo"


def test_an_empty_list_on_put_deletes_every_allocation(http: httpx.Client) -> None:
    assert http.put("/credits/10095", json={**PUT, "Allocations": []}).status_code == 204
    credit = http.get("/credits/10095").json()
    assert (credit["Status"], credit["Allocations"]) == ("Unallocated", [])


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            [{"allocationID": 10331, "invoiceID": 11343, "amountApplied": 1}],
            "Allocations[0].allocationID is not an allocation of this credit note",
        ),
        (
            [{"allocationID": 1, "invoiceID": 11351, "amountApplied": 1}],
            "Allocations[0].allocationID is not an allocation of this credit note",
        ),
        ([{"allocationID": 10355, "invoiceID": 11352, "amountApplied": 1}] * 2, "Allocations names one allocationID twice"),
    ],
)
def test_put_refuses_allocation_ids_that_are_not_the_credits_own(http: httpx.Client, items: list[object], message: str) -> None:
    answer = http.put("/credits/10095", json={**PUT, "Allocations": items})
    assert (answer.status_code, messages(answer)) == (400, [message])
    assert http.get("/credits/10095").text == SAMPLE_10095


def test_put_refuses_another_customer_or_currency(http: httpx.Client) -> None:
    answer = http.put("/credits/10095", json={**PUT, "customerID": 222, "Allocations": []})
    assert messages(answer) == ["customerID of a credit note cannot be changed"]
    answer = http.put("/credits/10095", json={**PUT, "CurrencyCode": "USD", "Allocations": []})
    assert "CurrencyCode of a credit note cannot be changed" in messages(answer)


def test_the_invoice_id_comes_before_the_invoice_number(http: httpx.Client) -> None:
    credit = post(http, Allocations=[{"invoiceID": 11351, "invoiceNumber": 957, "amountApplied": 5}]).json()
    assert credit["Allocations"][0]["invoiceID"] == 11351


def test_an_invoice_id_of_zero_is_as_if_it_were_not_there(http: httpx.Client) -> None:
    credit = post(http, Allocations=[{"invoiceID": 0, "invoiceNumber": 957, "amountApplied": 5}]).json()
    assert credit["Allocations"][0]["invoiceID"] == 11380


def test_auto_apply_goes_to_the_earliest_open_invoice_and_ignores_allocations(http: httpx.Client, sandbox: Sandbox) -> None:
    credit = post(http, AutoApply=True, Amount=130).json()
    assert [(item["invoiceID"], item["amountApplied"]) for item in credit["Allocations"]] == [(11343, 100)]
    assert credit["Status"] == "Partial"
    again = post(http, AutoApply=True, Amount=130, Allocations="anything").json()
    assert [(item["invoiceID"], item["amountApplied"]) for item in again["Allocations"]] == [(11351, 130)]
    assert balances(sandbox)[11343] == "0"


def test_auto_apply_passes_drafts_cancelled_ones_and_other_currencies_by(http: httpx.Client, sandbox: Sandbox) -> None:
    common = {"system": "billagain", "type": "invoice", "customerID": 7, "Total": 50}
    sandbox.seed(
        "records",
        records=[
            {"system": "billagain", "type": "customer", "customerID": 7},
            {**common, "invoiceID": 1, "isDraft": True},
            {**common, "invoiceID": 2, "isCancelled": True},
            {**common, "invoiceID": 3, "CurrencyCode": "USD"},
            {**common, "invoiceID": 4, "InvoiceDate": "2020-02-01"},
            {**common, "invoiceID": 5, "InvoiceDate": "2020-01-01"},
        ],
    )
    credit = post(http, customerID=7, AutoApply=True, Amount=50).json()
    assert [item["invoiceID"] for item in credit["Allocations"]] == [5]
    post(http, customerID=7, AutoApply=True, Amount=50)
    none_open = post(http, customerID=7, AutoApply=True, Amount=50).json()
    assert (none_open["Status"], none_open["Allocations"]) == ("Unallocated", [])


def test_posts_are_not_idempotent(http: httpx.Client) -> None:
    body = {**POST, "Allocations": [{"invoiceID": 11351, "amountApplied": 1}]}
    ids = {http.post("/credits", json=body).json()["creditNoteID"] for _ in range(2)}
    assert len(ids) == 2


def test_a_sum_below_amount_is_partial(http: httpx.Client) -> None:
    assert post(http, Amount=151).json()["Status"] == "Partial"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Date": "2016-04-05"}, "Date must be a date such as 05 Apr 2016"),
        ({"Date": "31 Feb 2016"}, "Date must be a date such as 05 Apr 2016"),
        ({"Date": "5 Apr 2016"}, "Date must be a date such as 05 Apr 2016"),
        ({"CurrencyCode": "zar"}, "CurrencyCode must be three capital letters"),
        ({"CurrencyCode": "USD", "Allocations": [{"invoiceID": 11351, "amountApplied": 1}]}, "CurrencyCode USD is not the customer's currency ZAR"),
        ({"Amount": "150"}, "Amount must be a number"),
        ({"Amount": 0}, "Amount must be more than 0"),
        ({"Amount": -1}, "Amount must be more than 0"),
        ({"Amount": 10**30}, "Amount is too large"),
        ({"CreditNumber": ""}, "CreditNumber is required"),
        ({"CreditNumber": 5}, "CreditNumber must be text"),
        ({"Memo": "x" * 256}, "Memo may have 255 characters at most"),
        ({"AutoApply": "yes"}, "AutoApply must be true or false"),
        ({"customerID": "269"}, "customerID must be a whole number above 0"),
        ({"Allocations": {}}, "Allocations must be a list"),
        ({"Allocations": [3]}, "Allocations[0] must be an object"),
        ({"Allocations": []}, "Allocations is required unless AutoApply is true"),
        ({"Allocations": [{"amountApplied": 1}]}, "Allocations[0] needs invoiceID or invoiceNumber"),
        ({"Allocations": [{"invoiceID": 11351, "amountApplied": -1}]}, "Allocations[0].amountApplied must be more than 0"),
        ({"Allocations": [{"invoiceID": 11351}]}, "Allocations[0].amountApplied is required"),
        ({"Allocations": [{"invoiceID": 11381, "amountApplied": 1}]}, "Invoice 11381 belongs to another customer"),
        ({"Amount": 149}, "The allocations are more than Amount"),
        ({"Amount": 500, "Allocations": [{"invoiceID": 11351, "amountApplied": 201}]}, "The allocations to invoice 11351 are more than its balance"),
        ({"Amount": 500, "Allocations": [{"invoiceID": 11351, "amountApplied": 101}] * 2}, "The allocations to invoice 11351 are more than its balance"),
        ({"Allocations": [{"allocationID": 10355, "invoiceID": 11351, "amountApplied": 1}]}, "Allocations[0].allocationID is not an allocation of this credit note"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused_and_changes_nothing(
    http: httpx.Client, sandbox: Sandbox, changes: dict[str, object], expected: str
) -> None:
    before = sandbox.books()
    answer = post(http, **changes)
    assert answer.status_code == 400
    assert expected in messages(answer)
    assert sandbox.books() == before


def test_every_fault_of_a_body_is_named_at_once(http: httpx.Client) -> None:
    answer = http.post("/credits", json={"customerID": 5, "Amount": "3", "Allocations": [{"invoiceID": 9}, 4]})
    assert messages(answer) == [
        "Date is required",
        "CurrencyCode is required",
        "Amount must be a number",
        "CreditNumber is required",
        "Allocations[0].amountApplied is required",
        "Allocations[1] must be an object",
        "Cannot find Customer for this Account",
        "Cannot find Invoice 9 for this Account",
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Amount": NaN}'])
def test_a_body_that_is_no_json_object_is_refused(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/credits", content=body)
    assert answer.status_code == 400
    assert messages(answer)[0].startswith("The body is not")


def test_a_missing_customer_or_invoice_alone_is_410_in_the_documented_words(http: httpx.Client) -> None:
    for answer in (post(http, customerID=1), http.get("/customers/1/credits"), http.get("/customers/1")):
        assert (answer.status_code, messages(answer)) == (410, ["Cannot find Customer for this Account"])
    answer = post(http, Allocations=[{"invoiceNumber": 1, "amountApplied": 1}])
    assert (answer.status_code, messages(answer)) == (410, ["Cannot find Invoice number 1 for this Account"])


@pytest.mark.parametrize("number", ["1", "abc", "-1", "9" * 30, "1.5", "%C2%B2"])
def test_an_id_of_no_credit_is_410_and_not_404(http: httpx.Client, number: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = http.request(method, f"/credits/{number}", json=PUT if method == "PUT" else None)
        assert (answer.status_code, messages(answer)) == (410, ["Cannot find Credit Note for this Account"])


def test_unknown_paths_are_404_and_unknown_methods_405(http: httpx.Client) -> None:
    assert messages(http.get("/payments")) == ["There is nothing at this address"]
    answer = http.patch("/credits/10095", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT, DELETE")
    assert messages(answer) == ["PATCH is not allowed here"]


@pytest.mark.parametrize("token", ["", "Basic", "Basic !", "Bearer x", "Basic " + base64.b64encode(b"1042:x").decode(), "Basic é"])
def test_bad_credentials_are_challenged(http: httpx.Client, token: str) -> None:
    request = httpx.Request("GET", http.base_url.join("/billagain/v1/credits"), headers={b"Authorization": token.encode()})
    answer = http.send(request, auth=None)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="BillAgain"')
    assert len(messages(answer)) == 1


def test_the_scheme_of_the_credentials_has_no_case(http: httpx.Client) -> None:
    token = "basic " + base64.b64encode(b"1042:sandbox-key").decode()
    request = httpx.Request("GET", http.base_url.join("/billagain/v1/credits"), headers={"Authorization": token})
    assert http.send(request, auth=None).status_code == 200


def test_input_keys_have_no_case_and_unknown_ones_are_ignored(http: httpx.Client) -> None:
    body = {name.upper(): value for name, value in POST.items() if name != "Allocations"}
    answer = http.post("/credits", json={**body, "allocations": [{"INVOICEid": 11351, "AmountApplied": 150}], "Tax": 3})
    assert answer.status_code == 201


def test_more_than_two_decimals_are_rounded_half_even(http: httpx.Client) -> None:
    items = b'[{"invoiceID":11351,"amountApplied":10.125}]'
    rest = b'"customerID":269,"Date":"05 Apr 2016","CurrencyCode":"ZAR","CreditNumber":"x"'
    answer = http.post("/credits", content=b'{"Amount":100.135,"Allocations":' + items + b"," + rest + b"}")
    assert b'"Amount":100.14' in answer.content
    assert b'"amountApplied":10.12}' in answer.content


def test_big_amounts_keep_every_digit(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed(
        "records", records=[{"system": "billagain", "type": "invoice", "customerID": 269, "invoiceID": 1, "Total": "12345678901234567.89"}]
    )
    body = exactjson.dumps({**POST, "Amount": 0, "Allocations": [{"invoiceID": 1, "amountApplied": 0}]})
    answer = http.post(
        "/credits",
        content=body.replace(b'Amount":0', b'Amount":12345678901234567.89').replace(b'Applied":0', b'Applied":12345678901234567.89'),
    )
    assert answer.content.count(b"12345678901234567.89") == 2
    assert answer.json()["Status"] == "Allocated"


def test_pages_are_of_100_by_default_200_at_most_and_count_from_1(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.reset()
    sandbox.seed("generated", 450)
    everything = [row["creditNoteID"] for row in sandbox.books() if row["type"] == "credit"]

    def ids(**query: str) -> list[int]:
        return [credit["creditNoteID"] for credit in http.get("/credits", params=query).json()]

    assert ids() == everything[:100]
    assert ids(page="2") == everything[100:200]
    assert ids(page="3", page_size="200") == everything[400:]
    assert ids(page_size="500") == everything[:200]
    assert ids(page="0", page_size="x") == everything[:100]
    assert ids(page="-3", page_size="-1") == everything[:100]
    assert ids(page="99999999999999999999") == []
    assert ids(page="6") == []


def test_the_page_of_a_list_follows_creations_and_deletions(http: httpx.Client) -> None:
    def ids() -> list[int]:
        return [credit["creditNoteID"] for credit in http.get("/credits").json()]

    assert ids() == [10081, 10083, 10095]
    number = post(http).json()["creditNoteID"]
    assert ids() == [10081, 10083, 10095, number]
    http.delete("/credits/10083")
    assert ids() == [10081, 10095, number]


def test_paging_parameters_elsewhere_are_ignored(http: httpx.Client) -> None:
    assert http.get("/credits/10095?page=1&page_size=100").text == SAMPLE_10095
    assert http.post("/credits?page=1&page_size=100", json=POST).status_code == 201


def test_customers_and_invoices_can_be_read(http: httpx.Client) -> None:
    assert [customer["customerID"] for customer in http.get("/customers").json()] == [222, 269]
    assert http.get("/customers/269").json()["CurrencyCode"] == "ZAR"
    invoices = http.get("/customers/269/invoices").json()
    assert [(invoice["invoiceID"], invoice["invoiceNum"]) for invoice in invoices][-1] == (11380, 957)
    assert len(http.get("/invoices").json()) == 5
    assert http.get("/invoices/11380").json() == invoices[-1]
    assert http.get("/invoices/1").status_code == 410
    assert http.get("/customers/1/invoices").status_code == 410
