"""``unibill report``: what a run did, as a page to sign and as figures for programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unibill.cli.options import Json, Run

if TYPE_CHECKING:
    from unibill.reporting import Figures

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="The page: one HTML file that needs nothing else, to read, print and sign.", show_default=False
    ),
]
Csv = Annotated[
    Path | None,
    typer.Option(
        "--csv", metavar="DIR", help="The same figures as CSV files in this folder, one per table, and every record.", show_default=False
    ),
]
Jsonl = Annotated[
    Path | None,
    typer.Option("--jsonl", metavar="FILE", help="The same figures as JSON Lines, and every record.", show_default=False),
]
Records = Annotated[
    int,
    typer.Option(
        "--records",
        metavar="N",
        min=0,
        help="Records in the page at most; past that it holds the exceptions and a sample. Totals always count all.",
    ),
]


def report(run: Run, out: Out = None, csv: Csv = None, jsonl: Jsonl = None, records: Records = 100_000, *, json: Json = False) -> None:
    """Say what a run did, as one page that can be signed.

    The verdict, the money per currency and account before and after, what was carried and what was not, what was lost, what
    verification found. Works in any phase of a run, also while it is applied, and changes nothing. The files are readable by their
    owner only.
    """
    from unibill import reporting
    from unibill.cli.output import json_lines
    from unibill.cli.progress import progress

    if out is None and csv is None and jsonl is None:
        raise typer.BadParameter("say where to: --out report.html for the page, --csv DIR or --jsonl FILE for the figures")
    with progress(json) as tell:
        figures = reporting.report(run, out, csv=csv, jsonl=jsonl, records=records, progress=tell)
    written = {name: str(place) for name, place in (("out", out), ("csv", csv), ("jsonl", jsonl)) if place is not None}
    if json:
        json_lines([{"written": written, "verdict": figures.verdict.jsonable(), "fingerprint": figures.fingerprint, "hash": figures.hash}])
    else:
        print_report(figures, written)


def print_report(figures: "Figures", written: dict[str, str]) -> None:
    """The verdict, and where the report is."""
    from unibill.cli.output import BOLD, GREEN, RED, YELLOW, fields, say
    from unibill.showing import show

    colours = {"good": GREEN, "careful": YELLOW, "bad": RED}
    say(figures.verdict.title, colours.get(figures.verdict.tone, BOLD) + BOLD)
    for sentence in figures.verdict.sentences:
        say(show(sentence))
    titles = {"out": "page", "csv": "CSV files", "jsonl": "JSON Lines"}
    fields([*((titles[name], show(place)) for name, place in written.items()), ("fingerprint", figures.fingerprint)])
