"""``unibill charges``: read and write charges of one backend."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from unibill.cli import commands
from unibill.cli.credits import amount, declined
from unibill.cli.exporting import export_charges
from unibill.cli.options import Backend, Config, Json, Yes

if TYPE_CHECKING:
    from unibill.model import Charge

app = commands.group("Read and write charges of a backend.")


class When(StrEnum):
    """When a charge is put on an invoice."""

    SCHEDULED = "scheduled"
    NEXT = "next"
    IMMEDIATE = "immediate"


@commands.command(app, "list", "unibill charges list new --account 01J5V8NM2GSXK6HG42PD5Z1VAE")
def list_charges(
    backend: Backend,
    account: Annotated[str | None, typer.Option(help="Of this account.", show_default=False)] = None,
    policy: Annotated[str | None, typer.Option(help="Of this policy.", show_default=False)] = None,
    transaction: Annotated[str | None, typer.Option(help="Of this transaction.", show_default=False)] = None,
    *,
    include_all: Annotated[bool, typer.Option("--all", help="Of a transaction: what the vendor adds when asked for all.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """List the charges of exactly one account, policy or transaction."""
    from unibill.cli.backends import opened
    from unibill.cli.progress import reading

    with opened(backend, config) as billing:
        found = billing.charges.list(account, policy=policy, transaction=transaction, include_all=include_all)
        print_charges(reading(found, "charges"), json)


@commands.command(app, "add", "unibill charges add new --account 01J5… --currency USD --amount -12.50 --type GoodwillCredit")
def add(
    backend: Backend,
    account: Annotated[str, typer.Option(help="The account.", show_default=False)],
    currency: Annotated[str, typer.Option(help="Three letters, such as USD.", show_default=False)],
    value: Annotated[
        Decimal, typer.Option("--amount", parser=amount, metavar="AMOUNT", help="Signed; negative lowers what is owed.", show_default=False)
    ],
    charge_type: Annotated[
        str | None, typer.Option("--type", help="The vendor's charge type; left out, the one configured for credits.", show_default=False)
    ] = None,
    invoicing: Annotated[When | None, typer.Option(help="When it is put on an invoice.", show_default=False)] = None,
    policy: Annotated[str | None, typer.Option(help="The policy it belongs to.", show_default=False)] = None,
    transaction: Annotated[str | None, typer.Option(help="The transaction it belongs to.", show_default=False)] = None,
    element: Annotated[str | None, typer.Option(help="The element it belongs to.", show_default=False)] = None,
    tag: Annotated[str | None, typer.Option(help="A short note.", show_default=False)] = None,
    *,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Put a charge on an account."""
    from unibill.cli.backends import opened
    from unibill.cli.output import ask, printing
    from unibill.drafts import ChargeDraft
    from unibill.model import Invoicing
    from unibill.showing import show, show_id

    draft = ChargeDraft(
        account_id=account,
        currency=currency,
        amount=value,
        type=charge_type,
        invoicing=Invoicing(invoicing.value) if invoicing else None,
        policy_id=policy,
        transaction_id=transaction,
        element_id=element,
        tag=tag,
    )
    with opened(backend, config) as billing:
        if ask(f"Put a charge of {value} {show(currency)} on account {show(account)} at {show(backend)}", yes=yes):
            made = billing.charges.add([draft])
            with printing(
                f"Charge {', '.join(show_id(charge.id) for charge in made)} was put on account {show(account)} at {show(backend)}"
            ):
                print_charges(made, json)
        else:
            declined()


@commands.command(app, "reverse", "unibill charges reverse new ACCOUNT CHARGE --invoicing next")
def reverse(
    backend: Backend,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account.", show_default=False)],
    charges: Annotated[list[str], typer.Argument(metavar="CHARGE", help="Ids of its charges.", show_default=False)],
    invoicing: Annotated[When, typer.Option(help="When the reversing charges are put on an invoice.")] = When.NEXT,
    *,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Undo charges of an account."""
    from unibill.cli.backends import opened
    from unibill.cli.output import ask, note, printing
    from unibill.model import Invoicing
    from unibill.showing import show, show_id

    with opened(backend, config) as billing:
        noun = "charge" if len(charges) == 1 else "charges"
        if not ask(f"Reverse {noun} {', '.join(map(show, charges))} of account {show(account)} at {show(backend)}", yes=yes):
            declined()
        made = billing.charges.reverse(account, charges, invoicing=Invoicing(invoicing.value))
    were = "was" if len(charges) == 1 else "were"
    with printing(f"{noun.capitalize()} {', '.join(map(show_id, charges))} of account {show(account)} {were} reversed at {show(backend)}"):
        if made or json:
            print_charges(made, json)
        else:
            note("Reversed. The backend keeps no reversing charges.")


commands.command(app, "export", "unibill charges export new --account 01J5V8NM2GSXK6HG42PD5Z1VAE --out charges.csv")(export_charges)


def print_charges(found: "Iterable[Charge]", json: bool) -> None:
    """Print charges, each as soon as it is read."""
    from unibill.cli.output import Column, amount_of, json_lines, table
    from unibill.showing import show

    if json:
        json_lines(charge.jsonable() for charge in found)
        return
    columns = (
        Column("id", lift=True),
        Column("account", drop=4),
        Column("amount", right=True),
        Column("cur"),
        Column("category"),
        Column("type", least=10, wrap=True),
        Column("invoicing", drop=3),
        Column("reverses", drop=2),
        Column("tag", least=10, drop=5),
    )

    def rows() -> Iterator[Sequence[str]]:
        for charge in found:
            yield (
                show(charge.id),
                show(charge.account_id),
                amount_of(charge.amount, charge.currency),
                show(charge.currency),
                charge.category.value,
                show(charge.type),
                charge.invoicing.value,
                show(charge.reversal_of),
                show(charge.tag),
            )

    table(columns, rows(), empty="no charges")
