"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

SEE = "Look"
RECORDS = "Records"
COPY = "Copy"
SET_UP = "Set up"

Backend: TypeAlias = Annotated[str, typer.Argument(metavar="BACKEND", help="A backend's name in unibill.toml.", show_default=False)]
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file, instead of the one that is found.", show_default=False),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line, with exact digits.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")]
