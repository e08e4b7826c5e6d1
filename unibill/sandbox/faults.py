"""Faults that a sandbox makes on purpose: what a network, a proxy or a busy vendor does to a client.

A fault belongs to a route and names what goes wrong there. Whoever tests a client sets a list of them; for each request the
first one that fits is used, and at most one.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from unibill import exactjson
from unibill.checkwords import told

Kind = Literal[
    "latency",
    "status-429",
    "status-500",
    "status-502",
    "status-503",
    "cut-before",
    "cut-after",
    "late-effect",
    "html-error",
    "truncated-json",
    "slow-body",
    "duplicate-records",
    "shuffled-records",
    "skipped-records",
    "drift",
]
"""What can go wrong."""

KINDS: tuple[str, ...] = get_args(Kind)

_COMMON = frozenset({"kind", "route", "rate", "count", "skip", "random_seed"})
_STATUS = frozenset({"effect", "retry_after"})
_OWN: Mapping[str, frozenset[str]] = {
    "latency": frozenset({"seconds"}),
    "status-429": frozenset({"retry_after"}),
    "status-500": _STATUS,
    "status-502": _STATUS,
    "status-503": _STATUS,
    "late-effect": frozenset({"seconds", "answer"}),
    "html-error": frozenset({"status", "effect"}),
    "slow-body": frozenset({"seconds"}),
    "duplicate-records": frozenset({"index"}),
    "skipped-records": frozenset({"index"}),
    "drift": frozenset({"index", "field", "by"}),
}

Seconds = Annotated[float, Field(ge=0, le=3600)]


class Fault(BaseModel):
    """One thing that goes wrong on one route.

    Attributes:
        kind: what happens.

            * ``latency``: the answer comes ``seconds`` late.
            * ``status-429``: not handled; asks the client to come back after ``retry_after`` seconds.
            * ``status-500``, ``status-502``, ``status-503``: this status, with the request not handled (``effect`` is
              ``none``) or fully handled (``done``).
            * ``cut-before``: the connection is closed without an answer, the request never handled.
            * ``cut-after``: the request is handled, then the connection is closed without an answer.
            * ``late-effect``: answers 502, or cuts (``answer``), at once; the request is handled ``seconds`` later.
            * ``html-error``: ``status`` with a page of HTML, as proxies and login pages send it, 200 included; ``effect`` as above.
            * ``truncated-json``: half of the answer, with a content-length that fits the half.
            * ``slow-body``: the answer's body a byte at a time, ``seconds`` between two bytes.
            * ``duplicate-records``, ``skipped-records``: the list's record at ``index`` twice, or not at all.
            * ``shuffled-records``: the list in another order.
            * ``drift``: ``by`` is added to ``field`` of the list's record at ``index``.

        route: method and path, ``POST /billagain/v1/credits``. ``*`` stands for any method, or for one segment of the
            path; ``**`` for any number of segments.
        rate: the share of fitting requests that it hits, 0 to 1, drawn from ``random_seed``.
        count: how many requests it hits at most; None for no end.
        skip: how many fitting requests pass before the first hit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    route: str = "* /**"
    rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    count: Annotated[int, Field(ge=1)] | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    random_seed: int = 0
    seconds: Seconds = 0.0
    retry_after: Annotated[int, Field(ge=0)] | None = None
    status: Annotated[int, Field(ge=200, le=599)] = 502
    effect: Literal["none", "done"] = "none"
    answer: Literal["status-502", "cut"] = "status-502"
    index: Annotated[int, Field(ge=0)] = 0
    field: Annotated[str, Field(min_length=1)] = "amount"
    by: Decimal = Decimal(1)

    @model_validator(mode="after")
    def _check(self) -> "Fault":
        foreign = self.model_fields_set - _COMMON - _OWN.get(self.kind, frozenset())
        if foreign:
            raise ValueError(f"a fault of kind {self.kind} takes no {', '.join(sorted(foreign))}")
        method, _, path = self.route.partition(" ")
        if not re.fullmatch(r"\*|[A-Z]+", method) or not path.startswith("/"):
            raise ValueError(f"route {self.route!r} is not a method (or *), a space, and a path that starts with /")
        return self


_FAULTS = TypeAdapter(list[Fault])


def settings_of(kind: str) -> list[str]:
    """The settings that a kind of fault takes beside those that every kind takes, in the order in which ``Fault`` has them."""
    own = _OWN.get(kind, frozenset())
    return [name for name in Fault.model_fields if name in own]


def parse_faults(value: object) -> list[Fault]:
    """A list of faults from decoded JSON.

    Raises:
        ValueError: what is wrong, every fault of the list in one message, each with its place.
    """
    if not isinstance(value, list):
        raise ValueError("faults are a list; an empty list clears them")  # noqa: TRY004 - a ValueError is the interface
    try:
        return _FAULTS.validate_python(value)
    except ValidationError as error:
        raise ValueError(told(error)) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, whole."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def with_body(self, body: bytes) -> "Answer":
        """The same with another body, and a content-length that fits it."""
        headers = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        return Answer(self.status, headers, body)


class FaultList:
    """The faults in force, with how far each has come."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.faults: tuple[Fault, ...] = ()
        self._states: list[_State] = []
        self.add(faults)

    def add(self, faults: Sequence[Fault]) -> None:
        """Put more faults after those that are there."""
        self.faults += tuple(faults)
        self._states += [_State(fault, random.Random(fault.random_seed)) for fault in faults]  # noqa: S311 - repeatable, not secret

    def pick(self, method: str, path: str) -> "Hit | None":
        """The fault for one request, or None: the first that fits, is not used up, has let its share pass, and wins its draw."""
        for state in self._states:
            if state.strikes(method, path):
                return Hit(state)
        return None

    def report(self) -> list[dict[str, object]]:
        """Each fault as it was set, and how often it was used (``used``)."""
        return [
            {**_exact(state.fault.model_dump(exclude_unset=True)), "kind": state.fault.kind, "route": state.fault.route, "used": state.used}
            for state in self._states
        ]


def _exact(settings: Mapping[str, object]) -> dict[str, object]:
    """The same with Decimals for floats, which exact JSON does not take."""
    return {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in settings.items()}


@dataclass(slots=True)
class _State:
    fault: Fault
    random: random.Random
    seen: int = 0
    used: int = 0

    def strikes(self, method: str, path: str) -> bool:
        fault = self.fault
        if not route_matches(fault.route, method, path):
            return False
        self.seen += 1
        if self.seen <= fault.skip or (fault.count is not None and self.used >= fault.count):
            return False
        if fault.rate < 1 and self.random.random() >= fault.rate:
            return False
        self.used += 1
        return True


class Hit:
    """A fault that was drawn for one request."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self.fault = state.fault

    def give_back(self) -> None:
        """Undo the draw: the answer was not of a form that the fault can spoil."""
        self._state.used -= 1

    def spoil(self, answer: Answer) -> Answer | None:
        """The answer with the fault in it, for kinds that change bodies; None when this body cannot be changed so."""
        if self.fault.kind == "truncated-json":
            return answer.with_body(answer.body[: len(answer.body) // 2]) if len(answer.body) > 1 else None
        change = _RECORD_CHANGES.get(self.fault.kind)
        if change is None or answer.status != _OK:
            return None
        try:
            page = exactjson.loads(answer.body)
        except exactjson.InexactJSON:
            return None
        records = cast("Mapping[str, object]", page).get("items") if isinstance(page, dict) else page
        if not isinstance(records, list):
            return None
        changed = change(cast("list[object]", records), self.fault, self._state.random)
        if changed is None:
            return None
        whole = {**page, "items": changed} if isinstance(page, dict) else changed
        return answer.with_body(exactjson.dumps(whole))


_OK = 200


@lru_cache(maxsize=256)
def _route_pattern(route: str) -> tuple[str, re.Pattern[str]]:
    method, _, path = route.partition(" ")
    pieces = {"/**": "(/.*)?", "*": "[^/]*"}
    parts = re.split(r"(/\*\*|\*)", path)
    return method, re.compile("".join(pieces.get(part, re.escape(part)) for part in parts))


def route_matches(route: str, method: str, path: str) -> bool:
    """Whether a request is on a fault's route; see ``Fault.route``."""
    wanted, pattern = _route_pattern(route)
    return wanted in ("*", method) and pattern.fullmatch(path) is not None


def _duplicate(records: list[object], fault: Fault, _: random.Random) -> list[object] | None:
    if fault.index >= len(records):
        return None
    return [*records[: fault.index + 1], *records[fault.index :]]


def _skip(records: list[object], fault: Fault, _: random.Random) -> list[object] | None:
    if fault.index >= len(records):
        return None
    return [*records[: fault.index], *records[fault.index + 1 :]]


def _shuffle(records: list[object], _: Fault, source: random.Random) -> list[object] | None:
    if len(records) < 2:
        return None
    shuffled = records.copy()
    while shuffled == records:
        source.shuffle(shuffled)
        if all(record == records[0] for record in records):
            return None
    return shuffled


def _drift(records: list[object], fault: Fault, _: random.Random) -> list[object] | None:
    record = records[fault.index] if fault.index < len(records) else None
    if not isinstance(record, dict):
        return None
    fields = cast("dict[str, object]", record)
    key = next((name for name in fields if name.lower() == fault.field.lower()), None)
    old = fields.get(key) if key is not None else None
    if key is None or isinstance(old, bool) or not isinstance(old, (int, Decimal, str)):
        return None
    try:
        new = Decimal(old) + fault.by
    except ArithmeticError:
        return None
    value = format(new, "f") if isinstance(old, str) else new
    return [*records[: fault.index], {**fields, key: value}, *records[fault.index + 1 :]]


_RECORD_CHANGES: Mapping[str, Callable[[list[object], Fault, random.Random], list[object] | None]] = {
    "duplicate-records": _duplicate,
    "skipped-records": _skip,
    "shuffled-records": _shuffle,
    "drift": _drift,
}


def spoils_bodies(kind: str) -> bool:
    """Whether a kind changes the body of an answer and nothing else."""
    return kind == "truncated-json" or kind in _RECORD_CHANGES


def error_page(status: int) -> Answer:
    """A page of HTML as a proxy in front of a vendor sends it."""
    body = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>proxy</body></html>\n".encode()
    return Answer(status, [(b"content-type", b"text/html"), (b"content-length", str(len(body)).encode())], body)


def bare_status(status: int, retry_after: int | None = None) -> Answer:
    """A status with an empty body, and ``Retry-After`` in seconds if given."""
    headers = [(b"content-length", b"0")]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    return Answer(status, headers, b"")
