"""BillAgain's documented routes for credits, and the reading routes of customers and invoices."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from unibill import exactjson
from unibill.sandbox.system import Refused
from unibill_billagain.sandbox.checks import missing, refused
from unibill_billagain.sandbox.credits import Credits
from unibill_billagain.sandbox.render import JSON_TYPE, ORDERS, Renderer
from unibill_billagain.sandbox.store import MAX_ID, Store

_DEFAULT_SIZE = 100
_MOST = 200
_LONGEST = 30
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class _Call:
    id: str
    query: Mapping[str, str]
    body: bytes


_Handler = Callable[[_Call], Response]


class Api:
    """The routes over one store."""

    def __init__(self, settings: Mapping[str, str], store: Store, renderer: Renderer, account: str, api_key: str) -> None:
        self._settings = settings
        self._store = store
        self._render = renderer
        self._credits = Credits(settings, store)
        self._pair = f"{account}:{api_key}".encode()
        self._order = ORDERS[settings["list-order"]]

    def routes(self) -> list[BaseRoute]:
        """All of them; what else is asked for answers 404 or 405 with ``Errors``."""
        return [
            self._route("/v1/credits", GET=self._list_credits, POST=self._create_credit),
            self._route("/v1/credits/{id}", GET=self._get_credit, PUT=self._edit_credit, DELETE=self._delete_credit),
            self._route("/v1/customers/{id}/credits", GET=self._list_customer_credits),
            self._route("/v1/customers", GET=self._list_customers),
            self._route("/v1/customers/{id}", GET=self._get_customer),
            self._route("/v1/customers/{id}/invoices", GET=self._list_customer_invoices),
            self._route("/v1/invoices", GET=self._list_invoices),
            self._route("/v1/invoices/{id}", GET=self._get_invoice),
            self._route("/{path:path}"),
        ]

    def _route(self, path: str, **handlers: _Handler) -> Route:
        allowed = ", ".join(handlers)

        async def endpoint(request: Request) -> Response:
            self._authorise(request)
            handler = handlers.get(request.method)
            if handler is None:
                if handlers:
                    raise refused(405, f"{request.method} is not allowed here", headers={"Allow": allowed})
                raise refused(404, "There is nothing at this address")
            return handler(_Call(request.path_params.get("id", ""), request.query_params, await request.body()))

        return Route(path, endpoint, methods=_METHODS)

    def _authorise(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            known = scheme.lower() == "basic" and base64.b64decode(token.strip(), validate=True) == self._pair
        except (binascii.Error, ValueError):
            known = False
        if not known:
            style = self._settings["auth-failure"]
            headers = {"WWW-Authenticate": 'Basic realm="BillAgain"'} if style == "401-challenge" else None
            raise refused(int(style[:3]), "The account or the API key is wrong", headers=headers)

    def _list_credits(self, call: _Call) -> Response:
        return self._list_of_credits(None, call.query)

    def _list_customer_credits(self, call: _Call) -> Response:
        return self._list_of_credits(self._customer_id(call), call.query)

    def _list_of_credits(self, customer_id: int | None, query: Mapping[str, str]) -> Response:
        size, offset = self._page(query)
        rows = self._store.bodies(customer_id, self._order, size, offset)
        if not rows and offset:
            again = self._past_end(self._store.count("credits", customer_id), size)
            rows = [] if again is None else self._store.bodies(customer_id, self._order, size, again)
        return _json_text(self._render.account_page(rows) if customer_id is None else self._render.customer_page(rows))

    def _get_credit(self, call: _Call) -> Response:
        number = _number(call.id)
        body = self._store.body(number)
        if body is None:
            raise self._no_credit()
        return _json_text(self._render.read(number, body))

    def _create_credit(self, call: _Call) -> Response:
        number, body = self._credits.create(call.body)
        return _json_text(self._render.created(number, body), 201)

    def _edit_credit(self, call: _Call) -> Response:
        credit = self._store.credit(_number(call.id))
        if credit is None:
            raise self._no_credit()
        self._credits.edit(credit, call.body)
        return Response(status_code=204)

    def _delete_credit(self, call: _Call) -> Response:
        number = _number(call.id)
        credit = self._store.credit(number)
        if credit is None:
            if self._settings["repeat-delete"] == "204" and self._store.was_deleted(number):
                return Response(status_code=204)
            raise self._no_credit()
        if not credit.number and self._settings["system-credits"] == "on-locked":
            raise refused(int(self._settings["validation-status"]), "This credit note was made by the system")
        if credit.allocations and self._settings["delete-effect"] == "refuse-when-allocated":
            raise refused(int(self._settings["validation-status"]), "A credit note with allocations cannot be deleted")
        self._store.delete_credit(credit)
        return Response(status_code=204)

    def _no_credit(self) -> Refused:
        return refused(int(self._settings["missing-credit"]), missing("Credit Note"))

    def _list_customers(self, call: _Call) -> Response:
        size, offset = self._page(call.query)
        found = list(self._store.customers(self._order, size, offset))
        if not found and offset:
            again = self._past_end(self._store.count("customers"), size)
            found = [] if again is None else list(self._store.customers(self._order, size, again))
        return _json([self._render.customer(customer) for customer in found])

    def _get_customer(self, call: _Call) -> Response:
        customer = self._store.customer(_number(call.id))
        if customer is None:
            raise refused(410, missing("Customer"))
        return _json(self._render.customer(customer))

    def _list_invoices(self, call: _Call) -> Response:
        return self._list_of_invoices(None, call.query)

    def _list_customer_invoices(self, call: _Call) -> Response:
        return self._list_of_invoices(self._customer_id(call), call.query)

    def _list_of_invoices(self, customer_id: int | None, query: Mapping[str, str]) -> Response:
        size, offset = self._page(query)
        found = list(self._store.invoices(customer_id, self._order, size, offset))
        if not found and offset:
            again = self._past_end(self._store.count("invoices", customer_id), size)
            found = [] if again is None else list(self._store.invoices(customer_id, self._order, size, again))
        return _json([self._invoice(invoice.id) for invoice in found])

    def _get_invoice(self, call: _Call) -> Response:
        return _json(self._invoice(_number(call.id)))

    def _invoice(self, number: int) -> dict[str, object]:
        invoice = self._store.invoice(number)
        customer = self._store.customer(invoice.customer_id) if invoice else None
        if invoice is None or customer is None:
            raise refused(410, missing("Invoice"))
        return self._render.invoice(invoice, customer)

    def _customer_id(self, call: _Call) -> int:
        number = _number(call.id)
        if self._store.customer(number) is None:
            raise refused(410, missing("Customer"))
        return number

    def _page(self, query: Mapping[str, str]) -> tuple[int, int]:
        """Page size and offset. What is no number, or too small, is as if it had not been sent."""
        size = _positive(query.get("page_size")) or _DEFAULT_SIZE
        if size > _MOST:
            rule = self._settings["page-size-overflow"]
            if rule == "reject":
                raise refused(int(self._settings["validation-status"]), f"page_size may be {_MOST} at most")
            size = _MOST if rule == "clamp" else _DEFAULT_SIZE
        page = _positive(query.get("page")) or 1
        return size, min((page - 1) * size, MAX_ID)

    def _past_end(self, count: int, size: int) -> int | None:
        """Where the page begins that is sent instead of one past the end; None for an empty one."""
        rule = self._settings["past-end"]
        if rule == "410":
            raise refused(410, "There is no such page")
        return None if rule == "empty" or not count else (count - 1) // size * size


def _positive(text: str | None) -> int | None:
    return min(int(text[:_LONGEST]), MAX_ID) or None if text and text.isascii() and text.isdigit() else None


def _number(text: str) -> int:
    """A path's id; 0, which is nobody's, for what is no id."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST else 0
    return number if number <= MAX_ID else 0


def _json_text(text: str, status: int = 200) -> Response:
    return Response(text.encode(), status, media_type=JSON_TYPE)


def _json(value: object) -> Response:
    return Response(exactjson.dumps(value), media_type=JSON_TYPE)
