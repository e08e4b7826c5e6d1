"""Which credit paid which invoice, and what of it is left. Pure: no request is made here.

Socotra records movements of money, not the fate of a credit. The rules by which one becomes the other:

- **account → invoice** (credit distribution): allocations of the credits that filled the account's balance, the oldest first, split
  where needed. A distribution whose locator unibill derived from a credit (``ids.derived_locator``) spends that credit first.
- **negative invoice → account**: the settlement of the charges on that invoice. It is neither a credit nor an allocation: it
  makes its charges spendable. Where no credit charge explains the invoice (a return premium, a charge that was reversed since), the
  distribution itself is the credit.
- **invoice → invoice**: allocations of the charges on the source invoice, or of the distribution itself where none explains it.
- A **payment**'s targets are its allocations; its surplus fills the balance. A **subpayment** doubles its parent: nothing remains of it.
- A **disbursement** leaves the balance and lowers what remains, the oldest credit first; it is no allocation.
- **Write-offs** and **shortfall credits** carry their own targets; nothing remains of them.
- Whatever is **reversed** gives back what it had taken, to those from whom it had taken it.
- Several sources and targets: see ``edges``. Distributions that only move other credits' money are not in the result: they *are*
  the allocations, and their locator is the ``group_id``.
- What remains of a charge that is not yet invoiced, or whose invoice is not yet settled, is None.

Invariant: per currency, what remains of all credits, less what is overdrawn, is the ledger's accountCreditBalance. Where it is not,
every credit of that currency carries the finding ``balance-mismatch``.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final

from unibill import allocating, money
from unibill.model import Allocation, Credit, CreditKind, Finding, Status, applied_of, status_from_amounts
from unibill.pooling import ZERO, Balance, Drain, Event, Lot
from unibill_socotra.mapping import charges as map_charges
from unibill_socotra.mapping import credits as map_credits
from unibill_socotra.mapping import ids
from unibill_socotra.mapping.charges import ChargeRules
from unibill_socotra.mapping.times import moment
from unibill_socotra.reading.edges import Edge, Part, paired, resolved, target_of
from unibill_socotra.reading.invoiced import Share, explain
from unibill_socotra.reading.records import AccountRecords
from unibill_socotra.wire.common import CreditItem
from unibill_socotra.wire.credits import Distribution
from unibill_socotra.wire.payments import Payment

_START: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(slots=True, eq=False)
class _Draining:
    drain: Drain
    targets: list[Part]
    distribution: Distribution | None


@dataclass(slots=True)
class _Found:
    """What is being put together for one credit."""

    credit: Credit
    allocations: list[Allocation] = field(default_factory=list[Allocation])
    lots: list[Lot] = field(default_factory=list[Lot])
    spendable: bool = True


def attribute(records: AccountRecords, provider: str, zone: tzinfo, rules: ChargeRules) -> list[Credit]:
    """Every credit of an account with its allocations, what is applied and what remains, the oldest first; reversed ones too.

    Args:
        records: whole lists of one account.
        provider: the name in the credits.
        zone: whose calendar days credits are issued on.
        rules: which charges are credits.
    """
    return _Attribution(records, provider, zone, rules).run()


def balance_totals(records: AccountRecords, rules: ChargeRules) -> dict[str, Decimal]:
    """What the ledger should say by currency, if these records are all there are."""
    work = _Attribution(records, "", UTC, rules)
    work.collect()
    return {currency: balance.total() for currency, balance in work.balances().items()}


class _Attribution:
    def __init__(self, records: AccountRecords, provider: str, zone: tzinfo, rules: ChargeRules) -> None:
        self._records = records
        self._provider = provider
        self._zone = zone
        self._invoices = {invoice.locator: invoice for invoice in records.invoices}
        self._undone = map_charges.reversed_locators(records.charges)
        self._invoiced = explain(records.charges, records.invoices, rules)
        self._listed = {(record.credit_type, record.locator): record for record in records.listed}
        self._found: dict[str, _Found] = {}
        self._events: dict[str, list[Event]] = {}
        self._drainings: list[_Draining] = []
        self._given = {name: deque((share.charge, share.amount) for share in shares) for name, shares in self._invoiced.shares.items()}
        self._stems: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._rules = rules

    def collect(self) -> None:
        """Take in every record: what fills the balance, what drains it, and what was applied without passing it."""
        self._add_charges()
        for payment in self._records.payments:
            self._add_payment(payment)
        self._add_write_offs()
        for distribution in sorted(self._records.distributions, key=lambda d: (_when(d.executed_at, d.created_at), d.locator)):
            self._add_distribution(distribution)
        self._add_disbursements()

    def balances(self) -> dict[str, Balance]:
        """Let the balances run, by currency."""
        found: dict[str, Balance] = {}
        for currency, events in self._events.items():
            found[currency] = Balance()
            found[currency].run(events)
        return found

    def run(self) -> list[Credit]:
        """The credits."""
        self.collect()
        balances = self.balances()
        for draining in self._drainings:
            self._allocate(draining)
        self._add_the_rest()
        mismatches = self._mismatches(balances)
        credits = [self._finished(found, mismatches) for found in self._found.values()]
        return sorted(credits, key=lambda credit: (credit.created_at or _START, credit.id))

    def _add_charges(self) -> None:
        for charge in self._records.charges:
            if not self._rules.is_credit(charge):
                continue
            undone = charge.locator in self._undone
            credit = map_charges.credit_of_charge(charge, self._provider, self._zone, undone=undone)
            found = self._add(credit)
            invoice = self._invoiced.invoice_of.get(charge.locator)
            found.spendable = invoice is not None
            if undone:
                continue
            for on, amount in self._invoiced.netted.get(charge.locator, ()):
                self._allocation(found, Part(on.locator, "invoice", amount), amount, None, moment(on.generated_time), None)
            if invoice is not None and invoice.total_amount is not None and invoice.total_amount < 0 and invoice.total_remaining_amount:
                found.spendable = False

    def _add_payment(self, payment: Payment) -> None:
        credit = map_credits.payment(payment, self._provider, self._zone)
        found = self._add(credit)
        if credit.status not in map_credits.MOVED and credit.status is not Status.REVERSED:
            return
        parent = payment.aggregate_payment_locator
        if parent is not None and any(other.locator == parent for other in self._records.payments):
            return
        parts = [part for part in self._payment_targets(payment) if part.type != "account"]
        reversed_at = moment(payment.reversed_at)
        stands = credit.status is not Status.REVERSED
        if stands or reversed_at is not None:
            for part in parts:
                self._allocation(found, part, part.amount, None, credit.realized_at, None if stands else reversed_at)
        surplus = money.subtract(credit.amount, money.add([part.amount for part in parts]))
        ours = payment.account_locator == self._records.account or (
            payment.account_locator is None and all(part.locator in self._invoices for part in parts)
        )
        if surplus > 0 and parent is None and ours:
            self._fill(found, surplus, f"{payment.locator}:0", _when(payment.posted_at, payment.created_at), stands, reversed_at)

    def _payment_targets(self, payment: Payment) -> list[Part]:
        total = payment.amount.copy_abs()
        kept = payment.remaining_amount
        if kept is not None and 0 < kept <= total:
            total = money.subtract(total, kept)
        return resolved(payment.targets, total, self._invoices)

    def _add_write_offs(self) -> None:
        parents = {
            locator: ids.credit_id("subpayment" if payment.aggregate_payment_locator else "payment", payment.locator)
            for payment in self._records.payments
            for locator in payment.shortfall_credit_locators or ()
        } | {
            locator: ids.credit_id("creditDistribution", distribution.locator)
            for distribution in self._records.distributions
            for locator in distribution.shortfall_credit_locators or ()
        }
        for shortfall in self._records.shortfalls:
            credit = map_credits.shortfall(shortfall, self._provider, self._zone, parents.get(shortfall.locator))
            credit = self._with_listed_times("shortfallWriteOff", shortfall.locator, credit)
            self._own_targets(credit, shortfall.targets, credit.reversed_at)
        for write_off in self._records.write_offs:
            credit = map_credits.write_off(write_off, self._provider, self._zone)
            if credit.id not in self._found:
                credit = self._with_listed_times("writeOff", write_off.locator, credit)
                self._own_targets(credit, write_off.targets, credit.reversed_at)

    def _with_listed_times(self, credit_type: str, locator: str, credit: Credit) -> Credit:
        """The credit with what only credits/list has of its kind: when it was applied or undone, and why."""
        listed = self._listed.get((credit_type, locator))
        if listed is None:
            return credit
        return credit.replace(
            realized_at=credit.realized_at or moment(listed.realized_at),
            reversed_at=credit.reversed_at or moment(listed.reversed_at),
            reversal_reason=credit.reversal_reason or listed.reversal_reason,
        )

    def _own_targets(self, credit: Credit, targets: Sequence[CreditItem] | None, reversed_at: datetime | None) -> None:
        found = self._add(credit)
        stands = credit.status in map_credits.MOVED
        if not stands and (credit.status is not Status.REVERSED or reversed_at is None):
            return
        for part in resolved(targets, credit.amount, self._invoices):
            self._allocation(found, part, part.amount, None, credit.created_at, None if stands else reversed_at)

    def _add_distribution(self, record: Distribution) -> None:
        status = map_credits.status_of(CreditKind.DISTRIBUTION, record.credit_distribution_state)
        reversed_at = moment(record.reversed_at)
        stands = status is Status.APPLIED
        if not stands and (status is not Status.REVERSED or reversed_at is None):
            return
        sources = resolved(record.sources, record.amount, self._invoices)
        targets = resolved(record.targets, record.amount, self._invoices)
        when = _when(record.executed_at, record.created_at)
        out: list[Edge] = []
        for number, edge in enumerate(paired(sources, targets)):
            from_us = edge.source.type == "account" and edge.source.locator == self._records.account
            to_us = edge.target.type == "account" and edge.target.locator == self._records.account
            if from_us and not to_us:
                out.append(edge)
            elif not from_us:
                self._give(record, edge, number, when, stands, reversed_at, to_us=to_us)
        if out:
            self._drain_for(record, out, when, stands, reversed_at)

    def _give(
        self, record: Distribution, edge: Edge, number: int, when: datetime, stands: bool, reversed_at: datetime | None, *, to_us: bool
    ) -> None:
        """Money that leaves an invoice (or another account): it is that of the charges on the invoice, else the distribution's own."""
        source = edge.source.locator if edge.source.type == "invoice" else ""
        for k, share in enumerate(self._shares(source, edge.amount, stands)):
            charge = share.charge
            if charge is not None and charge in self._undone and stands:
                if not to_us and self._is_netting(record, charge, edge.target.locator):
                    continue
                charge = None
            found = self._found[ids.charge_id(charge)] if charge is not None else self._itself(record, share.amount)
            if to_us:
                self._fill(found, share.amount, f"{record.locator}:{number}:{k}", when, stands, reversed_at)
            else:
                part = Part(edge.target.locator, edge.target.type, share.amount)
                self._allocation(found, part, share.amount, record.locator, moment(record.executed_at), None if stands else reversed_at)

    def _shares(self, invoice: str, amount: Decimal, stands: bool) -> list[Share]:
        """Whose money an invoice gives: the charges' shares in order. What was undone does not use them up."""
        known = self._given.get(invoice, deque())
        taken = [Share(charge, part) for charge, part in allocating.take(known if stands else known.copy(), amount)]
        missing = money.subtract(amount, money.add([share.amount for share in taken]))
        return [*taken, Share(None, missing)] if missing else taken

    def _is_netting(self, record: Distribution, charge: str, invoice: str) -> bool:
        """Whether a reversed charge's invoice only pays the invoice of its own reversal: then no money was ever spent."""
        ours = ids.derived_stem(record.locator) == ids.stem_of(ids.charge_id(charge))
        return ours or self._invoiced.reversal_invoice_of.get(charge) == invoice

    def _itself(self, record: Distribution, amount: Decimal) -> _Found:
        """The distribution as a credit of its own, of the part that no charge explains."""
        known = self._found.get(ids.credit_id("creditDistribution", record.locator))
        if known is None:
            whole = map_credits.distribution(record, self._provider, self._zone)
            known = self._add(whole.replace(amount=ZERO))
        total = money.add([known.credit.amount, amount])
        extra = dict(known.credit.extra)
        if total == record.amount.copy_abs():
            extra.pop("amount", None)
        else:
            extra["amount"] = record.amount
        known.credit = known.credit.replace(amount=total, extra=extra)
        return known

    def _drain_for(self, record: Distribution, edges: list[Edge], when: datetime, stands: bool, reversed_at: datetime | None) -> None:
        drain = Drain(record.locator, money.add([edge.amount for edge in edges]), self._stems.get(ids.derived_stem(record.locator)))
        parts = [Part(edge.target.locator, edge.target.type, edge.amount) for edge in edges]
        self._drainings.append(_Draining(drain, parts, record))
        self._event(record.currency, Event(when, "drain", record.locator, drain))
        if not stands and reversed_at is not None:
            self._event(record.currency, Event(reversed_at, "undrain", record.locator, drain))

    def _add_disbursements(self) -> None:
        for record in self._records.disbursements:
            credit = map_credits.disbursement(record, self._provider, self._zone)
            credit = self._with_listed_times("disbursement", record.locator, credit)
            self._add(credit)
            if credit.status is not Status.APPLIED and not (credit.status is Status.REVERSED and credit.reversed_at):
                continue
            parts = resolved(record.sources, record.amount, self._invoices)
            ours = [part.amount for part in parts if part.type == "account" and part.locator == self._records.account]
            amount = money.add(ours) if record.sources else credit.amount
            if not amount:
                continue
            drain = Drain(record.locator, amount)
            when = credit.realized_at or credit.created_at or _START
            self._event(record.currency, Event(when, "drain", record.locator, drain))
            if credit.reversed_at is not None:
                self._event(record.currency, Event(max(when, credit.reversed_at), "undrain", record.locator, drain))

    def _add_the_rest(self) -> None:
        """Kinds that no typed list shows."""
        typed = {"payment", "subpayment", "creditDistribution", "disbursement", "writeOff", "shortfallWriteOff"}
        for record in self._records.listed:
            if record.credit_type not in typed:
                credit = map_credits.listed_credit(record, self._provider, self._zone)
                self._found.setdefault(credit.id, _Found(credit, spendable=False))

    def _add(self, credit: Credit) -> _Found:
        if credit.account_id is None:
            credit = credit.replace(account_id=self._records.account)
        self._stems[ids.stem_of(credit.id)] = credit.id
        return self._found.setdefault(credit.id, _Found(credit))

    def _fill(self, found: _Found, amount: Decimal, key: str, when: datetime, stands: bool, reversed_at: datetime | None) -> None:
        if not stands and reversed_at is None:
            return
        lot = Lot(found.credit.id, amount, ZERO)
        found.lots.append(lot)
        self._event(found.credit.currency, Event(when, "fill", key, lot))
        if not stands and reversed_at is not None:
            self._event(found.credit.currency, Event(max(when, reversed_at), "unfill", key, lot))

    def _event(self, currency: str, event: Event) -> None:
        self._events.setdefault(currency, []).append(event)

    def _allocate(self, draining: _Draining) -> None:
        record = draining.distribution
        if record is None:
            return
        parts = [Part(credit, "credit", amount) for credit, amount in draining.drain.parts()]
        reversed_at = moment(record.reversed_at) if draining.drain.undone else None
        for edge in paired(parts, draining.targets):
            if edge.target.type == "account":
                continue
            found = self._found[edge.source.locator]
            self._allocation(
                found,
                Part(edge.target.locator, edge.target.type, edge.amount),
                edge.amount,
                record.locator,
                moment(record.executed_at),
                reversed_at,
            )

    def _allocation(
        self, found: _Found, part: Part, amount: Decimal, group: str | None, applied_at: datetime | None, reversed_at: datetime | None
    ) -> None:
        if not amount:
            return
        name = group
        if group is not None:
            number = self._numbers.get(group, 0)
            self._numbers[group] = number + 1
            name = f"{group}#{number}" if number else group
        found.allocations.append(
            Allocation(
                id=name,
                credit_id=found.credit.id,
                target=target_of(part, self._invoices),
                amount=amount,
                currency=found.credit.currency,
                group_id=group,
                applied_at=applied_at,
                reversed_at=reversed_at,
            )
        )

    def _mismatches(self, balances: dict[str, Balance]) -> dict[str, list[Finding]]:
        findings: dict[str, list[Finding]] = {}
        for currency, actual in self._records.balances.items():
            balance = balances.get(currency) or Balance()
            if balance.total() != actual:
                message = f"The ledger's credit balance is {actual} {currency}, but what remains of the credits comes to {balance.total()}."
                findings.setdefault(currency, []).append(Finding(code="balance-mismatch", message=message, field="remaining"))
            if balance.owed():
                message = f"The account's credit balance is overdrawn by {balance.owed()} {currency}."
                findings.setdefault(currency, []).append(Finding(code="balance-overdrawn", message=message, field="remaining"))
        return findings

    def _finished(self, found: _Found, mismatches: dict[str, list[Finding]]) -> Credit:
        credit = found.credit
        allocations = tuple(found.allocations)
        findings = (*credit.findings, *mismatches.get(credit.currency, ()))
        if credit.kind in {CreditKind.UNKNOWN, CreditKind.REFUND} or credit.status is Status.UNKNOWN:
            return credit.replace(findings=findings)
        applied = applied_of(allocations)
        left = money.add([lot.rest for lot in found.lots])
        remaining: Decimal | None = left
        status: Status = Status(credit.status)
        if credit.kind in {CreditKind.CHARGE, CreditKind.PAYMENT, CreditKind.DISTRIBUTION} and status in map_credits.MOVED:
            status = status_from_amounts(credit.amount, money.subtract(credit.amount, left))
            if credit.kind is CreditKind.CHARGE and not found.spendable:
                remaining, status = None, status_from_amounts(credit.amount, applied)
                findings = (*findings, _NOT_SPENDABLE)
        return map_credits.with_allocations(credit, allocations, applied, remaining, status, findings=findings)


_NOT_SPENDABLE: Final = Finding(
    code="not-settled",
    message="The charge is not yet invoiced, or its invoice not yet settled, so nobody can say what remains.",
    field="remaining",
)


def _when(*texts: str | None) -> datetime:
    return next((found for text in texts if (found := moment(text)) is not None), _START)
