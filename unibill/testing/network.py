"""A guard around the network: inside it, this process reaches nothing but itself.

What tries to get out fails at once with ``NetworkBlocked``, which is no connection error, so that no retry hides it.
"""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine."""


@contextmanager
def block_network() -> Iterator[None]:
    """Block every connection and name look-up of this process but those to loopback and Unix sockets."""
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    look_up = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - as socket has it
        _check(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:  # noqa: ANN401 - as socket has it
        _check(self, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:  # noqa: ANN401 - as socket has it
        _check(self, rest[-1])
        return sendto(self, data, *rest)

    def guarded_look_up(host: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401 - as socket has it
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name not in {None, ""} and not is_here(str(name)):
            raise NetworkBlocked(f"a test tried to look up {name}; the network is blocked but for loopback")
        return look_up(host, *rest, **named)

    with (
        mock.patch.object(socket.socket, "connect", guarded_connect),
        mock.patch.object(socket.socket, "connect_ex", guarded_connect_ex),
        mock.patch.object(socket.socket, "sendto", guarded_sendto),
        mock.patch.object(socket, "getaddrinfo", guarded_look_up),
    ):
        yield


def _check(own: socket.socket, address: Any) -> None:  # noqa: ANN401 - an address is of any form
    if own.family not in {socket.AF_INET, socket.AF_INET6} or is_here(str(address[0])):
        return
    own.close()  # or whoever asked would leave it open, and a later test would be warned of it
    raise NetworkBlocked(f"a test tried to reach {address[0]}; the network is blocked but for loopback")


def is_here(host: str) -> bool:
    """Whether a host is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False
