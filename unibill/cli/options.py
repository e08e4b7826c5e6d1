"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer


def backend_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The configured backends that begin so, for shell completion: reads the configuration and imports no provider."""
    import os

    from unibill import configfile
    from unibill.errors import UnibillError

    named = ctx.params.get("config") or ctx.params.get("config_file")
    try:
        file = configfile.find(Path(named) if named else None)
        names = configfile.overridden({} if file is None else configfile.read(file), os.environ)
    except (UnibillError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def system_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Backends, and providers for commands that take either."""
    from unibill import installed

    return sorted({*backend_names(ctx, incomplete), *(name for name in installed.found() if name.startswith(incomplete))})


Backend: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="BACKEND", help="A backend's name in unibill.toml.", show_default=False, autocompletion=backend_names),
]
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file, instead of the one that is found.", show_default=False),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line, with exact digits.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")]


def _kept_quiet(run: str) -> str:
    """Keep the credentials of a run's address out of everything that is shown."""
    if "://" in run:
        from unibill.cli import failing
        from unibill.copying.place import DatabasePlace, locate

        place = locate(run)
        if isinstance(place, DatabasePlace):
            failing.keep_secret(place.secrets)
    return run


Run: TypeAlias = Annotated[
    str,
    typer.Option(
        "--run",
        metavar="FILE|ADDRESS",
        envvar="UNIBILL_RUN",
        callback=_kept_quiet,
        help="The run: plan, journal and proof in one file, or in a database at postgresql://USER@HOST/DATABASE?run=NAME.",
        show_default=False,
        show_envvar=False,
    ),
]
