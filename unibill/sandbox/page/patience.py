"""Figures that cost a walk through the books, kept while nothing changes and not made anew all the time while much does."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar, cast

T = TypeVar("T")

_SHARE = 10
"""A figure is made anew at the earliest after ten times the time that it took, so that looking takes a tenth at most."""

_MOST = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    version: str
    value: object
    good_until: float


class Patience:
    """Keeps figures by key and version. ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def get(self, key: Hashable, version: str, make: Callable[[], T]) -> tuple[T, bool]:
        """A figure, and whether it is that of this version; an older one is given while a new one would cost too much."""
        kept = self._kept.get(key)
        started = self._clock()
        if kept is not None and (kept.version == version or started < kept.good_until):
            self._kept.move_to_end(key)
            return cast("T", kept.value), kept.version == version
        value = make()
        ended = self._clock()
        self._kept[key] = _Kept(version, value, ended + (ended - started) * _SHARE)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return value, True
