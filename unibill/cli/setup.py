"""``init`` and ``config show``: a configuration is made, and told."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from unibill.cli import commands
from unibill.cli.options import Config, Json

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from unibill.provider import BackendSettings

_COMMENT: Final = 100
config = commands.group("Look at the configuration.")


@commands.command(config, "show", "unibill config show")
def show_config(*, json: Json = False, config_file: Config = None) -> None:
    """Show the configuration in force, without secrets."""
    from unibill import config as configuration
    from unibill import configfile, plugins
    from unibill.cli.output import fields, heading, json_lines, say
    from unibill.showing import show

    file = configfile.find(config_file)
    backends = configuration.backends(config_file)
    shown = {
        name: {key: _shown(backend.provider, key, value) for key, value in backend.settings.items()} for name, backend in backends.items()
    }
    if json:
        json_lines(
            {"name": name, "provider": plugins.shown_name(backend.provider), "from": backend.source, "settings": shown[name]}
            for name, backend in backends.items()
        )
        return
    say(f"configuration file: {show(str(file)) if file else 'none found'}")
    for name, backend in backends.items():
        heading(f"{show(name)} ({plugins.shown_name(backend.provider)}, from {show(backend.source)})")
        fields((show(key), show(str(value))) for key, value in shown[name].items())
    if not backends:
        say("No backend is configured. `unibill init` writes a unibill.toml by asking.")


def _shown(provider: str, name: str, value: object) -> object:
    """A setting as it may be shown: the place of a secret, never the secret, nor what is refused, which may be one in a wrong place."""
    import math
    import os
    import re
    from decimal import Decimal

    from unibill.config import shown_variable
    from unibill.redact import HIDDEN

    if isinstance(value, dict):
        if "env" in value:
            return f"environment variable {shown_variable(value['env'])} ({'set' if os.environ.get(str(value['env'])) else 'not set'})"
        if "file" in value:
            return f"file {value['file']}"
        if "keyring" in value:
            return f"keyring {value['keyring']}, user {value.get('user', '')}"
        return HIDDEN
    if _is_secret(provider, name):
        return HIDDEN
    if _is_refused(provider, name, value):
        return f"{HIDDEN}, as it is refused; unibill doctor says why"
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(str(value))
    if isinstance(value, (bool, int)):
        return value
    return re.sub(r"[?#].*", f"?{HIDDEN}", re.sub(r"//[^@]*@", f"//{HIDDEN}@", str(value)))


def _is_secret(provider: str, name: str) -> bool:
    """Whether a setting is secret: its provider says so, or does not know it, or cannot be asked."""
    from unibill import plugins
    from unibill.errors import PluginError
    from unibill.provider import holds_secret

    try:
        known = plugins.load(provider).Settings.model_fields.get(name)
    except PluginError:
        return name not in {"account", "base_url", "tenant", "time_zone"}
    return known is None or holds_secret(known)


def _is_refused(provider: str, name: str, value: object) -> bool:
    """Whether a value will not do for its setting, as far as anybody can tell."""
    from unibill import plugins
    from unibill.errors import PluginError
    from unibill.provider import BackendSettings

    try:
        settings = plugins.load(provider).Settings
    except PluginError:
        settings = BackendSettings
    try:
        return bool(_fault_of_setting(settings, name, value))
    except Exception:  # noqa: BLE001 - a stranger's check, of one setting without the others, may raise anything
        return True


def init(
    path: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")] = Path("unibill.toml"),
) -> None:
    """Write a commented unibill.toml by asking.

    Never overwrites a file, and never asks for a secret: the file names environment variables for those.
    """
    import os

    from unibill import installed, plugins
    from unibill.cli.output import command, say
    from unibill.errors import ConfigurationError
    from unibill.showing import show

    if path.exists():
        raise ConfigurationError(f"the file {path} is there already, and init overwrites nothing; edit it, or give --out another name")
    names = [name for name in installed.found() if name not in plugins.broken()]
    if not names:
        raise ConfigurationError("no provider is installed that works; unibill doctor tells more")
    variables: list[str] = []
    try:
        text = "\n".join([_HEAD, *_asked(names, variables)])
    except typer.Abort as ended:
        if isinstance(ended.__context__, EOFError):
            raise ConfigurationError("the input ended before the last question was answered; nothing was written") from None
        raise KeyboardInterrupt from None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(f"the file {path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    say(f"{show(str(path))} is written. Next:")
    for variable in variables:
        command(f"export {variable}=...")
    command("unibill backends --check" if path.name == "unibill.toml" else f"unibill backends --check --config {show(str(path))}")


def _asked(names: list[str], variables: list[str]) -> list[str]:
    """The tables of the backends that somebody wants; adds to ``variables`` the environment variables that they name."""
    from unibill import plugins
    from unibill.cli.output import say
    from unibill.showing import show

    say(f"Providers: {', '.join(f'{show(name)} ({show(plugins.load(name).title)})' for name in names)}")
    parts: list[str] = []
    taken: set[str] = set()
    while True:
        provider = _answer("Which provider", names[0], lambda text: "" if text in names else f"There is no provider {show(text)}.")
        name = _answer("What shall this backend be called", "" if provider in taken else provider, lambda text: _fault_of_name(text, taken))
        taken.add(name)
        parts.append(_table(name, provider, plugins.load(provider).Settings, variables))
        if not typer.confirm("Another backend", default=False):
            return parts


def _answer(question: str, default: str, fault: "Callable[[str], str]") -> str:
    """An answer without a fault; asks until there is one."""
    from unibill.cli.output import YELLOW, say

    while True:
        text: str = typer.prompt(question, default=default or None)
        if not (wrong := fault(text)):
            return text
        say(wrong, YELLOW)


def _fault_of_name(name: str, taken: set[str]) -> str:
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        return "Use letters, digits, - and _."
    return f"{name} is there already; choose another name." if name in taken else ""


_HEAD = """\
# unibill's configuration. A backend is a provider plus its settings, under a name of your choice.
# It is searched from the working directory upwards, then in the user's configuration folder;
# --config FILE and the environment variable UNIBILL_CONFIG override.
#
# A secret is best kept out of this file:
#   { env = "NAME" }                        an environment variable
#   { file = "PATH" }                       a file that only you can read
#   { keyring = "SERVICE", user = "NAME" }  the system's keyring (needs the library keyring)
"""


def _table(name: str, provider: str, settings: "type[BackendSettings]", variables: list[str]) -> str:
    """A backend's table: what is required is asked for; the rest stands as comments with its meaning and its default."""
    from unibill.cli.meanings import meanings
    from unibill.cli.output import DIM, say
    from unibill.provider import BackendSettings, holds_secret
    from unibill.sandbox.toml import quoted
    from unibill.showing import show

    told = meanings(settings)
    shared = set(BackendSettings.model_fields) - {"base_url"}  # what is the vendor's own comes first
    lines = [f"[backends.{name}]", f"provider = {quoted(provider)}"]
    later: list[str] = []
    for key, setting in sorted(settings.model_fields.items(), key=lambda item: item[0] in shared):
        about = _comment(told.get(key, ""))
        if holds_secret(setting):
            variable = f"{name}_{key}".upper().replace("-", "_")
            if not setting.is_required():
                later += ["", *about, f"# {key} = {{ env = {quoted(variable)} }}"]
                continue
            variables.append(variable)
            lines += ["", *about, f"{key} = {{ env = {quoted(variable)} }}"]
        elif setting.is_required():
            if told.get(key):
                say(f"  {show(told[key])}", DIM)
            value = _answer(f"  {key}", "", partial(_fault_of_setting, settings, key))
            lines += ["", *about, f"{key} = {quoted(value)}"]
        else:
            later += ["", *about, f"# {key} = {_default(setting)}"]
    return "\n".join([*lines, "", "# What follows has a default; take away the # before a setting to change it.", *later, ""])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text[:1].upper() + text[1:], _COMMENT)]


def _fault_of_setting(settings: "type[BackendSettings]", key: str, value: object) -> str:
    """What is wrong with one setting, whatever the others are."""
    from pydantic import ValidationError

    from unibill.config import said_of
    from unibill.errors import ConfigurationError
    from unibill.http import check_base_url
    from unibill.showing import show

    try:
        if key == "base_url":
            check_base_url(str(value))
        settings.model_validate({key: value})
    except ConfigurationError as error:
        return f"{show(str(error))}."
    except ValidationError as error:
        faults = [said_of(fault) for fault in error.errors(include_input=False) if fault["loc"] == (key,)]
        return f"{show('; '.join(faults))}." if faults else ""
    return ""


def _default(setting: "FieldInfo") -> str:
    from unibill.sandbox.toml import quoted

    value: Any = setting.default
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "...  # none by default"
    return str(value) if isinstance(value, (int, float)) else quoted(str(value))
