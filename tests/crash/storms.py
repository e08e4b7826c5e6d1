"""Long and short histories of crashes: every named step once, random ones inside the limits of what is promised, and outside them."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.crash.harness import LATE, NO_KILL, POINTS, Figures, Kill, Trial, seeded
from tests.crash.processes import World, ended
from tests.crash.vendors import Row

TOO_LATE: Final = 1.0
"""Seconds after which an effect comes that nobody waits for any more."""
_BEFORE: Final = ("cut-before", "status-503", "status-429")
_AFTER: Final = ("cut-after", "html-error", "truncated-json", "late-effect")
_LISTS: Final = ("duplicate-records", "shuffled-records", "skipped-records", "status-503", "truncated-json", "cut-before", "status-429")


@dataclass(frozen=True)
class Seen:
    """What had changed at a kill since the process began.

    Attributes:
        unsettled: records whose writes the store does not know the end of.
        created: records that the store knows to be created.
        made: credits that the target had made.
        unknown: credits that the target has, all in all, beyond those of which the store has at least an intent.
    """

    unsettled: int
    created: int
    made: int
    unknown: int = 0


class Watched(Trial):
    """A trial that looks at the run store and at the target at each kill."""

    def __init__(self, world: World, direction: tuple[str, str], folder: Path, randomness: random.Random) -> None:
        super().__init__(world, direction, folder, randomness, accounts=16, each=2)  # a kill leaves an account behind
        self.seen: dict[str, Seen] = {}
        self._name = ""
        self._before = Seen(0, 0, 0)

    def step(self, name: str, kill: Kill, faults: Sequence[Row] = ()) -> None:
        """Apply, one account after the other, and kill."""
        self.land()
        self._name, self._before = name, self._now()
        self.apply(kill, faults, concurrency=1)

    def at_kill(self, kill: Kill) -> None:
        """Note what has changed."""
        del kill
        now, before = self._now(), self._before
        unknown = max(now.made - now.unsettled - now.created, 0)
        self.seen[self._name] = Seen(now.unsettled - before.unsettled, now.created - before.created, now.made - before.made, unknown)

    def _now(self) -> Seen:
        states = self.states()
        return Seen(states["sending"] + states["unknown"], states["created"], self.target.effects())


def steps(world: World, direction: tuple[str, str], folder: Path, seed: int) -> Watched:
    """Kill at every named step, one after the other in one run."""
    trial = Watched(world, direction, folder, seeded(seed))
    trial.plan()
    first, *others = trial.target.writes
    for point in POINTS:
        trial.step(point, Kill(point))
    for point in ("sent", "effect", "stored"):
        trial.step(point, Kill(point, route=first))
    # A Socotra source has only one credit that was spent, and that one is made by now.
    for route in others if direction[0] == "billagain" else ():
        for point in ("sent", "effect"):
            trial.step(f"{point} {route}", Kill(point, route=route))
    trial.step("lost", Kill("settling"), [{"kind": "cut-after", "route": first, "count": 1}])
    trial.finish()
    return trial


def inside(world: World, direction: tuple[str, str], folder: Path, seed: int, rounds: int = 6) -> Figures:
    """Random kills, faults, accidents and rollbacks inside the limits: late effects come within the settling time, applies do not overlap."""
    chance = seeded(seed)
    trial = Trial(world, direction, folder, chance)
    trial.plan()
    trial.keep_copy("old")
    whole = replaceable = True
    for _ in range(rounds):
        trial.apply(_kill(chance, trial), _faults(chance, trial, skips=whole))
        fate = chance.random()
        if fate < 0.1:
            trial.rollback(Kill("time", seconds=chance.uniform(0, 0.3)))
            # A file from before a rollback makes nothing any more, and Socotra keeps what was undone, which a new file cannot tell.
            trial.keep_copy("old")
            replaceable = trial.target.name == "billagain"
        elif fate < 0.22 and replaceable:
            trial.land()
            trial.lose()
            trial.plan()
            if trial.figures.rollbacks:  # a file that was rolled back makes nothing that another has made since, and says so
                trial.keep_copy("old")
            whole = False
        elif fate < 0.34:
            trial.land()
            trial.restore("old")
            whole = False
        elif fate < 0.6:
            trial.keep_copy("old")
    return trial.finish().figures


def _kill(chance: random.Random, trial: Trial) -> Kill:
    draw = chance.random()
    if draw < 0.4:
        return Kill(chance.choice(POINTS), chance.randint(1, 8))
    if draw < 0.65:
        return Kill(chance.choice(("sent", "effect")), chance.randint(1, 3), chance.choice(trial.target.writes))
    if draw < 0.92:
        return Kill("time", seconds=chance.uniform(0, 0.25))
    return NO_KILL


def _faults(chance: random.Random, trial: Trial, *, skips: bool) -> list[Row]:
    """One to four faults: on writes, before or after their effects, and on lists."""
    found: list[Row] = []
    for _ in range(chance.randint(1, 4)):
        draw = chance.random()
        once: Row = {"count": 1, "skip": chance.randint(0, 6)}
        if draw < 0.25:
            found.append({"kind": chance.choice(_BEFORE), "route": chance.choice(trial.target.writes), **once})
        elif draw < 0.6:
            found.append(_after(chance, chance.choice(trial.target.writes), once))
        else:
            kind = chance.choice([kind for kind in _LISTS if skips or kind != "skipped-records"])
            index: Row = {"index": chance.randint(0, 3)} if kind in {"duplicate-records", "skipped-records"} else {}
            found.append({"kind": kind, "route": chance.choice(trial.target.reads), **once, **index})
    return [{**fault, "retry_after": 0} if fault["kind"] == "status-429" else fault for fault in found]


def _after(chance: random.Random, route: str, once: Row) -> Row:
    """A fault that hides an effect."""
    kind = chance.choice(_AFTER)
    if kind == "late-effect":
        return {"kind": kind, "route": route, **once, "seconds": LATE, "answer": chance.choice(("cut", "status-502"))}
    return {"kind": kind, "route": route, **once, **({"effect": "done"} if kind == "html-error" else {})}


# Outside the limits


def too_late(trial: Trial, chance: random.Random) -> None:
    """Effects come after the settling time."""
    late: Row = {"kind": "late-effect", "route": trial.target.writes[0], "seconds": TOO_LATE, "answer": "cut"}
    trial.apply(NO_KILL, [{**late, "count": chance.randint(1, 3), "skip": chance.randint(0, 5)}], settle=0.0, waiting=False)
    trial.landing = time.monotonic() + TOO_LATE


def overlapping(trial: Trial, chance: random.Random) -> None:
    """Two run files of one migration are applied at once: the second looks while the writes of the first are under way."""
    second = trial.folder / "second.run"
    trial.plan(second)
    jobs = [trial.job("apply", run, settle=0, concurrency=len(trial.targets.accounts)) for run in (trial.run, second)]
    first, other = trial.world.forks
    slow: Row = {"kind": "latency", "route": trial.target.writes[0], "count": chance.randint(1, 3), "seconds": TOO_LATE}
    trial.world.target.faults([slow])
    first.start(jobs[0])
    trial.until(lambda: bool(trial.world.target.get("faults")[0]["used"]))
    other.start(jobs[1])
    for forks, job in zip((first, other), jobs, strict=True):
        trial.figures.applies += 1
        trial.hear(ended(forks, job).result)
    trial.world.target.faults([])


def lost_under_way(trial: Trial, chance: random.Random) -> None:
    """The store is lost while a write is under way, and another is made at once."""
    trial.apply(Kill("sent", chance.randint(1, 4), trial.target.writes[0], seconds=2 * TOO_LATE))
    trial.lose()
    trial.plan()
    trial.apply(waiting=False, settle=0)


def hidden(trial: Trial, chance: random.Random) -> None:
    """The store is an old copy, and the list of each account hides a credit that it does not know of."""
    trial.keep_copy("old")
    accounts = trial.targets.accounts
    trial.apply(Kill(chance.choice(("answered", "noted")), len(accounts), by_account=True))
    trial.land()
    trial.restore("old")
    before, _, after = trial.target.reads[0].rpartition("*")
    trial.apply(
        NO_KILL, [{"kind": "skipped-records", "route": f"{before}{account}{after}", "count": 1, "index": 0} for account in accounts]
    )


Breach = Callable[[Trial, random.Random], None]
OUTSIDE: Final[tuple[Breach, ...]] = (too_late, overlapping, lost_under_way, hidden)


def outside(world: World, direction: tuple[str, str], folder: Path, seed: int, how: Breach) -> Figures:
    """One breach of the limits; afterwards everything that is wrong must have been named."""
    chance = seeded(seed)
    trial = Trial(world, direction, folder, chance)
    trial.plan()
    how(trial, chance)
    return trial.finish().figures
