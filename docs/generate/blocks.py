"""The blocks of code on a page, each with what the page says of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

NOT_RUN: Final = "*Not run as a test: "
"""How the sentence begins that stands above a block which no test runs; the reason follows."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        language: such as ``sh`` or ``python``; empty where the page names none.
        text: what is in it.
        line: of its fence, from 1.
        above: the sentence or the comment that stands directly above it.
    """

    language: str
    text: str
    line: int
    above: str

    @property
    def reason(self) -> str:
        """Why nothing runs it here; empty where it is run."""
        if self.above.startswith("<!-- command: "):
            return "continuous integration takes it from the page and runs it"
        if self.language.startswith("{"):
            return "it is a directive of the documentation's generator, which runs it"
        return self.above.removeprefix(NOT_RUN).removesuffix("*") if self.above.startswith(NOT_RUN) else ""

    @property
    def file(self) -> str:
        """The file that the page says it is; empty where it is none."""
        found = re.fullmatch(r"<!-- file: (\S+) -->", self.above)
        return found[1] if found else ""

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, continued lines joined; of comments only one that tells the exit status is kept."""
        lines = self.text.replace("\\\n", " ").splitlines()
        told = (line.strip() if "  # status " in line else line.partition("  #")[0].strip() for line in lines)
        return [command for command in told if command and not command.startswith("#")]


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    return list(_blocks(page.read_text("utf-8")))


def _blocks(text: str) -> Iterator[Block]:
    above, last = "", 0
    for token in MarkdownIt().parse(text):
        if token.map is None or token.type in {"paragraph_open", "list_item_open"}:
            continue
        if token.type == "fence":
            said = above if token.map[0] <= last + 1 else ""
            yield Block(token.info.strip(), token.content, token.map[0] + 1, said)
        if token.type in {"inline", "html_block"}:
            above, last = token.content.strip().splitlines()[-1] if token.content.strip() else "", token.map[1]
