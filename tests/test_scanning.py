"""Searches through whole lists: what is there is found once, and a list without an end is an error and never "not there"."""

from collections.abc import Collection
from decimal import Decimal
from itertools import count

import pytest

from tests.test_paging import Item, Listing, drive
from unibill import marks
from unibill.capabilities import Operation
from unibill.connecting import connect
from unibill.drafts import CreditDraft
from unibill.errors import MalformedResponse, Unavailable
from unibill.flow import Flow, Request, Response, exchange
from unibill.model import Credit
from unibill.operations import Operations
from unibill.provider import At, Page
from unibill.scanning import MOST_STALE, ended, scan
from unibill.testing.memory import MemoryProvider, MemorySettings

DRAFT = CreditDraft(account_id="269", currency="USD", amount=Decimal(50))


def found(listing: Listing, *wanted: str) -> list[str]:
    return [item.id for item in drive(scan("find", listing.flow, lambda item: item.id in wanted))]


def test_what_is_wanted_is_found_on_whatever_page_and_once() -> None:
    assert found(Listing(["a", "b"], ["b", "c"], [], ["d"]), "b", "d", "x") == ["b", "d"]


def test_a_page_that_comes_again_is_an_error_where_the_vendor_promised_more() -> None:
    with pytest.raises(MalformedResponse, match="does not end: page 2 is the one before it again"):
        found(Listing(["a", "b"], ["a", "b"], ["c"]), "c")


def test_a_page_that_comes_again_is_the_end_where_more_is_only_guessed_but_for_the_second() -> None:
    assert found(Listing(["a"], ["b"], ["b"], ["b"], promised=False), "b") == ["b"]
    with pytest.raises(MalformedResponse, match="page 2"):
        found(Listing(["a"], ["a"], ["b"], promised=False), "b")


def test_a_place_that_comes_again_is_an_error() -> None:
    def page(at: At | None) -> Flow[Page[Item]]:
        yield from ()
        return Page([Item(f"{at}")], "y" if at == "x" else "x")

    with pytest.raises(MalformedResponse, match="after 3 pages it still says that there is more"):
        drive(scan("find", page, lambda _: False))


def test_pages_that_bring_nothing_new_for_ever_are_an_error() -> None:
    numbers = count(1)

    def page(at: At | None) -> Flow[Page[Item]]:
        yield from ()
        del at
        number = next(numbers)
        return Page([Item(str(number % 3))], number)

    with pytest.raises(MalformedResponse, match="still says that there is more"):
        drive(scan("find", page, lambda _: False))
    assert next(numbers) < MOST_STALE + 10


class Circling(MemoryProvider):
    """Looks for marks in a list that it never comes to the end of."""

    def __init__(self, *, advances: bool) -> None:
        super().__init__(MemorySettings(store="circling"))
        self._advances = advances

    def find_marked(self, account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
        for number in count(1):
            yield from exchange(Request("list", "GET", "/credits", (("page", str(number if self._advances else 1)),)))
        raise AssertionError(account, marks)


@pytest.mark.parametrize("advances", [True, False])
def test_a_provider_that_reads_for_ever_ends_with_an_error_and_nothing_is_written(advances: bool) -> None:
    flow = Operations("main", Circling(advances=advances)).create_credit(DRAFT, "order-17")
    bodies = count(1)
    asked = 0
    with pytest.raises(MalformedResponse, match="does not end") as raised:
        next(flow)
        for asked in range(1, 2 * MOST_STALE):
            flow.send(Response(200, {}, b"[]" if advances else b"%d" % next(bodies)))
    assert (raised.value.backend, raised.value.operation) == ("main", Operation.CREDITS_FIND)
    assert MOST_STALE < asked < MOST_STALE + 10


def test_a_search_that_ends_is_what_it_was_with_its_errors_and_its_value() -> None:
    def search() -> Flow[str]:
        try:
            answer = yield from exchange(Request("list", "GET", "/"))
        except Unavailable:
            return "away"
        return answer.body.decode()

    flow = ended(search(), "find")
    next(flow)
    with pytest.raises(StopIteration) as stop:
        flow.throw(Unavailable("away"))
    assert stop.value.value == "away"
    flow = ended(search(), "find")
    next(flow)
    with pytest.raises(StopIteration) as stop:
        flow.send(Response(200, {}, b"there"))
    assert stop.value.value == "there"


def test_a_credit_of_the_memory_provider_is_found_through_it() -> None:
    with connect(MemorySettings(store="scanned")) as billing:
        made = billing.credits.create(DRAFT, key="order-17")
        assert made.mark == marks.key_mark("order-17")
        assert billing.credits.find(key="order-17", account="269") == billing.credits.get(made.id)
