"""The facade, awaited, pages asked for ahead: ``ahead_unibill_async BASE_URL WINDOW LATENCY [TRANSPORT]``."""

import asyncio
import sys
from collections.abc import AsyncGenerator

import unibill
from tests.benchmarks.racers.backend import settings
from tests.benchmarks.racers.counting import Noted, aahead


async def main(base_url: str, window: str, latency: str, transport: str = "httpx") -> None:
    """List, and print the lap."""
    async with unibill.aconnect(settings(base_url, int(window), transport)) as billing:

        async def listing() -> AsyncGenerator[Noted, None]:
            async for credit in billing.credits.list(allocations=True):
                yield credit.id, credit.amount

        await aahead(listing, int(window), float(latency))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
