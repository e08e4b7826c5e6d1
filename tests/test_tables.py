"""What the README and the providers' pages claim is what the providers declare."""

from pathlib import Path

import pytest

from unibill import tables

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "providers").glob("*/README.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix().replace("/", "-"))
def test_no_generated_table_has_drifted_from_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert tables.regenerated(text, tables.bundled()) == text, f"run: python -m unibill.tables {page.relative_to(ROOT)}"


def test_the_readme_holds_the_capability_table() -> None:
    assert "<!-- generated: capabilities -->\n| Operation |" in (ROOT / "README.md").read_text("utf-8")


def test_a_marker_of_an_unknown_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="names no table"):
        tables.regenerated("<!-- generated: wishes -->\n<!-- end -->", tables.bundled())


def test_a_marker_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no <!-- end -->"):
        tables.regenerated("<!-- generated: capabilities -->\n", tables.bundled())
