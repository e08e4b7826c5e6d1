# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 6: errors: every status, and answers that are none."""

from collections.abc import Callable
from functools import partial

import pytest

from unibill import marks
from unibill.capabilities import Operation
from unibill.errors import (
    AuthenticationFailed,
    BackendError,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    Unavailable,
)
from unibill.facade import Billing
from unibill.flow import Effect, Flow, Request, Response
from unibill.provider import CreditQuery
from unibill.testing.conformance.resuming import writes
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, answered, need

HTML = b"<html><head><title>502</title></head><body>proxy</body></html>"
STATUSES: dict[int, type[BackendError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Rejected,
    422: Rejected,
    429: RateLimited,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
}
NOT_ANSWERS = {
    "HTML": (HTML, {"content-type": "text/html"}),
    "half a JSON": (b'{"a": [1, {"b"', {"content-type": "application/json"}),
    "nothing": (b"", {}),
    "a text": (b'"hello"', {"content-type": "application/json"}),
    "not UTF-8": (b"\xff\xfe{}", {"content-type": "application/json"}),
}
BODIES = (b"", HTML, b'{"unexpected": [null]}', b"[]", b"null", b"\xff")
"""What an error may come with."""
MOST_READS = 20
"""A search in an account with one credit has fewer."""


def is_read(request: Request) -> bool:
    """Whether a request changes nothing."""
    return request.effect is Effect.NONE


def is_write(request: Request) -> bool:
    """Whether a request changes something."""
    return request.effect is not Effect.NONE


class FailingGroup(Suite):
    """Errors."""

    def read(self, subject: Subject, billing: Billing) -> Flow[object]:
        """A read of one page."""
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        return billing.provider.list_credits(CreditQuery(subject.account), None)

    def write(self, subject: Subject, billing: Billing) -> Flow[object]:
        """A write."""
        need(subject, Operation.CREDITS_CREATE)
        return billing.provider.create_credit(subject.draft(), None, {})

    def error_of(self, billing: Billing, flow: Flow[object], answer: Response, to: Callable[[Request], bool]) -> BackendError:
        """What a canned answer makes of a flow."""
        try:
            billing.run(answered(flow, answer, to=to))
        except BackendError as error:
            return error
        raise AssertionError(f"a request was answered with {answer.status} and {answer.body!r}, and the provider raises no error of it")

    @pytest.mark.parametrize("status", STATUSES)
    def test_a_read_answers_every_error_status_with_its_error_whatever_the_body(
        self, subject: Subject, billing: Billing, status: int
    ) -> None:
        for body in BODIES:
            error = self.error_of(billing, self.read(subject, billing), Response(status, {}, body), is_read)
            assert isinstance(error, STATUSES[status])
            assert (error.backend, error.status) == (subject.provider, status)
            assert error.operation
            assert error.hint

    @pytest.mark.parametrize("status", [401, 403, 409, 422, 429])
    def test_a_write_that_is_refused_says_so_and_is_not_unknown(self, subject: Subject, billing: Billing, status: int) -> None:
        error = self.error_of(billing, self.write(subject, billing), Response(status, {}, b""), is_write)
        assert isinstance(error, STATUSES[status])
        assert not isinstance(error, OutcomeUnknown)

    @pytest.mark.parametrize(("header", "seconds"), [("7", 7), (None, None)])
    def test_the_pause_that_a_vendor_asks_for_is_told(
        self, subject: Subject, billing: Billing, header: str | None, seconds: int | None
    ) -> None:
        headers = {} if header is None else {"retry-after": header}
        error = self.error_of(billing, self.read(subject, billing), Response(429, headers, b""), is_read)
        assert isinstance(error, RateLimited)
        assert error.retry_after == seconds

    @pytest.mark.parametrize("form", NOT_ANSWERS)
    def test_a_success_that_cannot_be_read_is_malformed(self, subject: Subject, billing: Billing, form: str) -> None:
        body, headers = NOT_ANSWERS[form]
        error = self.error_of(billing, self.read(subject, billing), Response(200, headers, body), is_read)
        assert type(error) is MalformedResponse

    @pytest.mark.parametrize("form", NOT_ANSWERS)
    def test_a_write_whose_answer_cannot_be_read_has_an_unknown_outcome(self, subject: Subject, billing: Billing, form: str) -> None:
        body, headers = NOT_ANSWERS[form]
        for status in (200, 201):
            error = self.error_of(billing, self.write(subject, billing), Response(status, headers, body), is_write)
            assert type(error) in {OutcomeUnknown, Unavailable}

    @pytest.mark.parametrize("status", [200, 401, 403, 429, 500, 503])
    def test_a_search_for_marks_that_is_not_answered_never_finds_nothing(self, subject: Subject, billing: Billing, status: int) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND)
        mark = marks.key_mark("order-17")
        billing.run(billing.provider.create_credit(subject.draft(), mark, {}))
        for place in range(MOST_READS):
            nth = _Nth(place)
            flow = answered(billing.provider.find_marked(subject.account, {mark}), Response(status, {}, HTML), to=nth)
            try:
                found = billing.run(flow)
            except BackendError:
                continue
            except pytest.skip.Exception:
                if not place:
                    raise
                return
            raise AssertionError(
                f"request {place + 1} of find_marked was answered with {status} and no records, and it gave {len(found)} credits, as if it knew:"
                " what is not found is created again"
            )

    @pytest.mark.parametrize("status", [403, 422])
    def test_every_write_that_is_refused_says_so(self, subject: Subject, billing: Billing, status: int) -> None:
        need(subject, Operation.CREDITS_CREATE)
        for write in writes(subject, billing):
            refused: list[str] = []
            try:
                billing.run(answered(write({}), Response(status, {}, b""), to=partial(_first_write, refused)))
            except BackendError as error:
                assert not isinstance(error, OutcomeUnknown), f"{refused[0]} was refused with {status}, and its outcome is called unknown"
            else:
                raise AssertionError(f"{refused[0]} was refused with {status}, and the provider says that it is done")
            billing.run(write({}))


class _Nth:
    """Fits the read at a place, counted from 0."""

    def __init__(self, place: int) -> None:
        self._left = place

    def __call__(self, request: Request) -> bool:
        if not is_read(request):
            return False
        self._left -= 1
        return self._left == -1


def _first_write(names: list[str], request: Request) -> bool:
    if is_write(request):
        names.append(request.operation)
    return is_write(request)
