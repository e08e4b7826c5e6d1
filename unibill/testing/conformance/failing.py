# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 6: errors: every status, and answers that are none."""

from collections.abc import Callable

import pytest

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
        with pytest.raises(BackendError) as raised:
            billing.run(answered(flow, answer, to=to))
        return raised.value

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
