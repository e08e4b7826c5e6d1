"""The sandboxes as backends of a ``unibill.toml``."""

from collections.abc import Mapping

from unibill import exactjson


def backends_toml(settings: Mapping[str, Mapping[str, str]], suffix: str = "") -> str:
    """A table for each backend, each backend called as its provider.

    Args:
        settings: by the provider's name, as ``Sandbox.client_settings`` gives them.
        suffix: comes after the provider's name in the backend's.
    """
    return "\n\n".join(_table(name, suffix, values) for name, values in settings.items()) + "\n"


def quoted(text: str) -> str:
    """A TOML string; JSON's escapes are a part of TOML's."""
    return exactjson.dumps(text).decode().replace("\x7f", "\\u007f")


def _table(name: str, suffix: str, values: Mapping[str, str]) -> str:
    lines = [f"{key} = {quoted(value)}" for key, value in {"provider": name, **values}.items()]
    return "\n".join([f"[backends.{name}{suffix}]", *lines])
