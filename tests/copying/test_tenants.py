"""Flat charges from one Socotra tenant to another, over HTTP: two sandboxes, judged by their own books."""

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.tenant import ChargeType, Tenant, default_tenant
from unibill_socotra.settings import SocotraSettings

from tests.copying.conftest import Row, Side
from unibill import Billing, ChargeDraft, Invoicing
from unibill.copying import (
    AccountMap,
    ApplyOptions,
    ChargeTypeMap,
    LinkKind,
    PlanOptions,
    PolicyMap,
    RecordType,
    apply,
    open_run,
    plan,
    rollback,
    verify,
)
from unibill.http import without_waiting
from unibill.sandbox import Sandbox

TENANTS = ("6ec2f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a77", "7fd3f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a88")
ADD = "POST /socotra/billing/*/accounts/*/charges"
TYPES = {
    "ServiceFee": "HandlingFee",
    "serviceFee": "HandlingFee",
    "RegionalSurcharge": "RegionalSurcharge",
    "AdjustmentTax": "-",
    "goodwillCredit": "goodwillCredit",
}
CHILD = """
import os, signal, sys
from pydantic import SecretStr
from unibill import Billing
from unibill.copying import ApplyOptions, apply
from unibill.copying.journal import Writer
from unibill.http import Transport
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.settings import SocotraSettings

moment, run, *sides = sys.argv[1:]

def after(owner, name, is_it):
    real = getattr(owner, name)
    def wrapped(self, *given):
        result = real(self, *given)
        if is_it(given[0]):
            if owner is Writer:
                self.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, wrapped)

if moment == "intent":
    after(Writer, "note", lambda entry: entry.phase == "intent")
else:
    after(Transport, "send", lambda request: request.operation == "addCharges")

def tenant(name, base_url, tenant, token):
    return Billing(name, SocotraProvider(SocotraSettings(
        base_url=base_url, tenant=tenant, token=SecretStr(token), credit_charge_type="GoodwillCredit", reversal_type="migration"
    )))

with tenant("old", *sides[:3]) as one, tenant("new", *sides[3:]) as other:
    apply(one, other, run, ApplyOptions(concurrency=1, settle=0))
"""


@dataclass
class Tenants:
    """An account with a policy on each side, and a run between them."""

    source: Side
    target: Side
    run: Path
    account: str
    policy: str
    there: str
    policy_there: str

    def charge(self, amount: str, kind: str = "serviceFee", invoicing: Invoicing = Invoicing.NEXT, **more: Any) -> str:  # noqa: ANN401 - any field
        draft = ChargeDraft(account_id=self.account, currency="USD", amount=Decimal(amount), type=kind, invoicing=invoicing, **more)
        return self.source.billing.charges.add([draft])[0].id

    def plan(self, run: Path | None = None, **more: Any) -> Any:  # noqa: ANN401 - any option; the summary
        given = {
            "accounts": AccountMap.from_pairs({self.account: self.there}),
            "include": frozenset({"charges"}),
            "charge_types": ChargeTypeMap.from_pairs(TYPES),
            "policies": PolicyMap.from_pairs({self.policy: self.policy_there}),
            **more,
        }
        return plan(self.source.billing, self.target.billing, run or self.run, PlanOptions(**given))

    def apply(self, **more: Any) -> Any:  # noqa: ANN401 - any option; the summary
        return apply(self.source.billing, self.target.billing, self.run, ApplyOptions(settle=0, **more))

    def codes(self, run: Path | None = None) -> dict[str, str]:
        with open_run(run or self.run) as opened:
            return {record.source_id: record.code for record in opened.records()}

    def charges(self) -> list[Row]:
        return [row for row in self.target.sandbox.books() if row["type"] == "charge"]

    def copies(self) -> Counter[tuple[str, Decimal, str, str | None]]:
        """What stands at the target under unibill's marks."""
        rows = self.charges()
        undone = {row.get("reversalOfLocator") for row in rows}
        return Counter(
            (row["chargeType"], row["amount"], row["chargeInvoicing"], row.get("policyLocator"))
            for row in rows
            if str(row.get("tag") or "").startswith("ub1-") and row["locator"] not in undone and not row.get("reversalOfLocator")
        )


def _tenant(locator: str) -> Tenant:
    tenant = default_tenant()
    more = {"HandlingFee": ChargeType("fee", "flat", "next"), "Misnamed": ChargeType("tax", "flat", "next")}
    return msgspec.structs.replace(tenant, locator=locator, charge_types={**tenant.charge_types, **more})


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Side, Side]]:
    with ExitStack() as stack:

        def opened(locator: str) -> Side:
            def system(database: sqlite3.Connection, chosen: Mapping[str, str]) -> SocotraSandbox:
                return SocotraSandbox(database, chosen, tenant=_tenant(locator))

            sandbox = stack.enter_context(Sandbox({"socotra": system}))
            serving = stack.enter_context(sandbox.serve())
            settings = SocotraSettings(
                **{name: value for name, value in sandbox.systems["socotra"].backend(serving.url).items() if name != "token"},  # type: ignore[arg-type]  # texts, by their names
                token=SecretStr(sandbox.systems["socotra"].backend(serving.url)["token"]),
                credit_charge_type="GoodwillCredit",
                reversal_type="migration",
            )
            return Side(sandbox, stack.enter_context(Billing(locator[:4], SocotraProvider(settings))), serving.url)

        yield opened(TENANTS[0]), opened(TENANTS[1])


@pytest.fixture
def two(sides: tuple[Side, Side], tmp_path: Path) -> Iterator[Tenants]:
    made: list[str] = []
    for side in sides:
        side.sandbox.reset()
        system: Any = side.sandbox.systems["socotra"]
        with side.sandbox.transaction():
            account = system.engine.add_account().locator
            made += [account, system.engine.add_policy(account, "USD").locator]
    with without_waiting():
        yield Tenants(*sides, tmp_path / "run.db", *made)


def test_flat_charges_arrive_once_with_types_policies_and_modes_and_go_again(two: Tenants) -> None:
    two.charge("10.50", tag="late fee")
    two.charge("10.50")
    two.charge("3", "RegionalSurcharge", Invoicing.SCHEDULED)
    two.charge("20", policy_id=two.policy)
    tax = two.charge("7", "AdjustmentTax")
    planned = two.plan()
    assert (planned.charges, planned.exit_status, two.codes()[tax]) == ({"USD": Decimal(44)}, 0, "left-behind")
    two.apply(expect=planned.hash)
    assert two.copies() == {
        ("HandlingFee", Decimal("10.50"), "next", None): 2,
        ("RegionalSurcharge", Decimal(3), "scheduled", None): 1,
        ("HandlingFee", Decimal(20), "next", two.policy_there): 1,
    }
    assert any(str(row["tag"]).endswith(" late fee") for row in two.charges())
    proof = verify(two.source.billing, two.target.billing, two.run)
    assert (proof.exit_status, proof.signs["="]) == (0, 4)
    assert [(line.record_type, line.after) for line in proof.conservation] == [(RecordType.CHARGE, Decimal("44.00"))]
    again = two.run.with_name("again.db")
    second = two.plan(again)
    assert (second.counts["create"], second.counts["exists"]) == (0, 4)
    assert any("cannot be asked for marks in all accounts" in note for note in second.notes)

    undone = rollback(two.target.billing, two.run)
    assert (undone.undone, undone.net_charges, len(undone.traces)) == (4, {"USD": Decimal(0)}, 4)
    assert sum(row["amount"] for row in two.charges()) == 0
    assert verify(two.source.billing, two.target.billing, two.run).exit_status == 0
    assert two.apply().counts == {"created": 4}
    assert sum(two.copies().values()) == 4


def test_what_nobody_mapped_blocks_and_what_is_invoiced_waits_for_a_decision(two: Tenants) -> None:
    other = two.charge("1", "Memorandum")
    invoiced, waiting = two.charge("5", "ServiceFee", Invoicing.IMMEDIATE), two.charge("5", "ServiceFee")
    policy = two.charge("2", policy_id=two.policy)
    transaction = next(row for row in two.source.sandbox.books() if row["type"] == "transaction")
    linked = two.charge("4", transaction_id=str(transaction["locator"]))
    two.plan(policies=None)
    assert two.codes() == {
        other: "unmapped-charge-type",
        invoiced: "invoiced",
        waiting: "create",
        policy: "unmapped-policy",
        linked: "unmapped-transaction",
    }
    transaction_there = next(row for row in two.target.sandbox.books() if row["type"] == "transaction")
    links = {
        (LinkKind.POLICY, two.policy): two.policy_there,
        (LinkKind.TRANSACTION, str(transaction["locator"])): str(transaction_there["locator"]),
    }
    two.plan(policies=PolicyMap(links), invoiced_charges="copy", same_charge_types=True)
    assert set(two.codes().values()) == {"create"}
    assert two.apply().exit_status == 0
    assert sum(two.copies().values()) == 5
    assert verify(two.source.billing, two.target.billing, two.run).exit_status == 0


def test_a_credit_charge_travels_as_a_credit_or_as_a_charge_and_never_as_both(two: Tenants) -> None:
    credit = two.charge("-30", "goodwillCredit", Invoicing.IMMEDIATE)
    two.charge("8")
    planned = two.plan()
    assert (planned.money, planned.charges) == ({"USD": Decimal(30)}, {"USD": Decimal(8)})
    two.apply()
    assert two.copies() == {("GoodwillCredit", Decimal(-30), "immediate", None): 1, ("HandlingFee", Decimal(8), "next", None): 1}
    proof = verify(two.source.billing, two.target.billing, two.run)
    assert (proof.exit_status, proof.signs["="]) == (0, 2), proof.differences
    other = two.run.with_name("other.db")
    two.plan(other, credit_charges="charge")
    assert two.codes(other)[f"charge:{credit}"] == "copy-of-another-type"


def test_as_a_charge_a_credit_keeps_its_type_and_counts_as_the_credit_that_it_is(two: Tenants) -> None:
    two.charge("-30", "goodwillCredit", Invoicing.IMMEDIATE)
    planned = two.plan(credit_charges="charge")
    assert (planned.money, planned.charges) == ({}, {"USD": Decimal(-30)})
    two.apply()
    assert two.copies() == {("goodwillCredit", Decimal(-30), "immediate", None): 1}
    proof = verify(two.source.billing, two.target.billing, two.run)
    lines = [(line.record_type, line.carried, line.after) for line in proof.conservation]
    assert (proof.exit_status, lines) == (0, [(RecordType.CREDIT, Decimal(30), Decimal(30))])
    undone = rollback(two.target.billing, two.run)
    assert (undone.exit_status, undone.net_charges) == (0, {"USD": Decimal(0)})
    balances: Any = next(row["balances"] for row in two.target.sandbox.books() if row["type"] == "account")
    assert not any(balances.values())


def test_a_charge_that_the_tenant_refuses_is_named_and_the_others_arrive(two: Tenants) -> None:
    two.charge("1")
    refused = two.charge("2", "RegionalSurcharge")
    two.plan(charge_types=ChargeTypeMap.from_pairs({"serviceFee": "HandlingFee", "RegionalSurcharge": "Premium"}))
    applied = two.apply()
    assert [(problem.what, problem.source_id) for problem in applied.problems] == [("rejected", refused)]
    assert "not flat" in applied.problems[0].reason
    assert (applied.exit_status, sum(two.copies().values())) == (1, 1)


def test_a_type_that_is_of_another_category_there_stops_the_run(two: Tenants) -> None:
    two.charge("1")
    two.charge("2")
    two.plan(charge_types=ChargeTypeMap.from_pairs({"serviceFee": "Misnamed"}))
    applied = two.apply()
    assert (applied.exit_status, sum(two.copies().values())) == (4, 1)
    assert "with category tax instead of fee" in applied.stopped
    assert rollback(two.target.billing, two.run).net_charges == {"USD": Decimal(0)}


@pytest.mark.parametrize("kind", ["cut-after", "cut-before", "status-500", "status-429"])
def test_a_broken_answer_ends_in_one_charge(two: Tenants, kind: str) -> None:
    for amount in ("1", "2", "3"):
        two.charge(amount)
    two.plan()
    two.target.sandbox.faults([{"kind": kind, "route": ADD, "skip": 1, "count": 1}])
    two.apply()
    two.target.sandbox.faults([])
    assert two.apply().exit_status == 0
    assert two.copies() == {("HandlingFee", Decimal(amount), "next", None): 1 for amount in (1, 2, 3)}
    assert verify(two.source.billing, two.target.billing, two.run).exit_status == 0


@pytest.mark.parametrize("moment", ["intent", "effect"])
def test_an_apply_that_is_killed_makes_every_charge_once_and_is_taken_back_whole(two: Tenants, moment: str) -> None:
    for amount in ("1", "2", "3"):
        two.charge(amount)
    two.plan()
    sides = [side.sandbox.systems["socotra"].backend(side.url) for side in (two.source, two.target)]
    words = [text for given in sides for text in (given["base_url"], given["tenant"], given["token"])]
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", CHILD, moment, str(two.run), *words], check=False)  # noqa: S603 - our own program
        assert done.returncode == -signal.SIGKILL
    assert two.apply().exit_status == 0
    assert two.copies() == {("HandlingFee", Decimal(amount), "next", None): 1 for amount in (1, 2, 3)}
    undone = rollback(two.target.billing, two.run)
    assert (undone.exit_status, sum(row["amount"] for row in two.charges())) == (0, 0)


def test_a_plan_of_charges_sends_nothing_but_get(two: Tenants) -> None:
    two.charge("1")
    before = [len(side.writes()) for side in (two.source, two.target)]
    two.plan()
    assert [len(side.writes()) for side in (two.source, two.target)] == before
