"""Credit notes as the common model: what each vendor value means, and what is said of odd ones."""

from datetime import date, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict
from unibill_billagain import mapping
from unibill_billagain.wire import CreditNote

from unibill import exactjson, marks, wire
from unibill.model import Allocation, Charge, ChargeCategory, Credit, CreditKind, Direction, Invoicing, Record, Status, Target, TargetType

ZONE = timezone(timedelta(hours=2))
MARK = marks.mark("socotra:tenant", "charge", "1")
OTHER = marks.mark("socotra:tenant", "charge", "2")


def note(**changes: object) -> CreditNote:
    """The printed answer to GET /credits/10095, changed; a value of ``...`` takes a field out."""
    printed: dict[str, object] = {
        "creditNoteID": 10095,
        "customerID": 269,
        "Status": "Allocated",
        "Date": "2016-04-04T22:00:00Z",
        "CurrencyCode": "ZAR",
        "Amount": 200,
        "CreditNumber": "424242424242424",
        "Memo": "payment to invoices",
        "Allocations": [
            {"allocationID": 10355, "invoiceID": 11352, "creditNoteID": 10095, "amountApplied": 150},
            {"allocationID": 10358, "invoiceID": 11380, "creditNoteID": 10095, "amountApplied": 50},
        ],
    }
    body = {name: value for name, value in {**printed, **changes}.items() if value is not ...}
    return wire.decode(exactjson.dumps(body), CreditNote)


def read(**changes: object) -> Credit:
    return mapping.to_credit(note(**changes), ZONE)


def items(*amounts: object) -> list[dict[str, object]]:
    return [{"allocationID": i, "invoiceID": 900 + i, "amountApplied": amount} for i, amount in enumerate(amounts, 1)]


def codes(credit: Credit) -> list[str]:
    return [finding.code for finding in credit.findings]


def test_the_printed_credit_note_becomes_a_credit() -> None:
    credit = read()
    assert credit == Credit(
        id="10095",
        provider="billagain",
        account_id="269",
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
        status=Status.APPLIED,
        remote_status="Allocated",
        currency="ZAR",
        amount=Decimal(200),
        applied=Decimal(200),
        remaining=Decimal(0),
        number="424242424242424",
        memo="payment to invoices",
        issued_on=date(2016, 4, 5),
        allocations=(
            Allocation(
                id="10355",
                credit_id="10095",
                target=Target(type=TargetType.INVOICE, id="11352"),
                amount=Decimal(150),
                currency="ZAR",
                extra={"creditNoteID": 10095},
            ),
            Allocation(
                id="10358",
                credit_id="10095",
                target=Target(type=TargetType.INVOICE, id="11380"),
                amount=Decimal(50),
                currency="ZAR",
                extra={"creditNoteID": 10095},
            ),
        ),
    )


@pytest.mark.parametrize("nested", [0, 10095, 10093])
def test_the_nested_credit_note_id_is_kept_and_never_used(nested: int) -> None:
    credit = read(Allocations=[{"allocationID": 1, "invoiceID": 2, "creditNoteID": nested, "amountApplied": 200}])
    (allocation,) = list(credit.allocations or ())
    assert (credit.id, allocation.credit_id, allocation.extra) == ("10095", "10095", {"creditNoteID": nested})
    assert codes(credit) == []


@pytest.mark.parametrize(
    ("word", "applied", "status", "remaining", "found"),
    [
        ("Allocated", [200], Status.APPLIED, "0", []),
        ("Partial", [150], Status.PARTIALLY_APPLIED, "50", []),
        ("Unallocated", [], Status.OPEN, "200", []),
        ("Pending", [], Status.PENDING, "200", ["undocumented-meaning"]),
        ("Failed", [], Status.FAILED, "0", ["undocumented-meaning"]),
    ],
)
def test_every_documented_status_has_a_mapping(word: str, applied: list[int], status: Status, remaining: str, found: list[str]) -> None:
    credit = read(Status=word, Allocations=items(*applied))
    assert (credit.status, credit.remote_status, credit.remaining, codes(credit)) == (status, word, Decimal(remaining), found)


def test_the_documented_statuses_are_all_there() -> None:
    printed = "Pending, Allocated, Partial, Unallocated, Failed"
    assert set(mapping.STATUSES) == set(printed.split(", "))


@pytest.mark.parametrize(
    ("word", "applied", "status", "remaining"),
    [
        ("Allocated", [], Status.OPEN, "200"),
        ("Allocated", [199], Status.PARTIALLY_APPLIED, "1"),
        ("Partial", [200], Status.APPLIED, "0"),
        ("Partial", [], Status.OPEN, "200"),
        ("Unallocated", [1], Status.PARTIALLY_APPLIED, "199"),
        ("Pending", [200], Status.APPLIED, "0"),
    ],
)
def test_a_status_that_contradicts_the_amounts_is_a_finding_and_the_amounts_count(
    word: str, applied: list[int], status: Status, remaining: str
) -> None:
    credit = read(Status=word, Allocations=items(*applied))
    assert (credit.status, credit.remaining, codes(credit)) == (status, Decimal(remaining), ["status-contradicts-amounts"])


def test_a_failed_credit_note_has_nothing_left_even_when_its_amounts_say_so() -> None:
    credit = read(Status="Failed", Allocations=items(50))
    assert (credit.status, credit.applied, credit.remaining) == (Status.FAILED, Decimal(50), Decimal(0))


def test_a_status_that_nobody_documented_is_unknown_with_its_word_kept() -> None:
    credit = read(Status="Escrowed", Allocations=items(50))
    assert (credit.status, credit.remote_status, credit.remaining) == (Status.UNKNOWN, "Escrowed", Decimal(150))
    assert codes(credit) == ["unknown-status"]


@pytest.mark.parametrize("word", [None, "", ...])
def test_without_a_status_the_amounts_say_it(word: object) -> None:
    credit = read(Status=word, Allocations=items(50))
    assert (credit.status, credit.remote_status, codes(credit)) == (Status.PARTIALLY_APPLIED, "", [])


def test_a_status_in_other_case_is_the_same_word() -> None:
    assert read(Status="PARTIAL", Allocations=items(50)).status is Status.PARTIALLY_APPLIED


@pytest.mark.parametrize("word", ["Allocated", "Unallocated"])
def test_a_credit_note_of_zero_contradicts_nothing(word: str) -> None:
    credit = read(Amount=0, Status=word, Allocations=[])
    assert (credit.status, credit.remaining, codes(credit)) == (Status.APPLIED, Decimal(0), [])


@pytest.mark.parametrize("form", [None, [], ...])
def test_no_allocations_are_no_allocations_however_they_are_written(form: object) -> None:
    credit = read(Status="Unallocated", Allocations=form)
    assert (credit.allocations, credit.applied, credit.remaining, codes(credit)) == ((), Decimal(0), Decimal(200), [])


@pytest.mark.parametrize("form", [None, ...])
@pytest.mark.parametrize("word", ["Allocated", "Partial"])
def test_a_spent_credit_note_whose_allocations_are_left_out_has_an_unknown_rest(word: str, form: object) -> None:
    credit = read(Status=word, Allocations=form)
    assert (credit.allocations, credit.applied, credit.remaining) == (None, None, None)
    assert (credit.status, codes(credit)) == (mapping.STATUSES[word], ["allocations-missing"])


@pytest.mark.parametrize("word", ["Pending", "Unallocated", "Allocated"])
def test_a_list_spelt_as_the_payments_table_spells_it_is_not_taken_for_none(word: str) -> None:
    credit = read(Status=word, Allocations=..., allocations=items(200))
    assert (credit.allocations, credit.remaining, codes(credit)) == (None, None, ["allocations-missing"])
    assert credit.extra["allocations"]


def test_a_negative_amount_is_turned_kept_and_never_spendable() -> None:
    credit = read(Amount=Decimal("-10.50"), Status="Unallocated", Allocations=[])
    assert (credit.amount, credit.direction, credit.remaining) == (Decimal("10.50"), Direction.FROM_ACCOUNT, None)
    assert (credit.extra, codes(credit)) == ({"Amount": Decimal("-10.50")}, ["negative-amount"])


def test_a_negative_allocation_leaves_the_rest_unknown() -> None:
    credit = read(Allocations=items(-50))
    assert (credit.status, credit.remaining, codes(credit)) == (Status.UNKNOWN, None, ["negative-allocation"])


def test_more_allocated_than_there_is_leaves_nothing_and_is_a_finding() -> None:
    credit = read(Allocations=items(150, 100))
    assert (credit.applied, credit.remaining, credit.status, codes(credit)) == (Decimal(250), Decimal(0), Status.APPLIED, ["over-applied"])


def test_an_allocation_listed_twice_is_counted_twice_and_is_a_finding() -> None:
    twice = [*items(50), *items(50)]
    credit = read(Status="Partial", Allocations=twice)
    assert (credit.remaining, codes(credit)) == (Decimal(100), ["repeated-allocation"])


@pytest.mark.parametrize(
    ("item", "target"),
    [
        ({"invoiceID": 0}, Target(type=TargetType.UNKNOWN, id="", remote_type="none")),
        ({"invoiceID": None}, Target(type=TargetType.UNKNOWN, id="", remote_type="none")),
        ({}, Target(type=TargetType.UNKNOWN, id="", remote_type="none")),
        (
            {"invoiceID": 0, "positiveAdjustmentID": 703},
            Target(type=TargetType.OPENING_BALANCE, id="703", remote_type="positiveAdjustmentID"),
        ),
    ],
    ids=["zero", "null", "absent", "adjustment"],
)
def test_an_allocation_without_an_invoice_is_read_and_is_a_finding(item: dict[str, object], target: Target) -> None:
    credit = read(Allocations=[{"amountApplied": 200, **item}])
    (allocation,) = list(credit.allocations or ())
    assert (allocation.target, allocation.id, codes(credit)) == (target, None, ["allocation-without-invoice"])


@pytest.mark.parametrize(
    ("number", "memo", "expected"),
    [
        (MARK, "memo", (MARK, None, "memo", {"CreditNumber": MARK})),
        ("CN-1", f"{MARK} memo", (MARK, "CN-1", "memo", {"Memo": f"{MARK} memo"})),
        ("CN-1", MARK, (MARK, "CN-1", None, {"Memo": MARK})),
        (MARK, MARK, (MARK, None, None, {"CreditNumber": MARK, "Memo": MARK})),
        ("CN-1", f"about {MARK}", (None, "CN-1", f"about {MARK}", {})),
        ("", "", (None, None, None, {})),
        (None, None, (None, None, None, {})),
    ],
)
def test_a_mark_is_taken_off_and_the_text_as_sent_is_kept(number: object, memo: object, expected: tuple[object, ...]) -> None:
    credit = read(CreditNumber=number, Memo=memo)
    assert (credit.mark, credit.number, credit.memo, credit.extra) == expected
    assert codes(credit) == []


def test_of_two_marks_the_wanted_one_counts_and_the_other_text_stays_whole() -> None:
    both = note(CreditNumber=MARK, Memo=f"{OTHER} memo")
    credit = mapping.to_credit(both, ZONE)
    assert (credit.mark, credit.memo, codes(credit)) == (MARK, f"{OTHER} memo", ["two-marks"])
    wanted = mapping.to_credit(both, ZONE, {OTHER})
    assert (wanted.mark, wanted.number, wanted.memo) == (OTHER, MARK, "memo")
    assert mapping.carries(both, {OTHER})
    assert mapping.carries(both, {MARK})
    assert not mapping.carries(both, {marks.key_mark("x")})


def test_a_credit_number_is_a_reference_and_no_id() -> None:
    first, second = read(creditNoteID=1), read(creditNoteID=2)
    assert (first.number, second.number) == ("424242424242424", "424242424242424")
    assert first.id != second.id


def test_a_time_of_day_is_kept_beside_the_day() -> None:
    credit = read(Date="2016-04-03T15:26:05.7987439Z")
    assert (credit.issued_on, credit.extra) == (date(2016, 4, 3), {"Date": "2016-04-03T15:26:05.7987439Z"})


@pytest.mark.parametrize(("text", "found"), [(None, []), ("", []), ("nonsense", ["unreadable-date"])])
def test_a_date_that_is_none_is_put_up_with(text: str | None, found: list[str]) -> None:
    credit = read(Date=text)
    assert (credit.issued_on, codes(credit)) == (None, found)


def test_undocumented_fields_are_kept() -> None:
    credit = read(comp_status="x", Balance=Decimal("0.10"), Allocations=[{"amountApplied": 200, "invoiceID": 1, "invoiceNumber": 957}])
    (allocation,) = list(credit.allocations or ())
    assert credit.extra == {"comp_status": "x", "Balance": Decimal("0.10")}
    assert allocation.extra == {"invoiceNumber": 957}


@pytest.mark.parametrize("customer", [None, 0, ...])
def test_a_credit_note_without_a_customer_has_no_account(customer: object) -> None:
    assert read(customerID=customer).account_id is None


def test_a_credit_note_is_a_negative_charge_of_category_credit() -> None:
    sent = note(CreditNumber="case-1", Amount=Decimal("79.80"), Tax=1)
    charge = mapping.to_charge(sent, "269")
    assert charge == Charge(
        id="10095",
        provider="billagain",
        account_id="269",
        currency="ZAR",
        amount=Decimal("-79.80"),
        category=ChargeCategory.CREDIT,
        remote_category="",
        type="creditNote",
        invoicing=Invoicing.UNKNOWN,
        tag="case-1",
        extra={
            "Status": "Allocated",
            "Date": "2016-04-04T22:00:00Z",
            "Memo": "payment to invoices",
            "Allocations": [
                {"allocationID": 10355, "invoiceID": 11352, "creditNoteID": 10095, "amountApplied": 150},
                {"allocationID": 10358, "invoiceID": 11380, "creditNoteID": 10095, "amountApplied": 50},
            ],
            "Tax": 1,
        },
    )
    marked = mapping.to_charge(note(CreditNumber=MARK, customerID=None, Amount=0), "269")
    assert (marked.tag, marked.mark, marked.account_id, str(marked.amount)) == (None, MARK, "269", "0")
    assert marked.extra["CreditNumber"] == MARK


def money() -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal("-1e17"), Decimal("1e17"), places=2) | st.sampled_from(
        [Decimal("12345678901234567.89"), Decimal("10.10"), Decimal("100.00"), Decimal(100), Decimal(0)]
    )


@st.composite
def notes(draw: st.DrawFn) -> CreditNote:
    """Answers as odd as BillAgain may send them."""
    texts = (
        st.none()
        | st.booleans()
        | money()
        | st.text(st.sampled_from('a4 -<=é漢😀"\\\n'), max_size=8)
        | st.sampled_from([MARK, f"{OTHER} memo", "4242424242424242"])
    )
    item = st.fixed_dictionaries(
        {"amountApplied": money()},
        optional={
            "allocationID": st.none() | st.integers(0, 3),
            "invoiceID": st.none() | st.integers(0, 3) | st.just("17"),
            "creditNoteID": st.integers(0, 3),
            "positiveAdjustmentID": st.integers(0, 2),
        },
    )
    body = st.fixed_dictionaries(
        {"creditNoteID": st.integers(1, 10**9), "CurrencyCode": st.sampled_from(["ZAR", "USD", "???"]), "Amount": money()},
        optional={
            "customerID": st.none() | st.integers(0, 9),
            "Status": st.none() | st.integers(0, 5) | st.booleans() | st.sampled_from([*mapping.STATUSES, "Odd"]),
            "Date": st.none()
            | st.sampled_from([0, 20160404, 1712121200123, False, "2016-04-04T22:00:00Z", "2016-04-03T15:26:05.7987439Z", "x"]),
            "CreditNumber": texts,
            "Memo": texts,
            "Allocations": st.none() | st.lists(item, max_size=4),
            "New": money(),
        },
    )
    return wire.decode(exactjson.dumps(draw(body)), CreditNote)


def validated(record: Record) -> Record:
    return type(record).validated(asdict(record))


@given(notes())
def test_no_answer_breaks_a_read_and_a_trusted_record_is_a_valid_one(odd: CreditNote) -> None:
    credit = mapping.to_credit(odd, ZONE)
    assert validated(credit) == credit
    assert credit.amount >= 0
    assert credit.remaining is None or 0 <= credit.remaining <= credit.amount
    for allocation in credit.allocations or ():
        assert validated(allocation) == allocation
        assert validated(allocation.target) == allocation.target
    for finding in credit.findings:
        assert validated(finding) == finding
    charge = mapping.to_charge(odd, "9")
    assert validated(charge) == charge
    assert exactjson.loads(credit.json_line()) is not None


@given(notes())
def test_every_digit_that_was_read_is_in_the_model(odd: CreditNote) -> None:
    credit = mapping.to_credit(odd, ZONE)
    assert credit.amount.as_tuple().digits == odd.amount.as_tuple().digits
    assert str(credit.extra.get("Amount", credit.amount)) == str(odd.amount)
    sent = [str(item.amount) for item in odd.allocations or ()]
    assert [str(item.amount) for item in credit.allocations or ()] == (sent if credit.allocations is not None else [])
    assert str(credit.extra.get("New")) == str(odd.unknown.get("New"))
