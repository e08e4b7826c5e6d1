"""The one redactor: no secret and no card-like number is ever shown or stored.

Secrets are masked by value, longest first, also where they were percent-encoded, escaped or in base64. A card-like number is a
run of 13 to 19 digits in a text, spaces and hyphens between them allowed; one that touches letters, or whose digits are kept
apart by something else, or that is a vendor's id of a request, counts only if its check digit is right. Its last four digits
stay, so that people can tell two apart.

Besides a redactor of given secrets there is ``clean``, for texts of which nobody knows whose secrets they may hold: it masks
those of every backend that is open in this process (see ``guard``).
"""

import re
import threading
import weakref
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Final
from urllib.parse import quote, quote_plus

from unibill import exactjson

HIDDEN: Final = "[hidden]"
SHORTEST: Final = 6
"""Secrets shorter than this are too common as parts of other texts to be masked in data."""
_CARD = re.compile(r"(?<![\w.,-])(?:\d[ -]?){12,18}\d(?![\w]|[.,]\d)")
_BETWEEN = r"(?:[ \-+_/\u00a0\u00ad\u2000-\u2015\u2028-\u202f\u2060]|%20){0,2}"
_GLUED = re.compile(
    rf"(?<!\d)(?<!\d[.,])\d(?:{_BETWEEN}\d){{12,18}}(?!\d|[.,]\d)"  # as a stranger may write it
    r"|(?<!\d)\d{4}\.\d{4}\.\d{4}\.\d{1,7}(?!\d)"
)
_NAMES_REQUEST: Final = re.compile(r"\((?:status \d{3}, )?request \Z")
"""What stands before a request's id in an error's sentence, see ``BackendError``."""
_REQUEST_ID: Final = "request_id"
"""The attribute of an error in which it stands."""
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


class Redactor:
    """Masks a fixed set of secrets, and everything that may be a card number."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = _pattern({form for secret in secrets for form in _forms(secret)})

    def text(self, text: str) -> str:
        """The text without secrets and with card-like numbers masked."""
        return mask_cards(self.secrets(text))

    def secrets(self, text: str) -> str:
        """The text without secrets; digits stay."""
        return self._secrets.sub(HIDDEN, text) if self._secrets else text

    def chain(self, error: BaseException) -> None:
        """Mask what an error and everything that led to it say, so that a traceback of it can be logged."""
        waiting: list[BaseException | None] = [error]
        seen: set[int] = set()
        while waiting:
            one = waiting.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            one.args = tuple(self.text(said) if isinstance(said, str) else self._plain(said) for said in one.args)
            for name, said in list(vars(one).items()):
                if isinstance(said, str):
                    setattr(one, name, _request_id(self.secrets(said)) if name == _REQUEST_ID else self.text(said))
            waiting += [one.__cause__, one.__context__]

    def _plain(self, said: object) -> object:
        """An error's argument that is no text, as text if it shows what it must not."""
        if said is None or isinstance(said, (bool, int)):
            return said
        shown = repr(said)
        masked = self.text(shown)
        return said if masked == shown else masked


def _forms(secret: str) -> set[str]:
    """A secret as it stands in texts, addresses, JSON, representations and base64."""
    if not secret:
        return set()
    encoded = quote(secret, safe="", errors="replace")
    forms = {secret, encoded, re.sub("%..", lambda match: match.group().lower(), encoded), quote_plus(secret, errors="replace")}
    forms.add(b64encode(secret.encode("utf-8", "replace")).decode())
    plain = [secret, *(repr(secret.encode(codec, "replace"))[2:-1].replace("\\'", "'") for codec in ("utf-8", "latin-1"))]
    for one in [repr(secret)[1:-1].replace("\\'", "'"), *plain]:
        escaped = {one, one.replace("'", "\\'"), one.replace('"', '\\"')}
        forms |= escaped | {twice.replace("\\", "\\\\") for twice in escaped}
        forms |= {twice.replace("\\", "\\\\").replace("'", "\\'") for twice in escaped}
    try:
        forms.add(exactjson.dumps(secret).decode()[1:-1])
    except exactjson.InexactJSON:
        pass
    return forms


def _pattern(forms: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


class _Known:
    """The secrets of what is open in this process. Thread-safe, and reentrant, since owners may die at any moment."""

    def __init__(self) -> None:
        self._forms: Counter[str] = Counter()
        """Never changed, but replaced: an owner may die while they are looked through."""
        self._guard = threading.RLock()
        self._pattern: re.Pattern[str] | None = None
        self._made_of = self._forms

    def change(self, forms: Iterable[str], by: int) -> None:
        with self._guard:
            changed = self._forms.copy()
            for form in forms:
                changed[form] += by
            self._forms = +changed

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """What finds them. Made when it is wanted: backends come and go more often than texts are shown."""
        if self._made_of is not self._forms:
            with self._guard:
                forms = self._forms
                self._pattern = _pattern(forms)
                self._made_of = forms
        return self._pattern


_known = _Known()


def guard(owner: object, secrets: Iterable[str]) -> None:
    """Have ``clean`` mask these secrets for as long as their owner lives; those of fewer than six characters are passed over."""
    forms = frozenset(form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret))
    if forms:
        _known.change(forms, 1)
        weakref.finalize(owner, _known.change, forms, -1).atexit = False


def clean(text: str) -> str:
    """The text without the secrets of any backend that is open in this process, and with card-like numbers masked."""
    return mask_cards(without_secrets(text))


def without_secrets(text: str) -> str:
    """The text without the secrets of any backend that is open in this process; digits stay."""
    pattern = _known.pattern
    return pattern.sub(HIDDEN, text) if pattern is not None else text


def clean_request_id(text: str) -> str:
    """A vendor's id of a request without secrets; its digits stay, since people look requests up by it, unless it may be a card's number."""
    return _request_id(without_secrets(text))


def _request_id(text: str) -> str:
    """A sentence in an id's place is text like any other."""
    return mask_cards(text) if any(map(str.isspace, text)) else _GLUED.sub(_checked, text)


def is_clean(text: str | None) -> bool:
    """Whether ``clean`` would leave a text as it is."""
    return text is None or clean(text) == text


class Shown:
    """A value whose representation is clean, to stand for it in the representation of a record."""

    def __init__(self, value: object) -> None:
        self._shown = clean(repr(value))

    def __repr__(self) -> str:
        return self._shown


def mask_cards(text: str) -> str:
    """Mask every card-like number in a text."""
    if not _may_have_card(text):
        return text
    return _GLUED.sub(_checked, _CARD.sub(_run, text))


def has_card(text: str | None) -> bool:
    """Whether a text has something that may be a card number."""
    return text is not None and mask_cards(text) != text


def _may_have_card(text: str) -> bool:
    return len(text) > 12 and sum(map(str.isdigit, text)) > 12


def _run(match: re.Match[str]) -> str:
    digits = match.group()
    if digits.isdecimal() and _NAMES_REQUEST.search(match.string[: match.start()]):
        return _request_id(digits)
    return "••••" + digits[-4:]


def _checked(match: re.Match[str]) -> str:
    digits = "".join(character for character in match.group().replace("%20", "") if character.isdecimal())
    return "••••" + digits[-4:] if _has_check_digit(digits) else match.group()


@cache
def _digit(character: str) -> str:
    return str(int(character))


def _has_check_digit(digits: str) -> bool:
    plain = "".join(map(_digit, digits))
    doubled = plain[-2::-2].translate(_DOUBLED)
    issued = plain[0] in "3456" or "2221" <= plain[:4] <= "2720"
    return issued and sum(map(int, plain[-1::-2])) % 10 == -sum(map(int, doubled)) % 10
