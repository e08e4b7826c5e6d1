"""The unibill provider for Socotra: credits, their allocations, and flat charges of the Insurance Suite's billing."""

from typing import TYPE_CHECKING

from unibill.hookspecs import hookimpl

if TYPE_CHECKING:
    from unibill_socotra.provider import SocotraProvider


@hookimpl
def unibill_provider() -> "type[SocotraProvider]":
    """The provider class."""
    from unibill_socotra.provider import SocotraProvider

    return SocotraProvider
