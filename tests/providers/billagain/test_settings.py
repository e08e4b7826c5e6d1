"""What a BillAgain backend can be told, and who it says it is."""

import pytest
from pydantic import ValidationError
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings

from unibill import plugins


def settings(**changes: object) -> BillAgainSettings:
    return BillAgainSettings.model_validate({"account": "1042", "api_key": "made-up-key", **changes})


def test_account_and_key_are_enough() -> None:
    plain = settings()
    assert (plain.base_url, plain.time_zone, plain.mark_in, plain.page_size) == ("https://api.billagain.com/v1", "UTC+02:00", "number", 200)


def test_requests_carry_http_basic_and_its_secrets_are_known_and_not_shown() -> None:
    endpoint = settings().endpoint()
    assert endpoint.headers == {"authorization": "Basic MTA0MjptYWRlLXVwLWtleQ=="}
    assert endpoint.secrets == ("made-up-key", "MTA0MjptYWRlLXVwLWtleQ==")
    shown = f"{settings()!r} {endpoint!r} {settings().model_dump_json()}"
    assert "made-up-key" not in shown
    assert "MTA0Mjpt" not in shown


@pytest.mark.parametrize(
    ("base_url", "identity"),
    [
        ("https://api.billagain.com/v1", "billagain:api.billagain.com:1042"),
        ("https://API.BillAgain.com:443/v1/", "billagain:api.billagain.com:1042"),
        ("http://127.0.0.1:8080/billagain/v1", "billagain:127.0.0.1:8080:1042"),
        ("http://localhost:80/v1", "billagain:localhost:1042"),
    ],
)
def test_the_identity_is_host_and_account(base_url: str, identity: str) -> None:
    assert BillAgainProvider(settings(base_url=base_url)).identity() == identity


def test_an_account_may_be_written_as_a_number() -> None:
    assert settings(account=1042) == settings(account="1042")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("account", "acme", "digits only"),
        ("account", "1042\n", "digits only"),
        ("account", "", "digits only"),
        ("api_key", "", "at least 1"),
        ("time_zone", "Johannesburg", "give an offset such as"),
        ("mark_in", "tag", "'number' or 'memo'"),
        ("page_size", 201, "less than or equal to 200"),
        ("page_size", 0, "greater than or equal to 1"),
        ("page_sice", 10, "not permitted"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(field: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says) as raised:
        settings(**{field: value})
    assert [error["loc"] for error in raised.value.errors()] == [(field,)]


def test_the_plugin_manager_finds_the_provider() -> None:
    assert plugins.load("billagain") is BillAgainProvider
