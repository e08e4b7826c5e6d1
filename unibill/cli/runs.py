"""``plan``, ``apply``, ``verify``, ``rollback``, ``status`` and ``copy``: one run in one file."""

from collections.abc import Callable
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from unibill.cli.choices import GuardChoices, PaceChoices, PlanChoices
from unibill.cli.cluster import Detach, Scheduler, Workers
from unibill.cli.grouped import spread
from unibill.cli.options import Config, Json, Run, backend_names

if TYPE_CHECKING:
    from unibill.copying import ApplyOptions, ApplySummary, PlanSummary


class Only(StrEnum):
    """What to take up again."""

    FAILED = "failed"
    UNKNOWN = "unknown"


Source = Annotated[str, typer.Argument(metavar="SRC", help="The backend to copy from.", show_default=False, autocompletion=backend_names)]
Target = Annotated[str, typer.Argument(metavar="DST", help="The backend to copy to.", show_default=False, autocompletion=backend_names)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, and go past the guards, unless guards are given here too.")]
Expect = Annotated[
    str | None,
    typer.Option("--expect", metavar="HASH", help="Apply only the plan with this hash; then nothing is asked.", show_default=False),
]
Canary = Annotated[
    int | None, typer.Option("--canary", min=1, metavar="N", help="Create the first N records, verify them, and stop.", show_default=False)
]
OnlyOption = Annotated[Only | None, typer.Option("--only", help="Take up only what failed, or only what is unknown.", show_default=False)]
FromBackend = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="BACKEND", help="The source's name in unibill.toml, if it is another than when planned.", show_default=False
    ),
]
ToBackend = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="BACKEND", help="The target's name in unibill.toml, if it is another than when planned.", show_default=False
    ),
]


@spread
def plan(
    source: Source,
    target: Target,
    run: Run,
    choices: PlanChoices,
    limits: GuardChoices,
    workers: Workers = None,
    scheduler: Scheduler = None,
    *,
    detach: Detach = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Decide what would become of every record, and write nothing yet.

    Reads both sides and writes to neither. The run file keeps the plan with a hash over everything that apply would do. Exit
    status 1 if records are blocked or in conflict, 4 if a guard would stop apply.
    """
    from unibill import copying
    from unibill.cli import cluster
    from unibill.cli.backends import opened
    from unibill.cli.progress import progress
    from unibill.cli.summaries import print_plan
    from unibill.copying.workers import plan_on

    options = choices.options(limits.guards())
    if cluster.is_spread(workers, scheduler, detach, run):
        with cluster.hands(run, workers, scheduler) as hands, progress(json) as tell:
            pair = cluster.pair(source, target, config)
            planned = plan_on(hands.executor, pair, run, options, tell, workers=hands.workers)
        if planned is None:
            cluster.laid_out(run)
            return
        summary = planned
    else:
        with opened(source, config) as one, opened(target, config) as other, progress(json) as tell:
            summary = copying.plan(one, other, run, options, tell)
    _emit(summary, json, lambda: print_plan(summary))


@spread
def apply(
    run: Run,
    pace: PaceChoices,
    limits: GuardChoices,
    expect: Expect = None,
    canary: Canary = None,
    only: OnlyOption = None,
    source: FromBackend = None,
    target: ToBackend = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    *,
    detach: Detach = False,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Do exactly what the plan says.

    After an interruption, the same command goes on where it ended. Asks first, unless the plan's hash or --yes is given. Exit
    status 1 if some records failed or need a look, 4 if a guard or the plan's hash stopped it.
    """
    from unibill import copying
    from unibill.cli import cluster
    from unibill.cli.credits import declined
    from unibill.cli.progress import progress
    from unibill.cli.summaries import agreed_to_apply, print_apply
    from unibill.copying.workers import apply_on
    from unibill.showing import show

    options = copying.ApplyOptions(
        expect=expect,
        concurrency=pace.concurrency,
        settle=pace.settle,
        canary=canary,
        only=only.value if only else None,
        yes=yes and not limits.given,
        guards=limits.guards() if limits.given else None,
    )
    is_spread = cluster.is_spread(workers, scheduler, detach, run)
    standing = copying.status(run)
    if expect is None and not agreed_to_apply(run, show(target or standing.target), yes=yes, only=options.only, canary=canary):
        declined()
    one, other = source or standing.source, target or standing.target
    if is_spread:
        with cluster.hands(run, workers, scheduler) as hands, progress(json) as tell:
            spread = apply_on(hands.executor, cluster.pair(one, other, config), run, options, tell, workers=hands.workers)
        if spread is None:
            cluster.laid_out(run)
            return
        summary = spread
    else:
        summary = _apply(run, one, other, options, json, config)
    _emit(summary, json, lambda: print_apply(summary), _see("apply", run))


def verify(
    run: Run,
    source: FromBackend = None,
    target: ToBackend = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    *,
    detach: Detach = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Prove that what the target gained is what was carried.

    Reads both sides again. Exit status 1 on any difference.
    """
    from unibill import copying
    from unibill.cli import cluster
    from unibill.cli.backends import opened
    from unibill.cli.progress import progress
    from unibill.cli.summaries import print_verification
    from unibill.copying.workers import verify_on

    standing = copying.status(run)
    names = source or standing.source, target or standing.target
    if cluster.is_spread(workers, scheduler, detach, run):
        with cluster.hands(run, workers, scheduler) as hands, progress(json) as tell:
            spread = verify_on(hands.executor, cluster.pair(*names, config), run, tell, workers=hands.workers)
        if spread is None:
            cluster.laid_out(run)
            return
        found = spread
    else:
        with opened(names[0], config) as one, opened(names[1], config) as other, progress(json) as tell:
            found = copying.verify(one, other, run, tell)
    _emit(found, json, lambda: print_verification(found))


@spread
def rollback(
    run: Run,
    pace: PaceChoices,
    target: ToBackend = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Undo what a run made, and nothing else.

    Newest first. What has been touched since it was made is left alone and named.
    """
    from unibill import copying
    from unibill.cli.backends import opened
    from unibill.cli.credits import declined
    from unibill.cli.progress import progress
    from unibill.cli.summaries import agreed_to_rollback, print_rollback
    from unibill.showing import show

    standing = copying.status(run)
    if not agreed_to_rollback(standing, show(target or standing.target), yes=yes):
        declined()
    with opened(target or standing.target, config) as other, progress(json) as tell:
        summary = copying.rollback(other, run, copying.RollbackOptions(concurrency=pace.concurrency, settle=pace.settle), tell)
    _emit(summary, json, lambda: print_rollback(summary), _see("rollback", run))


def status(
    run: Run,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it until it is done. Ctrl-C ends the view, not the work.")] = False,
    json: Json = False,
) -> None:
    """Tell where a run stands and what to do next."""
    from unibill import copying
    from unibill.cli.output import json_lines
    from unibill.cli.summaries import print_status
    from unibill.cli.watching import watch as watch_run

    if watch and not json:
        watch_run(run)
        return
    with copying.open_run(run) as opened:
        standing, spread = opened.status(), opened.spread()
    if json:
        json_lines([standing.jsonable() | ({} if spread is None else {"spread": spread.jsonable()})])
    else:
        print_status(standing)


@spread
def copy(
    source: Source,
    target: Target,
    run: Run,
    choices: PlanChoices,
    limits: GuardChoices,
    pace: PaceChoices,
    *,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Plan, show the plan, ask, apply, verify."""
    from unibill import copying
    from unibill.cli.backends import opened
    from unibill.cli.credits import declined
    from unibill.cli.output import json_lines, printing
    from unibill.cli.progress import progress
    from unibill.cli.summaries import agreed_to_apply, print_apply, print_plan, print_verification
    from unibill.showing import show

    options = choices.options(limits.guards())
    with opened(source, config) as one, opened(target, config) as other:
        with progress(json) as tell:
            planned = copying.plan(one, other, run, options, tell)
        if not json:
            print_plan(planned, then=False)
        if not agreed_to_apply(run, show(target), yes=yes):
            declined()
    applying = copying.ApplyOptions(expect=planned.hash, concurrency=pace.concurrency, settle=pace.settle, yes=yes and not limits.given)
    applied = _apply(run, source, target, applying, json, config)
    if not json:
        with printing(_see("apply", run), applied.exit_status):
            print_apply(applied)
    if applied.interrupted or applied.stopped:
        if json:
            with printing(_see("apply", run), applied.exit_status):
                json_lines([{"plan": planned.jsonable(), "apply": applied.jsonable(), "verify": None}])
        raise typer.Exit(applied.exit_status)
    with opened(source, config) as one, opened(target, config) as other, progress(json) as tell:
        proof = copying.verify(one, other, run, tell)
    ends = max(_held(planned), applied.exit_status, proof.exit_status)
    with printing(_see("copy", run), ends):
        if json:
            json_lines([{"plan": planned.jsonable(), "apply": applied.jsonable(), "verify": proof.jsonable()}])
        else:
            print_verification(proof)
    raise typer.Exit(ends)


def _apply(run: str, source: str, target: str, options: "ApplyOptions", json: bool, config: Path | None) -> "ApplySummary":
    from unibill import copying
    from unibill.cli.backends import opened
    from unibill.cli.progress import progress

    with opened(source, config) as one, opened(target, config) as other, progress(json) as tell:
        return copying.apply(one, other, run, options, tell)


def _held(planned: "PlanSummary") -> int:
    return 1 if planned.counts.get("blocked", 0) or planned.counts.get("conflict", 0) else 0


def _see(what: str, run: str) -> str:
    from unibill.showing import show

    return f"The {what} has ended; what came of it: unibill status --run {quote(show(run))}"


def _emit(summary: "_Summary", json: bool, tell: Callable[[], None], done: str = "") -> None:
    """Print a summary, and end with its exit status.

    Args:
        summary: what it is.
        json: as JSON.
        tell: prints it for people.
        done: what was written, to be told where the summary cannot be printed.
    """
    from unibill.cli.output import json_lines, printing

    with printing(done, summary.exit_status) if done else nullcontext():
        if json:
            json_lines([summary.jsonable()])
        else:
            tell()
    if summary.exit_status:
        raise typer.Exit(summary.exit_status)


class _Summary(Protocol):
    @property
    def exit_status(self) -> int: ...

    def jsonable(self) -> dict[str, object]: ...
