"""A stranger's provider passes the suite from its own distribution, with nothing but what is installed."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1] / "examples" / "unibill-acme"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the built wheel is unpacked."""
    built, site = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)  # noqa: S603 - our own build
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def pytest_of_the_example(installed: Path, folder: Path, *options: str) -> str:
    environment = {"PYTHONPATH": str(installed), "PATH": "", "HOME": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--import-mode=importlib", "-rs", *options]
    project = ["--rootdir", str(PROJECT), "--confcutdir", str(PROJECT), "-c", str(PROJECT / "pyproject.toml"), str(PROJECT / "tests")]
    done = subprocess.run(  # noqa: S603 - our own tests
        [*command, *project], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_plugin_passes_the_suite_from_its_own_tests(installed: Path, tmp_path: Path) -> None:
    assert " passed" in pytest_of_the_example(installed, tmp_path, "-k", "TestAcme")


def test_the_example_plugin_passes_the_suite_on_its_cassettes_without_its_sandbox(installed: Path, tmp_path: Path) -> None:
    sandbox = installed / "unibill_acme" / "sandbox.py"
    kept = sandbox.read_text("utf-8")
    sandbox.write_text(
        "class AcmeSandbox:\n    def __init__(self, *_):\n        raise AssertionError('a replay needs no sandbox')\n", "utf-8"
    )
    try:
        said = pytest_of_the_example(installed, tmp_path, "-k", "TestReplayed")
    finally:
        sandbox.write_text(kept, "utf-8")
    assert re.search(r"\b4\d passed", said), said
    assert "nothing is recorded" not in said


def test_every_cassette_of_the_example_plugin_belongs_to_a_test_and_holds_no_key(installed: Path, tmp_path: Path) -> None:
    pytest_of_the_example(installed, tmp_path, "--unibill-orphans")
    kept = [file.read_text("utf-8") for file in (PROJECT / "cassettes").rglob("*.yaml")]
    assert any("<secret:acme.api_key>" in text for text in kept)
    assert not [text for text in kept if "acme-sandbox-key" in text or "127.0.0.1" in text]
