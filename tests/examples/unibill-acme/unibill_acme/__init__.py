"""A unibill provider for Acme, a made-up vendor."""

from typing import TYPE_CHECKING

from unibill import hookimpl

if TYPE_CHECKING:
    from unibill_acme.provider import AcmeProvider


@hookimpl
def unibill_provider() -> "type[AcmeProvider]":
    """The provider class, for unibill's plugin manager."""
    from unibill_acme.provider import AcmeProvider

    return AcmeProvider
