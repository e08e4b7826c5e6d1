"""The blocking and the awaitable native client behind one face, so that one test runs on both."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from unibill.http import AsyncTransport, Transport
from unibill.provider import Provider

CLIENTS = ("blocking", "awaitable")


class Awaited:
    """Waits for whatever the awaitable client gives."""

    def __init__(self, client: object, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)

        def call(*arguments: object, **named: object) -> object:
            async def work() -> object:
                return await operation(*arguments, **named)

            return self._runner.run(work())

        return call


@contextmanager
def native_of(provider: Provider[Any], client: str) -> Iterator[Any]:
    """A provider's native client of either kind, over connections of its own."""
    if client == "blocking":
        transport = Transport("main", provider.endpoint(), provider.settings)
        try:
            yield provider.native(transport.run)
        finally:
            transport.close()
        return
    with asyncio.Runner() as runner:
        awaitable = AsyncTransport("main", provider.endpoint(), provider.settings)
        try:
            yield Awaited(provider.async_native(awaitable.run), runner)
        finally:
            runner.run(awaitable.close())
