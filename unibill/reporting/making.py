"""Making a report: one reading of the run, every output from the same figures."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from unibill.copying.place import FilePlace, RunLike, locate
from unibill.copying.reports import open_run
from unibill.copying.summary import RunStatus, Tell
from unibill.errors import ConfigurationError
from unibill.outfiles import refuse_kept, replaced, written
from unibill.reporting.embedding import LIMIT, PackedRecords
from unibill.reporting.gathering import gather
from unibill.reporting.tables import RECORDS, TABLES, CsvRecords, JsonRecords, csv_figures, json_figures
from unibill.reporting.values import Figures, RecordLine


def figures(run: RunLike, progress: Tell | None = None) -> Figures:
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
    run: RunLike,
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
        ConfigurationError: a file cannot be written, two of them are one, or one would replace a run, a configuration, a map, or in the
            folder what is no such table.
    """
    for place in (out, jsonl):
        _refuse_run(run, place)
    if csv is not None:
        _refuse_others(Path(csv))
    _refuse_one_for_two(out, csv, jsonl)
    with ExitStack() as stack:
        with open_run(run) as opened:
            outputs: list[_Output] = []
            if out is not None:
                outputs.append(_Page(stack, out, opened.status(), records))
            if csv is not None:
                outputs.append(_CsvFolder(stack, Path(csv)))
            if jsonl is not None:
                outputs.append(_JsonLines(stack, jsonl))
            found = gather(opened, [output.take for output in outputs], progress)
        for output in outputs:
            output.finish(found)
        return found


_LONGEST_HEADER: Final = 4096


class _Output(Protocol):
    """One kind of output: it is given the records, then the figures."""

    def take(self, line: RecordLine) -> None: ...

    def finish(self, figures: Figures) -> None: ...


class _Page:
    def __init__(self, stack: ExitStack, out: Path | str, standing: RunStatus, limit: int) -> None:
        self._file = stack.enter_context(written(out))
        self._packed = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        self._records = PackedRecords(self._packed, standing, limit)
        self.take = self._records.take

    def finish(self, figures: Figures) -> None:
        from unibill.reporting.page import write_page

        self._records.close()
        self._packed.seek(0)
        write_page(self._file, figures, self._records, self._packed)


class _CsvFolder:
    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        _make_folder(folder)
        self._records = CsvRecords(self._opened(RECORDS))
        self.take = self._records.take

    def _opened(self, name: str) -> BinaryIO:
        # What is there is a table of an earlier report, of which one has the columns of a map.
        return self._stack.enter_context(replaced(self._folder / f"{name}.csv"))

    def finish(self, figures: Figures) -> None:
        self._records.close()
        csv_figures(self._opened, figures)


class _JsonLines:
    def __init__(self, stack: ExitStack, path: Path | str) -> None:
        self._file = stack.enter_context(written(path))
        self.take = JsonRecords(self._file).take

    def finish(self, figures: Figures) -> None:
        json_figures(self._file, figures)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: a file is there; give --csv another folder") from error
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror or error}") from error


def _refuse_run(run: RunLike, place: Path | str | None) -> None:
    """Refuse to write over the run that is read."""
    kept = locate(run)
    if place is None:
        return
    if isinstance(kept, FilePlace) and os.path.realpath(place) in {
        os.path.realpath(f"{kept.path}{end}") for end in ("", "-wal", "-shm", ".lock")
    }:
        raise ConfigurationError(f"the file {place} is the run itself; write the report somewhere else")
    refuse_kept(place)


def _refuse_one_for_two(out: Path | str | None, csv: Path | str | None, jsonl: Path | str | None) -> None:
    """Refuse to write two outputs into one file, of which only the last would be left."""
    tables = [] if csv is None else [Path(csv) / f"{name}.csv" for name in TABLES]
    seen: set[str] = set()
    for place in (out, jsonl, *tables):
        if place is None or (Path(place).exists() and not Path(place).is_file()):  # a pipe can be given twice
            continue
        real = os.path.realpath(place)
        if real in seen:
            raise ConfigurationError(f"the file {place} was given for two outputs; give each a file of its own")
        seen.add(real)


def _refuse_others(folder: Path) -> None:
    """Refuse to replace files that are no tables of an earlier report, such as a migration's own accounts.csv."""
    for name, columns in TABLES.items():
        place = folder / f"{name}.csv"
        if not place.is_file():
            continue
        try:
            with place.open("rb") as file:
                first = file.readline(_LONGEST_HEADER)
        except OSError as error:
            raise ConfigurationError(f"the file {place} cannot be read: {error.strerror or error}") from error
        if first.decode("utf-8-sig", "replace").rstrip("\r\n") != ",".join(columns):
            raise ConfigurationError(f"the file {place} is no table of an earlier report; give --csv another folder, or move it away")
