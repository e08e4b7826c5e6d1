"""Texts of a record that may hold what must not be copied, or not be stored: card-like numbers, and credentials."""

from dataclasses import dataclass
from typing import Final

from unibill.redact import clean, has_card, without_secrets

CARD: Final = "it may hold a card number; --allow-card-numbers would carry it"
SECRET: Final = "it holds a credential, which is never copied"  # noqa: S105 - a sentence


@dataclass(frozen=True, slots=True)
class Text:
    """What becomes of one text.

    Attributes:
        sent: to the target.
        stored: in the run.
        lost: why not all of it is sent; an empty text where all is.
        withheld: whether the source is asked again for what is sent, since the store must not keep it.
    """

    sent: str | None
    stored: str | None
    lost: str = ""
    withheld: bool = False


def fate(text: str | None, *, cards: bool, whole: bool) -> Text:
    """What becomes of a text.

    Args:
        text: of the source.
        cards: whether card-like numbers may be copied; credentials never are.
        whole: a reference, which says nothing once something in it is masked, so that it is left out whole.
    """
    bare = text if text is None else without_secrets(text)
    masked = text if text is None else clean(text)
    if masked == text:
        return Text(text, text)
    wanted, lost = (bare, SECRET if bare != text else "") if cards else (masked, CARD if has_card(text) else SECRET)
    if whole and wanted != text:
        return Text(None, None, lost)
    stored = None if whole and masked != wanted else masked
    return Text(wanted, stored, lost, withheld=stored != wanted)


def sent_again(text: str | None) -> str | None:
    """A text that the store did not keep, as it is sent: with card-like numbers, and never with a credential."""
    return fate(text, cards=True, whole=False).sent
