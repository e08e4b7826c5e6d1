"""What the benchmarks of runs share: the server, the two backends over it, and what its books say."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from pydantic import SecretStr
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings

from tests.benchmarks.billing_server import TARGET
from tests.benchmarks.frame import pinned
from unibill import Billing
from unibill.copying import AccountMap, PlanOptions


class Server:
    """The server of ``billing_server``, in a process of its own.

    Args:
        url: where it is.
        pid: its process, where it is known.
    """

    def __init__(self, url: str, pid: int = 0) -> None:
        self.url = url
        self.pid = pid

    def reset(self, **facts: object) -> None:
        """Empty the target; ``credits``, ``accounts`` and ``latency`` can be changed."""
        self._ask("/reset", facts)

    def books(self) -> dict[str, Any]:
        """What stands at the target, by the server's own account."""
        return self._ask("/books", None)

    def _ask(self, path: str, body: object) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data=data)) as answer:  # noqa: S310 - our own server
            found: dict[str, Any] = json.load(answer)
        return found

    def billing(self, side: str, **settings: Any) -> Billing:  # noqa: ANN401 - any setting
        """A backend over one side, ``source`` or ``target``."""
        number = {"source": "1001", "target": "2002"}[side]
        wanted = {"base_url": f"{self.url}/{side}/v1", "account": number, "api_key": SecretStr("benchmark-key"), **settings}
        return Billing(side, BillAgainProvider(BillAgainSettings(**wanted)))


@contextmanager
def serving(core: int | None = None, **options: object) -> Iterator[Server]:
    """Start the server, on a core of its own if one is named."""
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command = pinned([sys.executable, "-m", "tests.benchmarks.billing_server", *arguments], core)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline().strip(), process.pid)
        finally:
            process.terminate()


def options_of(accounts: int) -> PlanOptions:
    """Plan every customer of the source."""
    return PlanOptions(accounts=AccountMap.from_pairs({str(n): str(TARGET + n) for n in range(1, accounts + 1)}))


def check(books: dict[str, Any], credits: int) -> None:
    """Stop unless every credit stands there once, and right."""
    if books["once"] != credits or books["twice"] or books["missing"] or books["wrong"]:
        raise SystemExit(f"the target's books are wrong: {books}")
