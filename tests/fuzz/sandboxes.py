"""``python -m tests.fuzz.sandboxes --examples 200``: requests of every kind that a sandbox's OpenAPI document allows, and many that it does not.

schemathesis makes them up; half of them name records that are there, so that they get further than to "not found". Bounded.
"""

import argparse
import random
import sys
from collections import Counter
from itertools import pairwise
from typing import Any, Final

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation.modes import GenerationMode

from tests.support.kit import steady_serving
from unibill.sandbox import Serving

SYSTEMS: Final = ("billagain", "socotra")
_KNOWN: Final = 0.6
_ANY_PACE: Final = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example)
_SERVER_ERROR: Final = 500
_FOUND_BY: Final = {
    "accounts": "account",
    "creditDistributions": "creditDistribution",
    "credits": "credit",
    "customers": "customer",
    "disbursements": "disbursement",
    "invoices": "invoice",
    "payments": "payment",
    "policies": "policy",
    "quotes": "quote",
    "shortfallCredits": "shortfallWriteOff",
    "writeOffs": "writeOff",
}
"""The types of records whose ids stand after these words in a path."""
_NAMES: Final = {
    "accountLocator": "account",
    "containerLocator": "invoice",
    "customerID": "customer",
    "invoiceID": "invoice",
    "policyLocator": "policy",
    "transactionLocator": "transaction",
}
_WORDS: Final = {
    "currency": "USD",
    "CurrencyCode": "ZAR",
    "chargeType": "ServiceFee",
    "reversalType": "migration",
    "type": "StandardPayment",
}


class _Known:
    """Ids of records that are there, by type."""

    def __init__(self, serving: Serving, system: str) -> None:
        self._ids: dict[str, list[Any]] = {}
        for row in serving.sandbox.books():
            number = row.get("locator") or row.get(f"{row['type']}ID") or row.get("creditNoteID")
            if row["system"] == system and number:
                self._ids.setdefault(str(row["type"]), []).append(number)

    def one(self, kind: str, draw: random.Random, otherwise: Any) -> Any:  # noqa: ANN401 - an id as the vendor has them
        return draw.choice(self._ids[kind]) if kind in self._ids else otherwise

    def path(self, template: str, given_: dict[str, Any], draw: random.Random) -> dict[str, Any]:
        words = template.strip("/").split("/")
        for before, word in pairwise(words):
            if word.startswith("{") and before in _FOUND_BY:
                given_[word[1:-1]] = self.one(_FOUND_BY[before], draw, given_[word[1:-1]])
        return given_

    def body(self, value: Any, draw: random.Random) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {name: self._field(name, part, draw) for name, part in value.items()}
        return [self.body(part, draw) for part in value] if isinstance(value, list) else value

    def _field(self, name: str, part: Any, draw: random.Random) -> Any:  # noqa: ANN401 - JSON
        if name in _WORDS and draw.random() < 0.8:
            return _WORDS[name]
        return self.one(_NAMES[name], draw, part) if name in _NAMES and draw.random() < 0.8 else self.body(part, draw)


def fuzz(serving: Serving, system: str, examples: int) -> Counter[tuple[str, int]]:
    """Send requests to every operation of one system.

    Args:
        serving: the sandbox.
        system: its system.
        examples: how many requests to each operation, of those that keep to the document and of those that do not.

    Returns:
        How often each operation answered with each status.

    Raises:
        AssertionError: an answer of 500 or more; the message says to what.
    """
    document = httpx.get(f"{serving.url}/_sandbox/{system}/openapi.json", trust_env=False).json()
    known, ended = _Known(serving, system), Counter[tuple[str, int]]()
    backend: Any = serving.backends[system]
    headers = {"authorization": f"Bearer {backend['token']}"} if system == "socotra" else {}
    auth = None if headers else (backend["account"], backend["api_key"])
    with httpx.Client(base_url=f"{serving.url}/{system}", headers=headers, auth=auth, trust_env=False) as client:
        operations: list[Any] = [one.ok() for one in schemathesis.openapi.from_dict(document).get_all_operations()]  # type: ignore[union-attr]  # an error has no such method, and fails here
        for operation in operations:
            for mode in GenerationMode:
                _try(operation, mode, examples, client, known, ended)
    return ended


def _try(operation: Any, mode: GenerationMode, examples: int, client: httpx.Client, known: _Known, ended: Counter[tuple[str, int]]) -> None:  # noqa: ANN401 - schemathesis' own
    @settings(max_examples=examples, database=None, phases=[Phase.generate], suppress_health_check=_ANY_PACE)
    @given(operation.as_strategy(generation_mode=mode), st.integers(0, 2**32))
    def send(case: Any, seed: int) -> None:  # noqa: ANN401 - schemathesis' own
        draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
        if draw.random() < _KNOWN:
            case.path_parameters = known.path(operation.path, dict(case.path_parameters or {}), draw)
            case.body = known.body(case.body, draw)
        status = _status(client, case)
        ended[operation.label, status] += 1
        assert status < _SERVER_ERROR, f"{operation.label} answered {status} to {case.as_curl_command()}"

    try:
        send()
    except (Unsatisfiable, ValueError):
        ended[operation.label, 0] += 1  # there is no way to break what demands nothing


def _status(client: httpx.Client, case: Any) -> int:  # noqa: ANN401 - schemathesis' own
    """Send one request and give its status; 0 where no client could send it."""
    prepared = case.as_transport_kwargs(base_url=str(client.base_url))
    body = {"json": prepared["json"]} if prepared.get("json") is not None else {"content": prepared.get("data")}
    try:
        return client.request(prepared["method"], prepared["url"], params=prepared.get("params"), **body).status_code
    except (UnicodeEncodeError, ValueError, TypeError, httpx.InvalidURL, httpx.LocalProtocolError):
        return 0


def main() -> int:
    """Fuzz both systems and print what they answered."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sandboxes", description="Requests to every operation of the sandboxes.")
    parser.add_argument("--examples", type=int, default=50, metavar="N", help="requests to each operation, right ones and wrong ones")
    given_ = parser.parse_args()
    with steady_serving() as serving:
        for system in SYSTEMS:
            for (label, status), count in sorted(fuzz(serving, system, given_.examples).items()):
                print(f"{system:<10} {label:<80} {status:>4} {count:>6}")  # noqa: T201 - a program
    return 0


if __name__ == "__main__":
    sys.exit(main())
