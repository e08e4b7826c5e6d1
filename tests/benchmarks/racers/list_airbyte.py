"""airbyte-cdk's HTTP stream, read in full: records come as dicts."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib import import_module
from typing import Any

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, race

http: Any = import_module("airbyte_cdk.sources.streams.http")
models: Any = import_module("airbyte_cdk.models")
basic: Any = import_module("airbyte_cdk.sources.streams.http.requests_native_auth")


class Credits(http.HttpStream):  # type: ignore[misc]  # the rival is installed in an environment of its own
    """The credits, page by page."""

    primary_key = "creditNoteID"

    def __init__(self, base_url: str) -> None:
        self._base = f"{base_url}/"
        self._page = 1
        super().__init__(authenticator=basic.BasicHttpAuthenticator("1042", "a-key-of-no-account"))

    @property
    def url_base(self) -> str:
        """The API's address."""
        return self._base

    def path(self, **_: object) -> str:
        """Below the address."""
        return "credits"

    def request_params(self, next_page_token: Mapping[str, Any] | None = None, **_: object) -> dict[str, object]:
        """The query."""
        return {"page": (next_page_token or {"page": 1})["page"], "page_size": notes.PAGE}

    def next_page_token(self, response: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - requests is the rival's
        """The next page's number, until one is empty."""
        self._page = self._page + 1 if response.content.strip() != b"[]" else 1
        return {"page": self._page} if self._page > 1 else None

    def parse_response(self, response: Any, **_: object) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - as above
        """The records of a page."""
        yield from response.json()


def main(base_url: str) -> None:
    """List, and print the lap."""

    def listing() -> Iterator[Noted]:
        for record in Credits(base_url).read_records(sync_mode=models.SyncMode.full_refresh):
            yield str(record["creditNoteID"]), Decimal(str(record["Amount"]))

    race(listing)


if __name__ == "__main__":
    main(*sys.argv[1:])
