"""What somebody writes in an afternoon: a loop over httpx, exact JSON, and one pydantic model of the vendor's shape."""

import json
import sys
from collections.abc import Iterator
from decimal import Decimal

import httpx
from pydantic import BaseModel, ConfigDict

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, ahead, race


class Allocation(BaseModel):
    """One item of a note's ``Allocations``."""

    model_config = ConfigDict(extra="allow")
    allocationID: int | None = None  # noqa: N815 - the vendor's name
    invoiceID: int | None = None  # noqa: N815 - the vendor's name
    creditNoteID: int | None = None  # noqa: N815 - the vendor's name
    amountApplied: Decimal  # noqa: N815 - the vendor's name


class CreditNote(BaseModel):
    """A note as the vendor sends it."""

    model_config = ConfigDict(extra="allow")
    creditNoteID: int  # noqa: N815 - the vendor's name
    customerID: int | None = None  # noqa: N815 - the vendor's name
    Status: str | None = None
    Date: str | None = None
    CurrencyCode: str
    Amount: Decimal
    CreditNumber: str | None = None
    Memo: str | None = None
    Allocations: list[Allocation] | None = None


def main(base_url: str, window: str = "", latency: str = "") -> None:
    """List, and print the lap; as percent of the ideal, if a window and a latency say what that is."""
    with httpx.Client(auth=("1042", "a-key-of-no-account")) as client:

        def listing() -> Iterator[Noted]:
            page = 1
            while True:
                answer = client.get(f"{base_url}/credits", params={"page": page, "page_size": notes.PAGE})
                answer.raise_for_status()
                records = json.loads(answer.content, parse_float=Decimal)
                for record in records:
                    note = CreditNote.model_validate(record)
                    yield str(note.creditNoteID), note.Amount
                if len(records) < notes.PAGE:
                    return
                page += 1

        if window:
            ahead(listing, int(window), float(latency))
        else:
            race(listing)


if __name__ == "__main__":
    main(*sys.argv[1:])
