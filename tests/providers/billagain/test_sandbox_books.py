"""Seeds and books: what goes in, what is there, and what always holds."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unibill_billagain.sandbox import BillAgainSandbox

from unibill import exactjson
from unibill.sandbox import Sandbox

Row = dict[str, Any]


@contextmanager
def fresh() -> Iterator[Sandbox]:
    with Sandbox([BillAgainSandbox]) as sandbox:
        yield sandbox


def of_type(sandbox: Sandbox, kind: str) -> list[Row]:
    return [cast("Row", row) for row in sandbox.books() if row["type"] == kind]


def assert_sound(sandbox: Sandbox) -> None:
    """Balances follow from allocations, nothing is spent twice, statuses fit the sums."""
    invoices = {row["invoiceID"]: row for row in of_type(sandbox, "invoice")}
    credited: Counter[int] = Counter()
    seen: set[int] = set()
    for credit in of_type(sandbox, "credit"):
        amounts = [item["amountApplied"] for item in credit["Allocations"]]
        total = sum(amounts, Decimal(0))
        assert all(amount > 0 for amount in amounts)
        assert total == credit["Applied"] <= credit["Amount"]
        assert credit["Remaining"] == credit["Amount"] - total
        assert credit["Status"] == ("Unallocated" if not total else "Allocated" if total == credit["Amount"] else "Partial")
        for item in credit["Allocations"]:
            assert item["allocationID"] not in seen
            seen.add(item["allocationID"])
            credited[item["invoiceID"]] += item["amountApplied"]
    for number, invoice in invoices.items():
        assert invoice["Credited"] == credited.get(number, 0)
        assert invoice["Balance"] == invoice["Total"] - invoice["Paid"] - invoice["Credited"] >= 0


def test_the_documented_records_are_sound() -> None:
    with fresh() as sandbox:
        sandbox.seed("documented")
        assert_sound(sandbox)
        assert [row["creditNoteID"] for row in of_type(sandbox, "credit")] == [10081, 10083, 10095]
        assert [row["customerID"] for row in of_type(sandbox, "customer")] == [222, 269]


def test_the_documented_records_can_be_added_once_and_a_failed_seed_leaves_nothing() -> None:
    with fresh() as sandbox:
        sandbox.seed("documented")
        before = sandbox.books()
        with pytest.raises(ValueError, match="there already"):
            sandbox.seed("documented")
        assert sandbox.books() == before


def test_generated_records_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    with fresh() as first, fresh() as second, fresh() as third:
        first.seed("generated", 60, 7)
        second.seed("generated", 60, 7)
        third.seed("generated", 60, 8)
        assert first.books() == second.books() != third.books()


def test_generated_records_are_sound_and_as_many_and_as_mixed_as_promised() -> None:
    with fresh() as sandbox:
        sandbox.seed("generated", 400)
        assert_sound(sandbox)
        credits = of_type(sandbox, "credit")
        customers = of_type(sandbox, "customer")
        assert len(credits) == 400
        assert [row["customerID"] for row in customers] == list(range(5001, 5021))
        assert len({row["Reference"] for row in customers}) == 20
        statuses = Counter(row["Status"] for row in credits)
        assert set(statuses) == {"Allocated", "Partial", "Unallocated"}
        assert 150 < sum(row["Remaining"] > 0 for row in credits) < 250
        currencies = Counter(row["CurrencyCode"] for row in customers)
        assert set(currencies) == {"ZAR", "USD", "EUR", "GBP"}
        assert currencies.most_common(1)[0][0] == "ZAR"
        assert {row["CurrencyCode"] for row in credits} == set(currencies)
        assert any(not row["Memo"] for row in credits)
        assert any(not row["Memo"].isascii() for row in credits)
        fully_open = Counter(
            row["customerID"]
            for row in of_type(sandbox, "invoice")
            if row["Balance"] == row["Total"] and not row["isDraft"] and not row["isCancelled"]
        )
        assert all(fully_open[row["customerID"]] >= 3 for row in customers)


def test_a_small_generation_has_five_customers_and_a_second_one_adds_to_it() -> None:
    with fresh() as sandbox:
        sandbox.seed("documented")
        sandbox.seed("generated", 3)
        sandbox.seed("generated", 3)
        assert [row["customerID"] for row in of_type(sandbox, "customer")] == [222, 269, *range(5001, 5011)]
        assert_sound(sandbox)


def test_books_go_out_as_json_lines_and_in_again_unchanged() -> None:
    with fresh() as first, fresh() as second, first.serve() as serving:
        first.seed("documented")
        first.seed("generated", 50)
        lines = httpx.get(f"{serving.url}/_sandbox/books", trust_env=False).content.splitlines()
        second.seed("records", records=[cast("Row", exactjson.loads(line)) for line in reversed(lines)])
        assert second.books() == first.books()


def test_ids_go_on_above_those_of_restored_records() -> None:
    with fresh() as sandbox:
        sandbox.seed("records", records=[{"system": "billagain", "type": "customer", "customerID": 1}])
        rows: list[Row] = [{"type": "invoice", "invoiceID": 50_000, "Total": 10}, {"type": "invoice", "Total": 10}]
        sandbox.seed("records", records=[{"system": "billagain", "customerID": 1, **row} for row in rows])
        assert [row["invoiceID"] for row in of_type(sandbox, "invoice")] == [50_000, 50_001]


def test_ids_have_gaps_and_start_anew_after_a_reset() -> None:
    with fresh() as sandbox:
        sandbox.seed("generated", 20)
        first = [row["creditNoteID"] for row in of_type(sandbox, "credit")]
        sandbox.reset()
        assert sandbox.books() == []
        sandbox.seed("generated", 20)
        assert [row["creditNoteID"] for row in of_type(sandbox, "credit")] == first
        assert len({number for row in of_type(sandbox, "credit") for number in (row["creditNoteID"], *(item["allocationID"] for item in row["Allocations"]))}) < max(first) - min(first)  # fmt: skip


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"type": "payment"}, "no records of type payment; it has: customer, invoice, credit"),
        ({"type": "customer"}, "a customer needs a customerID"),
        ({"type": "invoice", "customerID": 9, "Total": 1}, "there is no customer 9 for the invoice"),
        ({"type": "invoice", "customerID": 269, "Total": "much"}, "Total is an amount"),
        ({"type": "invoice", "customerID": 269, "Total": "NaN"}, "Total is an amount"),
        ({"type": "credit", "customerID": 269}, "Amount is an amount"),
        ({"type": "credit", "customerID": 269, "Amount": 1, "Memo": 5}, "Memo is a text"),
        ({"type": "credit", "customerID": "269", "Amount": 1}, "customerID is a whole number"),
        ({"type": "credit", "customerID": 269, "Amount": 1, "Allocations": [{"invoiceID": 1, "amountApplied": 1}]}, "no invoice 1"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_the_reason(row: Row, message: str) -> None:
    with fresh() as sandbox:
        sandbox.seed("documented")
        before = sandbox.books()
        with pytest.raises(ValueError, match=message):
            sandbox.seed("records", records=[{"system": "billagain", **row}])
        assert sandbox.books() == before


@settings(max_examples=15, deadline=None)
@given(source=st.randoms(use_true_random=False))
def test_no_history_of_posts_puts_and_deletes_breaks_the_books(source: random.Random) -> None:
    invoices = (11343, 11351, 11352, 11380, 11381)
    with (
        fresh() as sandbox,
        sandbox.serve() as serving,
        httpx.Client(base_url=f"{serving.url}/billagain/v1", auth=("1042", "sandbox-key"), trust_env=False) as http,
    ):
        sandbox.seed("documented")
        for _ in range(12):
            credits = of_type(sandbox, "credit")
            known = source.choice(credits) if credits else None
            items: list[Row] = [
                {"invoiceID": source.choice(invoices), "amountApplied": source.randint(1, 90) / 4} for _ in range(source.randint(0, 3))
            ]
            body: Row = {"Date": "05 Apr 2016", "CurrencyCode": "ZAR", "Amount": source.randint(1, 200), "CreditNumber": "n"}
            method, path = "POST", "/credits"
            body["customerID"] = source.choice([222, 269])
            body["AutoApply"] = source.random() < 0.3
            if known is not None and source.random() < 0.6:
                method = source.choice(["PUT", "PUT", "DELETE"])
                path = f"/credits/{known['creditNoteID']}"
                body["customerID"] = known["customerID"]
                kept = [item for item in known["Allocations"] if source.random() < 0.7]
                items += [{**item, "amountApplied": float(item["amountApplied"])} for item in kept]
            before = sandbox.books()
            answer = http.request(method, path, json=None if method == "DELETE" else {**body, "Allocations": items})
            assert answer.status_code in (201, 204, 400)
            assert answer.status_code != 400 or sandbox.books() == before
            assert_sound(sandbox)
