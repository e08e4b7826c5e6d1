"""Help and completion: what a newcomer sees of every command, and what a shell may be asked."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.commands import HOSTILE, Command, Place, spawn
from unibill.cli import helping
from unibill.cli.app import app


def every_command(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - Typer's own classes
    below = getattr(command, "commands", {})
    if not below:
        yield path, command
    for name, one in below.items():
        yield from every_command(one, (*path, name))


ROOT: Any = typer.main.get_command(app)
COMMANDS = dict(every_command(ROOT))
PAGES = [(), ("credits",), ("charges",), ("config",), *COMMANDS]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    assert command.epilog.startswith(f"Example: unibill {' '.join(path)}")
    for parameter in command.params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize("entry", ROOT.listed, ids=lambda entry: entry.name)
def test_the_list_of_commands_says_of_each_what_its_own_help_begins_with(entry: Any) -> None:  # noqa: ANN401 - Typer's own classes
    command = ROOT.get_command(None, entry.name)
    assert helping.paragraphs(command.help)[0] == entry.says
    assert (command.name, command.rich_help_panel) == (entry.name, entry.panel)


def helped(run: Command, *path: str) -> str:
    done = run(*path, "--help")
    assert (done.status, done.err) == (0, "")
    return done.out


def test_the_commands_are_grouped_and_each_is_told(run: Command) -> None:
    page = helped(run)
    assert re.findall(r"^\w[\w ]+$", page, re.MULTILINE) == ["Look", "Records", "Copy", "Set up", "Options"]
    for entry in ROOT.listed:
        assert re.search(rf"^  {entry.name}  +{entry.says.split()[0]} ", page, re.MULTILINE)


@pytest.mark.parametrize("path", PAGES, ids=" ".join)
def test_help_tells_every_argument_and_option_once_and_shows_no_type_of_pythons(path: tuple[str, ...], run: Command) -> None:
    page = helped(run, *path)
    command = COMMANDS.get(path)
    for parameter in command.params if command is not None else ():
        for name in parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]:
            assert len(re.findall(rf"^ {{2,6}}(?:-\w, )?{re.escape(name)}(?=[ ,.\n])", page, re.MULTILINE)) == 1, name
    assert not re.search(r"[<>{}]", page)
    if command is not None:
        assert f"\n{command.epilog}\n" in page


@pytest.mark.parametrize("columns", [30, 50, 80, 200])
@pytest.mark.parametrize("path", [(), ("credits",), ("plan",), ("charges", "reverse")], ids=" ".join)
def test_help_is_no_wider_than_the_room_but_for_names_titles_and_the_example(
    path: tuple[str, ...], columns: int, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = helped(run, *path)
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = helped(run, *path).splitlines()
    wide = [line for line in lines if len(line) > columns]
    assert all(re.fullmatch(r"Example: .*|      --[\w-]+ \S+|\w.* --include charges", line) for line in wide), wide
    assert max(map(len, lines)) > min(columns, 100) - 10
    assert "".join("".join(lines).split()) == "".join(whole.split())


@pytest.mark.parametrize("path", [(), ("credits", "list")], ids=" ".join)
def test_help_is_coloured_where_that_is_wanted_and_otherwise_the_same_without(path: tuple[str, ...]) -> None:
    forced = {"FORCE_COLOR": "1", "NO_COLOR": "", "COLUMNS": "80"}
    plain = spawn(*path, "--help", env={"FORCE_COLOR": "", "COLUMNS": "80"}).out
    coloured = spawn(*path, "--help", env=forced).out
    assert "\x1b[1;36m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain == spawn(*path, "--help", env={**forced, "NO_COLOR": "1"}).out
    assert "\x1b" not in plain


def test_a_group_without_a_command_shows_its_help_with_status_2(run: Command) -> None:
    for path in ((), ("credits",)):
        done = run(*path)
        assert (done.status, done.out, done.err) == (2, helped(run, *path), "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("credits", "lst"), "Error: No such command 'lst'. Did you mean 'list'?"),
        (("credits", "list"), "Error: Missing argument 'BACKEND'."),
        (("--nosuch",), "Error: No such option: --nosuch"),
        (("plan", "a", "b", "--run", "r", "--carry", "all"), "Error: Invalid value for '--carry': 'all' is not one of"),
        (("plan", "a", "b", "--run", "r", "--since", "x"), "Error: Invalid value for '--since': 'x' does not match the formats"),
    ],
)
def test_wrong_words_are_told_on_standard_error_with_how_it_is_used(words: Sequence[str], said: str, run: Command) -> None:
    done = run(*words)
    assert (done.status, done.out) == (2, "")
    usage, hint, *rest = done.err.splitlines()
    assert usage.startswith("Usage: unibill ")
    assert re.fullmatch(r"Try 'unibill[ \w]* --help' for help\.", hint)
    assert rest[0].startswith(said)


def test_wrong_words_are_repeated_only_as_what_is_safe_to_look_at(run: Command) -> None:
    done = run("credits", HOSTILE)
    assert done.status == 2
    assert not re.search("[\x1b\u202e\u2028]", done.err)


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


def test_zsh_is_told_what_commands_do(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_UNIBILL_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "unibill stat")
    assert '"status":"Tell where a run stands and what to do next."' in run().out


def completed(run: Command, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    monkeypatch.setenv("_UNIBILL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    return run().out.split()


def test_commands_options_backends_and_providers_are_completed(run: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    del place
    assert completed(run, monkeypatch, "unibill cre") == ["credits"]
    assert completed(run, monkeypatch, "unibill ") == [entry.name for entry in ROOT.listed]
    assert "--version" in completed(run, monkeypatch, "unibill --")
    assert completed(run, monkeypatch, "unibill plan a b --carry h") == ["history"]
    assert "--allocations" in completed(run, monkeypatch, "unibill credits list billagain --all")
    assert completed(run, monkeypatch, "unibill credits list ") == ["billagain", "socotra"]
    assert completed(run, monkeypatch, "unibill credits list bill") == ["billagain"]
    assert completed(run, monkeypatch, "unibill plan billagain s") == ["socotra"]
    assert completed(run, monkeypatch, "unibill mapping m") == ["memory"]
    assert completed(run, monkeypatch, "unibill apply --concurrency few --run r.run --o") == ["--only"]


def test_the_configuration_that_is_named_is_what_backends_are_completed_from(
    run: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.folder / "other.toml").write_text('[backends.elsewhere]\nprovider = "memory"\n', "utf-8")
    assert completed(run, monkeypatch, "unibill credits list --config other.toml ") == ["elsewhere"]
    assert completed(run, monkeypatch, "unibill credits list --config nosuch.toml ") == []


def test_a_configuration_that_cannot_be_read_completes_nothing_and_says_nothing(
    run: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.folder / "unibill.toml").write_text("[backends", "utf-8")
    assert completed(run, monkeypatch, "unibill credits list ") == []


def test_completion_is_installed_where_bash_looks(tmp_path: Path) -> None:
    done = spawn("--install-completion", "bash", env={"HOME": str(tmp_path)})
    assert done.status == 0, done.err
    assert "_UNIBILL_COMPLETE" in (tmp_path / ".bash_completions" / "unibill.sh").read_text("utf-8")
