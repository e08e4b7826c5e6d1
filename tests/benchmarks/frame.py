"""What a benchmark is, and how one is run: every racer in turn, round after round, each time in a fresh process.

A racer is a command whose last line of output is one JSON object, a ``Lap``. What it computed is checked against the course's
``expected``: speed bought with wrong digits shows in the table, and of unibill it ends the run.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

ROOT: Final = Path(__file__).resolve().parents[2]
LATENCY: Final = 0.02
"""Seconds that an answer of a server that is far away takes, unless the command line says otherwise."""
_LONGEST_LAP: Final = 280


@dataclass(frozen=True, slots=True)
class Setup:
    """What the command line decides about every benchmark.

    Attributes:
        scale: times a benchmark's full size; 1 for what the docs print.
        cache: a folder that outlives the run, for virtual environments and pages.
        server_core: where servers run; None pins nothing.
        client_core: where racers run.
        rivals: whether those that need an environment of their own take part.
        latency: seconds that each answer of a server that is far away takes.
    """

    scale: float
    cache: Path
    server_core: int | None = None
    client_core: int | None = None
    rivals: bool = True
    latency: float = LATENCY

    def sized(self, full: int, least: int = 1) -> int:
        """A size, scaled."""
        return max(least, round(full * self.scale))

    def other_latency(self) -> list[str]:
        """A note for the table where answers take another time than its title says."""
        return [] if self.latency == LATENCY else [f"Each answer took {1000 * self.latency:g} ms here, not {1000 * LATENCY:g}."]


@dataclass(frozen=True, slots=True)
class Racer:
    """One command to be timed.

    Attributes:
        name: as in the table.
        command: a program and its arguments; it runs in the repository's root.
        ours: it is unibill, whose digits must be right.
        why_not: why it cannot run here; then the command is not run and the table says so.
        environment: added to the process's own.
    """

    name: str
    command: Sequence[str]
    ours: bool = False
    why_not: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Course:
    """Racers with their servers running.

    Attributes:
        expected: what a racer's ``check`` must be; empty where there is nothing to check.
        servers: process ids whose processor time is measured beside the racers'.
        notes: sentences for the table, such as a library's version.
        count: how many records a racer must have read; 0 where none are counted. One that read another number is not measured.
    """

    racers: Sequence[Racer]
    expected: str = ""
    servers: Callable[[], Sequence[int]] = field(default=list[int])
    notes: Sequence[str] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """What must be reached: a racer's median against a number, or against another racer's median."""

    racer: str
    bound: Literal["at least", "at most"]
    value: float
    times: str | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A question that is answered by measuring.

    Attributes:
        name: the word for the command line.
        title: the heading in the docs.
        says: what is measured and how, for the docs.
        unit: of the figure, such as ``records/s``.
        reference: the racer that ratios are against.
        course: starts the servers and gives the racers.
        decimals: of a figure in the table.
    """

    name: str
    title: str
    says: str
    unit: str
    reference: str
    course: Callable[[Setup], AbstractContextManager[Course]]
    targets: Sequence[Target] = ()
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Lap:
    """What one run of a racer printed.

    Attributes:
        figure: in the benchmark's unit.
        seconds: on the clock, of what was timed.
        cpu: the process's own processor seconds in that time.
        check: a digest of what was computed.
        count: of the records that were read.
        notes: anything else worth a column of its own, by name.
    """

    figure: float
    seconds: float
    cpu: float = 0.0
    check: str = ""
    count: int = 0
    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Standing:
    """A racer's laps."""

    racer: Racer
    laps: list[Lap] = field(default_factory=list[Lap])
    busy: list[float] = field(default_factory=list[float])
    exact: bool | None = None
    failure: str = ""

    @property
    def median(self) -> float:
        """Of the figures."""
        return median(lap.figure for lap in self.laps)


class Unfit(Exception):
    """A racer of ours failed or computed something wrong: the benchmark says nothing."""


def run(benchmark: Benchmark, setup: Setup, rounds: int, say: Callable[[str], None]) -> tuple[list[Standing], Sequence[str]]:
    """Run a benchmark.

    Returns:
        A standing for each racer, and the course's notes.

    Raises:
        Unfit: a racer of ours failed, or its digits are wrong.
    """
    with benchmark.course(setup) as course:
        standings = [Standing(racer, failure=racer.why_not) for racer in course.racers]
        for number in range(rounds):
            for standing in (one for one in standings if not one.failure):
                _lap(standing, course, setup)
                if standing.failure:
                    say(f"{benchmark.name}: {standing.racer.name}: {standing.failure}")
                else:
                    figure = f"{standing.laps[-1].figure:,.{benchmark.decimals}f} {benchmark.unit}"
                    say(f"{benchmark.name}, round {number + 1} of {rounds}: {standing.racer.name}: {figure}")
        return standings, course.notes


def _lap(standing: Standing, course: Course, setup: Setup) -> None:
    before = sum(map(_cpu_seconds, course.servers()))
    racer = standing.racer
    try:
        done = subprocess.run(  # noqa: S603 - the benchmarks' own commands
            pinned(racer.command, setup.client_core),
            cwd=ROOT,
            env={**os.environ, **racer.environment},
            capture_output=True,
            text=True,
            timeout=_LONGEST_LAP,
            check=False,
        )
        lap = Lap(**json.loads(done.stdout.strip().splitlines()[-1])) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError, TypeError, IndexError) as error:
        standing.failure = f"{type(error).__name__}: {error}"
        lap = None
    else:
        if lap is None:
            standing.failure = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        elif course.count and lap.count != course.count:
            standing.failure = f"read {lap.count:,} of {course.count:,} records"
            lap = None
    if lap is not None:
        standing.laps.append(lap)
        standing.busy.append((sum(map(_cpu_seconds, course.servers())) - before) / lap.seconds if lap.seconds else 0.0)
        if course.expected:
            standing.exact = lap.check == course.expected and standing.exact is not False
    if racer.ours and (standing.failure or standing.exact is False):
        raise Unfit(f"{racer.name}: {standing.failure or f'computed {lap.check if lap else None}, not {course.expected}'}")


def pinned(command: Sequence[str], core: int | None) -> list[str]:
    """A command, kept to one core where ``taskset`` is there to do it."""
    return ["taskset", "-c", str(core), *command] if core is not None and shutil.which("taskset") else list(command)


def module(name: str, *arguments: str, python: str = sys.executable) -> list[str]:
    """The command that runs a racer of ``tests.benchmarks.racers``."""
    return [python, "-m", f"tests.benchmarks.racers.{name}", *arguments]


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reached(benchmark: Benchmark, standings: Sequence[Standing]) -> Iterator[tuple[Target, float | None]]:
    """Each target with what was reached; None where it was not measured."""
    figures = {standing.racer.name: standing.median for standing in standings if standing.laps}
    for target in benchmark.targets:
        figure, other = figures.get(target.racer), figures.get(target.times or "", None)
        if figure is None or (target.times is not None and not other):
            yield target, None
        else:
            yield target, figure / other if other else figure
