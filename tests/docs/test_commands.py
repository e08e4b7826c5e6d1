"""Every example of docs/reference/commands.md, which is the example of a command's help, runs in the order of the page."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import pages
from docs.generate.blocks import blocks_of
from docs.generate.running import Stage, parse, stage

PAGE = pages.ROOT / "docs" / "reference" / "commands.md"
ONLY_READ = {
    "unibill demo": "tests/cli/test_demo.py runs it, and it takes its time",
    "unibill init": "it asks; tests/cli/test_setup.py answers",
    "unibill sandbox": "it serves until it is stopped; the tutorial's test starts one",
    "unibill credits allocate": "the documented credit has nothing left to spend",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("start")) as shared:
        yield shared


def test_every_commands_example_is_a_command_and_works(shared: Stage, tmp_path: Path) -> None:
    lines: list[str] = []
    for block in blocks_of(PAGE):
        (example,) = block.commands
        command = parse(shlex.split(example)[1:], f"{PAGE.name}, line {block.line}")
        placeholders = re.search(r"…|://|\b(?!HASH)[A-Z]{4,}\b", example)
        if not placeholders and not example.startswith(tuple(ONLY_READ)):
            asks = any("--yes" in parameter.opts for parameter in command.params)
            lines.append(f"{example} --yes" if asks else example)
    assert len(lines) > 15
    page = tmp_path / "examples.md"
    page.write_text("".join(f"```sh\n{line}  # status 0 or 1\n```\n\n" for line in lines), "utf-8")
    shared.page(page, tmp_path / "page")


def test_every_example_that_is_only_read_is_one_of_the_page() -> None:
    examples = [block.text for block in blocks_of(PAGE)]
    assert all(any(example.startswith(words) for example in examples) for words in ONLY_READ)
