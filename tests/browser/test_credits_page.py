"""The example app of docs/examples/credits_page in a real browser, on either system; only its configuration differs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unibill import plugins
from unibill.sandbox import Sandbox
from unibill.sandbox.toml import backends_toml

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Expect

    from tests.browser.conftest import OpenPage

APP = Path(__file__).parents[2] / "docs" / "examples" / "credits_page"
SYSTEMS = {"billagain": "BillAgain", "socotra": "Socotra"}


@dataclass(frozen=True)
class Running:
    """The app, the system behind it, and a customer there."""

    url: str
    title: str
    sandbox: Sandbox
    account: str
    currency: str

    def credits_of(self, amount: Decimal) -> int:
        """How many credits of this amount the system's own books hold."""
        rows = [row for row in self.sandbox.books() if row["type"] in {"credit", "charge"} and not row.get("reversalOfLocator")]
        return sum(abs(Decimal(str(row.get("Amount", row.get("amount"))))) == amount for row in rows)


@contextmanager
def app(config: Path) -> Iterator[str]:
    """The app as its users start it; its address."""
    words = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", str(APP), "--port", "0", "--no-access-log"]
    env = {**os.environ, "UNIBILL_CONFIG": str(config)}
    with subprocess.Popen(words, env=env, cwd=config.parent, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own example
        assert process.stderr is not None
        try:
            said: list[str] = []
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"running on (http://\S+)", line):
                    yield found[1]
                    break
            else:
                pytest.fail("".join(said))
        finally:
            process.terminate()


@pytest.fixture(scope="module", params=SYSTEMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    name: str = request.param
    system = plugins.load(name).sandbox()
    assert system is not None
    switches = {"billagain": {"empty-allocations": "accept"}} if name == "billagain" else {}
    with Sandbox({name: system}, switches=switches) as sandbox, sandbox.serve() as server:
        sandbox.seed("generated", count=20)
        settings = sandbox.client_settings(server.url)[name]
        config = tmp_path_factory.mktemp(name) / "unibill.toml"
        config.write_text(backends_toml({name: settings}).replace(f"[backends.{name}]", "[backends.main]"), "utf-8")
        config.chmod(0o600)
        kind, key = ("customer", "customerID") if name == "billagain" else ("account", "locator")
        account = next(row for row in sandbox.books() if row["type"] == kind)
        with app(config) as url:
            yield Running(url, SYSTEMS[name], sandbox, str(account[key]), str(account.get("CurrencyCode", "USD")))


def test_a_goodwill_credit_is_given_once_shown_with_what_remains_and_taken_back(
    running: Running, open_page: "OpenPage", expect: "Expect"
) -> None:
    amount = Decimal("4711.25")
    page = open_page(f"{running.url}/customers/{running.account}")
    expect(page.get_by_text(f"kept in {running.title}")).to_be_visible()
    before = running.credits_of(amount)

    def give() -> None:
        page.get_by_label("Amount").fill(str(amount))
        page.get_by_label("Currency").fill(running.currency)
        page.get_by_label("Reason").fill("<b>parcel late</b>")
        page.get_by_role("button", name="Give credit").click()

    key = page.locator("input[name=key]").input_value()
    give()
    row = page.get_by_role("row").filter(has_text="parcel late")
    expect(row).to_have_count(1)
    expect(row.locator("td").nth(0)).to_contain_text("<b>parcel late</b>")
    expect(row.locator("td").nth(2)).to_have_text(f"{amount} {running.currency}")
    expect(row.locator("td").nth(4)).to_have_text(f"{amount} {running.currency}")
    assert running.credits_of(amount) == before + 1

    page.evaluate("key => document.querySelector('input[name=key]').value = key", key)
    give()
    expect(row).to_have_count(1)
    assert running.credits_of(amount) == before + 1

    asked: list[str] = []

    def agree(dialog: "Dialog") -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    row.get_by_role("button", name="Void").click()
    expect(row).to_have_count(0)
    assert [question.endswith("There is no way back.") for question in asked] == [True]


def test_what_a_credit_was_spent_on_stands_beside_it(running: Running, open_page: "OpenPage", expect: "Expect") -> None:
    accounts = {str(row.get("customerID", row.get("locator"))) for row in running.sandbox.books() if row["type"] in {"customer", "account"}}
    page = open_page(f"{running.url}/customers/{running.account}")
    for account in sorted(accounts):
        page.goto(f"{running.url}/customers/{account}")
        if page.get_by_role("listitem").count():
            break
    expect(page.get_by_role("listitem").first).to_have_text(re.compile(r"^\d+\.\d\d on invoice \S+"))


def test_what_cannot_be_given_is_said_beside_what_was_typed(
    running: Running, open_page: "OpenPage", expect: "Expect", forgiven: list[str]
) -> None:
    forgiven.append("422 (Unprocessable")
    page = open_page(f"{running.url}/customers/{running.account}")
    for amount, said in (("a lot", "a lot is not an amount"), ("1.005", "has 3 decimals")):
        page.get_by_label("Amount").fill(amount)
        page.get_by_label("Currency").fill("ZAR")
        page.get_by_role("button", name="Give credit").click()
        expect(page.get_by_role("alert")).to_contain_text(said)
        expect(page.get_by_label("Amount")).to_have_value(amount)
