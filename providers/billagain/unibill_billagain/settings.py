"""What a BillAgain backend can be told in ``unibill.toml``."""

import re
from base64 import b64encode
from datetime import tzinfo
from typing import ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from unibill.provider import BackendSettings, Endpoint
from unibill_billagain.dates import zone_of

MOST_PER_PAGE: Final = 200
"""The documented maximum of ``page_size`` (https://docs.billagain.com/developer/pagination)."""
_ACCOUNT: Final = re.compile(r"[0-9]{1,19}")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class BillAgainSettings(BackendSettings):
    """The settings of one BillAgain account.

    Attributes:
        base_url: the API with its version; the documented production address unless told otherwise.
        account: the account's number, the user name of HTTP Basic.
        api_key: the account's API key (in the app under Setup > Settings), the password of HTTP Basic.
        time_zone: where BillAgain's days begin: an offset (``UTC+02:00``) or an IANA name. The default is what the documented
            samples show; whether it is the account's or the server's zone is not documented.
        mark_in: where a copy's mark goes: in place of the ``number``, or before the ``memo``, which keeps the number.
        page_size: records a page; at most the documented 200.
    """

    provider_name: ClassVar[str] = "billagain"

    base_url: str = "https://api.billagain.com/v1"
    account: str = Field(coerce_numbers_to_str=True)
    api_key: SecretStr = Field(min_length=1)
    time_zone: str = "UTC+02:00"
    mark_in: Literal["number", "memo"] = "number"
    page_size: int = Field(default=MOST_PER_PAGE, ge=1, le=MOST_PER_PAGE)

    @field_validator("account")
    @classmethod
    def _is_a_number(cls, value: str) -> str:
        if not _ACCOUNT.fullmatch(value):
            raise ValueError("an account's number has digits only, 19 at most, such as 1042")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @property
    def zone(self) -> tzinfo:
        """The time zone, ready to use."""
        return zone_of(self.time_zone)

    def endpoint(self) -> Endpoint:
        """The address and HTTP Basic credentials, on every request (https://docs.billagain.com/developer/authentication)."""
        key = self.api_key.get_secret_value()
        pair = b64encode(f"{self.account}:{key}".encode()).decode()
        return Endpoint(self.base_url, {"authorization": f"Basic {pair}"}, (key, pair))

    def identity(self) -> str:
        """The account behind the settings: host, port where it is not the scheme's own, and account number."""
        parts = urlsplit(self.base_url)
        port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
        return f"billagain:{(parts.hostname or '').lower()}{port}:{self.account}"
