"""What commands print on the pages, written anew where it is no longer what they print."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from docs.generate.pages import ROOT, found
from docs.generate.running import Printed, stage

ELSEWHERE: Final = {
    "docs/write-a-provider.md": "tests/docs/test_write_a_provider.py",
    "docs/test-with-cassettes.md": "tests/docs/test_test_with_cassettes.py",
    "docs/reference/commands.md": "tests/docs/test_commands.py",
}
"""Pages whose blocks a test of their own runs."""


def played() -> list[Path]:
    """The pages whose blocks are run one after the other."""
    return [page for page in found() if page.relative_to(ROOT).as_posix() not in ELSEWHERE]


def write() -> None:
    """Write every block of output anew that has drifted."""
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start"
        start.mkdir()
        with stage(start) as shared:
            for number, page in enumerate(played()):
                refresh(page, shared.page(page, Path(folder) / f"page-{number}"))


def refresh(page: Path, printed: Iterable[Printed]) -> None:
    """Replace the blocks of a page that do not show what was printed."""
    lines = page.read_text("utf-8").splitlines(keepends=True)
    for one in sorted(printed, key=lambda one: one.block.line, reverse=True):
        if one.shown is not None and not one.agrees:
            first = one.shown.line
            last = first + len(one.shown.text.splitlines())
            lines[first:last] = [one.masked]
    page.write_text("".join(lines), "utf-8")
