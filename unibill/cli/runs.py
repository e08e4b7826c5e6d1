"""``plan``, ``apply``, ``verify``, ``rollback``, ``status`` and ``copy``: one run in one file."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from unibill.cli.cluster import Detach, Scheduler, Workers
from unibill.cli.credits import amount
from unibill.cli.options import Config, Json, Run

if TYPE_CHECKING:
    from unibill.copying import ApplyOptions, ApplySummary, Guards, PlanOptions, PlanSummary

GUARDS = "Guards"
FILTERS = "Which credits"


class Carry(StrEnum):
    """What is carried."""

    REMAINING = "remaining"
    HISTORY = "history"


class LookAlikes(StrEnum):
    """What to do about an unmarked record that looks the same."""

    BLOCK = "block"
    CREATE = "create"
    SKIP = "skip"


class Only(StrEnum):
    """What to take up again."""

    FAILED = "failed"
    UNKNOWN = "unknown"


class Include(StrEnum):
    """Money that is no credit by itself."""

    PAYMENTS = "payments"


Source = Annotated[str, typer.Argument(metavar="SRC", help="The backend to copy from.", show_default=False)]
Target = Annotated[str, typer.Argument(metavar="DST", help="The backend to copy to.", show_default=False)]
Accounts = Annotated[
    Path | None,
    typer.Option(
        "--accounts", metavar="CSV", help="Which account becomes which; headed source_account, target_account.", show_default=False
    ),
]
Invoices = Annotated[
    Path | None,
    typer.Option(
        "--invoices",
        metavar="CSV",
        help="Which invoice becomes which, for history; headed source_invoice, target_invoice.",
        show_default=False,
    ),
]
CarryOption = Annotated[
    Carry,
    typer.Option(
        "--carry",
        help="remaining: what is left, without allocations (invoices stand there at outstanding amounts); "
        "history: allocations too (invoices stand there at full amounts).",
    ),
]
IncludeOption = Annotated[list[Include] | None, typer.Option("--include", help="Carry what is left of payments too.", show_default=False)]
SameIds = Annotated[bool, typer.Option("--same-account-ids", help="Accounts not in the map have the same id at the target.")]
OnlyAccounts = Annotated[
    list[str] | None,
    typer.Option("--account", rich_help_panel=FILTERS, help="Only of this source account; repeat for more.", show_default=False),
]
Currencies = Annotated[
    list[str] | None, typer.Option("--currency", rich_help_panel=FILTERS, help="Only this currency; repeat for more.", show_default=False)
]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", rich_help_panel=FILTERS, help="Only this status, such as open; repeat for more.", show_default=False),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", rich_help_panel=FILTERS, help="Only this kind, such as credit_note; repeat for more.", show_default=False),
]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        rich_help_panel=FILTERS,
        help="Only issued on this day or later.",
        show_default=False,
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        rich_help_panel=FILTERS,
        help="Only issued on this day or earlier.",
        show_default=False,
    ),
]
Ids = Annotated[
    Path | None,
    typer.Option("--ids", metavar="FILE", rich_help_panel=FILTERS, help="Only these credits, one id a line.", show_default=False),
]
LookAlikesOption = Annotated[
    LookAlikes, typer.Option("--look-alikes", help="An unmarked record there with the same account, currency, amount and day.")
]
Cards = Annotated[bool, typer.Option("--allow-card-numbers", help="Copy texts that may hold a card number.")]
AcceptPlan = Annotated[
    list[str] | None,
    typer.Option("--accept-plan", metavar="NAME", help="An excess-credit plan at the target that may act on a copy.", show_default=False),
]
MaxRecords = Annotated[
    int | None, typer.Option("--max-records", min=0, rich_help_panel=GUARDS, help="Most credits to create.", show_default=False)
]
MaxMoney = Annotated[
    list[str] | None,
    typer.Option(
        "--max-money", metavar="CUR=AMOUNT", rich_help_panel=GUARDS, help="Most money to create, per currency.", show_default=False
    ),
]
MaxCredit = Annotated[
    list[str] | None,
    typer.Option(
        "--max-credit", metavar="CUR=AMOUNT", rich_help_panel=GUARDS, help="Most money in one credit, per currency.", show_default=False
    ),
]
MaxBlocked = Annotated[
    Decimal | None,
    typer.Option(
        "--max-blocked",
        parser=amount,
        metavar="SHARE",
        rich_help_panel=GUARDS,
        help="Largest share blocked or in conflict; 0.3 if not given.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, and go past the guards, unless guards are given here too.")]
Expect = Annotated[
    str | None,
    typer.Option("--expect", metavar="HASH", help="Apply only the plan with this hash; then nothing is asked.", show_default=False),
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, max=256, help="How many accounts to work on at once.", show_default=False)
]
Settle = Annotated[
    float, typer.Option("--settle", min=0, metavar="SECONDS", help="How long after a lost answer a write may still take effect.")
]
Canary = Annotated[
    int | None, typer.Option("--canary", min=1, metavar="N", help="Create the first N credits, verify them, and stop.", show_default=False)
]
FromBackend = Annotated[
    str | None, typer.Option("--from", metavar="BACKEND", help="The source, if it is called otherwise now.", show_default=False)
]
ToBackend = Annotated[
    str | None, typer.Option("--to", metavar="BACKEND", help="The target, if it is called otherwise now.", show_default=False)
]


def plan(
    source: Source,
    target: Target,
    run: Run,
    accounts: Accounts = None,
    invoices: Invoices = None,
    carry: CarryOption = Carry.REMAINING,
    include: IncludeOption = None,
    only_accounts: OnlyAccounts = None,
    currencies: Currencies = None,
    statuses: Statuses = None,
    kinds: Kinds = None,
    since: Since = None,
    until: Until = None,
    ids: Ids = None,
    look_alikes: LookAlikesOption = LookAlikes.BLOCK,
    accept_plan: AcceptPlan = None,
    max_records: MaxRecords = None,
    max_money: MaxMoney = None,
    max_credit: MaxCredit = None,
    max_blocked: MaxBlocked = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    *,
    detach: Detach = False,
    same_account_ids: SameIds = False,
    allow_card_numbers: Cards = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Decide for every credit what would be done.

    Reads both sides and writes to neither. The run file keeps the plan with a hash over everything that apply would do. Exit
    status 1 if credits are blocked or in conflict, 4 if a guard would stop apply.
    """
    from unibill import copying
    from unibill.cli import cluster
    from unibill.cli.backends import opened
    from unibill.cli.progress import progress
    from unibill.cli.summaries import print_plan
    from unibill.copying.workers import plan_on

    options = _plan_options(
        accounts,
        invoices,
        carry,
        include,
        only_accounts,
        currencies,
        statuses,
        kinds,
        since,
        until,
        ids,
        look_alikes,
        accept_plan,
        guards(max_records, max_money, max_credit, max_blocked),
        same_account_ids,
        allow_card_numbers,
    )
    if cluster.is_spread(workers, scheduler, detach, run):
        with cluster.hands(run, workers, scheduler) as hands, progress(json) as tell:
            pair = cluster.pair(source, target, config)
            spread = plan_on(hands.executor, pair, run, options, tell, workers=hands.workers)
        if spread is None:
            cluster.laid_out(run)
            return
        summary = spread
    else:
        with opened(source, config) as one, opened(target, config) as other, progress(json) as tell:
            summary = copying.plan(one, other, run, options, tell)
    _emit(summary, json, lambda: print_plan(summary))


def apply(
    run: Run,
    expect: Expect = None,
    concurrency: Concurrency = None,
    settle: Settle = 30.0,
    canary: Canary = None,
    only: Annotated[
        Only | None, typer.Option("--only", help="Take up only what failed, or only what is unknown.", show_default=False)
    ] = None,
    max_records: MaxRecords = None,
    max_money: MaxMoney = None,
    max_credit: MaxCredit = None,
    max_blocked: MaxBlocked = None,
    source: FromBackend = None,
    target: ToBackend = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    *,
    detach: Detach = False,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Do exactly what the plan says.

    After an interruption, the same command goes on where it ended. Asks first, unless the plan's hash or --yes is given.
    """
    from unibill import copying
    from unibill.cli import cluster
    from unibill.cli.credits import declined
    from unibill.cli.output import ask
    from unibill.cli.progress import progress
    from unibill.cli.summaries import print_apply, question
    from unibill.copying.workers import apply_on
    from unibill.showing import show

    given = any(option is not None for option in (max_records, max_money, max_credit, max_blocked))
    options = copying.ApplyOptions(
        expect=expect,
        concurrency=concurrency,
        settle=settle,
        canary=canary,
        only=only.value if only else None,
        yes=yes and not given,
        guards=guards(max_records, max_money, max_credit, max_blocked) if given else None,
    )
    is_spread = cluster.is_spread(workers, scheduler, detach, run)
    standing = copying.status(run)
    if expect is None and not ask(question(standing, show(target or standing.target)), yes=yes):
        declined()
    one, other = source or standing.source, target or standing.target
    if is_spread:
        with cluster.hands(run, workers, scheduler) as hands, progress(json) as tell:
            spread = apply_on(hands.executor, cluster.pair(one, other, config), run, options, tell, workers=hands.workers)
        if spread is None:
            cluster.laid_out(run)
            return
        summary = spread
    else:
        summary = _apply(run, one, other, options, json, config)
    _emit(summary, json, lambda: print_apply(summary))


def verify(
    run: Run,
    source: FromBackend = None,
    target: ToBackend = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    *,
    detach: Detach = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Prove that what the target gained is what was carried.

    Reads both sides again. Exit status 1 on any difference.
    """
    from unibill import copying
    from unibill.cli import cluster
    from unibill.cli.backends import opened
    from unibill.cli.progress import progress
    from unibill.cli.summaries import print_verification
    from unibill.copying.workers import verify_on

    standing = copying.status(run)
    names = source or standing.source, target or standing.target
    if cluster.is_spread(workers, scheduler, detach, run):
        with cluster.hands(run, workers, scheduler) as hands, progress(json) as tell:
            spread = verify_on(hands.executor, cluster.pair(*names, config), run, tell, workers=hands.workers)
        if spread is None:
            cluster.laid_out(run)
            return
        found = spread
    else:
        with opened(names[0], config) as one, opened(names[1], config) as other, progress(json) as tell:
            found = copying.verify(one, other, run, tell)
    _emit(found, json, lambda: print_verification(found))


def rollback(
    run: Run,
    concurrency: Concurrency = None,
    settle: Settle = 30.0,
    target: ToBackend = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Undo what a run made, and nothing else.

    Newest first. What has been touched since it was made is left alone and named.
    """
    from unibill import copying
    from unibill.cli.backends import opened
    from unibill.cli.credits import declined
    from unibill.cli.output import ask
    from unibill.cli.progress import progress
    from unibill.cli.summaries import print_rollback
    from unibill.showing import show

    standing = copying.status(run)
    made = standing.states.get("created", 0)
    if not ask(f"Undo {made} credits that this run made at {show(target or standing.target)}", yes=yes):
        declined()
    with opened(target or standing.target, config) as other, progress(json) as tell:
        summary = copying.rollback(other, run, copying.RollbackOptions(concurrency=concurrency, settle=settle), tell)
    _emit(summary, json, lambda: print_rollback(summary))


def status(
    run: Run,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it until it is done. Ctrl-C ends the view, not the work.")] = False,
    json: Json = False,
) -> None:
    """Tell where a run stands and what to do next."""
    from unibill import copying
    from unibill.cli.output import json_lines
    from unibill.cli.summaries import print_status
    from unibill.cli.watching import watch as watch_run

    if watch and not json:
        watch_run(run)
        return
    with copying.open_run(run) as opened:
        standing, spread = opened.status(), opened.spread()
    if json:
        json_lines([standing.jsonable() | ({} if spread is None else {"spread": spread.jsonable()})])
    else:
        print_status(standing)


def copy(
    source: Source,
    target: Target,
    run: Run,
    accounts: Accounts = None,
    invoices: Invoices = None,
    carry: CarryOption = Carry.REMAINING,
    include: IncludeOption = None,
    only_accounts: OnlyAccounts = None,
    currencies: Currencies = None,
    statuses: Statuses = None,
    kinds: Kinds = None,
    since: Since = None,
    until: Until = None,
    ids: Ids = None,
    look_alikes: LookAlikesOption = LookAlikes.BLOCK,
    accept_plan: AcceptPlan = None,
    max_records: MaxRecords = None,
    max_money: MaxMoney = None,
    max_credit: MaxCredit = None,
    max_blocked: MaxBlocked = None,
    concurrency: Concurrency = None,
    settle: Settle = 30.0,
    *,
    same_account_ids: SameIds = False,
    allow_card_numbers: Cards = False,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Plan, show the plan, ask, apply, verify."""
    from unibill import copying
    from unibill.cli.backends import opened
    from unibill.cli.credits import declined
    from unibill.cli.output import ask, json_lines
    from unibill.cli.progress import progress
    from unibill.cli.summaries import print_apply, print_plan, print_verification, question
    from unibill.showing import show

    options = _plan_options(
        accounts,
        invoices,
        carry,
        include,
        only_accounts,
        currencies,
        statuses,
        kinds,
        since,
        until,
        ids,
        look_alikes,
        accept_plan,
        guards(max_records, max_money, max_credit, max_blocked),
        same_account_ids,
        allow_card_numbers,
    )
    with opened(source, config) as one, opened(target, config) as other:
        with progress(json) as tell:
            planned = copying.plan(one, other, run, options, tell)
        if not json:
            print_plan(planned, then=False)
        if not ask(question(copying.status(run), show(target)), yes=yes):
            declined()
    given = any(option is not None for option in (max_records, max_money, max_credit, max_blocked))
    applying = copying.ApplyOptions(expect=planned.hash, concurrency=concurrency, settle=settle, yes=yes and not given)
    applied = _apply(run, source, target, applying, json, config)
    if not json:
        print_apply(applied)
    if applied.interrupted or applied.stopped:
        if json:
            json_lines([{"plan": planned.jsonable(), "apply": applied.jsonable(), "verify": None}])
        raise typer.Exit(applied.exit_status)
    with opened(source, config) as one, opened(target, config) as other, progress(json) as tell:
        proof = copying.verify(one, other, run, tell)
    if json:
        json_lines([{"plan": planned.jsonable(), "apply": applied.jsonable(), "verify": proof.jsonable()}])
    else:
        print_verification(proof)
    raise typer.Exit(max(_held(planned), applied.exit_status, proof.exit_status))


def guards(records: int | None, money: list[str] | None, credit: list[str] | None, blocked: Decimal | None) -> "Guards":
    """Guards from the command line.

    Raises:
        BadParameter: one is not CUR=AMOUNT, or a share is not between 0 and 1.
    """
    from unibill.copying import Guards

    if blocked is not None and not 0 <= blocked <= 1:
        raise typer.BadParameter(f"--max-blocked takes a share from 0 to 1, not {blocked}")
    share = Guards().max_blocked if blocked is None else blocked
    return Guards(max_records=records, max_money=_limits(money), max_credit=_limits(credit), max_blocked=share)


def _limits(texts: list[str] | None) -> dict[str, Decimal]:
    limits: dict[str, Decimal] = {}
    for text in texts or ():
        currency, equals, value = text.partition("=")
        if not (equals and currency):
            raise typer.BadParameter(f"{text!r} is not CUR=AMOUNT, such as USD=10000")
        limits[currency] = amount(value)
    return limits


def _plan_options(
    accounts: Path | None,
    invoices: Path | None,
    carry: Carry,
    include: list[Include] | None,
    only_accounts: list[str] | None,
    currencies: list[str] | None,
    statuses: list[str] | None,
    kinds: list[str] | None,
    since: datetime | None,
    until: datetime | None,
    ids: Path | None,
    look_alikes: LookAlikes,
    accept_plan: list[str] | None,
    limits: "Guards",
    same_account_ids: bool,
    allow_card_numbers: bool,
) -> "PlanOptions":
    from unibill.copying import AccountMap, InvoiceMap, PlanOptions
    from unibill.model import CreditKind, Status

    if accounts is None and not same_account_ids:
        raise typer.BadParameter("give --accounts, or --same-account-ids where both sides name accounts alike")
    if carry is Carry.HISTORY and invoices is None:
        raise typer.BadParameter("--carry history needs --invoices: without it no allocation could be carried")
    return PlanOptions(
        accounts=AccountMap() if accounts is None else AccountMap.from_csv(accounts),
        invoices=None if invoices is None else InvoiceMap.from_csv(invoices),
        carry=carry.value,
        include=frozenset(item.value for item in include or ()),
        only_accounts=frozenset(only_accounts) if only_accounts else None,
        currencies=frozenset(currencies) if currencies else None,
        statuses=frozenset(_word(Status, text, "--status") for text in statuses) if statuses else None,
        kinds=frozenset(_word(CreditKind, text, "--kind") for text in kinds) if kinds else None,
        since=since.date() if since else None,
        until=until.date() if until else None,
        ids=None if ids is None else _read_ids(ids),
        look_alikes=look_alikes.value,
        allow_card_numbers=allow_card_numbers,
        accept_plans=frozenset(accept_plan or ()),
        guards=limits,
        same_account_ids=same_account_ids,
    )


E = TypeVar("E", bound=StrEnum)


def _word(kind: type[E], text: str, option: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is not one of: {', '.join(kind)}") from None


def _read_ids(path: Path) -> frozenset[str]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--ids {path} cannot be read: {error}") from None
    return frozenset(line.strip() for line in lines if line.strip())


def _apply(run: str, source: str, target: str, options: "ApplyOptions", json: bool, config: Path | None) -> "ApplySummary":
    from unibill import copying
    from unibill.cli.backends import opened
    from unibill.cli.progress import progress

    with opened(source, config) as one, opened(target, config) as other, progress(json) as tell:
        return copying.apply(one, other, run, options, tell)


def _held(planned: "PlanSummary") -> int:
    return 1 if planned.counts.get("blocked", 0) or planned.counts.get("conflict", 0) else 0


def _emit(summary: "_Summary", json: bool, tell: Callable[[], None]) -> None:
    """Print a summary, and end with its exit status."""
    from unibill.cli.output import json_lines

    if json:
        json_lines([summary.jsonable()])
    else:
        tell()
    if summary.exit_status:
        raise typer.Exit(summary.exit_status)


class _Summary(Protocol):
    @property
    def exit_status(self) -> int: ...

    def jsonable(self) -> dict[str, object]: ...
