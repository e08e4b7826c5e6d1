"""The pages that hold generated parts, and those parts made anew."""

from pathlib import Path
from typing import Final

from docs.generate import describing, providing
from docs.generate.markdown import START, regenerated

ROOT: Final = Path(__file__).parents[2]
MAKERS: Final = {**providing.MAKERS, **describing.MAKERS}


def found() -> list[Path]:
    """Every page that is written for readers."""
    docs = [page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts]
    return sorted([*ROOT.glob("*.md"), *docs, *(ROOT / "providers").glob("*/README.md")])


def generated() -> list[Path]:
    """Those with generated parts."""
    return [page for page in found() if START in page.read_text("utf-8")]


def made(page: Path) -> str:
    """A page with its generated parts made anew."""
    return regenerated(page.read_text("utf-8"), MAKERS)


def write() -> None:
    """Make all generated parts anew."""
    for page in generated():
        page.write_text(made(page), "utf-8")
