"""new-provider writes a distribution that works: typed, linted, installable, and passing its own suite; it overwrites nothing."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.commands import Command
from unibill.cli import scaffold

EXAMPLE = Path(__file__).parents[1] / "examples" / "unibill-acme"
SHORTEST, LONGEST = "ab", "north-wind-and-the-long-name12"


def call(*command: str, cwd: Path, path: str = "") -> str:
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(project: Path, site: Path) -> str:
    """Build a project and put its metadata on a path, as an editable install does; gives that path."""
    call("-m", "hatchling", "build", "-t", "wheel", "-d", str(site / "built"), cwd=project)
    (wheel,) = (site / "built").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site, [name for name in archive.namelist() if ".dist-info/" in name])
    return os.pathsep.join([str(project), str(site)])


def test_the_example_in_the_tests_is_what_is_written_for_its_name() -> None:
    """So everything that is proved of the example is true of a new provider, which has only to record its cassettes."""
    made = scaffold.project("acme-2")
    assert made
    shipped = {path.relative_to(EXAMPLE).as_posix(): path.read_text("utf-8") for path in EXAMPLE.rglob("*") if kept(path)}
    renamed = {
        path.replace("acme_2", "acme"): text.replace("acme_2", "acme").replace("acme-2", "acme").replace("ACME_2", "ACME")
        for path, text in made.items()
    }
    assert {path: text.replace("Acme2", "Acme").replace("Acme 2", "Acme") for path, text in renamed.items()} == shipped


def kept(path: Path) -> bool:
    made_later = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "cassettes"}
    return path.is_file() and not made_later & set(path.relative_to(EXAMPLE).parts)


@pytest.mark.parametrize("name", [SHORTEST, LONGEST])
def test_whatever_its_name_a_new_provider_is_formatted_and_linted_by_its_own_rules(run: Command, tmp_path: Path, name: str) -> None:
    assert run("new-provider", name, "--dir", str(tmp_path / "new")).status == 0
    call("-m", "ruff", "check", "--no-cache", ".", cwd=tmp_path / "new")
    call("-m", "ruff", "format", "--no-cache", "--check", ".", cwd=tmp_path / "new")
    assert all(
        "@" not in text.replace("@hookimpl", "").replace("@classmethod", "").replace("@pytest", "") for text in texts(tmp_path / "new")
    )


def texts(folder: Path) -> list[str]:
    return [path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()]


def test_a_new_provider_is_typed_listed_and_passes_its_own_tests(run: Command, tmp_path: Path) -> None:
    project = tmp_path / "new"
    run("new-provider", "north-wind", "--dir", str(project))
    path = install(project, tmp_path / "site")
    assert "north-wind  North Wind  unibill-north-wind 0.1.0  ok" in call("-m", "unibill", "providers", cwd=tmp_path, path=path)
    said = call("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--unibill-evidence", "check", cwd=project, path=path)
    assert " passed" in said
    assert "nothing is recorded yet: pytest --unibill-record" in said
    one = "TestReplayed and test_one_key_makes_one_credit"
    for option in ("--unibill-record", "--unibill-backend=cassette"):
        assert "1 passed" in call("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", one, option, cwd=project, path=path)
    call("-m", "mypy", cwd=project, path=path)


def test_nothing_is_overwritten(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("new-provider", "acme").status == 0
    (tmp_path / "unibill-acme" / "README.md").write_text("mine")
    done = run("new-provider", "acme")
    assert done.status == 2
    assert "Error: The folder unibill-acme is there already, and new-provider overwrites nothing; give --dir another folder." in done.err
    assert (tmp_path / "unibill-acme" / "README.md").read_text() == "mine"


def test_an_empty_folder_may_be_given_and_a_file_may_not(run: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert run("new-provider", "acme", "--dir", str(tmp_path / "empty")).status == 0
    assert run("new-provider", "acme", "--dir", str(tmp_path / "file")).status == 2
    done = run("new-provider", "acme", "--dir", str(tmp_path / "file" / "below"))
    assert (done.status, "cannot be written" in done.err) == (2, True)


@pytest.mark.parametrize("name", ["Acme", "acme_billing", "2acme", "-acme", "acme-", "a--b", "", "../acme", "acme\n", "ácme", "a" * 31])
def test_a_name_that_cannot_be_one_is_refused_in_one_sentence(run: Command, tmp_path: Path, name: str) -> None:
    done = run("new-provider", "--dir", str(tmp_path / "new"), "--", name)
    assert done.status == 2
    said = " ".join(done.err.split())
    assert "cannot be a provider's name; use small letters and digits" in said
    assert "a letter first" in said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["socotra", "billagain", "memory"])
def test_the_name_of_an_installed_provider_is_refused_and_its_owner_named(run: Command, tmp_path: Path, name: str) -> None:
    done = run("new-provider", name, "--dir", str(tmp_path / "new"))
    assert done.status == 2
    assert f"there is a provider {name!r} already, of unibill" in " ".join(done.err.lower().split())
