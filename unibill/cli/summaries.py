"""What a run has to say, for people."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from shlex import quote
from typing import TYPE_CHECKING, Final

from unibill.cli.output import DIM, GREEN, RED, YELLOW, Column, amount_of, command, fields, heading, say, table
from unibill.showing import show

if TYPE_CHECKING:
    from unibill.copying.summary import ApplySummary, PlanSummary, Problem, RollbackSummary, RunStatus, Verification

TOP: Final = 12
"""Rows of a table of accounts before "N more"."""


def question(standing: "RunStatus", target: str) -> str:
    """What apply is about to do, as a question without its mark."""
    created = standing.counts.get("create", 0) - standing.states.get("created", 0)
    return f"Create {created} credits at {target}"


def print_plan(plan: "PlanSummary", *, then: bool = True) -> None:
    """A plan; ``then``: with the command that comes next."""
    heading(f"Plan: {show(plan.source)} to {show(plan.target)}, carrying {plan.carry}")
    table(
        (Column("decision"), Column("credits", right=True), Column("why", least=30, wrap=True)),
        [(decision, str(count), _why(plan, decision)) for decision, count in plan.counts.items() if count],
        empty="no credits were found",
    )
    reasons = [
        (reason.decision, str(reason.count), show(reason.sample))
        for reason in plan.reasons
        if reason.decision in {"skip", "blocked", "conflict"}
    ]
    if reasons:
        heading("Not carried")
        table((Column("decision"), Column("credits", right=True), Column("because", least=30, wrap=True)), reasons)
    losses = [(show(loss.field), loss.kind, str(loss.count), show(loss.reason)) for loss in plan.losses]
    if losses:
        heading("Not everything about a credit arrives")
        because = Column("because", least=24, wrap=True)
        table((Column("field", least=12), Column("kind"), Column("credits", right=True), because), losses)
    if plan.totals:
        heading("Per account and currency")
        columns = (
            Column("account", lift=True),
            Column("becomes", lift=True),
            Column("cur"),
            Column("credits", right=True, drop=1),
            Column("remaining", right=True),
            Column("there after", right=True),
            Column("held", right=True),
        )
        rows = [
            (
                show(total.account),
                show(total.target_account) or "not mapped",
                show(total.currency),
                str(total.records),
                amount_of(total.remaining, total.currency),
                amount_of(total.carried, total.currency),
                amount_of(total.held, total.currency),
            )
            for total in plan.totals
        ]
        table(columns, rows[:TOP])
        more(len(rows))
    for text in plan.notes:
        say(f"Note: {show(text)}", YELLOW)
    for text in plan.stopped_by:
        say(f"Guard: {show(text)}", RED)
    say()
    say(f"To be created: {money(plan.money)}")
    fields([("run file", show(plan.run)), ("hash", plan.hash)])
    if plan.stopped_by and then:
        say("Nothing was written. Apply refuses this plan until the guards named above are raised, or --yes is given.", DIM)
    elif plan.counts.get("create", 0) and then:
        say("Nothing was written yet. When the plan is signed off:", DIM)
        command(f"unibill apply --run {quote(show(plan.run))} --expect {plan.hash}", DIM)


def _why(plan: "PlanSummary", decision: str) -> str:
    codes = [f"{reason.count} {reason.code}" for reason in plan.reasons if reason.decision == decision and reason.code]
    return show(", ".join(codes))


def print_apply(applied: "ApplySummary") -> None:
    """An apply."""
    heading("Applied" if not (applied.interrupted or applied.stopped) else "Stopped")
    fields((show(state), str(count)) for state, count in applied.counts.items() if count and state)
    say(f"Created by this run so far: {money(applied.money)}")
    if applied.undone:
        say(f"{applied.undone} surplus copies of this run were taken back.", YELLOW)
    print_problems(applied.problems)
    if applied.canary is not None:
        print_verification(applied.canary)
    if applied.interrupted:
        say("Interrupted. The same command goes on where this one ended.", YELLOW)
    elif applied.stopped:
        say(f"Stopped: {show(applied.stopped)}", RED)


def print_problems(problems: "Iterable[Problem]") -> None:
    """Records that need a look."""
    rows = [
        (problem.what, show(problem.account), show(problem.source_id), show(problem.target_id), show(problem.reason))
        for problem in problems
    ]
    if not rows:
        return
    columns = (
        Column("what"),
        Column("account", drop=1),
        Column("source", lift=True),
        Column("target", lift=True),
        Column("because", least=20, wrap=True),
    )
    table(columns, rows[: TOP * 2])
    more(len(rows), TOP * 2)


def print_verification(proof: "Verification") -> None:
    """A verification."""
    heading("Verified from fresh reads of both sides")
    names = {"=": "same", "-": "missing", "+": "extra", "*": "differs", "!": "unreadable"}
    fields((sign, f"{count} {names.get(sign, '')}") for sign, count in proof.signs.items() if count)
    if proof.differences:
        columns = (
            Column(""),
            Column("what", least=10),
            Column("account", drop=1),
            Column("source", lift=True),
            Column("target", lift=True),
            Column("because", least=20, wrap=True),
        )
        rows = [
            (item.sign, show(item.code), show(item.account), show(item.source_id), show(item.target_id), show(item.reason))
            for item in proof.differences
        ]
        table(columns, rows[: TOP * 2])
        more(len(rows), TOP * 2)
    if proof.conservation:
        say()
        columns = (
            Column("account", lift=True),
            Column("cur"),
            Column("before", right=True),
            Column("+ carried", right=True),
            Column("= after", right=True),
            Column(""),
        )
        lines = sorted(proof.conservation, key=lambda line: line.sign == "=")
        rows = [
            (
                show(line.account),
                show(line.currency),
                amount_of(line.before, line.currency),
                amount_of(line.carried, line.currency),
                amount_of(line.after, line.currency) or "?",
                line.sign,
            )
            for line in lines
        ]
        table(columns, rows[:TOP])
        more(len(rows))
    if proof.exit_status:
        say("The two sides do not agree.", RED)
    else:
        say("The two sides agree: what the target gained is what was carried.", GREEN)


def print_rollback(undone: "RollbackSummary") -> None:
    """A rollback."""
    heading("Rolled back" if not undone.interrupted else "Stopped")
    say(f"{undone.undone} credits were undone: {money(undone.money)}")
    if undone.remains:
        say("These remain:", YELLOW)
        print_problems(undone.remains)
    if undone.traces:
        say(f"The vendor keeps traces of {len(undone.traces)} of them, such as a charge and its reversal.", DIM)
    say(f"Of this run there still stands: {money(undone.net)}")
    if undone.interrupted:
        say("Interrupted. The same command goes on where this one ended.", YELLOW)


def print_status(standing: "RunStatus") -> None:
    """Where a run stands."""
    say(f"{show(standing.run)}: {standing.phase}")
    fields(
        [
            ("copies", f"{show(standing.source)} to {show(standing.target)}"),
            ("plan", counted(standing.counts)),
            ("so far", counted(standing.states)),
            ("hash", standing.hash),
            ("next", show(standing.next)),
        ]
    )


def counted(counts: Mapping[str, int]) -> str:
    """``12 create, 3 skip``."""
    return ", ".join(f"{count} {show(name)}" for name, count in counts.items() if count and name) or "nothing"


def money(amounts: Mapping[str, Decimal]) -> str:
    """``120.00 USD, 3000 JPY``; currencies are never added up."""
    return (
        ", ".join(f"{amount_of(amount, currency)} {show(currency)}" for currency, amount in sorted(amounts.items()) if amount) or "nothing"
    )


def more(rows: int, shown: int = TOP) -> None:
    """Say how many rows are not shown."""
    if rows > shown:
        say(f"... {rows - shown} more; --json has them all", DIM)
