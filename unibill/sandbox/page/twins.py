"""The other end of a copy: the record that a marked one was made from, and the records that were made from this one.

A mark is a hash of what it was made from, so the way back is to make the marks of everything in the other system and compare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from unibill import marks
from unibill.sandbox.view import Entry, Source, SystemView, mark_of

_GENERATIONS = 4
"""How often a record is thought to have been copied again after a rollback."""


@dataclass(frozen=True, slots=True)
class Twin:
    """The other end of a copy."""

    how: Literal["copied-from", "copied-to"]
    system: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Search:
    """What one system's records must be compared with a mark: the way from a copy to its source."""

    mark: str
    system: str
    identities: Sequence[str]
    sources: Sequence[Source]

    def run(self) -> list[Twin]:
        """The source, if it is there. Takes a few microseconds per record and needs no lock."""
        for generation in range(_GENERATIONS):
            for source in self.sources:
                if any(marks.mark(identity, source.kind, source.record_id, generation) == self.mark for identity in self.identities):
                    return [Twin("copied-from", self.system, source.type, source.id)]
        return []


def searches(views: Mapping[str, SystemView], url: str, entry: Entry) -> list[Search]:
    """Where the source of a marked record may be: in every system that its mark names."""
    mark = mark_of(entry.record)
    if mark is None:
        return []
    found: list[Search] = []
    for name, view in views.items():
        named = [identity for identity in view.identities(url) if marks.names(mark, identity)]
        if named:
            found.append(Search(mark, name, named, list(view.sources())))
    return found


def copies(views: Mapping[str, SystemView], url: str, system: str, type_name: str, entry: Entry) -> list[Twin]:
    """The records that carry a mark made from this one."""
    source = views[system].source(type_name, entry)
    if source is None:
        return []
    made = frozenset(
        marks.mark(identity, source.kind, source.record_id, generation)
        for identity in views[system].identities(url)
        for generation in range(_GENERATIONS)
    )
    return [Twin("copied-to", name, kind, number) for name, view in views.items() for kind, number in view.carriers(made)]
