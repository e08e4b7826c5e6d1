"""The commands, put together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from unibill.cli import (
    charges,
    cluster,
    credits,
    demo,
    doctor,
    exporting,
    failing,
    looking,
    output,
    report,
    runs,
    sandboxing,
    scaffold,
    setup,
)
from unibill.cli.options import COPY, RECORDS, SEE, SET_UP
from unibill.showing import show

_RECORDS_AFTER: Final = "explain"


class _Ordered(TyperGroup):
    """Lists records before copies: Typer puts groups last, a newcomer needs them earlier."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # Typer's own Context is the base's, under another name
        names = super().list_commands(ctx)
        groups = ["credits", "charges"]
        place = names.index(_RECORDS_AFTER) + 1
        return [*names[:place], *groups, *(name for name in names[place:] if name not in groups)]

    def make_context(self, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - as of the base
        """Read the words before the command."""
        with _harmless():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as of the base
        """Read the words of the command, and run it."""
        with _harmless():
            return super().invoke(ctx)


@contextmanager
def _harmless() -> Iterator[None]:
    """Make what was typed safe to look at in usage errors, which repeat it, and take what Typer would end silently out of its hands."""
    try:
        yield
    except KeyboardInterrupt:
        raise failing.Interrupted from None
    except BrokenPipeError:
        raise failing.ReaderGone from None
    except Exception as error:
        if callable(told := getattr(error, "format_message", None)):
            said = "\n".join(map(show, str(told()).splitlines()))
            error.format_message = lambda: said  # type: ignore[attr-defined]  # a usage error of Typer's
        raise


app = typer.Typer(
    cls=_Ordered,
    name="unibill",
    help="One facade over the credits, allocations and charges of several billing systems.",
    epilog="Start with: unibill demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cache
def _command() -> Any:  # noqa: ANN401 - Typer ships its Click, and does not tell its types
    """The commands as Click has them, made of ours once a process."""
    command: Any = typer.main.get_command(app)
    _reflow(command)
    return command


def _reflow(command: Any) -> None:  # noqa: ANN401 - as above
    """Let each paragraph of the help fill the terminal: Typer breaks all but the first where the source does."""
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n"))
    for inner in getattr(command, "commands", {}).values():
        _reflow(inner)


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
    output.forget()
    failing.debug(debug)
    output.raise_when_the_reader_goes()
    failing.warn_plainly()
    try:
        _command()(list(arguments), prog_name="unibill")
    except failing.Interrupted:
        raise KeyboardInterrupt from None
    except failing.ReaderGone:
        raise BrokenPipeError from None
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _version(wanted: bool) -> None:
    if wanted:
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


def _add(panel: str, *commands: tuple[str, object, str]) -> None:
    for name, function, example in commands:
        app.command(name, rich_help_panel=panel, epilog=f"Example: {example}", no_args_is_help=False)(function)  # type: ignore[type-var]  # Typer takes any function


_add(
    SEE,
    ("demo", demo.demo, "unibill demo"),
    ("sandbox", sandboxing.sandbox, "unibill sandbox --seed generated:200 --write rehearsal"),
    ("providers", looking.providers, "unibill providers"),
    ("mapping", looking.mapping, "unibill mapping billagain socotra"),
    ("explain", looking.explain, "unibill explain old 10095 --to new"),
)
credits.app.command("export", epilog="Example: unibill credits export old --allocations --out credits.parquet")(exporting.export_credits)
charges.app.command("export", epilog="Example: unibill charges export new --account 01J5V8NM2GSXK6HG42PD5Z1VAE --out charges.csv")(
    exporting.export_charges
)
app.add_typer(credits.app, name="credits", rich_help_panel=RECORDS)
app.add_typer(charges.app, name="charges", rich_help_panel=RECORDS)
_add(
    COPY,
    ("plan", runs.plan, "unibill plan old new --run cutover.run --accounts accounts.csv"),
    ("apply", runs.apply, "unibill apply --run cutover.run --expect HASH"),
    ("verify", runs.verify, "unibill verify --run cutover.run"),
    ("rollback", runs.rollback, "unibill rollback --run cutover.run"),
    ("report", report.report, "unibill report --run cutover.run --out report.html"),
    ("status", runs.status, "unibill status --run cutover.run"),
    ("work", cluster.work, "unibill work --run 'postgresql://db/runs?run=cutover'"),
    ("stop", cluster.stop, "unibill stop --run 'postgresql://db/runs?run=cutover'"),
    ("upgrade", cluster.upgrade, "unibill upgrade --run 'postgresql://db/runs?run=cutover'"),
    ("copy", runs.copy, "unibill copy old new --run whole.run --accounts accounts.csv"),
)
_add(
    SET_UP,
    ("init", setup.init, "unibill init"),
    ("backends", looking.backends, "unibill backends --check"),
    ("doctor", doctor.doctor, "unibill doctor"),
    ("new-provider", scaffold.new_provider, "unibill new-provider acme"),
)
app.add_typer(setup.config, name="config", rich_help_panel=SET_UP)
