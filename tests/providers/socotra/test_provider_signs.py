"""A vendor that stores the other sign: what was meant as a credit raises what is owed, and nobody is told otherwise."""

from decimal import Decimal

import pytest

from tests.providers.socotra.living import OpenLive
from unibill import marks
from unibill.drafts import AllocationDraft, CreditDraft
from unibill.errors import Conflict
from unibill.model import Direction
from unibill.operations import Operations

MARK = marks.key_mark("order-17")


def test_a_charge_that_came_back_with_the_other_sign_is_no_credit_and_nothing_is_spent_of_it(open_live: OpenLive) -> None:
    with open_live(credit_charge_sign="store-negated") as live:
        account = live.account()
        invoice = live.bill(account, "50.00")
        spent = (AllocationDraft(target_id=invoice, amount=Decimal("50.00")),)
        draft = CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"), allocations=spent)
        made = live.run(live.provider.create_credit(draft, MARK, {}))
        (found,) = live.run(live.provider.find_marked(account, {MARK}))
        for credit in (made, found):
            assert (credit.direction, credit.amount) == (Direction.FROM_ACCOUNT, Decimal("50.00"))
            assert "not-a-credit" in {finding.code for finding in credit.findings}
        assert live.open_amount(invoice) == Decimal("50.00")


def test_the_facade_says_that_a_credit_went_the_wrong_way_however_often_it_is_asked(open_live: OpenLive) -> None:
    with open_live(credit_charge_sign="store-negated") as live:
        account = live.account()
        draft = CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"))
        for _ in range(2):
            with pytest.raises(Conflict, match="instead of giving it"):
                live.run(Operations("new", live.provider).create_credit(draft, "order-17"))
        assert sum(line.startswith("POST") for line in live.sent()) == 1


def test_a_server_that_negates_what_it_is_sent_is_sent_the_other_sign_and_read_as_it_answers(open_live: OpenLive) -> None:
    with open_live({"credit_charge_sign": "negated"}, credit_charge_sign="store-negated") as live:
        account = live.account()
        invoice = live.bill(account, "50.00")
        spent = (AllocationDraft(target_id=invoice, amount=Decimal("30.00")),)
        draft = CreditDraft(account_id=account, currency="USD", amount=Decimal("50.00"), allocations=spent)
        made, again = (live.run(Operations("new", live.provider).create_credit(draft, "order-17")) for _ in range(2))
        for credit in (made, again):
            assert (credit.id, credit.direction, credit.amount, credit.remaining) == (
                made.id,
                Direction.TO_ACCOUNT,
                Decimal(50),
                Decimal(20),
            )
            assert "not-a-credit" not in {finding.code for finding in credit.findings}
        assert (live.open_amount(invoice), live.balance(account)) == (Decimal("20.00"), Decimal("20.00"))
        (one,) = live.credits(account)
        assert one.id == made.id
        live.run(live.provider.void(made, {}))
        assert (live.open_amount(invoice), live.balance(account)) == (Decimal("50.00"), Decimal(0))


def test_a_server_that_keeps_the_sign_it_is_sent_is_told_of_where_the_setting_says_that_it_negates(open_live: OpenLive) -> None:
    with open_live({"credit_charge_sign": "negated"}) as live:
        draft = CreditDraft(account_id=live.account(), currency="USD", amount=Decimal("50.00"))
        with pytest.raises(Conflict, match="instead of giving it"):
            live.run(Operations("new", live.provider).create_credit(draft, "order-17"))
