"""What ``--debug`` shows besides tracebacks: every request, on standard error."""

from unibill.cli.output import note
from unibill.events import RequestSettled
from unibill.hookspecs import hookimpl
from unibill.redact import clean
from unibill.showing import visible


class Exchanges:
    """An observer that tells of each try of a request. Bodies and headers are not told; secrets and card-like numbers are masked."""

    @hookimpl
    def unibill_request_settled(self, event: RequestSettled) -> None:
        """Tell of one."""
        ended = "no answer" if event.status is None else str(event.status)
        again = f", try {event.attempt}" if event.attempt > 1 else ""
        why = f": {event.error}" if event.error else ""
        line = f"{event.backend}: {event.method} {event.path} -> {ended} in {event.seconds * 1000:.0f} ms{again} ({event.operation}){why}"
        note(visible(clean(line)))
