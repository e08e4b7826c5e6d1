"""Connecting to a backend by its name, by settings, or by a provider."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unibill import config, plugins
from unibill.errors import ConfigurationError
from unibill.facade import Billing
from unibill.http import AsyncClient, Client
from unibill.plugins import AnyProvider
from unibill.provider import BackendSettings, Provider

if TYPE_CHECKING:
    from unibill.aio import AsyncBilling


def connect(
    backend: str | BackendSettings | AnyProvider,
    *,
    name: str | None = None,
    config_file: Path | None = None,
    client: Client | None = None,
    observers: Sequence[object] = (),
) -> Billing:
    """Connect to a backend; nothing is sent until something is asked.

    Args:
        backend: its name in ``unibill.toml`` or the environment, or a provider's settings object, or a provider.
        name: what to call a backend that is given by settings; the provider's name if left out.
        config_file: the configuration file, instead of the one that is found.
        client: an httpx client to use; it is not closed.
        observers: objects with ``hookimpl`` methods, besides the installed ones.

    Raises:
        ConfigurationError: there is no such backend, or its settings are wrong.
        PluginError: its provider is unknown or broken.
    """
    known_as, provider = open_provider(backend, name, config_file)
    with _naming(known_as):
        return Billing(known_as, provider, client=client, observers=observers)


def aconnect(
    backend: str | BackendSettings | AnyProvider,
    *,
    name: str | None = None,
    config_file: Path | None = None,
    client: AsyncClient | None = None,
    observers: Sequence[object] = (),
) -> "AsyncBilling":
    """The awaitable twin of ``connect``; use it with ``async with``."""
    from unibill.aio import AsyncBilling

    known_as, provider = open_provider(backend, name, config_file)
    with _naming(known_as):
        return AsyncBilling(known_as, provider, client=client, observers=observers)


@contextmanager
def _naming(backend: str) -> Iterator[None]:
    """Add to an error about settings whose they are: a configuration has many."""
    try:
        yield
    except ConfigurationError as error:
        error.add_note(f"It is a setting of backend {backend!r}.")
        raise


def open_provider(
    backend: str | BackendSettings | AnyProvider, name: str | None = None, config_file: Path | None = None
) -> tuple[str, AnyProvider]:
    """The name and the provider of a backend; errors as of ``connect``."""
    if isinstance(backend, Provider):
        return name or backend.name, backend
    if isinstance(backend, BackendSettings):
        if not backend.provider_name:
            raise ConfigurationError(f"{type(backend).__name__} names no provider; use the Settings of a provider")
        return name or backend.provider_name, plugins.load(backend.provider_name)(backend)
    provider, settings = config.backend(backend, config_file).load()
    return name or backend, provider(settings)
