"""The demo as a picture of a terminal, made from what ``unibill demo`` prints."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.text import Text

FILE: Final = Path(__file__).parents[1] / "pictures" / "demo.svg"
WIDTH: Final = 80
SHOWN: Final = {"4": 4, "5": 4, "6": 5, "7": 13}
"""How many lines are shown of which part of the demo, below its heading."""
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""What a browser would fetch from elsewhere."""
_VARIES: Final = re.compile(r"\b[0-9a-f]{16}…| \(\d+ seconds?\)")


def make() -> None:
    """Run the demo and write its picture."""
    environment = {**os.environ, "FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-m", "unibill", "demo"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    )
    FILE.write_text(drawn(excerpt(done.stdout)), "utf-8")


def excerpt(printed: str) -> list[Text]:
    """The lines of the demo that the picture shows, without what differs from run to run."""
    lines = [Text.from_ansi(_VARIES.sub(lambda found: "…" if "…" in found[0] else "", line)) for line in printed.splitlines()]
    first, last = lines[0], lines[-1]
    chosen: list[Text] = [Text.assemble(("$ ", "green"), "unibill demo"), first, Text("…", "dim")]
    for place, line in enumerate(lines):
        if (heading := re.match(r"(\d)\. ", line.plain)) and heading[1] in SHOWN:
            part = list(takewhile(lambda one: one.plain.strip(), lines[place : place + 1 + SHOWN[heading[1]]]))
            chosen += [Text(), *part]
    return [*chosen, Text(), Text("…", "dim"), last]


def drawn(lines: Sequence[Text]) -> str:
    """Lines as a picture of a terminal."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False)
    for line in lines:
        console.print(line, soft_wrap=True)
    svg = _FONTS.sub("", console.export_svg(title="unibill demo", unique_id="demo"))
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def read(svg: str) -> list[str]:
    """The lines of text in a picture, without blanks."""
    return ["".join(text.split()) for text in _lines(ET.fromstring(svg))]  # noqa: S314 - our own picture


def _lines(root: ET.Element) -> Iterator[str]:
    by_height: dict[float, list[tuple[float, str]]] = {}
    for one in root.iter("{http://www.w3.org/2000/svg}text"):
        if "clip-path" in one.attrib:
            by_height.setdefault(float(one.attrib["y"]), []).append((float(one.attrib["x"]), one.text or ""))
    for _, parts in sorted(by_height.items()):
        yield "".join(text for _, text in sorted(parts))
