"""Load for a sandbox over one bare socket, so that the client costs next to nothing: ``sandbox_load list|write TIMES``.

It starts a sandbox of its own, kept to the core that is named, and looks into its books after writing.
"""

import base64
import json
import socket
import subprocess
import sys
import time
from decimal import Decimal
from urllib.parse import urlsplit
from urllib.request import urlopen

from tests.benchmarks.frame import pinned
from tests.benchmarks.racers.counting import lap


class Line:
    """One connection, without a client library."""

    def __init__(self, base_url: str, account: str, key: str) -> None:
        url = urlsplit(base_url)
        self._socket = socket.create_connection((url.hostname, url.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._path = url.path
        self._basic = base64.b64encode(f"{account}:{key}".encode()).decode()

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Send a request and give the answer's body.

        Raises:
            RuntimeError: it was refused.
        """
        head = f"{method} {self._path}{path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Basic {self._basic}\r\n"
        self._socket.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        read = b""
        while b"\r\n\r\n" not in read:
            read += self._socket.recv(65536)
        said, _, rest = read.partition(b"\r\n\r\n")
        length = int(said.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self._socket.recv(65536)
        if said.split()[1] not in {b"200", b"201"}:
            raise RuntimeError(rest.decode())
        return rest


def main(what: str, times: str, core: str) -> None:
    """Load it, and print the lap."""
    command = [sys.executable, "-m", "unibill", "sandbox", "--json", "--seed", "generated:1000"]
    with subprocess.Popen(pinned(command, int(core) if core else None), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            backend, count = told["billagain"], int(times)
            line = Line(backend["base_url"], backend["account"], backend["api_key"])
            customer = json.loads(line.ask("GET", "/credits?page=1&page_size=1"))[0]["customerID"]
            started = time.perf_counter()
            for number in range(count):
                if what == "list":
                    line.ask("GET", f"/credits?page={number % 9 + 1}&page_size=100")
                else:
                    line.ask("POST", "/credits", _note(customer, number))
            seconds = time.perf_counter() - started
            lap(count / seconds, seconds, check="right" if what == "list" or _in_books(told["url"]) == count else "wrong")
        finally:
            process.terminate()


def _note(customer: int, number: int) -> bytes:
    note = {"customerID": customer, "Date": "05 Apr 2016", "CurrencyCode": "ZAR", "Amount": 10.5, "CreditNumber": f"load-{number}"}
    return json.dumps({**note, "Memo": "", "AutoApply": True}).encode()


def _in_books(url: str) -> int:
    with urlopen(f"{url}/_sandbox/books") as answer:  # noqa: S310 - our own sandbox
        written = [line for line in answer.read().decode().splitlines() if '"load-' in line]
    amounts = [json.loads(line, parse_float=Decimal)["Amount"] for line in written]
    return len(written) if all(Decimal(amount) == Decimal("10.5") for amount in amounts) else -1


if __name__ == "__main__":
    main(*sys.argv[1:])
