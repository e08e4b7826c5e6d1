"""What charges of the source become at the target: their types, and the policies, transactions and elements that they name.

Files and faults as in ``maps``. What is not in a map blocks; what shall stay behind is named.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from unibill.copying.maplines import InvalidMap, is_complete, is_new, read_lines, stripped
from unibill.model import Invoicing

LEFT_BEHIND: Final = "-"
"""Stands for the target's charge type where charges of a type shall not be copied."""
_TYPES: Final = ("source_type", "target_type")
_INVOICING: Final = "invoicing"
_POLICIES: Final = ("source_policy", "target_policy")
_KIND: Final = "kind"
_MODES: Final = tuple(mode.value for mode in Invoicing if mode is not Invoicing.UNKNOWN)


class LinkKind(StrEnum):
    """What a charge can belong to."""

    POLICY = "policy"
    TRANSACTION = "transaction"
    ELEMENT = "element"
    ELEMENT_STATIC = "element_static"


@dataclass(frozen=True, slots=True)
class MappedType:
    """A charge type at the target.

    Attributes:
        name: None leaves charges of the type behind.
        invoicing: when they are put on an invoice there; None as at the source.
    """

    name: str | None
    invoicing: Invoicing | None = None


@dataclass(frozen=True, slots=True)
class ChargeTypeMap:
    """The target's charge type for each of the source's. A target charge type has to be one whose charges can be written: flat, at Socotra.

    Attributes:
        pairs: the known pairs; empty where ``find`` is given.
        find: asked for each type that the source's charges have.
        notes: what a person should know about the map, such as two types that become one.
    """

    pairs: Mapping[str, MappedType] = field(default_factory=dict[str, MappedType])
    find: Callable[[str], MappedType | str | None] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_csv(cls, path: Path | str) -> "ChargeTypeMap":
        """Read ``source_type,target_type`` and, if it is there, ``invoicing`` (scheduled, next or immediate; empty: as at the source).

        ``-`` as the target leaves charges of a type behind.

        Raises:
            InvalidMap: with every bad line.
        """
        rows = read_lines(Path(path), _TYPES, (_INVOICING,))
        faults, pairs = rows.faults, dict[str, MappedType]()
        for line, (source, target, mode) in rows:
            named = is_complete(faults, line, {_TYPES[0]: source, _TYPES[1]: target})
            if mode and mode not in _MODES:
                faults.append(f"line {line}: {mode!r} is no invoicing; it is {', '.join(_MODES[:-1])} or {_MODES[-1]}, or empty")
                named = False
            if named and is_new(faults, line, "charge type", source, pairs):
                pairs[source] = MappedType(None if target == LEFT_BEHIND else target, Invoicing(mode) if mode else None)
        return cls._checked(f"the file {path}", pairs, faults)

    @classmethod
    def from_pairs(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> "ChargeTypeMap":
        """Take pairs of a source and a target charge type; ``-`` leaves a type behind.

        Raises:
            InvalidMap: an empty name, or a source type twice.
        """
        faults, known = list[str](), dict[str, MappedType]()
        for place, (source, target) in enumerate(stripped(pairs), 1):
            named = {_TYPES[0]: source, _TYPES[1]: target}
            if is_complete(faults, place, named, "pair") and is_new(faults, place, "charge type", source, known, "pair"):
                known[source] = MappedType(None if target == LEFT_BEHIND else target)
        return cls._checked("the map of charge types", known, faults)

    @classmethod
    def from_callable(cls, find: Callable[[str], MappedType | str | None]) -> "ChargeTypeMap":
        """Ask a function, which gives None for a type that nobody has decided about, and ``-`` for one that stays behind."""
        return cls(find=find)

    @classmethod
    def _checked(cls, what: str, pairs: dict[str, MappedType], faults: list[str]) -> "ChargeTypeMap":
        if not pairs and not faults:
            faults.append("it holds no charge type; give at least one line below the header")
        if faults:
            raise InvalidMap(what, faults)
        by_target: dict[str, list[str]] = {}
        for source, mapped in pairs.items():
            if mapped.name is not None:
                by_target.setdefault(mapped.name, []).append(source)
        notes = [f"charge types {', '.join(found)} all become {target}" for target, found in by_target.items() if len(found) > 1]
        return cls(pairs, notes=tuple(notes))

    def get(self, charge_type: str) -> MappedType | None:
        """The target's charge type, or None where nobody has decided."""
        if self.find is None:
            return self.pairs.get(charge_type)
        found = self.find(charge_type)
        if isinstance(found, MappedType):
            return found
        return MappedType(None if found == LEFT_BEHIND else found) if found else None


@dataclass(frozen=True, slots=True)
class PolicyMap:
    """The target's policy for each of the source's, and likewise transactions and elements that charges name.

    Attributes:
        pairs: the known pairs, by kind and id; empty where ``find`` is given.
        find: asked for each that a charge names.
    """

    pairs: Mapping[tuple[LinkKind, str], str] = field(default_factory=dict[tuple[LinkKind, str], str])
    find: Callable[[LinkKind, str], str | None] | None = None

    @classmethod
    def from_csv(cls, path: Path | str) -> "PolicyMap":
        """Read ``source_policy,target_policy`` and, if it is there, ``kind``.

        The kind says what a line is about: policy (also where it is empty), transaction, element or element_static.

        Raises:
            InvalidMap: with every bad line.
        """
        rows = read_lines(Path(path), _POLICIES, (_KIND,))
        faults, pairs = rows.faults, dict[tuple[LinkKind, str], str]()
        seen: dict[LinkKind, dict[str, str]] = {kind: {} for kind in LinkKind}
        for line, (source, target, word) in rows:
            named = is_complete(faults, line, {_POLICIES[0]: source, _POLICIES[1]: target})
            if word and word not in set(LinkKind):
                faults.append(f"line {line}: {word!r} is no kind; it is {', '.join(LinkKind)}, or empty for a policy")
                continue
            kind = LinkKind(word) if word else LinkKind.POLICY
            if named and is_new(faults, line, kind.value, source, seen[kind]):
                pairs[kind, source] = seen[kind][source] = target
        if not pairs and not faults:
            faults.append("it holds no policy; give at least one line below the header")
        if faults:
            raise InvalidMap(f"the file {path}", faults)
        return cls(pairs)

    @classmethod
    def from_pairs(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> "PolicyMap":
        """Take pairs of a source and a target policy.

        Raises:
            InvalidMap: an empty id, or a source policy twice.
        """
        faults, known = list[str](), dict[str, str]()
        for place, (source, target) in enumerate(stripped(pairs), 1):
            named = {_POLICIES[0]: source, _POLICIES[1]: target}
            if is_complete(faults, place, named, "pair") and is_new(faults, place, "policy", source, known, "pair"):
                known[source] = target
        if faults:
            raise InvalidMap("the map of policies", faults)
        return cls({(LinkKind.POLICY, source): target for source, target in known.items()})

    @classmethod
    def from_callable(cls, find: Callable[[LinkKind, str], str | None]) -> "PolicyMap":
        """Ask a function, which is given the kind and the id, and gives None for what the target does not have."""
        return cls(find=find)

    def get(self, kind: LinkKind, source: str) -> str | None:
        """The target's id, or None."""
        return (self.find(kind, source) or None) if self.find is not None else self.pairs.get((kind, source))
