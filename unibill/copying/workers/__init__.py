"""One run, many workers: its accounts divided into parts, taken under leases, on any executor or none.

::

    from concurrent.futures import ProcessPoolExecutor
    from unibill.copying.workers import Backends, apply_on

    with ProcessPoolExecutor(4) as executor:
        applied = apply_on(executor, Backends("old", "new"), "postgresql://me@db/runs?run=cutover", ApplyOptions(expect=hash))

What is to be done stands in the run's database, never in the executor: a task that is lost, or run twice, or whose caller is
gone, changes nothing about what is done.
"""

from unibill.copying.workers.spreading import apply_on, ask_to_stop, plan_on, verify_on
from unibill.copying.workers.views import Spread, StageProgress, WorkerProgress, spread_of
from unibill.copying.workers.working import Backends, work

__all__ = [
    "Backends",
    "Spread",
    "StageProgress",
    "WorkerProgress",
    "apply_on",
    "ask_to_stop",
    "plan_on",
    "spread_of",
    "verify_on",
    "work",
]
