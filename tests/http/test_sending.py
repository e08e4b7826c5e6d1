"""Both transports over real connections: what is sent, what is refused, what is bounded, and what an error tells."""

import gzip
import io
import socket
import sys
import threading
import time
import traceback
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import httpcore
import pytest

from tests.conftest import MakeDriver
from tests.http.asking import HAS_PYREQWEST, PROVING, PUT, READ, WRITE, WRITES, closed_port, head
from tests.support.drivers import HEADER, SECRET, AsyncDriver, SyncDriver
from tests.support.server import Answer, Raw, Reply, Seen, Server, serve
from unibill import __version__, exactjson
from unibill.errors import (
    BackendError,
    ConfigurationError,
    InvalidQuery,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    Unavailable,
    UnsupportedOperation,
)
from unibill.events import RequestSettled
from unibill.flow import Effect, Flow, Request, Response, Sleep, exchange
from unibill.http import Transport, check_base_url, proxy_to, without_waiting
from unibill.http.connection import Bounded
from unibill.provider import BackendSettings, Endpoint

# What is sent and what comes back


def test_a_request_arrives_as_it_was_made_with_the_credentials(driver: MakeDriver, server: Server) -> None:
    server.script(Reply(body=b'{"Amount": 10.10}', headers={"X-Request-ID": "r-1"}))
    response = driver().run(exchange(READ))

    (seen,) = server.seen
    assert (seen.method, seen.target, seen.body) == ("GET", "/things/a%2Fb?q=a+b%26c&q=%C3%BC", b"")
    assert seen.headers["authorization"] == HEADER
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"] == f"unibill/{__version__}"
    assert "content-type" not in seen.headers
    assert response.headers["x-request-id"] == "r-1"
    assert exactjson.dumps(response.json()) == b'{"Amount":10.10}'


def test_a_body_is_sent_byte_for_byte_as_json(driver: MakeDriver, server: Server) -> None:
    server.script(Reply(201))
    driver().run(exchange(WRITE))

    assert server.seen[0].body == b'{"amount":10.10}'
    assert server.seen[0].headers["content-type"] == "application/json"


def test_the_head_and_the_body_of_a_blocking_write_leave_in_one_piece() -> None:
    pieces: list[bytes] = []

    def answer(listening: socket.socket) -> None:
        with listening.accept()[0] as connection:
            pieces.append(connection.recv(65_536))
            connection.sendall(head("201 Created", "content-length: 2") + b"{}")

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with closing(Transport("main", Endpoint(url, {}, ()), BackendSettings(base_url=url))) as transport:
            answered = pool.submit(answer, listening)
            assert transport.run(exchange(WRITE)).status == 201
            answered.result()
    assert pieces[0].endswith(b'{"amount":10.10}')


def test_whoever_refuses_a_request_before_he_has_read_it_is_heard() -> None:
    refusal = head("413 Content Too Large", "content-length: 0")

    class Deaf(httpcore.MockStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            raise httpcore.WriteError(f"{len(buffer)} bytes were not taken within {timeout}")

    class Network(httpcore.MockBackend):
        def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:  # noqa: ANN401 - whatever httpcore gives
            return Deaf([refusal])

    stream = Bounded(Network([])).connect_tcp("vendor.example", 443)
    stream.write(b"head")
    stream.write(b"body")
    assert stream.read(100) == refusal


def test_the_path_of_the_base_url_stays(driver: MakeDriver, server: Server) -> None:
    server.script(Reply())
    driver(base_url=server.url + "/api/v1").run(exchange(READ))

    assert server.seen[0].target.startswith("/api/v1/things/")


def test_what_comes_after_an_answer_is_not_taken_for_the_next_one(driver: MakeDriver, server: Server) -> None:
    surplus = head("200 OK", "content-length: 10") + b'{"of": 12}'
    server.script(Raw([head("200 OK", "content-length: 2") + b"{}" + surplus], stays=True), Reply(body=b'{"of": "the second"}'))
    asking = driver()
    asking.run(exchange(READ))

    assert asking.run(exchange(READ)).body == b'{"of": "the second"}'
    assert len(server.seen) == 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_given_decompressed(driver: MakeDriver, server: Server, encoding: str) -> None:
    packed = gzip.compress(b'{"a":1}') if encoding == "gzip" else zlib.compress(b'{"a":1}')
    server.script(Reply(body=packed, headers={"content-encoding": encoding}))

    assert driver().run(exchange(READ)).body == b'{"a":1}'


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_so_credentials_go_nowhere_else(driver: MakeDriver, server: Server, status: int) -> None:
    with serve() as elsewhere:
        server.script(Reply(status, headers={"location": elsewhere.url + "/take"}))
        response = driver().run(exchange(READ))

        assert (response.status, elsewhere.seen, len(server.seen)) == (status, [], 1)


def test_a_proxy_of_the_environment_never_sees_what_goes_to_this_machine(
    driver: MakeDriver, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with serve() as proxy:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        server.script(Reply())
        driver().run(exchange(READ))

        assert (len(server.seen), proxy.seen) == (1, [])


@pytest.mark.parametrize(
    ("environment", "base_url", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://api.example.com/v1", "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, "https://api.example.com", "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128"}, "https://api.example.com", "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "https://api.example.com", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"}, "https://api.example.com", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, "https://api.example.com", None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://localhost:8443", None),
        ({}, "https://api.example.com", None),
    ],
)
def test_the_environment_says_which_proxy_leads_to_a_vendor(
    environment: dict[str, str], base_url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)

    assert proxy_to(base_url) == proxy


# Where credentials may go


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.example.com/v1",
        "http://localhost:8000",
        "http://127.0.0.1:8000/x",
        "http://127.9.9.9",
        "http://[::1]:8000",
        "http://LOCALHOST",
    ],
)
def test_https_anywhere_and_http_to_this_machine_are_fit_for_credentials(base_url: str) -> None:
    check_base_url(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::]",
    ],
)
def test_plain_http_beyond_this_machine_is_refused(driver: MakeDriver, base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="https only"):
        driver(base_url=base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example.com",
        "ftp://example.com",
        "https://",
        "file:///etc",
        "http://[bad",
        "https://host:99999",
        "https://host:abc",
        "https://exa mple.com",
        f"https://{64 * 'a'}.example.com",
    ],
)
def test_what_is_no_address_is_refused(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        check_base_url(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        f"https://me:{SECRET}@example.com",
        f"ftp://me:{SECRET}@example.com",
        f"me:{SECRET}@example.com",
        f"https://example.com?key={SECRET}",
        f"http://me:{SECRET}@example.com",
        f"https://example.com#{SECRET}",
        f"https://{SECRET}@",
        f"http://localhost\\@{SECRET}.example.com",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_base_url(base_url)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("value", [f"{SECRET}\n", f"{SECRET}\r\nx-other: 1", f"{SECRET}\x00", f"{SECRET}€", f"{SECRET}\ud800"])
@pytest.mark.parametrize("kind", [SyncDriver, AsyncDriver])
def test_credentials_that_no_header_can_hold_are_refused_and_not_repeated(kind: type[SyncDriver | AsyncDriver], value: str) -> None:
    address = "http://127.0.0.1:9"

    with pytest.raises(ConfigurationError, match="authorization") as refused:
        kind(Endpoint(address, {"authorization": value}, (value,)), BackendSettings(base_url=address), lambda _: None)

    assert SECRET not in "".join(traceback.format_exception(refused.value)).replace(f'"{SECRET}', "")


# Bounds


def test_an_answer_larger_than_the_limit_is_refused(driver: MakeDriver, server: Server) -> None:
    server.script(Reply(body=b"x" * 2048), Reply(body=b"x" * 2049))
    small = driver(max_body=2048)

    assert len(small.run(exchange(READ)).body) == 2048
    with pytest.raises(MalformedResponse, match=r"larger than max_body \(2048 bytes\)"):
        small.run(exchange(READ))


def test_an_endless_answer_is_cut_at_the_limit(driver: MakeDriver, server: Server) -> None:
    sent = [0]

    def endless() -> Iterator[bytes]:
        yield head("200 OK")
        while True:
            sent[0] += 1
            yield b"x" * 65536

    server.script(Raw(endless()))
    with pytest.raises(MalformedResponse, match="larger than max_body"):
        driver(max_body=1024 * 1024).run(exchange(READ))

    assert sent[0] < 1000


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gzip_bomb_is_stopped_before_it_fills_the_memory(driver: MakeDriver, server: Server, layers: int) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as bomb:
        for _ in range(80):
            bomb.write(bytes(1024 * 1024))
    body = packed.getvalue() if layers == 1 else gzip.compress(packed.getvalue())
    server.script(Reply(body=body, headers={"content-encoding": ", ".join(["gzip"] * layers)}))

    with pytest.raises(MalformedResponse, match="larger than max_body" if layers == 1 else "compress"):
        driver(max_body=1024 * 1024).run(exchange(READ))


def test_broken_compression_is_an_answer_that_cannot_be_read(driver: MakeDriver, server: Server) -> None:
    server.script(Reply(body=b"no gzip at all", headers={"content-encoding": "gzip"}))

    with pytest.raises(MalformedResponse, match="compression is broken"):
        driver().run(exchange(READ))


def test_an_answer_that_drips_is_given_up_at_the_deadline(driver: MakeDriver, server: Server) -> None:
    enough = threading.Event()

    def dripping() -> Iterator[bytes]:
        yield head("200 OK", "content-length: 100000")
        for _ in range(200):
            if not enough.wait(0.02):
                yield b"x"

    server.script(Raw(dripping()))
    started = time.monotonic()
    try:
        with pytest.raises(Unavailable, match=r"deadline of 0\.2 s") as late:
            driver(deadline=0.2, retries=0).run(exchange(READ))
    finally:
        enough.set()

    assert late.value.sent
    assert time.monotonic() - started < 4


def test_an_answer_that_nobody_waits_for_any_more_holds_up_no_other_request(driver: MakeDriver, server: Server) -> None:
    enough = threading.Event()

    def dripping() -> Iterator[bytes]:
        yield head("200 OK", "content-length: 100000")
        while not enough.wait(0.02):
            yield b"x"

    server.script(Raw(dripping()), Reply(200, b"{}"))
    only = driver(deadline=1, retries=0, concurrency=1)
    try:
        with pytest.raises(Unavailable, match=r"deadline of 1 s"):
            only.run(exchange(READ))
        assert only.run(exchange(READ)).status == 200
    finally:
        enough.set()


def test_silence_counts_as_lost_after_the_timeout(driver: MakeDriver, server: Server) -> None:
    enough = threading.Event()

    def silent() -> Iterator[bytes]:
        enough.wait(10)
        yield b""

    server.script(Raw(silent()))
    try:
        with pytest.raises(Unavailable, match=r"no answer within 0\.1 s"):
            driver(timeout=0.1, retries=0).run(exchange(READ))
    finally:
        enough.set()


def test_no_more_requests_are_under_way_than_the_settings_allow(driver: MakeDriver, server: Server) -> None:
    lock = threading.Lock()
    under_way, most, together = [0], [0], threading.Barrier(3)

    def respond(_: Seen) -> Answer:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        together.wait(5)
        with lock:
            under_way[0] -= 1
        return Reply()

    server.respond = respond
    driver(concurrency=3).together([exchange(READ) for _ in range(12)])

    assert (most[0], len(server.seen)) == (3, 12)


# Read only


@WRITES
def test_a_read_only_backend_refuses_every_write_without_a_request(driver: MakeDriver, server: Server, write: Request) -> None:
    with pytest.raises(UnsupportedOperation, match="backend 'main' cannot do .*: the backend is configured as read_only"):
        driver(read_only=True).run(exchange(write))

    assert server.seen == []


def test_a_read_only_backend_reads(driver: MakeDriver, server: Server) -> None:
    server.script(Reply())

    assert driver(read_only=True).run(exchange(READ)).status == 200


# Retries on the wire


@pytest.mark.parametrize("trouble", [Reply(408), Reply(429), Reply(500), Reply(503), Raw()], ids=["408", "429", "500", "503", "cut"])
def test_a_read_is_asked_again_until_it_is_answered(driver: MakeDriver, server: Server, trouble: Answer) -> None:
    server.script(trouble, trouble, Reply(body=b"[1]"))

    assert driver().run(exchange(READ)).body == b"[1]"
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        Raw(),
        Raw([head("200 OK", "content-length: 10"), b"half"]),
        Raw([b"HTTP/1.1 2"]),
        Reply(500),
        Reply(503, headers={"retry-after": "1"}),
        Reply(408),
    ],
    ids=["cut", "cut-in-body", "cut-in-head", "500", "503", "408"],
)
def test_a_write_that_arrived_is_sent_once_and_its_outcome_unknown(driver: MakeDriver, server: Server, trouble: Answer) -> None:
    server.script(trouble)

    with pytest.raises(OutcomeUnknown) as unknown:
        driver().run(exchange(WRITE))
    assert len(server.seen) == 1
    assert (unknown.value.backend, unknown.value.operation, unknown.value.permission) == ("main", "addThing", "things: write")
    assert "credits.find" not in str(unknown.value)
    assert "Do not send it again before looking" in str(unknown.value)


def test_a_write_that_ends_in_the_same_state_is_sent_again(driver: MakeDriver, server: Server) -> None:
    server.script(Raw(), Reply(500), Reply(204, b""))

    assert driver().run(exchange(PUT)).status == 204
    assert len(server.seen) == 3


@WRITES
@PROVING
def test_a_write_whose_connection_was_refused_is_sent_when_the_backend_is_back(driver: MakeDriver, write: Request) -> None:
    port = closed_port()
    with ExitStack() as stack:
        tries: list[RequestSettled] = []
        servers: list[Server] = []

        def observe(event: RequestSettled) -> None:
            tries.append(event)
            if len(tries) == 3:
                servers.append(stack.enter_context(serve(port)))
                servers[0].script(Reply(201))

        assert driver(base_url=f"http://127.0.0.1:{port}", observe=observe).run(exchange(write)).status == 201
        assert [event.status for event in tries] == [None, None, None, 201]
        assert len(servers[0].seen) == 1


@PROVING
@pytest.mark.parametrize("request_", [READ, WRITE, PUT], ids=["read", "once", "idempotent"])
def test_no_connection_is_unavailable_and_provably_not_sent(driver: MakeDriver, request_: Request) -> None:
    port = closed_port()

    with pytest.raises(Unavailable, match=f"no connection to 127.0.0.1:{port}") as refused:
        driver(base_url=f"http://127.0.0.1:{port}", retries=2).run(exchange(request_))
    assert type(refused.value) is Unavailable
    assert not refused.value.sent


@pytest.mark.skipif(not HAS_PYREQWEST, reason="pyreqwest is not installed")
@pytest.mark.parametrize("driver", ["sync-pyreqwest", "async-pyreqwest"], indirect=True)
def test_of_pyreqwest_no_error_proves_that_nothing_was_sent(driver: MakeDriver) -> None:
    port = closed_port()
    refusing = driver(base_url=f"http://127.0.0.1:{port}", retries=2)

    with pytest.raises(OutcomeUnknown, match=f"no connection to 127.0.0.1:{port}, or it broke"):
        refusing.run(exchange(WRITE))
    with pytest.raises(Unavailable) as refused:
        refusing.run(exchange(READ))
    assert refused.value.sent


def test_a_library_that_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "unibill.http.quick", raising=False)
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    settings = BackendSettings.model_validate({"base_url": "https://a.example", "transport": "pyreqwest"})

    with pytest.raises(ConfigurationError, match=r'pip install "unibill\[pyreqwest\]"'):
        Transport("main", Endpoint("https://a.example", {}, ()), settings)


def test_an_unavailable_backend_is_told_after_the_last_try(driver: MakeDriver, server: Server) -> None:
    server.respond = lambda _: Raw()

    with pytest.raises(Unavailable, match="it broke before|the connection broke before"):
        driver(retries=2).run(exchange(READ))
    assert len(server.seen) == 3


def test_a_pause_really_waits_and_the_test_mode_takes_it_away(driver: MakeDriver, server: Server) -> None:
    def pausing(seconds: float) -> Flow[float]:
        started = time.monotonic()
        yield Sleep(seconds)
        return time.monotonic() - started

    assert driver().run(pausing(0.05)) >= 0.05
    with without_waiting():
        with without_waiting():
            assert driver().run(pausing(60)) < 5
        assert driver().run(pausing(60)) < 5
    assert driver().run(pausing(0.05)) >= 0.05
    assert server.seen == []


# What observers and errors are told


def test_observers_are_told_of_every_try_and_no_credential(driver: MakeDriver, server: Server, events: list[RequestSettled]) -> None:
    server.script(Raw(), Reply(503), Reply())
    driver().run(exchange(READ))

    assert [(event.backend, event.operation, event.method, event.path, event.status) for event in events] == [
        ("main", "fetchThing", "GET", "/things/a%2Fb", status) for status in (None, 503, 200)
    ]
    assert [bool(event.error) for event in events] == [True, False, False]
    assert all(event.seconds >= 0 for event in events)
    assert SECRET not in repr(events)


def refusing(request: Request) -> Flow[Response]:
    response = yield from exchange(request)
    said = response.body.decode()
    raise NotFound(f"no such thing, {said}", operation=request.operation, status=response.status, vendor_message=said, request_id="r-7")


def test_an_error_names_the_backend_and_repeats_no_secret_and_no_card(driver: MakeDriver, server: Server) -> None:
    server.script(Reply(404, f"key {SECRET} and card 4111 1111 1111 1111".encode()))

    with pytest.raises(NotFound) as raised:
        driver().run(refusing(READ))
    text = str(raised.value)
    assert text.startswith("main fetchThing: no such thing")
    assert "status 404, request r-7" in text
    shown = text + repr(raised.value) + "".join(traceback.format_exception(raised.value))
    assert SECRET not in shown
    assert "4111 1111" not in shown
    assert "••••1111" in text


def test_no_error_of_the_http_library_leaks(driver: MakeDriver, server: Server) -> None:
    server.respond = lambda _: Raw([b"this is not HTTP\r\n\r\n"])

    with pytest.raises(BackendError) as raised:
        driver(retries=0).run(exchange(READ))
    assert isinstance(raised.value, Unavailable)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_an_id_too_long_for_an_address_is_refused_and_not_an_unknown_outcome(driver: MakeDriver, server: Server) -> None:
    endless = Request("addThing", "POST", "/" + "x" * 70_000, body=b"{}", effect=Effect.ONCE)

    with pytest.raises(InvalidQuery, match="backend 'main' cannot be asked for addThing: URL too long"):
        driver().run(exchange(endless))
    assert server.seen == []
