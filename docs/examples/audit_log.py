"""An audit sink: one line of JSON for each write of the facade or of a run, in a file that is only ever appended to.

Hand it to a connection: ``unibill.connect("main", observers=[AuditLog(path)])``. To watch every connection, name an object of it in
your distribution's entry points, where the command line finds it too::

    [project.entry-points."unibill.observers"]
    audit = "our_billing.audit:log"
"""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from unibill import exactjson, hookimpl
from unibill.events import WriteSettled


class AuditLog:
    """Appends to a file that only its owner reads; a line is on disk when the write's caller goes on."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @hookimpl
    def unibill_write_settled(self, event: WriteSettled) -> None:
        """Note who was written to, what, and how it ended; ``unknown`` is the one to follow up."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **asdict(event)}
        os.write(self._file, exactjson.dumps(line) + b"\n")  # one call: lines of several threads and processes do not mix
        os.fsync(self._file)
