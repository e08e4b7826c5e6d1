"""What ``unibill demo`` does, without a word of output: two sandboxes, a copy each way, and what both sides say afterwards.

Everything goes through the public API: ``unibill.connect``'s facade and ``unibill.copying``. Only the sandboxes are filled
directly, as a test would.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from unibill import copying, exactjson, marks, money, plugins
from unibill.cli import cast
from unibill.cli.cast import BILLAGAIN, SOCOTRA
from unibill.config import validate
from unibill.connecting import connect
from unibill.copying.summary import ApplySummary, PlanSummary, Tell, Verification
from unibill.errors import ConfigurationError
from unibill.explaining import Explanation, explain
from unibill.facade import Billing
from unibill.model import Credit, CreditKind
from unibill.operations import GONE
from unibill.sandbox import Sandbox, Serving

RANDOM_SEED: Final = 2016
GENERATED: Final[Mapping[str, int]] = {BILLAGAIN: 300, SOCOTRA: 500}
"""How many credits are made up; about half of BillAgain's and a third of Socotra's have something left that a copy carries."""
ALL_KINDS: Final = (
    CreditKind.PAYMENT,
    CreditKind.SUBPAYMENT,
    CreditKind.DISTRIBUTION,
    CreditKind.DISBURSEMENT,
    CreditKind.WRITE_OFF,
    CreditKind.SHORTFALL_WRITE_OFF,
    CreditKind.CHARGE,
)


@dataclass(frozen=True, slots=True)
class Printed:
    """A credit note as BillAgain's page prints it.

    Attributes:
        allocations: id, invoice and amount of each.
    """

    id: str
    customer: str
    day: date
    currency: str
    amount: Decimal
    number: str
    memo: str | None
    allocations: tuple[tuple[str, str, Decimal], ...]

    def matches(self, credit: Credit) -> bool:
        """Whether a credit that was read says exactly this."""
        read = tuple((item.id, item.target.id, item.amount) for item in credit.allocations or ())
        texts = (credit.id, credit.account_id, credit.currency, credit.number, credit.memo)
        return (*texts, credit.issued_on, credit.amount, read) == (
            *(self.id, self.customer, self.currency, self.number, self.memo),
            *(self.day, self.amount, self.allocations),
        )


def _printed(number: str, customer: str, amount: int, memo: str | None, *allocations: tuple[str, str, int]) -> Printed:
    parts = tuple((item, invoice, Decimal(applied)) for item, invoice, applied in allocations)
    return Printed(number, customer, date(2016, 4, 5), "ZAR", Decimal(amount), "424242424242424", memo, parts)


PRINTED: Final = (
    _printed("10081", "222", 200, None, ("10327", "11343", 200)),
    _printed("10083", "269", 100, None, ("10331", "11343", 100)),
    _printed("10095", "269", 200, "payment to invoices", ("10355", "11352", 150), ("10358", "11380", 50)),
)
"""The three credit notes of https://docs.billagain.com/developer/credits, written down here from the page."""


def pages(out: Path) -> list[Path]:
    """Where the reports of both copies go.

    Args:
        out: that of the copy there; that of the copy back is beside it.
    """
    return [out, out.with_name(f"{out.stem}-back{out.suffix}")]


@dataclass(frozen=True, slots=True)
class Leg:
    """A copy from one side to the other."""

    source: str
    target: str
    plan: PlanSummary
    applied: ApplySummary
    proof: Verification

    def jsonable(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "source": self.source,
            "target": self.target,
            "plan": self.plan.jsonable(),
            "apply": self.applied.jsonable(),
            "verify": self.proof.jsonable(),
        }


@dataclass(frozen=True, slots=True)
class Sum:
    """The money that can be spent at one account (or at all, with an empty account) in one currency.

    Attributes:
        system: the side that was read.
        before: before anything was copied.
        carried: what the plan carried there.
        marked: what is left of the copies that were found there by their marks, in a fresh read.
        after: what can be spent there now.
    """

    system: str
    account: str
    currency: str
    before: Decimal
    carried: Decimal
    marked: Decimal
    after: Decimal

    @property
    def agrees(self) -> bool:
        """Whether before and carried come to after, and the copies to what was carried."""
        return self.marked == self.carried and money.add([self.before, self.carried]) == self.after

    def jsonable(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "system": self.system,
            "account": self.account,
            "currency": self.currency,
            "before": self.before,
            "carried": self.carried,
            "marked": self.marked,
            "after": self.after,
            "agrees": self.agrees,
        }


Money = dict[tuple[str, str], Decimal]
"""Amounts by account and currency."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be spent at each account of one side.

    Attributes:
        spendable: what remains of every standing credit.
        marked: what remains of the copies among them.
        credits: how many credits were read.
    """

    spendable: Money
    marked: Money
    credits: int


class Rehearsal:
    """Two sandboxes on loopback ports of their own, each with a facade. Use it as a context manager.

    Args:
        folder: where the run files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self.sandboxes = {name: self._sandbox(name) for name in (BILLAGAIN, SOCOTRA)}
            self.cast = cast.add_twins(self.sandboxes[BILLAGAIN], self.sandboxes[SOCOTRA], invoices=False)
            self.servers = {name: self._stack.enter_context(sandbox.serve()) for name, sandbox in self.sandboxes.items()}
            self.billing = {name: self._stack.enter_context(self._open(name, server)) for name, server in self.servers.items()}
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _sandbox(self, name: str) -> Sandbox:
        system = plugins.load(name).sandbox()
        if system is None:
            raise ConfigurationError(f"the provider {name!r} has no sandbox")
        switches = {name: cast.ACCEPTING[name]} if name in cast.ACCEPTING else {}
        sandbox = self._stack.enter_context(Sandbox([system], switches=switches))
        sandbox.seed("documented")
        sandbox.seed("generated", GENERATED[name], RANDOM_SEED)
        return sandbox

    def _open(self, name: str, server: Serving) -> Billing:
        provider = plugins.load(name)
        values = server.sandbox.client_settings(server.url)[name]
        return connect(provider(validate(provider.Settings, values, f"the sandbox of {name}")), name=name)

    @property
    def title(self) -> dict[str, str]:
        """The vendors' names."""
        return {name: billing.provider.title for name, billing in self.billing.items()}

    # The documented records

    def printed(self) -> list[tuple[Printed, Credit]]:
        """The documented credit notes, as printed and as read."""
        return [(printed, self.billing[BILLAGAIN].credits.get(printed.id)) for printed in PRINTED]

    def explained(self, credit: Credit) -> Explanation:
        """What one of them would be in Socotra."""
        source, target = self.billing[BILLAGAIN].provider, self.billing[SOCOTRA].provider
        account = self.cast.accounts.get(credit.account_id or "")
        record = self.billing[BILLAGAIN].run(source.vendor_record(credit))
        return explain(credit, source.capabilities, source.identity(), target, account, record=record)

    def one_of_each(self) -> list[Credit]:
        """One Socotra credit of every kind, with its allocations where the account tells them; standing ones where there are any."""
        found: dict[CreditKind, Credit] = {}
        socotra = self.billing[SOCOTRA]
        accounts = dict.fromkeys(credit.account_id for credit in socotra.credits.list() if credit.account_id)
        for account in accounts:
            for credit in socotra.credits.list(account=account, allocations=True, include_reversed=True):
                known = found.get(credit.kind)
                if known is None or (known.status in GONE and credit.status not in GONE) or (not known.allocations and credit.allocations):
                    found[credit.kind] = credit
            if all(kind in found and found[kind].status not in GONE for kind in ALL_KINDS):
                break
        return [found[kind] for kind in ALL_KINDS if kind in found]

    # Copies

    def pairs(self, source: str) -> dict[str, str]:
        """The account map from a side to the other."""
        return self.cast.forth if source == BILLAGAIN else self.cast.whole_way_back

    def copy(self, source: str, target: str, name: str, watch: Tell | None = None) -> Leg:
        """Plan, apply with the plan's hash, verify; ``watch`` is told how far it is."""
        run = self._folder / f"{name}.run"
        options = copying.PlanOptions(accounts=copying.AccountMap.from_pairs(self.pairs(source)))
        one, other = self.billing[source], self.billing[target]
        planned = copying.plan(one, other, run, options, watch)
        applied = copying.apply(one, other, run, copying.ApplyOptions(expect=planned.hash), watch)
        return Leg(source, target, planned, applied, copying.verify(one, other, run, watch))

    def plan_again(self, source: str, target: str, name: str) -> PlanSummary:
        """Plan the same copy once more, in a run of its own."""
        options = copying.PlanOptions(accounts=copying.AccountMap.from_pairs(self.pairs(source)))
        return copying.plan(self.billing[source], self.billing[target], self._folder / f"{name}.run", options)

    # Both sides again

    def report(self, out: Path) -> list[Path]:
        """Write a report of the copy there, and one of the copy back beside it.

        Returns:
            The pages.
        """
        from unibill import reporting

        written = pages(out)
        for name, page in zip(("forth", "back"), written, strict=True):
            reporting.report(self._folder / f"{name}.run", page)
        return written

    def read(self, system: str) -> Reading:
        """Read every mapped account of one side afresh."""
        other = SOCOTRA if system == BILLAGAIN else BILLAGAIN
        origin = self.billing[other].provider.identity()
        spendable: Money = {}
        marked: Money = {}
        count = 0
        for account in self.pairs(system):
            for credit in self.billing[system].credits.list(account=account, allocations=True):
                count += 1
                if credit.remaining is None or credit.status in GONE:
                    continue
                key = (account, credit.currency)
                spendable[key] = money.add([spendable.get(key, Decimal(0)), credit.remaining])
                if credit.mark is not None and marks.names(credit.mark, origin):
                    marked[key] = money.add([marked.get(key, Decimal(0)), credit.remaining])
        return Reading(spendable, marked, count)


def sums(system: str, before: Reading, after: Reading, leg: Leg) -> list[Sum]:
    """Before, carried and after of each account and currency of the side a leg wrote to."""
    carried: Money = {}
    for total in leg.plan.totals:
        key = (total.target_account, total.currency)
        carried[key] = money.add([carried.get(key, Decimal(0)), total.carried])
    keys = sorted({*before.spendable, *after.spendable, *(key for key, amount in carried.items() if amount)})
    zero = Decimal(0)
    return [
        Sum(
            system,
            *key,
            before.spendable.get(key, zero),
            carried.get(key, zero),
            after.marked.get(key, zero),
            after.spendable.get(key, zero),
        )
        for key in keys
    ]


def by_currency(lines: Iterable[Sum]) -> list[Sum]:
    """The same sums over all accounts."""
    groups: dict[tuple[str, str], list[Sum]] = {}
    for line in lines:
        groups.setdefault((line.system, line.currency), []).append(line)
    return [
        Sum(
            system,
            "",
            currency,
            money.add([line.before for line in group]),
            money.add([line.carried for line in group]),
            money.add([line.marked for line in group]),
            money.add([line.after for line in group]),
        )
        for (system, currency), group in sorted(groups.items())
    ]


def largest(lines: Sequence[Sum], count: int) -> list[Sum]:
    """The accounts with the most carried; those that do not agree come first."""
    return sorted(lines, key=lambda line: (line.agrees, -line.carried, line.account, line.currency))[:count]


def as_text(amount: Decimal) -> str:
    """An amount, digit for digit."""
    return exactjson.number(amount)
