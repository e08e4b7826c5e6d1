"""What commands and groups are made of, on top of Typer: help of our own, and commands that are imported when they are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

F = TypeVar("F", bound=Callable[..., None])


class Interrupted(Exception):
    """Ctrl-C, on its way past Typer, which would say nothing."""


class ReaderGone(Exception):
    """The output goes nowhere any more; on its way past Typer, which would end with status 1."""


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer ships its Click, and does not tell its types
        """What it takes."""
        return _quick(super().get_params(ctx), ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as above
        """What follows the name in the line of usage."""
        return _usage(self, ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the help."""
        _write_help(self, ctx, formatter)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Run it."""
        from unibill.cli import failing

        failing.begin(debug=bool(ctx.obj))
        return super().invoke(ctx)


class Group(TyperGroup):
    """A group of commands."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - as above
        """What it takes."""
        return _quick(super().get_params(ctx), ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as above
        """What follows the name in the line of usage."""
        return [*_usage(self, ctx), "COMMAND ..."]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the help."""
        _write_help(self, ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Read the words of the group itself; show help where there are none."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), color=ctx.color)
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def listing(self, ctx: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - as above
        """The commands for help: where each stands, its name, what it does."""
        from unibill.cli.helping import paragraphs

        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            yield command.rich_help_panel or "", name, paragraphs(command.help)[0]


class Listed(NamedTuple):
    """A command that is known by name before it is imported.

    Attributes:
        name: as it is typed.
        panel: the heading it stands under in the help.
        says: the first paragraph of its help.
        place: its module below ``unibill.cli`` and its name there, a function's or a group's: ``runs:plan``.
        example: a line that shows its use; empty for a group, whose commands have their own.
    """

    name: str
    panel: str
    says: str
    place: str
    example: str = ""


class Root(Group):
    """A group of commands that are imported when they are asked for, and not to be listed or completed.

    Attributes:
        listed: the commands, in order; set by a subclass.
    """

    listed: Sequence[Listed] = ()

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - as of the base
        super().__init__(**{**settings, "commands": _Imported(self.listed)})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as above
        """The names of the commands."""
        del ctx
        return [entry.name for entry in self.listed]

    def listing(self, ctx: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - as above
        """The commands for help: where each stands, its name, what it does."""
        del ctx
        for entry in self.listed:
            yield entry.panel, entry.name, entry.says

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:  # noqa: ANN401 - as above
        """What a word may become: a command, or an option."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        core: Any = import_module("typer.core")  # which does not tell that it has Click's class
        return [core.CompletionItem(entry.name, help=entry.says) for entry in self.listed if entry.name.startswith(incomplete)]

    def make_context(self, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - as of the base
        """Read the words before the command."""
        with _past_typer():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Read the words of the command, and run it."""
        with _past_typer():
            return super().invoke(ctx)


class _Imported(Mapping[str, Any]):
    """Commands by name, each imported when it is taken."""

    def __init__(self, listed: Sequence[Listed]) -> None:
        self._listed = {entry.name: entry for entry in listed}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - Typer ships its Click, and does not tell its types
        if name not in self._made:
            self._made[name] = _made(self._listed[name])
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._listed

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)


def group(says: str) -> typer.Typer:
    """A group of commands.

    Args:
        says: what they do, in a sentence.
    """
    return typer.Typer(cls=Group, help=says, add_completion=False, rich_markup_mode=None)


def command(app: typer.Typer, name: str, example: str, panel: str | None = None) -> Callable[[F], F]:
    """Make a function a command of a group.

    Args:
        app: the group.
        name: as it is typed.
        example: a line that shows its use.
        panel: the heading it stands under in the help of its group.
    """
    return app.command(name, cls=Command, epilog=f"Example: {example}", rich_help_panel=panel)


def _made(entry: Listed) -> Any:  # noqa: ANN401 - as above
    module, _, name = entry.place.partition(":")
    found = getattr(import_module(f"unibill.cli.{module}"), name)
    if isinstance(found, typer.Typer):
        made: Any = typer.main.get_group(found)
        made.name, made.rich_help_panel = entry.name, entry.panel
        return made
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    command(alone, entry.name, entry.example, entry.panel)(found)
    return typer.main.get_command(alone)


def _quick(parameters: list[Any], ctx: Any) -> list[Any]:  # noqa: ANN401 - as above
    """Spare Typer what it would load Pydantic for: flags that are nothing but asked for, and values while a shell asks what may follow."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and not parameter.expose_value and parameter.default is None:
            parameter.default = False
        if ctx.resilient_parsing:
            parameter.get_runtime_param = _AsTyped
        else:
            vars(parameter).pop("get_runtime_param", None)
    return parameters


class _AsTyped:
    """Takes a value as it was typed."""

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - as above
        del param, ctx
        return value


def _usage(command: Any, ctx: Any) -> list[str]:  # noqa: ANN401 - as above
    from unibill.cli.helping import argument

    arguments = [parameter for parameter in command.get_params(ctx) if parameter.param_type_name == "argument"]
    return ["[OPTIONS]", *(argument(one) if one.required else f"[{argument(one)}]" for one in arguments)]


def _write_help(command: Any, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
    from unibill.cli import helping

    ctx.color = helping.is_coloured()
    formatter.write(helping.page(command, ctx))


@contextmanager
def _past_typer() -> Iterator[None]:
    """Take what Typer would end silently out of its hands."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None
    except BrokenPipeError:
        raise ReaderGone from None
