"""Ids of credits, and locators of unibill's own making.

Locators repeat across kinds in Socotra (a policy, its quote and its transaction can share one), so a credit's id names its
kind: ``payment:01J…``. A kind that nobody documented keeps the vendor's word: ``unknown.refundReversal:01J…``.

The locator of a credit distribution is the one key that a caller may choose. unibill derives it from the id of the credit that it
spends and a running number, so that a repetition meets the same distribution, and so that whoever reads it later can tell which
credit it spends. It is not derived from the credit's mark: a credit that is voided and created again under the same key has the
same mark, and would meet its predecessor's reversed distributions.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from unibill.drafts import AllocationDraft
from unibill.errors import Fault, InvalidQuery
from unibill.model import Credit, CreditKind
from unibill_socotra.mapping.times import ALPHABET

KINDS: Final = {
    "creditDistribution": CreditKind.DISTRIBUTION,
    "disbursement": CreditKind.DISBURSEMENT,
    "payment": CreditKind.PAYMENT,
    "subpayment": CreditKind.SUBPAYMENT,
    "shortfallWriteOff": CreditKind.SHORTFALL_WRITE_OFF,
    "writeOff": CreditKind.WRITE_OFF,
    "refund": CreditKind.REFUND,
}
"""The vendor's creditType; ``refund`` only on its older pages."""
_READABLE: Final = {kind.value: kind for kind in (*KINDS.values(), CreditKind.CHARGE)}
_ULID: Final = re.compile(r"[0-7][0-9A-Za-z]{25}")
_SPELLING: Final = str.maketrans("ILO", "110")
_STEM: Final = 21
_NUMBER: Final = 5


def credit_id(credit_type: str, locator: str) -> str:
    """The id of a credit of the vendor's type."""
    kind = KINDS.get(credit_type)
    return f"unknown.{credit_type}:{locator}" if kind is None else f"{kind.value}:{locator}"


def charge_id(locator: str) -> str:
    """The id of the credit that a charge is."""
    return f"charge:{locator}"


def spelt(locator: str) -> str:
    """A locator as Socotra spells it: capitals, I and L as 1, O as 0. It reads the others too, and records hold none of them."""
    return locator.upper().translate(_SPELLING) if _ULID.fullmatch(locator) else locator


def faults_of_spelling(drafts: Sequence[AllocationDraft]) -> list[Fault]:
    """The targets that are not given as Socotra spells them."""
    given = [(f"$.allocations[{i}].target_id", item.target_id) for i, item in enumerate(drafts) if item.target_id is not None]
    return [
        Fault(at, f"Socotra spells this invoice {spelt(locator)}, not {locator}; give it so")
        for at, locator in given
        if locator != spelt(locator)
    ]


def spelt_id(credit_id: str) -> str:
    """The id of a credit, with its locator as Socotra spells it."""
    word, colon, locator = credit_id.partition(":")
    return word + colon + spelt(locator)


def spelt_credit(credit: Credit) -> Credit:
    """A caller's copy of a credit, with the locators that name it and its account as Socotra spells them."""
    return credit.replace(id=spelt_id(credit.id), account_id=None if credit.account_id is None else spelt(credit.account_id))


def parse(text: str) -> tuple[CreditKind, str]:
    """The kind and locator that a credit's id names.

    Raises:
        InvalidQuery: it is no id of a Socotra credit.
    """
    word, colon, locator = text.partition(":")
    kind = CreditKind.UNKNOWN if word.startswith("unknown.") and len(word) > len("unknown.") else _READABLE.get(word)
    if kind is None or not colon or not _ULID.fullmatch(locator):
        raise InvalidQuery(
            f"{text!r} is not the id of a Socotra credit; it is a kind and a locator, such as payment:01JBAS3SK5ABDPV2E32GNXW7Z6,"
            f" with one of the kinds {', '.join(sorted(_READABLE))}"
        )
    return kind, spelt(locator)


def derived_locator(key: str, number: int) -> str:
    """The locator of the ``number``-th distribution that spends the credit of this key.

    Args:
        key: the credit's id.
        number: from 0.

    Returns:
        A valid ULID: 21 letters of a SHA-256 of the key, 5 of the number. Its time means nothing.
    """
    return _stem(key) + _base32(number, _NUMBER)


def derived_stem(locator: str) -> str:
    """The part of a locator by which ``stem_of`` tells whose it is."""
    return locator[:_STEM].upper()


def stem_of(key: str) -> str:
    """The part that all distributions which spend the credit of this key share."""
    return _stem(key)


def derived_number(locator: str) -> int:
    """The running number in a derived locator."""
    number = 0
    for letter in locator[_STEM:].upper():
        number = number * 32 + max(ALPHABET.find(letter), 0)
    return number


def _stem(key: str) -> str:
    digest = int.from_bytes(hashlib.sha256(f"unibill:distribution:{key}".encode()).digest(), "big")
    first, rest = digest % 8, digest // 8
    return ALPHABET[first] + _base32(rest, _STEM - 1)


def _base32(number: int, letters: int) -> str:
    text = ""
    for _ in range(letters):
        number, digit = divmod(number, 32)
        text = ALPHABET[digit] + text
    return text
