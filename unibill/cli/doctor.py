"""``doctor``: finding out why an installation does not work."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from unibill.cli.options import Config, Json

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from unibill.config import Backend

_EXTRAS: Final = {
    "cli": "runs, sandboxes and this command line",
    "export": "Parquet files",
    "otel": "spans and metrics",
    "postgresql": "runs that several machines work on",
    "keyring": "secrets written as { keyring = ... }",
}


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong; something is left out that somebody may want."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        check: what was looked at.
        message: what there is; where it is wrong, what to do.
    """

    check: str
    state: State
    message: str


def doctor(*, json: Json = False, config_file: Config = None) -> None:
    """Find out what is wrong with an installation, and what to do.

    Checks libraries, providers, observers and configuration. Sends nothing. Exit status 1 if something is wrong.
    """
    from rich.text import Text

    from unibill.cli.output import GREEN, RED, YELLOW, json_lines, labelled, say
    from unibill.showing import show

    found = [*_installation(), *_plugins(), *_configuration(config_file)]
    wrong = sum(one.state is State.WRONG for one in found)
    if json:
        json_lines({"check": one.check, "state": one.state.value, "message": one.message} for one in found)
    else:
        style = {State.OK: GREEN, State.NOTE: YELLOW, State.WRONG: RED}
        size = max(len(show(one.check)) for one in found)
        for one in found:
            labelled(Text.assemble((f"{one.state:<6}", style[one.state]), f"{show(one.check):<{size}}  "), show(one.message))
        say()
        if wrong:
            say(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong; each line says what to do.", RED)
        else:
            say("Nothing is wrong.", GREEN)
    if wrong:
        raise typer.Exit(1)


def _installation() -> Iterator[Checked]:
    import platform
    import sys
    from importlib.metadata import PackageNotFoundError, distribution

    from unibill import __version__

    place = Path(__file__).parents[1]
    yield Checked("unibill", State.OK, f"{__version__} on Python {platform.python_version()}, {platform.system()}, in {place}")
    try:
        installed = distribution("unibill")
    except PackageNotFoundError:
        yield Checked(
            "distribution", State.WRONG, f"{place} is on the path but not installed, so no provider is found; pip install unibill"
        )
        return
    if installed.version != __version__:
        said = f"the code is {__version__}, what pip knows is {installed.version}; two copies are mixed: pip uninstall unibill until"
        yield Checked("distribution", State.WRONG, f"{said} it says that there is none, then install it again")
    yield from _libraries(installed.requires or [])
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding not in {"utf8", "utf8sig"}:
        yield Checked("terminal", State.NOTE, f"writes {sys.stdout.encoding}, which lacks letters; set PYTHONUTF8=1 to see all of them")


def _libraries(requires: list[str]) -> Iterator[Checked]:
    """What unibill needs of other distributions, and whether it is there, in a version that will do."""
    from packaging.requirements import Requirement

    needed = [Requirement(text) for text in requires]
    core = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    faults = [fault for one in core if (fault := _fault_of(one))]
    if faults:
        yield Checked("libraries", State.WRONG, f"{'; '.join(faults)}; pip install --upgrade unibill")
    else:
        yield Checked("libraries", State.OK, ", ".join(one.name for one in core))
    for extra, what in _EXTRAS.items():
        own = [one for one in needed if one not in core and one.marker is not None and one.marker.evaluate({"extra": extra})]
        faults = [fault for one in own if (fault := _fault_of(one))]
        if own and not faults:
            yield Checked(f"extra {extra}", State.OK, what)
        elif extra == "cli" or any("there is" in fault for fault in faults):
            yield Checked(f"extra {extra}", State.WRONG, f"{'; '.join(faults)}; pip install --upgrade 'unibill[{extra}]'")
        else:
            yield Checked(f"extra {extra}", State.NOTE, f"not installed; for {what}: pip install 'unibill[{extra}]'")


def _fault_of(needed: "Requirement") -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        there = version(needed.name)
    except PackageNotFoundError:
        return f"{needed.name} is not installed"
    return "" if needed.specifier.contains(there, prereleases=True) else f"{needed} is needed, there is {there}"


def _plugins() -> Iterator[Checked]:
    from unibill import installed, plugins
    from unibill.errors import PluginError

    found = installed.found()
    broken = plugins.broken()
    for name, one in found.items():
        if name in broken:
            twice = len(one.points) > 1  # then the message says what to do
            yield Checked(f"provider {name}", State.WRONG, broken[name] if twice else f"{broken[name]}; {_mend(*one.distributions)}")
        else:
            yield Checked(f"provider {name}", State.OK, ", ".join(one.distributions))
    if not found:
        yield Checked("providers", State.WRONG, "none is installed; reinstall unibill, whose wheel brings socotra and billagain")
    try:
        observers = plugins.observers()
    except PluginError as error:
        yield Checked("observers", State.WRONG, f"{error}; update or uninstall what brings it")
    else:
        names = [name for name, _ in observers.list_name_plugin()]
        yield Checked("observers", State.OK, ", ".join(names) or "none is installed")


def _mend(distribution: str) -> str:
    name = distribution.split(" ")[0]
    return f"pip install --upgrade {name}, or pip uninstall {name}"


def _configuration(config_file: Path | None) -> Iterator[Checked]:
    import warnings

    from unibill import config as configuration
    from unibill import configfile
    from unibill.errors import ConfigurationError

    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            file = configfile.find(config_file)
            backends = configuration.backends(config_file)
    except ConfigurationError as error:
        yield Checked("configuration", State.WRONG, str(error))
        return
    if not backends:
        where = f"{file} names none" if file else f"no {configfile.NAME} from {Path.cwd()} upwards"
        yield Checked("configuration", State.NOTE, f"no backend is configured ({where}); unibill init writes one by asking")
        return
    yield Checked("configuration", State.OK, str(file) if file else "from the environment only")
    for warning in warned:
        yield Checked("configuration", State.WRONG, str(warning.message))
    for name in backends:
        yield _backend(name, backends[name])


def _backend(name: str, backend: "Backend") -> Checked:
    from unibill.errors import ConfigurationError
    from unibill.http import Transport

    try:
        provider, settings = backend.load()
        made = provider(settings)
        Transport(name, made.endpoint(), made.settings).close()
    except ConfigurationError as error:
        return Checked(f"backend {name}", State.WRONG, str(error))
    return Checked(f"backend {name}", State.OK, made.identity())
