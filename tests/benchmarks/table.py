"""Results as tables for people, and their place in the docs page: one section a benchmark, between markers."""

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.frame import Benchmark, Standing, Target, reached


def table(benchmark: Benchmark, standings: Sequence[Standing], notes: Sequence[str], footer: str) -> str:
    """The section of a benchmark, as Markdown."""
    by_name = {standing.racer.name: standing for standing in standings}
    reference = by_name.get(benchmark.reference)
    base = reference.median if reference and reference.laps else None
    checked = any(standing.exact is not None for standing in standings)
    served = any(any(standing.busy) for standing in standings)
    extra = list(dict.fromkeys(name for standing in standings for lap in standing.laps for name in lap.notes))
    head = ["", benchmark.unit, f"× {benchmark.reference}", "least to most"]
    head += ["digits right"] * checked + ["server busy"] * served + extra
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for standing in standings:
        if standing.failure or not standing.laps:
            rows.append([standing.racer.name, f"not measured: {standing.failure}", *[""] * (len(head) - 2)])
            continue
        figures = sorted(lap.figure for lap in standing.laps)
        row = [standing.racer.name, _figure(standing.median, benchmark)]
        row += [f"{standing.median / base:.2f}" if base else "", f"{_figure(figures[0], benchmark)} to {_figure(figures[-1], benchmark)}"]
        row += [{True: "yes", False: "no", None: ""}[standing.exact]] * checked
        row += [f"{100 * sorted(standing.busy)[len(standing.busy) // 2]:.0f} %"] * served
        rows.append(row + [_said(standing, name) for name in extra])
    lines = [benchmark.says, "", *(f"| {' | '.join(row)} |" for row in rows), ""]
    lines += [f"- {_judged(target, value, benchmark)}" for target, value in reached(benchmark, standings)]
    lines += [f"- {note}" for note in notes]
    rounds = max((len(standing.laps) for standing in standings), default=0)
    lines += [f"- {'One round' if rounds == 1 else f'Medians of {rounds} rounds'}. {footer}"]
    return "\n".join(lines)


def _figure(value: float, benchmark: Benchmark) -> str:
    return f"{value:,.{benchmark.decimals}f}"


def _said(standing: Standing, name: str) -> str:
    """The median of numbers; of words, the last lap's."""
    said = [lap.notes.get(name, "") for lap in standing.laps]
    return f"{median(said):,.0f}" if all(isinstance(one, (int, float)) for one in said) else str(said[-1])


def _judged(target: Target, value: float | None, benchmark: Benchmark) -> str:
    against = f" × {target.times}" if target.times else f" {benchmark.unit}"
    wanted = f"{target.racer}: {target.bound} {target.value:g}{against}"
    if value is None:
        return f"{wanted}: not measured."
    good = value >= target.value if target.bound == "at least" else value <= target.value
    return f"{wanted}: {'reached' if good else 'not reached'}, {value:.3g}."


def write(page: Path, benchmark: Benchmark, section: str) -> None:
    """Put a section in its place in the page; a benchmark that the page does not know yet goes to its end."""
    put(page, benchmark.name, benchmark.title, section)


def put(page: Path, name: str, title: str, section: str) -> None:
    """Put a section between the markers of its name."""
    start, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    text = page.read_text(encoding="utf-8")
    block = f"{start}\n{section}\n{end}"
    known = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    new = known.sub(lambda _: block, text) if known.search(text) else f"{text.rstrip()}\n\n## {title}\n\n{block}\n"
    page.write_text(new, encoding="utf-8")
