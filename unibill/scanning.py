"""Scans: a whole list read within one flow, as a search for marks does, and an end to those that have none.

A list that a caller reads ends when the caller stops, or when ``unibill.paging`` notices that it has no end. A search has no such
reader: a vendor that gives the same page for ever, or a provider that asks for it for ever, would hold a write up for ever. It
must end with an error and never with "not there", since what is not found is created once more.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from unibill.errors import BackendError, MalformedResponse
from unibill.flow import Flow, Request, Response
from unibill.paging import MOST_PAGES
from unibill.provider import At, Page

MOST_STALE: Final = 1000
"""So many pages in a row without anything new, or questions that were asked before, and a search goes round in circles."""


class Identified(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str:
        """Unique within its list."""
        ...


R = TypeVar("R", bound=Identified)
T = TypeVar("T")


def scan(operation: str, pages: Callable[[At | None], Flow[Page[R]]], wanted: Callable[[R], bool]) -> Flow[list[R]]:
    """The wanted records of a whole list, each once: for a provider's ``find_marked``.

    Args:
        operation: for the error.
        pages: makes the flow of the page at a place, such as ``list_credits`` with its query; None is the first.
        wanted: whether a record is one of those that are looked for.

    Raises:
        MalformedResponse: the list does not end, so nobody can say what is not in it.
    """
    found: dict[str, R] = {}
    seen: set[str] = set()
    places: set[At] = set()
    before: frozenset[str] = frozenset()
    number, stale = 0, 0
    at: At | None = None
    while True:
        page = yield from pages(at)
        number += 1
        for record in page.items:
            if wanted(record):
                found.setdefault(record.id, record)
        ids = frozenset(record.id for record in page.items)
        stale = stale + 1 if ids <= seen else 0
        seen |= ids
        if page.next is None:
            return list(found.values())
        if ids and ids == before:
            if not page.promised and number > 2:
                return list(found.values())
            raise _endless(operation, f"page {number} is the one before it again")
        if page.next in places or stale > MOST_STALE or number >= MOST_PAGES:
            raise _endless(operation, f"after {number} pages it still says that there is more")
        places.add(page.next)
        before, at = ids, page.next


def ended(flow: Flow[T], operation: str, backend: str = "") -> Flow[T]:
    """The same search, which ends with an error where its provider goes round in circles.

    Args:
        flow: reads, and nothing else.
        operation: for the error.
        backend: its name, for the error.

    Raises:
        MalformedResponse: it asks again and again what it asked before, or goes on though all that it is told is the same.
    """
    asked: set[int] = set()
    again, same, requests = 0, 0, 0
    last: Response | None = None
    try:
        item = next(flow)
        while True:
            if isinstance(item, Request):
                requests += 1
                again += hash(item) in asked
                asked.add(hash(item))
                if max(again, same) > MOST_STALE or requests > MOST_PAGES:
                    raise _endless(operation, f"after {requests} requests the provider still asks for more", backend)
            try:
                reply = yield item
            except BackendError as error:
                item = flow.throw(error)
            else:
                if reply is not None:
                    same = same + 1 if last is not None and last.body == reply.body else 0
                    last = reply
                item = flow.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def _endless(operation: str, why: str, backend: str = "") -> MalformedResponse:
    return MalformedResponse(f"the list that is searched does not end: {why}", backend=backend, operation=operation)
