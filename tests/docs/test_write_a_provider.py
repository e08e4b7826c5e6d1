"""docs/write-a-provider.md, followed literally from an empty folder: every command runs, every block is the file that it says."""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "write-a-provider.md").read_text("utf-8")
STEP = re.compile(r"<!-- (run|file: (\S+)) -->\n```\w+\n(.*?)```", re.DOTALL)
OFFLINE = ["--no-build-isolation", "--no-index", "--quiet"]
"""What pip is told besides: all that it needs is installed, and it fetches nothing."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a new environment in which unibill is installed, and whatever is installed here."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)  # noqa: S603 - our own environment
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return str(folder / "bin" / "python")


def run(python: str, command: str, folder: Path) -> str:
    words = shlex.split(command)
    options = OFFLINE if words[0] == "pip" else []
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(  # noqa: S603 - the page's own commands
        [python, "-m", *words, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_page_leads_from_an_empty_folder_to_a_passing_suite(python: str, tmp_path: Path) -> None:
    folder, said = tmp_path, ""
    for kind, file, text in STEP.findall(PAGE):
        if kind == "run":
            for command in text.splitlines():
                if command.startswith("cd "):
                    folder /= command.removeprefix("cd ")
                else:
                    said = run(python, command, folder)
        else:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, "utf-8")
    (shown,) = re.findall(r"^orb  .*$", PAGE, re.MULTILINE)
    assert shown.split() == next(line.split() for line in said.splitlines() if line.startswith("orb "))
    assert '"credits.create": ["sandbox"]' in (folder / "unibill_orb" / "evidence.json").read_text("utf-8")


def test_every_block_of_the_page_is_run_or_is_a_file() -> None:
    blocks = len(re.findall(r"^```\w+$", PAGE, re.MULTILINE))
    assert blocks == len(STEP.findall(PAGE)) > 10
