"""Flat charges: added, invoiced by their mode, and reversed once."""

import json
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.errors import Declined, conflict, invalid, unknown
from unibill_socotra.sandbox.identity import ulid
from unibill_socotra.sandbox.invoices import Invoices
from unibill_socotra.sandbox.settlement import Settlement

QUEUE_REQUESTS = 3
"""With ``immediate-invoicing`` queued: an immediate charge is invoiced once this many further requests have come."""


class NewCharge(Struct, frozen=True):
    """A charge as a request names it; the amount is signed, negative lowers what is owed."""

    amount: Decimal
    charge_type: str
    tag: str | None = None
    transaction_locator: str | None = None
    element_locator: str | None = None
    element_static_locator: str | None = None


class PartlyAdded(Declined):
    """A charge was refused after others of its request had been stored; those stay."""


class Charges:
    """Every operation on charges."""

    def __init__(self, core: Core, invoices: Invoices, settlement: Settlement) -> None:
        self._core = core
        self._invoices = invoices
        self._settlement = settlement

    def add(
        self,
        account_locator: str,
        wanted: Sequence[NewCharge],
        invoicing: r.Invoicing | None = None,
        currency: str | None = None,
        policy_locator: str | None = None,
        time: tuple[int, str] | None = None,
    ) -> list[r.Charge]:
        """Add flat charges to an account; immediate ones are invoiced at once, on an invoice of their own.

        Args:
            account_locator: whose they are.
            wanted: at least one.
            invoicing: the mode of all of them; None takes each type's own.
            currency: None takes the policy's, else the tenant's.
            policy_locator: the policy they belong to, if any.
            time: when; now if it is left out.

        Raises:
            Declined: malformed charges, an unknown account, policy, transaction or element, or ones that do not belong together.
            PartlyAdded: the same, where the switch lets the charges before the bad one stay.
        """
        core = self._core
        with core.store.atomic():
            account = core.account(account_locator)
            policy = self._policy(account, policy_locator)
            code = core.currency(currency, policy)
            if not wanted:
                raise invalid("charges is empty")
            moment = time or core.now()
            made: list[r.Charge] = []
            failure: Declined | None = None
            for number, one in enumerate(wanted):
                try:
                    charge = self._charge(account, policy, code, one, invoicing, moment)
                except Declined as declined:
                    failure = Declined(declined.kind, f"charges[{number}]: {declined.message}", declined.record)
                    if core.settings["charges-atomic"] == "yes":
                        raise failure from declined
                    break
                if charge is not None:
                    core.store.put(charge)
                    made.append(charge)
            self._invoice_now(account, code, made, moment)
        if failure is not None:
            raise PartlyAdded(failure.kind, failure.message, failure.record)
        return self._in_order(made)

    def reverse(
        self, account_locator: str, locators: Sequence[str], invoicing: r.Invoicing, time: tuple[int, str] | None = None
    ) -> list[r.Charge]:
        """Reverse charges: for each a new one with the negated amount and ``reversalOfLocator``.

        Raises:
            Declined: an empty list, a charge that is unknown or another account's, is a reversal, or was reversed before; where the
                switches let these pass, they are passed over or reversed.
        """
        core = self._core
        with core.store.atomic():
            account = core.account(account_locator)
            if not locators:
                raise invalid("charges is empty")
            moment = time or core.now()
            made: dict[str, list[r.Charge]] = {}
            answered: list[r.Charge] = []
            for locator in locators:
                charge = self._reversal(account, ulid(locator), invoicing, moment)
                if charge is None:
                    continue
                core.store.put(charge)
                made.setdefault(charge.currency, []).append(charge)
                answered.append(charge)
            for currency, charges in made.items():
                self._invoice_now(account, currency, charges, moment)
            return self._in_order(answered)

    def invoice_waiting(self, account_locator: str, currency: str, time: tuple[int, str] | None = None) -> r.Invoice | None:
        """Generate the account's next invoice in a currency from its waiting ``next`` and ``scheduled`` charges, if there are any."""
        core = self._core
        with core.store.atomic():
            account = core.account(account_locator)
            waiting = core.store.query(r.Charge, "waiting = ?", (f"{account_locator} {currency}",))
            waiting = [charge for charge in waiting if charge.charge_invoicing != "immediate"]
            if not waiting:
                return None
            invoice = self._invoices.generate(account, currency, waiting, time)
            self._settlement.on_new(invoice, time)
            return invoice

    def tick(self) -> None:
        """Count one more request; queued charges whose turn has come are invoiced."""
        if self._core.settings["immediate-invoicing"] != "queued":
            return
        self._core.store.database.execute("UPDATE socotra_queue SET countdown = countdown - 1")
        self._run_queue("countdown < 0")

    def run_queue(self) -> None:
        """Invoice every queued charge now."""
        self._run_queue("1 = 1")

    def _run_queue(self, condition: str) -> None:
        store = self._core.store
        sql = f"SELECT number, charges FROM socotra_queue WHERE {condition} ORDER BY number"  # noqa: S608 - two constants call it
        for number, locators in store.database.execute(sql).fetchall():
            store.database.execute("DELETE FROM socotra_queue WHERE number = ?", (number,))
            charges = [store.get(r.Charge, locator) for locator in json.loads(locators)]
            account = self._core.account(charges[0].account_locator)
            self._settlement.on_new(self._invoices.generate(account, charges[0].currency, charges))

    def _invoice_now(self, account: r.Account, currency: str, charges: Sequence[r.Charge], time: tuple[int, str]) -> None:
        due = [charge for charge in charges if charge.charge_invoicing == "immediate" and charge.waiting]
        if not due:
            return
        if self._core.settings["immediate-invoicing"] == "queued":
            locators = json.dumps([charge.locator for charge in due])
            self._core.store.database.execute("INSERT INTO socotra_queue VALUES (NULL, ?, ?)", (QUEUE_REQUESTS, locators))
            return
        self._settlement.on_new(self._invoices.generate(account, currency, due, time), time)

    def _in_order(self, charges: list[r.Charge]) -> list[r.Charge]:
        if self._core.settings["charges-order"] == "request":
            return charges
        mixed = sorted(charges, key=lambda charge: charge.locator[-6:])
        return mixed if mixed != charges else charges[::-1]

    def _policy(self, account: r.Account, locator: str | None) -> r.Policy | None:
        if locator is None:
            return None
        policy = self._core.store.get(r.Policy, locator)
        if policy.account_locator != account.locator:
            raise invalid(f"policy {locator} does not belong to account {account.locator}")
        return policy

    def _charge(
        self,
        account: r.Account,
        policy: r.Policy | None,
        currency: str,
        wanted: NewCharge,
        invoicing: r.Invoicing | None,
        time: tuple[int, str],
    ) -> r.Charge | None:
        core = self._core
        kind = core.tenant.charge_types.get(wanted.charge_type)
        if kind is None:
            raise invalid(f"charge type {wanted.charge_type!r} is not configured")
        if kind.handling != "flat":
            raise invalid(f"charge type {wanted.charge_type!r} has handling {kind.handling}, not flat")
        amount = self._signed(core.money(wanted.amount, currency), kind.category)
        if not amount and core.settings["zero-amount"] != "accept":
            if core.settings["zero-amount"] == "drop":
                return None
            raise invalid("amount is zero")
        self._check_tag(account, wanted.tag)
        self._check_belonging(account, policy, wanted)
        charge = r.Charge(
            locator=core.ids.new(time[0]),
            account_locator=account.locator,
            amount=amount,
            currency=currency,
            charge_category=kind.category,
            charge_type=wanted.charge_type,
            charge_invoicing=invoicing or kind.invoicing,
            created_at=time[1],
            tag=wanted.tag,
            policy_locator=policy.locator if policy else None,
            transaction_locator=wanted.transaction_locator,
            element_locator=wanted.element_locator,
            element_static_locator=wanted.element_static_locator,
        )
        return _waiting(charge)

    def _reversal(self, account: r.Account, locator: str, invoicing: r.Invoicing, time: tuple[int, str]) -> r.Charge | None:
        core = self._core
        original = core.store.find(r.Charge, locator)
        if original is None or original.account_locator != account.locator:
            if core.settings["bad-reversal-locator"] == "skip":
                return None
            raise unknown("charge", locator)
        if original.reversal_of_locator is not None and core.settings["reversal-of-reversal"] == "reject":
            raise conflict(f"charge {locator} is itself a reversal", original)
        again = core.store.exists(r.Charge, "reversal_of_locator = ?", (locator,))
        if again and core.settings["double-reversal"] == "reject":
            raise conflict(f"charge {locator} has been reversed already", original)
        return _waiting(
            r.Charge(
                locator=core.ids.new(time[0]),
                account_locator=account.locator,
                amount=-original.amount,
                currency=original.currency,
                charge_category=original.charge_category,
                charge_type=original.charge_type,
                charge_invoicing=invoicing,
                created_at=time[1],
                tag=original.tag if core.settings["reversal-tag"] == "copy" else None,
                policy_locator=original.policy_locator,
                transaction_locator=original.transaction_locator,
                element_locator=original.element_locator,
                element_static_locator=original.element_static_locator,
                reversal_of_locator=original.locator,
            )
        )

    def _signed(self, amount: Decimal, category: str) -> Decimal:
        rule = self._core.settings["credit-charge-sign"]
        if category != "credit" or rule == "as-sent":
            return amount
        if rule == "store-negated":
            return -amount
        if amount > 0:
            raise invalid(f"amount of a charge of category credit must be negative, not {amount}")
        return amount

    def _check_tag(self, account: r.Account, tag: str | None) -> None:
        if tag is None:
            return
        settings = self._core.settings
        if settings["tag-max-length"] != "none" and len(tag) > int(settings["tag-max-length"]):
            raise invalid(f"tag is longer than {settings['tag-max-length']} characters")
        if settings["tag-duplicates"] == "reject" and self._core.store.exists(
            r.Charge, "account_locator = ? AND doc ->> '$.tag' = ?", (account.locator, tag)
        ):
            raise conflict(f"a charge of account {account.locator} carries the tag {tag!r} already")

    def _check_belonging(self, account: r.Account, policy: r.Policy | None, wanted: NewCharge) -> None:
        store = self._core.store
        transaction = store.get(r.Transaction, wanted.transaction_locator) if wanted.transaction_locator else None
        if transaction is not None:
            owner = store.get(r.Policy, transaction.policy_locator)
            if owner.account_locator != account.locator or (policy is not None and policy.locator != owner.locator):
                raise invalid(f"transaction {transaction.locator} belongs to another account or policy")
        if wanted.element_locator:
            element = store.get(r.Element, wanted.element_locator)
            if transaction is not None and element.transaction_locator != transaction.locator:
                raise invalid(f"element {element.locator} does not belong to transaction {transaction.locator}")
            if store.get(r.Policy, element.policy_locator).account_locator != account.locator:
                raise invalid(f"element {element.locator} belongs to another account")


def _waiting(charge: r.Charge) -> r.Charge:
    if charge.charge_category in r.PAYABLE:
        charge.waiting = f"{charge.account_locator} {charge.currency}"
    return charge
