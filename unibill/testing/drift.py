"""Whether a backend still answers what a cassette holds."""

import re
from pathlib import Path
from typing import Any, Final

from unibill.testing import cassettefile, jsontree
from unibill.testing.jsontree import Tree

_VOLATILE: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    r"|[0-7][0-9A-HJKMNP-TV-Z]{25}"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def drift(recorded: Path, now: Path, *, exact: bool = False) -> str:
    """How a new recording of the same calls departs from a cassette; an empty text where it does not.

    Args:
        recorded: the cassette that is kept.
        now: the new recording.
        exact: compare times, ULIDs and UUIDs too, which a backend chooses anew each time; without it, each of them only has to be one.
    """
    before, after = _interactions(recorded, exact), _interactions(now, exact)
    lines: list[str] = []
    if len(before) != len(after):
        lines.append(f"{len(before)} exchanges were recorded, {len(after)} happen now")
    for place, (old, new) in enumerate(zip(before, after, strict=False)):
        if old != new:
            lines.append(f"interactions[{place}]: {old['request']['method']} {old['request']['url']}")
            lines.append(jsontree.difference(old, new))
    return "\n".join(lines)


def _interactions(file: Path, exact: bool) -> list[dict[str, Any]]:
    """The exchanges without headers, which are the transport's business."""
    return [
        {side: {name: _steady(value, exact) for name, value in one[side].items() if name != "headers"} for side in ("request", "response")}
        for one in cassettefile.read(file)["interactions"]
    ]


def _steady(value: Tree, exact: bool) -> Tree:
    return value if exact else jsontree.with_texts(value, lambda text: _VOLATILE.sub(_kind_of, text))


def _kind_of(found: re.Match[str]) -> str:
    return "<time>" if "T" in found.group() and ":" in found.group() else "<id>"
