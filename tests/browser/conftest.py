"""A real browser for pages that people look at: Debian's Chromium, or the one that ``UNIBILL_CHROMIUM`` names."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Expect, Page

OpenPage = Callable[..., "Page"]

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _missing() -> str | None:
    if find_spec("playwright") is None:
        return "Playwright is not installed, so no page was looked at."
    if not _chromium():
        return "No Chromium was found (on the path, or through UNIBILL_CHROMIUM), so no page was looked at."
    return None


def _chromium() -> str | None:
    return os.environ.get("UNIBILL_CHROMIUM") or shutil.which("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One browser for the tests of a file; skipped where there is none, except under CI=true."""
    reason = _missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_chromium(), args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def expect(browser: "Browser") -> "Expect":
    """Playwright's assertions, which wait for what they assert."""
    del browser
    from playwright.sync_api import expect

    return expect


@pytest.fixture
def forgiven() -> list[str]:
    """Parts of what the console may say after all: the browser itself reports requests that fail."""
    return []


@pytest.fixture
def open_page(browser: "Browser", forgiven: list[str]) -> Iterator[OpenPage]:
    """``open_page(url, width, scheme="light")``: a page; at the end it must have said nothing on its console and asked no other host."""
    pages: list[Page] = []
    said: list[str] = []
    asked: set[str] = set()

    def told(message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    def broke(error: "Error") -> None:
        said.append(str(error))

    def opened(url: str, width: int = 1280, scheme: str = "light") -> "Page":
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light")
        page.set_default_timeout(15_000)
        page.on("console", told)
        page.on("pageerror", broke)
        page.on("request", lambda request: asked.add("/".join(request.url.split("/")[:3])))
        pages.append(page)
        page.goto(url)
        return page

    yield opened
    hosts = {"/".join(page.url.split("/")[:3]) for page in pages}
    for page in pages:
        page.close()
    assert [text for text in said if not any(part in text for part in forgiven)] == []
    assert asked <= hosts
