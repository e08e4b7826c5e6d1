"""What a backend of this provider can be told."""

from typing import ClassVar

from pydantic import Field, SecretStr
from unibill.provider import BackendSettings


class AcmeSettings(BackendSettings):
    """Settings of a backend of Acme.

    Attributes:
        api_key: sent as a bearer token.
        page_size: credits a page; Acme gives 50 at most.
    """

    provider_name: ClassVar[str] = "acme"

    api_key: SecretStr
    page_size: int = Field(default=50, ge=1, le=50)
