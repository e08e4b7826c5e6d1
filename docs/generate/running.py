"""The blocks of a page, run: commands against local sandboxes, Python as it stands, configuration through the configuration's own checks.

Every page has a folder of its own, with a ``unibill.toml`` and maps for sandboxes that the pages share; a page that starts sandboxes
gets those. A block of text right below a block that runs is what it prints; ``…`` in it stands for what differs from run to run.
"""

import ast
import importlib
import io
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import typer
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from docs.generate.blocks import Block, blocks_of
from unibill import config, exactjson, plugins
from unibill.__main__ import main
from unibill.cli import cast
from unibill.cli.app import app
from unibill.cli.files import write_config
from unibill.copying import status
from unibill.sandbox import Sandbox

COLUMNS: Final = "100"
CREDITS: Final = 15
"""How many made-up credits the shared sandboxes have, each."""
_SHELL: Final = re.compile(r"[|<>;&$`*]")
_VOLATILE: Final = re.compile(r"(?<=127\.0\.0\.1:)\d{4,5}|(?<=\bub1-)[A-Z]{6}-(?:[A-Z]{20})?|\b[A-Z]{20}\b|\b[0-9a-f]{16,64}\b")
"""What differs from run to run."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a block printed, and the block on the page that shows it.

    Attributes:
        shown: the block of text below it; None where the page shows nothing.
    """

    block: Block
    said: str
    shown: Block | None

    @property
    def agrees(self) -> bool:
        """Whether the page shows what was printed."""
        return self.shown is None or bool(re.fullmatch(_pattern(self.shown.text), _squeezed(self.said)))

    @property
    def masked(self) -> str:
        """What was printed, with what differs from run to run left out."""
        return "".join(f"{_hidden(line).rstrip()}\n" for line in self.said.strip("\n").splitlines())


class BlockFailed(Exception):
    """A block did not do what its page says; the message tells which and why."""


@dataclass(slots=True)
class Stage:
    """Where pages play: shared sandboxes, filled anew for each page, and the folder that each page begins with."""

    folder: Path
    sandbox: Sandbox

    def fill(self) -> None:
        """Fill the sandboxes: documented and made-up credits, and a twin of every account."""
        self.sandbox.reset()
        self.sandbox.seed("documented")
        self.sandbox.seed("generated", CREDITS)
        cast.add_twins(self.sandbox, self.sandbox, invoices=True).write(self.folder)

    def page(self, path: Path, place: Path) -> list[Printed]:
        """Run the blocks of a page.

        Args:
            path: the page.
            place: an empty folder for it.

        Raises:
            BlockFailed: one of them fails.
        """
        if any(block.language in {"sh", "python"} and not block.reason for block in blocks_of(path)):
            self.fill()
        shutil.copytree(self.folder, place, dirs_exist_ok=True)
        with ExitStack() as stack:
            home = place / "home"
            home.mkdir()
            own = {"COLUMNS": COLUMNS, "NO_COLOR": "1", "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            stack.enter_context(patch.dict(os.environ, own))
            for name in ("UNIBILL_CONFIG", "UNIBILL_DEBUG", "FORCE_COLOR"):
                os.environ.pop(name, None)
            stack.enter_context(chdir(place))
            stack.enter_context(_logging_as_it_was())
            return _Player(path, stack).play()


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Sandboxes that all pages share, and a folder to begin with."""
    systems = [system for name in (cast.BILLAGAIN, cast.SOCOTRA) if (system := plugins.load(name).sandbox()) is not None]
    with Sandbox(systems, switches=cast.ACCEPTING) as sandbox, sandbox.serve() as server:
        write_config(folder / "unibill.toml", sandbox, server.url)
        text = (folder / "unibill.toml").read_text("utf-8")
        for name, other in (("billagain", "old"), ("socotra", "new"), ("billagain", "main")):
            table = text.partition(f"[backends.{name}]")[2].partition("\n[")[0]
            with (folder / "unibill.toml").open("a", encoding="utf-8") as file:
                file.write(f"\n[backends.{other}]{table}")
        yield Stage(folder, sandbox)


@dataclass(slots=True)
class _Player:
    path: Path
    stack: ExitStack
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "page"})

    def play(self) -> list[Printed]:
        blocks = blocks_of(self.path)
        printed: list[Printed] = []
        for place, block in enumerate(blocks):
            if block.reason:
                self.only_read(block)
                continue
            try:
                said = self.run(block)
            except Exception as error:
                raise BlockFailed(f"{self.path.name}, line {block.line}: {error}") from error
            following = blocks[place + 1] if place + 1 < len(blocks) else None
            shown = following if following is not None and following.language == "text" and block.language in {"sh", "python"} else None
            printed.append(Printed(block, said, shown))
        return printed

    def run(self, block: Block) -> str:
        if block.file:
            return self.save(block)
        match block.language:
            case "sh":
                return "".join(self.command(command) for command in block.commands)
            case "python":
                return self.python(block.text)
            case "toml":
                check_toml(block.text, Path.cwd())
            case "json":
                exactjson.loads(block.text.replace('"…"', '"x"').encode())
            case "text" | "":
                pass
            case other:
                raise ValueError(f"nothing here can run {other}; say above it why no test runs it")
        return ""

    def save(self, block: Block) -> str:
        """Save a block as the file that the page says it is."""
        file = Path(block.file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, "utf-8")
        file.chmod(0o700 if block.text.startswith("#!") else 0o600)
        return ""

    def python(self, text: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(text, str(self.path), "exec"), self.names)  # noqa: S102 - the page's own code
        return out.getvalue()

    def command(self, line: str) -> str:
        text, _, said = line.partition("  # status ")
        wanted = {int(status) for status in said.split(" or ")} if said else {0}
        if "HASH" in text:
            run = re.search(r"--run (\S+)", text)
            text = text.replace("HASH", status(run[1] if run else "").hash)
        first, _, then = text.partition(" | ")
        if _SHELL.search(first) or not first.startswith(("unibill ", "cd ")):
            return self.shell(text, wanted)
        words = shlex.split(first)
        if words[0] == "cd":
            self.stack.enter_context(chdir(words[1]))
            return ""
        if words[1] == "sandbox":
            return self.serve(words)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", io.StringIO("")):
            ended = main(words[1:])
        if ended not in wanted:
            raise ValueError(f"{text}: status {ended}, not {_listed(wanted)}\n{out.getvalue()}{err.getvalue()}")
        return self.shell(then, {0}, out.getvalue()) if then else out.getvalue()

    def shell(self, text: str, wanted: set[int], given: str = "") -> str:
        bash = ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(bash, input=given, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - the page's own command
        if done.returncode not in wanted:
            raise ValueError(f"{text}: status {done.returncode}, not {_listed(wanted)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def serve(self, words: list[str]) -> str:
        """Start the page's own sandboxes; they run until its end."""
        command = [sys.executable, "-m", "unibill", *words[1:], "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
        self.stack.callback(_end, process)
        assert process.stdout is not None
        if "url" not in json.loads(process.stdout.readline() or "{}"):
            raise ValueError(f"{shlex.join(words)} did not start")
        return ""

    def only_read(self, block: Block) -> None:
        """What no test runs must at least be readable, and made of options that there are."""
        where = f"{self.path.name}, line {block.line}"
        try:
            commands = list(_commands_in(block))
        except Exception as error:
            raise BlockFailed(f"{where}: {error}") from error
        given = {"UNIBILL_RUN": "some.run"} if "UNIBILL_RUN" in block.text else {}  # the block says where that comes from
        with patch.dict(os.environ, given):
            for words in commands:
                parse(words, where)


def _commands_in(block: Block) -> Iterator[list[str]]:
    """The words of unibill's commands in a block, without the name."""
    match block.language:
        case "dockerfile":
            for words in re.findall(r"^CMD (\[.*\])$", block.text, re.MULTILINE):
                yield json.loads(words)
        case "sh":
            for part in (part for command in block.commands for part in re.split(r"&&|\||;", command)):
                words = shlex.split(part)
                if words[:1] == ["unibill"] or words[:2] == ["docker", "run"]:
                    yield words[words.index("unibill") + 1 :]
        case "yaml":
            for document in yaml.safe_load_all(block.text):
                yield from (words[1:] for words in _lists_in(document) if words[0] == "unibill")
        case "python":
            for node in ast.walk(ast.parse(block.text)):
                yield from _commands_of(node)
        case _:
            pass


def _lists_in(value: Any) -> Iterator[list[str]]:  # noqa: ANN401 - whatever was read from YAML
    """The lists of texts in it."""
    below: list[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(value, list) and below and all(isinstance(item, str) for item in below):
        yield below
    for item in below:
        yield from _lists_in(item)


def _commands_of(node: ast.AST) -> Iterator[list[str]]:
    """A command as a text, or as the arguments of a function that is called as the command is; templates stand for one word.

    What is imported from unibill must be there.
    """
    match node:
        case ast.Constant(value=str() as text) if text.startswith("unibill "):
            yield shlex.split(re.sub(r"\{\{.*?\}\}", "x", text))[1:]
        case ast.Call(func=ast.Name(id="unibill"), args=args):
            yield [str(word.value) if isinstance(word, ast.Constant) else "x" for word in args]
        case ast.ImportFrom(module=str() as module, names=names) if module.partition(".")[0] == "unibill":
            for name in names:
                getattr(importlib.import_module(module), name.name)
        case _:
            pass


def parse(words: list[str], where: str) -> Any:  # noqa: ANN401 - Typer's own class
    """Check that words are a command with options that there are, without running it.

    Returns:
        The command.

    Raises:
        BlockFailed: they are not.
    """
    command: Any = typer.main.get_command(app)
    rest, name, context = list(words), "unibill", None
    while below := getattr(command, "commands", None):
        if not rest or rest[0] not in below:
            raise BlockFailed(f"{where}: there is no command unibill {shlex.join(words)}")
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
        name, *rest = rest
        command = below[name]
    try:
        command.make_context(name, rest, parent=context)
    except Exception as error:
        raise BlockFailed(f"{where}: unibill {shlex.join(words)}: {error}") from error
    return command


def check_toml(text: str, folder: Path) -> None:
    """Check a block of TOML; backends in it must be such as could be opened.

    Raises:
        Exception: whatever is wrong with it.
    """
    tables = tomllib.loads(text)
    if "backends" not in tables:
        return
    file = folder / "block.toml"
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    secrets: dict[str, str] = {}
    for settings in tables["backends"].values():
        for value in settings.values():
            if isinstance(value, dict) and "env" in value:
                secrets[value["env"]] = "made-up"
            if isinstance(value, dict) and "file" in value:
                place = Path(value["file"]).expanduser()
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text("made-up", "utf-8")
                place.chmod(0o600)
    with patch.dict(os.environ, secrets):
        for backend in config.backends(file).values():
            provider, checked = backend.load()
            provider(checked).identity()


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """Undo what a page's code does to the loggers, which are the process's."""
    loggers = [logging.root, *(each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger))]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    try:
        yield
    finally:
        for logger, level, handlers in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.wait(timeout=30)
    if process.stdout is not None:
        process.stdout.close()


def _listed(statuses: set[int]) -> str:
    return " or ".join(map(str, sorted(statuses)))


def _hidden(line: str) -> str:
    """A line with ellipses for what differs from run to run; what stands in the next column stays there."""
    while found := _VOLATILE.search(line):
        rest = line[found.end() :]
        gap = re.search(r" {2,}", rest)
        pad = " " * (len(found[0]) - 1)
        line = f"{line[: found.start()]}…{rest[: gap.start()]}{pad}{rest[gap.start() :]}" if gap else f"{line[: found.start()]}…{rest}"
    return line


def _squeezed(text: str) -> str:
    return "\n".join(re.sub(r"\s+", " ", line).strip() for line in text.strip("\n").splitlines())


def _pattern(shown: str) -> str:
    """What is shown as a pattern: an ellipsis alone on a line stands for any lines, any other for the rest of a word or more."""
    escaped = re.escape(_squeezed(shown)).replace("\\\n", "\n")
    whole_lines = re.sub(r"(?m)^…\n", r"(?:.*\n)*?", re.sub(r"\n…\Z", r"[\\s\\S]*", escaped))
    return whole_lines.replace("…", ".*?")
