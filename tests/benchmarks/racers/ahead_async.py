"""What somebody writes to read ahead with asyncio: tasks over one httpx.AsyncClient, exact JSON, one pydantic model."""

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncGenerator
from decimal import Decimal

import httpx

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, aahead
from tests.benchmarks.racers.list_by_hand import CreditNote


async def main(base_url: str, window: str, latency: str) -> None:
    """List, and print the lap."""
    wide = int(window)
    limits = httpx.Limits(max_connections=wide, max_keepalive_connections=wide)
    async with httpx.AsyncClient(auth=("1042", "a-key-of-no-account"), limits=limits) as client:

        async def read(page: int) -> list[CreditNote]:
            answer = await client.get(f"{base_url}/credits", params={"page": page, "page_size": notes.PAGE})
            answer.raise_for_status()
            return [CreditNote.model_validate(record) for record in json.loads(answer.content, parse_float=Decimal)]

        async def listing() -> AsyncGenerator[Noted, None]:
            page, waiting = 1, deque[asyncio.Task[list[CreditNote]]]()
            while True:
                while len(waiting) < wide:
                    waiting.append(asyncio.create_task(read(page)))
                    page += 1
                records = await waiting.popleft()
                for note in records:
                    yield str(note.creditNoteID), note.Amount
                if len(records) < notes.PAGE:
                    await asyncio.gather(*waiting)
                    return

        await aahead(listing, wide, float(latency))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
