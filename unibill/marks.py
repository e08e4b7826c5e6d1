"""Marks: the text in a target record by which a copy is found again.

``ub1-`` + 6 letters of a SHA-256 of the source's identity + ``-`` + 20 letters of a SHA-256 of kind, record id and
generation. Letters only, so that no digits look like a card number. The same record of the same system has the same mark,
whatever the backend is called in anybody's configuration.
"""

import hashlib
import json
import re
from functools import lru_cache
from typing import Final

PREFIX: Final = "ub1-"
LENGTH: Final = 31
_PATTERN = re.compile(r"ub1-[A-Z]{6}-[A-Z]{20}(?![A-Za-z0-9-])")
_KEYS = "unibill:application-keys"
_quoted: Final = json.encoder.encode_basestring_ascii
_PAIRS: Final = [chr(65 + number % 26) + chr(65 + number // 26) for number in range(26 * 26)]
"""Two letters for a number, the last digit first."""


def mark(identity: str, kind: str, record_id: str, generation: int = 0) -> str:
    """The mark of a copy.

    Args:
        identity: of the source system, from ``Provider.identity``.
        kind: of the source record.
        record_id: of the source record.
        generation: rises when a copy was rolled back and is made again.
    """
    return f"{PREFIX}{origin(identity)}-{_letters(20, kind, record_id, str(generation))}"


def key_mark(key: str) -> str:
    """The mark of a credit that an application creates under a key of its own."""
    return mark(_KEYS, "key", key)


@lru_cache(maxsize=64)
def origin(identity: str) -> str:
    """The six letters by which a mark names the system it came from."""
    return _letters(6, identity)


def names(mark_text: str, identity: str) -> bool:
    """Whether a mark says that the record came from the system of this identity."""
    return mark_text[len(PREFIX) : len(PREFIX) + 6] == origin(identity)


def find(*texts: str | None) -> str | None:
    """The mark at the start of the first of these texts that has one."""
    for text in texts:
        if text and text.startswith(PREFIX) and (match := _PATTERN.match(text)):
            return match.group()
    return None


def strip(text: str | None) -> str | None:
    """A text without the mark at its start, or None where nothing else is left."""
    if text is None or (found := find(text)) is None:
        return text
    return text[len(found) :].removeprefix(" ") or None


def _letters(count: int, *parts: str) -> str:
    # What json.dumps writes, without its detours: marks are made by the million.
    text = f"[{', '.join(map(_quoted, parts))}]"
    digest = hashlib.sha256(text.encode()).digest()
    number = int.from_bytes(digest, "big") % 26**count
    pairs: list[str] = []
    for _ in range(count // 2):
        number, pair = divmod(number, 26 * 26)
        pairs.append(_PAIRS[pair])
    return "".join(pairs)
