"""What BillAgain's documents leave open, and what this sandbox answers: the switches that are built."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from unibill.sandbox.system import Switch

SWITCHES: tuple[Switch, ...] = (
    Switch("auth-failure", "401-challenge", ("401-challenge", "401-plain", "403", "410"), "What do missing or bad credentials answer?", 2),
    Switch("missing-credit", "410", ("410", "404"), "What does the id of no credit note answer?", 4),
    Switch("missing-reference", "410", ("410", "400"), "What does a body answer that names no customer or invoice of the account?", 5),
    Switch("validation-status", "400", ("400", "409", "410", "422", "500"), "Which status has a body that is refused?", 7),
    Switch("page-size-overflow", "clamp", ("clamp", "reject", "default-100"), "What does a page_size over 200 do?", 14),
    Switch("past-end", "empty", ("empty", "410", "repeat-last"), "What does a page past the end answer?", 17),
    Switch("list-order", "asc", ("asc", "desc", "shuffled"), "In which order do lists come?", 19),
    Switch("nested-credit-id", "as-samples", ("as-samples", "own", "zero", "other"), "What is the creditNoteID inside an allocation?", 27),
    Switch("status-rule", "by-sum", ("by-sum", "always-allocated"), "Does Status follow from the allocations?", 28),
    Switch("force-status", "off", (), "Can a credit be Pending, Failed, or something else? (any text)", 29),
    Switch("over-allocation", "reject", ("reject", "accept", "cap"), "May the allocations sum to more than Amount?", 30),
    Switch("under-allocation", "accept", ("accept", "reject"), "May the allocations sum to less than Amount?", 31),
    Switch("over-invoice", "reject", ("reject", "accept", "cap"), "May an allocation be more than the invoice's balance?", 32),
    Switch("closed-invoice", "reject", ("reject", "accept"), "May a paid, draft or cancelled invoice be named?", 33),
    Switch("duplicate-invoice", "separate", ("separate", "merge", "reject"), "May one list name an invoice twice?", 36),
    Switch("empty-allocations", "reject", ("reject", "accept"), "Are no Allocations on POST, without AutoApply, refused?", 37),
    Switch("put-empty-allocations", "delete-all", ("delete-all", "reject", "keep"), "What does an empty list on PUT do?", 38),
    Switch("auto-apply-spill", "first-only", ("first-only", "spill"), "Does AutoApply go on to the next invoice?", 41),
    Switch("put-memo-omitted", "blank", ("blank", "keep"), "What does a PUT without Memo do to the memo?", 48),
    Switch("delete-effect", "release", ("release", "refuse-when-allocated"), "Can a credit be deleted that has allocations?", 51),
    Switch(
        "system-credits",
        "off",
        ("off", "on", "on-locked"),
        "Are there credits without CreditNumber that BillAgain made, and do they go?",
        53,
    ),
    Switch("repeat-delete", "410", ("410", "204"), "What does a second DELETE answer?", 52),
    Switch("credit-number-duplicates", "allow", ("allow", "reject"), "May two credits have one CreditNumber?", 54),
    Switch("text-max-length", "255", (), "How long may CreditNumber and Memo be? (N refuses more, N-truncate cuts, none)", 56),
    Switch("empty-memo", "empty-text", ("empty-text", "null", "absent"), "How is an empty Memo written?", 59),
    Switch("empty-list-form", "array", ("array", "null", "absent"), "How are no Allocations written?", 60),
    Switch("allocation-order", "id", ("id", "input", "shuffled"), "In which order do allocations come?", 61),
    Switch("time-zone", "+02:00", (), "In which zone does a day begin? (an offset, or a zone's name)", 64),
    Switch("date-output", "utc", ("utc", "offset", "fraction-7"), "How are dates written?", 65),
    Switch("excess-decimals", "round", ("round", "reject", "keep"), "What happens to more than two decimals? (kept: six at most)", 67),
    Switch("number-style", "plain", ("plain", "one-decimal", "two-decimals", "text"), "How are amounts written?", 69),
    Switch("opening-balance-allocations", "off", ("off", "on"), "Can a credit be allocated to an opening balance, as payments are?", 70),
    Switch("forward-fields", "off", ("off", "on"), "Do fields appear that nobody announced?", 78),
)


@dataclass(frozen=True, slots=True)
class TextLimit:
    """How long a text may be; None for no limit. A longer one is cut or refused."""

    length: int | None
    truncate: bool


def zone_of(settings: Mapping[str, str]) -> tzinfo:
    """The zone of ``time-zone``.

    Raises:
        ValueError: neither an offset such as +02:00 nor the name of a zone.
    """
    text = settings["time-zone"]
    match = re.fullmatch(r"([+-])([01]\d|2[0-3]):([0-5]\d)", text)
    if match:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"switch 'time-zone' takes an offset such as +02:00 or the name of a zone; not {text!r}") from error


def text_limit_of(settings: Mapping[str, str]) -> TextLimit:
    """The limit of ``text-max-length``.

    Raises:
        ValueError: not N, N-truncate or none.
    """
    text = settings["text-max-length"]
    if text == "none":
        return TextLimit(None, truncate=False)
    match = re.fullmatch(r"([1-9]\d*)(-truncate)?", text)
    if not match:
        raise ValueError(f"switch 'text-max-length' takes a number, a number with -truncate, or none; not {text!r}")
    return TextLimit(int(match[1]), truncate=match[2] is not None)
