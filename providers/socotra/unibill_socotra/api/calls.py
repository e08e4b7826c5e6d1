"""How one operation is called: its request is built, its status checked, its answer decoded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from unibill import exactjson
from unibill.errors import InvalidQuery, MalformedResponse
from unibill.flow import Effect, Flow, Method, Query, Request, Response, exchange, path
from unibill.provider import Clock, system_clock
from unibill.wire import WireRecord, read
from unibill_socotra.api.answers import check, refuse_failed_validation
from unibill_socotra.wire.common import ValidationResult

R = TypeVar("R", bound=WireRecord)
T = TypeVar("T")

MAX_PAGES = 10_000
"""A list longer than this many pages is taken for one that never ends."""
MAX_EMPTY_PAGES = 100
"""So many empty pages in a row, none of them the last, are taken for a list that never ends."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """One page as Socotra sent it.

    Attributes:
        completed: whether this was the last page; a bare array says so by being shorter than was asked for.
        said: whether the vendor said which; of a bare array it is only guessed.
    """

    items: Sequence[R]
    completed: bool
    said: bool = True


class Envelope(Protocol[T]):
    """The shape of a page: ``{"listCompleted", "items"}``."""

    @property
    def list_completed(self) -> bool:
        """Whether this is the last page."""
        ...

    @property
    def items(self) -> list[T] | None:
        """The records."""
        ...


class Calls:
    """What all groups of operations share.

    Args:
        tenant: the tenant's locator.
        page_size: records a page where the caller does not say.
        clock: tells the time, for ``Retry-After`` dates.
    """

    def __init__(self, tenant: str, page_size: int = 100, clock: Clock = system_clock) -> None:
        self.tenant = tenant
        self.page_size = page_size
        self.clock = clock

    def _billing(self, template: str, *ids: str) -> str:
        return _filled("/billing/{}" + template, self.tenant, *ids)

    def _policy(self, template: str, *ids: str) -> str:
        return _filled("/policy/{}" + template, self.tenant, *ids)

    def _get(self, operation: str, permission: str, at: str, shape: type[R], query: Query = ()) -> Flow[R]:
        request = Request(operation, "GET", at, query, permission=permission)
        response = yield from self._answered(request)
        return read(request, response, shape)

    def _get_array(self, operation: str, permission: str, at: str, shape: type[R]) -> Flow[list[R]]:
        request = Request(operation, "GET", at, permission=permission)
        response = yield from self._answered(request)
        return read(request, response, list[shape])  # type: ignore[valid-type]  # the shape is a value here

    def _page(
        self,
        operation: str,
        permission: str,
        at: str,
        envelope: type[Envelope[R]],
        shape: type[R],
        *,
        offset: int,
        count: int | None,
        extended: bool | None = None,
        query: Query = (),
    ) -> Flow[Listing[R]]:
        size = self.page_size if count is None else count
        if offset < 0 or size < 1:
            raise InvalidQuery(f"{operation}: offset is at least 0 and count at least 1, not {offset} and {size}")
        paging = (("offset", str(offset)), ("count", str(size)))
        form = () if extended is None else (("extended", flag(extended)),)
        request = Request(operation, "GET", at, query + paging + form, permission=permission)
        response = yield from self._answered(request)
        if response.body.lstrip()[:1] == b"[":
            items: list[R] = read(request, response, list[shape])  # type: ignore[valid-type]  # the shape is a value here
            return Listing(items, completed=len(items) < size, said=False)
        page = read(request, response, envelope)
        return Listing(page.items or (), completed=page.list_completed)

    def _write(
        self,
        operation: str,
        permission: str,
        method: Method,
        at: str,
        shape: type[R],
        body: Mapping[str, object] | None = None,
        *,
        effect: Effect = Effect.ONCE,
        leads_to: str | None = None,
    ) -> Flow[R]:
        """One write. A record in the state that the operation leads to was changed, even if it still tells of a validation that failed."""
        request = Request(operation, method, at, (), None if body is None else exactjson.dumps(body), effect, permission)
        response = yield from self._answered(request)
        record = read(request, response, shape)
        result = getattr(record, "validation_result", None)
        if isinstance(result, ValidationResult) and (leads_to is None or leads_to != _state_of(record)):
            refuse_failed_validation(request, response, result)
        return record

    def _write_array(self, operation: str, permission: str, at: str, shape: type[R], body: Mapping[str, object]) -> Flow[list[R]]:
        request = Request(operation, "POST", at, (), exactjson.dumps(body), Effect.ONCE, permission)
        response = yield from self._answered(request)
        return read(request, response, list[shape])  # type: ignore[valid-type]  # the shape is a value here

    def _answered(self, request: Request) -> Flow[Response]:
        response = yield from exchange(request)
        check(request, response, self.clock)
        return response


def read_all(fetch: Callable[[int], Flow[Listing[R]]], count: int) -> Flow[list[R]]:
    """Every page of a list, one after the other.

    The offset advances by the count asked for, never by the records received: data-access rules may hide records. A list ends
    when it says so. A record that moves to the next page while the list is read comes again, and counts once: with its kind's
    locator, as it was read last.

    Args:
        fetch: gives the page at an offset.
        count: the page size that ``fetch`` asks for.

    Raises:
        MalformedResponse: the list never ends: ``MAX_PAGES`` pages, ``MAX_EMPTY_PAGES`` empty ones in a row, or the same full page
            twice in a row.
    """
    found: dict[tuple[object, object], R] = {}
    empty = 0
    before: Sequence[R] = ()
    for number in range(MAX_PAGES):
        page = yield from fetch(number * count)
        found.update((_name(record), record) for record in page.items)
        if page.completed:
            return list(found.values())
        empty = 0 if page.items else empty + 1
        if empty == MAX_EMPTY_PAGES or (page.items and page.items == before):
            break
        before = page.items
    raise MalformedResponse("the list does not end: page after page says that it is not complete and brings nothing new")


def _name(record: WireRecord) -> tuple[object, object]:
    """What tells a record of a list from the others: locators repeat across kinds, which only the list of credits mixes."""
    return getattr(record, "credit_type", None), getattr(record, "locator", None)


def _state_of(record: WireRecord) -> object:
    return getattr(record, "credit_distribution_state", None) or getattr(record, "payment_state", None)


def flag(value: bool) -> str:
    """A boolean as query text."""
    return "true" if value else "false"


def optional(**values: str | bool | None) -> Query:
    """Query pairs, under the vendor's own names, for the values that are given."""
    return tuple((name, flag(value) if isinstance(value, bool) else value) for name, value in values.items() if value is not None)


def _filled(template: str, *ids: str) -> str:
    try:
        return path(template, *ids)
    except ValueError as error:
        raise InvalidQuery(str(error)) from error
