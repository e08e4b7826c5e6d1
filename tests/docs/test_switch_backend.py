"""The example app of docs/switch-backend.md runs unchanged on both systems; only its configuration differs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from unibill import plugins
from unibill.sandbox import Sandbox
from unibill.sandbox.toml import backends_toml

ROOT = Path(__file__).parent.parent.parent
APP = ROOT / "docs" / "examples" / "customer_credits.py"


@pytest.fixture(scope="module", params=["billagain", "socotra"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A unibill.toml whose backend "main" is one of the systems; an account there, and its currency."""
    name: str = request.param
    system = plugins.load(name).sandbox()
    assert system is not None
    switches = {"billagain": {"empty-allocations": "accept"}} if name == "billagain" else {}
    with Sandbox({name: system}, switches=switches) as sandbox, sandbox.serve() as server:
        sandbox.seed("generated", count=40)
        settings = sandbox.client_settings(server.url)[name]
        config = tmp_path_factory.mktemp(name) / "unibill.toml"
        config.write_text(backends_toml({name: settings}).replace(f"[backends.{name}]", "[backends.main]"), "utf-8")
        config.chmod(0o600)
        kind, key = ("customer", "customerID") if name == "billagain" else ("account", "locator")
        account = next(record for record in sandbox.books() if record["type"] == kind)
        currency = str(account.get("CurrencyCode", "USD"))
        yield config, str(account[key]), currency


def run(config: Path, *arguments: str) -> list[str]:
    done = subprocess.run(  # noqa: S603 - our own example, with our own arguments
        [sys.executable, str(APP), *arguments],
        env={**os.environ, "UNIBILL_CONFIG": str(config)},
        cwd=config.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_app_runs_on_either_system_and_a_second_goodwill_for_an_order_changes_nothing(backend: tuple[Path, str, str]) -> None:
    config, account, currency = backend
    before = run(config, "main", account)
    first = run(config, "main", account, "12.50", currency, "order-17")
    after_first = run(config, "main", account)
    second = run(config, "main", account, "12.50", currency, "order-17")
    assert first == second
    amount, words = first[0].split(" ", 1)
    assert (Decimal(amount), words) == (Decimal("12.50"), f"{currency}, goodwill for order-17")
    assert len(after_first) > len(before)
    assert run(config, "main", account) == after_first
