"""airbyte-cdk: a source that runs, or the bare records of its HTTP stream."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks import notes
from tests.benchmarks.racers.counting import Noted, lap, race

cdk: Any = import_module("airbyte_cdk.sources")
entrypoint: Any = import_module("airbyte_cdk.entrypoint")
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

    def get_json_schema(self) -> Mapping[str, Any]:
        """Of the records."""
        return {"type": "object"}

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


class Source(cdk.AbstractSource):  # type: ignore[misc]  # as above
    """A source of one stream."""

    check_config_against_spec = False

    def spec(self, logger: object) -> Any:  # noqa: ANN401 - the rival's class
        """What can be configured."""
        del logger
        return models.ConnectorSpecification(connectionSpecification={})

    def check_connection(self, logger: object, config: object) -> tuple[bool, None]:
        """Whether it is there."""
        del logger, config
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Any]:
        """The one stream."""
        return [Credits(config["base_url"])]


def _stream(base_url: str) -> None:
    def listing() -> Iterator[Noted]:
        for record in Credits(base_url).read_only_records():
            yield str(record["creditNoteID"]), Decimal(str(record["Amount"]))

    race(listing)


def _run(base_url: str) -> None:
    """A run as Airbyte has it: every record becomes a message on the standard output, here text in memory, which is looked into afterwards."""
    chosen = {
        "stream": {"name": "credits", "json_schema": {"type": "object"}, "supported_sync_modes": ["full_refresh"]},
        "sync_mode": "full_refresh",
        "destination_sync_mode": "overwrite",
    }
    with TemporaryDirectory() as folder, StringIO() as output:
        config, catalog = Path(folder, "config.json"), Path(folder, "catalog.json")
        config.write_text(json.dumps({"base_url": base_url}))
        catalog.write_text(json.dumps({"streams": [chosen]}))
        running = entrypoint.AirbyteEntrypoint(Source())
        told = running.parse_args(["read", "--config", str(config), "--catalog", str(catalog)])
        started, worked = time.perf_counter(), time.process_time()
        for message in running.run(told):
            output.write(f"{message}\n")
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        messages = [json.loads(line, parse_float=Decimal) for line in output.getvalue().splitlines()]
    records = [one["record"]["data"] for one in messages if one["type"] == "RECORD"]
    noted = [(str(one["creditNoteID"]), Decimal(one["Amount"])) for one in records]
    total = sum((amount for _, amount in noted), Decimal(0))
    lap(len(noted) / seconds, seconds, cpu, notes.digest(total, noted[: notes.PAGE]), len(noted))


def main(base_url: str, how: str = "stream") -> None:
    """List, and print the lap.

    Args:
        base_url: the API's.
        how: ``run`` for a run of the source, ``stream`` for the bare records of its stream.
    """
    (_run if how == "run" else _stream)(base_url)


if __name__ == "__main__":
    main(*sys.argv[1:])
