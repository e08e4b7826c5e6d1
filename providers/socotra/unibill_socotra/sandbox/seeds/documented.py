"""A small cast that shows every kind of record once.

The vendor prints no sample of a credit or a charge. Only the invoice at the end is a published sample (one of its four
items is known; the other three are made up so that the total fits). Everything else is built from the schemas, and says so
in its account's data or its tag.
"""

from decimal import Decimal
from typing import Final

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.engine import Engine
from unibill_socotra.sandbox.identity import SteppingClock, micros_of
from unibill_socotra.sandbox.invoices import Invoices
from unibill_socotra.sandbox.ledger import Entry
from unibill_socotra.sandbox.payments import NewPayment

SAMPLE_ACCOUNT: Final = "01J5V8NM2GSXK6HG42PD5Z1VAE"
SAMPLE_INVOICE: Final = "01JBAS3SK5ABDPV2E32GNXW7Z6"
SAMPLE_POLICY: Final = "01JBAS3D48XSA9GWDKKD0EW3GH"
_BUILT: Final = '{"origin":"built from the schemas"}'
_START: Final = micros_of("2026-03-02T09:15:21.647311Z")


def seed_documented(engine: Engine) -> None:
    """Add the cast."""
    engine.core.clock = SteppingClock(_START, 61_417_223)
    if engine.core.store.find(r.Invoice, SAMPLE_INVOICE) is None:
        _sample_invoice(engine)
    _every_charge(engine)
    _every_credit(engine)
    _life_cycles(engine)
    engine.add_account(excess_credit_plan="AutoApply", data=_BUILT)
    engine.add_account(excess_credit_plan="PayOut", data=_BUILT)
    engine.add_account(excess_credit_plan="NeverSettle", data=_BUILT)


def _one(charge_type: str, amount: str, tag: str = "built from the schemas") -> NewCharge:
    return NewCharge(Decimal(amount), charge_type, tag)


def _invoice(engine: Engine, account: str, amount: str, currency: str = "USD") -> str:
    """An open invoice of one fee."""
    made = engine.charges.add(account, [_one("ServiceFee", amount)], "immediate", currency)
    return engine.core.store.get(r.Charge, made[0].locator).invoice_locator or ""


def _every_charge(engine: Engine) -> None:
    """One charge of every category, three of them bound to a policy, one reversed."""
    account = engine.add_account(data=_BUILT).locator
    policy = engine.add_policy(account, "EUR")
    engine.add_quote(account, "EUR")
    element = engine.core.store.query(r.Element, "transaction_locator = ?", (policy.issued_transaction_locator,))[0]
    bound = [
        NewCharge(
            Decimal(amount),
            name,
            "built from the schemas",
            policy.issued_transaction_locator,
            element.locator,
            element.static_locator,
        )
        for name, amount in (("AdjustmentPremium", "-18.75"), ("AdjustmentTax", "3.10"), ("CededPremium", "40"))
    ]
    engine.charges.add(account, bound, "next", "EUR", policy.locator)
    loose = [
        _one("serviceFee", "12.50"),
        _one("invoiceFee", "1.00"),
        _one("RegionalSurcharge", "4.20"),
        _one("RiskScore", "7"),
        _one("Memorandum", "0.01"),
    ]
    made = engine.charges.add(account, loose, "next", "EUR")
    engine.charges.reverse(account, [made[0].locator], "next")
    engine.charges.invoice_waiting(account, "EUR")
    engine.charges.add(account, [_one("GoodwillCredit", "-50.00", "case-4711")], "immediate", "EUR")
    engine.charges.add(account, [_one("goodwillCredit", "-2.00", "waits for the next invoice")], "next", "EUR")


def _every_credit(engine: Engine) -> None:
    """Every creditType, applied or paid out, and every one of them reversed."""
    account = engine.add_account(shortfall_tolerance_plan="StandardTolerance", data=_BUILT).locator
    own = r.Item(account, "account")
    engine.charges.add(account, [_one("GoodwillCredit", "-200.00", "case-0815")], "immediate", "USD")
    for reverse in (False, True):
        target = r.Item(_invoice(engine, account, "60.00"), "invoice")
        spent = engine.distributions.run(r.Asked(account, Decimal("45.00"), "USD", [own], [target]))
        paid = r.Item(_invoice(engine, account, "30.00"), "invoice", Decimal("30.00"))
        payment = engine.payments.run(NewPayment("StandardPayment", Decimal("37.50"), "USD", [paid], account, '{"bank":"made up"}'))
        short = r.Item(_invoice(engine, account, "20.00"), "invoice", Decimal("19.25"))
        with_shortfall = engine.payments.run(NewPayment("StandardPayment", Decimal("19.25"), "USD", [short], account))
        both = [r.Item(_invoice(engine, account, amount), "invoice") for amount in ("11.00", "13.00")]
        aggregate = engine.payments.run(NewPayment("AgencyPayment", Decimal("24.00"), "USD", both, account, payment_mode="aggregate"))
        write_off = engine.write_offs.create(account, [r.Item(_invoice(engine, account, "5.00"), "invoice", Decimal("4.00"))])
        engine.disbursements.pay_out(account, Decimal("10.00"), "USD", "reversed" if reverse else "executed")
        if reverse:
            engine.distributions.reverse(spent.locator, "reallocation")
            for one in (payment, with_shortfall, aggregate):
                engine.payments.reverse(one.locator, "bouncedPayment")
            engine.write_offs.reverse(write_off.locator)


def _life_cycles(engine: Engine) -> None:
    """Payments, distributions and disbursements in the states that move no money; a payment that names no account."""
    account = engine.add_account(data=_BUILT).locator
    own = r.Item(account, "account")
    engine.charges.add(account, [_one("GoodwillCredit", "-80.00", "case-0042")], "immediate", "USD")
    target = r.Item(_invoice(engine, account, "75.00"), "invoice")
    asked = r.Asked(account, Decimal("10.00"), "USD", [own], [target])
    for last in ("draft", "validated", "discarded", "failed"):
        beyond = r.Asked(account, Decimal("500.00"), "USD", [own], [target])
        distribution = engine.distributions.create(beyond if last == "failed" else asked)
        if last in ("validated", "failed"):
            engine.distributions.validate(distribution.locator)
        elif last == "discarded":
            engine.distributions.discard(distribution.locator)
    paths: tuple[tuple[r.PaymentState, ...], ...] = (
        (),
        ("discarded",),
        ("validated",),
        ("validated", "requested"),
        ("validated", "requested", "executing"),
        ("validated", "requested", "failed"),
        ("validated", "requested", "cancelled"),
    )
    for path in paths:
        payment = engine.payments.create(NewPayment("StandardPayment", Decimal("5.00"), "USD", [target], account))
        for state in path:
            if state == "validated":
                engine.payments.validate(payment.locator)
            else:
                engine.payments.move(payment.locator, state)
    engine.payments.run(NewPayment("StandardPayment", Decimal("5.00"), "USD", [target]))
    states: tuple[r.DisbursementState, ...] = ("draft", "validated", "approved", "rejected", "discarded")
    for reached in states:
        engine.disbursements.pay_out(account, Decimal("1.00"), "USD", reached)


def _sample_invoice(engine: Engine) -> None:
    """The published invoice. It came from a policy, so its charges are of types that only policies make."""
    core = engine.core
    zone = "Australia/Sydney"
    engine.add_account(locator=SAMPLE_ACCOUNT, timezone=zone, data='{"origin":"the account of a published sample invoice"}')
    engine.add_policy(SAMPLE_ACCOUNT, "AUD", locator=SAMPLE_POLICY, timezone=zone)
    engine.add_quote(SAMPLE_ACCOUNT, "AUD", locator=SAMPLE_POLICY, state="issued")
    generated = "2024-10-28T23:59:21.647000Z"
    micros = micros_of(generated)
    items = [
        _sample_item("01JBAS3SK5ZKZ5D3RX1R64F261", "serviceFee", "fee", "2.85", "01JBAS3SBN5EBZH4Z6AJNHJWTQ"),
        *(
            _sample_item(core.ids.new(micros), name, category, amount, core.ids.new(micros))
            for name, category, amount in (("Premium", "premium", "471.16"), ("PremiumTax", "tax", "47.12"), ("Premium", "premium", "0.00"))
        ),
    ]
    items[3].amount = items[3].remaining_amount = Decimal("521.13") - sum(item.amount for item in items)
    invoice = r.Invoice(
        locator=SAMPLE_INVOICE,
        account_locator=SAMPLE_ACCOUNT,
        invoice_state="open",
        currency="AUD",
        timezone=zone,
        generated_time=generated,
        due_time="2024-10-27T12:59:59.999000Z",
        start_time="2024-10-27T00:00:00.000000Z",
        end_time="2024-11-26T13:00:00.000000Z",
        total_amount=Decimal("521.13"),
        total_remaining_amount=Decimal("521.13"),
        invoice_items=items,
    )
    entries = [
        entry
        for item in items
        for entry in (
            Entry("invoiceItem", item.locator, "debit", item.amount),
            Entry("installmentItem", item.installment_item_locators[0], "credit", item.amount),
        )
    ]
    core.ledger.post(micros, generated, "published sample invoice generated", "AUD", entries)
    Invoices(core).save(invoice)


def _sample_item(locator: str, charge_type: str, category: str, amount: str, installment: str) -> r.InvoiceItem:
    return r.InvoiceItem(
        locator=locator,
        charge_type=charge_type,
        charge_category=category,
        amount=Decimal(amount),
        remaining_amount=Decimal(amount),
        timezone="Australia/Sydney",
        policy_locator=SAMPLE_POLICY,
        quote_locator=SAMPLE_POLICY,
        element_static_locator=SAMPLE_POLICY,
        element_type="PersonalAutoSegment",
        installment_item_locators=[installment],
        transaction_locators=[SAMPLE_POLICY],
    )
