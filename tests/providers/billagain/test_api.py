"""One flow per operation of BillAgain: what is sent, and what each answer means. Driven by hand."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest
from unibill_billagain.api import PERMISSION, BillAgainApi
from unibill_billagain.wire import AllocationInput, CreditInput, CreditNote

from unibill.errors import (
    AuthenticationFailed,
    BackendError,
    Conflict,
    InvalidQuery,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    Unavailable,
)
from unibill.flow import Effect, Flow, Request, Response

T = TypeVar("T")
API = BillAgainApi()
NOTE = b'{"creditNoteID":10095,"CurrencyCode":"ZAR","Amount":150}'
ERRORS = b'{"Errors":[{"Message":"Cannot find Customer for this Account"},{"Message":"Amount is wrong"}]}'
BODY = CreditInput(269, "05 Apr 2016", "ZAR", Decimal(150), "ref")


def first_request(flow: Flow[T]) -> Request:
    request = next(flow)
    assert isinstance(request, Request)
    return request


def answered(flow: Flow[T], status: int, body: bytes = b"", **headers: str) -> T:
    first_request(flow)
    with pytest.raises(StopIteration) as stopped:
        flow.send(Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body))
    value: T = stopped.value.value
    return value


def test_list_customer_credits_asks_for_a_numbered_page_of_200() -> None:
    request = first_request(API.list_customer_credits("269", 3))
    assert request == Request(
        "list customer credits", "GET", "/customers/269/credits", (("page", "3"), ("page_size", "200")), permission=PERMISSION
    )


def test_list_credits_asks_for_the_page_size_it_is_told() -> None:
    request = first_request(API.list_credits(page_size=150))
    assert (request.path, request.query) == ("/credits", (("page", "1"), ("page_size", "150")))
    assert first_request(BillAgainApi(7).list_credits()).query[1] == ("page_size", "7")


@pytest.mark.parametrize(("page", "size"), [(0, 200), (-1, 200), (1, 0), (1, 201), (1, 500)])
def test_paging_beyond_the_documented_range_is_refused_before_sending(page: int, size: int) -> None:
    with pytest.raises(InvalidQuery, match="at most 200"):
        next(API.list_credits(page, size))


def test_get_credit_asks_by_id_and_decodes_one() -> None:
    assert first_request(API.get_credit(10095)).path == "/credits/10095"
    assert answered(API.get_credit("10095"), 200, NOTE).amount == Decimal(150)


def test_add_credit_is_sent_once_and_gives_what_was_made() -> None:
    request = first_request(API.add_credit(BODY))
    assert (request.method, request.path, request.effect) == ("POST", "/credits", Effect.ONCE)
    assert request.body == (
        b'{"customerID":269,"Date":"05 Apr 2016","CurrencyCode":"ZAR","Amount":150,"CreditNumber":"ref","Memo":"","Allocations":[]}'
    )
    assert answered(API.add_credit(BODY), 201, NOTE).credit_note_id == 10095


@pytest.mark.parametrize(
    ("items", "effect"),
    [
        ((), Effect.IDEMPOTENT),
        ((AllocationInput(Decimal(1), 2, allocation_id=3),), Effect.IDEMPOTENT),
        ((AllocationInput(Decimal(1), 2, allocation_id=3), AllocationInput(Decimal(1), 4)), Effect.ONCE),
    ],
)
def test_edit_credit_can_be_repeated_only_if_every_allocation_has_an_id(items: tuple[AllocationInput, ...], effect: Effect) -> None:
    body = CreditInput(269, "05 Apr 2016", "ZAR", Decimal(150), "ref", allocations=items)
    request = first_request(API.edit_credit(10095, body))
    assert (request.method, request.path, request.effect) == ("PUT", "/credits/10095", effect)
    answered(API.edit_credit(10095, body), 204)


def test_delete_credit_can_be_repeated() -> None:
    request = first_request(API.delete_credit(10095))
    assert (request.method, request.path, request.effect, request.body) == ("DELETE", "/credits/10095", Effect.IDEMPOTENT, None)
    answered(API.delete_credit(10095), 204)


BY_ID: dict[str, Callable[[str], Flow[object]]] = {
    "get": lambda value: API.get_credit(value),
    "edit": lambda value: API.edit_credit(value, BODY),
    "delete": lambda value: API.delete_credit(value),
    "list": lambda value: API.list_customer_credits(value),
}


@pytest.mark.parametrize("value", ["../x", "", "0", "-1", "1.0", "007", "1/2", " 1", "1\n", "\u0661", "9" * 20, "CN-1"])
@pytest.mark.parametrize("operation", BY_ID.values(), ids=BY_ID)
def test_an_id_that_is_no_number_is_refused_before_sending(operation: Callable[[str], Flow[object]], value: str) -> None:
    with pytest.raises(InvalidQuery, match="whole numbers"):
        next(operation(value))


READS: dict[str, Callable[[], Flow[object]]] = {
    "get": lambda: API.get_credit(1),
    "list": lambda: API.list_credits(),
    "list of a customer": lambda: API.list_customer_credits(1),
}
WRITES: dict[str, Callable[[], Flow[object]]] = {
    "add": lambda: API.add_credit(BODY),
    "edit": lambda: API.edit_credit(1, BODY),
    "delete": lambda: API.delete_credit(1),
}
BOTH = {**READS, **WRITES}


def failure(flow: Flow[object], status: int, body: bytes = b"", **headers: str) -> BackendError:
    first_request(flow)
    with pytest.raises(BackendError) as raised:
        flow.send(Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body))
    return raised.value


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_410_on_get_means_not_found_with_the_vendors_words(read: Callable[[], Flow[object]]) -> None:
    error = failure(read(), 410, ERRORS, x_request_id="r-1")
    assert type(error) is NotFound
    assert (error.status, error.vendor_message) == (410, "Cannot find Customer for this Account; Amount is wrong")
    assert (error.permission, error.request_id) == (PERMISSION, "r-1")


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_410_on_a_write_is_a_rejection(write: Callable[[], Flow[object]]) -> None:
    error = failure(write(), 410, ERRORS)
    assert type(error) is Rejected
    assert error.vendor_message.startswith("Cannot find Customer")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, AuthenticationFailed),
        (403, PermissionDenied),
        (404, NotFound),
        (405, Rejected),
        (408, Unavailable),
        (409, Conflict),
        (415, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
@pytest.mark.parametrize("operation", BOTH.values(), ids=BOTH)
def test_every_other_status_means_what_http_says(operation: Callable[[], Flow[object]], status: int, kind: type[BackendError]) -> None:
    assert type(failure(operation(), status, ERRORS)) is kind


def test_an_answer_that_may_have_had_an_effect_is_not_taken_as_unsent() -> None:
    error = failure(API.add_credit(BODY), 503)
    assert isinstance(error, Unavailable)
    assert error.sent


def test_retry_after_is_read_from_429() -> None:
    error = failure(API.list_credits(), 429, retry_after="7")
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"[1]", b'{"Errors":null}', b'{"Errors":[null,{"Message":null},{"Message":" "},{}]}', b'"x"', b"\xff"],
)
def test_an_error_body_of_another_form_is_put_up_with(body: bytes) -> None:
    assert failure(API.get_credit(1), 400, body).vendor_message == ""


def test_a_success_that_is_html_is_malformed_for_a_read() -> None:
    error = failure(API.list_credits(), 200, b"<html></html>", content_type="text/html")
    assert type(error) is MalformedResponse
    assert "HTML" in error.message


def test_a_success_that_cannot_be_read_leaves_a_post_unknown() -> None:
    assert type(failure(API.add_credit(BODY), 201, b'{"creditNoteID":')) is OutcomeUnknown


def test_a_page_of_html_is_no_proof_that_a_put_took_effect() -> None:
    body = CreditInput(269, "05 Apr 2016", "ZAR", Decimal(150), "ref", allocations=(AllocationInput(Decimal(1), 2),))
    assert type(failure(API.edit_credit(1, body), 200, b"<html>log in</html>")) is OutcomeUnknown
    assert type(failure(API.delete_credit(1), 200, b" <html>log in</html>")) is MalformedResponse


@pytest.mark.parametrize(("operation", "kind"), [(READS["get"], MalformedResponse), (WRITES["add"], OutcomeUnknown)], ids=["read", "write"])
def test_a_redirect_is_no_answer(operation: Callable[[], Flow[object]], kind: type[BackendError]) -> None:
    assert type(failure(operation(), 302)) is kind


def test_a_list_answer_is_a_bare_array() -> None:
    assert [item.credit_note_id for item in answered(API.list_credits(), 200, b"[" + NOTE + b"]")] == [10095]
    assert type(failure(API.list_credits(), 200, b'{"items":[]}')) is MalformedResponse


def test_an_empty_list_is_an_answer() -> None:
    empty: list[CreditNote] = answered(API.list_credits(), 200, b"[]")
    assert empty == []
