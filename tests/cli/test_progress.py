"""Progress on a terminal: it fits, and nothing of it stays."""

import os
import re
import subprocess
import sys
from typing import Final

import pytest

PROGRAM: Final = """
from decimal import Decimal
from unibill.cli.progress import progress
from unibill.copying.summary import Progress

with progress(False) as tell:
    for done in (0, 120, 123456):
        tell(Progress("read source", done))
    for done in (0, 120, 123456):
        tell(Progress("apply", done, 123456, money={"USD": Decimal("1234567.8")}))
"""
STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")


def seen(width: int) -> str:
    """What a terminal of this width is sent, without colours."""
    ours, theirs = os.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    environment |= {"TERM": "xterm", "COLUMNS": str(width)}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as program:  # noqa: S603 - our own program
        os.close(theirs)
        sent = b""
        try:
            while block := os.read(ours, 65536):
                sent += block
        except OSError:  # the program has ended
            pass
    os.close(ours)
    assert program.returncode == 0, sent
    return STYLE.sub("", sent.decode())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
@pytest.mark.parametrize("width", [60, 100])
def test_it_fits_the_terminal_and_is_wiped_away_at_the_end(width: int) -> None:
    frames, _, wiped = seen(width).rpartition("\x1b[?25h")
    rows = [re.sub(r"\x1b\[\??[0-9;]*[A-Za-z]", "", row) for row in re.split(r"[\r\n]+", frames)]
    assert max(map(len, rows)) < width
    assert any(row.startswith("apply") and "123456/123456" in row for row in rows)
    last = re.split(r"\x1b\[2K(?=read source)", frames)[-1]
    assert last.count("\n") == 2
    assert wiped.count("\x1b[1A\x1b[2K") == 2
    assert ("1234567.80 USD" in frames) == (width == 100)


def test_into_a_pipe_the_last_line_says_how_far_it_came_with_money_as_summaries_write_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    assert done.stderr.splitlines() == [
        "read source: 0",
        "apply: 0 of 123456 1234567.80 USD",
        "apply: 123456 of 123456 1234567.80 USD",
    ]
