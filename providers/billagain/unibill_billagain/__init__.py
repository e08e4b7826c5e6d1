"""The unibill provider for BillAgain.

Nothing of the provider is imported until unibill asks for it, so that the sandbox in this package stands on its own.
"""

from typing import TYPE_CHECKING

from unibill.hookspecs import hookimpl

if TYPE_CHECKING:
    from unibill_billagain.provider import BillAgainProvider


@hookimpl
def unibill_provider() -> "type[BillAgainProvider]":
    """The provider class, for unibill's plugin manager."""
    from unibill_billagain.provider import BillAgainProvider

    return BillAgainProvider
