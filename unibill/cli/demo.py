"""``unibill demo``: the story of two billing systems, told while it happens."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unibill.cli.options import Json

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from unibill.cli.rehearsal import Leg, Printed, Rehearsal, Sum
    from unibill.copying.summary import PlanSummary, Tell
    from unibill.explaining import Explanation
    from unibill.model import Credit

_WIDTH: Final = 80
_TOP: Final = 4
ASSUMPTIONS: Final[Sequence[tuple[str, str]]] = (
    (
        "assumed",
        "BillAgain accepts a credit note without allocations, which its page requires unless AutoApply is given: the sandbox was "
        + "told to accept it (switch empty-allocations=accept).",
    ),
    ("assumed", "In Socotra a charge of category credit with a negative amount lowers what the account owes (setting credit_charge_sign)."),
    ("assumed", "The negative invoice of such a charge settles into the account's credit balance (sandbox switch negative-invoice)."),
    ("assumed", "Both vendors keep the mark as it was sent: Socotra in a charge's tag, BillAgain in CreditNumber."),
    (
        "assumed",
        "What remains of a Socotra credit: its account has one balance, which the credits are taken to leave in the order they came.",
    ),
    ("seen in a sample", "BillAgain's days begin at UTC+02:00: 05 Apr 2016 goes in, 2016-04-04T22:00:00Z comes back."),
    ("seen in a sample", "The creditNoteID inside a BillAgain allocation is 0 or another's number; the credit's own id counts."),
    ("documented", "The routes, fields, statuses and paging of both sandboxes. Where documents are silent, sandboxes have switches."),
)


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the run files in this new or empty folder.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Leave the report of the first copy here, and that of the second beside it.",
            show_default=False,
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """See it work: both sandboxes, a copy each way, proof.

    Needs no configuration and no network. Starts local sandboxes of BillAgain and Socotra, copies credits both ways over real
    HTTP, reads both sides again, and says what was carried, what was lost, and whether the sums agree. Leaves nothing behind.
    Exit status 1 if anything does not agree.
    """
    import contextlib
    import tempfile

    from unibill.cli.rehearsal import Rehearsal, pages
    from unibill.errors import ConfigurationError
    from unibill.outfiles import refuse_unwritable

    if report is not None and not report.absolute().parent.is_dir():
        raise ConfigurationError(f"the file {report} cannot be written: there is no folder {report.parent}")
    if report is not None:
        refuse_unwritable(report)  # which refuses a folder, beside which no page would go
        for page in pages(report):
            refuse_unwritable(page)
    with contextlib.ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unibill-demo-")))
        else:
            if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
                raise ConfigurationError(f"the place {keep} is not an empty folder; give --keep a new one")
            keep.mkdir(parents=True, exist_ok=True)
            folder = keep
        started = time.monotonic()
        teller = Silent() if json else _Teller()
        teller.opening()
        rehearsal = stack.enter_context(Rehearsal(folder))
        figures = tell(rehearsal, teller)
        agrees = figures["agrees"] is True
        if report is not None:
            teller.reports(rehearsal.report(report))
        teller.closing(agrees, time.monotonic() - started, keep)
    if json:
        from unibill.cli.output import json_lines

        json_lines([figures])
    if not agrees:
        raise typer.Exit(1)


def tell(rehearsal: "Rehearsal", teller: "Silent") -> dict[str, object]:
    """Do everything, tell it, and give the figures."""
    from unibill.cli.cast import BILLAGAIN, SOCOTRA
    from unibill.cli.rehearsal import by_currency, sums

    teller.sandboxes(rehearsal)
    notes = rehearsal.printed()
    explained = rehearsal.explained(notes[-1][1])
    teller.documented(notes, explained)
    kinds = rehearsal.one_of_each()
    teller.kinds(kinds)

    before = {system: rehearsal.read(system) for system in (BILLAGAIN, SOCOTRA)}
    legs: list[Leg] = []
    for source, target, name in ((BILLAGAIN, SOCOTRA, "forth"), (SOCOTRA, BILLAGAIN, "back")):
        with teller.watching() as watch:
            leg = rehearsal.copy(source, target, name, watch)
        legs.append(leg)
        teller.leg(leg, rehearsal.title)

    again = [
        rehearsal.plan_again(BILLAGAIN, SOCOTRA, "forth-again"),
        rehearsal.plan_again(SOCOTRA, BILLAGAIN, "back-again"),
    ]
    teller.again(again, rehearsal.title)

    after = {system: rehearsal.read(system) for system in (BILLAGAIN, SOCOTRA)}
    lines = [line for leg in legs for line in sums(leg.target, before[leg.target], after[leg.target], leg)]
    teller.sums(lines, rehearsal.title)

    checks = {
        "documented_as_printed": all(printed.matches(credit) for printed, credit in notes),
        "every_kind_read": len(kinds) == len({credit.kind for credit in kinds}) == _kinds(),
        "something_copied_each_way": all(leg.applied.counts.get("created", 0) for leg in legs),
        "applied_as_planned": all(leg.applied.exit_status == 0 for leg in legs),
        "verified": all(leg.proof.exit_status == 0 for leg in legs),
        "no_copy_of_a_copy": not any(plan.counts.get("create", 0) for plan in again),
        "sums": all(line.agrees for line in lines),
    }
    teller.assumptions()
    return {
        "agrees": all(checks.values()),
        "checks": checks,
        "documented": [credit.jsonable() | {"as_printed": printed.matches(credit)} for printed, credit in notes],
        "explained": explained.jsonable(),
        "kinds": [credit.jsonable() for credit in kinds],
        "copies": [leg.jsonable() for leg in legs],
        "again": [plan.jsonable() for plan in again],
        "sums": [line.jsonable() for line in by_currency(lines)],
        "accounts": [line.jsonable() for line in lines],
        "assumptions": [{"grade": grade, "text": text} for grade, text in ASSUMPTIONS],
    }


def _kinds() -> int:
    from unibill.cli.rehearsal import ALL_KINDS

    return len(ALL_KINDS)


class Silent:
    """Tells nothing, for ``--json``."""

    def watching(self) -> "AbstractContextManager[Tell | None]":
        """What watches a copy while it goes on."""
        from contextlib import nullcontext

        return nullcontext()

    def opening(self) -> None:
        """Say what begins."""

    def sandboxes(self, rehearsal: "Rehearsal") -> None:
        """Say where the sandboxes are."""

    def documented(self, notes: "Sequence[tuple[Printed, Credit]]", explained: "Explanation") -> None:
        """Show the documented credit notes."""

    def kinds(self, kinds: "Sequence[Credit]") -> None:
        """Show one Socotra record of every kind."""

    def leg(self, leg: "Leg", title: Mapping[str, str]) -> None:
        """Tell of one copy."""

    def again(self, plans: "Sequence[PlanSummary]", title: Mapping[str, str]) -> None:
        """Tell of the second round."""

    def sums(self, lines: "Sequence[Sum]", title: Mapping[str, str]) -> None:
        """Show the sums."""

    def assumptions(self) -> None:
        """Say what is assumed."""

    def reports(self, written: "Sequence[Path]") -> None:
        """Say where the reports are."""

    def closing(self, agrees: bool, seconds: float, keep: Path | None) -> None:
        """Say how it ended."""


class _Teller(Silent):
    """Tells it to a person, in at most 80 columns."""

    def watching(self) -> "AbstractContextManager[Tell | None]":
        """A bar on a terminal."""
        from unibill.cli.output import err
        from unibill.cli.progress import progress

        return progress(quiet=not err().is_terminal)

    def opening(self) -> None:
        """Say what begins."""
        from unibill.cli.output import BOLD, say

        say("unibill: credits of BillAgain and Socotra, copied both ways and proved", BOLD)

    def sandboxes(self, rehearsal: "Rehearsal") -> None:
        """Say where the sandboxes are."""
        from unibill.cli.output import DIM, fields

        self._heading("1. Two billing systems, on this machine")
        counts = {name: _counted(sandbox.books()) for name, sandbox in rehearsal.sandboxes.items()}
        fields((rehearsal.title[name], f"{server.url}  {counts[name]}") for name, server in rehearsal.servers.items())
        self._say("Stateful sandboxes, built from the vendors' documents; filled with their samples and made-up credits.", DIM)

    def documented(self, notes: "Sequence[tuple[Printed, Credit]]", explained: "Explanation") -> None:
        """Show the documented credit notes."""
        from unibill.cli.looking import print_explained
        from unibill.cli.output import Column, say, text_of
        from unibill.showing import show

        self._heading("2. The credit notes that BillAgain's page prints")
        rows: list[tuple[str, ...]] = []
        for printed, credit in notes:
            for place, item in enumerate(credit.allocations or ()):
                own = (credit.id, show(credit.account_id), text_of(credit.issued_on), f"{text_of(credit.amount)} {credit.currency}")
                told = (*own, show(credit.number)) if place == 0 else ("",) * 5
                verdict = ("yes" if printed.matches(credit) else "NO") if place == 0 else ""
                rows.append((*told, show(item.id), f"{show(item.target.id)}: {text_of(item.amount)}", verdict))
        columns = ("credit", "customer", "day", "amount", "number", "allocation", "to invoice", "= page")
        self._table([Column(title, right=title == "amount") for title in columns], rows)
        self._say(
            "The page's 2016-04-04T22:00:00Z is 5 April in BillAgain's zone, and the creditNoteID inside its allocations, "
            "once 0, is not believed. CreditNumber is masked: it may be a card number."
        )
        say()
        self._say(f"What {show(explained.credit.id)} would be in Socotra:")
        print_explained(explained.fields, values=True, titles=("BillAgain", "Socotra"), rules=False, width=_width())

    def kinds(self, kinds: "Sequence[Credit]") -> None:
        """Show one Socotra record of every kind."""
        from unibill.cli.output import Column, text_of
        from unibill.showing import show

        self._heading("3. One Socotra record of every kind")
        rows = [
            (
                credit.kind.value,
                f"{text_of(credit.amount)} {show(credit.currency)}",
                "?" if credit.remaining is None else text_of(credit.remaining),
                _went(credit),
                _in_a_copy(credit),
            )
            for credit in kinds
        ]
        columns = (Column("kind"), Column("amount", right=True), Column("left", right=True), Column("went to"), Column("in a copy"))
        self._table(columns, rows)
        self._say(
            "A copy carries what is left to spend, and no money twice: cash, parts of something else, and what is spent stay behind. "
            "Socotra prints no sample of a credit; these are built from its schemas."
        )

    def leg(self, leg: "Leg", title: Mapping[str, str]) -> None:
        """Tell of one copy."""
        from unibill.cli.output import Column, fields, say
        from unibill.cli.summaries import money
        from unibill.showing import show

        plan, applied, proof = leg.plan, leg.applied, leg.proof
        number = 4 if leg.source == "billagain" else 5
        self._heading(f"{number}. {title[leg.source]} to {title[leg.target]}: plan, apply, verify")
        fields(
            [
                ("plan", f"{sum(plan.counts.values())} credits read, {plan.counts.get('create', 0)} to create; hash {plan.hash[:16]}…"),
                ("apply", f"{applied.counts.get('created', 0)} created, {len(applied.problems)} problems"),
                ("verify", ", ".join(f"{count} {sign}" for sign, count in proof.signs.items() if count) + _agreement(proof.exit_status)),
            ]
        )
        self._say(f"Carried: {money(plan.money)}")
        left = [
            (reason.decision, str(reason.count), show(reason.sample)) for reason in plan.reasons if reason.decision in {"skip", "blocked"}
        ]
        if left:
            say()
            self._table((Column("stays"), Column("credits", right=True), Column("because", least=30, wrap=True)), left)
        lost = [(show(loss.field), str(loss.count), show(loss.reason)) for loss in plan.losses]
        if lost:
            say()
            self._table((Column("lost on the way", least=14), Column("credits", right=True), Column("because", least=30, wrap=True)), lost)

    def again(self, plans: "Sequence[PlanSummary]", title: Mapping[str, str]) -> None:
        """Tell of the second round."""
        from unibill.cli.output import Column

        self._heading("6. Once more, both ways: no copy of a copy, none twice")
        rows = [
            (
                f"{title[plan.source]} to {title[plan.target]}",
                str(sum(plan.counts.values())),
                str(plan.counts.get("exists", 0)),
                str(sum(reason.count for reason in plan.reasons if reason.code == "came-from-there")),
                str(plan.counts.get("create", 0)),
            )
            for plan in plans
        ]
        titles = ("direction", "credits read", "copied already", "came from there", "to create")
        self._table([Column(name, right=name != "direction") for name in titles], rows)
        self._say("Each copy carries a mark made from its source, which both plans found again.")

    def sums(self, lines: "Sequence[Sum]", title: Mapping[str, str]) -> None:
        """Show the sums."""
        from unibill.cli.output import DIM, Column, say
        from unibill.cli.rehearsal import as_text, by_currency, largest
        from unibill.showing import show

        self._heading("7. Both sides read again: what can be spent, per currency and account")
        titles = ("side", "cur", "before", "+ carried", "copies found", "= now", "agree")
        columns = [Column(name, right=name not in {"side", "cur"}) for name in titles]

        def row(first: str, line: "Sum") -> tuple[str, ...]:
            amounts = (as_text(line.before), as_text(line.carried), as_text(line.marked), as_text(line.after))
            return (first, show(line.currency), *amounts, "yes" if line.agrees else "NO")

        self._table(columns, [row(title[line.system], line) for line in by_currency(lines)])
        for system in dict.fromkeys(line.system for line in lines):
            of_side = [line for line in lines if line.system == system and (line.carried or not line.agrees)]
            say()
            columns[0] = Column(f"{title[system]} account", least=12)
            self._table(columns, [row(show(line.account), line) for line in largest(of_side, _TOP)])
            if len(of_side) > _TOP:
                self._say(f"... {len(of_side) - _TOP} more; --json has them all", DIM)
        self._say(
            "Compared: what could be spent before, plus what the plan carried, with what can be spent now; and what was "
            "carried, with the copies found by their marks. Read through the API, per account and currency, digit for digit."
        )

    def assumptions(self) -> None:
        """Say what is assumed."""
        self._heading("8. What this rests on")
        for grade, text in ASSUMPTIONS:
            self._say(f"[{grade}] {text}", indent=2)
        self._say("No real vendor was asked: the sandboxes are built from the vendors' documents, and so is every claim above.")

    def reports(self, written: "Sequence[Path]") -> None:
        """Say where the reports are."""
        from unibill.cli.output import say
        from unibill.showing import show

        say()
        say(f"Reports to read, print and sign: {', '.join(show(str(place)) for place in written)}")

    def closing(self, agrees: bool, seconds: float, keep: Path | None) -> None:
        """Say how it ended."""
        from unibill.cli.output import BOLD, GREEN, RED, say
        from unibill.showing import show

        say()
        if agrees:
            say(f"Everything agrees. ({seconds:.0f} seconds)", GREEN + BOLD)
        else:
            say("Something does not agree; the lines that say NO, and the problems above, tell what.", RED + BOLD)
        if keep is not None:
            say(f"The run files are in {show(str(keep))}; try: unibill status --run {show(str(keep / 'forth.run'))}")

    def _heading(self, text: str) -> None:
        from unibill.cli.output import heading

        heading(text)

    def _say(self, text: str, style: object = None, indent: int = 0) -> None:
        from textwrap import wrap

        from rich.style import Style

        from unibill.cli.output import say

        for i, line in enumerate(wrap(text, _width(), subsequent_indent=" " * indent)):
            del i
            say(line, style if isinstance(style, Style) else None)

    def _table(self, columns: "Sequence[object]", rows: Sequence[Sequence[str]]) -> None:
        from unibill.cli.output import Column, table

        table([column for column in columns if isinstance(column, Column)], rows, width=_width())


def _width() -> int:
    from unibill.cli.output import room

    return min(room() or _WIDTH, _WIDTH)


def _agreement(status: int) -> str:
    return ", both sides agree" if status == 0 else ", the sides DO NOT agree"


def _went(credit: "Credit") -> str:
    from unibill.cli.output import text_of

    standing = credit.allocations or ()
    if not standing:
        return "–"
    first = standing[0]
    more = f" +{len(standing) - 1}" if len(standing) > 1 else ""
    return f"{first.target.type.value}: {text_of(first.amount)}{more}"


def _in_a_copy(credit: "Credit") -> str:
    """What a plan would decide from the credit alone, in a word."""
    from unibill.copying import PlanOptions, carry

    options = PlanOptions()
    ruling = carry.judged(credit, options) or carry.carried(credit, options)
    return getattr(ruling, "code", "") or "carried"


def _counted(books: Sequence[Mapping[str, object]]) -> str:
    """What stands in a sandbox, in three words a person knows."""
    counts: dict[str, int] = {}
    for row in books:
        counts[str(row["type"])] = counts.get(str(row["type"]), 0) + 1
    wanted = ("customer", "account", "credit", "charge", "invoice")
    return ", ".join(f"{counts[kind]} {kind}s" for kind in wanted if counts.get(kind))
