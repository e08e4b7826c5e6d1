"""Text that came from outside, made safe to look at.

A vendor's text may hold escape sequences that move the cursor, marks that turn the writing direction, a card number, or the
credentials it was asked with. On a screen and in ``--json`` it is text and nothing else.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, cast

from unibill import exactjson
from unibill.redact import clean, without_secrets

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ID_KEY: Final = re.compile(r"(?:^|_)(?:id|mark)$|(?:ID|Id|Locator|Locators)$|^locator$|^identity$|^hash$")


def show(text: str | None) -> str:
    """A text for people: card-like numbers and secrets masked, and what would act on a terminal written out, as an escape."""
    return "" if text is None else visible(clean(text))


def show_id(text: str | None) -> str:
    """An id for people, as ``show``; its digits stay, since ids are no texts and people look records up by them."""
    return "" if text is None else visible(without_secrets(text))


def digits(number: int | str) -> str:
    """A number for people, its digits in groups of three by a narrow space; what is no plain number stays as it is.

    Args:
        number: a text keeps its digits: trailing zeros are part of an amount.
    """
    whole, point, part = str(number).partition(".")
    sign, plain = ("\u2212", whole[1:]) if whole.startswith("-") else ("", whole)
    if not plain.isdigit():
        return str(number)
    groups = [plain[max(0, end - 3) : end] for end in range(len(plain), 0, -3)]
    return sign + "\u202f".join(reversed(groups)) + point + part


def visible(text: str) -> str:
    """A text with every control character, direction mark and other unseen character written out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written(character) if unicodedata.category(character) in _UNSEEN else character for character in text)


def _written(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def masked(value: object, key: str = "") -> object:
    """A JSON value with secrets masked, and card-like numbers in its texts; ids and marks are no texts and keep their digits."""
    if isinstance(value, str):
        return without_secrets(value) if _ID_KEY.search(key) else clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): masked(item, str(name)) for name, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [masked(item, key) for item in cast("Sequence[object]", value)]
    return value


def json_line(value: object) -> str:
    """A value as one line of exact JSON, masked, with unseen characters as JSON escapes: exact to a program, harmless to a terminal."""
    text = exactjson.dumps(masked(value)).decode()
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) if unicodedata.category(character) in _UNSEEN else character for character in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
