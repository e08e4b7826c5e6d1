"""A cassette does not care which library sends: recorded through one, it plays through the other."""

from itertools import permutations, product
from pathlib import Path

import pytest

from tests.support.drivers import AsyncDriver, SyncDriver
from tests.support.server import Reply, Server
from unibill.flow import Effect, Request, Response, exchange
from unibill.provider import BackendSettings, Endpoint
from unibill.testing.recorder import CassetteMismatch, Provenance, Recorder

pytest.importorskip("pyreqwest")
HERE = "https://made-up.example"
READ = Request("fetch", "GET", "/v1/credits", query=(("page", "1"), ("page_size", "2")))
WRITE = Request("add", "POST", "/v1/credits", body=b'{"Amount":10.10}', effect=Effect.ONCE)
KINDS = list(product([SyncDriver, AsyncDriver], ["httpx", "pyreqwest"]))


def asked(kind: type[SyncDriver | AsyncDriver], transport: str, address: str, request: Request) -> Response:
    settings = BackendSettings.model_validate({"base_url": address, "transport": transport})
    driver = kind(Endpoint(address, {"authorization": "Basic made-up"}, ("made-up-key",)), settings, lambda _: None)
    try:
        return driver.run(exchange(request))
    finally:
        driver.close()


@pytest.mark.parametrize(("recorded", "played"), list(permutations(KINDS, 2)), ids=lambda kind: f"{kind[0].__name__}-{kind[1]}")
def test_what_one_library_recorded_plays_through_another(
    server: Server,
    tmp_path: Path,
    recorded: tuple[type[SyncDriver | AsyncDriver], str],
    played: tuple[type[SyncDriver | AsyncDriver], str],
) -> None:
    server.script(
        Reply(200, b'[{"Amount": 12345678901234567.89}]', {"content-type": "application/json"}),
        Reply(201, b'{"Amount": 10.10}', {"content-type": "application/json"}),
    )
    file = tmp_path / "x.yaml"
    with Recorder(rename={server.url: HERE}).use(file, record=True) as tape:
        tape.describe(Provenance("sandbox", "2026-11-23", "made up"))
        first = [asked(*recorded, server.url, request) for request in (READ, WRITE)]

    with Recorder().use(file):
        again = [asked(*played, HERE, request) for request in (READ, WRITE)]
    assert [answer.status for answer in again] == [answer.status for answer in first] == [200, 201]
    assert b"12345678901234567.89" in again[0].body
    assert again[1].json() == first[1].json()
    assert len(server.seen) == 2

    other = Request("add", "POST", "/v1/credits", body=b'{"Amount":10.1}', effect=Effect.ONCE)
    with pytest.raises(CassetteMismatch, match="Amount"), Recorder().use(file):
        asked(*played, HERE, other)
