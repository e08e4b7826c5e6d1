"""Kills unibill while it copies credits, spoils what it is told, and judges by the books of the sandbox.

A ``Trial`` is one migration between two servers: it plans, applies as often as it takes, with kills and faults, and in the end
compares the target's books with what was put into the source. What unibill itself says counts for one thing only: outside the
limits within which it promises exactly one effect, whatever is wrong in the books must have been named by it.
"""

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from tests.crash.processes import Ended, Forks, World, ended
from tests.crash.vendors import VENDORS, Placed, Row, Standing, Vendor, Wanted

DIRECTIONS: Final = (("billagain", "socotra"), ("socotra", "billagain"), ("billagain", "billagain"), ("socotra", "socotra"))
LATE: Final = 0.25
"""Seconds after which a late effect comes."""
SETTLE: Final = 1.5
"""The settling time of applies that late effects may fall into; long, so that a busy machine does not break the limit."""
_PATIENCE: Final = 60.0
_TICK: Final = 0.002
_PASSAGE: Final = 0.05
"""Seconds that a request is under way if nothing holds it up."""
_MOST_APPLIES: Final = 6


@dataclass
class Figures:
    """What happened, in numbers.

    Attributes:
        applies: processes that were started to apply.
        kills: of them, those that were killed.
        faults: requests that a fault hit.
        accidents: run stores that were deleted or restored.
        rollbacks: rollbacks that came to their end.
        writes: credits that were made at the target, duplicates included.
        undone: of them, those that unibill took back.
        duplicates: credits that stand in the books beyond one for each planned one.
        missing: planned credits that do not stand there.
        misspent: allocations that are missing or too many.
        silent: credits that stand too often or not at all and that neither apply nor verify has named.
        alarms: trials whose books are right and whose last apply or verify says otherwise.
    """

    trials: int = 0
    planned: int = 0
    applies: int = 0
    kills: int = 0
    faults: int = 0
    accidents: int = 0
    rollbacks: int = 0
    writes: int = 0
    undone: int = 0
    duplicates: int = 0
    missing: int = 0
    misspent: int = 0
    silent: int = 0
    alarms: int = 0

    @property
    def repeated(self) -> int:
        """Credits of one trial that were made though they stood already; after a rollback they may be made again."""
        return max(self.writes - self.planned * (1 + self.rollbacks), 0)

    def add(self, other: "Figures") -> None:
        """Count another's in."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


def seeded(seed: int) -> random.Random:
    """Chance that repeats itself."""
    return random.Random(seed)  # noqa: S311 - repeatable, not secret


def table(rows: Mapping[str, Figures]) -> str:
    """Figures as lines of text."""
    names = [item.name for item in fields(next(iter(rows.values()), Figures()))]
    width = max([len(name) for name in rows] + [3])
    lines = [" " * width + "".join(f"{name:>12}" for name in names)]
    lines += [f"{name:<{width}}" + "".join(f"{getattr(figures, item):>12}" for item in names) for name, figures in rows.items()]
    return "\n".join(lines)


# Kills


@dataclass(frozen=True)
class Kill:
    """When a process is killed.

    Attributes:
        point: one of the worker's points; ``sent`` (a write has left and has no effect yet), ``effect`` (it has had its effect and
            its answer is on the way), ``stored`` (an outcome is in the run store), ``time``, or an empty text: not at all.
        nth: the how manieth time.
        route: of the write, for ``sent`` and ``effect``.
        seconds: until the kill, for ``time``; how long a request is held up, for ``sent`` and ``stored``.
        by_account: whether only the first time in each account counts, for the worker's points.
    """

    point: str = ""
    nth: int = 1
    route: str = ""
    seconds: float = LATE
    by_account: bool = False

    @property
    def under_way(self) -> float:
        """How long after the kill an effect may come."""
        return self.seconds if self.point in {"sent", "stored"} else _PASSAGE

    def fault(self) -> list[Row]:
        """The fault that keeps the process where it shall be killed."""
        if self.point == "sent":
            return [{"kind": "latency", "route": self.route, "skip": self.nth - 1, "count": 1, "seconds": self.seconds}]
        if self.point == "stored":
            return [{"kind": "latency", "route": self.route, "skip": 1, "count": 1, "seconds": self.seconds}]
        if self.point == "effect":
            return [{"kind": "slow-body", "route": self.route, "skip": self.nth - 1, "count": 1, "seconds": 0.5}]
        return []


POINTS: Final = ("begun", "intent", "answered", "noted", "outcome")
"""The worker's points that every apply with something to create comes to."""
_SEEN: Final = frozenset({"sent", "effect", "stored", "time"})
"""What the harness sees from outside."""
NO_KILL: Final = Kill()


# Trials


class Trial:
    """One migration.

    Args:
        world: its servers are emptied first.
        direction: the vendors' names.
        folder: for run stores.
        randomness: chooses amounts.
        accounts: how many.
        each: credits of an account.
    """

    def __init__(
        self, world: World, direction: tuple[str, str], folder: Path, randomness: random.Random, accounts: int = 3, each: int = 4
    ) -> None:
        self.world = world
        self.random = randomness
        self.figures = Figures(trials=1)
        self.source: Vendor = VENDORS[direction[0]](world.source)
        self.target: Vendor = VENDORS[direction[1]](world.target)
        self.folder = folder
        self.run = folder / "crash.run"
        self.named: list[tuple[str, str]] = []
        self.landing = 0.0
        for server in (world.source, world.target):
            server.reset()
        self.wanted = _wanted(randomness, direction[0], accounts, each)
        self.carry = "history"
        self.sources: Placed = self.source.place(accounts, "source")
        self.targets: Placed = self.target.place(accounts, "target")
        self.source.fill(self.sources, self.wanted)
        self.figures.planned = len(self.wanted)
        self._jobs = 0

    # Jobs

    def job(self, do: str, run: Path | None = None, **more: Any) -> Row:  # noqa: ANN401 - JSON
        """What a process shall do."""
        self._jobs += 1
        return {
            "do": do,
            "run": str(run or self.run),
            "source": self.source.settings(),
            "target": self.target.settings(),
            "accounts": dict(zip(self.sources.accounts, self.targets.accounts, strict=True)),
            "invoices": dict(zip(self.sources.invoices, self.targets.invoices, strict=True)),
            "carry": self.carry,
            "result": str(self.folder / f"result-{self._jobs}.json"),
            **more,
        }

    def plan(self, run: Path | None = None) -> Row:
        """Plan, undisturbed."""
        ended = self._do(self.job("plan", run))
        assert ended.status in {0, 1}, f"plan ended with {ended.status}: {ended.result}"
        return ended.result

    def verify(self, run: Path | None = None) -> Row:
        """Verify, undisturbed, and take down what it names."""
        ended = self._do(self.job("verify", run))
        self.hear(ended.result)
        return ended.result

    def rollback(self, kill: Kill = NO_KILL) -> Row:
        """Roll back, perhaps killed on the way, until it has come to its end."""
        self.land()
        self.world.target.faults(kill.fault())
        ended = self._do(self.job("rollback"), kill)
        self._count_faults()
        for _ in range(_MOST_APPLIES):
            if not ended.killed:
                break
            self.figures.kills += 1
            self.land()
            ended = self._do(self.job("rollback"))
        self.figures.rollbacks += 1
        return ended.result

    def apply(self, kill: Kill = NO_KILL, faults: Sequence[Row] = (), *, waits: bool = False, **more: Any) -> Ended:  # noqa: ANN401 - JSON
        """Apply, with a kill and faults at the target.

        Args:
            kill: when.
            faults: at the target.
            waits: whether it waits for late effects; without, nothing in it takes time.
            more: for the job.
        """
        waits = waits or time.monotonic() < self.landing or any(fault["kind"] == "late-effect" for fault in faults)
        self.world.target.faults([*kill.fault(), *faults])
        job = self.job("apply", **{"waiting": waits, "settle": SETTLE if waits else 0, **more})
        if kill.point not in {"", *_SEEN}:
            job["hold"] = [kill.point, kill.nth, False, kill.by_account]
        ended = self._do(job, kill)
        self._count_faults()
        self.figures.applies += 1
        self.figures.kills += ended.killed
        self.figures.undone += ended.result.get("undone", 0)
        self.hear(ended.result)
        return ended

    def _do(self, job: Row, kill: Kill = NO_KILL) -> Ended:
        forks = self.world.forks[0]
        before = self._slow_answers(), self.states()["created"] if kill.point == "stored" else 0
        forks.start(job)
        if kill.point:
            self._kill(forks, kill, *before)
        return ended(forks, job)

    def _kill(self, forks: Forks, kill: Kill, answered: int, made: int) -> None:
        """Kill when the time has come; the process may have ended before that."""
        limit = time.monotonic() + (kill.seconds if kill.point == "time" else _PATIENCE)
        while forks.ended is None and not forks.held and time.monotonic() < limit:
            if kill.point == "sent" and self.world.target.get("faults")[0]["used"]:
                break
            if kill.point == "effect" and self._slow_answers() > answered:
                break
            if kill.point == "stored" and self.states()["created"] > made:
                break
            forks.listen(_TICK if kill.point in _SEEN else 1.0)
        if forks.ended is None:
            self.at_kill(kill)
            self.landing = max(self.landing, time.monotonic() + kill.under_way)
            forks.kill()

    def _slow_answers(self) -> int:
        return sum(entry["fault"] == "slow-body" for entry in self.world.target.get("requests"))

    def at_kill(self, kill: Kill) -> None:
        """Called before a kill, for those who want to look."""

    @staticmethod
    def until(holds: Callable[[], bool]) -> None:
        """Wait for something that is bound to come."""
        limit = time.monotonic() + _PATIENCE
        while not holds():
            assert time.monotonic() < limit, "what was waited for did not come"
            time.sleep(_TICK)

    def hear(self, result: Row) -> None:
        """Take down what a result names."""
        for line in (*result.get("problems", ()), *result.get("differences", ())):
            self.named.append((line["source_id"], line["target_id"]))

    def _count_faults(self) -> None:
        report = self.world.target.get("faults")
        self.figures.faults += sum(fault["used"] for fault in report)
        if any(fault["kind"] == "late-effect" and fault["used"] for fault in report):
            self.landing = max(self.landing, time.monotonic() + LATE)
        self.world.target.faults([])

    # The run store

    def keep_copy(self, name: str) -> None:
        """Keep a copy of the run store, with what lies beside it."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for path in self.folder.glob(self.run.name + "*"):
            shutil.copy2(path, place / path.name)

    def lose(self) -> None:
        """Delete the run store."""
        self.figures.accidents += 1
        for path in self.folder.glob(self.run.name + "*"):
            path.unlink()

    def restore(self, name: str) -> None:
        """Put an old copy in the run store's place."""
        self.lose()
        for path in (self.folder / name).iterdir():
            shutil.copy2(path, self.folder / path.name)

    def states(self) -> Counter[str]:
        """How many records are in each state, read beside the process that writes them."""
        with closing(sqlite3.connect(f"file:{self.run}?mode=ro", uri=True)) as store:
            return Counter(row[0] for row in store.execute("SELECT state FROM records WHERE state <> ''"))

    # Ends

    def land(self) -> None:
        """Wait until every effect that is under way has come."""
        while (left := self.landing + _PASSAGE - time.monotonic()) > 0:
            time.sleep(left)

    def finish(self) -> Self:
        """Apply undisturbed until nothing is left to do, verify, and judge by the books."""
        self.land()
        applied, problems = 1, None
        for _ in range(_MOST_APPLIES):
            done = self.apply()
            applied = done.status
            if applied == 0 or done.result["problems"] == problems:
                break
            problems = done.result["problems"]
        verified = self.verify()["exit_status"]
        self.judge()
        figures = self.figures
        right = not (figures.duplicates or figures.missing or figures.misspent)
        figures.alarms = int(right and bool(applied or verified))
        figures.silent += int(not right and not verified)
        return self

    def judge(self) -> Self:
        """Compare the target's books with what was put into the source."""
        standing = self.target.standing()
        places = self.targets.accounts
        expected = Counter((places[credit.account], credit.amount) for credit in self.wanted)
        found = Counter((copy.account, copy.amount) for copy in standing.copies)
        uses = Counter((self.targets.invoices[credit.account], part) for credit in self.wanted for part in credit.spent)
        # What undoing a credit moves between the invoices of charges is not spent on anything.
        spent = Counter(use for use in standing.spent if use[0] in self.targets.invoices)
        figures = self.figures
        figures.duplicates = (found - expected).total()
        figures.missing = (expected - found).total()
        figures.misspent = (uses - spent).total() + (spent - uses).total()
        figures.writes = self.target.effects()
        wrong = {*(found - expected), *(expected - found)}
        figures.silent = sum(not self._is_named(place, amount, standing) for place, amount in wrong)
        return self

    def _is_named(self, account: str, amount: Decimal, standing: Standing) -> bool:
        """Whether unibill has named a credit, or all but one of its copies."""
        planned = [i for i, credit in enumerate(self.wanted) if (self.targets.accounts[credit.account], credit.amount) == (account, amount)]
        copies = [copy.id for copy in standing.copies if (copy.account, copy.amount) == (account, amount)]
        by_source = any(source == self.sources.credits[i] for i in planned for source, _ in self.named)
        by_copy = sum(any(self.target.same(target, copy) for _, target in self.named) for copy in copies)
        return by_source or bool(by_copy) and by_copy >= len(copies) - len(planned)


def _wanted(randomness: random.Random, source: str, accounts: int, each: int) -> list[Wanted]:
    """Credits whose amounts, and the amounts of whose allocations, are all different."""
    numbers = randomness.sample(range(1, 3000), accounts * each * 3)
    wanted: list[Wanted] = []
    for account in range(accounts):
        # Socotra does not tell which of several credits of an account was spent.
        alone = source == "socotra" and account == 0
        for place in range(1 if alone else each):
            parts = 2 if alone else 0 if source == "socotra" else place % 3
            spent = tuple(Decimal(numbers.pop()) / 100 for _ in range(parts))
            taken = {credit.amount for credit in wanted}
            amounts = (sum(spent, Decimal(100)) + Decimal(number) / 100 for number in iter(numbers.pop, None))
            wanted.append(Wanted(account, next(amount for amount in amounts if amount not in taken), spent))
    return wanted
