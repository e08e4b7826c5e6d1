# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 4: the algebra of allocations."""

from decimal import Decimal

import pytest

from unibill.capabilities import Operation
from unibill.errors import BackendError, InvalidDraft
from unibill.facade import Billing
from unibill.model import Credit, Status, applied_of
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, ids, need
from unibill.testing.conformance.telling import edges, same_edges, same_values, the_one, values


def check(credit: Credit) -> None:
    """The sums and the status of a credit agree."""
    edges(credit)
    applied = applied_of(credit.allocations or ())
    wanted = {"applied": applied, "remaining": credit.amount - applied}
    same_values(values(credit, wanted), wanted, f"credit {credit.id} of {credit.amount}", by="by its allocations")


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
            same_edges(
                credit, [(subject.invoices[0], Decimal("20.10")), (subject.invoices[1], Decimal("5.05"))], "created with allocations"
            )
            right = {"remaining": Decimal("24.85"), "status": Status.PARTIALLY_APPLIED}
            same_values(values(credit, right), right, f"credit {credit.id}", by="must be")

    def test_a_credit_that_applies_itself_goes_to_open_invoices(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_AUTO_APPLY, Operation.CREDITS_GET)
        made = billing.credits.create(subject.draft("10.10", auto_apply=True))
        credit = billing.credits.get(made.id, account=subject.account)
        check(credit)
        same_values(
            values(credit, ["applied"]), {"applied": Decimal("10.10")}, f"credit {credit.id}, created with auto_apply,", by="must be"
        )
        assert {invoice for invoice, _ in edges(credit)} <= set(subject.invoices)

    def test_spending_more_keeps_what_was_spent_before(self, subject: Subject, billing: Billing) -> None:
        credit = self.spendable(subject, billing)
        first = billing.credits.allocate(credit, [subject.to_invoice(0, "10.10")])
        second = billing.credits.allocate(first, [subject.to_invoice(1, "0.01")])
        states = {"in what allocate gave": second, "read anew": billing.credits.get(credit.id, account=subject.account)}
        if subject.usable(Operation.CREDITS_ALLOCATIONS) and subject.usable(Operation.CREDITS_LIST_ACCOUNT):
            listed = billing.credits.list(account=subject.account, allocations=True)
            states["in the list with allocations=True"] = the_one(listed, credit.id, "that list")
        for where, now in states.items():
            same_edges(now, [(subject.invoices[0], Decimal("10.10")), (subject.invoices[1], Decimal("0.01"))], where)
            check(now)
        lost = {item.id for item in first.allocations or () if item.id} - {item.id for item in second.allocations or ()}
        assert not lost, f"the allocations {', '.join(sorted(lost))} of credit {credit.id} have other ids after a second allocate"

    def test_a_credit_can_be_spent_to_its_last_digit_and_no_further(self, subject: Subject, billing: Billing) -> None:
        credit = self.spendable(subject, billing, "10.10")
        spent = billing.credits.allocate(credit, [subject.to_invoice(0, "10.09"), subject.to_invoice(1, "0.01")])
        same_edges(spent, [(subject.invoices[0], Decimal("10.09")), (subject.invoices[1], Decimal("0.01"))], "spent whole")
        right = {"remaining": Decimal(0), "status": Status.APPLIED}
        same_values(values(spent, right), right, f"credit {credit.id}, spent whole,", by="must be")
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
        now = billing.credits.get(credit.id, account=subject.account)
        same_edges(now, [(subject.invoices[0], Decimal("8.00"))], "of 10.00, after 8.00 was refused the second time")

    def test_undoing_an_allocation_gives_back_what_it_spent(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_DEALLOCATE)
        credit = self.spendable(subject, billing)
        kept = billing.credits.allocate(credit, [subject.to_invoice(0, "10.00")])
        both = billing.credits.allocate(kept, [subject.to_invoice(1, "20.00")])
        undone = [item.id for item in both.allocations or () if item.target.id == subject.invoices[1] and item.id]
        assert undone, f"credit {credit.id} was spent on {subject.invoices[1]}, and allocate gives no allocation to it that has an id"
        billing.credits.deallocate(both, undone)
        after = billing.credits.get(credit.id, account=subject.account)
        same_edges(after, [(subject.invoices[0], Decimal("10.00"))], f"after the allocation to {subject.invoices[1]} was undone")
        check(after)

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
        first, second = subject.invoices[:2]
        paid, unpaid = (ids(list(billing.credits.list(invoice=invoice, allocations=True))) for invoice in (first, second))
        assert credit.id in paid, f"credit {credit.id} was spent on invoice {first}, whose list has {', '.join(paid) or 'none'}"
        assert credit.id not in unpaid, f"credit {credit.id} was spent on invoice {first}, and the list of invoice {second} has it"
