"""Help as plain lines: what a command takes, group by group, fit to the terminal and coloured on it.

Typer's own help loads most of Rich, which takes longer than all else that help needs.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, Final

_WIDEST: Final = 100
_NARROWEST: Final = 20
_TWO_COLUMNS: Final = 40
_GAP: Final = 2
_BOLD: Final = "\x1b[1m"
_NAME: Final = "\x1b[1;36m"
_VALUE: Final = "\x1b[33m"
_PLAIN: Final = "\x1b[0m"
_STYLE: Final = re.compile(r"\x1b\[[\d;]*m")

Row = tuple[str, str]


def is_coloured() -> bool:
    """Whether help is coloured: on a terminal or where ``FORCE_COLOR`` is set, and never with ``NO_COLOR``."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"})


def page(command: Any, ctx: Any) -> str:  # noqa: ANN401 - Typer ships its Click, and does not tell its types
    """The help of a command, as wide as the terminal, or 80 columns where there is none.

    Args:
        command: a command, or a group with a method ``listing``.
        ctx: its context.
    """
    width = max(min(shutil.get_terminal_size().columns, _WIDEST), _NARROWEST)
    usage = " ".join((ctx.command_path, *command.collect_usage_pieces(ctx)))
    lines = _folded(usage, width, f"{_BOLD}Usage:{_PLAIN} ", " " * len("Usage: "))
    for paragraph in paragraphs(command.help):
        lines += ["", *wrap(paragraph, width)]
    for sections in (_arguments(command, ctx), _listing(command, ctx), _options(command, ctx)):
        left = _left([row for rows in sections.values() for row in rows], width)
        for title, rows in sections.items():
            lines += ["", f"{_BOLD}{title}{_PLAIN}"]
            for row in rows:
                lines += _row(row, left, width)
    if command.epilog:
        label, _, example = command.epilog.partition(": ")
        lines += ["", f"{_BOLD}{label}:{_PLAIN} {example}"]
    text = "\n".join(lines)
    return text if is_coloured() else _STYLE.sub("", text)


def paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a docstring, each as one line."""
    return [" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n") if paragraph.strip()]


def told(parameter: Any, ctx: Any) -> tuple[str, str, str]:  # noqa: ANN401 - as above
    """An argument or option for people: its names, the value it takes, and its meaning with default and limits.

    Args:
        parameter: one that help shows.
        ctx: the context of its command.
    """
    record, meaning = parameter.get_help_record(ctx)
    meaning = re.sub(r"(\d+)<=x<=(\d+)", r"\1 to \2", meaning)
    meaning = re.sub(r"x>=(\d+)", r"at least \1", meaning)
    if parameter.param_type_name == "argument":
        return argument(parameter), "", meaning
    names = ", ".join(sorted(parameter.opts, key=len))
    return names, "" if getattr(parameter, "is_flag", False) else parameter.metavar or _value(parameter, record), meaning


def argument(parameter: Any) -> str:  # noqa: ANN401 - as above
    """What stands for an argument in a line of usage."""
    name = str(parameter.metavar or parameter.name.upper())
    return name if parameter.nargs == 1 else f"{name}..."


def _value(parameter: Any, record: str) -> str:  # noqa: ANN401 - as above
    """The value of an option that does not say how it is called: the words to choose from, N, or the last word of its name."""
    kind = record[len(", ".join(parameter.opts)) :]
    if choice := re.search(r"[\w-]+(?:\|[\w-]+)+", kind):
        return choice.group()
    if re.match(r" <?(?:int|float)", kind, re.IGNORECASE):
        return "N"
    return str(max(parameter.opts, key=len)).rpartition("-")[2].upper()


def _arguments(command: Any, ctx: Any) -> dict[str, list[Row]]:  # noqa: ANN401 - as above
    rows = [(_named(names, ""), meaning) for _, names, _, meaning in _taken(command, ctx, "argument")]
    return {"Arguments": rows} if rows else {}


def _listing(command: Any, ctx: Any) -> dict[str, list[Row]]:  # noqa: ANN401 - as above
    """The commands of a group, under the titles they stand below."""
    found: dict[str, list[Row]] = {}
    for panel, name, says in command.listing(ctx) if hasattr(command, "listing") else ():
        found.setdefault(panel or "Commands", []).append((_named(name, ""), says))
    return found


def _options(command: Any, ctx: Any) -> dict[str, list[Row]]:  # noqa: ANN401 - as above
    """The options, under the titles they stand below; those without a title first."""
    found: dict[str, list[Row]] = {"Options": []}
    for panel, names, value, meaning in _taken(command, ctx, "option"):
        beside_short = "    " if names.startswith("--") else ""
        found.setdefault(panel or "Options", []).append((beside_short + _named(names, value), meaning))
    return found


def _taken(command: Any, ctx: Any, kind: str) -> Iterator[tuple[str, str, str, str]]:  # noqa: ANN401 - as above
    for parameter in command.get_params(ctx):
        if parameter.param_type_name == kind and parameter.get_help_record(ctx) is not None:
            yield parameter.rich_help_panel or "", *told(parameter, ctx)


def _named(names: str, value: str) -> str:
    return f"{_NAME}{names}{_PLAIN}" + (f" {_VALUE}{value}{_PLAIN}" if value else "")


def _left(rows: Sequence[Row], width: int) -> int:
    """Where meanings begin: beside the longest name that leaves them room, or below the names where there is little."""
    room = width * 2 // 5 if width >= _TWO_COLUMNS else 0
    return _GAP + max((size for name, _ in rows if (size := _length(name)) <= room), default=_GAP) + _GAP


def _row(row: Row, left: int, width: int) -> list[str]:
    """A name with its meaning at the right; a name that is too long for that stands on a line of its own."""
    name, meaning = row
    named = " " * _GAP + name
    if (spare := left - _GAP - _length(name)) >= _GAP:
        return _folded(meaning, width, named + " " * spare, " " * left)
    return [named, *_folded(meaning, width, " " * left, " " * left)]


def _folded(text: str, width: int, first: str, rest: str) -> list[str]:
    """Words folded after a beginning, which may hold colours."""
    lines = wrap(text, max(width - len(rest), _NARROWEST), break_on_hyphens=False) or [""]
    return [(first + lines[0]).rstrip(), *(rest + line for line in lines[1:])]


def _length(text: str) -> int:
    return len(_STYLE.sub("", text))
