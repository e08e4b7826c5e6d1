"""JSON bodies as trees whose numbers are texts: nothing is rounded, and 1, 1.0 and true stay three things.

Cassettes hold bodies in this form, and requests are compared in it.
"""

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number, digit for digit as it was sent."""

    text: str


Tree: TypeAlias = Mapping[str, "Tree"] | Sequence["Tree"] | str | bool | Number | None
"""A JSON value."""


def parse(text: str) -> Tree:
    """Decode JSON.

    Raises:
        ValueError: not JSON, or an object that names one key twice, which no tree can hold.
    """
    try:
        tree: Tree = json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant, object_pairs_hook=_object_of_pairs
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return tree


def write(tree: Tree) -> str:
    """Encode as compact JSON, keys in their order."""
    if isinstance(tree, Number):
        return tree.text
    if isinstance(tree, Mapping):
        return "{" + ",".join(f"{_quoted(key)}:{write(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return "[" + ",".join(write(item) for item in tree) + "]"
    return _quoted(tree)


def with_texts(tree: Tree, change: Callable[[str], str]) -> Tree:
    """The same tree with every text in it, keys included, passed through ``change``."""
    return with_leaves(tree, change, change, lambda number: number)


def with_leaves(tree: Tree, key: Callable[[str], str], text: Callable[[str], Tree], number: Callable[[Number], Tree]) -> Tree:
    """The same tree with its keys, texts and numbers passed through functions."""
    if isinstance(tree, Number):
        return number(tree)
    if isinstance(tree, str):
        return text(tree)
    if isinstance(tree, Mapping):
        return {key(name): with_leaves(value, key, text, number) for name, value in tree.items()}
    if isinstance(tree, Sequence):
        return [with_leaves(item, key, text, number) for item in tree]
    return tree


def of_body(body: bytes | str | None) -> Tree | bytes:
    """A body as a tree, or as it is where it is no JSON; no body and an empty one are the same."""
    raw = body.encode() if isinstance(body, str) else body or b""
    try:
        return parse(raw.decode("utf-8"))
    except ValueError:
        return raw


def difference(recorded: Tree | bytes, now: Tree | bytes) -> str:
    """A short, readable difference of two bodies: one line a value, ``-`` recorded, ``+`` now."""
    lines = difflib.unified_diff(_lines(recorded), _lines(now), "recorded", "now", n=2, lineterm="")
    return "\n".join(lines)


def _lines(body: Tree | bytes) -> list[str]:
    if isinstance(body, bytes):
        return body.decode("utf-8", "backslashreplace").splitlines()
    return list(_pretty(body, 0, ""))


def _pretty(tree: Tree, depth: int, name: str) -> list[str]:
    indent = "  " * depth + name
    if isinstance(tree, Mapping) and tree:
        return [indent + "{", *(line for key in sorted(tree) for line in _pretty(tree[key], depth + 1, f"{key}: ")), "  " * depth + "}"]
    if isinstance(tree, Sequence) and not isinstance(tree, str) and tree:
        return [indent + "[", *(line for item in tree for line in _pretty(item, depth + 1, "")), "  " * depth + "]"]
    return [indent + write(tree)]


def _quoted(value: str | bool | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _refuse_constant(name: str) -> Tree:
    raise ValueError(f"{name} is not JSON")


def _object_of_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names one key twice")
    return found
