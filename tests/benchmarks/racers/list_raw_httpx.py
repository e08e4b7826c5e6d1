"""httpx alone: the pages are fetched and decoded by the fastest exact decoder, and nothing is made of them."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, race


def main(base_url: str) -> None:
    """List, and print the lap."""
    decoder = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal)
    with httpx.Client(auth=("1042", "a-key-of-no-account")) as client:

        def listing() -> Iterator[Noted]:
            page = 1
            while True:
                answer = client.get(f"{base_url}/credits", params={"page": page, "page_size": notes.PAGE})
                records = decoder.decode(answer.content)
                for record in records:
                    yield str(record["creditNoteID"]), record["Amount"]
                if len(records) < notes.PAGE:
                    return
                page += 1

        race(listing)


if __name__ == "__main__":
    main(*sys.argv[1:])
