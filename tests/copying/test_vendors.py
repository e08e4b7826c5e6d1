"""Copies between the vendors, and between two tenants of one, through the one engine that knows none of them."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.payments import NewPayment
from unibill_socotra.sandbox.tenant import default_tenant
from unibill_socotra.settings import SocotraSettings

from tests.copying.conftest import Open, Row, Side, customer, invoice, note
from unibill import Billing, ChargeDraft, Invoicing
from unibill.copying import (
    AccountMap,
    ApplyOptions,
    InvoiceMap,
    PlanOptions,
    PlanSummary,
    Verification,
    apply,
    open_run,
    plan,
    rollback,
    verify,
)
from unibill.http import without_waiting
from unibill.sandbox import Sandbox

TENANTS = ("6ec2f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a77", "7fd3f6d2-4b2b-4f6e-9a3f-0c8c4b1f2a88")
SEEDED = 30


@pytest.fixture(scope="module")
def tenants() -> Iterator[tuple[Side, Side]]:
    """Two Socotra tenants, each in a sandbox of its own."""
    with ExitStack() as stack:

        def opened(tenant: str) -> Side:
            def system(database: sqlite3.Connection, chosen: Mapping[str, str]) -> SocotraSandbox:
                return SocotraSandbox(database, chosen, tenant=msgspec.structs.replace(default_tenant(), locator=tenant))

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
            return Side(sandbox, stack.enter_context(Billing(tenant[:4], SocotraProvider(settings))), serving.url)

        yield opened(TENANTS[0]), opened(TENANTS[1])


@pytest.fixture
def socotra(tenants: tuple[Side, Side]) -> Iterator[Side]:
    tenants[0].sandbox.reset()
    tenants[0].sandbox.seed("generated", SEEDED)
    with without_waiting():
        yield tenants[0]


@pytest.fixture(scope="module")
def _billagain(open_side: Open) -> Side:
    return open_side("7007")


@pytest.fixture
def billagain(_billagain: Side) -> Side:
    _billagain.sandbox.reset()
    return _billagain


def books(side: Side, kind: str) -> list[Row]:
    return [row for row in side.sandbox.books() if row["type"] == kind]


def accounts(side: Side) -> list[str]:
    return sorted(row["locator"] for row in books(side, "account"))


def spendable(side: Side, account: str) -> Decimal:
    """What an account could spend of its dollars, in the system's own books."""
    row = next(row for row in books(side, "account") if row["locator"] == account)
    return Decimal(row["balances"].get("USD", 0))


def open_invoice(side: Side, account: str, amount: str) -> str:
    before = {row["locator"] for row in books(side, "invoice")}
    fee = ChargeDraft(
        account_id=account, currency="USD", amount=Decimal(amount), type="ServiceFee", invoicing=Invoicing.IMMEDIATE, tag="owed"
    )
    side.billing.charges.add([fee])
    (made,) = {row["locator"] for row in books(side, "invoice")} - before
    return str(made)


def left_of(side: Side, locator: str) -> Decimal:
    return Decimal(next(row for row in books(side, "invoice") if row["locator"] == locator)["totalRemainingAmount"])


def whole(source: Side, target: Side, run: Path, options: PlanOptions) -> tuple[PlanSummary, Verification]:
    planned = plan(source.billing, target.billing, run, options)
    applied = apply(source.billing, target.billing, run, ApplyOptions(expect=planned.hash, yes=True))
    assert applied.exit_status == 0, (applied.problems, applied.stopped)
    return planned, verify(source.billing, target.billing, run)


def fill(billagain: Side) -> None:
    owner = customer(11, "USD")
    spent = invoice(31, 11, "500", CurrencyCode="USD")
    usd = {"CurrencyCode": "USD"}
    billagain.seed(
        owner, spent, note(101, 11, "60.50", **usd), note(102, 11, "100", (31, "40"), **usd), note(103, 11, "9", (31, "9"), **usd)
    )


def test_billagain_to_socotra_and_back_to_nothing(billagain: Side, socotra: Side, tmp_path: Path) -> None:
    fill(billagain)
    account = accounts(socotra)[0]
    before = spendable(socotra, account)
    options = PlanOptions(accounts=AccountMap.from_pairs({"11": account}))
    _, proof = whole(billagain, socotra, tmp_path / "run.db", options)
    assert (proof.exit_status, proof.signs["="]) == (0, 2)
    assert spendable(socotra, account) - before == Decimal("120.50")
    undone = rollback(socotra.billing, tmp_path / "run.db")
    assert (undone.exit_status, undone.undone, undone.net, len(undone.traces)) == (0, 2, {"USD": Decimal(0)}, 2)
    assert spendable(socotra, account) == before
    again = apply(billagain.billing, socotra.billing, tmp_path / "run.db", ApplyOptions())
    assert again.exit_status == 0, again.problems
    assert verify(billagain.billing, socotra.billing, tmp_path / "run.db").exit_status == 0


def test_a_copy_that_another_run_took_back_is_no_longer_anybody_elses_to_make_and_says_who_can(
    billagain: Side, socotra: Side, tmp_path: Path
) -> None:
    fill(billagain)
    options = PlanOptions(accounts=AccountMap.from_pairs({"11": accounts(socotra)[0]}))
    early, late = tmp_path / "early.db", tmp_path / "late.db"
    plan(billagain.billing, socotra.billing, early, options)
    whole(billagain, socotra, tmp_path / "run.db", options)
    undone = rollback(socotra.billing, tmp_path / "run.db")
    assert undone.undone == 2
    refused = apply(billagain.billing, socotra.billing, early, ApplyOptions())
    assert {problem.what for problem in refused.problems} == {"conflict"}
    planned = plan(billagain.billing, socotra.billing, late, options)
    reasons = [problem.reason for problem in refused.problems] + [
        reason.sample for reason in planned.reasons if reason.decision == "conflict"
    ]
    assert len(reasons) == 3
    for reason in reasons:
        assert reason.startswith("its copy was reversed at the target: charge:")
        assert reason.endswith("then apply it")
    again = apply(billagain.billing, socotra.billing, tmp_path / "run.db", ApplyOptions())
    assert (again.exit_status, again.money) == (0, {"USD": Decimal("120.50")})


def test_a_rollback_counts_no_copy_that_was_reversed_by_hand(billagain: Side, socotra: Side, tmp_path: Path) -> None:
    fill(billagain)
    account = accounts(socotra)[0]
    options = PlanOptions(accounts=AccountMap.from_pairs({"11": account}))
    whole(billagain, socotra, tmp_path / "run.db", options)
    listed = socotra.billing.credits.list(account=account)
    by_hand = next(credit for credit in listed if credit.mark is not None and credit.amount == Decimal("60.50"))
    socotra.billing.credits.void(by_hand)
    undone = rollback(socotra.billing, tmp_path / "run.db")
    assert (undone.undone, undone.money, len(undone.traces), undone.net) == (1, {"USD": Decimal(60)}, 1, {"USD": Decimal(0)})


def history(account: str, target: str) -> PlanOptions:
    pairs = AccountMap.from_pairs({"11": account})
    return PlanOptions(accounts=pairs, carry="history", invoices=InvoiceMap.from_pairs({"31": target}))


def test_history_becomes_distributions_that_a_rollback_takes_back(billagain: Side, socotra: Side, tmp_path: Path) -> None:
    fill(billagain)
    account = accounts(socotra)[0]
    target = open_invoice(socotra, account, "500")
    _, proof = whole(billagain, socotra, tmp_path / "run.db", history(account, target))
    assert (proof.exit_status, proof.signs["="]) == (0, 3), proof.differences
    assert left_of(socotra, target) == Decimal(451)
    undone = rollback(socotra.billing, tmp_path / "run.db")
    assert (undone.exit_status, left_of(socotra, target)) == (0, Decimal(500)), undone.remains


def test_an_invoice_that_the_target_spells_otherwise_is_told_by_the_plan_since_copies_are_compared_with_what_is_answered(
    billagain: Side, socotra: Side, tmp_path: Path
) -> None:
    fill(billagain)
    account = accounts(socotra)[0]
    target = open_invoice(socotra, account, "500")
    planned = plan(billagain.billing, socotra.billing, tmp_path / "run.db", history(account, target.lower()))
    (told,) = [reason for reason in planned.reasons if reason.decision == "blocked"]
    assert (planned.counts["create"], told.count) == (1, 2)
    assert f"Socotra spells this invoice {target}, not {target.lower()}" in told.sample


@pytest.mark.parametrize(
    ("kind", "skip"), [*(("cut-after", skip) for skip in range(4)), ("cut-before", 0), ("cut-before", 2), ("status-500", 1)]
)
def test_a_write_of_several_requests_that_breaks_at_any_of_them_is_finished_once(
    billagain: Side, socotra: Side, tmp_path: Path, kind: str, skip: int
) -> None:
    fill(billagain)
    account = accounts(socotra)[0]
    target = open_invoice(socotra, account, "500")
    run, options = tmp_path / "run.db", history(account, target)
    planned = plan(billagain.billing, socotra.billing, run, options)
    faults = [{"kind": kind, "route": f"{method} /socotra/billing/**", "skip": skip, "count": 1} for method in ("POST", "PUT", "PATCH")]
    socotra.sandbox.faults(faults)
    for _ in range(3):
        if apply(billagain.billing, socotra.billing, run, ApplyOptions(expect=planned.hash)).exit_status == 0:
            break
    socotra.sandbox.faults([])
    assert apply(billagain.billing, socotra.billing, run, ApplyOptions(expect=planned.hash)).exit_status == 0
    proof = verify(billagain.billing, socotra.billing, run)
    assert proof.exit_status == 0, proof.differences
    assert left_of(socotra, target) == Decimal(451)
    marked = [row for row in books(socotra, "charge") if str(row.get("tag") or "").startswith("ub1-")]
    assert len(marked) == 3


def test_socotra_to_billagain_and_what_came_from_there_is_not_copied_back(socotra: Side, billagain: Side, tmp_path: Path) -> None:
    pairs = {account: str(5000 + place) for place, account in enumerate(accounts(socotra))}
    billagain.seed(*(customer(int(number), "USD") for number in pairs.values()))
    dollars = PlanOptions(accounts=AccountMap.from_pairs(pairs), currencies=frozenset({"USD"}))
    planned, proof = whole(socotra, billagain, tmp_path / "run.db", dollars)
    assert planned.counts["create"] >= 2
    assert (proof.exit_status, proof.signs["="]) == (0, planned.counts["create"])
    back = AccountMap.from_pairs({target: source for source, target in pairs.items()})
    again = plan(billagain.billing, socotra.billing, tmp_path / "back.db", PlanOptions(accounts=back))
    assert [(reason.code, reason.count) for reason in again.reasons] == [("came-from-there", planned.counts["create"])]


def test_a_target_account_with_an_excess_credit_plan_blocks_until_the_plan_is_accepted(
    billagain: Side, socotra: Side, tmp_path: Path
) -> None:
    fill(billagain)
    name = "PayOut"
    system: Any = socotra.sandbox.systems["socotra"]
    with socotra.sandbox.transaction():
        watched = system.engine.add_account(excess_credit_plan=name).locator
    pairs = AccountMap.from_pairs({"11": watched})
    blocked = plan(billagain.billing, socotra.billing, tmp_path / "run.db", PlanOptions(accounts=pairs))
    assert blocked.counts["blocked"] == 2
    assert any(f"--accept-plan {name} would let it pass" in reason.sample for reason in blocked.reasons)
    accepted = PlanOptions(accounts=pairs, accept_plans=frozenset({name}))
    assert plan(billagain.billing, socotra.billing, tmp_path / "run.db", accepted).counts["create"] == 2


def test_a_tenant_is_copied_to_another_tenant(socotra: Side, tenants: tuple[Side, Side], tmp_path: Path) -> None:
    other = tenants[1]
    other.sandbox.reset()
    other.sandbox.seed("generated", SEEDED, random_seed=2)
    pairs = dict(zip(accounts(socotra), accounts(other), strict=False))
    options = PlanOptions(accounts=AccountMap.from_pairs(pairs))
    planned, proof = whole(socotra, other, tmp_path / "run.db", options)
    assert planned.counts["create"] >= 2
    assert (proof.exit_status, proof.signs["="]) == (0, planned.counts["create"]), proof.differences
    third = plan(socotra.billing, other.billing, tmp_path / "again.db", options)
    assert (third.counts["create"], third.counts["exists"]) == (0, planned.counts["create"])


def test_socotras_records_are_carried_skipped_by_name_or_blocked(socotra: Side, billagain: Side, tmp_path: Path) -> None:
    pairs = {account: str(5000 + place) for place, account in enumerate(accounts(socotra))}
    billagain.seed(*(customer(int(number), "USD") for number in pairs.values()))
    plan(socotra.billing, billagain.billing, tmp_path / "run.db", PlanOptions(accounts=AccountMap.from_pairs(pairs)))
    with open_run(tmp_path / "run.db") as run:
        found = {(record.kind, record.code) for record in run.records() if record.decision != "create"}
    assert {code for kind, code in found if kind == "write_off"} <= {"write-off", "reversed", "draft"}
    assert {code for kind, code in found if kind == "payment"} <= {"cash", "reversed", "draft", "failed", "pending"}
    assert all(code for _, code in found)


def spent_account(side: Side) -> tuple[str, str, str]:
    """A Socotra account whose credits were spent in every way, and two of its invoices, of which the second is in no map."""
    system: Any = side.sandbox.systems["socotra"]
    engine, usd = system.engine, "USD"
    with side.sandbox.transaction():
        account = engine.add_account(excess_credit_plan="KeepBalance").locator

        def charge(amount: str, kind: str) -> Any:  # noqa: ANN401 - a charge
            return engine.charges.add(account, [NewCharge(Decimal(amount), kind)], "immediate", usd)[0]

        def spend(invoice: str, amount: str, kind: r.ContainerType = "invoice") -> Any:  # noqa: ANN401 - a distribution
            own, target = r.Item(account, "account"), r.Item(invoice, kind)
            return engine.distributions.run(r.Asked(account, Decimal(amount), usd, [own], [target]))

        mapped, unmapped = charge("500", "ServiceFee").invoice_locator, charge("300", "ServiceFee").invoice_locator
        charge("-100", "GoodwillCredit")
        spend(mapped, "40")
        spend(unmapped, "25")
        undone = spend(mapped, "7")
        engine.distributions.reverse(undone.locator, "migration")
        item = engine.core.store.get(r.Invoice, mapped).invoice_items[0].locator
        spend(item, "5", "invoiceItem")
        engine.disbursements.pay_out(account, Decimal(10), usd)
        target = [r.Item(mapped, "invoice", Decimal(30))]
        engine.payments.run(NewPayment("Cash", Decimal(33), usd, target, account, payment_mode="aggregate"))
    return account, mapped, unmapped


def test_socotras_history_arrives_in_billagain_with_the_same_applied_and_remaining_amounts(
    socotra: Side, billagain: Side, tmp_path: Path
) -> None:
    """100 were credited: 40 paid the mapped invoice, 30 went where nothing can be carried to, 10 were paid out, 20 remain."""
    account, mapped, unmapped = spent_account(socotra)
    billagain.seed(customer(11, "USD"), invoice(31, 11, "500", CurrencyCode="USD"))
    options = PlanOptions(accounts=AccountMap.from_pairs({account: "11"}), carry="history", invoices=InvoiceMap.from_pairs({mapped: "31"}))
    _, proof = whole(socotra, billagain, tmp_path / "run.db", options)
    assert (proof.exit_status, proof.signs["="]) == (0, 1), proof.differences
    (copy,) = billagain.billing.credits.list(account="11")
    source = next(credit for credit in socotra.billing.credits.list(account=account, allocations=True) if credit.kind == "charge")
    assert source.remaining == copy.remaining == Decimal(20)
    assert copy.amount == Decimal(60)
    assert [(item.target.id, item.amount) for item in copy.allocations or ()] == [("31", Decimal(40))]
    with open_run(tmp_path / "run.db") as run:
        found = {record.kind: record for record in run.records()}
    dropped = {(item["target"].split()[0], item["amount"]): item["reason"] for item in found["charge"].dropped}
    assert dropped == {
        ("invoice", Decimal(25)): "its invoice is not in the map",
        ("invoice", Decimal(7)): "it was reversed",
        ("invoice_item", Decimal(5)): "it goes to a target of type invoice_item, not to an invoice",
    }
    assert unmapped in next(item["target"] for item in found["charge"].dropped if item["amount"] == 25)
    codes = {kind: (record.decision.value, record.code) for kind, record in found.items()}
    assert codes == {
        "charge": ("create", "create"),
        "payment": ("skip", "cash"),
        "subpayment": ("skip", "doubles-its-parent"),
        "disbursement": ("skip", "paid-out"),
    }
    assert all(record.reason for record in found.values())
    assert sum(credit.remaining or Decimal(0) for credit in billagain.billing.credits.list(account="11")) <= spendable(socotra, account)


def test_a_history_goes_there_and_comes_back_with_the_same_amounts(billagain: Side, socotra: Side, open_side: Open, tmp_path: Path) -> None:
    """From BillAgain to Socotra, and from there to a third system: per credit and per invoice nothing has changed."""
    fill(billagain)
    account = accounts(socotra)[0]
    there = open_invoice(socotra, account, "500")
    whole(billagain, socotra, tmp_path / "there.db", history(account, there))
    third = open_side("8008")
    third.sandbox.reset()
    third.seed(customer(91, "USD"), invoice(93, 91, "500", CurrencyCode="USD"))
    only = frozenset(
        credit.id for credit in socotra.billing.credits.list(account=account) if credit.kind == "charge" and credit.mark is not None
    )
    back = PlanOptions(
        accounts=AccountMap.from_pairs({account: "91"}), carry="history", invoices=InvoiceMap.from_pairs({there: "93"}), ids=only
    )
    _, proof = whole(socotra, third, tmp_path / "back.db", back)
    assert proof.exit_status == 0, proof.differences

    def facts(side: Side, owner: str) -> list[tuple[Decimal, Decimal | None, Decimal | None]]:
        return sorted((credit.amount, credit.applied, credit.remaining) for credit in side.billing.credits.list(account=owner))

    assert facts(third, "91") == facts(billagain, "11")
    assert third.invoices()[93]["Balance"] == billagain.invoices()[31]["Balance"] == left_of(socotra, there)


def test_verify_names_a_copy_of_which_less_remains_than_was_carried(billagain: Side, socotra: Side, tmp_path: Path) -> None:
    """Money that was paid out of the account after the copy leaves amounts and allocations as planned; what remains tells it."""
    fill(billagain)
    system: Any = socotra.sandbox.systems["socotra"]
    with socotra.sandbox.transaction():
        account = system.engine.add_account(excess_credit_plan="KeepBalance").locator
    pairs = PlanOptions(accounts=AccountMap.from_pairs({"11": account}), accept_plans=frozenset({"KeepBalance"}))
    _, proof = whole(billagain, socotra, tmp_path / "run.db", pairs)
    assert (proof.exit_status, proof.signs["="]) == (0, 2)
    with socotra.sandbox.transaction():
        system.engine.disbursements.pay_out(account, Decimal(5), "USD")
    again = verify(billagain.billing, socotra.billing, tmp_path / "run.db")
    assert again.exit_status == 1
    assert [(line.sign, line.code) for line in again.differences] == [("*", "remaining")]
