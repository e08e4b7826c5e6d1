"""Credit distributions: draft, validated, executed, reversed, discarded.

Sources are the account's credit balance or negative invoices; targets are open invoices, single items of them, or the
account's credit balance. Nothing moves before ``execute``.
"""

from collections.abc import Sequence
from decimal import Decimal

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.allocation import Movement, capped, filled, movements, total_of, trimmed, with_amount
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.errors import Declined, conflict, invalid, unknown
from unibill_socotra.sandbox.invoices import Credit, Invoices
from unibill_socotra.sandbox.ledger import Entry
from unibill_socotra.sandbox.shortfalls import Shortfalls
from unibill_socotra.sandbox.tenant import USER

Findings = list[tuple[str, str, str]]
"""(element type, locator, sentence) of each thing that a validation found."""


class Distributions:
    """Every operation on credit distributions."""

    def __init__(self, core: Core, invoices: Invoices, shortfalls: Shortfalls) -> None:
        self._core = core
        self._invoices = invoices
        self._shortfalls = shortfalls

    def create(self, asked: r.Asked, locator: str | None = None, time: tuple[int, str] | None = None) -> r.Distribution:
        """A new draft.

        Raises:
            Declined: an amount that is not positive, or an unknown account or currency.
        """
        with self._core.store.atomic():
            micros, now = time or self._core.now()
            record = self._draft(asked, locator or self._core.ids.new(micros), now)
            self._core.store.put(record)
            return record

    def put(self, locator: str, asked: r.Asked) -> r.Distribution:
        """Create the distribution under the caller's locator, or replace its content.

        Raises:
            Declined: bad content, a state that forbids it, or an unused locator where PUT only replaces.
        """
        with self._core.store.atomic():
            current = self._core.store.find(r.Distribution, locator)
            if current is None:
                if self._core.settings["put-distribution"] == "replace-only":
                    raise unknown("credit distribution", locator)
                return self.create(asked, locator)
            return self._replace(current, asked)

    def update(self, locator: str, change: "Change") -> r.Distribution:
        """Apply a delta to a draft.

        Raises:
            Declined: it is no draft, or the outcome is malformed.
        """
        with self._core.store.atomic():
            record = self._in_state(locator, "draft")
            asked = record.asked
            next_asked = r.Asked(
                account_locator=change.account_locator or asked.account_locator,
                amount=asked.amount if change.amount is None else change.amount,
                currency=change.currency or asked.currency,
                sources=[*(i for i in asked.sources if i.container_locator not in change.remove_sources), *change.add_sources],
                targets=[*(i for i in asked.targets if i.container_locator not in change.remove_targets), *change.add_targets],
            )
            return self._redraft(record, next_asked)

    def validate(self, locator: str) -> r.Distribution:
        """Validate a draft: on success it is validated, else it stays a draft and says why.

        Raises:
            Declined: it is no draft; or the validation failed and the switch wants an error.
        """
        with self._core.store.atomic():
            record = self._in_state(locator, "draft")
            sources, targets, findings = self._check(record, cap=self._core.settings["over-allocation"] == "cap")
            if findings and self._core.settings["validate-failure"] == "400":
                raise Declined("refused-validation", "; ".join(sentence for _, _, sentence in findings), record)
            record.validation_result = validation(findings)
            if not findings:
                record.sources, record.targets = sources, targets
                record.amount = total_of(targets)
                record.credit_distribution_state = "validated"
            self._core.store.put(record)
            return record

    def execute(self, locator: str, time: tuple[int, str] | None = None) -> r.Distribution:
        """Move the money of a validated distribution.

        Raises:
            Declined: it is not validated, or what it counted on has been spent meanwhile.
        """
        core = self._core
        with core.store.atomic():
            record = self._in_state(locator, "validated")
            mode = core.settings["execute-shortage"]
            sources, targets, findings = self._check(record, cap=mode == "partial")
            if findings:
                if mode == "soft-200":
                    record.validation_result = validation(findings)
                    core.store.put(record)
                    return record
                raise Declined("shortage", "; ".join(sentence for _, _, sentence in findings), record)
            record.sources, record.targets = sources, targets
            record.amount = total_of(targets)
            record.credit_distribution_state = "executed"
            moment = time or core.now()
            record.executed_at = moment[1]
            paid = self._move(record, list(movements(sources, targets)), moment)
            record.shortfall_credit_locators = self._shortfalls.cover(record.locator, paid, moment)
            core.store.put(record)
            return record

    def reverse(self, locator: str, reversal_type: str, time: tuple[int, str] | None = None) -> r.Distribution:
        """Move the money of an executed distribution back.

        Raises:
            Declined: it is not executed, the reversal type is not configured for it, or the balance that it filled is spent.
        """
        core = self._core
        with core.store.atomic():
            record = self._in_state(locator, "executed")
            check_reversal_type(core, reversal_type, "creditDistribution")
            moment = time or core.now()
            self._undo(record, reversal_type, moment)
            record.credit_distribution_state = "reversed"
            record.reversal_reason = reversal_type
            record.reversed_at = moment[1]
            core.store.put(record)
            return record

    def reset(self, locator: str) -> r.Distribution:
        """Make a validated distribution a draft again, as it was asked for.

        Raises:
            Declined: it is not validated.
        """
        with self._core.store.atomic():
            record = self._in_state(locator, "validated")
            return self._redraft(record, record.asked)

    def discard(self, locator: str) -> r.Distribution:
        """Discard a draft or validated distribution.

        Raises:
            Declined: it is neither.
        """
        with self._core.store.atomic():
            record = self._in_state(locator, "draft", "validated")
            record.credit_distribution_state = "discarded"
            self._core.store.put(record)
            return record

    def run(self, asked: r.Asked, time: tuple[int, str] | None = None) -> r.Distribution:
        """Create, validate and execute at once, as the server does by itself.

        Raises:
            Declined: any step is refused, a soft failure included; nothing has changed then.
        """
        with self._core.store.atomic():
            record = self.validate(self.create(asked, time=time).locator)
            if record.credit_distribution_state != "validated":
                raise Declined("refused-validation", sentences(record.validation_result), record)
            return self.execute(record.locator, time)

    def _in_state(self, locator: str, *states: r.DistributionState) -> r.Distribution:
        record = self._core.store.get(r.Distribution, locator)
        if record.credit_distribution_state not in states:
            wanted = " or ".join(states)
            raise conflict(f"credit distribution {locator} is {record.credit_distribution_state}, not {wanted}", record)
        return record

    def _normal(self, asked: r.Asked) -> r.Asked:
        amount = self._core.money(asked.amount, asked.currency)
        if amount <= 0:
            raise invalid(f"amount of a credit distribution must be positive, not {amount}")
        if asked.account_locator:
            self._core.account(asked.account_locator)
        return r.Asked(asked.account_locator, amount, asked.currency, self._money(asked.sources, asked), self._money(asked.targets, asked))

    def _money(self, items: Sequence[r.Item], asked: r.Asked) -> list[r.Item]:
        done: list[r.Item] = []
        for item in items:
            if item.amount is None:
                done.append(item)
                continue
            amount = self._core.money(item.amount, asked.currency)
            if amount <= 0:
                raise invalid(f"amount for {item.container_type} {item.container_locator} must be positive, not {amount}")
            done.append(with_amount(item, amount))
        return done

    def _draft(self, asked: r.Asked, locator: str, now: str) -> r.Distribution:
        asked = self._normal(asked)
        return r.Distribution(
            locator=locator,
            credit_distribution_state="draft",
            currency=asked.currency,
            amount=asked.amount,
            created_at=now,
            created_by=USER,
            sources=asked.sources,
            targets=asked.targets,
            asked=asked,
            account_locator=asked.account_locator or self._owner(asked),
        )

    def _redraft(self, record: r.Distribution, asked: r.Asked) -> r.Distribution:
        fresh = self._draft(asked, record.locator, record.created_at)
        self._core.store.put(fresh)
        return fresh

    def _replace(self, current: r.Distribution, asked: r.Asked) -> r.Distribution:
        mode = self._core.settings["put-existing"]
        state = current.credit_distribution_state
        if state == "draft":
            return self._redraft(current, asked)
        if mode == "any-state":
            if state == "executed":
                self._undo(current, "replaced", self._core.now())
            return self._redraft(current, asked)
        if mode == "draft-or-same" and state in ("validated", "executed") and self._normal(asked) == current.asked:
            return current
        raise conflict(f"credit distribution {current.locator} is {state} and cannot be replaced", current)

    def _owner(self, asked: r.Asked) -> str | None:
        for item in (*asked.sources, *asked.targets):
            if item.container_type == "account":
                return item.container_locator
            invoice = self._invoices.find(item)
            if invoice is not None:
                return invoice.account_locator
        return None

    def _check(self, record: r.Distribution, *, cap: bool) -> tuple[list[r.Item], list[r.Item], Findings]:
        findings: Findings = []
        for side, items in (("source", record.sources), ("target", record.targets)):
            if not items:
                findings.append(("creditDistribution", record.locator, f"there is no {side}"))
            for item in items:
                sentence = self._foreign(record, item, side)
                if sentence:
                    findings.append((item.container_type, item.container_locator, sentence))
        accounts = {item.container_locator for item in record.sources if item.container_type == "account"}
        if accounts & {item.container_locator for item in record.targets}:
            findings.append(("account", record.account_locator or record.locator, "an account is both source and target"))
        if findings:
            return record.sources, record.targets, findings
        sources = filled(record.sources, record.amount, lambda item: self._can_give(record, item))
        targets = filled(record.targets, record.amount, lambda item: self._can_take(record, item))
        if cap:
            sources = capped(sources, lambda item: self._can_give(record, item))
            targets = capped(targets, lambda item: self._can_take(record, item))
            total = min(total_of(sources), total_of(targets))
            if total <= 0:
                return sources, targets, [("creditDistribution", record.locator, "nothing is left to distribute")]
            return trimmed(sources, total), trimmed(targets, total), []
        for name, items in (("sources", sources), ("targets", targets)):
            if total_of(items) != record.amount:
                sentence = f"{name} add up to {total_of(items)}, not to the amount {record.amount}"
                findings.append(("creditDistribution", record.locator, sentence))
        findings.extend(_beyond(sources, capped(sources, lambda item: self._can_give(record, item)), "has"))
        findings.extend(_beyond(targets, capped(targets, lambda item: self._can_take(record, item)), "can take"))
        return sources, targets, findings

    def _foreign(self, record: r.Distribution, item: r.Item, side: str) -> str | None:
        """Why the container cannot be on that side of the distribution, or None."""
        if item.container_type == "account":
            if self._core.store.find(r.Account, item.container_locator) is None:
                return f"account {item.container_locator} was not found"
            if item.container_locator != record.account_locator:
                return f"account {item.container_locator} is not the distribution's account"
            return None
        if item.container_type == "subpayment" or (side == "source" and item.container_type != "invoice"):
            return f"a {item.container_type} cannot be a {side}"
        invoice = self._invoices.find(item)
        if invoice is None:
            return f"{item.container_type} {item.container_locator} was not found"
        if invoice.account_locator != record.account_locator:
            return f"invoice {invoice.locator} belongs to another account"
        if invoice.currency != record.currency:
            return f"invoice {invoice.locator} is in {invoice.currency}, not {record.currency}"
        if invoice.invoice_state == "discarded":
            return f"invoice {invoice.locator} is discarded"
        return None

    def _can_give(self, record: r.Distribution, item: r.Item) -> Decimal:
        if item.container_type == "account":
            return self._core.ledger.balance(item.container_locator, record.currency)
        invoice = self._invoices.find(item)
        return -invoice.total_remaining_amount if invoice else Decimal(0)

    def _can_take(self, record: r.Distribution, item: r.Item) -> Decimal:
        if item.container_type == "account":
            return record.amount
        invoice = self._invoices.find(item)
        return self._invoices.remaining(invoice, item) if invoice else Decimal(0)

    def _move(self, record: r.Distribution, moves: Sequence[Movement], time: tuple[int, str]) -> list[str]:
        """Apply every movement; the invoices paid."""
        entries: list[Entry] = []
        paid: list[str] = []
        credit = Credit("creditDistribution", record.locator)
        for source, target, amount in moves:
            if source.container_type == "account":
                entries.append(Entry("accountCreditBalance", source.container_locator, "debit", amount))
            else:
                invoice = self._core.store.get(r.Invoice, source.container_locator)
                entries.extend(self._invoices.apply(invoice, source, -amount, credit, target, time))
                entries.append(Entry("invoiceCreditBalance", invoice.locator, "credit", amount))
                entries.append(Entry("invoiceCreditBalance", invoice.locator, "debit", amount))
            if target.container_type == "account":
                entries.append(Entry("accountCreditBalance", target.container_locator, "credit", amount))
                continue
            found = self._invoices.find(target)
            if found is None:
                raise unknown(target.container_type, target.container_locator)
            entries.extend(self._invoices.apply(found, target, amount, credit, source, time))
            paid.append(found.locator)
        self._core.ledger.post(time[0], time[1], f"credit distribution {record.locator} executed", record.currency, entries)
        return paid

    def _undo(self, record: r.Distribution, reason: str, time: tuple[int, str]) -> None:
        core = self._core
        entries: list[Entry] = []
        for source, target, amount in movements(record.sources, record.targets):
            if source.container_type == "account":
                entries.append(Entry("accountCreditBalance", source.container_locator, "credit", amount))
            if target.container_type == "account":
                if core.ledger.balance(target.container_locator, record.currency) < amount:
                    raise conflict(f"the balance of account {target.container_locator} no longer holds {amount} {record.currency}", record)
                entries.append(Entry("accountCreditBalance", target.container_locator, "debit", amount))
        self._shortfalls.reverse(record.locator, reason, time)
        entries.extend(self._invoices.take_back(record.locator, ("creditDistribution",), time))
        core.ledger.post(time[0], time[1], f"credit distribution {record.locator} reversed", record.currency, entries)


class Change:
    """A PATCH of a distribution: what is set, added and removed."""

    def __init__(
        self,
        account_locator: str | None = None,
        amount: Decimal | None = None,
        currency: str | None = None,
        add_sources: Sequence[r.Item] = (),
        remove_sources: Sequence[str] = (),
        add_targets: Sequence[r.Item] = (),
        remove_targets: Sequence[str] = (),
    ) -> None:
        self.account_locator = account_locator
        self.amount = amount
        self.currency = currency
        self.add_sources = add_sources
        self.remove_sources = remove_sources
        self.add_targets = add_targets
        self.remove_targets = remove_targets


def validation(findings: Findings) -> r.Validation:
    """The validationResult of these findings."""
    return r.Validation(not findings, [r.Problem(kind, locator, [sentence]) for kind, locator, sentence in findings])


def sentences(result: r.Validation | None) -> str:
    """What a failed validation found, as one text."""
    return "; ".join(error for problem in (result.validation_items if result else []) for error in problem.errors)


def check_reversal_type(core: Core, name: str, kind: r.CreditType) -> None:
    """Require a configured reversal type that fits the kind of credit.

    Raises:
        Declined: it is not configured, or is for another kind.
    """
    scope = core.tenant.reversal_types.get(name)
    if scope is None:
        raise invalid(f"reversal type {name!r} is not configured")
    if scope not in ("any", kind):
        raise invalid(f"reversal type {name!r} is for a {scope}, not for a {kind}")


def _beyond(items: Sequence[r.Item], room: Sequence[r.Item], verb: str) -> Findings:
    return [
        (
            item.container_type,
            item.container_locator,
            f"{item.container_type} {item.container_locator} {verb} {most.amount}, not {item.amount}",
        )
        for item, most in zip(items, room, strict=True)
        if item.amount != most.amount
    ]
