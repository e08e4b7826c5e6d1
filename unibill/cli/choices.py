"""What a run can be told on the command line: the options of ``plan``, ``copy`` and ``apply``, each in one place."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from unibill.cli.credits import amount
from unibill.cli.grouped import group

if TYPE_CHECKING:
    from unibill.copying import Guards, PlanOptions

GUARDS = "Guards"
FILTERS = "Which records"
CHARGES = "Charges, with --include charges"

E = TypeVar("E", bound=StrEnum)


class Carry(StrEnum):
    """What is carried."""

    REMAINING = "remaining"
    HISTORY = "history"


class LookAlikes(StrEnum):
    """What to do about an unmarked record that looks the same."""

    BLOCK = "block"
    CREATE = "create"
    SKIP = "skip"


class Include(StrEnum):
    """What is copied beside credits."""

    PAYMENTS = "payments"
    CHARGES = "charges"


class CreditCharges(StrEnum):
    """As what a charge travels that is a credit too."""

    CREDIT = "credit"
    CHARGE = "charge"


class InvoicedCharges(StrEnum):
    """What to do about a charge that is on an invoice already."""

    BLOCK = "block"
    COPY = "copy"
    SKIP = "skip"


@group
@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChoices:
    """What to plan."""

    accounts: Annotated[
        Path | None,
        typer.Option(
            "--accounts",
            metavar="CSV",
            help="Which account becomes which; columns source_account, target_account. Needed, unless --same-account-ids is given.",
            show_default=False,
        ),
    ] = None
    same_account_ids: Annotated[
        bool, typer.Option("--same-account-ids", help="Accounts not in the map have the same id at the target.")
    ] = False
    invoices: Annotated[
        Path | None,
        typer.Option(
            "--invoices",
            metavar="CSV",
            help="Which invoice becomes which, for --carry history; columns source_invoice, target_invoice.",
            show_default=False,
        ),
    ] = None
    carry: Annotated[
        Carry,
        typer.Option(
            "--carry",
            help="remaining: what is left, without allocations (invoices stand there at outstanding amounts); "
            "history: allocations too (invoices stand there at full amounts).",
        ),
    ] = Carry.REMAINING
    include: Annotated[
        list[Include] | None,
        typer.Option(
            "--include", help="Carry what is left of payments too, or copy charges as charges; repeat for both.", show_default=False
        ),
    ] = None
    look_alikes: Annotated[
        LookAlikes,
        typer.Option(
            "--look-alikes",
            help="What to do with a record if the target has an unmarked one that looks like it: same account, currency, amount and day (of charges: type).",
        ),
    ] = LookAlikes.BLOCK
    allow_card_numbers: Annotated[bool, typer.Option("--allow-card-numbers", help="Copy texts that may hold a card number.")] = False
    accept_plan: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-plan",
            metavar="NAME",
            help="Copy into accounts with this excess-credit plan, though it may act on a copy; repeat for more.",
            show_default=False,
        ),
    ] = None
    charge_types: Annotated[
        Path | None,
        typer.Option(
            "--charge-types",
            metavar="CSV",
            rich_help_panel=CHARGES,
            help="Which charge type becomes which; columns source_type, target_type, and invoicing if it changes. A target of - leaves a type behind.",
            show_default=False,
        ),
    ] = None
    same_charge_types: Annotated[
        bool,
        typer.Option("--same-charge-types", rich_help_panel=CHARGES, help="Charge types not in the map are called the same at the target."),
    ] = False
    policies: Annotated[
        Path | None,
        typer.Option(
            "--policies",
            metavar="CSV",
            rich_help_panel=CHARGES,
            help="Which policy becomes which; columns source_policy, target_policy, and kind for transactions and elements.",
            show_default=False,
        ),
    ] = None
    credit_charges: Annotated[
        CreditCharges,
        typer.Option(
            "--credit-charges",
            rich_help_panel=CHARGES,
            help="How to copy a charge that is a credit too: as a credit of what remains, or as a charge while nothing of it is spent.",
        ),
    ] = CreditCharges.CREDIT
    invoiced_charges: Annotated[
        InvoicedCharges,
        typer.Option(
            "--invoiced-charges",
            rich_help_panel=CHARGES,
            help="What to do with a charge that is on an invoice already: it would be owed twice if that invoice stands at the target too.",
        ),
    ] = InvoicedCharges.BLOCK
    only_accounts: Annotated[
        list[str] | None,
        typer.Option("--account", rich_help_panel=FILTERS, help="Only of this source account; repeat for more.", show_default=False),
    ] = None
    currencies: Annotated[
        list[str] | None,
        typer.Option("--currency", rich_help_panel=FILTERS, help="Only this currency; repeat for more.", show_default=False),
    ] = None
    statuses: Annotated[
        list[str] | None,
        typer.Option("--status", rich_help_panel=FILTERS, help="Only this status, such as open; repeat for more.", show_default=False),
    ] = None
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind", rich_help_panel=FILTERS, help="Only this kind, such as credit_note or charge; repeat for more.", show_default=False
        ),
    ] = None
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            rich_help_panel=FILTERS,
            help="Only issued on this day or later; charges have no day.",
            show_default=False,
        ),
    ] = None
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until",
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            rich_help_panel=FILTERS,
            help="Only issued on this day or earlier.",
            show_default=False,
        ),
    ] = None
    ids: Annotated[
        Path | None,
        typer.Option("--ids", metavar="FILE", rich_help_panel=FILTERS, help="Only these records, one id a line.", show_default=False),
    ] = None

    def options(self, guards: "Guards") -> "PlanOptions":
        """The library's options.

        Raises:
            BadParameter: an option is missing that another needs, or a word is none of those known.
            InvalidMap: a map has bad lines.
        """
        from unibill.copying import AccountMap, ChargeTypeMap, InvoiceMap, PlanOptions, PolicyMap
        from unibill.model import CreditKind, Status

        self._check()
        return PlanOptions(
            accounts=AccountMap() if self.accounts is None else AccountMap.from_csv(self.accounts),
            invoices=None if self.invoices is None else InvoiceMap.from_csv(self.invoices),
            carry=self.carry.value,
            include=frozenset(item.value for item in self.include or ()),
            only_accounts=frozenset(self.only_accounts) if self.only_accounts else None,
            currencies=frozenset(self.currencies) if self.currencies else None,
            statuses=frozenset(_word(Status, text, "--status") for text in self.statuses) if self.statuses else None,
            kinds=frozenset(_word(CreditKind, text, "--kind") for text in self.kinds) if self.kinds else None,
            since=self.since.date() if self.since else None,
            until=self.until.date() if self.until else None,
            ids=None if self.ids is None else _read_ids(self.ids),
            look_alikes=self.look_alikes.value,
            allow_card_numbers=self.allow_card_numbers,
            accept_plans=frozenset(self.accept_plan or ()),
            guards=guards,
            same_account_ids=self.same_account_ids,
            charge_types=None if self.charge_types is None else ChargeTypeMap.from_csv(self.charge_types),
            same_charge_types=self.same_charge_types,
            policies=None if self.policies is None else PolicyMap.from_csv(self.policies),
            credit_charges=self.credit_charges.value,
            invoiced_charges=self.invoiced_charges.value,
        )

    def _check(self) -> None:
        if self.accounts is None and not self.same_account_ids:
            raise typer.BadParameter("give --accounts, or --same-account-ids where both sides name accounts alike")
        if self.carry is Carry.HISTORY and self.invoices is None:
            raise typer.BadParameter("--carry history needs --invoices: without it no allocation could be carried")
        if Include.CHARGES in (self.include or ()):
            if self.charge_types is None and not self.same_charge_types:
                raise typer.BadParameter("--include charges needs --charge-types, or --same-charge-types where both sides name them alike")
            return
        idle = {
            "--charge-types": self.charge_types is not None,
            "--same-charge-types": self.same_charge_types,
            "--policies": self.policies is not None,
            "--credit-charges": self.credit_charges is not CreditCharges.CREDIT,
            "--invoiced-charges": self.invoiced_charges is not InvoicedCharges.BLOCK,
        }
        if alone := [name for name, given in idle.items() if given]:
            raise typer.BadParameter(f"{', '.join(alone)} would do nothing: no charge is copied without --include charges")


@group
@dataclass(frozen=True, slots=True, kw_only=True)
class GuardChoices:
    """Limits past which nothing is written."""

    max_records: Annotated[
        int | None, typer.Option("--max-records", min=0, rich_help_panel=GUARDS, help="Most records to create.", show_default=False)
    ] = None
    max_money: Annotated[
        list[str] | None,
        typer.Option(
            "--max-money",
            metavar="CUR=AMOUNT",
            rich_help_panel=GUARDS,
            help="Most money to create, per currency; of charges whatever their sign.",
            show_default=False,
        ),
    ] = None
    max_credit: Annotated[
        list[str] | None,
        typer.Option(
            "--max-credit", metavar="CUR=AMOUNT", rich_help_panel=GUARDS, help="Most money in one record, per currency.", show_default=False
        ),
    ] = None
    max_blocked: Annotated[
        Decimal | None,
        typer.Option(
            "--max-blocked",
            parser=amount,
            metavar="SHARE",
            rich_help_panel=GUARDS,
            help="Largest share of the records that may be blocked or in conflict, from 0 to 1; 0.3 if not given.",
            show_default=False,
        ),
    ] = None

    @property
    def given(self) -> bool:
        """Whether any was."""
        return any(option is not None for option in (self.max_records, self.max_money, self.max_credit, self.max_blocked))

    def guards(self) -> "Guards":
        """The library's guards.

        Raises:
            BadParameter: one is not CUR=AMOUNT, or a share is not between 0 and 1.
        """
        from unibill.copying import Guards

        blocked = self.max_blocked
        if blocked is not None and not 0 <= blocked <= 1:
            raise typer.BadParameter(f"--max-blocked takes a share from 0 to 1, not {blocked}")
        share = Guards().max_blocked if blocked is None else blocked
        return Guards(
            max_records=self.max_records, max_money=_limits(self.max_money), max_credit=_limits(self.max_credit), max_blocked=share
        )


@group
@dataclass(frozen=True, slots=True, kw_only=True)
class PaceChoices:
    """How fast to write, and how patiently."""

    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, max=256, help="How many accounts to work on at once.", show_default=False)
    ] = None
    settle: Annotated[
        float,
        typer.Option(
            "--settle",
            min=0,
            metavar="SECONDS",
            help="How long to wait before looking for a write whose answer was lost: it may take effect until then.",
        ),
    ] = 30.0


def _limits(texts: list[str] | None) -> dict[str, Decimal]:
    limits: dict[str, Decimal] = {}
    for text in texts or ():
        currency, equals, value = text.partition("=")
        if not (equals and currency):
            raise typer.BadParameter(f"{text!r} is not CUR=AMOUNT, such as USD=10000")
        limits[currency] = amount(value)
    return limits


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
    found = frozenset(line.strip() for line in lines if line.strip())
    if not found:
        raise typer.BadParameter(f"--ids {path} names no record; give one id a line")
    return found
