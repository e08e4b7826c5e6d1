"""Both sandboxes on loopback, a configuration, and a way to run commands."""

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.support.commands import Command, Done, Place
from unibill import plugins
from unibill.__main__ import main
from unibill.cli import cast
from unibill.cli.files import write_config
from unibill.sandbox import Sandbox


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process, with nobody at the keyboard."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "UNIBILL_DEBUG", "UNIBILL_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def command(*words: str, stdin: str = "") -> Done:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with redirect_stdout(out), redirect_stderr(err):
            status = main(words)
        return Done(status, out.getvalue(), err.getvalue())

    return command


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Both sandboxes with documented and a few generated credits; the working directory is the folder."""
    systems = [system for name in (cast.BILLAGAIN, cast.SOCOTRA) if (system := plugins.load(name).sandbox()) is not None]
    with Sandbox(systems, switches=cast.ACCEPTING) as sandbox:
        sandbox.seed("documented")
        sandbox.seed("generated", 60, 3)
        made = cast.add_twins(sandbox, sandbox, invoices=True)
        with sandbox.serve() as server:
            write_config(tmp_path / "unibill.toml", sandbox, server.url)
            made.write(tmp_path)
            monkeypatch.chdir(tmp_path)
            yield Place(sandbox, tmp_path, made, server.url)
