"""BillAgain's credit operations, one flow each, as https://docs.billagain.com/developer/credits lists them.

The one error status that BillAgain documents is 410, with ``{"Errors": [{"Message": ...}]}``. On GET it means that the record
is not there; on POST, PUT and DELETE it is a refusal. Any other status is read as HTTP means it. Answers from outside
BillAgain may have another form (https://docs.billagain.com/developer/errors), so bodies that are not JSON are put up with.
"""

import re
from typing import Final, cast

from unibill import exactjson, wire
from unibill.errors import (
    AuthenticationFailed,
    BackendError,
    Conflict,
    InvalidQuery,
    NotFound,
    PermissionDenied,
    RateLimited,
    Rejected,
    Unavailable,
)
from unibill.flow import Effect, Flow, Request, Response, exchange, path
from unibill.retry import retry_after
from unibill_billagain.settings import MOST_PER_PAGE
from unibill_billagain.wire import CreditInput, CreditNote, Id

PERMISSION: Final = "account key"
"""BillAgain documents no permissions: one pair of account and key may do everything in its account."""
_ID: Final = re.compile(r"[1-9][0-9]{0,18}")


def numeric(value: Id, what: str) -> int:
    """An id as the number that BillAgain's ids are.

    Raises:
        InvalidQuery: it is none, so no record can have it, and it must not get into a path.
    """
    if not _ID.fullmatch(str(value)):
        raise InvalidQuery(f"{value!r} is not a {what}: BillAgain's ids are whole numbers such as 10095")
    return int(value)


class BillAgainApi:
    """The vendor's operations as flows.

    Args:
        page_size: records a page where a list is not told otherwise.
    """

    def __init__(self, page_size: int = MOST_PER_PAGE) -> None:
        self.page_size = page_size

    def list_customer_credits(self, customer_id: Id, page: int = 1, page_size: int | None = None) -> Flow[list[CreditNote]]:
        """``GET /customers/{customerID}/credits``, "Get a list of customer's credit notes".

        Args:
            customer_id: whose.
            page: counts from 1.
            page_size: 1 to 200.

        Returns:
            One page, in no order to rely on. A page shorter than asked for is the last; so is an empty one.

        Raises:
            InvalidQuery: an id that is no number, or paging beyond the documented range. Nothing was sent.
            NotFound: no such customer in this account.
        """
        at = path("/customers/{}/credits", str(numeric(customer_id, "customer id")))
        return (yield from self._list("list customer credits", at, page, page_size))

    def list_credits(self, page: int = 1, page_size: int | None = None) -> Flow[list[CreditNote]]:
        """``GET /credits``, "Get a list of credit notes account related". Arguments and errors as of the customer's list."""
        return (yield from self._list("list credits", "/credits", page, page_size))

    def get_credit(self, credit_id: Id) -> Flow[CreditNote]:
        """``GET /credits/{creditNoteID}``, "Get specific credit note".

        Raises:
            InvalidQuery: an id that is no number.
            NotFound: no such credit note in this account.
        """
        request = Request("get credit", "GET", path("/credits/{}", str(numeric(credit_id, "credit id"))), permission=PERMISSION)
        response = yield from exchange(request)
        _check(request, response)
        return wire.read(request, response, CreditNote)

    def add_credit(self, body: CreditInput) -> Flow[CreditNote]:
        """``POST /credits``, "Add specific credit note". Not idempotent: sent twice, it makes two.

        Returns:
            The credit note as it was made (201), with the ids of its allocations.

        Raises:
            Rejected: BillAgain refused it; no credit note was made.
            OutcomeUnknown: the answer cannot be read; the credit note was probably made.
        """
        request = Request("add credit", "POST", "/credits", (), exactjson.dumps(body.json()), Effect.ONCE, PERMISSION)
        response = yield from exchange(request)
        _check(request, response)
        return wire.read(request, response, CreditNote)

    def edit_credit(self, credit_id: Id, body: CreditInput) -> Flow[None]:
        """``PUT /credits/{creditNoteID}``, "Edit specific credit note". Answered with 204 and no body.

        It replaces every field and the whole list of allocations: an item with an ``allocationID`` is kept or changed, one
        without is added, an allocation that is not in the list is deleted. So it can be repeated only if every item has an id.

        Raises:
            InvalidQuery: an id that is no number.
            Rejected: BillAgain refused it; nothing was changed.
        """
        repeatable = all(item.allocation_id is not None for item in body.allocations or ())
        request = Request(
            "edit credit",
            "PUT",
            path("/credits/{}", str(numeric(credit_id, "credit id"))),
            (),
            exactjson.dumps(body.json()),
            Effect.IDEMPOTENT if repeatable else Effect.ONCE,
            PERMISSION,
        )
        response = yield from exchange(request)
        _check(request, response)

    def delete_credit(self, credit_id: Id) -> Flow[None]:
        """``DELETE /credits/{creditNoteID}``, "Delete specific credit note". Answered with 204 and no body.

        Raises:
            InvalidQuery: an id that is no number.
            Rejected: refused, with status 410 where it is gone already or never was: the list tells which.
        """
        at = path("/credits/{}", str(numeric(credit_id, "credit id")))
        request = Request("delete credit", "DELETE", at, effect=Effect.IDEMPOTENT, permission=PERMISSION)
        response = yield from exchange(request)
        _check(request, response)

    def _list(self, operation: str, at: str, page: int, page_size: int | None) -> Flow[list[CreditNote]]:
        size = self.page_size if page_size is None else page_size
        if page < 1 or not 1 <= size <= MOST_PER_PAGE:
            raise InvalidQuery(f"page {page} of {size} records: BillAgain counts pages from 1 and gives at most {MOST_PER_PAGE} records")
        request = Request(operation, "GET", at, (("page", str(page)), ("page_size", str(size))), permission=PERMISSION)
        response = yield from exchange(request)
        _check(request, response)
        return wire.read(request, response, list[CreditNote])


def _check(request: Request, response: Response) -> None:
    """Raise the error that an answer means; return where it is a success."""
    status = response.status
    if 200 <= status < 300:
        if request.method in {"PUT", "DELETE"} and response.body.lstrip().startswith(b"<"):
            raise wire.malformed(request, response, "a body where BillAgain sends none")
        return
    if status < 400:
        raise wire.malformed(request, response, f"status {status}, which is no answer of BillAgain's API")
    kind, message = _meaning(status, is_read=request.method == "GET")
    error = kind(
        message,
        operation=request.operation,
        status=status,
        vendor_message=_vendor_message(response),
        request_id=response.headers.get("x-request-id", ""),
        permission=request.permission,
    )
    if isinstance(error, RateLimited):
        error.retry_after = retry_after(response)
    raise error


def _meaning(status: int, *, is_read: bool) -> tuple[type[BackendError], str]:
    kinds: dict[int, tuple[type[BackendError], str]] = {
        401: (AuthenticationFailed, "BillAgain does not accept the account and its API key"),
        403: (PermissionDenied, "BillAgain does not let this account do that"),
        404: (NotFound, "there is nothing there"),
        408: (Unavailable, "BillAgain took too long"),
        409: (Conflict, "refused because of the record's state"),
        410: (NotFound, "there is no such record in this account") if is_read else (Rejected, "BillAgain refused it"),
        429: (RateLimited, "too many requests"),
    }
    if status in kinds:
        return kinds[status]
    return (Unavailable, "BillAgain has a server error") if status >= 500 else (Rejected, "BillAgain refused it")


def _vendor_message(response: Response) -> str:
    """What the vendor says is wrong: every ``Errors[].Message``, joined."""
    try:
        body = response.json()
    except exactjson.InexactJSON:
        return ""
    if not isinstance(body, dict):
        return ""
    errors = cast("dict[str, object]", body).get("Errors")
    said: list[str] = []
    for error in cast("list[object]", errors) if isinstance(errors, list) else []:
        message = cast("dict[str, object]", error).get("Message") if isinstance(error, dict) else error
        if isinstance(message, str) and message.strip():
            said.append(message.strip())
    return "; ".join(said)
