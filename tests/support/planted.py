"""Secrets and card numbers that are planted everywhere, and a search for them in every byte that comes out."""

import logging
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from unibill import exactjson

ACCOUNT = "1042"
API_KEY = "pl@nted/key+Zq7 é\"'"
"""Every character that some encoding writes in another way."""
TOKEN = "SOCP_planted.token~Zq7%/x"
TENANT = "6ec2f7d0-3c7e-4c5b-9a56-2f3f2b0c9a11"
PAIR = b64encode(f"{ACCOUNT}:{API_KEY}".encode()).decode()
CARD = "4242 4242 4242 4242"
CARDS = (CARD, "4242424242424242", "4242-4242-4242-4242", "x4242424242424242", "4242%204242%204242%204242")
_CARD = re.compile(rb"4242(?:[ +-]|%20|\xc2\xa0)?4242(?:[ +-]|%20|\xc2\xa0)?4242")
SECRETS = (API_KEY, TOKEN, PAIR)
PLANT = " ".join([*SECRETS, *CARDS])
"""Goes where texts go."""


def _forms() -> list[bytes]:
    forms: set[str] = set()
    for secret in SECRETS:
        escaped = exactjson.dumps(secret).decode()[1:-1]
        forms |= {secret, quote(secret, safe=""), repr(secret)[1:-1], escaped, b64encode(secret.encode()).decode()}
    return [form.encode() for form in sorted(forms)]


FORMS = _forms()


def found(data: bytes) -> list[str]:
    """The secrets and card numbers in some bytes, with what stands around them."""
    places = [(data.find(form), form) for form in FORMS if form in data]
    places += [(match.start(), match.group()) for match in _CARD.finditer(data)]
    return [f"{form!r} in {data[max(at - 80, 0) : at + 120]!r}" for at, form in places]


def found_in_files(folder: Path, *, but: frozenset[str] = frozenset()) -> Mapping[str, list[str]]:
    """The same of every file below a folder, by its name."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in but]
    return {file.name: leaks for file in files if (leaks := found(file.read_bytes()))}


@dataclass
class Watch(logging.Handler):
    """A handler that keeps every line, tracebacks included."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        logging.Handler.__init__(self, logging.NOTSET)

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def said(self) -> bytes:
        """All of it."""
        return "\n".join(self.lines).encode("utf-8", "surrogateescape")


@contextmanager
def watching() -> Iterator[Watch]:
    """Every logger of the process at DEBUG."""
    watch = Watch()
    root = logging.getLogger()
    before = root.level
    root.addHandler(watch)
    root.setLevel(logging.DEBUG)
    try:
        yield watch
    finally:
        root.setLevel(before)
        root.removeHandler(watch)


def config(url: str, *, retries: int = 0) -> str:
    """A configuration whose secrets are the planted ones, with both vendors at one address."""
    key, token = exactjson.dumps(API_KEY).decode(), exactjson.dumps(TOKEN).decode()
    return f"""
[backends.billagain]
provider = "billagain"
base_url = "{url}/billagain/v1"
account = "{ACCOUNT}"
api_key = {key}
retries = {retries}
[backends.socotra]
provider = "socotra"
base_url = "{url}/socotra"
tenant = "{TENANT}"
token = {token}
credit_charge_type = "GoodwillCredit"
reversal_type = "migration"
retries = {retries}
"""
