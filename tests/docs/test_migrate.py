"""Every command of docs/migrate.md runs, in order, as it stands there."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "migrate.md"
UNIBILL = [sys.executable, "-m", "unibill"]


def blocks() -> tuple[str, list[str]]:
    """The command that serves the sandboxes, and every other command, in the order of the page."""
    found = re.findall(r"(<!-- serve -->\n)?```sh\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    (served,) = [block.strip() for marker, block in found if marker]
    return served, [line for marker, block in found if not marker for line in block.strip().splitlines()]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    assert words[0] == "unibill", command
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(  # noqa: S603 - our own commands
        [*UNIBILL, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Path]:
    served, _ = blocks()
    words = [*UNIBILL, *shlex.split(served)[1:], "--json"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        assert process.stdout is not None
        assert "url" in json.loads(process.stdout.readline())
        yield tmp_path / "rehearsal"
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stdout is not None:
            process.stdout.close()


def test_the_cut_over_of_the_page_works_from_rehearsal_to_rollback(rehearsal: Path) -> None:
    _, commands = blocks()
    shown: dict[str, str] = {}
    for command in commands:
        if "HASH" in command:
            command = command.replace("HASH", json.loads(run("unibill status --run cutover.run --json", rehearsal).stdout)["hash"])
        done = run(command, rehearsal)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        shown[command] = done.stdout
    assert "created  3\n" in shown["unibill apply --run cutover.run --canary 3 --yes"]
    assert "agree" in shown["unibill verify --run cutover.run"]
    assert re.search(r"To be created: 75\.50? ZAR", shown["unibill plan billagain socotra --run delta.run --accounts accounts.csv"])
    assert "create " not in shown["unibill plan billagain socotra --run cohort.run --accounts accounts.csv --account 5001 --account 5002"]
