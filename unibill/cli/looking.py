"""Commands that only look: providers, backends, mapping, explain."""

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from unibill.cli.options import Backend, Config, Json, system_names

if TYPE_CHECKING:
    from pathlib import Path

    from unibill.explaining import Explained


def version() -> None:
    """Print the version of unibill and of the distributions that bring providers. Imports no provider."""
    from unibill import __version__, installed
    from unibill.showing import show

    typer.echo(f"unibill {__version__}")
    for found in installed.found().values():
        typer.echo(f"  {show(found.name)}: {show(', '.join(found.distributions))}")


def providers(*, json: Json = False) -> None:
    """List the installed providers, whether they work, and what their claims rest on.

    Evidence is computed from tests that ran: documents (the vendor's pages only), sandbox, cassette (answers that the vendor printed),
    live (answers of the vendor itself).
    """
    from unibill import installed, plugins
    from unibill.capabilities import Evidence, Operation
    from unibill.cli.output import RED, Column, json_lines, note, table
    from unibill.errors import PluginError
    from unibill.showing import show

    rows: list[dict[str, object]] = []
    for found in installed.found().values():
        row: dict[str, object] = {"name": found.name, "distributions": list(found.distributions)}
        try:
            provider = plugins.load(found.name)
        except PluginError as error:
            row |= {"title": "", "state": "broken", "reason": str(error), "operations": 0, "evidence": {}}
        else:
            usable = [claim for claim in provider.capabilities.operations.values() if claim.usable]
            evidence = {grade.value: count for grade in Evidence if (count := sum(claim.evidence is grade for claim in usable))}
            row |= {"title": provider.title, "state": "ok", "reason": "", "operations": len(usable), "evidence": evidence}
        rows.append(row)
    if json:
        json_lines(rows)
        return
    columns = (
        Column("name"),
        Column("title", least=8, wrap=True),
        Column("distribution", drop=1),
        Column("state"),
        Column("operations", right=True),
        Column("rests on", least=12, wrap=True),
    )
    total = len(Operation)
    table(
        columns,
        [
            (
                show(str(row["name"])),
                show(str(row["title"])),
                show(", ".join(map(str, row["distributions"]))) if isinstance(row["distributions"], list) else "",
                str(row["state"]),
                f"{row['operations']} of {total}",
                ", ".join(f"{count} {grade}" for grade, count in row["evidence"].items()) if isinstance(row["evidence"], dict) else "",
            )
            for row in rows
        ],
        empty="no providers are installed",
    )
    for row in rows:
        if row["reason"]:
            note(show(str(row["reason"])), RED)


def backends(
    *,
    check: Annotated[bool, typer.Option("--check", help="Prove address and credentials of each with one harmless read.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """List the configured backends, and check their credentials.

    Exit status 1 if one of them cannot be used.
    """
    from unibill import config as configuration
    from unibill.cli.output import RED, Column, json_lines, note, say, table
    from unibill.cli.progress import working
    from unibill.showing import show

    known = configuration.backends(config)
    rows: list[dict[str, object]] = []
    for name in known:
        with working(f"asking {show(name)}") if check else nullcontext():
            rows.append(_backend_row(name, config, check))
    if json:
        json_lines(rows)
    else:
        columns = [Column("name"), Column("provider"), Column("system", least=20, wrap=True), Column("state")]
        table(columns, [[show(str(row[key])) for key in ("name", "provider", "system", "state")] for row in rows], empty="no backends")
        if not known:
            say("`unibill init` writes a unibill.toml by asking; `unibill sandbox --write DIR` writes one for the sandboxes.")
        for row in rows:
            if row["reason"]:
                note(f"{show(str(row['name']))}: {show(str(row['reason']))}", RED if row["state"] == "broken" else None)
    if any(row["state"] == "broken" for row in rows):
        raise typer.Exit(1)


def _backend_row(name: str, config_file: "Path | None", check: bool) -> dict[str, object]:
    from unibill import config as configuration
    from unibill import plugins
    from unibill.cli.backends import opened
    from unibill.errors import UnibillError

    known = configuration.backend(name, config_file)
    row: dict[str, object] = {
        "name": name,
        "provider": plugins.shown_name(known.provider),
        "system": "",
        "state": "not checked",
        "reason": "",
        "from": known.source,
    }
    try:
        with opened(name, config_file) as billing:
            row["system"] = billing.provider.identity()
            if check:
                row["state"] = "ok" if _harmless_read(billing) else "not checked"
                row["reason"] = "" if row["state"] == "ok" else "its provider offers no read that needs nothing but credentials"
    except UnibillError as error:
        row["state"], row["reason"] = "broken", str(error)
    return row


def _harmless_read(billing: object) -> bool:
    """Read the first page of some list. Of an account that nobody has, a "not found" proves the credentials too."""
    from unibill.capabilities import Operation
    from unibill.errors import NotFound
    from unibill.facade import Billing

    if not isinstance(billing, Billing):
        return False
    capabilities = billing.capabilities
    if capabilities.of(Operation.CREDITS_LIST).usable:
        next(iter(billing.credits.list()), None)
    elif capabilities.of(Operation.CREDITS_LIST_ACCOUNT).usable:
        with suppress(NotFound):
            next(iter(billing.credits.list(account="0")), None)
    else:
        return False
    return True


def explain(
    backend: Backend,
    credit_id: Annotated[str, typer.Argument(metavar="ID", help="The credit's id.", show_default=False)],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="BACKEND", help="The other backend, or a provider's name.", show_default=False, autocompletion=system_names
        ),
    ],
    account: Annotated[str | None, typer.Option(help="Its account; some vendors find a credit only with it.", show_default=False)] = None,
    target_account: Annotated[str | None, typer.Option(help="The account at the other backend.", show_default=False)] = None,
    *,
    json: Json = False,
    config: Config = None,
) -> None:
    """Show what a credit would be at another backend.

    Field by field: the vendor's own value, the common one, what the other vendor would be sent, the rules between them, and what
    would be lost; and how much a copy would carry with each --carry, if every invoice is mapped. Reads one credit and writes nothing.
    """
    from unibill import explaining
    from unibill.cli.backends import example_provider, opened
    from unibill.cli.output import RED, YELLOW, heading, json_lines, say, text_of
    from unibill.showing import show

    target = example_provider(to, config)
    with opened(backend, config) as billing:
        credit = billing.credits.get(credit_id, account=account)
        source = billing.provider
        record = billing.run(source.vendor_record(credit))
        told = explaining.explain(credit, source.capabilities, source.identity(), target, target_account, record=record)
    if json:
        json_lines([told.jsonable()])
        return
    currency = show(credit.currency)
    remains = "what remains of it is not known" if credit.remaining is None else f"of which {text_of(credit.remaining)} remains"
    say(f"Credit {show(credit.id)} of {source.title}: {text_of(credit.amount)} {currency}, {remains}; {credit.status.value}")
    if told.refusal:
        say(f"A copy would leave it alone: {show(told.refusal)}. Nothing of it is lost: it stays at {source.title} as it is.", YELLOW)
    else:
        for choice in told.choices:
            what = "nothing" if choice.amount is None else f"{text_of(choice.amount)} {currency}"
            said = show(choice.reason) if choice.amount is None else _allocations(choice.allocations)
            say(f"A copy with --carry {choice.carry} would carry {what}{': ' if choice.amount is None else ', '}{said}.")
    how = "" if told.refusal else f", with --carry {told.carry}"
    heading(f"{source.title} to {target.title}, field by field{how}")
    print_explained(told.fields, values=True, titles=(source.title, target.title))
    for fault in told.faults:
        say(f"{target.title} would refuse it: {show(str(fault))}", RED)
    if told.draft is not None and not told.faults:
        say()
        amount = f"{text_of(told.draft.amount)} {show(told.draft.currency)}"
        say(f"With --carry {told.carry}, {target.title} would get {amount}, {_allocations(len(told.draft.allocations))}.")


def _allocations(count: int) -> str:
    return f"with {count or 'no'} allocation{'' if count == 1 else 's'}"


def print_explained(
    fields: "Sequence[Explained]", *, values: bool, titles: tuple[str, str] = ("from", "to"), rules: bool = True, width: int | None = None
) -> None:
    """Print what becomes of each field: with the values and the rules between them, or only the rules.

    Args:
        fields: in the order to print them.
        values: whether there are any.
        titles: the vendors' names, of the source and of the target.
        rules: whether to print the rules too, where there are values.
        width: the room; None takes the terminal's.
    """
    from unibill.cli.output import DIM, Column, out, say, table
    from unibill.showing import show

    here, there = titles
    shown = [field for field in fields if field.arrival.value != "empty" or not values]
    if values:
        columns: Sequence[Column] = (
            Column("field"),
            Column(here, least=10, wrap=True),
            Column("common", least=10, wrap=True),
            Column("", least=7, wrap=True),
            Column(there, least=10, wrap=True),
        )
        rows = [
            (show(field.field), show(field.raw), show(field.value), _word(field), show(field.written or field.arrives)) for field in shown
        ]
        table(columns, rows, width=width)
    else:
        columns = (Column("field"), Column("arrives"), Column("from", least=16, wrap=True), Column("to", least=16, wrap=True))
        table(columns, [(show(field.field), _word(field), show(field.source), show(field.target)) for field in shown], width=width)
    lost = [field for field in shown if field.reasons and field.arrival.value not in {"its own", "same", "empty"}]
    if lost:
        say()
        say("Why:", DIM)
        for field in lost:
            out().print(f"  {show(field.field)}: {show('; '.join(field.reasons))}", soft_wrap=not out().is_terminal)
    ruled = [field for field in shown if values and rules and (field.source or field.target) and not field.field.startswith("extra.")]
    if ruled:
        say()
        say("Rules:", DIM)
        columns = (Column("  field"), Column(f"from {here}", least=16, wrap=True), Column(f"to {there}", least=16, wrap=True))
        told = [(f"  {show(field.field)}", show(field.source), show(field.target) if field.written else "") for field in ruled]
        table(columns, told, width=width)


def _word(field: "Explained") -> str:
    if field.arrival.value == "empty":
        return "–"
    return f"{field.arrival.value} (money)" if field.money else field.arrival.value


def mapping(
    source: Annotated[
        str | None,
        typer.Argument(metavar="SRC", help="A provider's name, or a backend's.", show_default=False, autocompletion=system_names),
    ] = None,
    target: Annotated[
        str | None, typer.Argument(metavar="DST", help="Another one.", show_default=False, autocompletion=system_names)
    ] = None,
    *,
    json: Json = False,
    config: Config = None,
) -> None:
    """Show what is lost between two providers.

    Field by field, for a credit in which everything is filled; without names, between every two providers. Sends nothing.
    """
    from unibill import explaining, installed, plugins
    from unibill.cli.backends import example_provider
    from unibill.cli.output import BOLD, heading, json_lines, say

    if (source is None) != (target is None):
        raise typer.BadParameter("give two names, or none for every pair")
    if source is not None and target is not None:
        pairs = [(source, target)]
    else:
        names = [name for name in installed.found() if name not in plugins.broken()]
        pairs = [(one, other) for one in names for other in names if one != other]
    for one, other in pairs:
        from_provider, to_provider = example_provider(one, config), example_provider(other, config)
        fields = explaining.matrix(from_provider, to_provider)
        if json:
            json_lines({"from": one, "to": other, **field.jsonable()} for field in fields)
            continue
        title = f"{from_provider.title} to {to_provider.title}"
        say(title, BOLD) if (one, other) == pairs[0] else heading(title)
        print_explained(fields, values=False)
    if not json:
        say()
        say("same: arrives as it is · its own: the target makes its own · lost: does not arrive · –: the source has none")
