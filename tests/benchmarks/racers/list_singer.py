"""singer-sdk: a tap that runs, or the bare records of its REST stream."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from decimal import Decimal
from importlib import import_module
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import Any

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, lap, race

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


def _stream(base_url: str) -> None:
    stream = Credits(Tap(config={"base_url": base_url}))

    def listing() -> Iterator[Noted]:
        for record in stream.get_records(None):
            yield str(record["creditNoteID"]), Decimal(str(record["Amount"]))

    race(listing)


def _run(base_url: str) -> None:
    """A run as Meltano has it: every record becomes a message on the standard output, here a file in memory, which is looked into afterwards."""
    list(islice(Credits(Tap(config={"base_url": base_url})).get_records(None), notes.PAGE))  # builds what is built once
    tap = Tap(config={"base_url": base_url})
    with BytesIO() as written, TextIOWrapper(written, encoding="utf-8") as output:
        started, worked = time.perf_counter(), time.process_time()
        with redirect_stdout(output):
            tap.sync_all()
            output.flush()
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        messages = [json.loads(line, parse_float=Decimal) for line in written.getvalue().splitlines()]
    noted = [(str(one["record"]["creditNoteID"]), Decimal(one["record"]["Amount"])) for one in messages if one["type"] == "RECORD"]
    total = sum((amount for _, amount in noted), Decimal(0))
    lap(len(noted) / seconds, seconds, cpu, notes.digest(total, noted[: notes.PAGE]), len(noted))


def main(base_url: str, how: str = "run") -> None:
    """List, and print the lap.

    Args:
        base_url: the API's.
        how: ``run`` for a run of the tap, ``stream`` for the bare records of its stream.
    """
    (_run if how == "run" else _stream)(base_url)


if __name__ == "__main__":
    main(*sys.argv[1:])
