"""Parts about unibill itself: fields of its records, words, exit statuses, the run file, commands, the sandboxes' switches and faults."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from importlib import import_module
from typing import Any, Final

import typer
from sqlalchemy import Table

from docs.generate.markdown import Maker, as_markdown, code, table, told, written
from docs.generate.providing import chosen
from unibill import errors
from unibill.cli import helping
from unibill.cli.app import app
from unibill.copying import schema
from unibill.sandbox.faults import KINDS, Fault, settings_of
from unibill.sandbox.system import Switch

_ALIASES: Final = {"Amount": "Decimal", "AmountNotNegative": "Decimal", "Extra": "Mapping[str, object]", "Moment": "datetime"}
_ELSE: Final = {
    0: "Done.",
    1: "Differences, or some records failed; of a plan or a copy, also: some are blocked or in conflict.",
    130: "Interrupted; a run can be resumed.",
}
"""Exit statuses that are no error's."""


def members(words: Sequence[str]) -> str:
    """The fields of a record, draft, event or options class (``members unibill.model.Credit``): type, default, meaning."""
    about = _class(words)
    meanings = told(about)
    rows: list[list[str]] = []
    for base in reversed(about.__mro__):
        if base.__module__.startswith("unibill"):
            for name, (kind, default) in written(base).items():
                rows.append([f"`{name}`", code(_type(kind)), code(_default(default)), meanings.get(name, "")])
    return table(["Field", "Type", "Default", "Meaning"], rows)


def vocabulary(words: Sequence[str]) -> str:
    """The values of an enumeration (``vocabulary unibill.model.Status``), with what its source says of each."""
    about = _class(words)
    assert issubclass(about, StrEnum)
    rows = [[code(str(about[name])), meaning] for name, meaning in _documented(about)]
    return table(["Value", "Meaning"], [row for row in rows if row[0]])


def exit_statuses(words: Sequence[str]) -> str:
    """Every exit status of the command line, and what ends with it."""
    del words
    by_status: dict[int, list[str]] = {}
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.UnibillError):
            by_status.setdefault(error.exit_status, []).append(name)
    rows = [[f"`{status}`", said, ""] for status, said in _ELSE.items()]
    rows += [[f"`{status}`", _STATUSES[status], ", ".join(f"`{name}`" for name in names)] for status, names in by_status.items()]
    return table(["Status", "Meaning", "Errors"], sorted(rows, key=lambda row: int(row[0].strip("`"))))


_STATUSES: Final = {
    2: "Usage or configuration: nothing was sent.",
    3: "The backend refused or could not be reached.",
    4: "A guard, an open question or the plan's hash stopped it.",
}


def run_file(words: Sequence[str]) -> str:
    """The tables of a run file."""
    del words
    notes = {name: note for name, note in _attributes(inspect.getsource(schema)) if note}
    found = {made.name: (variable, made) for variable, made in vars(schema).items() if isinstance(made, Table) and variable == made.name}
    parts: list[str] = []
    for name, (variable, made) in found.items():
        rows = [[f"`{column.name}`", _column(column), as_markdown(column.doc or "")] for column in made.columns]
        where = "" if made.metadata is schema.metadata else "Only where several processes can work on one run. "
        parts += [f"### `{name}`", "", f"{where}{notes.get(variable, '')}", "", table(["Column", "Type", "Meaning"], rows), ""]
    return "\n".join(parts)


def commands(words: Sequence[str]) -> str:
    """Every command, with its help, options and example."""
    del words
    root: Any = typer.main.get_command(app)
    context = root.make_context("unibill", [], resilient_parsing=True)
    parts = [_command("unibill", root, context, level=2)]
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        parts += _commands(f"unibill {name}", command, command.make_context(name, [], parent=context, resilient_parsing=True), 2)
    return "\n".join(parts)


def command_names(words: Sequence[str]) -> str:
    """The names of all commands, by what they are for."""
    del words
    root: Any = typer.main.get_command(app)
    context = root.make_context("unibill", [], resilient_parsing=True)
    by_panel: dict[str, list[str]] = {}
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        below = "|".join(getattr(command, "commands", {}))
        by_panel.setdefault(command.rich_help_panel or "", []).append(f"`{name} {below}`" if below else f"`{name}`")
    return table(["", "`unibill` …"], [[panel, ", ".join(names)] for panel, names in by_panel.items()])


def switches(words: Sequence[str]) -> str:
    """The switches of a provider's sandbox."""
    (provider,) = chosen(words).values()
    system = provider.sandbox()
    assert system is not None
    found: Sequence[Switch] = import_module(f"{system.__module__.partition('.sandbox')[0]}.sandbox.switches").SWITCHES
    rows = [
        [
            f"`{switch.name}`",
            _sentence(switch.question),
            ", ".join(f"**`{value}`**" if value == switch.default else f"`{value}`" for value in switch.values)
            or f"**`{switch.default}`**, or any other",
        ]
        for switch in found
    ]
    return table(["Switch", "The open question", "Answers; the default is bold"], rows)


def faults(words: Sequence[str]) -> str:
    """The kinds of faults: what happens, and their own settings."""
    del words
    bullets = {
        kind: _sentence(said)
        for kinds, said in re.findall(r"\* (``[^:]+``): (.+?)(?=\n\s*\*|\n\n)", Fault.__doc__ or "", re.DOTALL)
        for kind in re.findall(r"``(.+?)``", kinds)
    }
    rows = [[f"`{kind}`", as_markdown(bullets[kind]), ", ".join(f"`{name}`" for name in settings_of(kind)) or "–"] for kind in KINDS]
    return table(["Kind", "What happens", "Its own settings"], rows)


MAKERS: Final[Mapping[str, Maker]] = {
    "members": members,
    "vocabulary": vocabulary,
    "exit-statuses": exit_statuses,
    "run-file": run_file,
    "commands": commands,
    "command-names": command_names,
    "switches": switches,
    "faults": faults,
}


def _class(words: Sequence[str]) -> type:
    (path,) = words
    module, _, name = path.rpartition(".")
    found = getattr(import_module(module), name, None)
    if not isinstance(found, type):
        raise ValueError(f"{path} is no class")  # noqa: TRY004 - a marker has a wrong value, whatever it names
    return found


def _type(text: str) -> str:
    return " | ".join(_ALIASES.get(part, part) for part in text.strip("'\"").split(" | "))


def _default(text: str) -> str:
    return "" if text.startswith(("field(", "Field(")) else text


def _documented(about: type) -> Iterator[tuple[str, str]]:
    """The names that a class assigns, each with the text below it."""
    yield from _attributes(textwrap.dedent(inspect.getsource(about)), about.__name__)


def _attributes(source: str, inside: str = "") -> list[tuple[str, str]]:
    """Assigned names, each with the text that stands below the assignment, at the top of a module or in a class of it."""
    body = ast.parse(source).body
    if inside:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == inside)
    found: list[tuple[str, str]] = []
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.append((node.targets[0].id, ""))
        elif found and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found[-1] = (found[-1][0], as_markdown(node.value.value))
    return found


def _column(column: Any) -> str:  # noqa: ANN401 - a column of any of SQLAlchemy's types
    kind = str(column.type).lower()
    return f"{kind}, key" if column.primary_key else kind if not column.nullable else f"{kind} or null"


def _commands(name: str, command: Any, context: Any, level: int) -> list[str]:  # noqa: ANN401 - Typer's own classes, of which it has several
    parts = [_command(name, command, context, level)]
    for below in getattr(command, "commands", {}):
        inner = command.get_command(context, below)
        parts += _commands(f"{name} {below}", inner, inner.make_context(below, [], parent=context, resilient_parsing=True), level + 1)
    return parts


def _command(name: str, command: Any, context: Any, level: int) -> str:  # noqa: ANN401 - as above
    parts = [f"{'#' * level} {name}", "", *_paragraphs(command.help or ""), ""]
    example = (command.epilog or "").removeprefix("Example: ")
    if example.startswith("unibill"):
        parts += ["```sh", example, "```", ""]
    records = [
        (getattr(parameter, "rich_help_panel", None) or "", *helping.told(parameter, context))
        for parameter in command.get_params(context)
        if parameter.get_help_record(context) is not None and "--help" not in parameter.opts
    ]
    for panel in dict.fromkeys(record[0] for record in records):
        rows = [[f"`{f'{names} {value}'.strip()}`", as_markdown(said)] for where, names, value, said in records if where == panel]
        parts += [table([panel or "Argument or option", "Meaning"], rows)]
    return "\n".join(parts)


def _paragraphs(text: str) -> list[str]:
    paragraphs = [as_markdown(paragraph) for paragraph in inspect.cleandoc(text).split("\n\n")]
    return [line for paragraph in paragraphs for line in (paragraph, "")]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
