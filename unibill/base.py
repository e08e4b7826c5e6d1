"""What the sync and the async facade share."""

import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from weakref import WeakValueDictionary

import pluggy

from unibill import plugins, telemetry
from unibill.errors import OutcomeUnknown, Rejected, UnibillError
from unibill.events import PageRead, RequestSettled, RunProgressed, WriteSettled
from unibill.model import Charge, Credit
from unibill.operations import Operations
from unibill.plugins import AnyProvider

_ASK_AGAIN: Final = 0.002
_log = logging.getLogger("unibill")


class Core:
    """What both facades share: the provider, its operations, its observers."""

    def __init__(self, name: str, provider: AnyProvider, observers: Sequence[object]) -> None:
        self.name = name
        self.provider = provider
        self.operations = Operations(name, provider)
        self.telemetry = telemetry.of(name, provider)
        self._hook = plugins.observers([*observers, *self.telemetry.observers]).hook

    def settled(self, event: RequestSettled) -> None:
        """Tell the observers of a request."""
        self._tell(self._hook.unibill_request_settled, event)

    def page(self, operation: str, records: int) -> None:
        """Tell the observers of a page."""
        self._tell(self._hook.unibill_page_read, PageRead(self.name, operation, records))

    def wrote(self, operation: str, account: str, outcome: str, record_id: str = "", mark: str | None = None) -> None:
        """Tell the observers of a write."""
        self._tell(self._hook.unibill_write_settled, WriteSettled(self.name, operation, outcome, account, record_id, mark or ""))

    def progressed(self, run: str, phase: str, done: int, total: int | None) -> None:
        """Tell the observers how far a run is."""
        self._tell(self._hook.unibill_run_progressed, RunProgressed(run, phase, done, total))

    def _tell(self, hook: pluggy.HookCaller, event: object) -> None:
        for observer in reversed(hook.get_hookimpls()):  # one by one: a call of the hook would end with the first that fails
            try:
                observer.function(*(event for _ in observer.argnames))
            except Exception:  # noqa: BLE001 - a failing observer must not make a write that took effect look like one that did not
                _log.exception("the observer %s failed on %s", observer.plugin_name, type(event).__name__)


class Turns:
    """Who writes to one record at a time, among all facades of one sort, in all threads and event loops of this process.

    Vendors know no version of a record: two writers who read the same state would each undo what the other did.
    """

    def __init__(self) -> None:
        self._by_name: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
        self._guard = threading.Lock()

    def _of(self, name: str) -> "_Turn":
        with self._guard:
            turn = self._by_name.get(name)
            if turn is None:
                turn = self._by_name[name] = _Turn()
            return turn

    @contextmanager
    def waited(self, provider: AnyProvider, *what: str) -> Iterator[None]:
        """Wait for the turn at a record of a provider's system, blocking."""
        turn = self._of("\n".join([provider.identity(), *what]))
        with turn.lock:
            yield

    @asynccontextmanager
    async def awaited(self, provider: AnyProvider, *what: str) -> AsyncIterator[None]:
        """The same, without blocking the event loop: whoever holds the turn may be in another thread, so it is asked for again and again."""
        import anyio  # here, because blocking programs start without it

        turn = self._of("\n".join([provider.identity(), *what]))
        while not turn.lock.acquire(blocking=False):
            await anyio.sleep(_ASK_AGAIN)
        try:
            yield
        finally:
            turn.lock.release()


class _Turn:
    def __init__(self) -> None:
        self.lock = threading.Lock()


blocking_turns = Turns()
awaitable_turns = Turns()
"""Of its own: a blocking call that waited for a task of its own thread's event loop would wait for ever."""


def outcome(error: BaseException) -> str:
    """How a write ended that raised this error; one that was interrupted, or failed in a way nobody foresaw, may have taken effect."""
    if isinstance(error, OutcomeUnknown) or not isinstance(error, UnibillError):
        return "unknown"
    return "rejected" if isinstance(error, Rejected) else "failed"


def names(result: object) -> tuple[str, str | None]:
    """The id and the mark of what a write gave back."""
    return (result.id, result.mark) if isinstance(result, (Credit, Charge)) else ("", None)
