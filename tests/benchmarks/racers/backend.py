"""The backend that unibill's racers connect to."""

from pydantic import SecretStr
from unibill_billagain.settings import BillAgainSettings

from tests.benchmarks import notes


def settings(base_url: str, ahead: int = 1, transport: str = "httpx") -> BillAgainSettings:
    """A BillAgain behind an address, with pages of 100, so many of them asked for ahead, and the library that sends."""
    return BillAgainSettings(
        base_url=base_url,
        account="1042",
        api_key=SecretStr("a-key-of-no-account"),
        page_size=notes.PAGE,
        read_ahead=ahead,
        concurrency=max(8, ahead),
        transport="pyreqwest" if transport == "pyreqwest" else "httpx",
    )
