"""The report in a real browser: a person reads, sorts, filters and prints it."""

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import runfiles
from unibill import money
from unibill.copying import open_run
from unibill.copying.decisions import Decision, State
from unibill.reporting import report

if TYPE_CHECKING:
    from playwright.sync_api import Expect, Locator, Page

    from tests.browser.conftest import OpenPage

MANY = 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs and their reports."""
    place = tmp_path_factory.mktemp("reports")
    for name in ("clean", "mixed", "hostile", "wide"):
        report(getattr(runfiles, name)(place / f"{name}.run"), place / f"{name}.html")
    rows = [runfiles.record(i, f"{(i * 7919) % 10007}.{i % 10}", account=100 + i % 400) for i in range(MANY)]
    report(runfiles.make(place / "many.run", rows), place / "many.html")
    return place


def opened(open_page: "OpenPage", folder: Path, name: str, width: int = 1280, scheme: str = "light") -> "Page":
    page = open_page((folder / f"{name}.html").as_uri(), width, scheme)
    page.locator("html[data-ready]").wait_for(state="attached")
    return page


def lines(page: "Page") -> "Locator":
    return page.locator("#grid tbody tr:not(.pad)")


def test_the_totals_on_the_page_are_those_of_the_run(open_page: "OpenPage", folder: Path) -> None:
    page = opened(open_page, folder, "mixed")
    with open_run(folder / "mixed.run") as run:
        records = list(run.records())
    for currency in {each.currency for each in records}:
        row = page.locator(f"#money tr[data-currency={currency}]")
        mine = [each for each in records if each.currency == currency]
        assert row.locator("[data-figure=records]").text_content() == str(len(mine))
        carried = money.add([each.carried or Decimal(0) for each in mine if each.state is State.CREATED])
        held = [
            each.remaining or Decimal(0)
            for each in mine
            if each.decision in {Decision.BLOCKED, Decision.CONFLICT} or each.state is State.CONFLICT
        ]
        for figure, wanted in (("carried", carried), ("held", money.add(held))):
            assert Decimal(row.locator(f"[data-figure={figure}] data").get_attribute("value") or "") == wanted
    counts = page.locator("#outcomes [data-figure=records]").all_text_contents()
    assert sum(map(int, counts)) == len(records)


def test_the_verdict_stands_on_top_and_pictures_show_what_the_tables_say(open_page: "OpenPage", folder: Path, expect: "Expect") -> None:
    page = opened(open_page, folder, "mixed")
    expect(page.locator("main > section").first).to_have_attribute("data-code", "differences")
    expect(page.get_by_role("heading", name="Differences found")).to_be_in_viewport()
    for chart in ("outcomes", "flow", "gaps", "pace"):
        expect(page.locator(f"#{chart}-chart svg")).to_be_visible()
    for outcome in ("carried", "blocked", "failed", "unknown", "conflict"):
        expect(page.locator("#outcomes-chart svg")).to_contain_text(outcome)
    assert page.locator("#outcomes-chart svg pattern").count() > 0, "bars differ by pattern, not by colour alone"
    page.locator("#flow-currency").get_by_role("button", name="JPY").click()
    expect(page.locator("#flow-chart svg")).to_contain_text("went to new")


def test_a_click_on_a_column_sorts_by_size_and_a_second_the_other_way(open_page: "OpenPage", folder: Path, expect: "Expect") -> None:
    page = opened(open_page, folder, "many")
    amount = page.locator("#grid").get_by_role("button", name="Amount")
    amount.click()
    expect(page.locator("#grid th[aria-sort=ascending]")).to_have_text("Amount")
    shown = [Decimal(text.replace("\u202f", "")) for text in lines(page).locator("td:nth-child(5)").all_text_contents()]
    assert shown == sorted(shown)
    amount.press("Enter")
    expect(page.locator("#grid th[aria-sort=descending]")).to_have_text("Amount")
    largest = max(Decimal(f"{(i * 7919) % 10007}.{i % 10}") for i in range(MANY))
    expect(lines(page).first.locator("td:nth-child(5)")).to_have_text(f"{largest // 1000}\u202f{largest % 1000:06.2f}")


def test_only_rows_in_sight_exist_and_scrolling_brings_the_last(open_page: "OpenPage", folder: Path, expect: "Expect") -> None:
    page = opened(open_page, folder, "many")
    assert lines(page).count() < 60
    expect(page.locator("#grid table")).to_have_attribute("aria-rowcount", str(MANY + 1))
    page.locator("#grid .window").evaluate("view => { view.scrollTop = view.scrollHeight }")
    expect(lines(page).last).to_have_attribute("aria-rowindex", str(MANY + 1))
    page.locator("#accounts-grid").get_by_role("searchbox").fill("000499")
    expect(page.locator("#accounts-grid tbody tr:not(.pad)")).to_have_count(1)


def test_searching_and_filtering_narrow_the_records_down(open_page: "OpenPage", folder: Path, expect: "Expect") -> None:
    page = opened(open_page, folder, "mixed")
    grid = page.locator("#grid")
    grid.get_by_label("Search").fill("unmapped 7 MAP")
    expect(grid.get_by_role("status")).to_have_text("0 of 73 shown")
    grid.get_by_label("Search").fill("7 MAP")
    expect(lines(page)).to_have_count(1)
    grid.get_by_role("button", name="Clear").click()
    grid.get_by_role("combobox", name="Outcome").select_option("failed")
    expect(lines(page)).to_have_count(3)
    grid.get_by_role("combobox", name="Outcome").select_option("")
    grid.get_by_role("combobox", name="Show").select_option("exceptions")
    expect(grid.get_by_role("status")).to_have_text("13 of 73 shown")


def test_a_record_opens_with_all_that_is_known_of_it_and_closes_by_key(open_page: "OpenPage", folder: Path, expect: "Expect") -> None:
    page = opened(open_page, folder, "hostile")
    page.locator("#grid").get_by_label("Search").fill("10001")
    expect(lines(page)).to_have_count(1)
    page.locator("#grid .open").press("Enter")
    dialog = page.get_by_role("dialog")
    for text in (runfiles.SCRIPT, runfiles.FORMULA, "\\x1b[31mred", "\\u202eevil"):
        expect(dialog).to_contain_text(text)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_attacks_in_every_field_are_text_on_the_page(open_page: "OpenPage", folder: Path, expect: "Expect") -> None:
    page = opened(open_page, folder, "hostile")
    assert "Differences found" in page.title()
    expect(page.locator("body")).to_contain_text(runfiles.SCRIPT)
    assert page.locator("img, iframe, object, embed, link, a[href^='javascript']").count() == 0
    said: list[str] = page.evaluate(
        """() => { const script = document.createElement("script"); script.textContent = "document.title = 'taken over'";
        document.body.append(script); document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='document.title = 1'>");
        return [document.title] }"""
    )
    assert "taken over" not in said[0].replace(runfiles.SCRIPT, "").replace("]0;taken over", "")


@pytest.fixture
def forgiven(request: pytest.FixtureRequest) -> list[str]:
    """The one test that attacks the page hears the browser refuse it."""
    attacks = request.function is test_attacks_in_every_field_are_text_on_the_page
    return ["Content Security Policy"] if attacks else []


def test_on_paper_it_has_the_signatures_on_the_first_page_and_a_sample_instead_of_the_grid(
    open_page: "OpenPage", folder: Path, expect: "Expect"
) -> None:
    page = opened(open_page, folder, "clean")
    expect(page.locator(".signing")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator(".signing")).to_be_visible()
    expect(page.get_by_text("A sample of what was carried")).to_be_visible()
    expect(page.locator("#grid")).to_be_hidden()
    printed = page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF-")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 4


def test_the_page_is_whole_without_scripts(folder: Path, browser: object, expect: "Expect") -> None:
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]  # Playwright's, imported where it is installed
    page = context.new_page()
    page.goto((folder / "mixed.html").as_uri())
    for part in ("#money", "#outcomes", "#losses", "#differences", "#accounts", "#events"):
        expect(page.locator(part)).to_be_visible()
    expect(page.get_by_text("A sample of what was carried")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1280, "dark")])
def test_it_fits_a_narrow_screen_and_a_dark_one(open_page: "OpenPage", folder: Path, width: int, scheme: str) -> None:
    page = opened(open_page, folder, "mixed", width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [400, 800, 1400])
@pytest.mark.parametrize("name", ["mixed", "wide"])
def test_no_text_of_a_picture_is_cut_off_or_stands_on_another(open_page: "OpenPage", folder: Path, name: str, width: int) -> None:
    page = opened(open_page, folder, name, width)
    assert page.locator("#flow-chart svg text").count() > 0
    assert page.evaluate(CROWDED) == []


def test_a_long_name_is_shortened_in_its_middle_and_its_tip_has_all_of_it(open_page: "OpenPage", folder: Path, expect: "Expect") -> None:
    page = opened(open_page, folder, "wide", 400)
    flow = page.locator("#flow-chart svg")
    expect(flow).to_contain_text(re.compile("CUST[A-Z]*…[A-Z]*PANY"))
    flow.locator("text", has_text=re.compile("^went to")).hover()
    expect(flow).to_contain_text("went to socotra-production-eu-central-commercial-lines")
    assert page.evaluate(CUT) == []


@pytest.mark.parametrize("name", ["mixed", "wide"])
def test_no_amount_and_no_outcome_in_the_tables_is_cut_off(open_page: "OpenPage", folder: Path, name: str) -> None:
    page = opened(open_page, folder, name, 1400)
    cells = page.locator(".window :is(td.right, td:first-child:not([colspan])), .scroll td.right")
    assert cells.count() > 100
    cut: list[str] = cells.evaluate_all(
        "cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"
    )
    assert cut == []


def test_on_paper_every_column_is_there_whatever_the_amounts(open_page: "OpenPage", folder: Path) -> None:
    page = opened(open_page, folder, "wide", PAPER)
    page.emulate_media(media="print")
    for table in ("money", "outcomes", "reasons", "losses", "accounts"):
        assert page.locator(f"#{table}").evaluate("table => table.getBoundingClientRect().right") <= PAPER, table


PAPER = 695
"""An A4 sheet's width between its margins, in CSS pixels."""
TEXTS = """
  const texts = [...document.querySelectorAll(".chart svg text")].filter((text) => text.textContent.trim());
  const cut = texts.filter((text) => {
    const [own, all] = [text, text.closest("svg")].map((node) => node.getBoundingClientRect());
    return own.left < all.left - 1 || own.right > all.right + 1 || own.top < all.top - 1 || own.bottom > all.bottom + 1;
  });
"""
CUT = f"""() => {{ {TEXTS} return cut.map((text) => text.textContent) }}"""
CROWDED = f"""() => {{
  {TEXTS}
  const found = cut.map((text) => `cut: ${{text.textContent}}`);
  for (const [i, one] of texts.entries()) for (const other of texts.slice(i + 1)) {{
    const [a, b] = [one, other].map((node) => node.getBoundingClientRect());
    const [across, down] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
    if (across > 1 && down > 4) found.push(`over each other: ${{one.textContent}}, ${{other.textContent}}`);
  }}
  return found;
}}"""
CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const weak = [];
  for (const node of document.querySelectorAll("main *, header *, footer *, nav *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.closest("svg") || !node.offsetParent) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(`${node.tagName}.${node.className}: ${node.textContent.slice(0, 30)}`);
  }
  return weak.slice(0, 5);
}"""
