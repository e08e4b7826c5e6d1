"""What somebody writes to read ahead: a pool of threads over one httpx client, exact JSON, one pydantic model."""

import json
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal

import httpx

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, ahead
from tests.benchmarks.racers.list_by_hand import CreditNote


def main(base_url: str, window: str, latency: str) -> None:
    """List, and print the lap."""
    wide = int(window)
    limits = httpx.Limits(max_connections=wide, max_keepalive_connections=wide)
    with httpx.Client(auth=("1042", "a-key-of-no-account"), limits=limits) as client, ThreadPoolExecutor(wide) as pool:

        def read(page: int) -> list[CreditNote]:
            answer = client.get(f"{base_url}/credits", params={"page": page, "page_size": notes.PAGE})
            answer.raise_for_status()
            return [CreditNote.model_validate(record) for record in json.loads(answer.content, parse_float=Decimal)]

        def listing() -> Iterator[Noted]:
            page, waiting = 1, deque[Future[list[CreditNote]]]()
            while True:
                while len(waiting) < wide:
                    waiting.append(pool.submit(read, page))
                    page += 1
                records = waiting.popleft().result()
                for note in records:
                    yield str(note.creditNoteID), note.Amount
                if len(records) < notes.PAGE:
                    return

        ahead(listing, wide, float(latency))


if __name__ == "__main__":
    main(*sys.argv[1:])
