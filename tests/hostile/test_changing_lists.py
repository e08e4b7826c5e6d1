"""A vendor's list that changes while it is paged: nothing comes twice, and what a plan missed for that is found and named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.settings import SocotraSettings

import unibill
from tests.copying.conftest import customer, note
from unibill import Billing, CreditDraft, hookimpl, marks, plugins
from unibill.copying import AccountMap, ApplyOptions, PlanOptions, apply, open_run, plan, verify
from unibill.events import RequestSettled
from unibill.http import without_waiting
from unibill.provider import BackendSettings
from unibill.sandbox import Sandbox

PAGE = 3
CREDITS = 9


@dataclass
class Source:
    """One backend with an account whose credits need three pages, and others who change them."""

    settings: BackendSettings
    account: str
    path: str
    """A part of the address of the list that tells it from the others."""
    insert: Callable[[bool], None]
    """Adds a credit, before all others or behind them."""
    delete: Callable[[str], None]
    """Takes one away."""

    @contextmanager
    def changed(self, change: Callable[[], None]) -> Iterator[Billing]:
        """The backend, and a change behind its back right after the first page of its list has come."""
        once, path = [change], self.path

        class Others:
            @hookimpl
            def unibill_request_settled(self, event: RequestSettled) -> None:
                if once and path in event.path and event.status == 200:
                    once.pop()()

        with unibill.connect(self.settings, observers=[Others()]) as billing:
            yield billing
        assert not once

    def listed(self, billing: Billing) -> list[str]:
        """What the backend's charges say, which both vendors give page by page, as ids of credits."""
        found = [billing.provider.credit_of(charge) for charge in billing.charges.list(account=self.account)]
        return [credit for credit in found if credit is not None]

    def now(self) -> list[str]:
        """What a list has that nobody changes."""
        with unibill.connect(self.settings) as billing:
            return self.listed(billing)


@contextmanager
def billagain() -> Iterator[Source]:
    system = plugins.load("billagain").sandbox()
    assert system is not None
    with Sandbox([system], switches={"billagain": {"empty-allocations": "accept"}}) as sandbox, sandbox.serve() as serving:

        def seed(*rows: dict[str, Any]) -> None:
            sandbox.seed("records", records=[{"system": "billagain", **row} for row in rows])

        seed(customer(11, "USD"), *(note(100 + i, 11, "7", CurrencyCode="USD") for i in range(CREDITS)))
        served: Any = serving.backends["billagain"]
        settings = BillAgainSettings(**served, page_size=PAGE, read_ahead=1)

        def delete(credit: str) -> None:
            with unibill.connect(settings) as others:
                others.credits.void(others.credits.get(credit))

        yield Source(settings, "11", "/credits", lambda front: seed(note(50 if front else 500, 11, "7", CurrencyCode="USD")), delete)


@contextmanager
def socotra() -> Iterator[Source]:
    """Socotra deletes no charge; that one goes from its list all the same is the sandbox's database at work."""
    system = plugins.load("socotra").sandbox()
    assert system is not None
    with Sandbox([system]) as sandbox, sandbox.serve() as serving:
        sandbox.seed("documented")
        served: Any = serving.backends["socotra"]
        more: dict[str, Any] = {"credit_charge_type": "GoodwillCredit", "reversal_type": "migration", "page_size": PAGE, "read_ahead": 1}
        settings = SocotraSettings(**served, **more)
        account = "01J5V8NM2GSXK6HG42PD5Z1VAE"
        with unibill.connect(settings) as billing:
            for _ in range(CREDITS):
                billing.credits.create(CreditDraft.model_validate({"account_id": account, "currency": "USD", "amount": "7"}), key=None)

        def insert(front: bool) -> None:
            row = next(row for row in sandbox.books() if row["type"] == "charge" and row["accountLocator"] == account)
            sandbox.seed("records", records=[{**row, "locator": f"01{'A' if front else 'Z'}ZZZZZZZZZZZZZZZZZZZZZZZ"}])

        def delete(credit: str) -> None:
            with sandbox.transaction():
                sandbox.systems["socotra"].database.execute("DELETE FROM socotra_charge WHERE locator = ?", (credit.partition(":")[2],))

        yield Source(settings, account, "/charges", insert, delete)


@pytest.fixture(params=[billagain, socotra], ids=lambda vendor: vendor.__name__)
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """Each vendor's sandbox in turn."""
    with without_waiting(), request.param() as made:
        yield made


@pytest.mark.parametrize("front", [True, False], ids=["before", "behind"])
def test_what_somebody_inserts_while_a_list_is_paged_hides_and_doubles_nothing(source: Source, front: bool) -> None:
    before = source.now()
    with source.changed(lambda: source.insert(front)) as billing:
        found = source.listed(billing)
    assert len(found) == len(set(found))
    assert set(before) <= set(found) <= set(source.now())
    assert (len(before), len(source.now())) == (CREDITS, CREDITS + 1)


def test_what_somebody_deletes_while_a_list_is_paged_doubles_nothing_and_hides_one_record_at_most(source: Source) -> None:
    """An offset knows no better: the record that slid over the edge of the page is in the next reading."""
    before = source.now()
    with source.changed(lambda: source.delete(before[0])) as billing:
        found = source.listed(billing)
    assert len(found) == len(set(found))
    assert len(set(before) - set(found)) <= 1
    assert source.now() == before[1:]


def test_a_credit_that_a_plan_missed_because_its_list_changed_is_named_by_verify_and_carried_by_a_new_run(
    source: Source, tmp_path: Path
) -> None:
    with billagain() as other, unibill.connect(other.settings) as target:
        for credit in list(target.credits.list()):
            target.credits.void(credit)
        options = PlanOptions(accounts=AccountMap.from_pairs({source.account: "11"}))
        before = source.now()
        with source.changed(lambda: source.delete(before[0])) as billing:
            plan(billing, target, tmp_path / "first.run", options)
        with open_run(tmp_path / "first.run") as run:
            missed = set(source.now()) - {record.source_id for record in run.records()}
        assert len(missed) == 1
        with unibill.connect(source.settings) as billing:
            for name in ("first", "second"):
                if name == "second":
                    assert plan(billing, target, tmp_path / "second.run", options).counts["create"] == 1
                apply(billing, target, tmp_path / f"{name}.run", ApplyOptions(yes=True))
                found = verify(billing, target, tmp_path / f"{name}.run")
                told = [(line.sign, line.code, line.source_id) for line in found.differences if line.code == "not-planned"]
                assert told == ([("-", "not-planned", *missed)] if name == "first" else [])
                assert found.exit_status == (1 if name == "first" else 0)
            standing, identity = set(source.now()), billing.provider.identity()
            wanted = {
                marks.mark(identity, item.kind, item.id) for item in billing.credits.list(account=source.account) if item.id in standing
            }
        copies = [credit.mark for credit in target.credits.list()]
        assert len(copies) == len(set(copies))
        assert (len(wanted), wanted - set(copies)) == (CREDITS - 1, set())
