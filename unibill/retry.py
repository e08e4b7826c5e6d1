"""Retries, as a layer around any provider's flow.

Reads are tried again on connection errors, 408, 429, 5xx and half an answer, with growing, jittered pauses and ``Retry-After``. A write is
tried again only where the transport proves that it was not sent, where the vendor said 429, or where sending it twice ends
in the same state; otherwise its outcome is unknown, and the flow is told so.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from unibill.errors import BackendError, MalformedResponse, OutcomeUnknown, Unavailable
from unibill.flow import Effect, Flow, Request, Response, Sleep

T = TypeVar("T")
LONGEST_WAIT: Final = 120.0
"""A vendor that asks for a longer pause is not waited for."""
_UNITS: Final = (("days", 86_400), ("hours", 3600), ("minutes", 60))
_LONGEST_SAID: Final = 1000 * 86_400
"""A longer pause is nobody's wish, but a number that went wrong."""
_TOO_MANY: Final = 429
_TIMED_OUT: Final = 408
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Policy:
    """How often to try again and how long to wait.

    Attributes:
        retries: tries after the first.
        first_wait: seconds before the first retry; it doubles with each.
        jitter: gives numbers from 0 up to 1.
    """

    retries: int = 4
    first_wait: float = 0.5
    jitter: Callable[[], float] = random.random


def resilient(flow: Flow[T], policy: Policy) -> Flow[T]:
    """The same flow, with its requests tried again where that is safe."""
    try:
        item = next(flow)
        while True:
            if isinstance(item, Request):
                try:
                    answer = yield from _send(item, policy)
                except BackendError as error:
                    item = flow.throw(error)
                else:
                    item = flow.send(answer)
            else:
                yield item
                item = flow.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def _send(request: Request, policy: Policy) -> Flow[Response]:
    for attempt in range(policy.retries + 1):
        last = attempt == policy.retries
        try:
            response = yield replace(request, attempt=attempt + 1) if attempt else request
        except (Unavailable, MalformedResponse) as error:
            unsent = isinstance(error, Unavailable) and not error.sent
            if request.effect is Effect.ONCE and not unsent:
                raise _unknown(request, error) from error
            if last or isinstance(error, MalformedResponse):
                raise
            yield Sleep(_pause(policy, attempt, None))
            continue
        if response is None:
            raise RuntimeError(f"the driver sent no response to {request.operation}")
        troubled = response.status == _TIMED_OUT or response.status >= _SERVER_ERROR
        cut = request.effect is Effect.NONE and _is_cut(response.body)
        if troubled and request.effect is Effect.ONCE:
            raise _unknown(request, None, response.status)
        asked = retry_after(response)
        if last or not (troubled or cut or response.status == _TOO_MANY) or (asked is not None and asked > LONGEST_WAIT):
            return response
        yield Sleep(_pause(policy, attempt, asked))
    raise AssertionError("the last try returns or raises")


def _is_cut(body: bytes) -> bool:
    """Whether a body begins as JSON records do and does not end so: somebody on the way passed on only a part of it."""
    return body[:1] in {b"{", b"["} and body.rstrip()[-1:] not in {b"}", b"]"}


def retry_after(response: Response, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """The seconds a vendor asks to wait, from ``Retry-After`` as seconds or as an HTTP date; None if it does not say."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.replace(".", "", 1).isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now()).total_seconds())


def said_wait(seconds: float | None) -> str:
    """``28 hours``, of a pause that a vendor asked for and that is not waited for; an empty text where there is nothing to say."""
    if seconds is None or not LONGEST_WAIT < seconds < _LONGEST_SAID:
        return ""
    name, size = next((name, size) for name, size in _UNITS if seconds >= 2 * size)
    return f"{math.ceil(seconds / size)} {name}"


def _pause(policy: Policy, attempt: int, asked: float | None) -> float:
    growing = policy.first_wait * 2**attempt * (0.5 + policy.jitter() / 2)
    return min(growing, LONGEST_WAIT) if asked is None else asked


def _unknown(request: Request, error: BackendError | None, status: int | None = None) -> OutcomeUnknown:
    reason = f"the write was sent, but {error.message}" if error else "the write was answered with a server error"
    return OutcomeUnknown(reason, operation=request.operation, status=error.status if error else status, permission=request.permission)
