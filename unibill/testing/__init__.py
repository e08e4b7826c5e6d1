"""What unibill ships for tests: of apps that use it, and of providers.

``pytest_plugin``: fixtures and options. ``recorder``: cassettes. ``conformance``: the suite that every provider must pass.
``memory``: a provider without a vendor. ``network``: a guard. ``without_waiting``: a test mode in which nothing waits.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unibill.http import without_waiting

__all__ = ["without_waiting"]


def __getattr__(name: str) -> object:
    """Import on use: pytest imports this package at its start, in projects that need nothing of it."""
    if name == "without_waiting":
        from unibill.http import without_waiting

        return without_waiting
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
