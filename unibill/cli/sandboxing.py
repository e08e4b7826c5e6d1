"""``unibill sandbox``: the bundled sandboxes on a loopback port, until they are stopped."""

import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from unibill.cli.options import Json

if TYPE_CHECKING:
    from unibill.cli.cast import Cast
    from unibill.sandbox import Sandbox


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 takes a free one.")] = 0,
    db: Annotated[Path | None, typer.Option("--db", metavar="FILE", help="Keep the state in this SQLite file.", show_default=False)] = None,
    seed: Annotated[
        str | None,
        typer.Option(
            metavar="SEED",
            help="documented (what the vendors' pages print; the default), generated:N (N credits each), none, or a JSON file of books.",
            show_default=False,
        ),
    ] = None,
    random_seed: Annotated[int, typer.Option(help="The same number generates the same records.")] = 0,
    write: Annotated[
        Path | None,
        typer.Option(
            "--write",
            metavar="DIR",
            help="Write unibill.toml and maps there, ready for plan and apply: accounts.csv and invoices.csv for billagain to socotra, "
            "accounts-back.csv and invoices-back.csv for the way back. Adds an empty twin of every account to the other system, and lets "
            "BillAgain accept credit notes without allocations.",
            show_default=False,
        ),
    ] = None,
    number: Annotated[
        int,
        typer.Option(
            min=1,
            max=99,
            help="Be the N-th system of each vendor, with a tenant or account of its own, so that two sandboxes can be copied between. With "
            "--write, its backends are added to the unibill.toml there as socotra2 and so on, and no maps are written.",
        ),
    ] = 1,
    switch: Annotated[
        list[str] | None,
        typer.Option(
            "--switch",
            metavar="SYSTEM.NAME=VALUE",
            help="Change what a sandbox assumes where its vendor's documents are silent.",
            show_default=False,
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Serve local sandboxes of the vendors until Ctrl-C.

    They answer on 127.0.0.1 only. With --json, the first line is one JSON object that tells a program where they are. Under
    /_sandbox/ there are routes to inject faults, reset, seed, and read the books.
    """
    from unibill.cli import cast as roles
    from unibill.cli.progress import working
    from unibill.errors import ConfigurationError
    from unibill.sandbox import Sandbox

    if write is not None:
        _refuse_others(write, number)
    signal.signal(signal.SIGTERM, _end)
    switches = _switches(switch, roles.ACCEPTING if write else {})
    filled = db is not None and db.exists()
    try:
        with Sandbox(_systems(number), db, switches) as hosted:
            if seed is not None or not filled:
                with working("filling the sandboxes"):
                    _seed(hosted, seed or "documented", random_seed)
            made = roles.add_twins(hosted, hosted, invoices=True) if write is not None and number == 1 else None

            def ready(url: str) -> None:
                if write is not None:
                    _write(write, hosted, url, made, number)
                _tell(hosted, url, write if number == 1 else None, json)

            hosted.run(port, ready)
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"the sandbox cannot start: {error}") from error
    except KeyboardInterrupt:
        return


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _systems(number: int) -> "dict[str, Any]":
    """The n-th sandboxes of every provider that has some and works."""
    from unibill import installed, plugins

    broken = plugins.broken()
    systems = [plugins.load(name).sandbox() for name in installed.found() if name not in broken]
    return {system.name: system.numbered(number) for system in systems if system is not None}


def _switches(texts: list[str] | None, defaults: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    switches = {system: dict(values) for system, values in defaults.items()}
    for text in texts or ():
        place, equals, value = text.partition("=")
        system, dot, name = place.partition(".")
        if not (equals and dot and name):
            raise typer.BadParameter(f"{text!r} is not SYSTEM.NAME=VALUE, such as billagain.empty-allocations=accept")
        switches.setdefault(system, {})[name] = value
    return switches


def _seed(hosted: "Sandbox", seed: str, random_seed: int) -> None:
    kind, _, count = seed.partition(":")
    if kind == "documented" and not count:
        hosted.seed("documented")
    elif kind == "generated" and count.isascii() and count.isdigit() and int(count):
        hosted.seed("generated", int(count), random_seed)
    elif seed != "none":
        hosted.seed("records", records=_records(Path(seed)))


def _records(path: Path) -> list[dict[str, object]]:
    """The rows of a JSON array, or of JSON Lines as ``/_sandbox/books`` gives them."""
    from unibill.errors import ConfigurationError
    from unibill.exactjson import loads

    if not path.is_file():
        raise ConfigurationError(f"--seed takes documented, generated:N, none, or a file; there is no file {path}")
    text = path.read_text("utf-8-sig").strip()
    rows = loads(text) if text.startswith("[") else [loads(line) for line in text.splitlines() if line.strip()]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[object]", rows)):
        raise ConfigurationError(f"the file {path} is neither a JSON array of objects nor JSON Lines")
    return cast("list[dict[str, object]]", rows)


def _tell(hosted: "Sandbox", url: str, folder: Path | None, json: bool) -> None:
    import sys

    from unibill.cli.output import DIM, command, fields, heading, say
    from unibill.exactjson import dumps
    from unibill.showing import show

    backends = hosted.backends(url)
    if json:
        sys.stdout.write(dumps(backends).decode() + "\n")
    else:
        say(f"The sandboxes listen on {url}; Ctrl-C ends them.")
        for name, settings in backends.items():
            if isinstance(settings, dict):
                heading(name)
                fields((str(key), show(str(value))) for key, value in settings.items())
        say()
        say("The credentials are the sandbox's own and open nothing else.", DIM)
        if folder is not None:
            say(f"{show(str(folder))} holds unibill.toml and the maps. In that folder, try:")
            command("unibill copy billagain socotra --run forth.run --accounts accounts.csv")
            command("unibill copy socotra billagain --run back.run --accounts accounts-back.csv")
    sys.stdout.flush()


def _refuse_others(folder: Path, number: int) -> None:
    from unibill.cli.cast import MAPS
    from unibill.cli.files import refuse_others

    if number == 1:  # another's backends are added to what is there, and replace nothing
        refuse_others(folder, MAPS)


def _write(folder: Path, hosted: "Sandbox", url: str, made: "Cast | None", number: int) -> None:
    from unibill.cli.files import add_to_config, write_config

    folder.mkdir(parents=True, exist_ok=True)
    if made is None:
        add_to_config(folder / "unibill.toml", hosted, url, number)
    else:
        write_config(folder / "unibill.toml", hosted, url)
        made.write(folder)
