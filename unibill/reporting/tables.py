"""The same figures as CSV files and as JSON Lines, for spreadsheets and programs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import BinaryIO, Final

from unibill.exactjson import dumps
from unibill.reporting.values import Figures, RecordLine
from unibill.safecsv import Writer

SIGNS: Final[Mapping[str, str]] = {
    "=": "same",
    "-": "missing",
    "+": "extra",
    "*": "differs",
    "!": "unreadable",
    "": "not compared",
}
"""What a verification's signs are called."""

RECORD_COLUMNS: Final = (
    "outcome",
    "verified",
    "source_account",
    "record_type",
    "source_id",
    "kind",
    "status",
    "day",
    "currency",
    "amount",
    "remaining",
    "carried",
    "target_account",
    "type",
    "target_id",
    "code",
    "reason",
    "number",
    "memo",
    "mark",
    "sends",
    "losses",
    "left_behind",
    "spent",
)
RECORDS: Final = "records"
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    RECORDS: RECORD_COLUMNS,
    "report": ("what", "value"),
    "money": (
        "record_type",
        "currency",
        "records",
        "remaining",
        "unknown",
        "carried",
        "existed",
        "waiting",
        "held",
        "skipped",
        "before",
        "expected",
        "found",
        "compared",
    ),
    "accounts": (
        "account",
        "record_type",
        "currency",
        "created",
        "before",
        "carried",
        "existed",
        "waiting",
        "expected",
        "found",
        "compared",
        "source_accounts",
    ),
    "source_accounts": (
        "account",
        "target_account",
        "record_type",
        "currency",
        "records",
        "remaining",
        "carried",
        "allocated",
        "dropped",
        "held",
    ),
    "outcomes": ("outcome", "records", "record_type", "currency", "amount"),
    "reasons": ("outcome", "code", "records", "record_type", "currency", "amount", "for_example"),
    "losses": ("field", "kind", "count", "reason"),
    "differences": ("sign", "code", "account", "source_id", "target_id", "reason"),
    "problems": ("what", "account", "source_id", "target_id", "reason"),
    "timeline": ("kind", "began", "ended", "text", "counts"),
}
"""The CSV files by name, each with its columns."""
Rows = Iterable[tuple[object, ...]]


def record_row(line: RecordLine) -> tuple[object, ...]:
    """A record as cells, in the order of ``RECORD_COLUMNS``."""
    return (
        line.outcome,
        SIGNS[line.sign] if line.sign else "",
        line.source_account,
        line.record_type,
        line.source_id,
        line.kind,
        line.status,
        line.day,
        line.currency,
        line.amount,
        line.remaining,
        line.carried,
        line.target_account,
        line.type,
        line.target_id,
        line.code,
        line.reason,
        line.number,
        line.memo,
        line.mark,
        line.sends,
        "; ".join(f"{kind} {field}: {reason}" for field, kind, _, reason in line.losses),
        "; ".join(f"{amount} on {target}: {reason}" for target, amount, _, reason in line.dropped),
        "; ".join(f"{amount} on {target}" for target, amount in line.spent),
    )


class CsvRecords:
    """Takes records into ``records.csv``."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = Writer(file, RECORD_COLUMNS, spreadsheet=True)

    def take(self, line: RecordLine) -> None:
        """Write a record."""
        self._writer.row(record_row(line))

    def close(self) -> None:
        """Write what is left."""
        self._writer.flush()


class JsonRecords:
    """Takes records into JSON Lines."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def take(self, line: RecordLine) -> None:
        """Write a record."""
        write_json(self._file, "record", line.jsonable() | {"verified": SIGNS[line.sign] if line.sign else None})


def write_json(file: BinaryIO, figure: str, value: Mapping[str, object]) -> None:
    """Write one figure as a line of exact JSON."""
    file.write(dumps({"figure": figure, **value}) + b"\n")


def json_figures(file: BinaryIO, figures: Figures) -> None:
    """Write all figures but the records as JSON Lines; the line of the whole report comes first."""
    whole = {name: value for name, value in figures.jsonable().items() if name not in {"exceptions", "sample"}}
    lists = {name: whole.pop(name) for name in _LISTED}
    write_json(file, "report", whole)
    for name, items in lists.items():
        for item in items:  # type: ignore[attr-defined]  # the fields named above are lists
            write_json(file, _LISTED[name], item)


_LISTED: Final = {
    "money": "money",
    "accounts": "account",
    "totals": "source_account",
    "outcomes": "outcome",
    "reasons": "reason",
    "losses": "loss",
    "flows": "flow",
    "problems": "problem",
    "events": "event",
    "pace": "pace",
}


def csv_tables(figures: Figures) -> Iterator[tuple[str, Rows]]:
    """The tables beside the records: each a file's name and its rows, with the columns that ``TABLES`` has."""
    found = () if figures.verification is None else figures.verification.differences
    yield "report", _facts(figures)
    yield "money", ((*_of(line, TABLES["money"][:-1]), SIGNS[line.sign]) for line in figures.money)
    yield (
        "accounts",
        ((*_of(line, TABLES["accounts"][:-2]), SIGNS[line.sign], " ".join(line.sources)) for line in figures.accounts),
    )
    yield "source_accounts", (_of(line, TABLES["source_accounts"]) for line in figures.totals)
    yield (
        "outcomes",
        ((line.outcome, line.records, *money) for line in figures.outcomes for money in _each(line.money, line.charges)),
    )
    yield (
        "reasons",
        (
            (line.outcome, line.code, line.records, *money, line.sample)
            for line in figures.reasons
            for money in _each(line.money, line.charges)
        ),
    )
    yield "losses", (_of(line, TABLES["losses"]) for line in figures.losses)
    yield "differences", ((SIGNS[line.sign], *_of(line, TABLES["differences"][1:])) for line in found)
    yield "problems", (_of(line, TABLES["problems"]) for line in figures.problems)
    yield "timeline", ((line.kind, line.began, line.ended, line.text, _counted(line.counts)) for line in figures.events)


def _facts(figures: Figures) -> Rows:
    yield "verdict", figures.verdict.code
    yield "title", figures.verdict.title
    for sentence in figures.verdict.sentences:
        yield "sentence", sentence
    for name in ["called", "made_at", "version", "run", "hash", "fingerprint", "phase", "next", "planned_at", "records"]:
        yield name, getattr(figures, name)
    for side in ("source", "target"):
        yield side, getattr(figures, side).name
        yield f"{side}_identity", getattr(figures, side).identity
    for name, value in figures.planned_with:
        yield f"planned with {name}", value
    if figures.verification is not None:
        yield "verified_at", figures.verification.at
        yield "verification_is_stale", figures.verification.stale
        yield from ((f"verified_{SIGNS[sign]}", count) for sign, count in figures.verification.signs.items())
        yield "differences_named", len(figures.verification.differences)
    for note in figures.notes:
        yield "note", note


def _of(line: object, names: Iterable[str]) -> tuple[object, ...]:
    return tuple(getattr(line, name) for name in names)


def _each(credits: Mapping[str, Decimal], charges: Mapping[str, Decimal]) -> Sequence[tuple[str, str, Decimal | None]]:
    found = [(kind, *item) for kind, amounts in (("credit", credits), ("charge", charges)) for item in amounts.items()]
    return found or [("", "", None)]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {SIGNS.get(name, name)}" for name, count in counts.items())


Opened = Callable[[str], BinaryIO]


def csv_figures(opened: Opened, figures: Figures) -> None:
    """Write all figures but the records as CSV files.

    Args:
        opened: gives a file for a table's name.
        figures: what to write.
    """
    for name, rows in csv_tables(figures):
        writer = Writer(opened(name), TABLES[name], spreadsheet=True)
        for row in rows:
            writer.row(row)
        writer.flush()
