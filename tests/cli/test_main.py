"""The console script: quick to start, one sentence for an error, the exit status of its kind."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import Command, Place, spawn

HEAVY = ("httpx", "sqlalchemy", "starlette", "uvicorn", "unibill_billagain", "unibill_socotra", "unibill.http")
LOADED = "import sys; from unibill.__main__ import main; main({words!r}); print(*sys.modules, file=sys.stderr)"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own code


@pytest.mark.parametrize("words", [["--help"], ["credits", "list", "--help"], ["demo", "--help"], ["plan", "--help"]])
def test_help_imports_nothing_that_work_needs(words: list[str]) -> None:
    modules = set(python(LOADED.format(words=words)).stderr.split())
    assert "typer" in modules
    assert not modules & {*HEAVY, "rich", "pydantic"}


@pytest.mark.parametrize("words", [["--help"], [], ["credits"], ["--version"]])
def test_the_list_of_commands_imports_none_of_the_others(words: list[str]) -> None:
    modules = set(python(LOADED.format(words=words)).stderr.split())
    assert "unibill.cli.commands" in modules
    assert not modules & {*HEAVY, "pydantic", "unibill.cli.runs", "unibill.cli.demo", "unibill.cli.choices"}


@pytest.mark.parametrize("line", ["unibill ", "unibill cre", "unibill plan --", "unibill credits list "])
def test_a_shell_that_asks_what_may_follow_waits_for_nothing_that_work_needs(line: str) -> None:
    asked = {"_UNIBILL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    code = f"import atexit, os; os.environ.update({asked!r}); {LOADED.format(words=[])}"
    done = python(code)
    modules = set(done.stderr.split())
    assert "unibill.cli.commands" in modules
    assert not modules & {*HEAVY, "rich", "pydantic"}


def test_every_public_name_is_there_when_it_is_used() -> None:
    import unibill

    assert all(getattr(unibill, name) is not None for name in unibill.__all__)
    assert set(unibill.__all__) <= set(dir(unibill))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = getattr(unibill, "nonsense")  # noqa: B009 - the name is not there


def test_without_the_extra_a_plain_sentence_says_how_to_install_it() -> None:
    code = "import sys; sys.modules['typer'] = None; from unibill.__main__ import main; sys.exit(main(['demo']))"
    done = python(code)
    assert done.returncode == 2
    assert done.stderr == 'The command line needs libraries that are not installed (typer). Install them with: pip install "unibill[cli]"\n'


@pytest.mark.parametrize("missing", ["pydantic", "msgspec", "packaging"])
def test_a_damaged_installation_is_a_sentence_too(missing: str) -> None:
    done = python(f"import sys; sys.modules[{missing!r}] = None; from unibill.__main__ import main; sys.exit(main(['doctor']))")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"The command line needs libraries that are not installed ({missing}")


def test_an_unknown_backend_is_one_sentence_with_what_there_is_and_status_2(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("credits", "list", "nosuch")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Error: There is no backend 'nosuch'")
    assert len(done.err.splitlines()) == 1


def test_a_usage_error_is_status_2(run: Command) -> None:
    assert run("credits", "list").status == 2
    assert run("nosuch").status == 2


def test_an_option_that_will_not_do_is_repeated_as_it_was_given(run: Command) -> None:
    done = run("plan", "old", "new", "--max-blocked", ": Value error, 1")
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines()[-1] == (
        "Error: Invalid value for '--max-blocked': ': Value error, 1' is not an amount; write one such as 150.00"
    )


def test_refused_credentials_are_status_3_without_the_secret_or_a_traceback(run: Command, place: Place) -> None:
    config = place.folder / "unibill.toml"
    config.write_text(config.read_text().replace("sandbox-key", "not-the-key-1234"), "utf-8")
    done = run("credits", "list", "billagain")
    assert done.status == 3
    assert "Check the backend's credentials" in done.err
    debugged = run("credits", "list", "billagain", "--debug")
    assert "Traceback" in debugged.err
    for text in (done.err, debugged.err):
        assert "not-the-key-1234" not in text


def test_debug_shows_every_request_on_standard_error_and_only_when_asked(run: Command, place: Place) -> None:
    asked = ("credits", "get", "billagain", "10095", "--json")
    plain = run(*asked)
    place.sandbox.faults([{"kind": "status-503", "count": 1}])
    shown = run(*asked, "--debug")
    assert (plain.err, shown.out) == ("", plain.out)
    first, second = shown.err.splitlines()
    assert re.fullmatch(r"billagain: GET /credits/10095 -> 503 in \d+ ms \(get credit\).*", first), first
    assert re.fullmatch(r"billagain: GET /credits/10095 -> 200 in \d+ ms, try 2 \(get credit\)", second), second
    assert run(*asked).err == ""


def test_an_unexpected_error_is_a_sentence_and_debug_shows_where(run: Command, place: Place, tmp_path: Path) -> None:
    del place
    folder = tmp_path / "map.csv"
    folder.mkdir()
    words = ("plan", "billagain", "socotra", "--run", "r.run", "--ids", str(folder), "--accounts", "accounts.csv")
    assert run(*words).status == 2
    code = (
        "import sys, unibill.cli.app as app\n"
        "def broken(words, debug):\n    raise RuntimeError('card 4242424242424242')\n"
        "app.run = broken\nfrom unibill.__main__ import main\nsys.exit(main({words}))"
    )
    plain, debugged = python(code.format(words=["x"])), python(code.format(words=["x", "--debug"]))
    assert (plain.returncode, plain.stderr) == (
        3,
        "Error: something unexpected went wrong: RuntimeError. Run it again with --debug to see where.\n",
    )
    assert "Traceback" in debugged.stderr
    assert "4242424242424242" not in plain.stderr + debugged.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_what_a_container_is_stopped_with_are_status_130(sent: signal.Signals, tmp_path: Path) -> None:
    """The prompt of init is where a command waits."""
    words = [sys.executable, "-u", "-m", "unibill", "init", "--out", str(tmp_path / "unibill.toml")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Providers:")
        process.send_signal(sent)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("words", ["credits list billagain --json", "providers", "--help"])
def test_a_reader_that_goes_away_ends_it_quietly_as_it_ends_any_tool(words: str, place: Place) -> None:
    done = subprocess.run(  # noqa: S603 - a shell's pipe is what is tested
        ["/bin/bash", "-c", f"{sys.executable} -m unibill {words} | true; echo ${{PIPESTATUS[0]}}"],
        cwd=place.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_output_that_cannot_be_written_is_a_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "unibill", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "Error: the system refused to read or write: No space left on device.\n")


CREATE = ["credits", "create", "billagain", "--account", "269", "--currency", "ZAR", "--amount", "5", "--number", "N-1", "--yes"]


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize(("into", "status"), [("> /dev/full", 1), (">&-", 0), ("| true", 141)])
def test_what_was_written_is_told_on_standard_error_where_it_cannot_be_printed(
    into: str, status: int, json: list[str], place: Place
) -> None:
    before = {row["creditNoteID"] for row in place.rows("billagain", "credit")}
    script = f"{sys.executable} -m unibill {' '.join(CREATE + json)} {into}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["/bin/bash", "-c", script], cwd=place.folder, capture_output=True, text=True, check=False)  # noqa: S603 - the same
    assert done.returncode == status, done.stderr
    (made,) = {row["creditNoteID"] for row in place.rows("billagain", "credit")} - before
    said = [line for line in done.stderr.splitlines() if not line.startswith("Not written: ")]
    assert len(said) == 1, said
    assert said[0].startswith(f"Credit {made} was created at billagain. ")


def test_an_apply_that_cannot_be_printed_says_where_to_look_and_ends_with_a_status_of_its_own(run: Command, place: Place) -> None:
    run("plan", "billagain", "socotra", "--run", "a.run", "--accounts", "accounts.csv")
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "unibill", "apply", "--run", "a.run", "--yes"]
        done = subprocess.run(words, cwd=place.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "The apply has ended; what came of it: unibill status --run a.run. Only printing it failed: No space left on device."
    )
    assert run("status", "--run", "a.run", "--json").records()[0]["phase"] == "applied"


def test_cron_has_no_terminal_no_home_and_no_locale(place: Place) -> None:
    words = [sys.executable, "-m", "unibill"]
    bare = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    for command, status in ((["backends", "--check"], 0), (["credits", "list", "billagain"], 0), (["mapping"], 0), (["doctor"], 0)):
        done = subprocess.run(  # noqa: S603 - our own command
            [*words, *command], cwd=place.folder, env=bare, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (status, b"")
        assert b"\x1b" not in done.stdout
    asked = subprocess.run(  # noqa: S603 - our own command
        [*words, "credits", "void", "billagain", "10095"],
        cwd=place.folder,
        env=bare,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert asked.returncode == 2
    assert b"there is no terminal to ask on" in asked.stderr
    assert place.writes() == 0


def test_a_stream_whose_encoding_lacks_a_letter_gets_an_escape() -> None:
    done = spawn("mapping", "billagain", "socotra", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (done.status, done.err) == (0, "")
    assert "\\xb7" in done.out


def test_version_names_unibill_and_every_provider_with_its_distribution() -> None:
    done = spawn("--version")
    assert done.status == 0
    assert done.out.splitlines()[0].startswith("unibill ")
    assert {line.split(":")[0].strip() for line in done.out.splitlines()[1:]} >= {"billagain", "socotra"}


def test_colours_appear_when_forced_and_not_with_no_color(tmp_path: Path) -> None:
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert "\x1b[" in spawn("credits", "list", "nosuch", cwd=tmp_path, env=forced).err
    assert "\x1b[3" not in spawn("credits", "list", "nosuch", cwd=tmp_path, env={**forced, "NO_COLOR": "1"}).err
    assert "\x1b[" not in spawn("credits", "list", "nosuch", cwd=tmp_path).err
