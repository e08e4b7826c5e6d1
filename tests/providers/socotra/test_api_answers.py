"""What answers mean: statuses, error bodies, soft failures, pages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from unibill_socotra.api import Listing, SocotraApi, read_all
from unibill_socotra.api.answers import message_of
from unibill_socotra.api.calls import MAX_EMPTY_PAGES
from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.credits import Credit

from unibill import errors
from unibill.flow import Flow, Request, Response

TENANT = "6ec2f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a77"
NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
CREDIT = b'{"locator":"%d","creditState":"posted","creditType":"payment","currency":"USD","amount":1.0}'


def answered(flow: Flow[Any], *responses: Response) -> Any:  # noqa: ANN401 - the flow's value
    """Drive a flow by hand with these answers."""
    waiting: Iterator[Response] = iter(responses)
    try:
        item = next(flow)
        while True:
            assert isinstance(item, Request)
            item = flow.send(next(waiting))
    except StopIteration as stop:
        return stop.value


def page(*numbers: int, completed: bool = True) -> Response:
    items = b",".join(CREDIT % number for number in numbers)
    return Response(200, {}, b'{"listCompleted":%s,"items":[%s]}' % (b"true" if completed else b"false", items))


def bare(*numbers: int) -> Response:
    return Response(200, {}, b" [" + b",".join(CREDIT % number for number in numbers) + b"]")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Rejected),
        (401, errors.AuthenticationFailed),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (408, errors.Unavailable),
        (409, errors.Conflict),
        (418, errors.Rejected),
        (422, errors.Rejected),
        (429, errors.RateLimited),
        (302, errors.Unavailable),
        (500, errors.Unavailable),
        (503, errors.Unavailable),
    ],
)
def test_a_status_becomes_its_error_with_the_vendors_words(status: int, kind: type[errors.BackendError]) -> None:
    response = Response(status, {"socotra-request-id": "r-1"}, b'{"message":"no such luck"}')
    with pytest.raises(kind) as caught:
        answered(SocotraApi(TENANT).fetch_credits(), response)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.request_id, caught.value.vendor_message) == (status, "r-1", "no such luck")
    assert (caught.value.operation, caught.value.permission) == ("fetchCredits", "credits: read, list")


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[1]", b'{"message":5}', b"\xff\xfe", b'"text"'])
def test_an_error_body_without_a_message_breaks_nothing(body: bytes) -> None:
    assert message_of(body) == ""
    with pytest.raises(errors.NotFound):
        answered(SocotraApi(TENANT).fetch_payment("x"), Response(404, {}, body))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("Tue, 03 Feb 2026 10:00:30 GMT", 30.0), ("Tue, 03 Feb 2026 09:00:00 GMT", 0.0), ("soon", None), ("", None)],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    with pytest.raises(errors.RateLimited) as caught:
        answered(SocotraApi(TENANT, clock=lambda: NOW).fetch_credits(), Response(429, {"retry-after": text}, b""))
    assert caught.value.retry_after == seconds


FAILED = (
    b'{"locator":"x","creditDistributionState":"draft","currency":"USD","amount":5,"validationResult":{"success":false,'
    b'"validationItems":[{"elementType":"a","locator":"b","errors":["too much","too late"]}]}}'
)


def test_a_200_that_says_the_validation_failed_is_a_rejection() -> None:
    with pytest.raises(errors.Rejected) as caught:
        answered(SocotraApi(TENANT).validate_credit_distribution("x"), Response(200, {}, FAILED))
    assert caught.value.vendor_message == "too much; too late"


def test_a_read_of_a_record_that_once_failed_validation_is_no_rejection() -> None:
    assert answered(SocotraApi(TENANT).fetch_credit_distribution("x"), Response(200, {}, FAILED)).locator == "x"


@pytest.mark.parametrize(
    ("operation", "state"),
    [
        ("discard_credit_distribution", "discarded"),
        ("reset_credit_distribution", "draft"),
        ("execute_credit_distribution", "executed"),
        ("reverse_credit_distribution", "reversed"),
        ("post_payment", "posted"),
        ("reverse_payment", "reversed"),
    ],
)
def test_a_state_that_was_reached_counts_more_than_a_validation_that_failed_before(operation: str, state: str) -> None:
    def call() -> Flow[Any]:
        flow: Flow[Any] = getattr(SocotraApi(TENANT), operation)("x", *(["migration"] if state == "reversed" else []))
        return flow

    def told(reached: str) -> Response:
        return Response(200, {}, FAILED.replace(b'"draft"', f'"{reached}","paymentState":"{reached}"'.encode()))

    assert answered(call(), told(state)).locator == "x"
    with pytest.raises(errors.Rejected):
        answered(call(), told("validated"))


def test_a_write_whose_answer_cannot_be_read_has_an_unknown_outcome() -> None:
    with pytest.raises(errors.OutcomeUnknown):
        answered(SocotraApi(TENANT).add_charges("x", []), Response(200, {}, b"<html>"))
    with pytest.raises(errors.MalformedResponse):
        answered(SocotraApi(TENANT).fetch_payment("x"), Response(200, {}, b'{"locator":'))


def test_a_page_is_an_envelope_or_a_bare_array() -> None:
    envelope: Listing[Credit] = answered(SocotraApi(TENANT).fetch_credits(), page(1, 2, completed=False))
    assert ([credit.locator for credit in envelope.items], envelope.completed) == (["1", "2"], False)
    assert answered(SocotraApi(TENANT).fetch_credits(count=2), bare(1, 2)).completed is False
    assert answered(SocotraApi(TENANT).fetch_credits(count=3), bare(1, 2)).completed is True
    assert (envelope.said, answered(SocotraApi(TENANT).fetch_credits(), bare(1)).said) == (True, False)


def offsets(flow: Flow[Any], *responses: Response) -> tuple[list[str], Any]:
    asked: list[str] = []
    waiting = iter(responses)
    try:
        item = next(flow)
        while True:
            assert isinstance(item, Request)
            asked.append(dict(item.query)["offset"])
            item = flow.send(next(waiting))
    except StopIteration as stop:
        return asked, stop.value


def test_the_offset_advances_by_the_count_asked_for_and_a_short_or_empty_page_ends_nothing() -> None:
    api = SocotraApi(TENANT, page_size=10)
    flow = read_all(lambda at: api.fetch_credits(offset=at), 10)
    asked, found = offsets(flow, page(1, 2, completed=False), page(completed=False), page(3))
    assert asked == ["0", "10", "20"]
    assert [credit.locator for credit in found] == ["1", "2", "3"]


def test_a_record_that_moved_to_the_next_page_while_the_list_was_read_is_there_once_as_it_was_last() -> None:
    api = SocotraApi(TENANT, page_size=2)
    moved = Response(200, {}, page(2, 3).body.replace(b'"posted"', b'"reversed"', 1))
    _, found = offsets(read_all(lambda at: api.fetch_credits(offset=at), 2), page(1, 2, completed=False), moved)
    assert [(credit.locator, credit.credit_state) for credit in found] == [("1", "posted"), ("2", "reversed"), ("3", "posted")]


def test_a_list_that_repeats_its_page_for_ever_is_malformed() -> None:
    api = SocotraApi(TENANT, page_size=2)
    with pytest.raises(errors.MalformedResponse, match="does not end"):
        answered(read_all(lambda at: api.fetch_credits(offset=at), 2), page(1, 2, completed=False), page(1, 2, completed=False))


def test_a_list_of_endless_empty_pages_is_malformed() -> None:
    api = SocotraApi(TENANT, page_size=2)
    pages = [page(completed=False)] * MAX_EMPTY_PAGES
    with pytest.raises(errors.MalformedResponse, match="does not end"):
        answered(read_all(lambda at: api.fetch_credits(offset=at), 2), *pages)


def test_the_older_form_of_a_charge_list_is_read_too() -> None:
    record = b'{"locator":"x","currency":"USD","amount":-5,"chargeCategory":"credit","chargeType":"G","accountLocator":"a"}'
    listing: Listing[Charge] = answered(SocotraApi(TENANT).fetch_charges_by_policy("p"), Response(200, {}, b"[" + record + b"]"))
    assert listing.items[0].charge_category == "credit"
