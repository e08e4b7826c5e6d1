"""Tables in Markdown, made from what providers declare, so that the README cannot claim anything else.

``python -m unibill.tables FILE…`` writes them anew between their markers; a test fails when a file has drifted.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from unibill import plugins
from unibill.capabilities import Operation
from unibill.model import Credit
from unibill.plugins import AnyProvider

_END: Final = "<!-- end -->"
Providers = Mapping[str, type[AnyProvider]]


def capabilities(providers: Providers) -> str:
    """Every operation of the facade with its grade and evidence at each provider."""
    titles = [provider.title for provider in providers.values()]
    rows = [
        [f"`{operation}`", *(_claim(provider, operation) for provider in providers.values())]
        for operation in Operation
        if any(operation in provider.capabilities.operations for provider in providers.values())
    ]
    return _table(["Operation", *titles], rows)


def operations(providers: Providers) -> str:
    """The operations of one provider, with permission and note."""
    (provider,) = providers.values()
    rows = [
        [
            f"`{operation}`",
            claim.grade,
            claim.permission or "–",
            claim.evidence if claim.usable else "–",
            " ".join(filter(None, (claim.note, claim.instead))),
        ]
        for operation, claim in sorted(provider.capabilities.operations.items(), key=lambda item: list(Operation).index(item[0]))
    ]
    return _table(["Operation", "Grade", "Permission", "Evidence", "Note"], rows)


def fields(providers: Providers) -> str:
    """The fields of a credit: what can be read from and written to each provider."""
    titles = [title for provider in providers.values() for title in (f"{provider.title}: read", "write")]
    rows: list[list[str]] = []
    for name in Credit.model_fields:
        cells: list[str] = []
        for provider in providers.values():
            support = provider.capabilities.credit_fields.get(name)
            cells += ["?", "?"] if support is None else ["yes" if support.read else "–", "yes" if support.write else "–"]
        rows.append([f"`{name}`", *cells])
    return _table(["Field", *titles], rows)


MAKERS: Final[Mapping[str, Callable[[Providers], str]]] = {"capabilities": capabilities, "operations": operations, "fields": fields}
BUNDLED: Final = ("billagain", "socotra")


def regenerated(text: str, providers: Providers) -> str:
    """A text with each generated part made anew.

    A marker names the table, and providers if it is not about all: ``<!-- generated: operations socotra -->``.

    Raises:
        ValueError: a marker names an unknown table or provider, or has no end.
    """
    parts: list[str] = []
    rest = text
    while (start := rest.find("<!-- generated: ")) >= 0:
        marker, _, after = rest[start:].partition("\n")
        words = marker.removeprefix("<!-- generated: ").removesuffix(" -->").split()
        if words[0] not in MAKERS or not set(words[1:]) <= set(providers):
            raise ValueError(f"{marker} names no table that can be made")
        _, end, remaining = after.partition(_END)
        if not end:
            raise ValueError(f"{marker} has no {_END}")
        chosen = {name: providers[name] for name in words[1:]} if words[1:] else providers
        parts += [rest[:start], marker, "\n", MAKERS[words[0]](chosen), end]
        rest = remaining
    return "".join([*parts, rest])


def bundled() -> Providers:
    """The providers that ship with unibill, found the way any provider is."""
    return {name: plugins.load(name) for name in BUNDLED}


def _claim(provider: type[AnyProvider], operation: Operation) -> str:
    claim = provider.capabilities.of(operation)
    return f"{claim.grade} ({claim.evidence})" if claim.usable else f"{claim.grade}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main(paths: Sequence[str]) -> None:
    """Write the tables of these files anew."""
    providers = bundled()
    for path in map(Path, paths):
        path.write_text(regenerated(path.read_text("utf-8"), providers), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
