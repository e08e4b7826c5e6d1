"""The commands, put together. None is imported before it is asked for, so that help and completion start fast."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Final

import typer

from unibill.cli.commands import Interrupted, Listed, ReaderGone, Root

_SEE: Final = "Look"
_RECORDS: Final = "Records"
_COPY: Final = "Copy"
_SET_UP: Final = "Set up"


class _Unibill(Root):
    """All commands."""

    listed = (
        Listed("demo", _SEE, "See it work: both sandboxes, a copy each way, proof.", "demo:demo", "unibill demo"),
        Listed(
            "sandbox",
            _SEE,
            "Serve local sandboxes of the vendors until Ctrl-C.",
            "sandboxing:sandbox",
            "unibill sandbox --seed generated:200 --write rehearsal",
        ),
        Listed(
            "providers",
            _SEE,
            "List the installed providers, whether they work, and what their claims rest on.",
            "looking:providers",
            "unibill providers",
        ),
        Listed("mapping", _SEE, "Show what is lost between two providers.", "looking:mapping", "unibill mapping billagain socotra"),
        Listed("explain", _SEE, "Show what a credit would be at another backend.", "looking:explain", "unibill explain old 10095 --to new"),
        Listed("credits", _RECORDS, "Read and write credits of a backend.", "credits:app"),
        Listed("charges", _RECORDS, "Read and write charges of a backend.", "charges:app"),
        Listed(
            "plan",
            _COPY,
            "Decide what would become of every record, and write nothing yet.",
            "runs:plan",
            "unibill plan old new --run cutover.run --accounts accounts.csv",
        ),
        Listed("apply", _COPY, "Do exactly what the plan says.", "runs:apply", "unibill apply --run cutover.run --expect HASH"),
        Listed(
            "verify", _COPY, "Prove that what the target gained is what was carried.", "runs:verify", "unibill verify --run cutover.run"
        ),
        Listed("rollback", _COPY, "Undo what a run made, and nothing else.", "runs:rollback", "unibill rollback --run cutover.run"),
        Listed(
            "report",
            _COPY,
            "Say what a run did, as one page that can be signed.",
            "report:report",
            "unibill report --run cutover.run --out report.html",
        ),
        Listed("status", _COPY, "Tell where a run stands and what to do next.", "runs:status", "unibill status --run cutover.run"),
        Listed(
            "work",
            _COPY,
            "Work on what is laid out in a run, beside any number of others.",
            "cluster:work",
            "unibill work --run 'postgresql://db/runs?run=cutover'",
        ),
        Listed(
            "stop",
            _COPY,
            "Ask the workers of a run to stop, wherever they are, and wait for them.",
            "cluster:stop",
            "unibill stop --run 'postgresql://db/runs?run=cutover'",
        ),
        Listed(
            "upgrade",
            _COPY,
            "Bring the tables of a run in a database up to this version of unibill.",
            "cluster:upgrade",
            "unibill upgrade --run 'postgresql://db/runs?run=cutover'",
        ),
        Listed(
            "copy",
            _COPY,
            "Plan, show the plan, ask, apply, verify.",
            "runs:copy",
            "unibill copy old new --run whole.run --accounts accounts.csv",
        ),
        Listed("init", _SET_UP, "Write a commented unibill.toml by asking.", "setup:init", "unibill init"),
        Listed(
            "backends",
            _SET_UP,
            "List the configured backends, and check their credentials.",
            "looking:backends",
            "unibill backends --check",
        ),
        Listed("doctor", _SET_UP, "Find out what is wrong with an installation, and what to do.", "doctor:doctor", "unibill doctor"),
        Listed(
            "new-provider",
            _SET_UP,
            "Write a small provider that works, to be changed into your vendor's.",
            "scaffold:new_provider",
            "unibill new-provider acme",
        ),
        Listed("config", _SET_UP, "Look at the configuration.", "setup:config"),
    )


app = typer.Typer(
    cls=_Unibill,
    name="unibill",
    epilog="Start with: unibill demo",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@cache
def _command() -> Any:  # noqa: ANN401 - Typer ships its Click, and does not tell its types
    """The commands as Click has them, made of ours once a process."""
    return typer.main.get_command(app)


def run(arguments: Sequence[str], *, debug: bool = False) -> int:
    """Run a command.

    Args:
        arguments: the words of the command line.
        debug: show every request, and where an error came from.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        BrokenPipeError: whoever read the output has gone.
        Exception: whatever the command raises; usage errors are told here.
    """
    try:
        status = _command().main(list(arguments), prog_name="unibill", standalone_mode=False, obj=debug)
    except Interrupted:
        raise KeyboardInterrupt from None
    except ReaderGone:
        raise BrokenPipeError from None
    except SystemExit as ended:  # shell completion ends so
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception as error:
        if not callable(getattr(error, "format_message", None)):
            raise
        from unibill.cli import failing

        failing.begin(debug=debug)
        return failing.misused(error)
    return status or 0


def _version(wanted: bool) -> None:
    if wanted:
        from unibill.cli import looking

        looking.version()
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the versions of unibill and its providers.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show every request, and where an error came from; may stand anywhere. Or set UNIBILL_DEBUG.")
    ] = False,
) -> None:
    """One facade over the credits, allocations and charges of several billing systems."""
    del version, debug
