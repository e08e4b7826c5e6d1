"""The hooks: finding providers and observing work. Behaviour is in ``unibill.provider``, never here.

A provider's distribution names its module under the entry-point group ``unibill.providers`` (the entry point's name is the
provider's name); an observer's under ``unibill.observers``. Both implement what they need of these, with ``hookimpl``.
"""

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from unibill.events import PageRead, RequestSettled, RunProgressed, WriteSettled
    from unibill.provider import Provider

hookspec = pluggy.HookspecMarker("unibill")
hookimpl = pluggy.HookimplMarker("unibill")


@hookspec
def unibill_provider() -> "type[Provider[Any]]":  # type: ignore[empty-body]  # a specification has no body
    """The provider class of this plugin."""


@hookspec
def unibill_request_settled(event: "RequestSettled") -> None:
    """A request was answered or failed; once per try."""


@hookspec
def unibill_page_read(event: "PageRead") -> None:
    """A page of a list was read."""


@hookspec
def unibill_write_settled(event: "WriteSettled") -> None:
    """A write of the facade or of a run has an outcome: the place for an audit log."""


@hookspec
def unibill_run_progressed(event: "RunProgressed") -> None:
    """A run went on by a block of records."""
