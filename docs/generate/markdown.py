"""What all generators share: parts of a page between markers, tables in Markdown, and what docstrings say of fields."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import docstring_parser

START: Final = "<!-- generated: "
END: Final = "<!-- end -->"
_OPTION: Final = re.compile(r"(?<![`\w-])(--[a-z][a-z-]*[a-z])(?![`\w])")
Maker = Callable[[Sequence[str]], str]
"""Makes one part from the words behind its name in the marker."""


def regenerated(text: str, makers: Mapping[str, Maker]) -> str:
    """A text with each generated part made anew.

    A marker names the part, and what it is about: ``<!-- generated: operations socotra -->``; the next ``<!-- end -->`` ends it.

    Raises:
        ValueError: a marker names an unknown part, or has no end.
    """
    parts: list[str] = []
    rest = text
    while (start := rest.find(START)) >= 0:
        marker, _, after = rest[start:].partition("\n")
        name, *words = marker.removeprefix(START).removesuffix(" -->").split()
        if name not in makers:
            raise ValueError(f"{marker} names nothing that can be made; there are {', '.join(sorted(makers))}")
        _, end, remaining = after.partition(END)
        if not end:
            raise ValueError(f"{marker} has no {END}")
        parts += [rest[:start], marker, "\n", makers[name](words), end]
        rest = remaining
    return "".join([*parts, rest])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are one line each."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def told(about: type) -> dict[str, str]:
    """What a class's docstring says of its attributes, one line each; those of its bases too."""
    found: dict[str, str] = {}
    for one in reversed(about.__mro__):
        if one.__module__.startswith("unibill") and one.__doc__:
            parsed = docstring_parser.parse(one.__doc__, docstring_parser.DocstringStyle.GOOGLE)
            for item in parsed.params:
                found |= {name.strip(): as_markdown(item.description or "") for name in item.arg_name.split(",")}
    return found


def written(about: type) -> dict[str, tuple[str, str]]:
    """The fields that a class's source declares: type and default, as they are written there; a default is empty where there is none."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(about))).body
    assert isinstance(body, ast.ClassDef)
    return {
        node.target.id: (ast.unparse(node.annotation), "" if node.value is None else ast.unparse(node.value))
        for node in body.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.unparse(node.annotation)
    }


def as_markdown(text: str) -> str:
    """A docstring's text on one line, with Markdown's marks for code, options marked too."""
    return _OPTION.sub(r"`\1`", " ".join(text.split()).replace("``", "`"))


def code(text: str) -> str:
    """A text as code; nothing for nothing."""
    return f"`{text}`" if text else ""
