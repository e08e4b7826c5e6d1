"""Disbursements: credit balances paid out. The routes only read them; seeds and tests make them here."""

from decimal import Decimal
from typing import Final

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.errors import Declined, conflict, invalid
from unibill_socotra.sandbox.ledger import Entry
from unibill_socotra.sandbox.tenant import USER

_LEADS_TO: Final[dict[str, tuple[r.DisbursementState, ...]]] = {
    "draft": ("validated", "discarded"),
    "validated": ("approved", "draft", "rejected", "discarded"),
    "approved": ("executed", "rejected", "draft"),
    "executed": ("reversed",),
}
_STEPS: Final[tuple[r.DisbursementState, ...]] = ("draft", "validated", "approved", "executed")


class Disbursements:
    """Pays out of the credit balance."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def create(
        self,
        account_locator: str,
        amount: Decimal,
        currency: str,
        disbursement_type: str = "StandardDisbursement",
        data: str = "{}",
        time: tuple[int, str] | None = None,
    ) -> r.Disbursement:
        """A new draft that will draw on the account's credit balance.

        Raises:
            Declined: an unknown account or currency, or an amount that is not positive.
        """
        core = self._core
        with core.store.atomic():
            core.account(account_locator)
            kept = core.money(amount, currency)
            if kept <= 0:
                raise invalid(f"amount of a disbursement must be positive, not {kept}")
            micros, now = time or core.now()
            record = r.Disbursement(
                locator=core.ids.new(micros),
                disbursement_state="draft",
                disbursement_type=disbursement_type,
                currency=currency,
                amount=kept,
                created_at=now,
                created_by=USER,
                sources=[r.Item(account_locator, "account", kept)],
                account_locator=account_locator,
                data=data,
                disbursement_number=f"DIS-{core.store.number('disbursement'):08d}",
            )
            core.store.put(record)
            return record

    def move(self, locator: str, state: r.DisbursementState, time: tuple[int, str] | None = None) -> r.Disbursement:
        """Change its state; ``executed`` takes the money out of the balance, ``reversed`` puts it back.

        Raises:
            Declined: the state cannot follow the present one, or the balance does not hold the amount.
        """
        core = self._core
        with core.store.atomic():
            record = core.store.get(r.Disbursement, locator)
            if state not in _LEADS_TO.get(record.disbursement_state, ()):
                raise conflict(f"disbursement {locator} is {record.disbursement_state} and cannot become {state}", record)
            micros, now = time or core.now()
            if state == "executed":
                if core.ledger.balance(record.account_locator, record.currency) < record.amount:
                    raise Declined("shortage", f"the balance does not hold {record.amount} {record.currency}", record)
                record.executed_at = now
                self._post(record, micros, now, -record.amount)
            elif state == "reversed":
                record.reversed_at = now
                self._post(record, micros, now, record.amount)
            record.disbursement_state = state
            core.store.put(record)
            return record

    def pay_out(
        self,
        account_locator: str,
        amount: Decimal,
        currency: str,
        state: r.DisbursementState = "executed",
        time: tuple[int, str] | None = None,
    ) -> r.Disbursement:
        """Create a disbursement and lead it to a state.

        Raises:
            Declined: as the single steps; nothing has changed then.
        """
        with self._core.store.atomic():
            record = self.create(account_locator, amount, currency, time=time)
            path = _STEPS[1 : _STEPS.index(state) + 1] if state in _STEPS else _DETOURS[state]
            for step in path:
                record = self.move(record.locator, step, time)
            return record

    def handle_excess(self, account_locator: str, currency: str) -> r.Disbursement | None:
        """Pay out the whole balance of an account whose plan disburses excess, if it reaches the plan's threshold."""
        core = self._core
        plan = core.plan(core.account(account_locator))
        balance = core.ledger.balance(account_locator, currency)
        if not plan.disburse_excess or balance <= 0 or balance < plan.disbursement_thresholds.get(currency, Decimal(0)):
            return None
        return self.pay_out(account_locator, balance, currency)

    def _post(self, record: r.Disbursement, micros: int, now: str, amount: Decimal) -> None:
        verb = "executed" if amount < 0 else "reversed"
        entries = [
            Entry("accountCreditBalance", record.account_locator, "credit", amount),
            Entry("creditCash", record.locator, "debit", amount),
        ]
        self._core.ledger.post(micros, now, f"disbursement {record.locator} {verb}", record.currency, entries)


_DETOURS: Final[dict[str, tuple[r.DisbursementState, ...]]] = {
    "discarded": ("discarded",),
    "rejected": ("validated", "rejected"),
    "reversed": ("validated", "approved", "executed", "reversed"),
}
