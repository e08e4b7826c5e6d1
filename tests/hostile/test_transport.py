"""A server that drips, floods or packs strangely is cut off, and an id never leaves its place in an address."""

import gzip
import inspect
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints
from urllib.parse import parse_qsl

import pytest
from unibill_billagain.api import BillAgainApi
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.api import SocotraApi
from unibill_socotra.settings import SocotraSettings

import unibill
from tests.conftest import MakeDriver
from tests.support.commands import Command, Place
from tests.support.server import Raw, Reply, Server
from unibill.errors import InvalidQuery, MalformedResponse, Unavailable, UnibillError
from unibill.flow import Request, exchange
from unibill.http import without_waiting

READ = Request("fetchThing", "GET", "/things")
TENANT = "6ec2f7d0-3c7e-4c5b-9a56-2f3f2b0c9a11"


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Nothing waits between tries."""
    with without_waiting():
        yield


# Time


def head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


def one_byte_each() -> Iterator[bytes]:
    """A head that never ends, a byte at a time."""
    yield b"HTTP/1.1 200 OK\r\nx-long: "
    while True:
        yield b"x"


def no_status_line() -> Iterator[bytes]:
    while True:
        yield b"H"


def always_continue() -> Iterator[bytes]:
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n"


def chunk_extensions() -> Iterator[bytes]:
    """A chunked body whose chunk's head never ends."""
    yield head("transfer-encoding: chunked") + b"1;"
    while True:
        yield b"x"


def empty_gzip() -> Iterator[bytes]:
    """A packed body that goes on and unpacks to nothing."""
    yield head("content-encoding: gzip", "content-length: 100000000")
    yield b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
    while True:
        yield b"n"


DRIPS = [one_byte_each, no_status_line, always_continue, chunk_extensions, empty_gzip]


@pytest.mark.parametrize("drip", DRIPS, ids=lambda drip: drip.__name__)
def test_a_server_that_drips_is_cut_at_the_deadline_wherever_it_drips(
    drip: Callable[[], Iterator[bytes]], driver: MakeDriver, server: Server
) -> None:
    gone = threading.Event()

    def slowly() -> Iterator[bytes]:
        try:
            for chunk in drip():
                yield chunk
                if gone.wait(0.02):
                    return
        finally:
            gone.set()

    server.script(Raw(slowly()))
    started = time.monotonic()
    try:
        with pytest.raises(Unavailable, match=r"deadline of 0\.3 s") as late:
            driver(deadline=0.3, timeout=20, retries=0).run(exchange(READ))
        taken = time.monotonic() - started
        assert gone.wait(5), "the connection was left open"
    finally:
        gone.set()
    assert late.value.sent
    assert taken < 4


def test_the_deadline_holds_on_a_connection_that_is_used_again(driver: MakeDriver, server: Server) -> None:
    gone = threading.Event()

    def slowly() -> Iterator[bytes]:
        for chunk in one_byte_each():
            yield chunk
            if gone.wait(0.02):
                return

    server.script(Reply(), Raw(slowly()))
    using = driver(deadline=0.5, timeout=20, retries=0)
    assert using.run(exchange(READ)).status == 200
    started = time.monotonic()
    try:
        with pytest.raises(Unavailable, match="deadline"):
            using.run(exchange(READ))
    finally:
        gone.set()
    assert time.monotonic() - started < 4


def test_a_server_that_takes_no_bytes_is_cut_at_the_deadline(driver: MakeDriver) -> None:
    """It accepts the connection and never reads, so a long write fills every buffer on the way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        using = driver(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", deadline=0.3, timeout=20, retries=0)
        started = time.monotonic()
        with pytest.raises(Unavailable, match="deadline"):
            using.run(exchange(Request("addThing", "POST", "/things", body=bytes(30_000_000))))
        assert time.monotonic() - started < 4


# Size


def flood(packed: Callable[[], Iterator[bytes]], *lines: str) -> Iterator[bytes]:
    yield head(*lines)
    yield from packed()


def endless_name() -> Iterator[bytes]:
    """A gzip header whose file name never ends."""
    yield b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
    while True:
        yield b"n" * 65536


def empty_blocks() -> Iterator[bytes]:
    """A gzip stream of stored blocks with nothing in them."""
    yield b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    while True:
        yield (b"\0" + struct.pack("<HH", 0, 0xFFFF)) * 10_000


@pytest.mark.parametrize("packed", [endless_name, empty_blocks], ids=lambda packed: packed.__name__)
def test_a_packed_flood_that_unpacks_to_nothing_is_stopped_by_its_size(
    packed: Callable[[], Iterator[bytes]], driver: MakeDriver, server: Server
) -> None:
    server.script(Raw(flood(packed, "content-encoding: gzip")))
    with pytest.raises(MalformedResponse, match="larger than max_body"):
        driver(max_body=1024 * 1024, deadline=30, retries=0).run(exchange(READ))


@pytest.mark.parametrize("wbits", [31, 15, -15], ids=["gzip", "zlib", "bare"])
def test_a_bomb_of_a_thousand_to_one_is_never_unpacked_beyond_the_limit(wbits: int, driver: MakeDriver, server: Server) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    bomb = packer.compress(bytes(100_000_000)) + packer.flush()
    assert len(bomb) < 110_000
    server.respond = lambda _: Reply(200, bomb, {"content-encoding": "gzip" if wbits == 31 else "deflate"})
    with pytest.raises(MalformedResponse, match="larger than max_body"):
        driver(max_body=200_000, retries=0).run(exchange(READ))
    assert driver(max_body=100_000_000, retries=0).run(exchange(READ)).body == bytes(100_000_000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "identity, br", "x" * 300])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str, driver: MakeDriver, server: Server) -> None:
    server.script(Reply(200, b"{}", {"content-encoding": encoding}))
    with pytest.raises(MalformedResponse, match="compressed"):
        driver(retries=0).run(exchange(READ))
    assert server.seen[0].headers["accept-encoding"] == "gzip, deflate"


def test_a_packed_answer_that_ends_early_is_not_taken_for_a_whole_one(driver: MakeDriver, server: Server) -> None:
    packed = gzip.compress(b'[{"Amount": 1}, {"Amount": 2}]' * 100)
    server.script(Reply(200, packed[:-30], {"content-encoding": "gzip"}))
    with pytest.raises(MalformedResponse, match="compression is broken"):
        driver(retries=0).run(exchange(READ))


# Addresses


HOSTILE_IDS = [
    "../x",
    "..",
    ".",
    "a/b?c#d",
    "a\r\nx-evil: 1\r\n\r\nGET /admin",
    "%2e%2e%2f",
    "..%2f..",
    "ü€\U0001f600",
    "\u202e\u2028",
    "a b",
    ";p=1",
    "a&b=c",
    "\\..\\x",
    "@evil.example.com",
    "//evil.example.com/",
    "http://evil.example.com",
    "{}",
    "\x00",
    "\ud800",
    " ",
    "",
]
_SAFE = re.compile(r"(?:/[A-Za-z0-9._~%:-]+)+")


def operations() -> list[Any]:
    apis = [BillAgainApi(), SocotraApi(TENANT)]
    return [
        pytest.param(api, name, id=f"{type(api).__name__}.{name}")
        for api in apis
        for name, method in inspect.getmembers(api, inspect.ismethod)
        if not name.startswith("_")
        and any(parameter.default is parameter.empty for parameter in inspect.signature(method).parameters.values())
    ]


def first_request(api: object, name: str, text: str) -> Request | None:
    """The first request of an operation all of whose texts are this one; None where it asks for more than texts."""
    method = getattr(api, name)
    hints = get_type_hints(method)
    arguments: dict[str, object] = {}
    for parameter in inspect.signature(method).parameters.values():
        kind = str(hints.get(parameter.name))
        if "str" in kind:
            arguments[parameter.name] = [text] if "Sequence" in kind or "Collection" in kind else text
        elif parameter.default is parameter.empty:
            return None
    flow = method(**arguments)
    try:
        asked = next(flow)
    finally:
        flow.close()
    assert isinstance(asked, Request)
    return asked


@pytest.mark.parametrize(("api", "name"), operations())
def test_no_native_operation_lets_an_id_leave_its_place(api: object, name: str) -> None:
    benign = None
    try:
        benign = first_request(api, name, "101")
    except UnibillError:
        benign = None
    for text in HOSTILE_IDS:
        try:
            asked = first_request(api, name, text)
        except UnibillError:
            continue
        if asked is None or benign is None:
            continue
        assert _SAFE.fullmatch(asked.path), (text, asked.path)
        assert asked.path.count("/") == benign.path.count("/"), (text, asked.path)
        assert not {"/./", "/../", "//"} & {asked.path}, asked.path
        assert [key for key, _ in asked.query] == [key for key, _ in benign.query], text


def actions(text: str, backend: str) -> list[Callable[[unibill.Billing], object]]:
    """Everything of the facade that takes an id."""
    credit_id = text if backend == "billagain" else f"charge:{text}"
    return [
        lambda billing: list(billing.credits.list(account=text)),
        lambda billing: list(billing.credits.list(invoice=text)),
        lambda billing: billing.credits.get(credit_id, account=text),
        lambda billing: billing.credits.get(text, account="269"),
        lambda billing: list(billing.charges.list(account=text)),
        lambda billing: list(billing.charges.list(policy=text)),
        lambda billing: list(billing.charges.list(transaction=text)),
        lambda billing: billing.charges.reverse(text, [text]),
        lambda billing: billing.credits.find(key=text, account=text),
    ]


@pytest.mark.parametrize("text", HOSTILE_IDS, ids=[f"{number}" for number in range(len(HOSTILE_IDS))])
@pytest.mark.parametrize("backend", ["billagain", "socotra"])
def test_no_id_given_to_the_facade_reaches_another_route(text: str, backend: str, server: Server) -> None:
    """What arrives is looked at as it came over the wire, before anybody decodes it."""
    server.respond = lambda _: Reply(200, b"[]")
    settings: Any
    if backend == "billagain":
        settings = BillAgainSettings(base_url=f"{server.url}/billagain/v1", account="1042", api_key="sesame-1", retries=0)  # type: ignore[arg-type]  # pydantic makes a SecretStr
        root = "/billagain/v1/"
    else:
        settings = SocotraSettings(base_url=f"{server.url}/socotra", tenant=TENANT, token="sesame-2", retries=0, reversal_type="r")  # type: ignore[arg-type]  # the same
        root = "/socotra/(?:billing|policy)/" + TENANT + "/"
    with unibill.connect(settings) as billing:
        for action in actions(text, backend):
            try:
                action(billing)
            except UnibillError:
                continue
    for seen in server.seen:
        assert re.fullmatch(root + r"[A-Za-z0-9._~%:/-]+(\?[A-Za-z0-9._~%=&+*-]*)?", seen.target), seen.target
        assert not re.search(r"/\.{0,2}(/|$|\?)", seen.target), seen.target
        assert "x-evil" not in seen.headers
        assert seen.method in {"GET", "PATCH", "POST", "PUT", "DELETE"}
    assert not any(seen.target.startswith("/admin") for seen in server.seen)


@pytest.mark.parametrize("backend", ["billagain", "socotra"])
def test_no_id_on_the_command_line_reaches_another_route(backend: str, run: Command, place: Place) -> None:
    """The sandbox's log decodes its paths, so what would have become another route stands in it as one."""
    for text in HOSTILE_IDS:
        if "\x00" in text:
            continue
        for words in (
            ("credits", "get", backend, text),
            ("credits", "get", backend, f"charge:{text}"),
            ("credits", "list", backend, "--account", text),
            ("charges", "list", backend, "--account", text),
            ("credits", "void", backend, text, "--yes"),
            ("credits", "find", backend, "--key", text, "--account", text),
        ):
            done = run(*words)
            assert done.status in {0, 1, 2, 3}, (words, done)
            assert "something unexpected" not in done.err, (words, done.err)
            assert not {"\x1b", "\r", "\u202e", "\u2028"} & set(done.out + done.err), words
    roots = {"billagain": ("/billagain/v1/",), "socotra": (f"/socotra/billing/{TENANT}/", f"/socotra/policy/{TENANT}/")}[backend]
    log = place.sandbox.requests()
    assert all(request.path.startswith(roots) for request in log)
    assert all(request.method == "GET" for request in log)
    keys = {key for request in log for key, _ in parse_qsl(request.query, keep_blank_values=True)}
    assert not {"b", "p", "x-evil", "c"} & keys


def test_a_native_question_in_broken_unicode_is_refused(driver: MakeDriver, server: Server) -> None:
    with pytest.raises(InvalidQuery, match="broken unicode"):
        driver().run(exchange(Request("fetchThing", "GET", "/things", query=(("q", "\ud800"),))))
    assert not server.seen
