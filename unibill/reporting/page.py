"""The page: one HTML file that carries its styles, scripts and records, and lets in nothing else."""

import io
import json
import secrets
import shutil
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import BinaryIO, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from unibill import money
from unibill.copying.items import RecordType
from unibill.exactjson import number
from unibill.reporting.embedding import ACCOUNTS, PackedRecords, pack_accounts
from unibill.reporting.tables import SIGNS
from unibill.reporting.values import EXCEPTIONS, AccountMoney, Figures, Outcome
from unibill.showing import digits

SCRIPTS: Final = ("echarts/echarts.min.js", "dom.js", "charts.js", "records.js", "page.js")
"""In the order in which they run; each is a script of its own, so that the policy names each by its hash."""
_ACCOUNTS: Final = 30
"""Account lines in a table on paper; on a screen there are more, and the CSV files have all."""
_SYMBOLS: Final[Mapping[Outcome, str]] = {
    Outcome.CARRIED: "✓",
    Outcome.EXISTED: "=",
    Outcome.WAITING: "…",
    Outcome.UNDONE: "↶",
    Outcome.FAILED: "✕",
    Outcome.UNKNOWN: "?",
    Outcome.CONFLICT: "≠",
    Outcome.BLOCKED: "■",
    Outcome.SKIPPED: "–",
}
_MEANS: Final[Mapping[Outcome, str]] = {
    Outcome.CARRIED: "created at the target by this run",
    Outcome.EXISTED: "at the target already, under its mark",
    Outcome.WAITING: "planned, not made yet",
    Outcome.UNDONE: "rolled back: taken back, or found gone",
    Outcome.FAILED: "tried and not made",
    Outcome.UNKNOWN: "sent, and no answer says what became of it",
    Outcome.CONFLICT: "its mark stands on something else",
    Outcome.BLOCKED: "held back until somebody decides",
    Outcome.SKIPPED: "nothing to carry, by the plan's rules",
}
PUZZLING: Final = EXCEPTIONS | {Outcome.SKIPPED}
"""Outcomes whose reasons a reader will ask for."""
_ICONS: Final = {"good": "✓", "careful": "!", "bad": "✕", "plain": "i"}


def write_page(file: BinaryIO, figures: Figures, packed: PackedRecords, records: BinaryIO) -> None:
    """Write the page.

    Args:
        file: open for writing.
        figures: what it shows.
        packed: how many records it holds.
        records: the packed records, at their begin.
    """
    here = f"records-{secrets.token_hex(16)}"  # nobody can have put this word into a memo
    head, tail = _rendered(figures, packed, here).split(here)
    file.write(head.encode("utf-8", "backslashreplace"))
    shutil.copyfileobj(records, file)
    file.write(tail.encode("utf-8", "backslashreplace"))


def _rendered(figures: Figures, packed: PackedRecords, here: str) -> str:
    scripts, style = [_static(name) for name in SCRIPTS], _static("page.css")
    accounts = _foremost(figures.accounts)
    return (
        _environment()
        .get_template("page.html")
        .render(
            f=figures,
            v=figures.verdict,
            icon=_ICONS[figures.verdict.tone],
            policy=_policy(scripts, style),
            style=Markup(style),  # noqa: S704 - our own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            charts=_embedded(_chart_data(figures)),
            records=here,
            packed=packed,
            accounts=accounts[:_ACCOUNTS],
            packed_accounts=_packed_accounts(accounts) if len(accounts) > _ACCOUNTS else "",
            accounts_held=min(len(accounts), ACCOUNTS),
            puzzling=PUZZLING,
            symbols=_SYMBOLS,
            means=_MEANS,
            signs=SIGNS,
            has_charges=figures.called != "credits" or any(line.record_type is RecordType.CHARGE for line in figures.money),
            has_waiting=any(line.waiting for line in figures.money),
            has_unknown=any(line.unknown for line in figures.money),
        )
    )


def _foremost(accounts: tuple[AccountMoney, ...]) -> list[AccountMoney]:
    """The accounts that do not agree, then those with the most money carried; by amount within a currency only for want of better."""
    return sorted(accounts, key=lambda line: (line.sign in {"=", ""}, -line.carried, line.account, line.currency))


def _packed_accounts(accounts: list[AccountMoney]) -> str:
    file = io.BytesIO()
    pack_accounts(file, accounts)
    return file.getvalue().decode()


def _policy(scripts: list[str], style: str) -> str:
    """Scripts and styles of this page and of nobody else; no address is ever asked for anything."""
    allowed = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'; frame-src 'none'; object-src 'none'; worker-src 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _static(name: str) -> str:
    text = files("unibill.reporting").joinpath("static", name).read_text("utf-8")
    if "</" + "script" in text.lower() or "</" + "style" in text.lower():
        raise ValueError(f"{name} would end the element that holds it")
    return text


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unibill.reporting", "static"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(amount=_amount, count=digits, moment=_moment, until=_until)
    return environment


def _amount(value: Decimal | None, currency: str) -> Markup:
    """An amount for people, digits in groups, between which paper may break it; the element keeps it digit for digit for programs."""
    if value is None:
        return Markup('<span class="none">not known</span>')
    exact = number(money.full(value, currency))
    groups = Markup("\u202f<wbr>").join(digits(exact).split("\u202f"))
    return Markup('<data value="{}">{}</data>').format(exact, groups)


def _moment(at: str) -> str:
    """A moment for people, in UTC."""
    if not at:
        return ""
    moment = datetime.fromisoformat(at)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def _until(ended: str, began: str) -> str:
    """The end of something for people, after its begin: the day only where it is another one."""
    return f"{ended[11:19]} UTC" if ended[:10] == began[:10] else _moment(ended)


def _chart_data(figures: Figures) -> dict[str, object]:
    differing = [line for line in figures.accounts if line.found is not None and line.sign not in {"=", ""}]
    return {
        "source": figures.source.name,
        "target": figures.target.name,
        "currencies": [line.currency for line in sorted(figures.money, key=lambda line: -line.records)],
        "outcomes": [
            {"outcome": line.outcome.value, "symbol": _SYMBOLS[line.outcome], "records": line.records}
            for line in figures.outcomes
            if line.records
        ],
        "flows": [
            {
                "currency": line.currency,
                "account": line.account,
                "accounts": line.accounts,
                "outcome": line.outcome.value,
                "amount": number(money.full(line.amount, line.currency)),
            }
            for line in figures.flows
        ],
        "differences": [
            {
                "account": line.account,
                "currency": line.currency,
                "amount": number(money.full(money.subtract(line.found or Decimal(0), line.expected), line.currency)),
            }
            for line in differing
        ][:200],
        "pace": [line.jsonable() for line in figures.pace],
    }


def _embedded(value: object) -> Markup:
    """A value as JSON inside a script element of a type that nothing runs."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    escaped = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped)  # noqa: S704 - nothing in it can end the element
