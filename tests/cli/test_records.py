"""credits and charges: what is listed is what the sandbox's books hold; nothing is written without consent."""

from decimal import Decimal

import pytest

from tests.support.commands import MEMO, Command, Place

HOSTILE_ID = "990001"


@pytest.fixture(autouse=True)
def hostile(place: Place) -> None:
    """A credit note whose texts would act on a terminal, and that has a card number in each."""
    place.add_credit(int(HOSTILE_ID), MEMO)


def test_a_list_as_json_is_every_credit_of_the_books_digit_for_digit(run: Command, place: Place) -> None:
    done = run("credits", "list", "billagain", "--json")
    assert done.status == 0
    listed = {str(record["id"]): (record["account_id"], record["amount"], record["remaining"]) for record in done.records()}
    rows = place.rows("billagain", "credit")
    assert listed == {str(row["creditNoteID"]): (str(row["customerID"]), row["Amount"], row["Remaining"]) for row in rows}


def test_a_list_for_people_has_a_line_for_each_credit_of_the_account(run: Command, place: Place) -> None:
    lines = run("credits", "list", "billagain", "--account", "269").out.splitlines()
    ids = {str(row["creditNoteID"]) for row in place.rows("billagain", "credit") if row["customerID"] == 269}
    assert {line.split()[0] for line in lines[1:]} == ids


@pytest.mark.parametrize(
    "words", [("list", "billagain", "--account", "269"), ("get", "billagain", HOSTILE_ID), ("get", "billagain", HOSTILE_ID, "--json")]
)
def test_hostile_text_does_not_act_and_card_numbers_are_masked(words: tuple[str, ...], run: Command, place: Place) -> None:
    del place
    done = run("credits", *words)
    assert done.status == 0
    assert not {"\x1b", "\u202e", "\u2028"} & set(done.out)
    assert "4242 4242" not in done.out
    assert "424242424242424" not in done.out
    assert "••••4242" in done.out
    assert "\\u202e" in done.out


def test_one_credit_shows_its_allocations(run: Command, place: Place) -> None:
    del place
    done = run("credits", "get", "billagain", "10095")
    assert "11352" in done.out
    assert "10358" in done.out


def test_nothing_is_written_without_consent(run: Command, place: Place) -> None:
    customer, invoice = open_invoice(place)
    before = place.sandbox.books()
    refused = [
        run("credits", "create", "billagain", "--account", customer, "--currency", "ZAR", "--amount", "5"),
        run("credits", "allocate", "billagain", HOSTILE_ID, "--allocate", f"{invoice}=1"),
        run("credits", "deallocate", "billagain", "10095", "10358"),
        run("credits", "void", "billagain", "10095"),
        run("charges", "add", "billagain", "--account", customer, "--currency", "ZAR", "--amount", "-5"),
        run("charges", "reverse", "billagain", "269", "10095"),
    ]
    several = run("charges", "reverse", "billagain", "269", "10095", "10096")
    assert "Reverse charges 10095, 10096 of account 269 at billagain? Give --yes" in several.err
    assert [done.status for done in refused] == [2] * 6
    assert all("Give --yes" in done.err for done in refused)
    assert place.writes() == 0
    assert place.sandbox.books() == before


def test_a_credit_is_made_once_under_a_key_found_by_it_spent_and_voided(run: Command, place: Place) -> None:
    customer, invoice = open_invoice(place)
    count = len(place.rows("billagain", "credit"))
    words = (
        "credits",
        "create",
        "billagain",
        "--account",
        customer,
        "--currency",
        "ZAR",
        "--amount",
        "12.50",
        "--key",
        "order-17",
        "--yes",
        "--json",
    )
    (first,) = run(*words).records()
    (second,) = run(*words).records()
    assert first["id"] == second["id"]
    assert first["amount"] == Decimal("12.50")
    assert len(place.rows("billagain", "credit")) == count + 1
    (found,) = run("credits", "find", "billagain", "--key", "order-17", "--account", customer, "--json").records()
    assert found["id"] == first["id"]
    credit = str(first["id"])
    (spent,) = run("credits", "allocate", "billagain", credit, "--allocate", f"{invoice}=2.5", "--yes", "--json").records()
    assert spent["remaining"] == Decimal("10.00")
    row = next(row for row in place.rows("billagain", "credit") if str(row["creditNoteID"]) == credit)
    allocations = row["Allocations"]
    assert isinstance(allocations, list)
    (freed,) = run("credits", "deallocate", "billagain", credit, str(allocations[0]["allocationID"]), "--yes", "--json").records()
    assert freed["remaining"] == Decimal("12.50")
    assert run("credits", "void", "billagain", credit, "--yes").status == 0
    assert len(place.rows("billagain", "credit")) == count


def test_what_a_backend_cannot_hold_is_named_before_it_is_written(run: Command, place: Place) -> None:
    account = next(iter(place.cast.back))
    done = run("credits", "create", "socotra", "--account", account, "--currency", "USD", "--amount", "5", "--number", "CN-1")
    assert done.status == 2
    assert "Not written: number CN-1" in done.err


def test_a_key_that_made_nothing_is_status_1(run: Command, place: Place) -> None:
    del place
    assert run("credits", "find", "billagain", "--key", "never", "--account", "269").status == 1


def test_faults_of_a_draft_are_told_all_at_once_with_status_2(run: Command, place: Place) -> None:
    done = run("credits", "create", "billagain", "--account", "269", "--currency", "zar", "--amount", "-5", "--yes")
    assert done.status == 2
    assert "$.amount" in done.err
    assert "$.currency" in done.err
    assert place.writes() == 0


@pytest.mark.parametrize("text", ["5", "=5", "11351=", "11351=abc", "11351=NaN"])
def test_an_allocation_that_cannot_be_read_is_a_usage_error(text: str, run: Command, place: Place) -> None:
    del place
    assert run("credits", "allocate", "billagain", "10095", "--allocate", text, "--yes").status == 2


def test_a_credit_that_is_not_there_is_status_3_with_what_to_do(run: Command, place: Place) -> None:
    del place
    done = run("credits", "get", "billagain", "1")
    assert done.status == 3
    assert "Check the id" in done.err


def test_charges_are_added_listed_and_reversed(run: Command, place: Place) -> None:
    account = next(iter(place.cast.back))
    words = (
        "--account",
        account,
        "--currency",
        "USD",
        "--amount",
        "-7.25",
        "--type",
        "GoodwillCredit",
        "--invoicing",
        "immediate",
        "--yes",
        "--json",
    )
    (made,) = run("charges", "add", "socotra", *words).records()
    assert made["amount"] == Decimal("-7.25")
    listed = run("charges", "list", "socotra", "--account", account)
    assert "-7.25" in listed.out
    (undone,) = run("charges", "reverse", "socotra", account, str(made["id"]), "--invoicing", "immediate", "--yes", "--json").records()
    assert (undone["reversal_of"], undone["amount"]) == (made["id"], Decimal("7.25"))


def test_what_a_backend_cannot_do_is_status_2_and_asks_nothing(run: Command, place: Place) -> None:
    done = run("charges", "list", "billagain", "--policy", "1")
    assert done.status == 2
    assert "BillAgain has no policies" in done.err
    assert place.sandbox.requests() == []


def open_invoice(place: Place) -> tuple[str, str]:
    """Customer and id of an open invoice in ZAR, of the customer whose hostile credit can be spent."""
    for row in place.rows("billagain", "invoice"):
        balance = row["Balance"]
        if row["customerID"] == 269 and not row["isDraft"] and not row["isCancelled"] and isinstance(balance, Decimal) and balance >= 5:
            return "269", str(row["invoiceID"])
    raise AssertionError("the samples have no open invoice")
