"""Invoice 11343, which credits of two customers name in BillAgain's own samples: nothing that was spent becomes spendable."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.copying.conftest import Pair, Row, invoice, note
from unibill.copying import AccountMap, ApplyOptions, InvoiceMap, RunRecord, apply, open_run, plan, verify

SHARED = invoice(11343, 11, "1000")


def planned(pair: Pair, *rows: Row, accounts: AccountMap | None = None) -> dict[str, RunRecord]:
    pair.source.seed(SHARED, *rows)
    pair.target.seed(invoice(41343, 21, "1000"))
    options = pair.options(carry="history", invoices=InvoiceMap.from_pairs({"31": "41", "11343": "41343"}))
    plan(
        pair.source.billing,
        pair.target.billing,
        pair.run,
        options if accounts is None else pair.options(carry="history", invoices=options.invoices, accounts=accounts),
    )
    with open_run(pair.run) as opened:
        return {record.source_id: record for record in opened.records()}


def test_an_invoice_that_two_accounts_credits_name_is_left_behind_with_its_reason_and_its_amount(pair: Pair) -> None:
    found = planned(
        pair, note(101, 11, "100", (11343, "30"), (31, "20")), note(102, 12, "60", (11343, "25")), note(103, 12, "9", (11343, "9"))
    )
    reason = "credits of accounts 11, 12 name this invoice, which can belong to one account only"
    first, second, spent = found["101"], found["102"], found["103"]
    assert (first.decision, first.carried, [item["target_id"] for item in (first.draft or {})["allocations"]]) == (
        "create",
        Decimal(70),
        ["41"],
    )
    assert [(item["target"], item["amount"], item["reason"]) for item in first.dropped] == [("invoice 11343", Decimal(30), reason)]
    assert (second.carried, (second.draft or {})["allocations"], second.dropped[0]["amount"]) == (Decimal(35), [], Decimal(25))
    assert (spent.decision, spent.code, spent.carried) == ("skip", "nothing-remaining", None)
    assert reason in spent.reason
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).exit_status == 0
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0
    assert pair.target.sum() == Decimal(105)
    left = {row["customerID"]: row["Amount"] - sum(item["amountApplied"] for item in row["Allocations"]) for row in pair.target.credits()}
    assert left == {21: Decimal(50), 22: Decimal(35)}


def test_two_customers_that_become_one_account_may_both_spend_on_it(pair: Pair) -> None:
    together = AccountMap.from_pairs({"11": "21", "12": "21"})
    found = planned(pair, note(101, 11, "100", (11343, "30")), note(102, 12, "60", (11343, "25")), accounts=together)
    assert [(record.carried, record.dropped) for record in found.values()] == [(Decimal(100), ()), (Decimal(60), ())]


def test_what_stays_behind_of_a_shared_invoice_is_in_the_plans_hash(pair: Pair, tmp_path: Path) -> None:
    planned(pair, note(101, 11, "100", (11343, "30")))
    pair.source.seed(note(102, 12, "60", (11343, "25")))
    hashes: set[str] = set()
    for name in ("first.db", "second.db", "third.db"):
        options = pair.options(carry="history", invoices=InvoiceMap.from_pairs({"11343": "41343"}), ids=frozenset({"101"}))
        if name != "first.db":
            options = replace(options, ids=None)
        hashes.add(plan(pair.source.billing, pair.target.billing, tmp_path / name, options).hash)
    assert len(hashes) == 2
