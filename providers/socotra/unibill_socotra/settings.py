"""What a Socotra backend can be told in ``unibill.toml``."""

import re
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator

from unibill.provider import BackendSettings

_UUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")


class SocotraSettings(BackendSettings):
    """Settings of one Socotra tenant.

    Attributes:
        base_url: the API's address, such as ``https://api-ec-sandbox.socotra.com``; Socotra publishes no production host.
        tenant: the tenant's locator, a UUID.
        token: a personal access token (``SOCP_…``) or any other bearer token.
        credit_charge_type: the tenant's charge type for new credits (its handling must be flat); without it credits are not written.
        credit_charge_sign: the sign that lowers what an account owes. The documents do not say; negative is the natural reading.
            ``negated`` is for a server that takes it positive and keeps it negative.
        credit_invoicing: when a credit's charge is invoiced. Only ``immediate`` makes it spendable at once.
        reversal_type: the tenant's reversal type; without it distributions and payments are not reversed.
        reversal_invoicing: when the charge that undoes a credit is invoiced.
        time_zone: whose calendar days credits are issued on.
        tag_max: most characters of a charge's tag. The documents name no limit; this one is assumed.
        page_size: records a page; above 100 a server might silently give fewer, so that records would be passed over.
    """

    provider_name: ClassVar[str] = "socotra"

    tenant: str
    token: SecretStr
    credit_charge_type: str | None = Field(default=None, min_length=1)
    credit_charge_sign: Literal["negative", "positive", "negated"] = "negative"
    credit_invoicing: Literal["immediate", "next", "scheduled"] = "immediate"
    reversal_type: str | None = Field(default=None, min_length=1)
    reversal_invoicing: Literal["immediate", "next", "scheduled"] = "immediate"
    time_zone: str = "UTC"
    tag_max: int = Field(default=255, ge=31)
    page_size: int = Field(default=100, ge=1, le=100)

    @field_validator("tenant")
    @classmethod
    def _is_a_uuid(cls, value: str) -> str:
        if not _UUID.fullmatch(value):
            raise ValueError("a tenant's locator is a UUID such as 6ec2f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a77")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("there is no such time zone; give an IANA name such as America/New_York or UTC") from error
        return value
