"""Exports: credits and charges as files for pandas, polars, spreadsheets and other programs.

::

    from unibill.exporting import export

    with unibill.connect("old") as billing:
        export(billing.credits.list(allocations=True), "credits.parquet")

Amounts are exact in every format. Secrets and card-like numbers are masked, and files are readable by their owner only.

- **csv**: a row a record. A text that a spreadsheet would take for a formula has an apostrophe before it, and so has one that begins
  with an apostrophe: take one leading apostrophe off and the text is back (``column.str.replace("^'", "", regex=True)`` in pandas).
  Unseen characters are written out as escapes, so a record is one line. Allocations, findings and extra are JSON.
- **jsonl**: an object a line, the records as the library gives them; the other formats' columns are its fields.
- **parquet**: amounts are ``decimal128(38, 10)``, days ``date32``, moments UTC; allocations and findings are lists of structs, extra is
  JSON. Needs the extra ``unibill[export]``.
"""

from unibill.exporting.columns import Column, Kind, columns
from unibill.exporting.writing import Format, Summary, export, write

__all__ = ["Column", "Format", "Kind", "Summary", "columns", "export", "write"]
