# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 4: the algebra of allocations."""

from decimal import Decimal

import pytest

from unibill.capabilities import Operation
from unibill.errors import BackendError, InvalidDraft
from unibill.facade import Billing
from unibill.model import Credit, Status, applied_of
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, need


def edges(credit: Credit) -> list[tuple[str, Decimal]]:
    """What stands on which invoice."""
    assert credit.allocations is not None
    return sorted((item.target.id, item.amount) for item in credit.allocations if item.reversed_at is None)


def check(credit: Credit) -> None:
    """The sums and the status of a credit agree."""
    assert credit.allocations is not None
    applied = applied_of(credit.allocations)
    assert (credit.applied, credit.remaining) == (applied, credit.amount - applied)


class AllocatingGroup(Suite):
    """Allocations."""

    def spendable(self, subject: Subject, billing: Billing, amount: str = "50.00") -> Credit:
        """A credit with all of it to spend, read whole."""
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_ALLOCATE, Operation.CREDITS_GET)
        if len(subject.invoices) < 2:
            pytest.skip("the subject names fewer than two invoices")
        made = billing.credits.create(subject.draft(amount))
        return billing.credits.get(made.id, account=subject.account)

    def test_a_credit_is_created_with_its_allocations(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE_ALLOCATED, Operation.CREDITS_GET)
        wanted = (subject.to_invoice(0, "20.10"), subject.to_invoice(1, "5.05"))
        made = billing.credits.create(subject.draft("50.00", allocations=wanted))
        for credit in (made, billing.credits.get(made.id, account=subject.account)):
            check(credit)
            assert edges(credit) == sorted([(subject.invoices[0], Decimal("20.10")), (subject.invoices[1], Decimal("5.05"))])
            assert (credit.remaining, credit.status) == (Decimal("24.85"), Status.PARTIALLY_APPLIED)

    def test_a_credit_that_applies_itself_goes_to_open_invoices(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_AUTO_APPLY, Operation.CREDITS_GET)
        made = billing.credits.create(subject.draft("10.10", auto_apply=True))
        credit = billing.credits.get(made.id, account=subject.account)
        check(credit)
        assert credit.applied == Decimal("10.10")
        assert {invoice for invoice, _ in edges(credit)} <= set(subject.invoices)

    def test_spending_more_keeps_what_was_spent_before(self, subject: Subject, billing: Billing) -> None:
        credit = self.spendable(subject, billing)
        first = billing.credits.allocate(credit, [subject.to_invoice(0, "10.10")])
        second = billing.credits.allocate(first, [subject.to_invoice(1, "0.01")])
        for now in (second, billing.credits.get(credit.id, account=subject.account)):
            check(now)
            assert edges(now) == sorted([(subject.invoices[0], Decimal("10.10")), (subject.invoices[1], Decimal("0.01"))])
        kept = {item.id for item in first.allocations or () if item.id}
        assert kept <= {item.id for item in second.allocations or ()}

    def test_a_credit_can_be_spent_to_its_last_digit_and_no_further(self, subject: Subject, billing: Billing) -> None:
        credit = self.spendable(subject, billing, "10.10")
        spent = billing.credits.allocate(credit, [subject.to_invoice(0, "10.09"), subject.to_invoice(1, "0.01")])
        assert (spent.remaining, spent.status) == (Decimal(0), Status.APPLIED)
        before = subject.sent()
        with pytest.raises(InvalidDraft):
            billing.credits.allocate(spent, [subject.to_invoice(0, "0.01")])
        assert subject.sent() == before

    def test_more_than_there_is_cannot_be_spent_at_creation(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE_ALLOCATED)
        before = subject.sent()
        with pytest.raises(InvalidDraft):
            billing.credits.create(subject.draft("10.00", allocations=(subject.to_invoice(0, "10.01"),)))
        assert subject.sent() == before

    def test_an_old_reading_of_a_credit_does_not_spend_it_twice(self, subject: Subject, billing: Billing) -> None:
        credit = self.spendable(subject, billing, "10.00")
        billing.credits.allocate(credit, [subject.to_invoice(0, "8.00")])
        with pytest.raises((InvalidDraft, BackendError)):
            billing.credits.allocate(credit, [subject.to_invoice(1, "8.00")])
        assert edges(billing.credits.get(credit.id, account=subject.account)) == [(subject.invoices[0], Decimal("8.00"))]

    def test_undoing_an_allocation_gives_back_what_it_spent(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_DEALLOCATE)
        credit = self.spendable(subject, billing)
        kept = billing.credits.allocate(credit, [subject.to_invoice(0, "10.00")])
        both = billing.credits.allocate(kept, [subject.to_invoice(1, "20.00")])
        undone = [item.id for item in both.allocations or () if item.target.id == subject.invoices[1] and item.id]
        billing.credits.deallocate(both, undone)
        after = billing.credits.get(credit.id, account=subject.account)
        check(after)
        assert edges(after) == [(subject.invoices[0], Decimal("10.00"))]

    def test_voiding_a_spent_credit_frees_its_invoices(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_VOID)
        credit = self.spendable(subject, billing, "100.00")
        spent = billing.credits.allocate(credit, [subject.to_invoice(0, "100.00")])
        billing.credits.void(spent)
        again = self.spendable(subject, billing, "100.00")
        assert billing.credits.allocate(again, [subject.to_invoice(0, "100.00")]).remaining == 0

    def test_the_credits_of_an_invoice_are_those_spent_on_it(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_LIST_INVOICE, Operation.CREDITS_ALLOCATIONS)
        credit = self.spendable(subject, billing)
        billing.credits.allocate(credit, [subject.to_invoice(0, "10.00")])
        assert credit.id in [found.id for found in billing.credits.list(invoice=subject.invoices[0], allocations=True)]
        assert credit.id not in [found.id for found in billing.credits.list(invoice=subject.invoices[1], allocations=True)]
