"""Flows: what to ask a backend, without asking it.

A flow is a generator. It yields a ``Request`` and is sent the ``Response``; it yields ``Sleep`` to wait and ``Step`` to have
something written down; it returns a value. It decides, and does no I/O, so the same flow serves the sync and the async
driver and can be driven by hand in a test. One flow has one request under way at a time; concurrency is several flows.
A flow never yields in a ``finally``: a driver that stops closes it.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Literal, TypeAlias, TypeVar
from urllib.parse import quote

from unibill import exactjson
from unibill.errors import BackendError

T = TypeVar("T")

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Query: TypeAlias = tuple[tuple[str, str], ...]


class Effect(Enum):
    """What sending a request twice would do."""

    NONE = "none"
    """A read: it can be sent as often as needed."""
    IDEMPOTENT = "idempotent"
    """A write that ends in the same state however often it is sent."""
    ONCE = "once"
    """A write that would act again. It is never sent again unless it provably was not sent or was refused."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, below the backend's base URL and without its credentials.

    Attributes:
        operation: the vendor's name of the operation, for errors and logs.
        path: percent-encoded; build it with ``path()``.
        query: pairs, in order; values not yet encoded.
        body: JSON bytes, or None for no body.
        effect: what sending it twice would do.
        permission: the vendor's permission that it needs, if known.
        attempt: 1 for the first try; what tries again counts.
    """

    operation: str
    method: Method
    path: str
    query: Query = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    effect: Effect = Effect.NONE
    permission: str = ""
    attempt: int = field(default=1, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, whole.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        body: decoded of any content encoding.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> object:
        """The body as exact JSON.

        Raises:
            InexactJSON: it is none.
        """
        return exactjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait this many seconds. Waiting is the driver's business, so tests can switch it off."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be kept before the flow goes on.

    A flow of several writes yields one with ``done=False`` before each write and one with ``done=True`` and what the answer
    told after it. A driver with a run store makes it durable first; given back as ``done``, the flow goes on from there.

    Attributes:
        name: names the write within its flow, such as ``charge`` or ``execute:01J…``.
        done: whether the write has been answered.
        data: JSON values that the flow needs to go on.
    """

    name: str
    done: bool
    data: Mapping[str, object] = field(default_factory=dict[str, object])


Done: TypeAlias = Mapping[str, Mapping[str, object]]
"""The data of the steps that are done, by name."""

Flow: TypeAlias = Generator[Request | Sleep | Step, Response | None, T]
_GoOn: TypeAlias = Callable[[], Request | Sleep | Step]
"""Makes a flow go on, and gives what it asks next."""


def path(template: str, *values: str) -> str:
    """Fill ``{}`` in a path with values, percent-encoded whole, so that an id can never leave its place.

    Raises:
        ValueError: a value is empty, ``.`` or ``..``, which servers and proxies would read as another path, or a lone surrogate.
    """
    for value in values:
        if value in {"", ".", ".."}:
            raise ValueError(f"{value!r} cannot be an id in a path")
    return template.format(*(quote(value, safe="") for value in values))


def exchange(request: Request) -> Flow[Response]:
    """Send one request and give its answer: the smallest flow, for others to ``yield from``."""
    response = yield request
    if response is None:
        raise RuntimeError(f"the driver sent no response to {request.operation}")
    return response


def preceded(flow: Flow[T], first: Callable[[Request | Sleep | Step], Iterable[Step]]) -> Flow[T]:
    """The same flow, with steps put before what it yields.

    Args:
        flow: what to do.
        first: is shown whatever the flow yields, before that is done, and gives the steps.
    """
    try:
        item = next(flow)
        while True:
            yield from first(item)
            try:
                reply = yield item
            except BackendError as error:
                item = flow.throw(error)
            else:
                item = flow.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def begun(flow: Flow[T]) -> Flow[Flow[T]]:
    """A flow up to its first answer, or the error in its place. What it makes of it is left to the flow that this one gives.

    So one thread can have the answer fetched, and another read it when it is wanted.
    """
    go_on: _GoOn = partial(next, flow)
    try:
        while True:
            asked = go_on()
            go_on = yield from _step(flow, asked)
            if isinstance(asked, Request):
                return _rest(flow, go_on)
    except StopIteration as end:
        return _rest(flow, partial(_end, end))
    except GeneratorExit:
        flow.close()
        raise


def _rest(flow: Flow[T], go_on: _GoOn) -> Flow[T]:
    try:
        while True:
            go_on = yield from _step(flow, go_on())
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        flow.close()


def _step(flow: Flow[T], asked: Request | Sleep | Step) -> Flow[_GoOn]:
    try:
        answer = yield asked
    except BackendError as error:
        return partial(flow.throw, error)
    return partial(flow.send, answer)


def _end(end: StopIteration) -> Request:
    raise end
