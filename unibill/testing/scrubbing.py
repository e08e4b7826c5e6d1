"""Nothing secret gets into a cassette: headers by allow-list, secrets by their values, card-like numbers by their look.

A secret is replaced by a placeholder that names it, ``<secret:billagain.api_key>``, wherever its value stands: in addresses,
headers and bodies, of requests and of answers, also percent-encoded, escaped as JSON, or in base64. On replay the placeholder
becomes the value again, or a stand-in where nobody gives one, so a client sees what it would have seen. A card-like number
keeps its last four digits and stays masked on replay.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit
from uuid import NAMESPACE_URL, uuid5

from unibill.redact import has_card, mask_cards
from unibill.testing import cassettefile, jsontree
from unibill.testing.jsontree import Number, Tree

REQUEST_HEADERS: Final = frozenset({"accept", "content-type"})
ANSWER_HEADERS: Final = frozenset({"content-type", "retry-after", "allow", "www-authenticate", "x-request-id", "socotra-request-id"})
"""The headers that are kept. A provider whose answers need others names them to the recorder."""

SHORTEST: Final = 6
"""A shorter secret would be found in half of all texts."""

_PLACEHOLDER: Final = re.compile(r"<secret:(?P<name>[A-Za-z0-9_.-]+)(?::(?P<form>[a-z0-9-]+))?>")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


class Leak(ValueError):
    """A cassette holds what must not be stored; the message says where and never what."""


def stand_in(name: str) -> str:
    """What a secret is on replay, where nobody gives another value; of the form that its name ends with, if any."""
    if name.endswith(".uuid"):
        return str(uuid5(NAMESPACE_URL, name))
    if name.endswith(".digits"):
        return str(uuid5(NAMESPACE_URL, name).int)[:9]
    return f"replayed-{name}"


def forms_of(value: str) -> dict[str, str]:
    """How a value may stand in a text, by the name of the form; the value itself under an empty name."""
    raw = value.encode()
    escaped = json.dumps(value)[1:-1]
    forms = {
        "": value,
        "percent": quote(value, safe=""),
        "percent-lower": re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), quote(value, safe="")),
        "form": quote_plus(value),
        "json": escaped,
        "json-slash": escaped.replace("/", r"\/"),
        "hex": raw.hex(),
    }
    for shift in range(3):
        inner = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 :]
        whole = inner[: len(inner) // 4 * 4 - (4 if (shift + len(raw)) % 3 else 0)].decode()
        forms[f"base64-{shift}"] = whole
        forms[f"base64url-{shift}"] = whole.replace("+", "-").replace("/", "_")
    by_form = {form: name for name, form in reversed(forms.items()) if len(form) >= SHORTEST}
    return {name: form for form, name in by_form.items()}


@dataclass(slots=True)
class Scrubber:
    """Hides and restores.

    Attributes:
        secrets: values by name; more can be added while recording.
        answer_headers: answer headers to keep besides the usual ones.
    """

    secrets: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    answer_headers: frozenset[str] = frozenset()

    def add(self, name: str, value: str) -> None:
        """Hide one more value.

        Raises:
            ValueError: a name that cannot stand in a placeholder, or a value too short to be found by.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"a secret's name has letters, digits, dots, dashes and underscores only; not {name!r}")
        if len(value) < SHORTEST:
            raise ValueError(f"secret {name!r} has {len(value)} characters; values shorter than {SHORTEST} cannot be removed by value")
        self.secrets[name] = value

    def hide(self, text: str) -> str:
        """The text with placeholders for secrets."""
        holders = {
            form: f"<secret:{name}:{kind}>" if kind else f"<secret:{name}>"
            for name, value in self.secrets.items()
            for kind, form in forms_of(value).items()
        }
        longest_first = sorted(holders, key=len, reverse=True)
        pattern = "|".join([_PLACEHOLDER.pattern.replace("?P<name>", "").replace("?P<form>", ""), *map(re.escape, longest_first)])
        return re.sub(pattern, lambda found: holders.get(found.group(), found.group()), text)

    def restore(self, text: str) -> str:
        """The text with values, or stand-ins, for placeholders."""
        return _PLACEHOLDER.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        value = self.secrets.get(found["name"], stand_in(found["name"]))
        return forms_of(value).get(found["form"] or "", value)

    def hide_body(self, body: str) -> str:
        """A body with placeholders; of JSON the decoded texts count, however they were escaped."""
        return _rewritten(body, self.hide, self._hidden_number)

    def restore_body(self, body: str) -> str:
        """The body that ``hide_body`` was given, or the same with stand-ins."""
        return _rewritten(body, self.restore, lambda number: number, self._restored_number)

    def _hidden_number(self, number: Number) -> Tree:
        names = [name for name, value in self.secrets.items() if value == number.text]
        return f"<secret:{names[0]}:number>" if names else number

    def _restored_number(self, text: str) -> Tree:
        found = _PLACEHOLDER.fullmatch(text)
        return Number(self._value(found)) if found and found["form"] == "number" else self.restore(text)

    def find(self, text: str) -> list[str]:
        """The names of the secrets that a text holds, in any form."""
        return sorted(name for name, value in self.secrets.items() if any(form in text for form in forms_of(value).values()))


def _rewritten(body: str, change: Callable[[str], str], number: Callable[[Number], Tree], text: Callable[[str], Tree] | None = None) -> str:
    """A body with its texts changed: those of the decoded JSON, or the whole where it is none."""
    try:
        tree = jsontree.parse(body)
    except ValueError:
        return change(body)
    changed = jsontree.with_leaves(tree, change, text or change, number)
    return body if changed == tree else jsontree.write(changed)


def masked_url(url: str, mask: Callable[[str], str]) -> str:
    """An address with card-like numbers masked in the segments of its path and in its query, however they are encoded."""
    parts = urlsplit(url)
    path = "/".join(_recoded(segment, unquote(segment), mask, partial(quote, safe="")) for segment in parts.path.split("/"))
    query = "&".join(_recoded(pair, unquote_plus(pair), mask, partial(quote_plus, safe="=")) for pair in parts.query.split("&"))
    return urlunsplit(parts._replace(path=path, query=query))


def _recoded(encoded: str, decoded: str, mask: Callable[[str], str], encode: Callable[[str], str]) -> str:
    masked = mask(decoded)
    return encoded if masked == decoded else encode(masked)


def masked_body(body: bytes, mask: Callable[[str], str]) -> bytes:
    """A body with the card-like numbers in its texts masked; JSON numbers are amounts and ids, and stay."""
    tree = jsontree.of_body(body)
    if isinstance(tree, bytes):
        try:
            return mask(body.decode("utf-8")).encode()
        except UnicodeDecodeError:
            return body
    masked = jsontree.with_texts(tree, mask)
    return body if masked == tree else jsontree.write(masked).encode()


def masked_header(name: str, value: str) -> str:
    """A header's value with card-like numbers masked, in ASCII as headers must be; an id of a request is an id."""
    return value if name.endswith("-id") else mask_cards(value).replace("•", "*")


def kept(headers: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
    """The headers of an allow-list, names in lower case."""
    return {name.lower(): value for name, value in headers.items() if name.lower() in set(allowed)}


def leaks(file: Path, values: Mapping[str, str] | None = None) -> list[str]:
    """What a cassette's file holds that it must not: each with its place, never with its value.

    Args:
        file: a cassette.
        values: secrets to look for, by name.

    Card-like numbers are allowed only where the provenance lists them as ``published``: printed by the vendor itself, in a
    cassette that was typed from the vendor's page.
    """
    text = file.read_text("utf-8")
    content = cassettefile.load(text, str(file))
    provenance = cast("Mapping[str, Any]", content.get("provenance") or {})
    published = set(cast("list[str]", provenance.get("published") or ())) if provenance.get("evidence") == "documented" else set[str]()
    found = [f"the secret {name}" for name in Scrubber(dict(values or {})).find(text)]
    for number, one in enumerate(content["interactions"]):
        for side, allowed in (("request", REQUEST_HEADERS), ("response", None)):
            part = cast("Mapping[str, Any]", one[side])
            place = f"interactions[{number}].{side}"
            if allowed is not None:
                found += [f"{place}.headers: {name} is not on the allow-list" for name in part.get("headers", {}) if name not in allowed]
            found += [f"{place}.headers: {name} carries credentials" for name in part.get("headers", {}) if _is_credential(name)]
            found += [
                f"{place}{at}: looks like a card number"
                for at, said in _texts(part, "")
                if has_card(said) and said not in published and not (at.startswith(".headers.") and at.endswith("-id"))
            ]
            found += [f"{place}{at}: a number that looks like a card's" for at, digits in _numbers(part, "") if _is_card(digits)]
    return found


def _is_credential(name: str) -> bool:
    return name in {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"}


def _texts(value: Tree, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield at, value
    for key, item in _parts(value):
        if isinstance(key, str):
            yield f"{at} (a key)", key
        yield from _texts(item, f"{at}.{key}")


def _numbers(value: Tree, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Number):
        yield at, value.text
    for key, item in _parts(value):
        yield from _numbers(item, f"{at}.{key}")


def _parts(value: Tree) -> Iterable[tuple[str | int, Tree]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _is_card(digits: str) -> bool:
    """Whether a whole number has the length, the first digit and the check digit of a payment card."""
    if not re.fullmatch(r"[3-6][0-9]{14,15}", digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
