"""Texts that may hold what must not be copied or not be stored."""

import pytest

from unibill.copying.texts import CARD, SECRET, Text, fate, sent_again
from unibill.redact import HIDDEN, guard

CARD_TEXT = "card 4111 1111 1111 1111"
MASKED = "card ••••1111"


class Owner:
    """Has a secret for as long as it lives."""


@pytest.mark.parametrize(
    ("text", "cards", "whole", "expected"),
    [
        (None, False, False, Text(None, None)),
        ("plain", False, True, Text("plain", "plain")),
        (CARD_TEXT, False, False, Text(MASKED, MASKED, CARD)),
        (CARD_TEXT, False, True, Text(None, None, CARD)),
        (CARD_TEXT, True, False, Text(CARD_TEXT, MASKED, withheld=True)),
        (CARD_TEXT, True, True, Text(CARD_TEXT, None, withheld=True)),
        ("key s3cr3t-key", False, False, Text(f"key {HIDDEN}", f"key {HIDDEN}", SECRET)),
        ("key s3cr3t-key", True, False, Text(f"key {HIDDEN}", f"key {HIDDEN}", SECRET)),
        ("key s3cr3t-key", True, True, Text(None, None, SECRET)),
        (f"s3cr3t-key {CARD_TEXT}", True, False, Text(f"{HIDDEN} {CARD_TEXT}", f"{HIDDEN} {MASKED}", SECRET, withheld=True)),
    ],
)
def test_a_card_number_passes_by_name_and_a_credential_never(text: str | None, cards: bool, whole: bool, expected: Text) -> None:
    owner = Owner()
    guard(owner, ["s3cr3t-key"])
    assert fate(text, cards=cards, whole=whole) == expected


def test_what_the_store_did_not_keep_is_sent_without_credentials() -> None:
    owner = Owner()
    guard(owner, ["s3cr3t-key"])
    assert sent_again(f"s3cr3t-key {CARD_TEXT}") == f"{HIDDEN} {CARD_TEXT}"
