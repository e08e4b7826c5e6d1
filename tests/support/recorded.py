"""Which of a vendor's operations the cassettes of a folder hold, by the vendor's own table of routes."""

import inspect
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from unibill.testing.cassettefile import read

ROOT = Path(__file__).parents[2]
Routes = Mapping[str, tuple[str, str]]
"""Methods and paths with their {placeholders}, by operation."""


def recorded_operations(folder: str, routes: Routes, *, base: str = "") -> Counter[str]:
    """How often each operation stands in the cassettes below a folder; what is no operation counts as its method and path.

    Args:
        folder: below ``cassettes``.
        routes: of the vendor's operations.
        base: what the vendor's paths begin with in the cassettes.
    """
    patterns = sorted(
        ((path.count("{"), method, _pattern(base + path), name) for name, (method, path) in routes.items()), key=lambda one: one[0]
    )
    counts: Counter[str] = Counter()
    for file in sorted((ROOT / "cassettes" / folder).rglob("*.yaml")):
        for one in read(file)["interactions"]:
            method, path = one["request"]["method"], urlsplit(one["request"]["url"]).path
            fitting = (name for _, wanted, pattern, name in patterns if wanted == method and pattern.fullmatch(path))
            counts[next(fitting, f"{method} {path}")] += 1
    return counts


def native_operations(api: type[object]) -> list[str]:
    """The names of a vendor's operations as the provider has them."""
    return [name for name, _ in inspect.getmembers(api, inspect.isfunction) if not name.startswith("_")]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, re.split(r"\{\w+\}", path))))
