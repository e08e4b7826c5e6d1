"""Walking through pages, one by one or several ahead.

Pages that are numbered can be asked for ahead of time: order stays, answers beyond the end are thrown away, errors there
too, and records that come again within the last pages, because somebody inserted while we read, are dropped. An answer that came
ahead stays as it came until its page is wanted: bytes take less memory than records, and what is read late is still in the
processor's caches when it is mapped.
"""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from unibill.errors import MalformedResponse
from unibill.flow import Flow, begun
from unibill.native import AsyncRunner, Runner
from unibill.provider import Addressing, At, Mapped, Page

if TYPE_CHECKING:
    from concurrent.futures import Future

    from unibill.http.ahead import Ahead
    from unibill.http.driving import Stop


class Identified(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str:
        """Unique within its list."""
        ...


R = TypeVar("R", bound=Identified)
PageFlow = Callable[[At | None], Flow[Page[R]]]
MOST_PAGES: Final = 1_000_000
"""A list longer than this is one that never ends."""
_MOST_EMPTY: Final = 100_000


class _Reader(Generic[R]):
    """Takes pages in order, drops repeats, and notices the end, also of a list that has none."""

    def __init__(self, operation: str, window: int, backend: str) -> None:
        self._operation = operation
        self._backend = backend
        self._window = window
        self._recent: deque[frozenset[str]] = deque()
        self._seen: set[str] = set()
        """The ids of the recent pages."""
        self._repeated = 0
        """The last page that had ids of others."""
        self._places: set[At] = set()
        self._pages = 0
        self._empty = 0
        self.ended = False

    def take(self, page: Page[R]) -> Sequence[R]:
        items = page.items
        ids = frozenset(items.ids if isinstance(items, Mapped) else [item.id for item in items])
        self._pages += 1
        self._empty = 0 if ids else self._empty + 1
        self.ended = page.next is None
        if ids and self._recent and ids == self._recent[-1]:
            if page.promised or self._pages == 2:
                raise self._endless("a page came again unchanged")
            self.ended = True
        if self._pages >= MOST_PAGES or self._empty > _MOST_EMPTY or (page.next is not None and page.next in self._places):
            raise self._endless(f"after {self._pages} pages it still says that there is more")
        if page.next is not None:
            self._places.add(page.next)
        repeats = frozenset[str]() if self._seen.isdisjoint(ids) else ids & self._seen
        self._remember(ids, repeats)
        return [item for item in items if item.id not in repeats] if repeats else items

    def _remember(self, ids: frozenset[str], repeats: frozenset[str]) -> None:
        self._recent.append(ids)
        self._seen |= ids
        if repeats:
            self._repeated = self._pages
        if len(self._recent) > self._window:
            self._seen -= self._recent.popleft()
            if self._repeated > self._pages - self._window:  # some of the oldest page's came again since
                self._seen.update(*self._recent)

    def _endless(self, why: str) -> MalformedResponse:
        return MalformedResponse(f"the list does not end: {why}", backend=self._backend, operation=self._operation)


def walk(
    operation: str,
    pages: PageFlow[R],
    run: Runner,
    addressing: Addressing | None,
    ahead: int,
    backend: str = "",
    ended_by: "Callable[[Stop], Runner] | None" = None,
) -> Generator[Sequence[R], None, None]:
    """Pages of a list, in order, as they are wanted.

    Args:
        operation: for messages.
        pages: makes the flow of the page at a place.
        run: drives it.
        addressing: how pages are numbered; None = each tells the next.
        ahead: how many pages may be under way at once; 1 asks for each when it is wanted. In a long list as many more may have
            come and wait, so that the vendor is kept busy while records are mapped.
        backend: its name, for messages.
        ended_by: makes what drives a page that is asked for ahead, and ends when it is told to. Left out, ``run`` does, and whoever
            gives a list up waits for what is under way.

    Raises:
        BackendError: what reading a page raised; ``MalformedResponse`` if the list does not end.
    """
    reader: _Reader[R] = _Reader(operation, max(2, ahead + 1), backend)
    page = run(pages(None))
    yield reader.take(page)
    if addressing is None or ahead <= 1:
        while not reader.ended:
            page = run(pages(page.next))
            yield reader.take(page)
        return
    if reader.ended:
        return
    from concurrent.futures import ThreadPoolExecutor  # here, because it is slow to load and seldom needed

    from unibill.http.driving import Stop  # as above

    with ThreadPoolExecutor(ahead, thread_name_prefix="unibill-pages") as pool:
        waiting: deque[tuple[Future[Flow[Page[R]]], Stop]] = deque()
        place, room = addressing.first, ahead
        try:
            while not reader.ended:
                while len(waiting) < room:
                    place += addressing.step
                    stop = Stop()
                    waiting.append((pool.submit(run if ended_by is None else ended_by(stop), begun(pages(place))), stop))
                room = min(room + 1, 2 * ahead)
                begun_page = waiting[0][0].result()  # among those that wait until it is there, or an interruption would not stop it
                waiting.popleft()
                yield reader.take(run(begun_page))
        finally:
            for future, stop in waiting:
                # Answers beyond the end are awaited, since what is cut costs a connection; one that was given up may take long.
                if not future.cancel() and not reader.ended:
                    stop.now()


async def awalk(
    operation: str,
    pages: PageFlow[R],
    run: AsyncRunner,
    addressing: Addressing | None,
    ahead: int,
    backend: str = "",
    driving: Callable[[int], "Ahead"] | None = None,
) -> AsyncGenerator[Sequence[R], None]:
    """The same, awaited; see ``walk``.

    Args:
        operation: for messages.
        pages: makes the flow of the page at a place.
        run: drives it.
        addressing: how pages are numbered; None = each tells the next.
        ahead: how many pages may be under way at once.
        backend: its name, for messages.
        driving: makes what drives those that are asked for ahead, for how many at once; ``run`` does in the event loop if left out.
    """
    reader: _Reader[R] = _Reader(operation, max(2, ahead + 1), backend)
    page = await run(pages(None))
    yield reader.take(page)
    if addressing is None or ahead <= 1:
        while not reader.ended:
            page = await run(pages(page.next))
            yield reader.take(page)
        return
    import asyncio  # here, because blocking programs start without it

    from unibill.http.ahead import InLoop  # as above

    driven = InLoop(run, ahead) if driving is None else driving(ahead)
    waiting: deque[asyncio.Future[Flow[Page[R]]]] = deque()
    place, room = addressing.first, ahead
    try:
        while not reader.ended:
            while len(waiting) < room:
                place += addressing.step
                waiting.append(driven.start(begun(pages(place))))
            room = min(room + 1, 2 * ahead)
            for _ in range(driven.turns):
                await asyncio.sleep(0)
            yield reader.take(await run(await waiting.popleft()))
    finally:
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await driven.ended()
