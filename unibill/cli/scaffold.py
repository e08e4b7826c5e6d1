"""``unibill new-provider``: a small provider that works, for its author to change into the vendor's."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final

import typer

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST: Final = 30
_SUFFIX: Final = ".template"
_TOKEN: Final = re.compile(r"@(\w+)@")


def project(name: str) -> dict[str, str]:
    """The files of a new provider's distribution.

    Args:
        name: the provider's name: small letters and digits, words separated by single hyphens.

    Returns:
        Texts by path, relative and with slashes.

    Raises:
        ConfigurationError: the name cannot be one.
    """
    _check(name)
    words = _words(name)
    return {
        _filled(path.removesuffix(_SUFFIX), words): _filled(template.read_text("utf-8"), words)
        for path, template in _templates(files("unibill.cli") / "template")
    }


def new_provider(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The provider's name, such as acme.", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="The folder to make; unibill-NAME if left out.", show_default=False),
    ] = None,
) -> None:
    """Write a small provider that works, to be changed into your vendor's.

    A distribution of its own: typed, with a local sandbox, and with tests that it passes. Overwrites nothing.
    """
    from unibill.cli.output import command, say
    from unibill.errors import ConfigurationError
    from unibill.showing import show

    made = project(name)
    place = folder or Path(f"unibill-{name}")
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise ConfigurationError(f"the folder {place} is there already, and new-provider overwrites nothing; give --dir another folder")
        for path, text in made.items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
    except OSError as error:
        raise ConfigurationError(f"the file {error.filename or place} cannot be written: {error.strerror}") from error
    say(f"{show(str(place))} is written: a provider for a made-up API, to be changed into your vendor's. Try it:")
    for line in (f"cd {show(str(place))}", "pip install -e '.[test]'", "pytest", "unibill providers"):
        command(line)
    say("Its README.md says what to change first; docs/write-a-provider.md of unibill leads through an example.")


def _check(name: str) -> None:
    from unibill import installed
    from unibill.errors import ConfigurationError

    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ConfigurationError(
            f"{name!r} cannot be a provider's name; use small letters and digits, words separated by single hyphens, at most {_LONGEST}, a letter first"
        )
    if name in (providers := installed.found()):
        owner = ", ".join(providers[name].distributions)
        raise ConfigurationError(f"there is a provider {name!r} already, of {owner}; names are unique, so choose another")


def _words(name: str) -> dict[str, str]:
    parts = name.split("-")
    return {
        "name": name,
        "NAME": "_".join(parts).upper(),
        "ident": "_".join(parts),
        "package": f"unibill_{'_'.join(parts)}",
        "distribution": f"unibill-{name}",
        "Class": "".join(part.capitalize() for part in parts),
        "Title": " ".join(part.capitalize() for part in parts),
    }


def _filled(text: str, words: dict[str, str]) -> str:
    return _TOKEN.sub(lambda token: words[token.group(1)], text)


def _templates(folder: Traversable, above: str = "") -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = above + entry.name
        if entry.is_dir():
            found += _templates(entry, f"{path}/")
        elif entry.name.endswith(_SUFFIX):
            found.append((path, entry))
    return found
