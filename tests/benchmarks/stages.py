"""Where the time of a listed page goes: ``python -m tests.benchmarks.stages``.

Each stage of a record's way is run alone, thousands of times on one page of 100 credit notes, and its fastest run counts: what
else the machine does can only slow a run down. The hand-written loop's stages stand beside it.
"""

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from unibill_billagain import mapping
from unibill_billagain.wire import CreditNote

import unibill
from tests.benchmarks import notes, servers
from tests.benchmarks.machine import described
from tests.benchmarks.racers import list_by_hand
from tests.benchmarks.racers.backend import settings
from unibill import wire
from unibill.flow import Flow, Request, Response, exchange


def fastest(run: Callable[[], object], times: int) -> float:
    """The fewest microseconds that it took."""
    least = 10**18
    for _ in range(times):
        started = time.process_time_ns()
        run()
        least = min(least, time.process_time_ns() - started)
    return least / 1000


def main(times: int = 2000) -> None:
    """Measure the stages, and print them."""
    with TemporaryDirectory() as folder:
        pages = notes.write(Path(folder), 2)
        with servers.nginx(pages.folder, None) as server, httpx.Client(auth=("1042", "k")) as client:
            rows = _stages(server.base_url, (pages.folder / "2.json").read_bytes(), client, times)
    print("| stage, one page of 100 credit notes | µs |\n| --- | ---: |")
    for stage, micros in rows:
        print(f"| {stage} | {micros:,.0f} |")
    print(f"\n{described()}.")


def _stages(base_url: str, body: bytes, client: httpx.Client, times: int) -> list[tuple[str, float]]:
    request = Request("list credits", "GET", "/credits", (("page", "2"), ("page_size", "100")))
    with unibill.connect(settings(base_url)) as billing:
        zone, read = billing.provider.settings.zone, wire.decode(body, list[CreditNote])

        def asked() -> Flow[Response]:
            return (yield from exchange(request))

        def listed() -> None:
            for _ in billing.credits.list(allocations=True):
                pass

        def by_hand() -> list[Any]:
            return [list_by_hand.CreditNote.model_validate(record) for record in json.loads(body, parse_float=Decimal)]

        query = {"page": "2", "page_size": "100"}
        return [
            ("unibill: request and answer, driven (httpx's transport, httpcore, h11)", fastest(lambda: billing.run(asked()), times)),
            ("unibill: bytes to wire records, amounts checked (msgspec)", fastest(lambda: wire.decode(body, list[CreditNote]), times)),
            (
                "unibill: wire records to `Credit`, with allocations and findings",
                fastest(lambda: [mapping.to_credit(note, zone) for note in read], times),
            ),
            ("unibill: all of it, a page of a list of two", fastest(listed, times // 4) / 3),
            ("by hand: `httpx.Client.get`", fastest(lambda: client.get(f"{base_url}/credits", params=query).content, times)),
            ("by hand: `json.loads(parse_float=Decimal)` and pydantic", fastest(by_hand, times)),
        ]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
