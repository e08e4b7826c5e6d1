"""singer-sdk's REST stream, its records taken as a tap's mapping takes them."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, race

sdk: Any = import_module("singer_sdk")
pagination: Any = import_module("singer_sdk.pagination")
typing: Any = import_module("singer_sdk.typing")
authenticators: Any = import_module("singer_sdk.authenticators")

SCHEMA = typing.PropertiesList(
    typing.Property("creditNoteID", typing.IntegerType),
    typing.Property("customerID", typing.IntegerType),
    typing.Property("Status", typing.StringType),
    typing.Property("Date", typing.StringType),
    typing.Property("CurrencyCode", typing.StringType),
    typing.Property("Amount", typing.NumberType),
    typing.Property("CreditNumber", typing.StringType),
    typing.Property("Memo", typing.StringType),
    typing.Property("Allocations", typing.ArrayType(typing.ObjectType(additional_properties=True))),
).to_dict()


class Pages(pagination.BasePageNumberPaginator):  # type: ignore[misc]  # the rival is installed in an environment of its own
    """Numbered pages; a short one is the last."""

    def has_more(self, response: Any) -> bool:  # noqa: ANN401 - requests is the rival's
        """Whether another page follows."""
        return bool(response.content.strip() != b"[]")


class Credits(sdk.RESTStream):  # type: ignore[misc]  # as above
    """The credits."""

    name = "credits"
    path = "/credits"
    schema = SCHEMA
    records_jsonpath = "$[*]"

    @property
    def url_base(self) -> str:
        """The API's address."""
        return str(self.config["base_url"])

    @property
    def authenticator(self) -> Any:  # noqa: ANN401 - the rival's class
        """HTTP Basic."""
        return authenticators.BasicAuthenticator(username="1042", password="a-key-of-no-account")

    def get_new_paginator(self) -> Any:  # noqa: ANN401 - the rival's class
        """Numbered pages, from 1."""
        return Pages(start_value=1)

    def get_url_params(self, context: object, next_page_token: object) -> dict[str, object]:
        """The query."""
        del context
        return {"page": next_page_token or 1, "page_size": notes.PAGE}


class Tap(sdk.Tap):  # type: ignore[misc]  # as above
    """A tap of one stream."""

    name = "tap-notes"
    config_jsonschema = typing.PropertiesList(typing.Property("base_url", typing.StringType)).to_dict()

    def discover_streams(self) -> list[Any]:
        """The one stream."""
        return [Credits(self)]


def main(base_url: str) -> None:
    """List, and print the lap."""
    stream = Credits(Tap(config={"base_url": base_url}))

    def listing() -> Iterator[Noted]:
        for record in stream.get_records(None):
            yield str(record["creditNoteID"]), Decimal(str(record["Amount"]))

    race(listing)


if __name__ == "__main__":
    main(*sys.argv[1:])
