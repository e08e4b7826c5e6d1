"""The sync and the async driver behind one face, so that one suite runs on both."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from unibill.flow import Flow
from unibill.http import AsyncTransport, Keep, Observe, Transport
from unibill.provider import BackendSettings, Endpoint

T = TypeVar("T")
SECRET = "sesame-4711"
HEADER = f"Bearer {SECRET}"


class Driver(ABC):
    """Runs flows against a server."""

    @abstractmethod
    def run(self, flow: Flow[T], keep: Keep | None = None) -> T:
        """Drive one flow."""

    @abstractmethod
    def together(self, flows: Sequence[Flow[T]]) -> list[T]:
        """Drive several at once."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


class SyncDriver(Driver):
    """``Transport``."""

    def __init__(self, endpoint: Endpoint, settings: BackendSettings, observe: Observe) -> None:
        self.transport = Transport("main", endpoint, settings, observe=observe)

    def run(self, flow: Flow[T], keep: Keep | None = None) -> T:
        return self.transport.run(flow, keep)

    def together(self, flows: Sequence[Flow[T]]) -> list[T]:
        with ThreadPoolExecutor(len(flows)) as pool:
            return list(pool.map(self.transport.run, flows))

    def close(self) -> None:
        self.transport.close()


class AsyncDriver(Driver):
    """``AsyncTransport``, on a loop of its own."""

    def __init__(self, endpoint: Endpoint, settings: BackendSettings, observe: Observe) -> None:
        self.runner = asyncio.Runner()
        self.transport = AsyncTransport("main", endpoint, settings, observe=observe)

    def run(self, flow: Flow[T], keep: Keep | None = None) -> T:
        return self.runner.run(self.transport.run(flow, keep))

    def together(self, flows: Sequence[Flow[T]]) -> list[T]:
        async def gather() -> list[T]:
            return list(await asyncio.gather(*(self.transport.run(flow) for flow in flows)))

        return self.runner.run(gather())

    def close(self) -> None:
        self.runner.run(self.transport.close())
        self.runner.close()
