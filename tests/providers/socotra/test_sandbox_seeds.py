"""What a sandbox can be filled with, and that a file or the books hold all of it."""

import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from unibill_socotra.sandbox import Declined, SocotraSandbox
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.payments import NewPayment
from unibill_socotra.sandbox.seeds.documented import SAMPLE_INVOICE

from unibill import exactjson
from unibill.sandbox import Seed

Rows = list[dict[str, Any]]


def open_database(path: Path | str = ":memory:") -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def books_of(seed: Seed) -> Rows:
    with closing(open_database()) as database:
        sandbox = SocotraSandbox(database)
        sandbox.seed(seed)
        return list(sandbox.books())


def kinds(rows: Rows) -> Counter[str]:
    return Counter(row["type"] for row in rows)


def test_the_documented_cast_has_every_credit_type_applied_and_reversed() -> None:
    rows = books_of(Seed("documented"))
    states = {(row["type"], state) for row in rows for name, state in row.items() if name.endswith("State")}
    applied = {
        "creditDistribution": "executed",
        "payment": "posted",
        "subpayment": "posted",
        "writeOff": "distributed",
        "shortfallWriteOff": "distributed",
        "disbursement": "executed",
    }
    assert {(kind, state) for kind, applying in applied.items() for state in (applying, "reversed")} <= states
    assert {state for kind, state in states if kind == "payment"} == set(get_args(r.PaymentState))
    assert {state for kind, state in states if kind == "disbursement"} == set(get_args(r.DisbursementState))
    assert {state for kind, state in states if kind == "creditDistribution"} == set(get_args(r.DistributionState))


def test_the_documented_cast_has_a_charge_of_every_category() -> None:
    rows = books_of(Seed("documented"))
    assert {row["chargeCategory"] for row in rows if row["type"] == "charge"} == set(get_args(r.ChargeCategory))


def test_the_published_sample_invoice_is_there_with_its_one_printed_item() -> None:
    invoice = next(row for row in books_of(Seed("documented")) if row["locator"] == SAMPLE_INVOICE)
    assert (invoice["totalAmount"], invoice["currency"], invoice["invoiceState"]) == (Decimal("521.13"), "AUD", "open")
    assert sum(item["amount"] for item in invoice["invoiceItems"]) == Decimal("521.13")
    first = invoice["invoiceItems"][0]
    assert (first["locator"], first["amount"], first["chargeType"]) == ("01JBAS3SK5ZKZ5D3RX1R64F261", Decimal("2.85"), "serviceFee")


def test_the_same_random_seed_gives_the_same_books_and_another_others() -> None:
    first, again, other = (books_of(Seed("generated", 60, number)) for number in (7, 7, 8))
    assert first == again
    assert first != other


def test_generated_credits_are_as_many_as_asked_and_leave_something_to_spend() -> None:
    rows = books_of(Seed("generated", 200, 1))
    found = kinds(rows)
    credit_charges = [
        row for row in rows if row["type"] == "charge" and row["chargeType"] == "GoodwillCredit" and "reversalOfLocator" not in row
    ]
    assert len(credit_charges) + found["payment"] + found["writeOff"] == 200
    assert found["account"] == 10
    assert {row["tag"].partition("-")[0] for row in credit_charges} == {"case"}
    balances = {
        (row["locator"], currency): balance for row in rows if row["type"] == "account" for currency, balance in row["balances"].items()
    }
    assert {currency for _, currency in balances} == {"USD", "EUR", "ZAR", "JPY", "KWD"}
    assert sum(balance > 0 for balance in balances.values()) > len(balances) / 2
    assert all(balance >= 0 for balance in balances.values())
    assert {row["creditDistributionState"] for row in rows if row["type"] == "creditDistribution"} == {"executed", "reversed"}
    assert {row["writeOffState"] for row in rows if row["type"] == "writeOff"} == {"distributed", "reversed"}
    digits = {"JPY": 0, "KWD": 3, "USD": 2, "EUR": 2, "ZAR": 2}
    assert all(row["amount"] == round(row["amount"], digits[row["currency"]]) for row in credit_charges)


def test_few_credits_still_get_five_accounts_and_none_is_refused() -> None:
    assert kinds(books_of(Seed("generated", 1)))["account"] == 5
    with pytest.raises(ValueError, match="at least 1"):
        books_of(Seed("generated", 0))


@pytest.mark.parametrize("seed", [Seed("documented"), Seed("generated", 40, 3)])
def test_books_sent_as_json_restore_the_same_state(seed: Seed) -> None:
    rows = books_of(seed)
    text = exactjson.dumps(rows)
    sent = exactjson.loads(text)
    assert isinstance(sent, list)
    assert exactjson.dumps(books_of(Seed("records", records=sent))) == text


def test_a_restored_sandbox_goes_on_where_the_other_stopped() -> None:
    with closing(open_database()) as database:
        sandbox = SocotraSandbox(database)
        sandbox.seed(Seed("records", records=books_of(Seed("documented"))))
        engine = sandbox.engine
        executed = engine.core.store.query(r.Distribution, "doc ->> '$.creditDistributionState' = 'executed'")
        spent = next(one for one in executed if one.sources[0].container_type == "account")
        before = engine.balance(spent.account_locator or "", "USD")
        engine.distributions.reverse(spent.locator, "migration")
        assert engine.balance(spent.account_locator or "", "USD") == before + spent.amount
        numbers = {one.invoice_number for one in engine.core.store.query(r.Invoice, "1 = 1")}
        made = engine.charges.add(spent.account_locator or "", [NewCharge(Decimal(1), "ServiceFee")])
        assert engine.core.store.get(r.Invoice, made[0].invoice_locator or "").invoice_number not in numbers


def test_an_account_row_needs_no_more_than_its_locator() -> None:
    row = {"system": "socotra", "type": "account", "locator": SAMPLE_INVOICE, "shortfallTolerancePlanName": "StandardTolerance"}
    account = next(found for found in books_of(Seed("records", records=[row])) if found["type"] == "account")
    assert (account["accountNumber"], account["shortfallTolerancePlanName"]) == ("ACC-000001", "StandardTolerance")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"type": "wallet"}, "unknown type"),
        ({"type": "charge", "locator": SAMPLE_INVOICE}, "missing required field"),
        ({"type": "action", "action": "dance"}, "unknown action"),
        ({"type": "action", "action": "invoice-run", "accountLocator": SAMPLE_INVOICE, "currency": "USD"}, "was not found"),
        ({"type": "token", "permissions": []}, "token"),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_nothing_is_kept(row: dict[str, object], message: str) -> None:
    with closing(open_database()) as database:
        sandbox = SocotraSandbox(database)
        good = {"type": "account", "locator": SAMPLE_INVOICE[::-1]}
        with pytest.raises(ValueError, match=rf"row 1 .*{message}"):
            sandbox.seed(Seed("records", records=[good, row]))
        assert kinds(list(sandbox.books()))["account"] == 0


def test_a_file_survives_a_restart_and_gives_no_locator_twice(tmp_path: Path) -> None:
    path = tmp_path / "socotra.db"
    now = 1_750_000_000_000_000
    with closing(open_database(path)) as database:
        first = SocotraSandbox(database, clock=lambda: now)
        account = first.engine.add_account().locator
        first.engine.charges.add(account, [NewCharge(Decimal("-5.50"), "GoodwillCredit")])
        before = list(first.books())
    with closing(open_database(path)) as database:
        second = SocotraSandbox(database, clock=lambda: now)
        assert list(second.books()) == before
        second.engine.charges.add(account, [NewCharge(Decimal("-5.50"), "GoodwillCredit")])
        charges = second.engine.core.store.query(r.Charge, "1 = 1")
        assert len(charges) == 2
        assert second.engine.balance(account, "USD") == 11


def test_queued_charges_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "socotra.db"
    with closing(open_database(path)) as database:
        sandbox = SocotraSandbox(database, {"immediate-invoicing": "queued"})
        account = sandbox.engine.add_account().locator
        sandbox.engine.charges.add(account, [NewCharge(Decimal(-5), "GoodwillCredit")])
    with closing(open_database(path)) as database:
        again = SocotraSandbox(database, {"immediate-invoicing": "queued"})
        assert kinds(list(again.books()))["queuedCharges"] == 1
        again.engine.charges.run_queue()
        assert again.engine.balance(account, "USD") == 5


def test_reset_empties_everything_and_starts_the_locators_anew() -> None:
    with closing(open_database()) as database:
        sandbox = SocotraSandbox(database)
        sandbox.seed(Seed("documented"))
        first = list(sandbox.books())
        sandbox.reset()
        assert kinds(list(sandbox.books())) == {"tenant": 1}
        sandbox.seed(Seed("documented"))
        assert list(sandbox.books()) == first


def test_a_refusal_inside_a_chain_of_steps_leaves_no_draft_behind() -> None:
    with closing(open_database()) as database:
        engine = SocotraSandbox(database).engine
        account = engine.add_account().locator
        source, target = r.Item(account, "account"), r.Item(SAMPLE_INVOICE, "invoice")
        with pytest.raises(Declined, match="was not found"):
            engine.distributions.run(r.Asked(account, Decimal(5), "USD", [source], [target]))
        assert engine.core.store.query(r.Distribution, "1 = 1") == []


def test_action_rows_do_what_no_route_does() -> None:
    with closing(open_database()) as database:
        sandbox = SocotraSandbox(database, {"immediate-invoicing": "queued"})
        engine = sandbox.engine
        account = engine.add_account(excess_credit_plan="PayOut").locator
        engine.charges.add(account, [NewCharge(Decimal(-5), "GoodwillCredit")])
        payment = engine.payments.create(NewPayment("P", Decimal(5), "USD", [], account)).locator
        place = {"type": "action", "accountLocator": account, "currency": "USD"}
        rows: Rows = [{"type": "action", "action": "queue-run"}, {**place, "action": "handle-excess"}]
        rows.append({"type": "action", "action": "payment-state", "locator": payment, "state": "discarded"})
        sandbox.seed(Seed("records", records=rows))
        after = list(sandbox.books())
    assert [(row["disbursementState"], row["amount"]) for row in after if row["type"] == "disbursement"] == [("executed", 5)]
    assert [row["paymentState"] for row in after if row["type"] == "payment"] == ["discarded"]
