"""``unibill credits``: read and write credits of one backend."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from unibill.cli import commands
from unibill.cli.exporting import export_credits
from unibill.cli.options import Backend, Config, Json, Yes

if TYPE_CHECKING:
    from unibill.drafts import AllocationDraft
    from unibill.model import Credit

app = commands.group("Read and write credits of a backend.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The credit's id.", show_default=False)]
Account = Annotated[str | None, typer.Option(help="The account; some vendors find a credit only with it.", show_default=False)]
Allocate = Annotated[
    list[str] | None,
    typer.Option(
        "--allocate", metavar="INVOICE=AMOUNT", help="Spend a part on an invoice, by its id; repeat for more.", show_default=False
    ),
]


def amount(text: str) -> Decimal:
    """An amount from the command line, digit for digit.

    Raises:
        BadParameter: it is not a plain number.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not an amount; write one such as 150.00") from None
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is not an amount; write one such as 150.00")
    return value


@commands.command(app, "list", "unibill credits list old --account 269 --allocations")
def list_credits(
    backend: Backend,
    account: Annotated[str | None, typer.Option(help="Only of this account.", show_default=False)] = None,
    invoice: Annotated[str | None, typer.Option(help="Only those applied to this invoice, by its id.", show_default=False)] = None,
    *,
    reversed_too: Annotated[bool, typer.Option("--reversed", help="Undone credits too.")] = False,
    allocations: Annotated[
        bool, typer.Option("--allocations", help="Load what each was spent on and what remains; may take more requests.")
    ] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """List the credits of an account, of an invoice, or all of a backend."""
    from unibill.cli.backends import opened
    from unibill.cli.progress import reading

    with opened(backend, config) as billing:
        found = billing.credits.list(account, invoice=invoice, include_reversed=reversed_too, allocations=allocations)
        print_credits(reading(found, "credits"), json)


@commands.command(app, "get", "unibill credits get old 10095")
def get(backend: Backend, credit_id: Id, account: Account = None, *, json: Json = False, config: Config = None) -> None:
    """Show one credit with its allocations."""
    from unibill.cli.backends import opened

    with opened(backend, config) as billing:
        print_credit(billing.credits.get(credit_id, account=account), json)


@commands.command(
    app,
    "create",
    "unibill credits create old --account 269 --currency ZAR --amount 150.00 --allocate 11351=50.00 --key order-17",
)
def create(
    backend: Backend,
    account: Annotated[str, typer.Option(help="The account that gets it.", show_default=False)],
    currency: Annotated[str, typer.Option(help="Three letters, such as ZAR.", show_default=False)],
    value: Annotated[Decimal, typer.Option("--amount", parser=amount, metavar="AMOUNT", help="Positive.", show_default=False)],
    issued: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Its calendar day.", show_default=False)
    ] = None,
    number: Annotated[str | None, typer.Option(help="The reference that the vendor shows.", show_default=False)] = None,
    memo: Annotated[str | None, typer.Option(help="A note.", show_default=False)] = None,
    allocate: Allocate = None,
    key: Annotated[
        str | None,
        typer.Option(help="Your own name for it: under a key it is made at most once, however often you try.", show_default=False),
    ] = None,
    *,
    auto_apply: Annotated[bool, typer.Option("--auto-apply", help="Let the vendor spend it on open invoices.")] = False,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Create a credit. What the backend cannot hold of it is named before you are asked."""
    from unibill.cli.backends import opened
    from unibill.cli.output import YELLOW, ask, note, printing
    from unibill.drafts import CreditDraft
    from unibill.showing import show, show_id

    draft = CreditDraft(
        account_id=account,
        currency=currency,
        amount=value,
        issued_on=issued.date() if issued else None,
        number=number,
        memo=memo,
        allocations=parsed_allocations(allocate),
        auto_apply=auto_apply,
    )
    with opened(backend, config) as billing:
        for loss in billing.credits.losses(draft, key=key):
            note(f"Not written: {loss.field} {show(loss.value)}: {show(loss.reason)}", YELLOW)
        if ask(f"Create a credit of {value} {show(currency)} for account {show(account)} at {show(backend)}", yes=yes):
            made = billing.credits.create(draft, key=key)
            with printing(f"Credit {show_id(made.id)} was created at {show(backend)}"):
                print_credit(made, json)
        else:
            declined()


@commands.command(app, "allocate", "unibill credits allocate old 10095 --allocate 11351=50.00")
def allocate_credit(
    backend: Backend,
    credit_id: Id,
    allocate: Allocate = None,
    account: Account = None,
    *,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Spend more of a credit on invoices; what it was spent on before stays."""
    from unibill.cli.backends import opened
    from unibill.cli.output import ask, printing
    from unibill.showing import show, show_id

    drafts = parsed_allocations(allocate)
    with opened(backend, config) as billing:
        credit = billing.credits.get(credit_id, account=account)
        what = ", ".join(f"{draft.amount} {show(credit.currency)} on invoice {show(draft.target_id)}" for draft in drafts)
        if ask(f"Spend {what or 'nothing'} of credit {show(credit.id)}", yes=yes):
            made = billing.credits.allocate(credit, drafts)
            with printing(f"{what or 'Nothing'} was spent of credit {show_id(credit.id)}"):
                print_credit(made, json)
        else:
            declined()


@commands.command(app, "deallocate", "unibill credits deallocate old 10095 10358")
def deallocate(
    backend: Backend,
    credit_id: Id,
    allocations: Annotated[list[str], typer.Argument(metavar="ALLOCATION", help="Ids of its allocations.", show_default=False)],
    account: Account = None,
    *,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Undo allocations of a credit, by their ids."""
    from unibill.cli.backends import opened
    from unibill.cli.output import ask, printing
    from unibill.showing import show, show_id

    with opened(backend, config) as billing:
        credit = billing.credits.get(credit_id, account=account)
        if ask(f"Undo allocation {', '.join(map(show, allocations))} of credit {show(credit.id)}", yes=yes):
            made = billing.credits.deallocate(credit, allocations)
            with printing(f"Allocation {', '.join(map(show_id, allocations))} of credit {show_id(credit.id)} was undone"):
                print_credit(made, json)
        else:
            declined()


@commands.command(app, "void", "unibill credits void old 10095")
def void(backend: Backend, credit_id: Id, account: Account = None, *, yes: Yes = False, config: Config = None) -> None:
    """Take a credit away, with its allocations. There is no way back."""
    from unibill.cli.backends import opened
    from unibill.cli.output import ask, printing, say, text_of
    from unibill.showing import show, show_id

    with opened(backend, config) as billing:
        credit = billing.credits.get(credit_id, account=account)
        what = f"credit {show(credit.id)} of {text_of(credit.amount)} {show(credit.currency)}, account {show(credit.account_id)}"
        if ask(f"Void {what}", yes=yes):
            billing.credits.void(credit)
            with printing(f"Credit {show_id(credit.id)} was voided at {show(backend)}"):
                say(f"{what} is void.")
        else:
            declined()


@commands.command(app, "find", "unibill credits find old --key order-17 --account 269")
def find(
    backend: Backend,
    key: Annotated[str, typer.Option(help="The key that it was created under.", show_default=False)],
    account: Account = None,
    *,
    json: Json = False,
    config: Config = None,
) -> None:
    """Find the credit that was created under a key. Exit status 1 where there is none."""
    from unibill.cli.backends import opened
    from unibill.cli.output import note
    from unibill.showing import show

    with opened(backend, config) as billing:
        credit = billing.credits.find(key=key, account=account)
    if credit is None:
        note(f"No credit was created under the key {show(key)}.")
        raise typer.Exit(1)
    print_credit(credit, json)


commands.command(app, "export", "unibill credits export old --allocations --out credits.parquet")(export_credits)


def parsed_allocations(texts: Sequence[str] | None) -> "tuple[AllocationDraft, ...]":
    """Allocations from ``INVOICE=AMOUNT``.

    Raises:
        BadParameter: one is not of this form.
    """
    from unibill.drafts import AllocationDraft

    drafts: list[AllocationDraft] = []
    for text in texts or ():
        invoice, equals, part = text.rpartition("=")
        if not (equals and invoice.strip()):
            raise typer.BadParameter(f"{text!r} is not INVOICE=AMOUNT, such as 11351=50.00")
        drafts.append(AllocationDraft(target_id=invoice, amount=amount(part)))
    return tuple(drafts)


def declined() -> None:
    """Say that nothing was written, and end.

    Raises:
        Exit: always.
    """
    from unibill.cli.output import note

    note("Nothing was written.")
    raise typer.Exit(1)


def print_credits(found: "Iterable[Credit]", json: bool) -> None:
    """Print credits, each as soon as it is read."""
    from unibill.cli.output import Column, amount_of, json_lines, table, text_of
    from unibill.showing import show

    if json:
        json_lines(credit.jsonable() for credit in found)
        return
    columns = (
        Column("id", lift=True),
        Column("account", drop=4),
        Column("kind", drop=3),
        Column("status"),
        Column("amount", right=True),
        Column("remaining", right=True),
        Column("cur"),
        Column("issued", drop=2),
        Column("number", least=10, drop=5),
        Column("memo", least=10, drop=6),
    )

    def rows() -> Iterator[Sequence[str]]:
        for credit in found:
            yield (
                show(credit.id),
                show(credit.account_id),
                credit.kind.value,
                credit.status.value + (" !" if credit.findings else ""),
                amount_of(credit.amount, credit.currency),
                "?" if credit.remaining is None else amount_of(credit.remaining, credit.currency),
                show(credit.currency),
                text_of(credit.issued_on),
                show(credit.number),
                show(credit.memo),
            )

    table(columns, rows(), empty="no credits")


def print_credit(credit: "Credit", json: bool) -> None:
    """Print one credit with everything that is known of it."""
    from unibill.cli.output import YELLOW, Column, amount_of, fields, json_lines, say, table, text_of
    from unibill.showing import show

    if json:
        json_lines([credit.jsonable()])
        return
    skipped = {"allocations", "findings", "extra"}
    money = {name: amount_of(getattr(credit, name), credit.currency) for name in ("amount", "applied", "remaining")}
    values = [(name, money.get(name, text_of(getattr(credit, name)))) for name in credit.__struct_fields__ if name not in skipped]
    fields((name, value) for name, value in values if value)
    if credit.allocations:
        say()
        rows = [
            (
                show(item.id),
                item.target.type.value,
                show(item.target.id or item.target.number),
                amount_of(item.amount, item.currency),
                show(item.currency),
                "undone" if item.reversed_at else "",
            )
            for item in credit.allocations
        ]
        columns = (
            Column("allocation", lift=True),
            Column("to"),
            Column("target", lift=True),
            Column("amount", right=True),
            Column("cur"),
            Column(""),
        )
        table(columns, rows)
    for name, value in credit.extra.items():
        fields([(f"extra.{name}", text_of(value))])
    for finding in credit.findings:
        say(f"! {show(finding.message)}", YELLOW)
