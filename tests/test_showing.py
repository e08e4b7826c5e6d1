"""Vendor text is text: it neither acts on a terminal nor shows a card number."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from unibill import exactjson
from unibill.showing import json_line, masked, show

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_escapes_controls_and_direction_marks_are_written_out() -> None:
    assert show("\x1b[2Ja\u202eb\x9bc\r\nd\te\x00") == "\\x1b[2Ja\\u202eb\\x9bc\\r\\nd\\te\\x00"


def test_ordinary_text_of_any_language_stays_as_it_is() -> None:
    text = "Přeplatek 返金 (一部) Remise « fidélité » 😀 [bold]not markup[/bold] :smile:"
    assert show(text) == text


def test_a_card_number_is_masked_even_right_after_an_escape() -> None:
    assert show("\x1b4242424242424242") == "\\x1b••••4242"


def test_none_is_shown_as_nothing() -> None:
    assert show(None) == ""


@given(st.text())
def test_whatever_is_shown_is_printable(text: str) -> None:
    assert not {unicodedata.category(character) for character in show(text)} & UNSEEN


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not any(character.isdigit() for character in text)))
def test_json_says_exactly_the_text_with_no_unseen_character_in_it(text: str) -> None:
    line = json_line({"memo": text})
    assert exactjson.loads(line) == {"memo": text}
    assert not {unicodedata.category(character) for character in line} & UNSEEN


def test_json_masks_texts_and_leaves_ids_and_marks_and_amounts() -> None:
    number = "4242424242424242"
    value = {
        "id": number,
        "account_id": number,
        "mark": number,
        "number": number,
        "extra": {"Memo": [number], "invoiceID": number},
        "amount": 1,
    }
    told = masked(value)
    kept = {"id": number, "account_id": number, "mark": number, "amount": 1}
    assert told == {**kept, "number": "••••4242", "extra": {"Memo": ["••••4242"], "invoiceID": number}}
