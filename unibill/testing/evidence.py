"""What a provider's claims rest on, computed from tests that ran and passed.

``pytest --unibill-evidence FILE`` writes what ran: one JSON object a line, ``{"provider", "operation", "origin"}``. ``grades`` turns it
into evidence, and ``overclaimed`` names the claims that rest on less than they say.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, cast

from unibill import exactjson, plugins
from unibill.capabilities import Evidence, Operation

BY_ORIGIN: Final[Mapping[str, Evidence]] = {
    "live": Evidence.LIVE,
    "documented": Evidence.CASSETTE,
    "sandbox": Evidence.SANDBOX,
    "documented-shape": Evidence.DOCUMENTS,
}
"""What a passed test proves, by where its answers came from. A recording of our sandbox proves no more than the sandbox."""
_WEAKEST_FIRST: Final = tuple(Evidence)


def read(file: Path) -> list[tuple[str, str, str]]:
    """Provider, operation and origin of what ran, from a file that the plugin wrote."""
    lines = [cast("dict[str, str]", exactjson.loads(line)) for line in file.read_bytes().splitlines()]
    return [(line["provider"], line["operation"], line["origin"]) for line in lines]


def grades(ran: Iterable[tuple[str, str, str]], provider: str) -> dict[Operation, Evidence]:
    """The strongest evidence there is for each operation of a provider; one that never ran has documents only."""
    found = dict.fromkeys(Operation, Evidence.DOCUMENTS)
    for name, operation, origin in ran:
        if name == provider:
            key, proven = Operation(operation), BY_ORIGIN[origin]
            found[key] = max(found[key], proven, key=_WEAKEST_FIRST.index)
    return found


def overclaimed(ran: Iterable[tuple[str, str, str]], provider: str) -> dict[Operation, str]:
    """The usable operations whose declared evidence is stronger than what ran, with both grades."""
    proven = grades(ran, provider)
    claims = plugins.load(provider).capabilities.operations
    return {
        operation: f"claims {claim.evidence}, proven is {proven[operation]}"
        for operation, claim in claims.items()
        if claim.usable and _WEAKEST_FIRST.index(claim.evidence) > _WEAKEST_FIRST.index(proven[operation])
    }
