"""Workers on a Dask cluster: of this machine, or at a scheduler that somebody runs. Imported only where one is asked for."""

import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, Self

import distributed

from unibill.errors import ConfigurationError

_GRACE: Final = 5.0
"""Seconds in which a worker may end by itself once the cluster is closed."""
_CLOSING: Final = 20.0
"""Seconds that Dask may take to close the cluster; on an idle machine it takes five, if a worker is at something."""
_RETRIES: Final = 3
"""How often Dask gives a worker's task to another, if the worker dies. The run does not need it: it has the others."""


class Unmoved(distributed.WorkerPlugin):
    """Makes a worker on this machine pass over Ctrl-C and a lost terminal: it is told to stop through the run, and only so."""

    name = "unibill"
    idempotent = True

    def setup(self, worker: object) -> None:
        """A worker has started, or was started again."""
        del worker
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if hasattr(signal, "SIGHUP"):
                signal.signal(signal.SIGHUP, signal.SIG_IGN)


class _Interrupts:
    """What Ctrl-C and a request to terminate do: as before, or from ``ignore`` on to the end of the block nothing."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        return self

    def ignore(self) -> None:
        """Closing takes seconds at most, and interrupted it would leave Dask at liberty to start workers anew."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, signal.SIG_IGN)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


@contextmanager
def _ended_with_us() -> Iterator[None]:
    """See to it that no worker of this machine outlives the block, even where closing the cluster was interrupted."""
    before = {*multiprocessing.active_children()}
    try:
        yield
    finally:
        limit = time.monotonic() + _GRACE
        try:
            for child in {*multiprocessing.active_children()} - before:
                child.join(max(0.0, limit - time.monotonic()))
        finally:
            # Asked for again, because Dask may have started one anew in place of one that died.
            while left := {*multiprocessing.active_children()} - before:
                for child in left:
                    child.kill()
                    child.join()


def _closed(local: Any) -> None:  # noqa: ANN401 - not typed
    """Close the cluster of this machine, which asks each worker to end and kills it where it does not."""
    with suppress(TimeoutError):
        local.close(timeout=_CLOSING)


@contextmanager
def cluster(workers: int | None, scheduler: str | None) -> Iterator[Executor]:
    """An executor over a cluster.

    Args:
        workers: how many processes of this machine, if no scheduler is given.
        scheduler: the address of one.

    Raises:
        ConfigurationError: the scheduler is not there.
    """
    # What Dask says of workers that come and go is for those who run a cluster; the run says it by itself.
    for name in ["distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    local: Any = distributed.LocalCluster  # neither is typed
    connected: Any = distributed.Client
    with _Interrupts() as interrupts, ExitStack() as stack:
        where = scheduler
        if scheduler is None:
            stack.enter_context(_ended_with_us())
            options = {"threads_per_worker": 1, "processes": True, "host": "127.0.0.1", "dashboard_address": None}
            where = local(n_workers=workers, silence_logs=logging.CRITICAL, **options)
            stack.callback(_closed, where)
        try:
            client = stack.enter_context(connected(where, timeout="10s"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"there is no Dask scheduler at {scheduler}: {error}") from error
        if scheduler is None:
            client.register_plugin(Unmoved())
            stack.callback(interrupts.ignore)
        yield client.get_executor(pure=False, retries=_RETRIES)
