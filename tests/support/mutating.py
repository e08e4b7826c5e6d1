"""Vendors' answers, spoilt: one real body of the sandboxes for each route, and every way in which a body can be wrong."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.settings import SocotraSettings

import unibill
from unibill import AllocationDraft, ChargeDraft, CreditDraft, exactjson, plugins
from unibill.errors import UnibillError
from unibill.http import without_waiting
from unibill.provider import BackendSettings
from unibill.sandbox import Sandbox

Pick = Callable[[int], int]
"""Gives a number from 0 up to, and without, its argument."""

MOST_REQUESTS: Final = 2_000
"""A flow that asks more often, of books this small, would never end."""
SURROGATE: Final = b'"\\ud800"'
NUMBERS: Final = (
    b"0",
    b"-0",
    b"-1",
    b"1.10",
    b"1e5",
    b"1E400",
    b"-1e-400",
    b"1e999999999",
    b"9" * 400,
    b"0." + b"9" * 400,
    b"1e-999999999",
)
VALUES: Final[tuple[bytes, ...]] = (
    *(b"null", b"true", b"false", b'""', b'"x"', b"[]", b"{}", b"[null]", b"[[[]]]", b'{"a": {}}', b'"NaN"', b'"Infinity"', b'"1e5"'),
    *NUMBERS,
    *(SURROGATE, b'"\\u0000"', b'"\\u202e\\u001b[31m"', b'"' + b"x" * 70_000 + b'"', b'"2016-13-45T99:99:99Z"', b'"0001-01-01T00:00:00Z"'),
    *(b'"9999-12-31T23:59:59Z"', b'"-5"', b'"4242 4242 4242 4242"', b"NaN", b"Infinity", b"01", b"1_000", b"'x'", b"undefined"),
    *(b"[" * 3_000 + b"]" * 3_000, b'{"a":' * 3_000 + b"1" + b"}" * 3_000, b"[" * 200_000),
)
STATUSES: Final = (200, 201, 202, 204, 206, 299, 400, 401, 403, 404, 408, 409, 410, 418, 422, 429, 500, 502, 503, 599)
_HEADERS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"content-type": "text/html"},
    {"content-type": "application/json; charset=utf-16"},
    {"retry-after": "-5"},
    {"retry-after": "9" * 400},
    {"retry-after": "1e999"},
    {"retry-after": "Mon, 99 Foo 99999 25:61:61 GMT"},
    {"retry-after": "\u00b2"},
    {"x-request-id": "\u00e9\u00ff", "socotra-request-id": "x" * 9_000},
)


def spoilt(body: bytes, pick: Pick) -> bytes:
    """A body with one thing wrong with it."""
    ways: Sequence[Callable[[bytes, Pick], bytes]] = (
        _value,
        _value,
        _value,
        _value,
        _missing,
        _doubled,
        _more,
        _bytes,
        _cut,
        _encoded,
        _whole,
    )
    return ways[pick(len(ways))](body, pick)


def _placed(value: object, pick: Pick, change: Callable[[Any, Any], None]) -> object:
    """Walk down to a random place and change what is there."""
    at = value
    while True:
        keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            return value
        key = keys[pick(len(keys))]
        below = cast("Any", at)[key]
        if not isinstance(below, (dict, list)) or not below or pick(3) == 0:
            change(at, key)
            return value
        at = below


_HOLE: Final = "\u2603hole\u2603"


def _with_hole(body: bytes, pick: Pick) -> bytes:
    def dig(at: Any, key: Any) -> None:  # noqa: ANN401 - a place in JSON
        at[key] = _HOLE

    return exactjson.dumps(_placed(exactjson.loads(body), pick, dig))


def _value(body: bytes, pick: Pick) -> bytes:
    """A value of another type, or out of every range."""
    return _with_hole(body, pick).replace(f'"{_HOLE}"'.encode(), VALUES[pick(len(VALUES))])


def _missing(body: bytes, pick: Pick) -> bytes:
    def drop(at: Any, key: Any) -> None:  # noqa: ANN401 - a place in JSON
        del at[key]

    return exactjson.dumps(_placed(exactjson.loads(body), pick, drop))


def _doubled(body: bytes, pick: Pick) -> bytes:
    """The same key twice in an object, with another value."""
    at = body.find(b"{")
    end = body.find(b":", at)
    return body if min(at, end) < 0 else body[: at + 1] + body[at + 1 : end] + b":" + VALUES[pick(len(VALUES))] + b"," + body[at + 1 :]


def _more(body: bytes, pick: Pick) -> bytes:
    """A field that nobody documented."""
    at = body.find(b"{")
    return body if at < 0 else body[: at + 1] + b'"undocumented":' + VALUES[pick(len(VALUES))] + b"," + body[at + 1 :]


def _bytes(body: bytes, pick: Pick) -> bytes:
    changed = bytearray(body)
    for _ in range(1 + pick(3)):
        if changed:
            changed[pick(len(changed))] = pick(256)
    return bytes(changed)


def _cut(body: bytes, pick: Pick) -> bytes:
    return body[: pick(len(body) + 1)]


def _encoded(body: bytes, pick: Pick) -> bytes:
    text = body.decode()
    forms = (
        b"\xef\xbb\xbf" + body,
        text.encode("utf-16"),
        text.encode("utf-32"),
        text.encode("cp037", "replace"),
        body + b"\xff",
        body + body,
    )
    return forms[pick(len(forms))]


def _whole(body: bytes, pick: Pick) -> bytes:
    del body
    return (b"", b" ", b"<html>no</html>", b"\x00", *VALUES)[pick(len(VALUES) + 4)]


@dataclass
class Corpus:
    """What the sandboxes answered, by backend, method and path."""

    settings: dict[str, BackendSettings] = field(default_factory=dict[str, BackendSettings])
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    ids: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def answer(self, request: httpx.Request, pick: Pick) -> httpx.Response:
        """An answer to one request: what was answered there once, usually spoilt."""
        known = self.bodies.get((request.method, request.url.path))
        if known is None:
            same = [body for (method, _), body in sorted(self.bodies.items()) if method == request.method] or [b"{}"]
            known = same[pick(len(same))]
        body = spoilt(known, pick) if pick(4) else known
        status = STATUSES[pick(len(STATUSES))] if pick(6) == 0 else 201 if request.method == "POST" else 200
        headers = [(name.encode(), value.encode("latin-1")) for name, value in _HEADERS[pick(len(_HEADERS))].items()]
        return httpx.Response(status, headers=headers, content=body)


Action = Callable[[unibill.Billing, dict[str, str]], object]


def _drain(records: Iterator[Any]) -> list[Any]:
    return [record for record, _ in zip(records, range(5_000), strict=False)]


def _credit(billing: unibill.Billing, ids: dict[str, str]) -> Any:  # noqa: ANN401 - a credit
    return billing.credits.get(ids["credit"], account=ids["account"])


def _draft(ids: dict[str, str]) -> CreditDraft:
    return CreditDraft.model_validate({"account_id": ids["account"], "currency": ids["currency"], "amount": "5.00", "memo": "m"})


ACTIONS: Final[dict[str, Action]] = {
    "list": lambda billing, ids: _drain(billing.credits.list(account=ids["account"])),
    "list_all": lambda billing, ids: _drain(billing.credits.list(account=ids["account"], include_reversed=True, allocations=True)),
    "invoice": lambda billing, ids: _drain(billing.credits.list(invoice=ids["invoice"])),
    "get": _credit,
    "create": lambda billing, ids: billing.credits.create(_draft(ids)),
    "create_keyed": lambda billing, ids: billing.credits.create(_draft(ids), key="k"),
    "find": lambda billing, ids: billing.credits.find(key="k", account=ids["account"]),
    "allocate": lambda billing, ids: billing.credits.allocate(
        _credit(billing, ids), [AllocationDraft.model_validate({"target_id": ids["invoice"], "amount": "0.01"})]
    ),
    "deallocate": lambda billing, ids: billing.credits.deallocate(
        found := _credit(billing, ids), [item.id for item in found.allocations or () if item.id] or ["1"]
    ),
    "void": lambda billing, ids: billing.credits.void(_credit(billing, ids)),
    "charges": lambda billing, ids: _drain(billing.charges.list(account=ids["account"])),
    "add": lambda billing, ids: billing.charges.add(
        [
            ChargeDraft.model_validate(
                {"account_id": ids["account"], "currency": ids["currency"], "amount": "-1.00", "type": "GoodwillCredit"}
            )
        ]
    ),
    "reverse": lambda billing, ids: billing.charges.reverse(ids["account"], [ids["credit"].removeprefix("charge:")]),
    "state": lambda billing, ids: billing.run(billing.provider.account_state(ids["account"])),
}


def collected() -> Corpus:
    """Ask both sandboxes everything once, and keep what they answered."""
    systems = [system for name in ("billagain", "socotra") if (system := plugins.load(name).sandbox()) is not None]
    corpus = Corpus()
    with Sandbox(systems) as sandbox, sandbox.serve() as serving, without_waiting():
        sandbox.seed("documented")
        sandbox.seed("generated", 6, 2)
        rows = sandbox.books()
        served: Any = serving.backends
        corpus.settings = {
            "billagain": BillAgainSettings(**served["billagain"], retries=1),
            "socotra": SocotraSettings(**served["socotra"], retries=1, credit_charge_type="GoodwillCredit", reversal_type="migration"),
        }
        charge = next(row for row in rows if row["type"] == "charge" and row["chargeCategory"] == "credit")
        invoice = next((row for row in rows if row["type"] == "invoice" and row.get("accountLocator") == charge["accountLocator"]), None)
        corpus.ids = {
            "billagain": {"account": "269", "credit": "10095", "invoice": "11352", "currency": "ZAR"},
            "socotra": {
                "account": str(charge["accountLocator"]),
                "credit": f"charge:{charge['locator']}",
                "invoice": str(invoice["locator"]) if invoice else "01JBAS3SK5ABDPV2E32GNXW7Z6",
                "currency": str(charge["currency"]),
            },
        }

        def keep(response: httpx.Response) -> None:
            body = response.read()
            if response.is_success and body:
                corpus.bodies[response.request.method, response.request.url.path] = body

        for name, settings in corpus.settings.items():
            with httpx.Client(event_hooks={"response": [keep]}) as client, unibill.connect(settings, client=client) as billing:
                for action in ACTIONS.values():
                    try:
                        action(billing, corpus.ids[name])
                    except UnibillError:
                        continue
    return corpus


class NeverEnds(AssertionError):
    """An action asked so often that it would never end."""


@contextmanager
def hostile(corpus: Corpus, backend: str, pick: Pick) -> Iterator[unibill.Billing]:
    """A facade whose backend answers with spoilt bodies."""
    asked = [0]

    def respond(request: httpx.Request) -> httpx.Response:
        asked[0] += 1
        if asked[0] > MOST_REQUESTS:
            raise NeverEnds(str(request.url))
        return corpus.answer(request, pick)

    with (
        httpx.Client(transport=httpx.MockTransport(respond)) as client,
        unibill.connect(corpus.settings[backend], client=client) as billing,
    ):
        yield billing
