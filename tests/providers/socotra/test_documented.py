"""What Socotra's pages say of its bodies, typed by hand and replayed through the provider.

The pages print field tables and no sample, so these cassettes are graded ``documented-shape``: names, types and enumerations are the
vendor's, the values are ours. The one sample that Socotra published, an invoice, is ``documented``.
"""

from decimal import Decimal

from unibill_socotra.native import SocotraNative

from unibill import Charge, ChargeCategory, ChargeDraft, CreditKind, Direction, Invoicing, Status
from unibill.testing.backends import Backends

ACCOUNT = "01J5V8NM2GSXK6HG42PD5Z1VAE"
INVOICE = "01JBAS3SK5ABDPV2E32GNXW7Z6"
POLICY = "01JBAS3D48XSA9GWDKKD0EW3GH"
SHORTFALL = "01JBAS3SK5ABDPV2E32GNXW7A5"


def test_fetch_credits(unibill_billing: Backends) -> None:
    native: SocotraNative = unibill_billing("socotra").native
    page = native.fetch_credits(ACCOUNT)
    assert page.completed
    assert [str(record.amount) for record in page.items] == ["45.00", "10.10", "12345678901234567.895", "1000", "0.75", "4"]


def test_shortfall_credits(unibill_billing: Backends) -> None:
    billing = unibill_billing("socotra")
    native: SocotraNative = billing.native
    one = native.fetch_shortfall_credit(SHORTFALL)
    assert list(native.fetch_multiple_shortfall_credits(ACCOUNT).items) == [one]
    assert (str(one.amount), one.parent_credit_locator, (one.targets or [])[0].container_locator) == (
        "0.75",
        "01JBAS3SK5ABDPV2E32GNXW7A3",
        INVOICE,
    )
    (credit,) = billing.credits.list(invoice=INVOICE)
    assert (credit.id, credit.kind, credit.status) == (f"shortfall_write_off:{SHORTFALL}", CreditKind.SHORTFALL_WRITE_OFF, Status.APPLIED)
    assert credit.direction is Direction.TO_ACCOUNT


def test_add_and_reverse_charges(unibill_billing: Backends) -> None:
    billing = unibill_billing("socotra")
    draft = ChargeDraft(
        account_id=ACCOUNT, currency="USD", amount=Decimal("-10.10"), type="goodwillCredit", invoicing=Invoicing.IMMEDIATE, tag="case-1"
    )
    (added,) = billing.charges.add([draft])
    assert (str(added.amount), added.category, added.tag) == ("-10.10", ChargeCategory.CREDIT, "case-1")
    (reversal,) = billing.charges.reverse(ACCOUNT, [added.id], invoicing=Invoicing.NEXT)
    assert (str(reversal.amount), reversal.reversal_of) == ("10.10", added.id)


def test_fetch_charges(unibill_billing: Backends) -> None:
    billing = unibill_billing("socotra")
    charges = list(billing.charges.list(account=ACCOUNT))
    assert {charge.category for charge in charges} == set(ChargeCategory) - {ChargeCategory.UNKNOWN}
    assert [str(charge.amount) for charge in charges][-1] == "12345678901234567.89"
    (of_policy,) = billing.charges.list(policy=POLICY)
    assert of_policy.json_line() == (
        Charge(
            id="01JBAS3SK5ABDPV2E32GNXW7C9",
            provider="socotra",
            account_id=ACCOUNT,
            currency="USD",
            amount=Decimal("-18.75"),
            category=ChargeCategory.PREMIUM,
            remote_category="premium",
            type="adjustment",
            invoicing=Invoicing.NEXT,
            policy_id=POLICY,
            transaction_id=POLICY,
            element_id="01JBAS3D48XSA9GWDKKD0EW3GE",
            element_static_id="01JBAS3D48XSA9GWDKKD0EW3GS",
        ).json_line()
    )
    assert list(billing.charges.list(transaction=POLICY, include_all=True)) == []


def test_the_published_invoice(unibill_billing: Backends) -> None:
    native: SocotraNative = unibill_billing("socotra").native
    invoice = native.get_invoice_with_items(INVOICE)
    (item,) = invoice.invoice_items or []
    assert (str(invoice.total_amount), str(item.amount), item.charge_type) == ("521.13", "2.85", "serviceFee")
    assert item.unknown == {"transactionLocator": POLICY}
