"""Socotra reads a locator in either case and spells it in capitals; whoever calls may hold it in either."""

from decimal import Decimal

import pytest

from tests.providers.socotra.living import Live
from unibill import marks
from unibill.drafts import AllocationDraft, CreditDraft
from unibill.errors import InvalidQuery
from unibill.model import Invoicing
from unibill.operations import Operations
from unibill.provider import CreditQuery

SPENT = Decimal("30.00")


def _draft(account: str, invoice: str) -> CreditDraft:
    spent = (AllocationDraft(target_id=invoice, amount=SPENT),)
    return CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"), allocations=spent)


def test_an_account_in_small_letters_is_read_as_the_same_account(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "80.00")
    made = live.run(live.provider.create_credit(_draft(account, invoice), None, {}))
    assert live.credits(account.lower()) == live.credits(account)
    assert live.run(live.provider.get_credit(made.id.lower(), account.lower())) == live.credit(account, made.id)
    of_invoice = live.run(live.provider.list_credits(CreditQuery(invoice=invoice.lower(), allocations=True), None))
    assert [credit.id for credit in of_invoice.items] == [made.id]


def test_a_draft_in_small_letters_is_spent_once_however_often_it_is_tried(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "80.00")
    for _ in range(2):
        made = live.run(Operations("new", live.provider).create_credit(_draft(account.lower(), invoice.lower()), "order-17"))
        assert made.mark == marks.key_mark("order-17")
        assert (live.balance(account), live.open_amount(invoice)) == (Decimal("20.00"), Decimal("50.00"))


def test_a_credit_with_its_account_in_small_letters_is_spent_undone_and_taken_back(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "80.00")
    made = live.run(live.provider.create_credit(CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00")), None, {}))
    small = made.replace(account_id=account.lower(), id=made.id.lower())
    spent = live.run(live.provider.allocate(small, [AllocationDraft(target_id=invoice.lower(), amount=SPENT)], {}))
    assert (spent.remaining, live.open_amount(invoice)) == (Decimal("20.00"), Decimal("50.00"))
    freed = live.run(live.provider.deallocate(small, [edge.id or "" for edge in spent.allocations or ()], {}))
    assert (freed.remaining, live.open_amount(invoice)) == (Decimal("50.00"), Decimal("80.00"))
    live.run(live.provider.void(small, {}))
    assert (live.balance(account), live.credits(account)) == (Decimal(0), [])


def test_charges_in_small_letters_are_reversed_and_told(live: Live) -> None:
    account = live.account()
    charge = live.charge(account, "7.00", "ServiceFee")
    made = live.run(live.provider.reverse_charges(account.lower(), [charge.lower()], Invoicing.NEXT, {}))
    assert [reversal.reversal_of for reversal in made] == [charge]


def test_a_plan_is_told_how_an_account_is_spelt_since_copies_are_compared_with_what_is_answered(live: Live) -> None:
    account = live.account()
    assert live.run(live.provider.account_state(account)).account_id == account
    with pytest.raises(InvalidQuery, match=f"spells this account {account}"):
        live.run(live.provider.account_state(account.lower()))
