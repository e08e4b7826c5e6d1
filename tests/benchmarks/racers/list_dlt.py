"""dlt's rest_api source, iterated: records come as dicts."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, race

rest_api: Any = import_module("dlt.sources.rest_api")


def main(base_url: str) -> None:
    """List, and print the lap."""
    described = {
        "client": {
            "base_url": f"{base_url}/",
            "auth": {"type": "http_basic", "username": "1042", "password": "a-key-of-no-account"},
            "paginator": {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": None},
        },
        "resources": [{"name": "credits", "endpoint": {"path": "credits", "params": {"page_size": notes.PAGE}, "data_selector": "$"}}],
    }

    def listing() -> Iterator[Noted]:
        for record in rest_api.rest_api_source(described).resources["credits"]:
            yield str(record["creditNoteID"]), Decimal(str(record["Amount"]))

    race(listing)


if __name__ == "__main__":
    main(*sys.argv[1:])
