"""What the sync and the async facade share."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import pluggy

from unibill import plugins
from unibill.errors import OutcomeUnknown, Rejected, UnibillError
from unibill.events import PageRead, RequestSettled, RunProgressed, WriteSettled
from unibill.model import Charge, Credit
from unibill.operations import Operations
from unibill.plugins import AnyProvider

L = TypeVar("L")
_log = logging.getLogger("unibill")


class Core:
    """What both facades share: the provider, its operations, its observers."""

    def __init__(self, name: str, provider: AnyProvider, observers: Sequence[object]) -> None:
        self.name = name
        self.provider = provider
        self.operations = Operations(name, provider)
        self._hook = plugins.observers(observers).hook

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


class Locks(Generic[L]):
    """One lock per id, for as long as somebody holds it."""

    def __init__(self, make: Callable[[], L]) -> None:
        self._make = make
        self._by_id: WeakValueDictionary[str, L] = WeakValueDictionary()
        self._guard = threading.Lock()

    def of(self, record_id: str) -> L:
        """The lock of an id."""
        with self._guard:
            lock = self._by_id.get(record_id)
            if lock is None:
                lock = self._by_id[record_id] = self._make()
            return lock


def outcome(error: BaseException) -> str:
    """How a write ended that raised this error; one that was interrupted, or failed in a way nobody foresaw, may have taken effect."""
    if isinstance(error, OutcomeUnknown) or not isinstance(error, UnibillError):
        return "unknown"
    return "rejected" if isinstance(error, Rejected) else "failed"


def names(result: object) -> tuple[str, str | None]:
    """The id and the mark of what a write gave back."""
    return (result.id, result.mark) if isinstance(result, (Credit, Charge)) else ("", None)
