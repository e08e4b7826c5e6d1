"""Every error is in the tree that its module prints, and tells a person what to do."""

import inspect
import re

import pytest

import unibill
from unibill import errors
from unibill.errors import BackendError, NotFound, OutcomeUnknown, UnibillError

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, UnibillError)]


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    drawn = re.findall(r"^    ([│ ├└─]*)(\w+)", errors.__doc__ or "", re.MULTILINE)
    parents: list[str] = []
    tree: dict[str, str] = {}
    for indent, name in drawn:
        depth = len(indent) // 4
        parents[depth:] = [name]
        tree[name] = parents[depth - 1] if depth else "Exception"

    assert tree == {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_says_how_the_command_line_ends_with_it(kind: type[UnibillError]) -> None:
    assert kind.exit_status in {1, 2, 3, 4}


@pytest.mark.parametrize(
    "kind", [kind for kind in CLASSES if issubclass(kind, BackendError) and kind is not BackendError], ids=lambda kind: kind.__name__
)
def test_every_error_of_a_backend_says_what_to_do_next(kind: type[BackendError]) -> None:
    assert kind("it failed").hint.endswith(".")
    assert str(kind("it failed", hint="Do this.")).endswith("Do this.")


def test_the_text_has_everything_that_is_known_and_nothing_that_is_not() -> None:
    full = NotFound(
        "no such credit",
        backend="main",
        operation="getCredit",
        status=404,
        vendor_message="gone",
        request_id="r-1",
        permission="credits: read",
        hint="Look.",
    )

    assert (
        str(full)
        == 'main getCredit: no such credit (status 404, request r-1, needs permission credits: read). The backend said: "gone". Look.'
    )
    assert str(OutcomeUnknown("no answer", hint="Look.")) == "no answer. Look."


def test_every_error_an_app_can_meet_is_public() -> None:
    internal = {"RunError", "RunStoreError", "LeaseLost", "PlanMismatch", "GuardStopped"}

    assert {kind.__name__ for kind in CLASSES} - internal <= set(unibill.__all__)
