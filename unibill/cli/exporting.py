"""``unibill credits export`` and ``unibill charges export``: records as files for other programs."""

import io
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unibill.cli.options import Backend, Config

if TYPE_CHECKING:
    from unibill.model import Record


class FileFormat(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


FormatOption = Annotated[
    FileFormat | None,
    typer.Option("--format", help="csv, jsonl or parquet; left out, the ending of --out says it.", show_default=False),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="The file, readable by its owner only; left out, csv and jsonl are printed.", show_default=False
    ),
]


def export_credits(
    backend: Backend,
    format_: FormatOption = None,
    out: Out = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.", show_default=False)] = None,
    invoice: Annotated[str | None, typer.Option(help="Only those applied to this invoice, by its id.", show_default=False)] = None,
    *,
    reversed_too: Annotated[bool, typer.Option("--reversed", help="Undone credits too.")] = False,
    allocations: Annotated[
        bool, typer.Option("--allocations", help="Load what each was spent on and what remains; may take more requests.")
    ] = False,
    config: Config = None,
) -> None:
    """Export credits for pandas, polars, spreadsheets and other programs.

    Amounts are exact. In CSV a text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    from unibill.cli.backends import opened
    from unibill.model import Credit

    with opened(backend, config) as billing:
        found = billing.credits.list(account, invoice=invoice, include_reversed=reversed_too, allocations=allocations)
        _export(found, Credit, format_, out, "credits")


def export_charges(
    backend: Backend,
    format_: FormatOption = None,
    out: Out = None,
    account: Annotated[str | None, typer.Option(help="Of this account.", show_default=False)] = None,
    policy: Annotated[str | None, typer.Option(help="Of this policy.", show_default=False)] = None,
    transaction: Annotated[str | None, typer.Option(help="Of this transaction.", show_default=False)] = None,
    *,
    include_all: Annotated[bool, typer.Option("--all", help="Of a transaction: what the vendor adds when asked for all.")] = False,
    config: Config = None,
) -> None:
    """Export the charges of exactly one account, policy or transaction, as `unibill credits export` does credits."""
    from unibill.cli.backends import opened
    from unibill.model import Charge

    with opened(backend, config) as billing:
        found = billing.charges.list(account, policy=policy, transaction=transaction, include_all=include_all)
        _export(found, Charge, format_, out, "charges")


def _export(records: "Iterable[Record]", model: "type[Record]", chosen: FileFormat | None, out: Path | None, called: str) -> None:
    from unibill import exporting
    from unibill.cli.output import note
    from unibill.cli.progress import progress
    from unibill.showing import digits, show

    if out is not None:
        with progress(quiet=False) as tell:
            written = exporting.export(records, out, chosen.value if chosen else None, model=model, progress=tell)
        note(f"{digits(written.records)} {called} in {show(str(out))}")
        return
    if chosen is None or chosen is FileFormat.PARQUET:
        raise typer.BadParameter("give --out FILE, or --format csv or jsonl to print")
    exporting.write(records, _Printed(), exporting.Format(chosen.value), model=model)


class _Printed(io.BytesIO):
    """Standard output as a binary file: each block is printed as soon as it is written."""

    def write(self, data: object, /) -> int:
        text = bytes(data).decode() if isinstance(data, (bytes, bytearray, memoryview)) else str(data)
        sys.stdout.write(text.replace("\r\n", "\n"))
        return len(text)
