"""Rivals whose dependencies clash with ours, each in a virtual environment of its own below the cache folder."""

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Rival:
    """An installed rival.

    Attributes:
        python: the interpreter of its environment.
        version: of its package, or empty.
        why_not: why it could not be installed; empty if it was.
        folder: where it was put, if it goes beside what is installed.
    """

    python: str
    version: str
    why_not: str = ""
    folder: str = ""


LEFT_OUT: Final = Rival("", "", "left out")


def installed(cache: Path, package: str) -> Rival:
    """A rival's environment, made where there is none yet."""
    folder = cache / "rivals" / package.partition("[")[0]
    python = str(folder / "bin" / "python")
    name = package.partition("[")[0]
    try:
        if not (folder / "ready").exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package])
            (folder / "ready").touch()
        said = _run([python, "-c", f"from importlib.metadata import version; print(version({name!r}))"])
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        return Rival(python, "", f"pip install {package} failed: {last}")
    return Rival(python, said.strip())


def beside(cache: Path, package: str) -> Rival:
    """A library that goes with ours, in a folder of its own to be added to the path."""
    folder = cache / "beside" / package
    try:
        if not folder.exists():
            _run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(folder), package])
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        return Rival(sys.executable, "", f"pip install {package} failed: {last}")
    found = next(iter(distributions(name=package, path=[str(folder)])), None)
    return Rival(sys.executable, "" if found is None else found.version, folder=str(folder))


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own commands
