"""Native access: a vendor's own operations as plain methods, blocking or awaitable, from one set of flows.

A provider writes its ``api`` once, as a class whose methods return flows. Its two native clients are lists of assignments::

    class SocotraNative(Native[SocotraApi]):
        fetch_credits = blocking(SocotraApi.fetch_credits)

    class AsyncSocotraNative(AsyncNative[SocotraApi]):
        fetch_credits = awaitable(SocotraApi.fetch_credits)
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar

from unibill.flow import Flow

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Runner(Protocol):
    """Drives a flow and gives its value."""

    def __call__(self, flow: Flow[T], /) -> T:
        """Drive it."""
        ...


class AsyncRunner(Protocol):
    """Drives a flow and gives its value, awaited."""

    def __call__(self, flow: Flow[T], /) -> Awaitable[T]:
        """Drive it."""
        ...


class Native(Generic[A_co]):
    """A vendor's operations, blocking."""

    def __init__(self, api: A_co, run: Runner) -> None:
        self.api = api
        self.run = run


class AsyncNative(Generic[A_co]):
    """A vendor's operations, awaitable."""

    def __init__(self, api: A_co, run: AsyncRunner) -> None:
        self.api = api
        self.run = run


def blocking(operation: Callable[Concatenate[A, P], Flow[R]]) -> Callable[Concatenate[Native[A], P], R]:
    """An ``api`` method as a blocking method."""

    @wraps(operation)
    def method(native: Native[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return native.run(operation(native.api, *args, **kwargs))

    return method


def awaitable(operation: Callable[Concatenate[A, P], Flow[R]]) -> Callable[Concatenate[AsyncNative[A], P], Awaitable[R]]:
    """An ``api`` method as an awaitable method."""

    @wraps(operation)
    def method(native: AsyncNative[A], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        return native.run(operation(native.api, *args, **kwargs))

    return method
