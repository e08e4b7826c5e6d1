"""Walking through pages: lazily, in order, one at a time or several ahead, and to an end."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unibill.errors import BackendError, MalformedResponse, Unavailable
from unibill.flow import Flow, Request, Response
from unibill.http.ahead import Ahead, InThreads
from unibill.native import AsyncRunner, Runner
from unibill.paging import awalk, walk
from unibill.provider import Addressing, At, Mapped, Page

T = TypeVar("T")
NUMBERED = Addressing(1, 1)
ANSWER = Response(200, {}, b"")


@dataclass(frozen=True)
class Item:
    id: str


class Listing:
    """A list in pages; notes which were asked for. A page that is an error is raised; beyond the end comes what ``beyond`` is."""

    def __init__(self, *pages: Sequence[str] | BackendError, beyond: Sequence[str] | BackendError = (), promised: bool = True) -> None:
        self.pages = pages
        self.beyond = beyond
        self.promised = promised
        self.asked: list[int] = []
        self.gate: Callable[[int], None] = lambda _: None
        self.closed = 0

    def flow(self, at: At | None) -> Flow[Page[Item]]:
        yield from ()
        number = int(at or 1)
        self.asked.append(number)
        self.gate(number)
        page = self.pages[number - 1] if number <= len(self.pages) else self.beyond
        if isinstance(page, BackendError):
            raise page
        return Page([Item(name) for name in page], number + 1 if number < len(self.pages) else None, self.promised)


def drive(flow: Flow[T]) -> T:
    try:
        next(flow)
        while True:
            flow.send(ANSWER)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def adrive(flow: Flow[T]) -> T:
    await asyncio.sleep(0)
    return drive(flow)


def read_sync(listing: Listing, addressing: Addressing | None, ahead: int, most: int | None = None, drive: Runner = drive) -> list[str]:
    read: list[str] = []
    pages = walk("things.list", listing.flow, drive, addressing, ahead)
    for number, items in enumerate(pages, 1):
        read += [item.id for item in items]
        if number == most:
            break
    pages.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("unibill-pages")], "a page is still under way"
    return read


def read_async(
    listing: Listing,
    addressing: Addressing | None,
    ahead: int,
    most: int | None = None,
    drive: AsyncRunner = adrive,
    driving: Callable[[int], Ahead] | None = None,
) -> list[str]:
    async def work() -> list[str]:
        read: list[str] = []
        pages = awalk("things.list", listing.flow, drive, addressing, ahead, driving=driving)
        number = 0
        async for items in pages:
            read += [item.id for item in items]
            number += 1
            if number == most:
                break
        await pages.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a page is still under way"
        return read

    return asyncio.run(work())


def read_in_threads(
    listing: Listing, addressing: Addressing | None, ahead: int, most: int | None = None, drive: Runner = drive
) -> list[str]:
    async def first(flow: Flow[T]) -> T:
        return drive(flow)

    with ThreadPoolExecutor(2 * ahead) as threads:
        room = anyio.Semaphore(2 * ahead)
        read = read_async(listing, addressing, ahead, most, first, lambda most: InThreads(lambda flow, _: drive(flow), threads, room, most))
        assert room.value == 2 * ahead
    return read


Read = Callable[..., list[str]]
reader = pytest.mark.parametrize("read", [read_sync, read_async, read_in_threads], ids=["sync", "async", "threads"])
ways = pytest.mark.parametrize(("addressing", "ahead"), [(None, 1), (None, 4), (NUMBERED, 1), (NUMBERED, 2), (NUMBERED, 5)])


@reader
@ways
def test_pages_come_in_order_and_whole(read: Read, addressing: Addressing | None, ahead: int) -> None:
    pages = [[f"{page}-{i}" for i in range(3)] for page in range(7)]

    assert read(Listing(*pages), addressing, ahead) == [name for page in pages for name in page]


@reader
@ways
def test_a_short_or_empty_page_does_not_end_a_list_that_says_it_goes_on(read: Read, addressing: Addressing | None, ahead: int) -> None:
    assert read(Listing(["a", "b"], [], ["c"], [], ["d"]), addressing, ahead) == ["a", "b", "c", "d"]


@reader
@ways
def test_a_list_of_one_page_asks_for_one_page(read: Read, addressing: Addressing | None, ahead: int) -> None:
    listing = Listing(["a"])

    assert read(listing, addressing, ahead) == ["a"]
    assert listing.asked == [1]


@reader
def test_pages_that_are_not_numbered_are_asked_one_after_another(read: Read) -> None:
    listing = Listing(["a"], ["b"], ["c"])
    read(listing, None, 8)

    assert listing.asked == [1, 2, 3]


@reader
def test_offsets_rise_by_their_step(read: Read) -> None:
    asked: list[At | None] = []

    class Offsets(Listing):
        def flow(self, at: At | None) -> Flow[Page[Item]]:
            yield from ()
            asked.append(at)
            offset = int(at or 0)
            return Page([Item(str(offset + i)) for i in range(50)], offset + 50 if offset < 100 else None)

    assert read(Offsets(), Addressing(0, 50), 2) == [str(i) for i in range(150)]
    assert asked[0] is None
    assert sorted(int(at) for at in asked[1:] if at is not None)[:2] == [50, 100]


@reader
def test_nothing_is_asked_before_the_first_page_is_wanted(read: Read) -> None:
    listing = Listing(["a"], ["b"])
    if read is read_sync:
        walk("things.list", listing.flow, drive, NUMBERED, 4).close()
    else:
        asyncio.run(awalk("things.list", listing.flow, adrive, NUMBERED, 4).aclose())

    assert listing.asked == []


@reader
def test_closing_early_asks_for_nothing_more(read: Read) -> None:
    listing = Listing(*[[str(page)] for page in range(1000)])

    assert read(listing, None, 1, most=2) == ["0", "1"]
    assert listing.asked == [1, 2]


@reader
@pytest.mark.parametrize("ahead", [2, 5])
def test_closing_early_leaves_no_page_under_way_and_asks_no_further_than_ahead(read: Read, ahead: int) -> None:
    listing = Listing(*[[str(page)] for page in range(1000)])

    assert read(listing, NUMBERED, ahead, most=2) == ["0", "1"]
    assert max(listing.asked) <= 2 + ahead


def test_several_pages_are_under_way_at_once() -> None:
    together = threading.Barrier(3)
    listing = Listing(*[[str(page)] for page in range(4)])
    listing.gate = lambda number: None if number == 1 else void(together.wait(5))

    assert read_sync(listing, NUMBERED, 3) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("ahead", [2, 5])
def test_while_a_reader_is_busy_the_next_pages_are_read_but_never_more_than_twice_what_is_ahead(ahead: int) -> None:
    listing, taken = Listing(*[[str(page)] for page in range(100)]), 3 * ahead
    reached = threading.Event()
    listing.gate = lambda number: reached.set() if number == taken + 2 * ahead - 1 else None
    pages = walk("things.list", listing.flow, drive, NUMBERED, ahead)
    for _ in range(taken):
        next(pages)

    assert reached.wait(5)
    pages.close()
    assert max(listing.asked) == taken + 2 * ahead - 1


@reader
@pytest.mark.parametrize("ahead", [2, 5])
def test_never_more_pages_than_ahead_are_under_way_at_once(read: Read, ahead: int) -> None:
    under_way, most, changing = 0, 0, threading.Lock()

    def change(by: int) -> None:
        nonlocal under_way, most
        with changing:
            under_way += by
            most = max(most, under_way)

    class Asking(Listing):
        def flow(self, at: At | None) -> Flow[Page[Item]]:
            yield Request("list", "GET", "/things")
            return (yield from super().flow(at))

    def watched(flow: Flow[T]) -> T:
        try:
            next(flow)
            while True:
                change(1)
                change(-1)
                flow.send(ANSWER)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def awatched(flow: Flow[T]) -> T:
        try:
            next(flow)
            while True:
                change(1)
                await asyncio.sleep(0)
                change(-1)
                flow.send(ANSWER)
        except StopIteration as stop:
            result: T = stop.value
        return result

    expected = [str(page) for page in range(60)]
    assert read(Asking(*[[name] for name in expected]), NUMBERED, ahead, drive=awatched if read is read_async else watched) == expected
    assert 1 < most <= ahead if read is read_async else most <= ahead


def void(_: object) -> None:
    return None


@reader
@pytest.mark.parametrize("ahead", [2, 6])
def test_answers_and_errors_beyond_the_end_are_thrown_away(read: Read, ahead: int) -> None:
    pages = [["a"], ["b"], ["c"]]

    assert read(Listing(*pages, beyond=["ghost"]), NUMBERED, ahead) == ["a", "b", "c"]
    assert read(Listing(*pages, beyond=Unavailable("page past the end")), NUMBERED, ahead) == ["a", "b", "c"]


@reader
@ways
def test_an_error_within_the_list_comes_after_what_stands_before_it(read: Read, addressing: Addressing | None, ahead: int) -> None:
    with pytest.raises(Unavailable, match="page 3"):
        read(Listing(["a"], ["b"], Unavailable("page 3"), ["d"]), addressing, ahead)
    assert read(Listing(["a"], ["b"], Unavailable("page 3"), ["d"]), addressing, ahead, most=2) == ["a", "b"]


@reader
@ways
def test_records_that_come_again_because_somebody_inserted_are_dropped(read: Read, addressing: Addressing | None, ahead: int) -> None:
    assert read(Listing(["a", "b", "c"], ["c", "d", "e"], ["d", "e", "f"]), addressing, ahead) == ["a", "b", "c", "d", "e", "f"]


@reader
@ways
def test_a_page_that_comes_again_unchanged_is_a_list_that_does_not_end(read: Read, addressing: Addressing | None, ahead: int) -> None:
    with pytest.raises(MalformedResponse, match="does not end: a page came again unchanged") as endless:
        read(Listing(*[["a", "b"]] * 50), addressing, ahead)
    assert endless.value.operation == "things.list"


@reader
def test_a_last_page_served_again_past_a_guessed_end_ends_the_list(read: Read) -> None:
    assert read(Listing(["a", "b"], ["c", "d"], ["c", "d"], ["c", "d"], promised=False), NUMBERED, 1) == ["a", "b", "c", "d"]


@reader
def test_a_list_that_sends_back_to_where_it_was_does_not_end(read: Read) -> None:
    class Circle(Listing):
        def flow(self, at: At | None) -> Flow[Page[Item]]:
            yield from ()
            self.asked.append(0)
            return Page([Item(str(len(self.asked)))], {None: "b", "b": "c", "c": "b"}[at if at is None else str(at)])

    circle = Circle()
    with pytest.raises(MalformedResponse, match="still says that there is more"):
        read(circle, None, 1)
    assert len(circle.asked) <= 4


@reader
def test_empty_pages_without_end_are_noticed(read: Read) -> None:
    class Desert(Listing):
        def flow(self, at: At | None) -> Flow[Page[Item]]:
            yield from ()
            return Page([], int(at or 1) + 1)

    with pytest.raises(MalformedResponse, match="still says that there is more"):
        read(Desert(), NUMBERED, 1)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 6))
@settings(deadline=None, max_examples=50)
def test_reading_ahead_gives_what_reading_one_by_one_gives(sizes: list[int], ahead: int) -> None:
    pages = [[f"{page}-{i}" for i in range(size)] for page, size in enumerate(sizes)]
    plain = read_sync(Listing(*pages), None, 1)

    assert read_sync(Listing(*pages), NUMBERED, ahead) == plain
    assert read_async(Listing(*pages), NUMBERED, ahead) == plain


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3), min_size=3, max_size=14), st.integers(1, 4))
@settings(deadline=None, max_examples=200)
def test_a_record_is_dropped_if_and_only_if_it_stood_on_one_of_the_last_pages(drawn: list[set[str]], ahead: int) -> None:
    pages = [sorted(page) for page, before in zip(drawn, [set[str](), *drawn], strict=False) if page != before]
    window = max(2, ahead + 1)
    expected = [
        name for at, page in enumerate(pages) for name in page if not any(name in before for before in pages[max(0, at - window) : at])
    ]

    assert read_sync(Listing(*pages), NUMBERED, ahead) == expected


def test_mapped_records_are_those_of_a_list_each_made_when_it_is_wanted() -> None:
    made: list[int] = []

    def record(raw: int) -> Item:
        made.append(raw)
        return Item(str(raw))

    page = Mapped([1, 2, 3], record, ["1", "2", "3"])
    assert (len(page), made) == (3, [])
    read = iter(page)
    assert (next(read), made) == (Item("1"), [1])
    assert [*page] == [Item("1"), Item("2"), Item("3")]
    assert (page[-1], [*page[1:]], [*page[1:].ids]) == (Item("3"), [Item("2"), Item("3")], ["2", "3"])


@reader
@ways
def test_of_mapped_pages_too_records_that_come_again_are_dropped(read: Read, addressing: Addressing | None, ahead: int) -> None:
    class Mapping(Listing):
        def flow(self, at: At | None) -> Flow[Page[Item]]:
            page = yield from super().flow(at)
            names = [item.id for item in page.items]
            return Page(Mapped(names, Item, names), page.next)

    assert read(Mapping(["a", "b"], ["b", "c"], ["c", "b", "d"]), addressing, ahead) == ["a", "b", "c", "d"]
