"""What a provider can do, as data.

Every operation of the facade is declared with a grade; what is not declared is refused, and so is what the vendor does not
offer, before any request is sent. Tables in the README are generated from this data.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.resources import files
from typing import Final, cast

from unibill import exactjson


class Operation(StrEnum):
    """The facade's operations."""

    CREDITS_LIST = "credits.list"
    """Every credit of the backend."""
    CREDITS_LIST_ACCOUNT = "credits.list(account=)"
    CREDITS_LIST_INVOICE = "credits.list(invoice=)"
    CREDITS_ALLOCATIONS = "credits.list(allocations=True)"
    CREDITS_GET = "credits.get"
    CREDITS_CREATE = "credits.create"
    CREDITS_CREATE_ALLOCATED = "credits.create(allocations=)"
    CREDITS_AUTO_APPLY = "credits.create(auto_apply=True)"
    CREDITS_FIND = "credits.find"
    CREDITS_ALLOCATE = "credits.allocate"
    CREDITS_DEALLOCATE = "credits.deallocate"
    CREDITS_VOID = "credits.void"
    CHARGES_LIST_ACCOUNT = "charges.list(account=)"
    CHARGES_LIST_POLICY = "charges.list(policy=)"
    CHARGES_LIST_TRANSACTION = "charges.list(transaction=)"
    CHARGES_ADD = "charges.add"
    CHARGES_REVERSE = "charges.reverse"


class Grade(StrEnum):
    """How well an operation is supported. Only the first three can be used."""

    NATIVE = "native"
    """One operation of the vendor does it."""
    EMULATED = "emulated"
    """Several operations of the vendor together do it."""
    PARTIAL = "partial"
    """It works for some records or fields; the note says which."""
    UNSUPPORTED = "unsupported"
    """The vendor does not offer it."""
    NOT_IMPLEMENTED = "not implemented"
    """The vendor offers it and this provider does not yet."""
    UNKNOWN = "unknown"
    """Nobody has checked."""


class Evidence(StrEnum):
    """What a claim rests on, weakest first."""

    DOCUMENTS = "documents"
    """The vendor's documents only."""
    SANDBOX = "sandbox"
    """Tests against the local sandbox, which is built from the documents."""
    CASSETTE = "cassette"
    """Answers that the vendor's documents print, typed by hand and replayed."""
    LIVE = "live"
    """Answers of the vendor itself: asked by a test, or recorded from it and replayed."""


PROVES: Final[Mapping[str, Evidence]] = {
    "documented-shape": Evidence.DOCUMENTS,
    "sandbox": Evidence.SANDBOX,
    "documented": Evidence.CASSETTE,
    "live": Evidence.LIVE,
}
"""What a test that passed proves, by where its answers came from. A recording of a sandbox proves no more than the sandbox."""
EVIDENCE_FILE: Final = "evidence.json"
"""The file in a provider's package that says what ran; ``pytest --unibill-evidence write`` makes it, and nobody writes it by hand."""


USABLE = frozenset({Grade.NATIVE, Grade.EMULATED, Grade.PARTIAL})


@dataclass(frozen=True, slots=True)
class Capability:
    """What is claimed of one operation.

    Attributes:
        grade: how well it is supported.
        permission: the vendor's permissions that it needs, as the vendor writes them.
        note: what a user should know, in one sentence.
        instead: what to use where it is not supported.
        evidence: what the claim rests on; computed from tests that ran, by ``proven``.
    """

    grade: Grade
    permission: str = ""
    note: str = ""
    instead: str = ""
    evidence: Evidence = Evidence.DOCUMENTS

    @property
    def usable(self) -> bool:
        """Whether the operation can be called."""
        return self.grade in USABLE


@dataclass(frozen=True, slots=True)
class FieldSupport:
    """Whether a field of the common credit can be read from a vendor and written to it.

    Attributes:
        note: where it comes from or goes, or what is lost.
        vendor: what the vendor calls it: the fields of its own records that it is read from and written to.
    """

    read: bool
    write: bool
    note: str = ""
    vendor: tuple[str, ...] = ()

    def rule(self, record: Mapping[str, object] | None = None) -> str:
        """Where the field comes from or goes, as a sentence.

        Args:
            record: a vendor's record; only those of the vendor's fields are named that it has.
        """
        names = ", ".join(name for name in self.vendor if record is None or name in record)
        if not names or self.note.startswith(names):
            return self.note
        return f"{names}: {self.note}" if self.note else names


@dataclass(frozen=True, slots=True)
class Limits:
    """The vendor's limits, where known.

    Attributes:
        page_size: records a page that unibill asks for.
        decimals: most decimals of an amount; None = those of the currency.
        text: most characters of a text field.
    """

    page_size: int = 100
    decimals: int | None = None
    text: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """All that a provider declares.

    Attributes:
        operations: by facade operation; one that is missing is refused.
        credit_fields: by name of the common credit's field.
        restated: the vendor's fields in ``Credit.extra`` that only say in the vendor's words what a field of the model says
            too; a copy loses nothing with them.
    """

    operations: Mapping[Operation, Capability]
    credit_fields: Mapping[str, FieldSupport] = field(default_factory=dict[str, FieldSupport])
    limits: Limits = field(default_factory=Limits)
    restated: frozenset[str] = frozenset()

    def of(self, operation: Operation) -> Capability:
        """The claim about one operation; an undeclared one is unknown, and so refused."""
        return self.operations.get(operation, Capability(Grade.UNKNOWN, note="the provider does not declare it"))

    def faults(self) -> list[str]:
        """What is wrong with the declaration; empty when it can be registered."""
        from unibill.model import Credit

        known = set(Operation)
        faults = [f"operation {operation!r} is not one of the facade's" for operation in self.operations if operation not in known]
        faults += [
            f"operation {operation} is {claim.grade} and says neither why nor what to use instead"
            for operation, claim in self.operations.items()
            if not claim.usable and not claim.note and not claim.instead
        ]
        faults += [
            f"credit field {name!r} is not one of the model's" for name in self.credit_fields if name not in Credit.__struct_fields__
        ]
        if self.limits.page_size < 1:
            faults.append(f"limits.page_size is {self.limits.page_size}; it must be at least 1")
        return faults


def strongest(origins: Collection[str]) -> Evidence:
    """The strongest evidence among answers of these origins; documents only where there are none."""
    return max((PROVES.get(origin, Evidence.DOCUMENTS) for origin in origins), key=list(Evidence).index, default=Evidence.DOCUMENTS)


def proven(module: str, operations: Mapping[Operation, Capability]) -> dict[Operation, Capability]:
    """Claims with the evidence for them: what ran, by the file ``evidence.json`` beside the module. What is not in it rests on documents only.

    Args:
        module: the ``__name__`` of the module that declares them.
        operations: the claims.
    """
    ran = origins_in(module.rpartition(".")[0])
    return {operation: replace(claim, evidence=strongest(ran.get(operation, ()))) for operation, claim in operations.items()}


def origins_in(package: str) -> dict[str, list[str]]:
    """What ran of each operation, by the package's ``evidence.json``: the origins of the answers. Empty where there is no such file."""
    file = files(package) / EVIDENCE_FILE
    return cast("dict[str, list[str]]", exactjson.loads(file.read_bytes())) if file.is_file() else {}
