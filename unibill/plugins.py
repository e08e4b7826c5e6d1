"""Loading providers and observers.

A provider is loaded on its own, so a broken one hurts no other. Two distributions that claim one name are both refused, and named.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, Final

import pluggy

from unibill import hookspecs
from unibill.capabilities import Capabilities
from unibill.errors import PluginError
from unibill.installed import OBSERVERS, distribution, found, points
from unibill.provider import BackendSettings, Provider
from unibill.redact import HIDDEN

AnyProvider = Provider[Any]
_NAME: Final = re.compile(r"[a-z][a-z_.-]{0,39}")


def shown_name(name: str) -> str:
    """A provider's name as somebody wrote it; hidden if none has it and it looks like no name, since it may be a misplaced secret."""
    return name if name in found() or _NAME.fullmatch(name) else HIDDEN


def load(name: str) -> type[AnyProvider]:
    """The provider class of a name.

    Raises:
        PluginError: no such provider; two distributions claim it; its module does not import; a hook of it is misspelt; it is
            not a provider, has another name, or its capabilities make no sense. The message names the distribution.
    """
    candidates = found()
    if name not in candidates:
        raise PluginError(f"there is no provider {shown_name(name)!r}; installed are: {', '.join(candidates) or 'none'}")
    point, *others = candidates[name].points
    if others:
        owners = " and ".join(f"{distribution(claim)} ({claim.value})" for claim in (point, *others))
        raise PluginError(f"provider {name!r} is claimed twice, by {owners}; uninstall one of them")
    return _load(point)


def broken() -> dict[str, str]:
    """Why each provider that cannot be loaded cannot, by name. Loads them all."""
    reasons: dict[str, str] = {}
    for name in found():
        try:
            load(name)
        except PluginError as error:
            reasons[name] = str(error)
    return reasons


@cache
def _load(point: EntryPoint) -> type[AnyProvider]:
    whose = f"provider {point.name!r} of {distribution(point)}"
    try:
        plugin = point.load()
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything, or be a script that exits
        raise PluginError(f"{whose} is broken: importing {point.value} failed with {type(error).__name__}: {error}") from error
    manager = new_manager()
    try:
        manager.register(plugin, name=point.name)
        manager.check_pending()
        offered = manager.hook.unibill_provider()
    except (Exception, SystemExit) as error:  # the same: pluggy reports misspelt hooks, the hook itself may raise
        raise PluginError(f"{whose} is broken: {error}") from error
    if len(offered) != 1:
        raise PluginError(f"{whose} is broken: {point.value} does not implement the hook unibill_provider")
    check(offered[0], point.name, whose)
    provider: type[AnyProvider] = offered[0]
    return provider


def check(provider: object, name: str, whose: str) -> None:
    """Check what a provider declares.

    Raises:
        PluginError: it is not a provider class or an unfinished one, its name is not the entry point's, or its settings or capabilities make no sense.
    """
    if not (isinstance(provider, type) and issubclass(provider, Provider)):
        raise PluginError(f"{whose} is broken: unibill_provider gave {provider!r}, not a Provider class")
    faults = [f"has no {attribute}" for attribute in ("name", "title", "capabilities", "Settings") if not hasattr(provider, attribute)]
    if not faults:
        if provider.name != name:
            faults.append(f"calls itself {provider.name!r}, its entry point {name!r}")
        faults += [f"has no {method}" for method in sorted(provider.__abstractmethods__)]
        faults += _faults_of_settings(provider.Settings, name)
        capabilities: object = provider.capabilities
        faults += capabilities.faults() if isinstance(capabilities, Capabilities) else ["has capabilities that are no Capabilities"]
    if faults:
        raise PluginError(f"{whose} is broken: it {'; it '.join(faults)}")


def _faults_of_settings(settings: object, name: str) -> list[str]:
    if not (isinstance(settings, type) and issubclass(settings, BackendSettings)):
        return ["has Settings that are no subclass of BackendSettings"]
    return [] if settings.provider_name == name else [f"says that its settings are for {settings.provider_name!r}"]


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows unibill's hooks and no plugin."""
    manager = pluggy.PluginManager("unibill")
    manager.add_hookspecs(hookspecs)
    return manager


def observers(plugins: Iterable[object] = ()) -> pluggy.PluginManager:
    """A manager with the installed observers and the given ones.

    Args:
        plugins: objects with methods marked ``hookimpl``.

    Raises:
        PluginError: one does not import, or a hook of it is misspelt.
    """
    manager = new_manager()
    for point in points(OBSERVERS):
        try:
            manager.register(point.load(), name=f"{point.name} ({distribution(point)})")
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything, or be a script that exits
            raise PluginError(f"observer {point.name!r} of {distribution(point)} is broken: {type(error).__name__}: {error}") from error
    for plugin in plugins:
        manager.register(plugin)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"an observer has a hook that does not exist: {error}") from error
    return manager
