"""``status --watch``: one view of a run, whoever works on it, until there is nothing left to watch."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from unibill.cli.output import DIM, YELLOW, note, out, say
from unibill.cli.summaries import print_status, so_far
from unibill.showing import show

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.style import Style

    from unibill.copying import Run
    from unibill.copying.workers import Spread, StageProgress

_EVERY_SECONDS: Final = 2.0
_LINES_EVERY_SECONDS: Final = 10.0
_MOVING: Final = frozenset({"planning", "applying", "rolling back"})
_AROUND: Final = 8
"""Lines of the view that are neither a stage nor a worker: two heads, an empty one, how far it is and why it stops in two each, the cursor's."""


def watch(run: str) -> None:
    """Show a run until it is done; Ctrl-C ends the view and nothing else."""
    from unibill.copying import open_run

    with open_run(run) as opened:
        try:
            if opened.spread() is None:
                _alone(opened)
            elif out().is_terminal:
                _on_terminal(opened)
            else:
                _in_lines(opened)
        except KeyboardInterrupt:
            note("The view was closed; whoever works on the run goes on.", DIM)
            return
        print_status(opened.status())


def _alone(run: "Run") -> None:
    """A run that one process works on, if any: a line whenever something has changed."""
    before = ""
    while True:
        standing = run.status()
        counts = ", ".join(f"{count} {state}" for state, count in so_far(standing).items() if count) or "nothing yet"
        if (now := f"{standing.phase}: {counts}") != before:
            say(show(now))
        before = now
        if standing.phase not in _MOVING:
            return
        time.sleep(_EVERY_SECONDS)


def _on_terminal(run: "Run") -> None:
    from rich.live import Live

    pace = Pace()
    with Live(console=out(), auto_refresh=False) as live:
        while (spread := run.spread()) is not None:
            live.update(view(spread, pace, out().height), refresh=True)
            if spread.now is None or _stopped(spread):
                return
            time.sleep(_EVERY_SECONDS)


def _in_lines(run: "Run") -> None:
    pace = Pace()
    while (spread := run.spread()) is not None:
        stage = spread.now
        if stage is None:
            return
        why = f", {_stopping(spread)}" if spread.stop else ""
        say(show(f"{stage.stage}: {_part(stage)}, {_many(len(spread.workers), 'worker')}{pace.tell(stage)}{why}"))
        if _stopped(spread):
            return
        time.sleep(_LINES_EVERY_SECONDS)


class Pace:
    """How fast a stage goes, from one look to the next."""

    def __init__(self) -> None:
        self._stage = ""
        self._began = 0.0
        self._done = 0

    def tell(self, stage: "StageProgress") -> str:
        """``, 120 a second, 0:03:20 left``; nothing where nothing can be said yet."""
        now = time.monotonic()
        if stage.stage != self._stage:
            self._stage, self._began, self._done = stage.stage, now, stage.done
        done, seconds = stage.done - self._done, now - self._began
        if done <= 0 or seconds <= 0:
            return ""
        left = timedelta(seconds=round((stage.records - stage.done) * seconds / done))
        speed = f"{done / seconds:.0f} a second" if done >= seconds else f"{60 * done / seconds:.0f} a minute"
        return f", {speed}, {left} left"


def view(spread: "Spread", pace: Pace, height: int) -> "RenderableType":
    """The whole view, for a terminal of so many lines: what does not fit is counted."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    stages = Table(box=None, pad_edge=False, header_style=DIM)
    for title in ("stage", "parts", "done"):
        stages.add_column(title, justify="left" if title == "stage" else "right")
    for stage in spread.stages:
        stages.add_row(stage.stage, f"{stage.parts_done} of {stage.parts}", f"{stage.done} of {stage.records}")
    lines: list[RenderableType] = [stages]
    if spread.now is None:
        return Group(*lines)

    def line(said: str, style: "Style | str" = "") -> Text:
        return Text(said, style, overflow="fold", no_wrap=False)

    lines += [Text(), line(f"{spread.now.stage}: {_part(spread.now)}{pace.tell(spread.now)}")]
    if spread.stop:
        lines.append(line(_stopping(spread), YELLOW))
    elif not spread.workers:
        lines.append(line("Nobody is at work: start 'unibill work', or the command that laid it out.", YELLOW))
    if not spread.workers:
        return Group(*lines)
    workers = Table(box=None, pad_edge=False, header_style=DIM)
    workers.add_column("worker", overflow="ellipsis")
    for title in ("at", "done", "heard of"):
        workers.add_column(title, no_wrap=True)
    room = max(1, height - len(spread.stages) - _AROUND)
    shown = spread.workers if len(spread.workers) <= room else spread.workers[: room - 1]
    for worker in shown:
        heard = "not any more" if worker.lost else f"{worker.seconds} s ago"
        workers.add_row(show(worker.worker), f"{worker.stage} {worker.part}", f"{worker.done} of {worker.records}", heard)
    lines.append(workers)
    if hidden := len(spread.workers) - len(shown):
        lines.append(Text(f"... {hidden} more", DIM))
    return Group(*lines)


def _part(stage: "StageProgress") -> str:
    return f"{stage.parts_done} of {_many(stage.parts, 'part')}, {stage.done} of {stage.records}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _stopped(spread: "Spread") -> bool:
    """Whether the workers were asked to stop, and have."""
    return bool(spread.stop) and all(worker.lost for worker in spread.workers)


def _stopping(spread: "Spread") -> str:
    said = show(spread.stop)
    return f"stopped: {said}; the command that laid it out goes on" if _stopped(spread) else f"stopping: {said}"
