"""What is installed beside the core, by the entry points of distributions. Nothing of it is imported."""

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

PROVIDERS: Final = "unibill.providers"
OBSERVERS: Final = "unibill.observers"

_Places = tuple[tuple[str, int], ...]
_REMEMBERED: Final = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A provider's name and the distributions that claim it, without anything imported.

    Attributes:
        distributions: name and version of each; more than one is a clash.
    """

    name: str
    distributions: tuple[str, ...]
    points: tuple[EntryPoint, ...]


def found() -> dict[str, Found]:
    """Every provider that is installed, by name, without importing any."""
    return dict(_found(_places()))


@lru_cache(maxsize=_REMEMBERED)
def _found(places: _Places) -> dict[str, Found]:
    by_name: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for point in _points(PROVIDERS, places):
        by_name.setdefault(point.name, {})[distribution(point), point.value] = point
    return {
        name: Found(name, tuple(sorted({owner for owner, _ in claims})), tuple(claims.values())) for name, claims in sorted(by_name.items())
    }


def points(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group."""
    return _points(group, _places())


def distribution(point: EntryPoint) -> str:
    """Name and version of what an entry point belongs to."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"


def _places() -> _Places:
    """Where distributions are looked for, and when each of these folders last changed: reading them all takes longer than a request."""
    return tuple((place, _changed(place or ".")) for place in sys.path)


def _changed(place: str) -> int:
    try:
        return os.stat(place).st_mtime_ns  # noqa: PTH116 - a path object would take longer than the answer
    except OSError:
        return 0


@lru_cache(maxsize=_REMEMBERED)
def _points(group: str, places: _Places) -> tuple[EntryPoint, ...]:
    del places
    return tuple(entry_points(group=group))
