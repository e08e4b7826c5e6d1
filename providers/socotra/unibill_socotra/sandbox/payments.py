"""Payments: money that came in; it pays the targeted invoices, and what is above them goes to the credit balance."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.allocation import capped, filled, total_of, with_amount
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.distributions import Findings, check_reversal_type, sentences, validation
from unibill_socotra.sandbox.errors import Declined, conflict, invalid
from unibill_socotra.sandbox.invoices import Credit, Invoices
from unibill_socotra.sandbox.ledger import Entry
from unibill_socotra.sandbox.settlement import Settlement
from unibill_socotra.sandbox.shortfalls import Shortfalls
from unibill_socotra.sandbox.tenant import USER

_LEADS_TO: Final[dict[str, tuple[r.PaymentState, ...]]] = {
    "draft": ("discarded",),
    "validated": ("requested", "draft", "cancelled"),
    "requested": ("executing", "cancelled", "failed"),
    "executing": ("failed", "cancelled"),
}
"""State changes that move no money."""


class NewPayment(Struct, frozen=True):
    """A payment as a request names it."""

    payment_type: str
    amount: Decimal
    currency: str
    targets: list[r.Item]
    account_locator: str | None = None
    data: str = "{}"
    payment_mode: Literal["normal", "aggregate"] = "normal"
    retry_plan_name: str | None = None


class Payments:
    """Every operation on payments and their subpayments."""

    def __init__(self, core: Core, invoices: Invoices, shortfalls: Shortfalls, settlement: Settlement) -> None:
        self._core = core
        self._invoices = invoices
        self._shortfalls = shortfalls
        self._settlement = settlement

    def create(self, wanted: NewPayment, time: tuple[int, str] | None = None) -> r.Payment:
        """A new draft; nothing moves before it is posted.

        Raises:
            Declined: an amount that is not positive, no type, or an unknown account or currency.
        """
        core = self._core
        with core.store.atomic():
            if not wanted.payment_type:
                raise invalid("type is empty")
            if wanted.account_locator:
                core.account(wanted.account_locator)
            amount = self._positive(wanted.amount, wanted.currency, "amount")
            targets = [
                item if item.amount is None else with_amount(item, self._positive(item.amount, wanted.currency, "target amount"))
                for item in wanted.targets
            ]
            micros, now = time or core.now()
            payment = r.Payment(
                locator=core.ids.new(micros),
                payment_state="draft",
                payment_type=wanted.payment_type,
                currency=wanted.currency,
                amount=amount,
                created_at=now,
                created_by=USER,
                targets=targets,
                asked_targets=targets,
                payment_mode=wanted.payment_mode,
                data=wanted.data,
                account_locator=wanted.account_locator,
                payment_number=f"PAY-{core.store.number('payment'):08d}",
                retry_plan_name=wanted.retry_plan_name,
            )
            core.store.put(payment)
            return payment

    def validate(self, locator: str, time: tuple[int, str] | None = None) -> r.Payment:
        """Validate a draft: on success it is validated, else it stays a draft and says why.

        Raises:
            Declined: it is no draft; or the validation failed and the switch wants an error.
        """
        core = self._core
        with core.store.atomic():
            payment = self._in_state(locator, "draft")
            targets, findings = self._check(payment)
            if findings and core.settings["validate-failure"] == "400":
                raise Declined("refused-validation", "; ".join(sentence for _, _, sentence in findings), payment)
            payment.validation_result = validation(findings)
            if not findings:
                payment.targets = targets
                payment.ledger_account_locator = payment.account_locator or self._account_of(targets)
                payment.payment_state = "validated"
                if payment.payment_mode == "aggregate":
                    self._make_subpayments(payment, time or core.now())
            core.store.put(payment)
            return payment

    def post(self, locator: str, time: tuple[int, str] | None = None) -> r.Payment:
        """Move the money of a validated payment (or one that a gateway is executing).

        Raises:
            Declined: its state forbids it, or there is no account for what the invoices do not take.
        """
        core = self._core
        with core.store.atomic():
            payment = self._in_state(locator, "validated", "executing")
            moment = time or core.now()
            applied = Decimal(0)
            if payment.payment_mode == "aggregate":
                for part in payment.subpayments:
                    subpayment = core.store.get(r.Payment, part.subpayment_locator)
                    applied += self._apply(subpayment, Credit("subpayment", subpayment.locator, payment.locator), moment)
                    self._book(subpayment, "posted", moment)
            else:
                applied = self._apply(payment, Credit("payment", payment.locator), moment)
            self._keep_surplus(payment, payment.amount - applied, moment)
            self._book(payment, "posted", moment)
            if payment.surplus and payment.ledger_account_locator:
                self._settlement.auto_apply(payment.ledger_account_locator, payment.currency)
            return payment

    def reverse(self, locator: str, reversal_type: str, time: tuple[int, str] | None = None) -> r.Payment:
        """Take a posted payment back: its invoices reopen, its surplus leaves the balance, which may become negative.

        Raises:
            Declined: it is not posted, is a subpayment, or the reversal type is not configured for payments.
        """
        core = self._core
        with core.store.atomic():
            payment = self._in_state(locator, "posted")
            if payment.aggregate_payment_locator:
                raise conflict(f"payment {locator} is part of {payment.aggregate_payment_locator}; reverse that", payment)
            check_reversal_type(core, reversal_type, "payment")
            moment = time or core.now()
            for part in payment.subpayments:
                self._take_back(core.store.get(r.Payment, part.subpayment_locator), reversal_type, moment)
            self._take_back(payment, reversal_type, moment)
            return core.store.get(r.Payment, locator)

    def move(self, locator: str, state: r.PaymentState) -> r.Payment:
        """Change a payment's state where no money moves: discard, cancel, request, execute, fail. No route of this sandbox does it.

        Raises:
            Declined: the state cannot follow the present one.
        """
        with self._core.store.atomic():
            payment = self._core.store.get(r.Payment, locator)
            if state not in _LEADS_TO.get(payment.payment_state, ()):
                raise conflict(f"payment {locator} is {payment.payment_state} and cannot become {state}", payment)
            payment.payment_state = state
            for part in payment.subpayments:
                subpayment = self._core.store.get(r.Payment, part.subpayment_locator)
                subpayment.payment_state = "discarded" if state == "draft" else state
                self._core.store.put(subpayment)
            if state == "draft":
                payment.targets, payment.subpayments = payment.asked_targets, []
            self._core.store.put(payment)
            return payment

    def run(self, wanted: NewPayment, time: tuple[int, str] | None = None) -> r.Payment:
        """Create, validate and post at once.

        Raises:
            Declined: any step is refused, a soft failure included; nothing has changed then.
        """
        with self._core.store.atomic():
            payment = self.validate(self.create(wanted, time).locator, time)
            if payment.payment_state != "validated":
                raise Declined("refused-validation", sentences(payment.validation_result), payment)
            return self.post(payment.locator, time)

    def _positive(self, amount: Decimal, currency: str, what: str) -> Decimal:
        kept = self._core.money(amount, currency)
        if kept <= 0:
            raise invalid(f"{what} of a payment must be positive, not {kept}")
        return kept

    def _in_state(self, locator: str, *states: r.PaymentState) -> r.Payment:
        payment = self._core.store.get(r.Payment, locator)
        if payment.payment_state not in states:
            raise conflict(f"payment {locator} is {payment.payment_state}, not {' or '.join(states)}", payment)
        return payment

    def _check(self, payment: r.Payment) -> tuple[list[r.Item], Findings]:
        findings: Findings = []
        for item in payment.targets:
            sentence = self._foreign(payment, item)
            if sentence:
                findings.append((item.container_type, item.container_locator, sentence))
        if findings:
            return payment.targets, findings
        targets = filled(payment.targets, payment.amount, self._can_take)
        room = capped(targets, self._can_take)
        if self._core.settings["over-allocation"] == "cap":
            targets = room
        for item, most in zip(targets, room, strict=True):
            if item.amount != most.amount:
                sentence = f"{item.container_type} {item.container_locator} can take {most.amount}, not {item.amount}"
                findings.append((item.container_type, item.container_locator, sentence))
        total = total_of(targets)
        if total > payment.amount:
            findings.append(("payment", payment.locator, f"targets add up to {total}, more than the amount {payment.amount}"))
        elif total < payment.amount and not (payment.account_locator or self._account_of(targets)):
            findings.append(("payment", payment.locator, f"{payment.amount - total} is left over and there is no account for it"))
        return targets, findings

    def _foreign(self, payment: r.Payment, item: r.Item) -> str | None:
        """Why the container cannot be a target of the payment, or None."""
        if item.container_type == "account":
            known = self._core.store.find(r.Account, item.container_locator) is not None
            return None if known and item.container_locator == payment.account_locator else "the account is not the payment's"
        if item.container_type == "subpayment":
            return "a subpayment cannot be a target"
        invoice = self._invoices.find(item)
        if invoice is None:
            return f"{item.container_type} {item.container_locator} was not found"
        if invoice.currency != payment.currency:
            return f"invoice {invoice.locator} is in {invoice.currency}, not {payment.currency}"
        if payment.account_locator not in (None, invoice.account_locator) and payment.payment_mode == "normal":
            return f"invoice {invoice.locator} belongs to another account"
        return None

    def _can_take(self, item: r.Item) -> Decimal:
        if item.container_type == "account":
            return item.amount or Decimal(0)
        invoice = self._invoices.find(item)
        return max(self._invoices.remaining(invoice, item), Decimal(0)) if invoice else Decimal(0)

    def _account_of(self, targets: Sequence[r.Item]) -> str | None:
        """The one account of all targets, or None if there are several."""
        owners = {invoice.account_locator for item in targets if (invoice := self._invoices.find(item)) is not None}
        return owners.pop() if len(owners) == 1 else None

    def _make_subpayments(self, payment: r.Payment, time: tuple[int, str]) -> None:
        for item in payment.targets:
            invoice = self._invoices.find(item)
            if invoice is None or not item.amount:
                continue
            subpayment = r.Payment(
                locator=self._core.ids.new(time[0]),
                payment_state="validated",
                payment_type=payment.payment_type,
                currency=payment.currency,
                amount=item.amount,
                created_at=time[1],
                created_by=USER,
                targets=[item],
                asked_targets=[item],
                account_locator=invoice.account_locator,
                ledger_account_locator=invoice.account_locator,
                aggregate_payment_locator=payment.locator,
            )
            self._core.store.put(subpayment)
            payment.subpayments = [*payment.subpayments, r.Subpayment(subpayment.locator, item.amount)]

    def _apply(self, payment: r.Payment, credit: Credit, time: tuple[int, str]) -> Decimal:
        """Let the payment pay its targets, as far as they still take it; what was applied."""
        core = self._core
        entries: list[Entry] = []
        paid: list[str] = []
        applied = Decimal(0)
        for item in payment.targets:
            invoice = self._invoices.find(item)
            if invoice is None:
                continue
            amount = min(item.amount or Decimal(0), self._can_take(item))
            if amount > 0:
                entries.extend(self._invoices.apply(invoice, item, amount, credit, r.Item(payment.locator, "subpayment"), time))
                applied += amount
                paid.append(invoice.locator)
        entries.append(Entry("creditCash", payment.locator, "debit", applied))
        core.ledger.post(time[0], time[1], f"payment {payment.locator} posted", payment.currency, entries)
        payment.shortfall_credit_locators = self._shortfalls.cover(payment.locator, paid, time)
        return applied

    def _keep_surplus(self, payment: r.Payment, surplus: Decimal, time: tuple[int, str]) -> None:
        payment.surplus = surplus
        if not surplus:
            return
        account = payment.ledger_account_locator
        if account is None:
            raise conflict(f"payment {payment.locator} leaves {surplus} and there is no account for it", payment)
        entries = [Entry("creditCash", payment.locator, "debit", surplus), Entry("accountCreditBalance", account, "credit", surplus)]
        self._core.ledger.post(time[0], time[1], f"payment {payment.locator} above its invoices", payment.currency, entries)

    def _book(self, payment: r.Payment, state: r.PaymentState, time: tuple[int, str]) -> None:
        payment.payment_state = state
        payment.posted_at = time[1]
        if payment.surplus is None:
            payment.surplus = Decimal(0)
        self._core.store.put(payment)

    def _take_back(self, payment: r.Payment, reason: str, time: tuple[int, str]) -> None:
        core = self._core
        self._shortfalls.reverse(payment.locator, reason, time)
        entries = self._invoices.take_back(payment.locator, ("payment", "subpayment"), time)
        out = sum((entry.amount for entry in entries), Decimal(0))
        surplus = payment.surplus or Decimal(0)
        if payment.ledger_account_locator:
            entries.append(Entry("accountCreditBalance", payment.ledger_account_locator, "debit", surplus))
        entries.append(Entry("creditCash", payment.locator, "credit", out + surplus))
        core.ledger.post(time[0], time[1], f"payment {payment.locator} reversed", payment.currency, entries)
        payment.payment_state = "reversed"
        payment.reversal_reason = reason
        payment.reversed_at = time[1]
        payment.reversed_by = USER
        core.store.put(payment)
