"""Answers that the sandbox does not give: the provider's flows driven by hand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

import pytest
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings

from unibill import marks
from unibill.drafts import AllocationDraft, CreditDraft
from unibill.errors import BackendError, InvalidDraft, MalformedResponse, NotFound, Rejected
from unibill.flow import Flow, Request, Response
from unibill.provider import CreditQuery

T = TypeVar("T")
Answer = tuple[int, str]
MARK = marks.key_mark("order-1")
PROVIDER = BillAgainProvider(
    BillAgainSettings.model_validate({"account": "1042", "api_key": "k", "page_size": 2}), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
)
GONE: Answer = (410, '{"Errors":[{"Message":"Cannot find Credit for this Account"}]}')


def note(credit_id: int = 7, /, **fields: str) -> str:
    printed = {"customerID": "269", "Date": '"2016-04-04T22:00:00Z"', "CurrencyCode": '"ZAR"', "Amount": "100", "CreditNumber": '"CN-1"'}
    return ",".join([f'{{"creditNoteID":{credit_id}', *(f'"{name}":{value}' for name, value in {**printed, **fields}.items())]) + "}"


def driven(flow: Flow[T], *answers: Answer) -> tuple[T, list[str]]:
    """Drive a flow with these answers, all of them and no more; gives its value and what it sent."""
    waiting, sent = list(answers), list[str]()
    try:
        item = next(flow)
        while True:
            reply = None
            if isinstance(item, Request):
                sent.append(f"{item.method} {item.path}")
                status, body = waiting.pop(0)
                reply = Response(status, {}, body.encode())
            item = flow.send(reply)
    except StopIteration as stop:
        assert not waiting
        value: T = stop.value
        return value, sent


DRAFT = CreditDraft(
    account_id="269",
    currency="ZAR",
    amount=Decimal(100),
    issued_on=date(2016, 4, 5),
    allocations=(AllocationDraft(amount=Decimal(5), target_id="3"),),
)


@pytest.mark.parametrize("left_out", ["CreditNumber", "Date"])
def test_a_post_answer_without_the_number_is_read_again_so_that_the_mark_is_seen(left_out: str) -> None:
    credit, sent = driven(
        PROVIDER.create_credit(DRAFT, MARK, {}),
        (201, note(**{"CreditNumber": f'"{MARK}"', left_out: "null"})),
        (200, note(CreditNumber=f'"{MARK}"')),
    )
    assert sent == ["POST /credits", "GET /credits/7"]
    assert (credit.mark, credit.issued_on) == (MARK, date(2016, 4, 5))


def test_a_refusal_of_given_allocations_is_not_blamed_on_their_absence() -> None:
    with pytest.raises(Rejected) as raised:
        driven(PROVIDER.create_credit(DRAFT, MARK, {}), (400, '{"Errors":[{"Message":"The invoice is paid"}]}'))
    assert "auto_apply" not in str(raised.value)


CREDIT = driven(PROVIDER.get_credit("7", None), (200, note()))[0]
PAGE = f"[{note(8)},{note(9)}]"


def test_410_after_delete_is_done_only_if_the_list_lacks_the_id() -> None:
    _, sent = driven(PROVIDER.void(CREDIT, {}), GONE, GONE, (200, PAGE), (200, "[]"))
    assert sent == ["DELETE /credits/7", "GET /credits/7", "GET /customers/269/credits", "GET /customers/269/credits"]


@pytest.mark.parametrize(
    "answers",
    [
        [GONE, (200, note()), (200, note())],
        [GONE, GONE, (200, f"[{note(7)}]"), GONE],
        [GONE, GONE, (200, PAGE), (200, f"[{note(7)}]"), GONE],
        [(404, ""), (200, note())],
    ],
    ids=["still there", "still in the list", "on the second page", "404"],
)
def test_410_after_delete_of_what_is_still_there_is_a_refusal(answers: Sequence[Answer]) -> None:
    with pytest.raises((Rejected, NotFound)) as raised:
        driven(PROVIDER.void(CREDIT, {}), *answers)
    assert isinstance(raised.value, BackendError)
    assert raised.value.operation == "delete credit"
    assert raised.value.status == answers[0][0]


@pytest.mark.parametrize("then", [(200, note()), GONE], ids=["not spent", "gone"])
def test_a_refused_delete_of_what_is_not_spent_is_raised_as_it_came(then: Answer) -> None:
    with pytest.raises(Rejected) as raised:
        driven(PROVIDER.void(CREDIT, {}), (400, '{"Errors":[{"Message":"made by the system"}]}'), then)
    assert raised.value.vendor_message == "made by the system"


def test_a_credit_without_a_customer_is_looked_for_in_the_list_of_all() -> None:
    _, sent = driven(PROVIDER.void(CREDIT.replace(account_id=None), {}), GONE, GONE, (200, "[]"))
    assert sent[-1] == "GET /credits"


def test_410_beyond_the_first_page_is_the_end_of_the_list_and_on_it_is_not_found() -> None:
    beyond, _ = driven(PROVIDER.list_credits(CreditQuery(account="269"), 2), GONE)
    assert (list(beyond.items), beyond.next) == ([], None)
    with pytest.raises(NotFound):
        driven(PROVIDER.list_credits(CreditQuery(account="269"), 1), GONE)


def test_records_that_come_again_because_pages_shifted_are_found_once() -> None:
    marked = note(9, CreditNumber=f'"{MARK}"')
    found, _ = driven(PROVIDER.find_marked(None, {MARK}), (200, f"[{note(8)},{marked}]"), (200, f"[{marked},{note(10)}]"), (200, "[]"))
    assert [credit.id for credit in found] == ["9"]


def test_a_later_page_that_brings_nothing_new_ends_a_scan_and_a_second_one_stops_it() -> None:
    last = f"[{note(10)},{note(11)}]"
    assert driven(PROVIDER.find_marked(None, {MARK}), (200, PAGE), (200, last), (200, last))[0] == []
    with pytest.raises(MalformedResponse, match="cannot be read"):
        driven(PROVIDER.find_marked(None, {MARK}), (200, PAGE), (200, PAGE))


def test_a_put_that_would_delete_what_was_not_listed_is_not_sent() -> None:
    hidden = (200, note(Status='"Partial"'))
    with pytest.raises(InvalidDraft, match="would delete those that it is not sent"):
        driven(PROVIDER.allocate(CREDIT, [AllocationDraft(amount=Decimal(1), target_id="3")], {}), hidden)
    listed = driven(PROVIDER.get_credit("7", None), (200, note(Allocations='[{"allocationID":1,"invoiceID":2,"amountApplied":5}]')))[0]
    with pytest.raises(InvalidDraft, match="would delete"):
        driven(PROVIDER.deallocate(listed, ["1"], {}), hidden)


def test_what_is_not_known_to_remain_is_not_spent() -> None:
    odd = (200, note(Allocations='[{"allocationID":1,"invoiceID":2,"amountApplied":-5}]'))
    credit, _ = driven(PROVIDER.get_credit("7", None), odd)
    with pytest.raises(InvalidDraft, match="more than the 0 ZAR"):
        driven(PROVIDER.allocate(credit, [AllocationDraft(amount=Decimal(1), target_id="3")], {}), odd)


def test_one_bad_record_names_its_place_in_the_page() -> None:
    with pytest.raises(MalformedResponse, match=r"\$\[1\].Amount"):
        driven(PROVIDER.list_credits(CreditQuery(), None), (200, f"[{note(8)},{note(9, Amount='true')}]"))
