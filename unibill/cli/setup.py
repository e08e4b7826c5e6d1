"""``init``, ``config show`` and ``doctor``: getting a machine ready, and finding out why it is not."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unibill.cli.options import Config, Json

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from unibill.provider import BackendSettings

config = typer.Typer(help="Look at the configuration.", no_args_is_help=True)


@config.command("show", epilog="Example: unibill config show")
def show_config(*, json: Json = False, config_file: Config = None) -> None:
    """Show the configuration in force, without secrets."""
    from unibill import config as configuration
    from unibill.cli.output import fields, heading, json_lines, say
    from unibill.showing import show

    file = configuration.find_file(config_file)
    backends = configuration.backends(config_file)
    shown = {
        name: {key: _shown(backend.provider, key, value) for key, value in backend.settings.items()} for name, backend in backends.items()
    }
    if json:
        json_lines(
            {"name": name, "provider": backend.provider, "from": backend.source, "settings": shown[name]}
            for name, backend in backends.items()
        )
        return
    say(f"configuration file: {show(str(file)) if file else 'none found'}")
    for name, backend in backends.items():
        heading(f"{show(name)} ({show(backend.provider)}, from {show(backend.source)})")
        fields((show(key), show(str(value))) for key, value in shown[name].items())
    if not backends:
        say("No backend is configured. `unibill init` writes a unibill.toml by asking.")


def _shown(provider: str, name: str, value: object) -> object:
    """A setting as it may be shown: the place of a secret, never the secret."""
    import math
    import os
    import re
    from decimal import Decimal

    from unibill.redact import HIDDEN

    if isinstance(value, dict):
        if "env" in value:
            return f"environment variable {value['env']} ({'set' if os.environ.get(str(value['env'])) else 'not set'})"
        if "file" in value:
            return f"file {value['file']}"
        if "keyring" in value:
            return f"keyring {value['keyring']}, user {value.get('user', '')}"
        return HIDDEN
    if _is_secret(provider, name):
        return HIDDEN
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(str(value))
    if isinstance(value, (bool, int)):
        return value
    return re.sub(r"[?#].*", f"?{HIDDEN}", re.sub(r"//[^/@]*@", f"//{HIDDEN}@", str(value)))


def _is_secret(provider: str, name: str) -> bool:
    """Whether a setting is secret: its provider says so, or does not know it, or cannot be asked."""
    from unibill import plugins
    from unibill.errors import PluginError

    try:
        known = plugins.load(provider).Settings.model_fields.get(name)
    except PluginError:
        return name not in {"account", "base_url", "tenant", "time_zone"}
    return known is None or _holds_secret(known)


def _holds_secret(setting: "FieldInfo") -> bool:
    from pydantic import SecretStr

    return setting.annotation is SecretStr


def doctor(*, json: Json = False, config_file: Config = None) -> None:
    """Find out what is wrong with an installation, and what to do.

    Checks libraries, providers and configuration. Sends nothing. Exit status 1 if something is wrong.
    """
    from rich.text import Text

    from unibill.cli.output import GREEN, RED, YELLOW, json_lines, out, say
    from unibill.showing import show

    findings = [*_installation(), *_plugins(), *_configuration(config_file)]
    if json:
        json_lines({"check": check, "state": state, "message": message} for check, state, message in findings)
    else:
        style = {"ok": GREEN, "note": YELLOW, "wrong": RED}
        size = max(len(check) for check, _, _ in findings)
        for check, state, message in findings:
            out().print(Text.assemble((f"{state:<6}", style[state]), f"{show(check):<{size}}  {show(message)}"))
        wrong = sum(state == "wrong" for _, state, _ in findings)
        say()
        say("Nothing is wrong." if not wrong else f"{wrong} things are wrong; each line says what to do.", GREEN if not wrong else RED)
    if any(state == "wrong" for _, state, _ in findings):
        raise typer.Exit(1)


def _installation() -> list[tuple[str, str, str]]:
    import platform
    from importlib.util import find_spec

    from unibill import __version__

    findings = [("unibill", "ok", f"{__version__} on Python {platform.python_version()}, {platform.system()}")]
    needed = {"rich": "cli", "sqlalchemy": "cli", "starlette": "cli", "typer": "cli", "uvicorn": "cli"}
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        findings.append(("extra cli", "wrong", f"not installed: {', '.join(missing)}; pip install 'unibill[cli]'"))
    else:
        findings.append(("extra cli", "ok", "runs, sandboxes and this command line"))
    if find_spec("keyring") is None:
        findings.append(("keyring", "note", "not installed; needed only for secrets written as { keyring = ... }"))
    return findings


def _plugins() -> list[tuple[str, str, str]]:
    from unibill import plugins
    from unibill.errors import PluginError

    found = plugins.found()
    broken = plugins.broken()
    findings = [
        (f"provider {name}", "wrong" if name in broken else "ok", broken.get(name) or ", ".join(one.distributions))
        for name, one in found.items()
    ]
    if not found:
        findings.append(("providers", "wrong", "none is installed; reinstall unibill, whose wheel brings socotra and billagain"))
    try:
        plugins.observers()
    except PluginError as error:
        findings.append(("observers", "wrong", str(error)))
    return findings


def _configuration(config_file: Path | None) -> list[tuple[str, str, str]]:
    from unibill import config as configuration
    from unibill.errors import ConfigurationError

    try:
        file = configuration.find_file(config_file)
        backends = configuration.backends(config_file)
    except ConfigurationError as error:
        return [("configuration", "wrong", str(error))]
    if not backends:
        return [("configuration", "note", "no backend is configured; unibill init writes a unibill.toml by asking")]
    findings = [("configuration", "ok", str(file) if file else "from the environment only")]
    for name, backend in backends.items():
        try:
            provider, settings = backend.load()
            findings.append((f"backend {name}", "ok", provider(settings).identity()))
        except ConfigurationError as error:
            findings.append((f"backend {name}", "wrong", str(error)))
    return findings


def init(
    path: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")] = Path("unibill.toml"),
) -> None:
    """Write a commented unibill.toml by asking.

    Never overwrites a file, and never asks for a secret: the file names environment variables for those.
    """
    import os

    from unibill import plugins
    from unibill.cli.output import say
    from unibill.errors import ConfigurationError
    from unibill.showing import show

    if path.exists():
        raise ConfigurationError(f"{path} is there already, and init overwrites nothing; edit it, or give --out another name")
    names = [name for name in plugins.found() if name not in plugins.broken()]
    if not names:
        raise ConfigurationError("no provider is installed that works; unibill doctor tells more")
    try:
        text = "\n".join([_HEAD, *_asked(names)])
    except typer.Abort:
        raise KeyboardInterrupt from None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    say(f"{show(str(path))} is written. Set the environment variables it names, then: unibill backends --check")


def _asked(names: list[str]) -> list[str]:
    """The tables of the backends that somebody wants."""
    from unibill import plugins
    from unibill.cli.output import say
    from unibill.showing import show

    parts: list[str] = []
    while True:
        say(f"Providers: {', '.join(map(show, names))}")
        provider = typer.prompt("Which provider", default=names[0])
        if provider not in names:
            say(f"There is no provider {show(provider)}.")
            continue
        name = typer.prompt("What shall this backend be called", default=provider)
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            say("Use letters, digits, - and _.")
            continue
        parts.append(_table(name, provider, plugins.load(provider).Settings))
        if not typer.confirm("Another backend", default=False):
            return parts


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


def _table(name: str, provider: str, settings: "type[BackendSettings]") -> str:
    """A backend's table: what is required is asked for; the rest stands as comments with its default."""
    from unibill.sandbox.toml import quoted

    lines = [f"[backends.{name}]", f"provider = {quoted(provider)}"]
    later: list[str] = []
    for key, setting in settings.model_fields.items():
        if _holds_secret(setting):
            variable = f"{name}_{key}".upper().replace("-", "_")
            lines.append(f"{key} = {{ env = {quoted(variable)} }}  # set it in the environment")
        elif setting.is_required():
            lines.append(f"{key} = {quoted(typer.prompt(f'  {key}'))}")
        else:
            later.append(f"# {key} = {_default(setting)}")
    return "\n".join([*lines, "# What follows has a default; take away the # to change it.", *later, ""])


def _default(setting: "FieldInfo") -> str:
    from unibill.sandbox.toml import quoted

    value: Any = setting.default
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return '""  # none by default'
    return str(value) if isinstance(value, (int, float)) else quoted(str(value))
