"""Capabilities are data, and data that makes no sense is found out."""

import pytest

from unibill.capabilities import Capabilities, Capability, FieldSupport, Grade, Limits, Operation


def test_what_is_not_declared_cannot_be_used() -> None:
    claim = Capabilities({}).of(Operation.CREDITS_VOID)

    assert (claim.grade, claim.usable) == (Grade.UNKNOWN, False)


@pytest.mark.parametrize(
    ("grade", "usable"),
    [
        (Grade.NATIVE, True),
        (Grade.EMULATED, True),
        (Grade.PARTIAL, True),
        (Grade.UNSUPPORTED, False),
        (Grade.NOT_IMPLEMENTED, False),
        (Grade.UNKNOWN, False),
    ],
)
def test_only_three_grades_can_be_used(grade: Grade, usable: bool) -> None:
    assert Capability(grade).usable is usable


def test_a_whole_declaration_has_no_faults() -> None:
    whole = Capabilities(
        {
            **{operation: Capability(Grade.NATIVE) for operation in Operation},
            Operation.CREDITS_VOID: Capability(Grade.UNSUPPORTED, instead="credits.deallocate"),
        },
        {"memo": FieldSupport(read=True, write=False)},
    )

    assert whole.faults() == []


def test_every_fault_of_a_declaration_is_told_at_once() -> None:
    faults = Capabilities(
        {"credits.lists": Capability(Grade.NATIVE), Operation.CREDITS_GET: Capability(Grade.UNSUPPORTED)},  # type: ignore[dict-item]  # the point
        {"memmo": FieldSupport(read=True, write=True)},
        Limits(page_size=0),
    ).faults()

    assert faults == [
        "operation 'credits.lists' is not one of the facade's",
        "operation credits.get is unsupported and says neither why nor what to use instead",
        "credit field 'memmo' is not one of the model's",
        "limits.page_size is 0; it must be at least 1",
    ]
