"""Several workers at one run: ``work``, ``stop``, ``upgrade``, and how ``plan``, ``apply`` and ``verify`` get their workers."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from unibill.cli.options import Config, Json, Run

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from unibill.cli.backends import Pair

WORKERS: Final = "Several workers"
_ON_A_CLUSTER: Final = 256
_ASK_AGAIN: Final = 0.5

Workers: TypeAlias = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=256, rich_help_panel=WORKERS, help="Work in N processes of this machine.", show_default=False),
]
Scheduler: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        rich_help_panel=WORKERS,
        help="Work on the Dask cluster whose scheduler is at this address, such as tcp://10.0.0.5:8786.",
        show_default=False,
    ),
]
Detach: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--detach", rich_help_panel=WORKERS, help="Only lay the work out; do it with 'unibill work', on as many machines as you like."
    ),
]
FromBackend: TypeAlias = Annotated[
    str | None, typer.Option("--from", metavar="BACKEND", help="The source, if it is called otherwise here.", show_default=False)
]
ToBackend: TypeAlias = Annotated[
    str | None, typer.Option("--to", metavar="BACKEND", help="The target, if it is called otherwise here.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Hands:
    """Who does the work.

    Attributes:
        executor: runs the workers; None lays the work out for others.
        workers: how many to ask for.
    """

    executor: "Executor | None"
    workers: int


def is_spread(workers: int | None, scheduler: str | None, detach: bool, run: str) -> bool:
    """Whether several workers were asked for.

    Raises:
        BadParameter: in more than one way.
        ConfigurationError: the run is a file.
    """
    from unibill.copying.workers.working import database_place

    if (workers is not None) + (scheduler is not None) + detach > 1:
        raise typer.BadParameter("give one of --workers, --scheduler and --detach")
    asked = workers is not None or scheduler is not None or detach
    if asked:
        database_place(run)
    return asked


@contextmanager
def hands(run: str, workers: int | None, scheduler: str | None) -> Iterator[Hands]:
    """Workers for a run, as long as the block lasts; a terminal that is lost does not end it.

    Raises:
        ConfigurationError: the libraries are missing, the scheduler is not there, or the run is a file.
    """
    from unibill.copying.workers.working import database_place
    from unibill.errors import ConfigurationError

    place = database_place(run)
    if workers is None and scheduler is None:
        yield Hands(None, 0)
        return
    if scheduler is None and place.url.password:
        # Workers on this machine find the password where libpq looks for it; it is never put into a task.
        os.environ["PGPASSWORD"] = str(place.url.password)
    try:
        from unibill.cli import dask
    except ModuleNotFoundError as error:
        raise ConfigurationError('several workers need more libraries: pip install "unibill[dask]"') from error
    with _steady(), dask.cluster(workers, scheduler) as executor:
        yield Hands(executor, workers or _ON_A_CLUSTER)


@contextmanager
def _steady() -> Iterator[None]:
    """Go on without a terminal if it is lost; a request to terminate stops the workers as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hang_up(number: int, frame: FrameType | None) -> None:
        del number, frame
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    wanted = {signal.SIGTERM: interrupt, **({signal.SIGHUP: hang_up} if hasattr(signal, "SIGHUP") else {})}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pair(source: str, target: str, config: Path | None) -> "Pair":
    """What opens the backends, here and in every worker."""
    from unibill.cli.backends import Pair

    return Pair(source, target, None if config is None else config.resolve())


def laid_out(run: str) -> None:
    """Tell what comes after ``--detach``."""
    from unibill import copying
    from unibill.cli.output import DIM, say
    from unibill.showing import show

    with copying.open_run(run) as opened:
        spread, name = opened.spread(), opened.name
    stage = spread.now if spread is not None else None
    say(f"Laid out in {stage.parts if stage is not None else 0} parts; nothing is done yet. On as many machines as you like:")
    say(f"  unibill work --run {quote(show(name))}", DIM)
    say(f"  unibill status --watch --run {quote(show(name))}", DIM)


def work(run: Run, source: FromBackend = None, target: ToBackend = None, *, config: Config = None) -> None:
    """Work on what is laid out in a run, beside any number of others.

    Ends with 0 when all of it is done, with 130 when it was stopped: by Ctrl-C or a request to terminate, which ends this worker
    after what is under way, or by 'unibill stop', which ends all. A worker that dies leaves its part to the others.
    """
    from unibill import copying
    from unibill.cli.output import DIM, note
    from unibill.copying import workers
    from unibill.showing import show

    standing = copying.status(run)
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    note(f"working on {standing.run}", DIM)
    if not workers.work(run, pair(source or standing.source, target or standing.target, config), stopping):
        with copying.open_run(run) as opened:
            spread = opened.spread()
        if spread is not None and spread.stop:
            note(f"stopped: {show(spread.stop)}; the command that laid it out goes on with what is left", DIM)
        else:
            note("stopped; what is left goes on with 'unibill work', or with the command that laid it out", DIM)
        raise typer.Exit(130)
    note("done", DIM)


def stop(run: Run, *, json: Json = False) -> None:
    """Ask the workers of a run to stop, wherever they are, and wait for them.

    They end after what is under way; the command that laid the work out goes on with the rest.
    """
    from unibill.cli.output import json_lines, say
    from unibill.copying import open_run, workers

    spread = workers.ask_to_stop(run)
    asked = len(spread.workers) if spread is not None else 0
    while spread is not None and any(not worker.lost for worker in spread.workers):
        time.sleep(_ASK_AGAIN)
        with open_run(run) as opened:
            spread = opened.spread()
    if json:
        json_lines([{"stopped": asked, "spread": None if spread is None else spread.jsonable()}])
    else:
        say(f"{asked} workers had something under way, and have stopped.")


def upgrade(run: Run) -> None:
    """Bring the tables of a run in a database up to this version of unibill.

    Nobody may be working on it. A run file needs no upgrade: it is worked on by the version that made it.
    """
    from contextlib import closing

    from unibill.cli.output import say
    from unibill.copying.postgresql import PostgreSQL
    from unibill.copying.workers.working import database_place

    with closing(PostgreSQL(database_place(run))) as database:
        before, after = database.upgrade()
        say(f"{database.name} was at version {before}, and is at {after}.")
