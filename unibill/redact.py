"""The one redactor: no secret and no card-like number is ever shown or stored.

Secrets are masked by value, longest first, also where they were percent-encoded. A card-like number is a run of 13 to 19
digits in a text, spaces and hyphens between them allowed; its last four digits stay, so that people can tell two apart.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

HIDDEN: Final = "[hidden]"
_CARD = re.compile(r"(?<![\w.,-])(?:\d[ -]?){12,18}\d(?![\w]|[.,]\d)")


class Redactor:
    """Masks a fixed set of secrets, and everything that may be a card number."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """The text without secrets and with card-like numbers masked."""
        return mask_cards(self.secrets(text))

    def secrets(self, text: str) -> str:
        """The text without secrets; digits stay."""
        return self._secrets.sub(HIDDEN, text) if self._secrets else text


def mask_cards(text: str) -> str:
    """Mask every card-like number in a text."""
    return _CARD.sub(lambda match: "••••" + match.group()[-4:], text)


def has_card(text: str | None) -> bool:
    """Whether a text has something that may be a card number."""
    return text is not None and _CARD.search(text) is not None
