"""Opening backends and providers for commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unibill import config, installed, plugins
from unibill.cli import failing
from unibill.cli.exchanges import Exchanges
from unibill.connecting import connect
from unibill.errors import ConfigurationError
from unibill.facade import Billing
from unibill.plugins import AnyProvider
from unibill.sandbox import Sandbox

_NOWHERE: Final = "http://127.0.0.1:9"


def opened(name: str, config_file: Path | None) -> Billing:
    """A configured backend, open; its secrets are kept out of every error from here on.

    Raises:
        ConfigurationError: as of ``unibill.connect``.
    """
    failing.listen()
    billing = connect(name, config_file=config_file, observers=[Exchanges()] if failing.is_debugging() else [])
    failing.keep_secret(billing.provider.endpoint().secrets)
    return billing


@dataclass(frozen=True, slots=True)
class Pair:
    """Opens the two backends of a run, here or in a worker, by the configuration and the secrets that are there.

    Attributes:
        source, target: their names.
        config_file: as of ``opened``.
    """

    source: str
    target: str
    config_file: Path | None

    @contextmanager
    def __call__(self) -> Iterator[tuple[Billing, Billing]]:
        """Open both."""
        with opened(self.source, self.config_file) as source, opened(self.target, self.config_file) as target:
            yield source, target


def example_provider(name: str, config_file: Path | None) -> AnyProvider:
    """A provider to compute mappings with: of a configured backend, or of a provider's name with its sandbox's settings. Sends nothing.

    Raises:
        ConfigurationError: neither a backend nor a provider has this name, or the provider has no sandbox and needs settings.
    """
    if name in config.backends(config_file):
        provider, settings = config.backend(name, config_file).load()
        return provider(settings)
    if name not in installed.found():
        raise ConfigurationError(f"there is neither a backend nor a provider {name!r}; providers are: {', '.join(installed.found())}")
    provider = plugins.load(name)
    system = provider.sandbox()
    if system is None:
        return provider(config.validate(provider.Settings, {}, f"provider {name!r} has no sandbox; name a configured backend instead"))
    with Sandbox([system]) as sandbox:
        values = sandbox.client_settings(_NOWHERE)[name]
    return provider(config.validate(provider.Settings, values, f"the sandbox of provider {name!r}"))
