"""A backend is connected by its name, by settings or by a provider, and only own connections are closed."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

import unibill
from tests.support.facades import Facade
from unibill import (
    ConfigurationError,
)
from unibill.provider import BackendSettings
from unibill.testing.memory import MemoryProvider, MemorySettings


def test_a_provider_is_called_by_its_own_name_where_none_is_given() -> None:
    with unibill.connect(MemoryProvider(MemorySettings())) as billing:
        assert billing.name == "memory"


PLUGIN = """
from unibill import hookimpl
from unibill.testing.memory import MemoryProvider, MemorySettings

class LedgerSettings(MemorySettings):
    provider_name = "ledger"

class Ledger(MemoryProvider):
    name = "ledger"
    title = "Ledger"
    Settings = LedgerSettings

@hookimpl
def unibill_provider():
    return Ledger
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed provider "ledger", a configuration with a backend of it, and the folder of both."""
    info = tmp_path / "ledger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ledger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unibill.providers]\nledger = unibill_ledger_plugin\n")
    (tmp_path / "unibill_ledger_plugin.py").write_text(PLUGIN)
    (tmp_path / "unibill.toml").write_text('[backends.books]\nprovider = "ledger"\nstore = "ledger-tests"\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNIBILL_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_backend_is_connected_by_its_name_or_by_settings(ledger: Path, kind: str) -> None:
    connect: Callable[..., Any] = unibill.connect if kind == "sync" else unibill.aconnect
    by_name = connect("books")
    settings: Any = by_name.provider.settings

    for billing, name in (
        (by_name, "books"),
        (connect("books", config_file=ledger / "unibill.toml"), "books"),
        (connect("books", name="other"), "other"),
        (connect(settings), "ledger"),
        (connect(settings, name="mine"), "mine"),
    ):
        with Facade(billing) as opened:
            assert opened.billing.name == name
            assert (opened.billing.provider.name, opened.billing.provider.settings) == ("ledger", settings)
            assert opened.records(lambda b: b.credits.list()) == []


def test_settings_that_name_no_provider_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="BackendSettings names no provider"):
        unibill.connect(BackendSettings(base_url="https://example.com"))


class WatchedClient(httpx.Client):
    closed: ClassVar[int] = 0

    def close(self) -> None:
        type(self).closed += 1
        super().close()


def test_an_injected_client_is_left_open() -> None:
    with WatchedClient() as client:
        unibill.connect(MemoryProvider(MemorySettings()), client=client).close()
        assert WatchedClient.closed == 0


def test_own_connections_are_closed_with_the_facade() -> None:
    billing = unibill.connect(MemoryProvider(MemorySettings()))
    with billing:
        assert not billing._transport._lanes.closed
    assert billing._transport._lanes.closed


def test_own_connections_are_closed_with_the_awaitable_facade() -> None:
    async def work() -> None:
        async with unibill.aconnect(MemoryProvider(MemorySettings())) as billing:
            assert not billing._transport._lanes.closed
        assert billing._transport._lanes.closed

    asyncio.run(work())


def test_a_blocking_program_starts_without_an_event_loop() -> None:
    program = "import sys; from unibill import Credit, CreditDraft, connect; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()  # noqa: S603 - our own program
    assert "unibill.facade" in loaded
    assert not {"asyncio", "anyio", "unibill.http.awaitable"} & {*loaded}


def test_a_setting_that_only_the_connection_refuses_is_told_with_its_backend(tmp_path: Path) -> None:
    file = tmp_path / "unibill.toml"
    file.write_text(
        '[backends.old]\nprovider = "billagain"\naccount = "1"\nbase_url = "old.example"\napi_key = { env = "PATH" }\n', "utf-8"
    )
    for opening in (unibill.connect, unibill.aconnect):
        with pytest.raises(ConfigurationError, match="is not an address") as refused:
            opening("old", config_file=file)
        assert refused.value.__notes__ == ["It is a setting of backend 'old'."]
