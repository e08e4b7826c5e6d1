"""How Sphinx builds these pages: ``sphinx-build -W docs docs/_build``. What it makes needs no network to be read."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pygments.lexers.special import TextLexer  # type: ignore[import-untyped]  # Pygments has no types
from sphinx.util import logging

from unibill import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "unibill"
author = project_copyright = "The unibill maintainers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_external_toc"]
exclude_patterns = ["_build", "examples", "generate", "static"]
smartquotes_action = "D"  # quotes stay as they are typed

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
external_toc_path = "contents.yml"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_use_ivar = True  # a field that a class's docstring tells of is not told twice
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"unibill {release}"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

DOCS: Final = Path(__file__).parent
TWINS: Final = {
    "readme": "README.md",
    "changelog": "CHANGELOG.md",
    "security": "SECURITY.md",
    "reference/billagain": "providers/billagain/README.md",
    "reference/socotra": "providers/socotra/README.md",
}
"""Pages here that show a file which lies where people look for it, outside this folder."""
_FETCHED: Final = re.compile(
    r"""(?:<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=["']?|url\(["']?|@import ["'])((?:https?:)?//[^"')\s>]+)"""
)
_LINK: Final = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)]*)?\)")


def _read(app: "Sphinx", page: str, source: list[str]) -> None:
    """Show what a twin is the twin of, and lead links that hold where the sources lie to where the pages are."""
    origin = DOCS / f"{page}.md"
    if page in TWINS:
        origin = DOCS.parent / TWINS[page]
        source[0] = origin.read_text("utf-8")
        app.env.note_dependency(str(origin))
    source[0] = _LINK.sub(lambda link: _led(link, origin.parent, page), source[0])


def _led(link: re.Match[str], folder: Path, page: str) -> str:
    target = (folder / link["path"]).resolve()
    twins = {DOCS.parent / file: DOCS / f"{twin}.md" for twin, file in TWINS.items()}
    target = twins.get(target, target)
    if not target.exists():
        return link[0]  # Sphinx complains
    if not target.is_relative_to(DOCS):
        return link["text"]
    up = os.path.relpath(target, (DOCS / page).parent)
    return f"[{link['text']}]({up}{link['anchor'] or ''})"


def _needs_no_network(app: "Sphinx", error: Exception | None) -> None:
    """Warn of whatever a browser would fetch from elsewhere to show a page."""
    if error is None and app.builder.format == "html":
        for file in (*app.outdir.rglob("*.html"), *app.outdir.rglob("*.css"), *app.outdir.rglob("*.svg")):
            for address in _FETCHED.findall(file.read_text("utf-8")):
                logging.getLogger(__name__).warning("%s fetches %s", file.relative_to(app.outdir), address)


def setup(app: "Sphinx") -> None:
    """Called by Sphinx."""
    app.add_lexer("csv", TextLexer)  # Pygments has none
    app.connect("source-read", _read)
    app.connect("build-finished", _needs_no_network)
