"""The one redactor: by value, wherever a secret stands, and nothing that may be a card number."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unibill.errors import NotFound
from unibill.redact import HIDDEN, Redactor, clean, has_card, mask_cards
from unibill.showing import show

PLAIN = st.text(st.characters(exclude_categories=["Cs"]))
SECRETS = st.lists(st.text(string.ascii_letters + string.digits + "/+=@ üß&", min_size=4, max_size=30), min_size=1, max_size=4)
CARD = "4111 1111 1111 1111"


@given(SECRETS, PLAIN, PLAIN, st.data())
def test_no_secret_survives_in_any_text(secrets: list[str], before: str, after: str, data: st.DataObject) -> None:
    secret = data.draw(st.sampled_from(secrets))
    assume(secret not in HIDDEN)

    assert secret not in Redactor(secrets).secrets(before + secret + after).replace(HIDDEN, "")


@given(PLAIN)
def test_a_text_without_secrets_and_cards_stays_as_it_is(text: str) -> None:
    assume("sesame" not in text and not has_card(text))

    assert Redactor(["sesame"]).text(text) == text


@given(SECRETS, PLAIN)
def test_redacting_twice_changes_nothing_more(secrets: list[str], text: str) -> None:
    redactor = Redactor(secrets)
    assume(not any(redactor.secrets(HIDDEN) != HIDDEN for _ in secrets))
    once = redactor.text(text)

    assert redactor.text(once) == once


def test_a_secret_is_hidden_where_it_was_percent_encoded() -> None:
    redactor = Redactor(["p@ss/word="])

    assert redactor.text("GET /x?key=p%40ss%2Fword%3D and p@ss/word=") == f"GET /x?key={HIDDEN} and {HIDDEN}"


def test_the_longer_of_two_secrets_that_share_a_start_is_hidden_whole() -> None:
    assert Redactor(["abcd", "abcdefgh"]).text("abcdefgh abcd") == f"{HIDDEN} {HIDDEN}"


def test_a_secret_is_text_and_not_a_pattern() -> None:
    redactor = Redactor(["a.c+", "(", ""])

    assert redactor.text("a.c+ abcc (") == f"{HIDDEN} abcc {HIDDEN}"


def test_no_secrets_hide_nothing() -> None:
    assert Redactor().text("plain") == Redactor([""]).text("plain") == "plain"


@given(st.text("0123456789", min_size=13, max_size=19), st.sampled_from(["", " ", "-"]))
def test_every_run_of_13_to_19_digits_keeps_its_last_four_only(digits: str, separator: str) -> None:
    text = separator.join(digits)

    assert has_card(text)
    masked = mask_cards(f"card {text}, paid")
    assert sum(character.isdigit() for character in masked) <= 4
    assert masked.startswith("card ••••")
    assert masked.endswith(", paid")


@pytest.mark.parametrize(
    ("text", "masked"),
    [(CARD, "••••1111"), ("ref:4111111111111111.", "ref:••••1111."), ("4111-1111-1111-1111 and 1", "••••1111 and 1")],
)
def test_a_card_is_found_inside_a_sentence(text: str, masked: str) -> None:
    assert mask_cards(text) == masked


@pytest.mark.parametrize(
    "text", ["123456789012", "12345678901234567.89", "2026-04-05T22:00:00Z", "01J8ZQ6V6S3N5W8K2M4P7R9T0X", "INV12345678901234", ""]
)
def test_amounts_dates_and_ids_are_no_cards(text: str) -> None:
    assert mask_cards(text) == text
    assert not has_card(text)


@pytest.mark.parametrize("said", ["no such credit", ""])
def test_an_errors_request_id_keeps_its_digits_wherever_the_error_is_told(said: str) -> None:
    error = NotFound("it failed", status=404, request_id="0000000000000002", vendor_message=said)
    Redactor().chain(error)

    assert error.request_id == "0000000000000002"
    assert "(status 404, request 0000000000000002)" in clean(show(str(error)))
    assert "(request 0000000000000002)" in clean(str(NotFound("it failed", request_id="0000000000000002")))


@pytest.mark.parametrize("card", [CARD, CARD.replace(" ", "")])
def test_a_card_is_masked_even_where_a_vendor_sends_it_as_the_id_of_a_request(card: str) -> None:
    error = NotFound("it failed", status=404, request_id=card)

    assert error.request_id == "••••1111"
    assert "4111" not in str(error)
    assert mask_cards(f"it failed (status 404, request {card}).") == "it failed (status 404, request ••••1111)."
    assert NotFound("it failed", request_id=f"of {card[:-1]}2").request_id == "of ••••1112"


def test_a_text_that_only_speaks_of_a_request_is_masked_like_any_other() -> None:
    assert mask_cards("your request 0000000000000002") == "your request ••••0002"


def test_a_missing_text_has_no_card() -> None:
    assert not has_card(None)
