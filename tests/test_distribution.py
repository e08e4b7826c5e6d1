"""What is built is what is meant to be shipped, and it runs from an empty folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import unibill

ROOT = Path(__file__).parent.parent
PACKAGES = {"unibill", "unibill_billagain", "unibill_socotra"}


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 - our own commands
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_exactly_the_three_packages_each_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name.split("/")[0]} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    run(sys.executable, "-m", "check_wheel_contents", str(wheel), cwd=ROOT)


def test_the_wheel_runs_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Unpacked beside its dependencies, with the checkout out of sight, the command line tells its version and finds its providers."""
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    checkout = [str(ROOT), *(str(shelf) for shelf in (ROOT / "providers").iterdir())]
    script = (
        f"import sys; sys.path = [p for p in sys.path if p not in {checkout!r}]; sys.path.insert(0, {str(site)!r});"
        "import unibill, unibill.installed as installed, unibill.plugins as plugins;"
        "assert unibill.__file__.startswith(sys.path[0]), unibill.__file__;"
        "print(unibill.__version__, sorted(installed.found()), plugins.broken())"
    )
    shown = run(sys.executable, "-c", script, cwd=empty)
    assert shown.startswith(unibill.__version__)
    assert "'billagain'" in shown
    assert "'socotra'" in shown
    assert shown.rstrip().endswith("{}")
