"""What the command line's tests share: how a command ended, and the sandboxes it works on."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from unibill import exactjson
from unibill.cli import cast
from unibill.sandbox import Sandbox

CARD = "4242 4242 4242 4242"
HOSTILE = "\x1b[31mred\x1b[0m \u202eevil\u2028"
MEMO = f"{HOSTILE} {CARD}"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    def records(self) -> list[dict[str, object]]:
        """Its lines of JSON."""
        values = [exactjson.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(value, dict) for value in values)
        return values  # type: ignore[return-value]  # asserted above


Command = Callable[..., Done]


@dataclass(frozen=True)
class Place:
    """Both sandboxes behind one address, and a folder with unibill.toml and maps."""

    sandbox: Sandbox
    folder: Path
    cast: cast.Cast
    url: str

    def add_credit(self, number: int, memo: str) -> None:
        """Put a BillAgain credit note with a card number and this memo into the books."""
        row = {"system": "billagain", "type": "credit", "creditNoteID": number, "customerID": 269, "Amount": 12}
        self.sandbox.seed("records", records=[{**row, "CreditNumber": CARD, "Memo": memo}])

    def rows(self, system: str, kind: str) -> list[dict[str, object]]:
        """Records of the books."""
        return [row for row in self.sandbox.books() if row["system"] == system and row["type"] == kind]

    def writes(self) -> int:
        """How many requests were no reads."""
        return sum(request.method != "GET" for request in self.sandbox.requests())


def spawn(*words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run a command as a process of its own."""
    done = subprocess.run(  # noqa: S603 - our own command, with our own words
        [sys.executable, "-m", "unibill", *words],
        cwd=cwd,
        env={**{name: value for name, value in os.environ.items() if name != "COLUMNS"}, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)
