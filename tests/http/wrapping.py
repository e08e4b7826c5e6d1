"""Standing in the place of a transport's method, as cassettes and instrumentation do."""

import functools
from typing import Any

import httpx
import pytest


def wrap(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Put oneself in place of a transport's method, as instrumentation does; gives the list of what comes past."""
    seen: list[httpx.Request] = []
    inner: Any = getattr(owner, name)

    @functools.wraps(inner)
    def watched(transport: object, request: httpx.Request) -> object:
        seen.append(request)
        return inner(transport, request)

    monkeypatch.setattr(owner, name, watched)
    return seen
