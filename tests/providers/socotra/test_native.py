"""The native clients over real HTTP: the vendor's operations one to one, blocking and awaitable."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from unibill_socotra.native import SocotraNative
from unibill_socotra.wire.charges import ChargeCreate
from unibill_socotra.wire.common import CreditItem

from tests.providers.socotra.living import Live
from tests.support.natives import CLIENTS, native_of
from unibill.errors import Rejected


@pytest.fixture(params=CLIENTS)
def native(live: Live, request: pytest.FixtureRequest) -> Iterator[SocotraNative]:
    with native_of(live.provider, request.param) as client:
        yield client


def test_the_eleven_operations_of_the_credits_and_charges_pages_work_one_to_one(live: Live, native: SocotraNative) -> None:
    account = live.account(shortfall_tolerance_plan="StandardTolerance")
    engine = live.system.engine
    policy, quote = engine.add_policy(account, "USD"), engine.add_quote(account, "USD")
    transaction = policy.issued_transaction_locator
    created = native.add_charges(
        account,
        [ChargeCreate(Decimal("30.00"), "ServiceFee", transaction_locator=transaction, tag="x")],
        policy_locator=policy.locator,
        invoicing="immediate",
        currency="USD",
    )
    assert [(charge.amount, charge.tag, charge.policy_locator) for charge in created] == [(Decimal("30.00"), "x", policy.locator)]
    for listing in (
        native.fetch_charges_by_account(account),
        native.fetch_charges_by_policy(policy.locator),
        native.fetch_charges_by_transaction(transaction, include_all=True),
    ):
        assert ([charge.locator for charge in listing.items], listing.completed) == ([created[0].locator], True)
    (invoice,) = native.fetch_invoices_for_account(account).items
    payment = native.create_payment("Cash", Decimal("29.50"), [CreditItem(container_locator=invoice.locator, container_type="invoice")])
    native.validate_payment(payment.locator)
    assert native.post_payment(payment.locator).payment_state == "posted"
    (shortfall,) = native.fetch_multiple_shortfall_credits(account).items
    assert native.fetch_shortfall_credit(shortfall.locator) == shortfall
    assert (shortfall.amount, shortfall.parent_credit_locator) == (Decimal("0.50"), payment.locator)
    assert {credit.credit_type for credit in native.fetch_credits().items} == {"payment", "shortfallWriteOff"}
    assert {credit.locator for credit in native.fetch_credits_for_an_invoice(invoice.locator, include_reversed=True).items} == {
        payment.locator,
        shortfall.locator,
    }
    (reversal,) = native.reverse_charges(account, [created[0].locator], invoicing="next")
    assert (reversal.amount, reversal.reversal_of_locator) == (Decimal("-30.00"), created[0].locator)
    assert native.update_quote_invoice_fee_amount(quote.locator, Decimal("2.50")).invoice_fee_amount == Decimal("2.50")
    assert native.update_policy_invoice_fee_amount(policy.locator, Decimal("3.50")).invoice_fee_amount == Decimal("3.50")


def test_a_distribution_goes_through_its_life_cycle(live: Live, native: SocotraNative) -> None:
    account = live.account()
    invoice = live.bill(account, "20.00")
    live.charge(account, "-50.00")
    source = [CreditItem(container_locator=account, container_type="account")]
    target = [CreditItem(container_locator=invoice, container_type="invoice", amount=Decimal("20.00"))]
    made = native.create_credit_distribution(Decimal("70.00"), source, target, account_locator=account, currency="USD")
    with pytest.raises(Rejected, match="70"):
        native.validate_credit_distribution(made.locator)
    native.update_credit_distribution(made.locator, amount=Decimal("20.00"))
    assert native.validate_credit_distribution(made.locator).credit_distribution_state == "validated"
    assert native.reset_credit_distribution(made.locator).credit_distribution_state == "draft"
    native.validate_credit_distribution(made.locator)
    assert native.execute_credit_distribution(made.locator).credit_distribution_state == "executed"
    assert native.reverse_credit_distribution(made.locator, "migration").reversal_reason == "migration"
    assert native.fetch_ledger_account("accountCreditBalance", account, currency="USD", size=1).balance == Decimal("50.00")
    assert native.fetch_account(account).locator == account
