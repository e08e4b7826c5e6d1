"""Several real worker processes at one run in a database: killed, stopped for longer than their leases last, and replaced."""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from tests.crash.harness import LATE, SETTLE, Figures, Kill, Trial, seeded
from tests.crash.processes import Forks, World, ended
from tests.crash.vendors import Row
from unibill.copying.schema import parts, records
from unibill.copying.store import RunStore

LEASE: Final = 1.0
"""Seconds; short, so that a part is soon taken over."""
_MOST_ROUNDS: Final = 12
_AFTER: Final = ("cut-after", "cut-before", "html-error", "late-effect", "status-503", "status-429")


@dataclass
class Shared(Figures):
    """What happened, with what only several workers meet.

    Attributes:
        workers: processes that were started to work on parts.
        frozen: of them, those that were stopped for longer than a lease and then let go on.
        taken_over: parts that were held more than once.
    """

    workers: int = 0
    frozen: int = 0
    taken_over: int = 0


class ClusterTrial(Trial):
    """One migration, applied by two worker processes at a time.

    Args:
        world: as of ``Trial``.
        direction: as of ``Trial``.
        folder: as of ``Trial``.
        run: the address of the run.
        seed: of chance.
        accounts: how many.
        each: credits of an account.
    """

    def __init__(
        self, world: World, direction: tuple[str, str], folder: Path, run: str, seed: int, accounts: int = 6, each: int = 3
    ) -> None:
        super().__init__(world, direction, folder, seeded(seed), accounts, each)
        self.address = run
        self.figures: Shared = Shared(trials=1, planned=len(self.wanted))

    def job(self, do: str, run: Path | None = None, **more: Any) -> Row:  # noqa: ANN401 - JSON
        """What a process shall do, at the run in the database."""
        return {**super().job(do, run, **more), "run": self.address}

    def lay_out(self) -> None:
        """Divide what is open into parts; a lease that nobody renews any more is waited for."""
        done = self._do(self.job("lay out", settle=SETTLE))
        assert done.status == 0, done.result

    def round(self) -> None:
        """Two workers at once, each of which is killed, or frozen for longer than its lease, or left alone."""
        self.world.target.faults(self._disturbances())
        self._jobs_now = [self._start(forks) for forks in self.world.forks]
        for forks in self.world.forks:
            self._trouble(forks)
        for forks, job in zip(self.world.forks, self._jobs_now, strict=True):
            how = ended(forks, job)
            self.figures.kills += how.killed
        self._count_faults()

    def _start(self, forks: Forks) -> Row:
        job = self.job("work", waiting=True, settle=SETTLE)
        forks.start(job)
        self.figures.workers += 1
        return job

    def _disturbances(self) -> list[Row]:
        if self.random.random() < 0.4:
            return []
        kind = self.random.choice(_AFTER)
        own: dict[str, Row] = {"late-effect": {"seconds": LATE}, "html-error": {"effect": "done"}}
        more = own.get(kind, {})
        return [{"kind": kind, "route": self.random.choice(self.target.writes), "skip": self.random.randrange(4), "count": 1, **more}]

    def _trouble(self, forks: Forks) -> None:
        draw = self.random.random()
        if draw < 0.2:
            return
        self._pass(forks, self.random.uniform(0.05, 0.8))
        if forks.ended is not None:
            return
        if draw < 0.7:
            self.landing = max(self.landing, time.monotonic() + Kill("time").under_way)
            forks.kill()
            return
        self.figures.frozen += 1
        os.kill(forks.pid, signal.SIGSTOP)
        time.sleep(LEASE * 1.5)
        os.kill(forks.pid, signal.SIGCONT)

    @staticmethod
    def _pass(forks: Forks, seconds: float) -> None:
        limit = time.monotonic() + seconds
        while forks.ended is None and (left := limit - time.monotonic()) > 0:
            forks.listen(left)

    def is_done(self) -> bool:
        """Whether every part is."""
        with RunStore(self.address) as store:
            self.figures.taken_over = max(
                self.figures.taken_over,
                store.count(select(func.count()).select_from(parts).where(parts.c.stage == "apply", parts.c.epoch > 1)),
            )
            return not store.count(select(func.count()).select_from(parts).where(parts.c.stage != "run", parts.c.state == "open"))

    def states(self) -> Counter[str]:
        """How many records are in each state."""
        with RunStore(self.address) as store:
            rows = store.rows(select(records.c.state, func.count().label("count")).group_by(records.c.state))
        return Counter({row["state"]: row["count"] for row in rows})


def storm(world: World, direction: tuple[str, str], folder: Path, run: str, seed: int) -> Shared:
    """Workers in trouble until every part is done, then one undisturbed apply, a verification, and the books."""
    trial = ClusterTrial(world, direction, folder, run, seed)
    trial.plan()
    trial.lay_out()
    for _ in range(_MOST_ROUNDS):
        trial.round()
        if trial.is_done():
            break
    trial.finish()
    return trial.figures
