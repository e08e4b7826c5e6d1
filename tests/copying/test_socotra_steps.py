"""A copy to Socotra is five writes: a process that dies around any of them is finished with one effect, or taken back whole."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.settings import SocotraSettings

from tests.copying.conftest import Open, Row, Side, customer, invoice, note
from unibill import Billing
from unibill.copying import (
    AccountMap,
    ApplyOptions,
    InvoiceMap,
    PlanOptions,
    RollbackOptions,
    RunRecord,
    apply,
    open_run,
    plan,
    rollback,
    verify,
)
from unibill.copying.carry import mask
from unibill.http import without_waiting
from unibill.sandbox import Sandbox

STEPS = {
    "charge": "addCharges",
    "settle": "settleNegativeOrZeroInvoice",
    "put": "createOrReplaceCreditDistribution",
    "validate": "validateCreditDistribution",
    "execute": "executeCreditDistribution",
}
CHILD = """
import os, signal, sys
from pydantic import SecretStr
from unibill import Billing
from unibill.copying.carry import mask
from unibill.copying import ApplyOptions, apply
from unibill.copying.journal import Writer
from unibill.http import Transport
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.settings import SocotraSettings

moment, step, operation, run, source, account, target, tenant, token = sys.argv[1:]

def after(owner, name, is_it):
    real = getattr(owner, name)
    def wrapped(self, *given):
        result = real(self, *given)
        if any(is_it(one) for one in given if one is not None):
            if owner is Writer:
                self.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, wrapped)

if moment == "intent":
    after(Writer, "note", lambda entry: entry.phase == "intent" and entry.journal["step"].partition(":")[0] == step)
else:
    after(Transport, "send", lambda request: request.operation == operation)

one = Billing("old", BillAgainProvider(BillAgainSettings(base_url=source, account=account, api_key=SecretStr("sandbox-key"))))
settings = SocotraSettings(
    base_url=target, tenant=tenant, token=SecretStr(token), credit_charge_type="GoodwillCredit", reversal_type="migration"
)
with one, Billing("new", SocotraProvider(settings)) as other:
    apply(one, other, run, ApplyOptions(concurrency=1, settle=0))
"""


@dataclass
class Copy:
    """A planned copy of one credit of 100, of which 40 is spent, to an account whose plan settles nothing by itself."""

    source: Side
    target: Side
    run: Path
    account: str
    bill: str
    options: PlanOptions

    def books(self, kind: str) -> list[Row]:
        return [row for row in self.target.sandbox.books() if row["type"] == kind]

    def money(self) -> tuple[Decimal, Decimal]:
        """What the account could spend, and what is left to pay of the invoice."""
        account = next(row for row in self.books("account") if row["locator"] == self.account)
        bill = next(row for row in self.books("invoice") if row["locator"] == self.bill)
        return Decimal(str(account["balances"].get("USD", 0))), Decimal(str(bill["totalRemainingAmount"]))

    def charges(self) -> list[Row]:
        return [row for row in self.books("charge") if str(row.get("tag") or "").startswith("ub1-") and not row.get("reversalOfLocator")]

    def plan(self, **more: Any) -> RunRecord:  # noqa: ANN401 - any field of PlanOptions
        plan(self.source.billing, self.target.billing, self.run, replace(self.options, **more))
        with open_run(self.run) as opened:
            (record,) = opened.records()
            return record

    def apply(self) -> int:
        summary = apply(self.source.billing, self.target.billing, self.run, ApplyOptions(settle=0))
        return summary.exit_status

    def killed(self, moment: str, step: str) -> None:
        """Apply in a process of its own, which dies at a moment."""
        given = self.target.sandbox.systems["socotra"].backend(self.target.url)
        sides = (f"{self.source.url}/billagain/v1", "7001", given["base_url"], given["tenant"], given["token"])
        words = (moment, step, STEPS[step], str(self.run), *sides)
        done = subprocess.run([sys.executable, "-c", CHILD, *words], check=False)  # noqa: S603 - our own program
        assert done.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def _target() -> Iterator[Side]:
    with ExitStack() as stack:

        def system(database: sqlite3.Connection, chosen: Mapping[str, str]) -> SocotraSandbox:
            return SocotraSandbox(database, chosen)

        sandbox = stack.enter_context(Sandbox({"socotra": system}))
        serving = stack.enter_context(sandbox.serve())
        given = sandbox.systems["socotra"].backend(serving.url)
        settings = SocotraSettings(
            base_url=given["base_url"],
            tenant=given["tenant"],
            token=SecretStr(given["token"]),
            credit_charge_type="GoodwillCredit",
            reversal_type="migration",
        )
        yield Side(sandbox, stack.enter_context(Billing("new", SocotraProvider(settings))), serving.url)


@pytest.fixture(scope="module")
def _source(open_side: Open) -> Side:
    return open_side("7001")


@pytest.fixture
def make(_source: Side, _target: Side, tmp_path: Path) -> Iterator[Any]:
    """Makes a ``Copy`` to an account with an excess-credit plan."""

    def made(name: str) -> Copy:
        _source.sandbox.reset()
        _target.sandbox.reset()
        usd = {"CurrencyCode": "USD"}
        _source.seed(customer(11, "USD"), invoice(31, 11, "500", **usd), note(101, 11, "100", (31, "40"), **usd))
        system: Any = _target.sandbox.systems["socotra"]
        with _target.sandbox.transaction():
            account = system.engine.add_account(excess_credit_plan=name).locator
            bill = system.engine.charges.add(account, [NewCharge(Decimal(500), "ServiceFee")], "immediate", "USD")[0].invoice_locator
        options = PlanOptions(
            accounts=AccountMap.from_pairs({"11": account}),
            carry="history",
            invoices=InvoiceMap.from_pairs({"31": bill}),
            accept_plans=frozenset({name}),
        )
        return Copy(_source, _target, tmp_path / "run.db", account, bill, options)

    with without_waiting():
        yield made


@pytest.mark.parametrize("moment", ["intent", "effect"])
@pytest.mark.parametrize("step", STEPS)
def test_an_apply_that_is_killed_around_any_step_is_finished_with_one_effect(make: Any, step: str, moment: str) -> None:  # noqa: ANN401 - a factory
    copy: Copy = make("NeverSettle")
    copy.plan()
    copy.killed(moment, step)
    assert copy.apply() == 0
    assert (copy.money(), len(copy.charges())) == ((Decimal(60), Decimal(460)), 1)
    assert len([row for row in copy.books("creditDistribution") if row["creditDistributionState"] == "executed"]) == 2
    assert verify(copy.source.billing, copy.target.billing, copy.run).exit_status == 0
    with open_run(copy.run) as opened:
        kept = {(entry.step.partition(":")[0], entry.phase) for entry in opened.journal()}
    assert {(name, "intent") for name in STEPS} <= kept


@pytest.mark.parametrize("moment", ["intent", "effect"])
@pytest.mark.parametrize("step", STEPS)
def test_an_apply_that_is_killed_around_any_step_is_taken_back_whole(make: Any, step: str, moment: str) -> None:  # noqa: ANN401 - a factory
    copy: Copy = make("NeverSettle")
    copy.plan()
    copy.killed(moment, step)
    undone = rollback(copy.target.billing, copy.run, RollbackOptions(settle=0))
    assert (undone.exit_status, undone.remains) == (0, ())
    assert copy.money() == (Decimal(0), Decimal(500))
    assert verify(copy.source.billing, copy.target.billing, copy.run).exit_status == 0
    assert copy.apply() == 0
    assert copy.money() == (Decimal(60), Decimal(460))


@pytest.mark.parametrize("name", ["AutoApply", "PayOut"])
def test_an_account_whose_plan_would_spend_the_copy_blocks_until_the_plan_is_named(make: Any, name: str) -> None:  # noqa: ANN401 - a factory
    copy: Copy = make(name)
    blocked = copy.plan(accept_plans=frozenset())
    assert (blocked.decision, blocked.code) == ("blocked", "excess-credit-plan")
    assert f"--accept-plan {name} would let it pass" in blocked.reason
    assert copy.apply() == 0
    assert (copy.charges(), copy.money()) == ([], (Decimal(0), Decimal(500)))
    copy.run = copy.run.with_name("accepted.db")
    assert copy.plan().decision == "create"


def test_a_map_that_names_another_accounts_invoice_leaves_nothing_at_the_target(make: Any) -> None:  # noqa: ANN401 - a factory
    """The credit would be added and its allocation refused, and what was spent would be spendable."""
    copy: Copy = make("NeverSettle")
    system: Any = copy.target.sandbox.systems["socotra"]
    with copy.target.sandbox.transaction():
        other = system.engine.add_account().locator
        foreign = system.engine.charges.add(other, [NewCharge(Decimal(500), "ServiceFee")], "immediate", "USD")[0].invoice_locator
    assert copy.plan(invoices=InvoiceMap.from_pairs({"31": foreign})).decision == "create"
    assert copy.apply() == 1
    with open_run(copy.run) as opened:
        (record,) = opened.records()
    assert record.state == "rejected"
    assert mask(f"invoice {foreign} is not of account {copy.account}") in record.outcome  # a locator may look like a card's number
    assert (copy.charges(), copy.money()) == ([], (Decimal(0), Decimal(500)))


def test_a_copy_of_a_doubtful_write_that_somebody_took_back_is_made_again_after_a_rollback(make: Any) -> None:  # noqa: ANN401 - a factory
    """As the reason of its conflict says."""
    copy: Copy = make("NeverSettle")
    copy.plan()
    copy.target.sandbox.faults([{"kind": "html-error", "status": 400, "effect": "done", "route": "POST /**", "count": 1}])
    assert copy.apply() == 1
    (charge,) = copy.charges()
    copy.target.billing.charges.reverse(copy.account, [charge["locator"]])
    assert copy.apply() == 1
    with open_run(copy.run) as opened:
        assert [(record.state, record.sends) for record in opened.records()] == [("conflict", 1)]
    rollback(copy.target.billing, copy.run, RollbackOptions(settle=0))
    assert (copy.apply(), copy.money()) == (0, (Decimal(60), Decimal(460)))


@pytest.mark.parametrize("operation", ["PUT /**", "PATCH /**"])
@pytest.mark.parametrize("fault", [{"kind": "cut-before"}, {"kind": "status-500"}])
def test_what_a_reversal_leaves_open_is_settled_by_the_next_rollback(make: Any, operation: str, fault: Row) -> None:  # noqa: ANN401 - a factory
    copy: Copy = make("NeverSettle")
    copy.plan()
    assert copy.apply() == 0
    copy.target.sandbox.faults([{**fault, "route": operation, "skip": 0 if operation.startswith("PUT") else 3}])
    broken = rollback(copy.target.billing, copy.run, RollbackOptions(settle=0))
    assert [problem.reason.partition(":")[0] for problem in broken.remains] == ["it is gone, and what that leaves open is not settled"]
    copy.target.sandbox.faults([])
    undone = rollback(copy.target.billing, copy.run, RollbackOptions(settle=0))
    assert (undone.undone, undone.exit_status) == (1, 0)
    assert [row["locator"] for row in copy.books("invoice") if row["invoiceState"] == "open"] == [copy.bill]
    assert copy.money() == (Decimal(0), Decimal(500))


@pytest.mark.parametrize("step", ["reverse", "put", "validate", "execute"])
def test_a_rollback_that_broke_off_at_any_step_is_gone_on_with(make: Any, step: str) -> None:  # noqa: ANN401 - a factory
    from unibill.copying.journal import Entry, Writer

    copy: Copy = make("NeverSettle")
    copy.plan()
    assert copy.apply() == 0
    real = Writer.note

    class Ended(BaseException):
        pass

    def note_and_end(self: Writer, entry: Entry) -> int:
        noted = real(self, entry)
        if entry.journal is not None and entry.phase == "intent" and str(entry.journal["step"]).startswith(f"{step}:"):
            self.flush()
            raise Ended
        return noted

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Ended):
        patch.setattr(Writer, "note", note_and_end)
        rollback(copy.target.billing, copy.run, RollbackOptions(settle=0))
    assert rollback(copy.target.billing, copy.run, RollbackOptions(settle=0)).exit_status == 0
    assert [row["locator"] for row in copy.books("invoice") if row["invoiceState"] == "open"] == [copy.bill]
    assert copy.money() == (Decimal(0), Decimal(500))


def test_a_copy_of_which_nobody_could_say_what_remains_is_not_touched_when_it_is_known(make: Any) -> None:  # noqa: ANN401 - a factory
    copy: Copy = make("NeverSettle")
    copy.plan(carry="remaining")
    copy.target.sandbox.faults([{"kind": "skipped-records", "route": "GET /**/invoices/**", "index": 1}])
    assert copy.apply() == 0
    copy.target.sandbox.faults([])
    (negative,) = [row["locator"] for row in copy.books("invoice") if row["totalAmount"] < 0]
    copy.target.billing.native.settle_negative_or_zero_invoice(negative, forced=True)
    assert rollback(copy.target.billing, copy.run, RollbackOptions(settle=0)).exit_status == 0
    assert copy.money() == (Decimal(0), Decimal(500))


def test_a_copy_that_a_list_showed_as_spent_when_it_was_counted_is_not_touched_when_it_is_as_planned(make: Any) -> None:  # noqa: ANN401 - a factory
    """The list left out the charge that an earlier rollback had reversed, so that its invoice was taken for the copy's."""
    copy: Copy = make("NeverSettle")
    copy.plan(carry="remaining")
    assert copy.apply() == 0
    assert rollback(copy.target.billing, copy.run, RollbackOptions(settle=0)).exit_status == 0
    copy.target.sandbox.faults([{"kind": "skipped-records", "route": "GET /**/charges/list", "index": 1}])
    assert copy.apply() == 0
    copy.target.sandbox.faults([])
    assert rollback(copy.target.billing, copy.run, RollbackOptions(settle=0)).exit_status == 0
    assert copy.money() == (Decimal(0), Decimal(500))


def test_a_list_that_leaves_out_what_an_earlier_rollback_reversed_lets_the_next_one_undo_nothing_of_it(make: Any) -> None:  # noqa: ANN401 - a factory
    """The earlier copy's invoice would be taken for the later one's, and what had paid it be reversed."""
    copy: Copy = make("NeverSettle")
    copy.plan()
    for faults in ([], [{"kind": "skipped-records", "route": "GET /**/charges/list", "index": 1, "count": 2}]):
        assert copy.apply() == 0
        copy.target.sandbox.faults(faults)
        assert rollback(copy.target.billing, copy.run, RollbackOptions(settle=0)).exit_status == 0
        assert [row["locator"] for row in copy.books("invoice") if row["invoiceState"] == "open"] == [copy.bill]
        assert copy.money() == (Decimal(0), Decimal(500))
