"""Help and completion: what a newcomer sees of every command, and what a shell may be asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.commands import Command, Place, spawn
from unibill.cli.app import app


def every_command(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - Typer's own classes
    below = getattr(command, "commands", {})
    if not below:
        yield path, command
    for name, one in below.items():
        yield from every_command(one, (*path, name))


COMMANDS = dict(every_command(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    assert command.epilog.startswith(f"Example: unibill {' '.join(path)}")
    for parameter in command.params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize(
    "path", [path for path in COMMANDS if path[-1] in {"list", "get", "find"} or path[0] in {"plan", "status", "verify"}]
)
def test_every_command_that_shows_records_has_json(path: tuple[str, ...]) -> None:
    assert "--json" in {option for parameter in COMMANDS[path].params for option in parameter.opts}


WRITING = [("credits", "create"), ("credits", "allocate"), ("credits", "deallocate"), ("credits", "void"), ("charges", "add")]


@pytest.mark.parametrize("path", [*WRITING, ("charges", "reverse"), ("apply",), ("rollback",), ("copy",)], ids=" ".join)
def test_every_command_that_writes_money_can_be_told_yes(path: tuple[str, ...]) -> None:
    assert "--yes" in {option for parameter in COMMANDS[path].params for option in parameter.opts}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shells_completion_is_shown(shell: str, run: Command) -> None:
    done = run("--show-completion", shell)
    assert done.status == 0
    assert "_UNIBILL_COMPLETE" in done.out


def completed(run: Command, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    monkeypatch.setenv("_UNIBILL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    return run().out.split()


def test_commands_options_backends_and_providers_are_completed(run: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    del place
    assert completed(run, monkeypatch, "unibill cre") == ["credits"]
    assert "--allocations" in completed(run, monkeypatch, "unibill credits list billagain --all")
    assert completed(run, monkeypatch, "unibill credits list ") == ["billagain", "socotra"]
    assert completed(run, monkeypatch, "unibill credits list bill") == ["billagain"]
    assert completed(run, monkeypatch, "unibill plan billagain s") == ["socotra"]
    assert completed(run, monkeypatch, "unibill mapping m") == ["memory"]


def test_a_configuration_that_cannot_be_read_completes_nothing_and_says_nothing(
    run: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.folder / "unibill.toml").write_text("[backends", "utf-8")
    assert completed(run, monkeypatch, "unibill credits list ") == []


def test_completion_is_installed_where_bash_looks(tmp_path: Path) -> None:
    done = spawn("--install-completion", "bash", env={"HOME": str(tmp_path)})
    assert done.status == 0, done.err
    assert "_UNIBILL_COMPLETE" in (tmp_path / ".bash_completions" / "unibill.sh").read_text("utf-8")
