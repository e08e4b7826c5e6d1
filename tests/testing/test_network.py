"""Inside the guard, this process reaches nothing but itself."""

import asyncio
import socket

import httpx
import pytest

from tests.support.server import Reply, Server
from unibill.testing.network import NetworkBlocked, block_network


def test_a_connection_to_another_machine_is_blocked_before_it_is_made() -> None:
    with block_network(), pytest.raises(NetworkBlocked, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 443), timeout=1)


def test_the_code_of_connect_is_guarded_too() -> None:
    with block_network(), socket.socket() as own, pytest.raises(NetworkBlocked):
        own.connect_ex(("192.0.2.1", 443))


def test_a_datagram_to_another_machine_is_blocked() -> None:
    with block_network(), socket.socket(type=socket.SOCK_DGRAM) as own, pytest.raises(NetworkBlocked):
        own.sendto(b"x", ("192.0.2.1", 53))


@pytest.mark.parametrize("host", ["api.example.com", b"api.example.com", "2001:db8::1"], ids=["text", "bytes", "address"])
def test_a_name_is_not_even_looked_up(host: str | bytes) -> None:
    with block_network(), pytest.raises(NetworkBlocked, match="look up"):
        socket.getaddrinfo(host, 443)


def test_no_client_takes_it_for_a_connection_error_that_could_be_tried_again() -> None:
    with block_network(), httpx.Client(trust_env=False) as client, pytest.raises(NetworkBlocked):
        client.get("https://192.0.2.1/")


def test_awaited_connections_are_blocked_too() -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get("https://192.0.2.1/")

    with block_network(), pytest.RaisesGroup(NetworkBlocked, allow_unwrapped=True):
        asyncio.run(ask())


def test_loopback_is_open(server: Server) -> None:
    server.script(Reply())
    with block_network(), httpx.Client(trust_env=False) as client:
        assert client.get(server.url.replace("127.0.0.1", "localhost")).status_code == 200


def test_the_guard_ends_with_its_block() -> None:
    before = socket.socket.connect
    with block_network():
        assert socket.socket.connect is not before
    assert socket.socket.connect is before
