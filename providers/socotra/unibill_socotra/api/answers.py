"""What Socotra's answers mean: the status table, error bodies, and validations that failed inside a 200.

Socotra publishes no error schema. Confirmed are a text field ``message`` in JSON bodies and the header
``socotra-request-id``; which status means what is inferred from HTTP's own meaning.
"""

from collections.abc import Mapping
from typing import TypedDict, cast

from unibill import exactjson
from unibill.errors import (
    AuthenticationFailed,
    BackendError,
    Conflict,
    NotFound,
    PermissionDenied,
    RateLimited,
    Rejected,
    Unavailable,
)
from unibill.flow import Request, Response
from unibill.provider import Clock
from unibill.retry import retry_after
from unibill_socotra.wire.common import ValidationResult

_SHOWN = 500
_MEANING: Mapping[int, tuple[type[BackendError], str]] = {
    400: (Rejected, "the request was refused"),
    401: (AuthenticationFailed, "the token is not accepted"),
    403: (PermissionDenied, "the token may not do this, or not in this tenant"),
    404: (NotFound, "there is no such record"),
    408: (Unavailable, "the backend waited too long for the request"),
    409: (Conflict, "the record's state does not allow it"),
    422: (Rejected, "the request was refused"),
    429: (RateLimited, "too many requests"),
}


def check(request: Request, response: Response, clock: Clock) -> None:
    """Let a 2xx pass and raise for everything else.

    Raises:
        AuthenticationFailed: 401.
        PermissionDenied: 403.
        NotFound: 404.
        Conflict: 409.
        Rejected: 400, 422 and every other 4xx.
        RateLimited: 429, with what ``Retry-After`` says.
        Unavailable: 408, every 5xx, and anything that is neither success nor refusal.
    """
    status = response.status
    if 200 <= status < 300:
        return
    kind, what = _MEANING.get(status, (Rejected, "the request was refused") if 400 <= status < 500 else (Unavailable, "the backend failed"))
    if 300 <= status < 400:
        what = "the answer is a redirect, which Socotra's API does not document"
    error = kind(what, **_facts(request, response), vendor_message=message_of(response.body))
    if isinstance(error, RateLimited):
        error.retry_after = retry_after(response, clock)
    raise error


def refuse_failed_validation(request: Request, response: Response, result: ValidationResult | None) -> None:
    """Raise where a 200 says that a validation failed.

    Raises:
        Rejected: ``validationResult.success`` is false.
    """
    if result is not None and result.success is False:
        said = result.messages() or "the validation failed and the backend does not say why"
        raise Rejected("the validation failed", **_facts(request, response), vendor_message=said[:_SHOWN])


def message_of(body: bytes) -> str:
    """The vendor's own words in an error body: its ``message``, or nothing where the body is no JSON."""
    try:
        content = exactjson.loads(body)
    except ValueError:
        return ""
    message = cast("Mapping[str, object]", content).get("message") if isinstance(content, Mapping) else None
    return message[:_SHOWN] if isinstance(message, str) else ""


class _Facts(TypedDict):
    operation: str
    status: int
    request_id: str
    permission: str


def _facts(request: Request, response: Response) -> _Facts:
    return {
        "operation": request.operation,
        "status": response.status,
        "request_id": response.headers.get("socotra-request-id", ""),
        "permission": request.permission,
    }
