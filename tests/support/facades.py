"""The sync and the async facade behind one face, so that one suite runs on both."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from unibill import AsyncBilling, Billing

Action = Callable[[Any], Any]


class Facade:
    """Calls a facade and waits for what it gives."""

    def __init__(self, billing: Billing | AsyncBilling) -> None:
        self.billing = billing
        self._runner = asyncio.Runner()

    def call(self, action: Action) -> Any:  # noqa: ANN401 - whatever the action gives
        """The value of an action on the facade, awaited where it must be."""
        if isinstance(self.billing, Billing):
            return action(self.billing)

        async def work() -> object:
            return await action(self.billing)

        return self._runner.run(work())

    def records(self, action: Action, most: int | None = None) -> list[Any]:
        """The records of a list that the action asks for: all, or the first few and then it is closed."""
        if isinstance(self.billing, Billing):
            taken: list[Any] = []
            listed = action(self.billing)
            for record in listed:
                taken.append(record)
                if len(taken) == most:
                    break
            listed.close()
            return taken

        async def work() -> list[Any]:
            some: list[Any] = []
            records = action(self.billing)
            async for record in records:
                some.append(record)
                if len(some) == most:
                    break
            await records.aclose()
            return some

        return self._runner.run(work())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(self.billing, Billing):
            self.billing.close()
        else:
            self._runner.run(self.billing.close())
        self._runner.close()
