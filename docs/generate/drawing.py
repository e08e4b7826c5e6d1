"""Drawings of boxes and arrows, as SVG from a description: text stays text, and the colours follow the reader's light or dark."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree as ET

STYLE: Final = """
  .paper { fill: #fbfbfa; stroke: #d8dbe0 }
  .box { fill: #eef3fb; stroke: #6b8fc9 }
  .good { fill: #eaf6ee; stroke: #5aa574 }
  .bad { fill: #fbeeee; stroke: #c97b7b }
  .plain { fill: none; stroke: #9aa1ac; stroke-dasharray: 5 4 }
  text { fill: #1f2530; font: 14px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif }
  .title { font-weight: 600 }
  .note { fill: #505968; font-size: 12.5px }
  .arrow { stroke: #505968; fill: none; stroke-width: 1.6 }
  .head { fill: #505968 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #171a20; stroke: #333944 }
    .box { fill: #1d2a40; stroke: #6b8fc9 }
    .good { fill: #193024; stroke: #5aa574 }
    .bad { fill: #3a2123; stroke: #c97b7b }
    text { fill: #e7eaf0 }
    .note { fill: #aab3c0 }
    .arrow { stroke: #aab3c0 }
    .head { fill: #aab3c0 }
  }
"""
_LINE: Final = 18
_NEAR: Final = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A box; the first line of its text is its title.

    Attributes:
        at: left and top, in pixels.
        size: width and height.
        kind: ``box``, ``good``, ``bad`` or ``plain``.
        high: its text stands at the top, since other boxes lie in it.
    """

    text: str
    at: tuple[float, float]
    size: tuple[float, float]
    kind: str = "box"
    high: bool = False

    def side(self, name: str, shift: float = 0) -> tuple[float, float]:
        """The middle of a side (``left``, ``right``, ``top``, ``bottom``), moved along it."""
        (x, y), (width, height) = self.at, self.size
        return {
            "left": (x, y + height / 2 + shift),
            "right": (x + width, y + height / 2 + shift),
            "top": (x + width / 2 + shift, y),
            "bottom": (x + width / 2 + shift, y + height),
        }[name]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line along points with a head at its end, and words beside it.

    Attributes:
        words: lines of text.
        words_at: where they begin; the middle of the first part where it is left out.
    """

    points: Sequence[tuple[float, float]]
    words: str = ""
    words_at: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing.

    Attributes:
        title: for those who cannot see it.
        size: width and height.
    """

    title: str
    size: tuple[int, int]
    boxes: Sequence[Box]
    arrows: Sequence[Arrow] = field(default_factory=tuple[Arrow, ...])

    def svg(self) -> str:
        """As a file's text."""
        width, height = self.size
        root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", width=str(width), role="img")
        ET.SubElement(root, "title").text = self.title
        ET.SubElement(root, "style").text = STYLE
        _rectangle(root, (0.5, 0.5), (width - 1, height - 1), "paper")
        for box in self.boxes:
            _rectangle(root, box.at, box.size, box.kind)
        for arrow in self.arrows:
            _arrow(root, arrow)
        for box in self.boxes:
            _text(root, box)
        ET.indent(root)
        return ET.tostring(root, encoding="unicode") + "\n"


def _rectangle(root: ET.Element, at: tuple[float, float], size: tuple[float, float], kind: str) -> None:
    x, y, width, height = map(_number, (*at, *size))
    ET.SubElement(root, "rect", {"class": kind, "x": x, "y": y, "width": width, "height": height, "rx": "7"})


def _text(root: ET.Element, box: Box) -> None:
    (x, y), (width, height) = box.at, box.size
    lines = box.text.split("\n")
    first = y + 22 if box.high else y + height / 2 - (len(lines) - 1) * _LINE / 2 + 5
    for place, line in enumerate(lines):
        _words(root, line, (x + width / 2, first + place * _LINE), "title" if place == 0 else "note", "middle")


def _arrow(root: ET.Element, arrow: Arrow) -> None:
    *_, (x0, y0), (x, y) = arrow.points
    right, down = (x > x0) - (x < x0), (y > y0) - (y < y0)
    line = [*arrow.points[:-1], (x - 7 * right, y - 7 * down)]
    ET.SubElement(root, "polyline", {"class": "arrow", "points": " ".join(f"{_number(a)},{_number(b)}" for a, b in line)})
    back, across = (x - 10 * right, y - 10 * down), (5 * down, 5 * right)
    corners = ((x, y), (back[0] + across[0], back[1] + across[1]), (back[0] - across[0], back[1] - across[1]))
    ET.SubElement(root, "polygon", {"class": "head", "points": " ".join(f"{_number(a)},{_number(b)}" for a, b in corners)})
    if arrow.words:
        (ax, ay), (bx, by) = arrow.points[:2]
        at = arrow.words_at or ((ax + bx) / 2 + (6 if ax == bx else 0), (ay + by) / 2 + (_NEAR if ax == bx else -6))
        anchor = "start" if ax == bx or arrow.words_at else "middle"
        for place, words in enumerate(arrow.words.split("\n")):
            _words(root, words, (at[0], at[1] + place * 16), "note", anchor)


def _words(root: ET.Element, text: str, at: tuple[float, float], kind: str, anchor: str) -> None:
    ET.SubElement(root, "text", {"class": kind, "x": _number(at[0]), "y": _number(at[1]), "text-anchor": anchor}).text = text


def _number(value: float) -> str:
    return f"{value:g}"
