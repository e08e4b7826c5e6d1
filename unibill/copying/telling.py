"""Telling how far a run is: to the caller, and to the observers of the target."""

from unibill.copying.summary import Progress, Tell
from unibill.facade import Billing


def telling(target: Billing, run: str, progress: Tell | None) -> Tell:
    """What tells both; called per block of records, in the calling thread."""

    def tell(now: Progress) -> None:
        target.core.progressed(run, now.phase, now.done, now.total)
        if progress is not None:
            progress(now)

    return tell
