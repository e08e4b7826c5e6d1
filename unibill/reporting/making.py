"""Making a report: one reading of the run, every output from the same figures."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from unibill.copying.reports import open_run
from unibill.copying.summary import Tell
from unibill.errors import ConfigurationError
from unibill.outfiles import written
from unibill.reporting.embedding import LIMIT, PackedRecords
from unibill.reporting.gathering import Take, gather
from unibill.reporting.tables import CsvRecords, JsonRecords, csv_figures, json_figures
from unibill.reporting.values import Figures


def figures(run: Path | str, progress: Tell | None = None) -> Figures:
    """Compute the figures of a run, as values.

    Args:
        run: the run store.
        progress: is told how far it is.

    Raises:
        RunStoreError: there is no run of this version, or its plan was not finished.
    """
    with open_run(run) as opened:
        return gather(opened, progress=progress)


def report(
    run: Path | str,
    out: Path | str | None = None,
    *,
    csv: Path | str | None = None,
    jsonl: Path | str | None = None,
    records: int = LIMIT,
    progress: Tell | None = None,
) -> Figures:
    """Report what a run did. Works on a run in any phase, also while another process works on it, and changes nothing.

    The files are readable by their owner only. Each takes its place when all are finished; before that, what stood there stays.

    Args:
        run: the run store.
        out: the page, one HTML file that needs nothing else.
        csv: a folder for the same figures as CSV files, one per table and ``records.csv``; it is made if need be.
        jsonl: a file for the same figures as JSON Lines.
        records: how many records the page holds at most; past that it holds the exceptions and an even sample of the others. The
            totals always count all of them, and CSV and JSON Lines always hold all of them.
        progress: is told how far it is.

    Returns:
        The figures.

    Raises:
        RunStoreError: there is no run of this version, or its plan was not finished.
        ConfigurationError: a file cannot be written, or would take the run's own place.
    """
    for place in (out, jsonl):
        _refuse_run(run, place)
    with ExitStack() as stack:
        with open_run(run) as opened:
            takers: list[Take] = []
            closing: list[CsvRecords | PackedRecords] = []
            packed = records_csv = lines = None
            if out is not None:
                page = stack.enter_context(written(out))
                pack = stack.enter_context(tempfile.TemporaryFile())
                packed = PackedRecords(pack, opened.status(), records)
                takers.append(packed.take)
                closing.append(packed)
            if csv is not None:
                folder = Path(csv)
                _make_folder(folder)
                records_csv = CsvRecords(stack.enter_context(written(folder / "records.csv")))
                takers.append(records_csv.take)
                closing.append(records_csv)
            if jsonl is not None:
                lines = stack.enter_context(written(jsonl))
                takers.append(JsonRecords(lines).take)
            found = gather(opened, takers, progress)
        for taker in closing:
            taker.close()
        if lines is not None:
            json_figures(lines, found)
        if csv is not None:
            csv_figures(lambda name: stack.enter_context(written(folder / f"{name}.csv")), found)
        if packed is not None:
            from unibill.reporting.page import write_page

            pack.seek(0)
            write_page(page, found, packed, pack)
        return found


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror or error}") from error


def _refuse_run(run: Path | str, place: Path | str | None) -> None:
    """Refuse to write over the run that is read."""
    if place is None or not Path(run).exists():
        return
    if Path(place).resolve() in {Path(f"{run}{end}").resolve() for end in ("", "-wal", "-shm", ".lock")}:
        raise ConfigurationError(f"{place} is the run itself; write the report somewhere else")
