"""The typed file uses all that ``unibill`` exports, so that the type checkers see all of it."""

import ast
from pathlib import Path

import unibill

TREE = ast.parse((Path(__file__).parent / "api.py").read_text("utf-8"))


def test_the_typed_file_uses_every_public_name() -> None:
    used = {node.id for node in ast.walk(TREE) if isinstance(node, ast.Name)} | {
        node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)
    }

    assert set(unibill.__all__) - used == set()


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert list(unibill.__all__) == sorted(unibill.__all__)
    assert all(hasattr(unibill, name) for name in unibill.__all__)


def test_the_typed_file_needs_no_ignore() -> None:
    text = (Path(__file__).parent / "api.py").read_text("utf-8")

    assert not any(mark in text for mark in ("type: ignore", "pyright: ignore", "cast("))
