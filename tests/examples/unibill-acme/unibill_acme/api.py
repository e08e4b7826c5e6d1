"""Acme's operations, one flow each."""

from unibill import exactjson
from unibill.errors import AuthenticationFailed, BackendError, Conflict, NotFound, PermissionDenied, RateLimited, Rejected, Unavailable
from unibill.flow import Effect, Flow, Request, Response, exchange, path
from unibill.retry import retry_after
from unibill.wire import decode, read

from unibill_acme.wire import CreditAnswer, CreditList, CreditRecord, ErrorAnswer

_ERRORS: dict[int, type[BackendError]] = {401: AuthenticationFailed, 403: PermissionDenied, 404: NotFound, 409: Conflict, 429: RateLimited}
_SERVER_ERROR = 500


class AcmeApi:
    """Each method is named after Acme's operation."""

    def list_credits(self, customer: str | None, include_void: bool, cursor: str | None, limit: int) -> Flow[CreditList]:
        """``GET /v1/credits``."""
        query = [("limit", str(limit))]
        if customer is not None:
            query.append(("customer", customer))
        if include_void:
            query.append(("include_void", "true"))
        if cursor is not None:
            query.append(("cursor", cursor))
        request = Request("listCredits", "GET", "/v1/credits", tuple(query), permission="credits.read")
        return read(request, (yield from _ask(request)), CreditList)

    def get_credit(self, credit_id: str) -> Flow[CreditRecord]:
        """``GET /v1/credits/{id}``."""
        request = Request("getCredit", "GET", path("/v1/credits/{}", credit_id), permission="credits.read")
        return read(request, (yield from _ask(request)), CreditAnswer).credit

    def create_credit(self, body: dict[str, object]) -> Flow[CreditRecord]:
        """``POST /v1/credits``. Acme knows no idempotency key."""
        request = Request("createCredit", "POST", "/v1/credits", body=exactjson.dumps(body), effect=Effect.ONCE, permission="credits.write")
        return read(request, (yield from _ask(request)), CreditAnswer).credit

    def void_credit(self, credit_id: str) -> Flow[None]:
        """``DELETE /v1/credits/{id}``; a second one ends the same way."""
        yield from _ask(
            Request("voidCredit", "DELETE", path("/v1/credits/{}", credit_id), effect=Effect.IDEMPOTENT, permission="credits.write")
        )


def _ask(request: Request) -> Flow[Response]:
    response = yield from exchange(request)
    if 200 <= response.status < 300:
        return response
    fallback = Unavailable if response.status >= _SERVER_ERROR else Rejected
    error = _ERRORS.get(response.status, fallback)(
        "Acme refused",
        operation=request.operation,
        status=response.status,
        vendor_message=_said(response),
        request_id=response.headers.get("x-request-id", ""),
        permission=request.permission,
    )
    if isinstance(error, RateLimited):
        error.retry_after = retry_after(response)
    raise error


def _said(response: Response) -> str:
    try:
        error = decode(response.body, ErrorAnswer).error
    except ValueError:
        return ""
    return f"{error.code}: {error.message}"
