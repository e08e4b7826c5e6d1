"""The sandbox's page in a real browser."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_socotra.sandbox import SocotraSandbox

from unibill import marks
from unibill.sandbox import Sandbox, Serving
from unibill.sandbox.faults import KINDS

if TYPE_CHECKING:
    from playwright.sync_api import Expect, Locator, Page

    from tests.browser.conftest import OpenPage

SCRIPT = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Both systems, empty."""
    with (
        Sandbox([BillAgainSandbox, SocotraSandbox], switches={"billagain": {"empty-allocations": "accept"}}) as sandbox,
        sandbox.serve() as serving,
    ):
        yield serving


@pytest.fixture
def page(serving: Serving, open_page: "OpenPage") -> "Page":
    """The page of both systems, with the documented samples."""
    serving.sandbox.seed("documented")
    page = open_page(serving.url)
    rows(page, "billagain").first.wait_for()
    return page


def panel(page: "Page", system: str) -> "Locator":
    return page.locator(f"[data-system={system}]")


def rows(page: "Page", system: str) -> "Locator":
    return panel(page, system).locator("tbody tr.opens")


def choose(page: "Page", system: str, tab: str) -> None:
    panel(page, system).get_by_role("tab", name=re.compile(tab)).click()
    panel(page, system).get_by_role("tab", name=re.compile(tab), selected=True).wait_for()


def credit_charge(serving: Serving, tag: str) -> str:
    """Put a credit charge on an account of Socotra, as a client does; its locator."""
    access = serving.backends["socotra"]
    assert isinstance(access, dict)
    account = next(str(row["locator"]) for row in serving.sandbox.books() if row["type"] == "account" and row["system"] == "socotra")
    body = {"currency": "USD", "invoicing": "immediate", "charges": [{"amount": -125.5, "chargeType": "GoodwillCredit", "tag": tag}]}
    url = f"{access['base_url']}/billing/{access['tenant']}/accounts/{account}/charges"
    answer = httpx.post(url, json=body, headers={"authorization": f"Bearer {access['token']}"}, trust_env=False)
    return str(answer.raise_for_status().json()[0]["locator"])


def list_credits(serving: Serving) -> httpx.Response:
    access = serving.backends["billagain"]
    assert isinstance(access, dict)
    return httpx.get(f"{access['base_url']}/credits", auth=(access["account"], access["api_key"]), trust_env=False)


def test_an_empty_sandbox_says_what_to_do_and_loads_samples(serving: Serving, open_page: "OpenPage", expect: "Expect") -> None:
    page = open_page(serving.url)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()

    page.get_by_role("button", name="Load the documented samples").click()

    expect(rows(page, "billagain")).to_have_count(3)
    expect(rows(page, "socotra")).to_have_count(10)
    expect(page.locator("#welcome")).to_be_hidden()
    expect(page.locator("#message")).to_have_text("The documented samples are loaded.")
    assert {row["system"] for row in serving.sandbox.books()} == {"billagain", "socotra"}


def test_both_systems_stand_side_by_side_with_their_money(page: "Page", expect: "Expect") -> None:
    left, right = panel(page, "billagain").bounding_box(), panel(page, "socotra").bounding_box()

    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] < right["x"]
    zar = page.locator("#money tbody tr", has_text="ZAR").locator("td")
    expect(zar).to_have_text(["0.00", "–", "800.00", "–"])
    expect(rows(page, "billagain").first.locator("td")).to_have_text(
        ["10095", "2016-04-05", "269", "Allocated", "200.00 ZAR", "0.00", "••••2424 · payment to invoices"]
    )


def test_generated_samples_go_into_the_chosen_system(page: "Page", serving: Serving, expect: "Expect") -> None:
    page.get_by_role("button", name="Load samples").click()
    page.get_by_role("checkbox", name="socotra").uncheck()
    page.get_by_label("Credits", exact=True).fill("25")
    page.get_by_role("button", name="Load generated").click()

    expect(panel(page, "billagain").get_by_role("tab", name=re.compile("Credit notes"))).to_have_text("Credit notes28")
    expect(rows(page, "billagain")).to_have_count(10)
    before = [row for row in serving.sandbox.books() if row["type"] == "account"]
    assert len(before) == 7


def test_pages_turn_and_filters_narrow(page: "Page", expect: "Expect") -> None:
    credits = panel(page, "socotra")
    expect(credits.get_by_label("Pages")).to_contain_text("1–10 of 39")
    credits.get_by_role("button", name="Last").click()
    expect(credits.get_by_label("Pages")).to_contain_text("31–39 of 39")
    expect(credits.get_by_role("button", name="Older")).to_be_disabled()

    credits.get_by_label("Filter socotra").fill("writeOff")
    expect(credits.get_by_label("Pages")).to_contain_text("of 4")
    expect(rows(page, "socotra")).to_have_count(4)
    credits.get_by_label("Filter socotra").fill("no such thing")
    expect(credits).to_contain_text("Nothing fits the filter.")
    credits.get_by_label("Filter socotra").fill("")
    expect(rows(page, "socotra")).to_have_count(10)


def test_sums_open_on_demand_and_follow_the_filter(page: "Page", expect: "Expect") -> None:
    notes = panel(page, "billagain")
    notes.get_by_text("Sums of these records").click()
    expect(notes.locator("details tbody td")).to_have_text(["ZAR", "3", "500.00", "0.00"])
    notes.get_by_label("Filter billagain").fill("10083")
    expect(notes.locator("details tbody td")).to_have_text(["ZAR", "1", "100.00", "0.00"])


def test_a_credit_opens_with_its_record_and_leads_to_its_invoice_and_back(page: "Page", expect: "Expect") -> None:
    rows(page, "billagain").first.click()
    detail = page.get_by_role("dialog")
    expect(detail.get_by_role("heading", level=2)).to_have_text("billagain · credit 10095")
    expect(detail.get_by_label("Record as JSON")).to_contain_text('"creditNoteID": 10095')
    expect(detail.locator(".links li")).to_have_text(["Customer269", "Applied to11352150.00 ZAR", "Applied to1138050.00 ZAR"])

    detail.get_by_role("button", name="11380").click()
    expect(detail.get_by_role("heading", level=2)).to_have_text("billagain · invoice 11380")
    detail.get_by_role("button", name="Back").click()
    expect(detail.get_by_role("heading", level=2)).to_have_text("billagain · credit 10095")

    detail.get_by_role("button", name="Show only this account's records").click()
    expect(detail).to_be_hidden()
    expect(rows(page, "billagain")).to_have_count(2)
    page.get_by_role("button", name="Show all accounts").click()
    expect(rows(page, "billagain")).to_have_count(3)


def test_a_copy_leads_to_its_source_and_the_source_to_its_copy(page: "Page", serving: Serving, expect: "Expect") -> None:
    host = serving.url.removeprefix("http://")
    mark = marks.mark(f"billagain:{host}:1042", "credit_note", "10095")
    locator = credit_charge(serving, mark)
    expect(panel(page, "socotra")).to_contain_text("1 record carries a unibill mark")
    choose(page, "socotra", "Charges")
    expect(rows(page, "socotra").first).to_contain_text("mark")
    rows(page, "socotra").first.click()

    detail = page.get_by_role("dialog")
    expect(detail).to_contain_text(mark)
    detail.get_by_role("button", name="Find the other end").click()
    detail.get_by_role("button", name="billagain credit 10095").click()
    expect(detail.get_by_role("heading", level=2)).to_have_text("billagain · credit 10095")
    detail.get_by_role("button", name="Find its copies").click()
    expect(detail.get_by_role("button", name=f"socotra charge {locator}")).to_be_visible()


def test_what_a_copy_did_to_the_money_is_shown_as_a_change(page: "Page", serving: Serving, expect: "Expect") -> None:
    page.get_by_role("button", name="Compare from now").click()
    credit_charge(serving, "a copy")

    expect(page.locator("#money .change")).to_have_text(["+125.50"])


def test_a_fault_is_injected_and_seen_in_the_log(page: "Page", serving: Serving, expect: "Expect") -> None:
    page.get_by_role("button", name="Inject a fault").click()
    page.get_by_label("What goes wrong").select_option("status-503")
    page.get_by_label("On which requests").select_option("reads from billagain")
    page.get_by_label("Request is").select_option("handled")
    page.get_by_role("button", name="Inject", exact=True).click()
    expect(page.get_by_label("Faults in force").locator("li")).to_have_text(["status-503 on GET /billagain/** · hit 0 of 1"])

    assert [list_credits(serving).status_code for _ in range(2)] == [503, 200]

    log = page.locator("#log tbody tr")
    expect(log).to_have_count(2)
    expect(log.first.locator("td").nth(5)).to_have_text("200")
    expect(log.last.locator("td").nth(5)).to_have_text("503")
    expect(log.last.locator("td").nth(6)).to_have_text("status-503")
    expect(page.get_by_label("Faults in force").locator("li")).to_have_text(["status-503 on GET /billagain/** · hit 1 of 1, over"])

    page.get_by_role("button", name="Clear faults").click()
    expect(page.get_by_label("Faults in force").locator("li")).to_have_count(0)
    assert serving.sandbox.fault_report() == []


def test_every_kind_of_fault_is_explained_and_accepted_as_the_form_gives_it(page: "Page", serving: Serving, expect: "Expect") -> None:
    for number, kind in enumerate(KINDS, 1):
        page.get_by_role("button", name="Inject a fault").click()
        page.get_by_label("What goes wrong").select_option(kind)
        expect(page.locator("#fault-explained")).to_have_text(re.compile(r"\w.*\.$"))
        page.get_by_role("button", name="Inject", exact=True).click()
        expect(page.get_by_label("Faults in force").locator("li")).to_have_count(number)

    assert [(fault["kind"], fault["count"]) for fault in serving.sandbox.fault_report()] == [(kind, 1) for kind in KINDS]


def test_a_refusal_of_the_sandbox_is_shown_in_its_words(page: "Page", serving: Serving, expect: "Expect", forgiven: list[str]) -> None:
    forgiven.append("400 (Bad Request)")
    before = serving.sandbox.books()
    page.get_by_role("button", name="Inject a fault").click()
    page.get_by_label("What goes wrong").select_option("drift")
    page.get_by_label("Differs by").fill("a bit")
    page.get_by_role("button", name="Inject", exact=True).click()

    expect(page.get_by_role("alert")).to_contain_text("That did not work: 0.by: Input should be a valid decimal")
    assert serving.sandbox.books() == before
    assert serving.sandbox.fault_report() == []


def test_reset_asks_and_empties(page: "Page", serving: Serving, expect: "Expect") -> None:
    list_credits(serving)
    expect(page.locator("#log tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Keep").click()
    assert serving.sandbox.requests()

    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Empty everything").click()

    expect(rows(page, "billagain")).to_have_count(0)
    expect(rows(page, "socotra")).to_have_count(0)
    expect(page.locator("#log tbody tr")).to_have_count(0)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    assert serving.sandbox.requests() == []


def test_markup_in_a_memo_is_text(page: "Page", serving: Serving, expect: "Expect") -> None:
    record = {"system": "billagain", "type": "credit", "creditNoteID": 20001, "customerID": 269, "Amount": "1", "Memo": SCRIPT}
    serving.sandbox.seed("records", records=[record])
    list_credits(serving)

    expect(rows(page, "billagain").first).to_contain_text(SCRIPT)
    rows(page, "billagain").first.click()
    expect(page.get_by_role("dialog").locator("dd").last).to_contain_text(SCRIPT)
    expect(page.get_by_label("Record as JSON")).to_contain_text("<script>document.title")
    assert page.locator("main script, main img, dialog script, dialog img").count() == 0
    assert page.title() == "unibill sandbox"


def test_the_text_to_connect_with_is_shown(page: "Page", serving: Serving, expect: "Expect") -> None:
    page.get_by_role("button", name="Connect", exact=True).click()

    expect(page.get_by_label("unibill.toml")).to_contain_text(f'base_url = "{serving.url}/billagain/v1"')
    expect(page.get_by_label("unibill.toml")).to_contain_text('api_key = "sandbox-key"')
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Assumptions").click()
    expect(page.get_by_role("dialog")).to_contain_text("accept (usually reject)")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (800, "light")])
def test_nothing_hangs_out_of_the_window(serving: Serving, open_page: "OpenPage", width: int, scheme: str) -> None:
    serving.sandbox.seed("documented")
    serving.sandbox.seed("generated", 20, 5)
    page = open_page(serving.url, width, scheme)
    for system, tabs in (
        ("billagain", ("Customers", "Credit notes", "Invoices")),
        ("socotra", ("Accounts", "Credits", "Charges", "Invoices", "Ledger")),
    ):
        rows(page, system).first.wait_for()
        for tab in tabs:
            choose(page, system, tab)
            rows(page, system).first.wait_for()
            assert panel(page, system).locator(".scroll").last.evaluate("node => node.scrollWidth - node.clientWidth") <= 0, tab
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_amounts_are_subtracted_digit_for_digit(page: "Page") -> None:
    pairs = [["12345678901234567.89", "0.01"], ["0.3", "0.1"], ["1", "1.00"], ["-0.5", "0.25"], ["0", "0.001"], ["100", "99.5"]]
    script = "async (pairs) => { const { difference } = await import('/_sandbox/page/money.js'); return pairs.map((pair) => difference(...pair)); }"

    assert page.evaluate(script, pairs) == ["+12345678901234567.88", "+0.2", "", "−0.75", "−0.001", "+0.5"]


def test_a_sandbox_that_stops_is_said_to_be_gone(open_page: "OpenPage", expect: "Expect", forgiven: list[str]) -> None:
    forgiven.append("net::ERR_")
    with Sandbox([BillAgainSandbox]) as sandbox:
        with sandbox.serve() as serving:
            page = open_page(serving.url)
            expect(page.locator("#live")).to_have_text("live")
        expect(page.locator("#live")).to_have_text("the sandbox does not answer")
