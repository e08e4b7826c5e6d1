"""What a run has to say, for people."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from shlex import quote
from typing import TYPE_CHECKING, Final

from unibill.cli.output import DIM, GREEN, RED, YELLOW, Column, amount_of, ask, command, fields, heading, note, say, table
from unibill.showing import show

if TYPE_CHECKING:
    from unibill.copying.summary import ApplySummary, Pending, PlanSummary, Problem, RollbackSummary, RunStatus, Verification

TOP: Final = 12
"""Rows of a table of accounts before "N more"."""


def agreed_to_apply(run: str, target: str, *, yes: bool, only: str | None = None, canary: int | None = None) -> bool:
    """Ask before an apply; where nothing is left to do, say so instead.

    Args:
        run: where it is kept.
        target: the target's name, as it may be shown.
        yes: the answer was given on the command line.
        only: take up ``failed`` records only, or ``unknown`` ones.
        canary: create only so many.
    """
    from unibill.copying import open_run
    from unibill.copying.outline import TAKEN_UP

    with open_run(run) as opened:
        standing = opened.status()
        if not any(standing.states.get(state, 0) for state in TAKEN_UP[only]):
            if standing.hash:  # without one the plan is not finished, which the library says
                note(f"There is nothing to create at {target}.", DIM)
            return True
        if yes:  # nobody reads the sums, and a long run takes a while to add up
            return True
        pending = opened.pending(only, canary)
    if not (pending.create or pending.unknown or pending.look):
        note(f"There is nothing for a canary at {target}: what is left is of unknown outcome.", DIM)
        return True
    return ask(_question(pending, target), yes=yes)


def _question(pending: "Pending", target: str) -> str:
    """What an apply is about to do, without a question mark."""
    from unibill.copying.summary import many, noun_of

    noun = noun_of(charges=pending.has_charges)
    amounts = both(pending.money, pending.charges)
    if pending.create:
        unsure = f", {pending.unknown} more if not found there" if pending.unknown else ""
        return f"Create {many(pending.create, noun)} at {target}{unsure} ({amounts})"
    if pending.unknown:
        return f"Look for {many(pending.unknown, noun)} of unknown outcome at {target}, and create what is not there ({amounts})"
    return f"Nothing is to be created. Look at {many(pending.look, noun)} already at {target}"


def agreed_to_rollback(standing: "RunStatus", target: str, *, yes: bool) -> bool:
    """Ask before a rollback; where this run made nothing that stands, say so instead.

    Args:
        standing: where the run stands.
        target: the target's name, as it may be shown.
        yes: the answer was given on the command line.
    """
    from unibill.copying.decisions import BEGUN
    from unibill.copying.summary import many

    if not any(standing.states.get(state, 0) for state in BEGUN):
        if standing.hash:  # the same
            note(f"There is nothing to undo at {target}.", DIM)
        return True
    if made := standing.states.get("created", 0):
        return ask(f"Undo {many(made, standing.noun)} that this run made at {target}", yes=yes)
    return ask(f"Look for what this run may have made at {target}, and undo it", yes=yes)


def print_plan(plan: "PlanSummary", *, then: bool = True) -> None:
    """A plan; ``then``: with the command that comes next."""
    heading(f"Plan: {show(plan.source)} to {show(plan.target)}, carrying {plan.carry}")
    table(
        (Column("decision"), Column(plan.noun, right=True), Column("why", least=30, wrap=True)),
        [(decision, str(count), _why(plan, decision)) for decision, count in plan.counts.items() if count],
        empty=f"no {plan.noun} were found",
    )
    reasons = [
        (reason.decision, str(reason.count), show(reason.sample))
        for reason in plan.reasons
        if reason.decision in {"skip", "blocked", "conflict"}
    ]
    if reasons:
        heading("Not carried")
        table((Column("decision"), Column(plan.noun, right=True), Column("because", least=30, wrap=True)), reasons)
    losses = [(show(loss.field), loss.kind, str(loss.count), show(loss.reason)) for loss in plan.losses]
    if losses:
        heading(f"Not everything about a {plan.noun.removesuffix('s')} arrives")
        because = Column("because", least=24, wrap=True)
        table((Column("field", least=12), Column("kind"), Column(plan.noun, right=True), because), losses)
    if plan.totals:
        heading("Per account and currency")
        of = _of(total.record_type for total in plan.totals)
        columns = (
            Column("account", lift=True),
            Column("becomes", lift=True),
            *of,
            Column("cur"),
            Column(plan.noun, right=True, drop=1),
            Column("remaining", right=True),
            Column("there after", right=True),
            Column("held", right=True),
        )
        rows = [
            (
                show(total.account),
                show(total.target_account) or "not mapped",
                *((f"{total.record_type}s",) if of else ()),
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
    say(f"To be created: {both(plan.money, plan.charges)}")
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
    say(f"Created by this run so far: {both(applied.money, applied.charges)}")
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
        of = _of(line.record_type for line in proof.conservation)
        sums = (
            Column("account", lift=True),
            *of,
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
                *((f"{line.record_type}s",) if of else ()),
                show(line.currency),
                amount_of(line.before, line.currency),
                amount_of(line.carried, line.currency),
                amount_of(line.after, line.currency) or "?",
                line.sign,
            )
            for line in lines
        ]
        table(sums, rows[:TOP])
        more(len(rows))
    if proof.exit_status:
        say("The two sides do not agree.", RED)
    else:
        say("The two sides agree: what the target gained is what was carried.", GREEN)


def print_rollback(undone: "RollbackSummary") -> None:
    """A rollback."""
    from unibill.copying.summary import many

    if not (undone.undone or undone.remains or undone.interrupted):
        say("There was nothing to take back: nothing of this run stands.")
        return
    heading("Rolled back" if not undone.interrupted else "Stopped")
    were = "was" if undone.undone == 1 else "were"
    say(f"{many(undone.undone, undone.noun)} {were} undone: {both(undone.money, undone.charges)}")
    if undone.remains:
        say("These remain:", YELLOW)
        print_problems(undone.remains)
    if undone.traces:
        say(f"The vendor keeps traces of {len(undone.traces)} of them, such as a charge and its reversal.", DIM)
    say(f"Of this run there still stands: {both(undone.net, undone.net_charges)}")
    if undone.interrupted:
        say("Interrupted. The same command goes on where this one ended.", YELLOW)


def print_status(standing: "RunStatus") -> None:
    """Where a run stands."""
    say(f"{show(standing.run)}: {standing.phase}")
    fields(
        [
            ("copies", f"{show(standing.source)} to {show(standing.target)}"),
            ("plan", counted(standing.counts)),
            ("so far", counted(so_far(standing))),
            ("hash", standing.hash),
            ("next", show(standing.next)),
        ]
    )


def so_far(standing: "RunStatus") -> Mapping[str, int]:
    """Records by state; of those that were rolled back, what the run did not take back itself apart."""
    states = dict(standing.states)
    if standing.gone:
        states["undone"] -= standing.gone
        states["gone"] = standing.gone
    return states


def counted(counts: Mapping[str, int]) -> str:
    """``12 create, 3 skip``."""
    return ", ".join(f"{count} {show(name)}" for name, count in counts.items() if count and name) or "nothing"


def money(amounts: Mapping[str, Decimal]) -> str:
    """``120.00 USD, 3000 JPY``; currencies are never added up."""
    return (
        ", ".join(f"{amount_of(amount, currency)} {show(currency)}" for currency, amount in sorted(amounts.items()) if amount) or "nothing"
    )


def both(credits: Mapping[str, Decimal], charges: Mapping[str, Decimal]) -> str:
    """Money that travels as credits, and what travels as charges, which is signed."""
    if not any(charges.values()):
        return money(credits)
    return f"{money(credits)}; as charges {money(charges)}" if any(credits.values()) else f"as charges {money(charges)}"


def _of(kinds: Iterable[str]) -> tuple[Column, ...]:
    """The column that tells credits and charges apart, where there are charges."""
    return (Column("of"),) if "charge" in set(kinds) else ()


def more(rows: int, shown: int = TOP) -> None:
    """Say how many rows are not shown."""
    if rows > shown:
        say(f"... {rows - shown} more; --json has them all", DIM)
