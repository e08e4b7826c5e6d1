"""Where money goes: charges, invoices, balances, distributions, payments, shortfalls, write-offs, disbursements."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from unibill_socotra.sandbox import Declined, Engine, SocotraSandbox
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.distributions import Change
from unibill_socotra.sandbox.payments import NewPayment

D = Decimal


@pytest.fixture
def sandbox() -> Iterator[SocotraSandbox]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        yield SocotraSandbox(database)


@pytest.fixture
def engine(sandbox: SocotraSandbox) -> Engine:
    return sandbox.engine


def charge(engine: Engine, account: str, *amounts: str, invoicing: r.Invoicing = "immediate", kind: str = "ServiceFee") -> list[r.Charge]:
    return engine.charges.add(account, [NewCharge(D(amount), kind) for amount in amounts], invoicing, "USD")


def invoice(engine: Engine, account: str, amount: str) -> str:
    return charge(engine, account, amount)[0].invoice_locator or ""


def read(engine: Engine, locator: str) -> r.Invoice:
    return engine.core.store.get(r.Invoice, locator)


def on(locator: str, amount: str | None = None) -> r.Item:
    return r.Item(locator, "invoice", None if amount is None else D(amount))


def asked(account: str, amount: str, *targets: r.Item, sources: list[r.Item] | None = None) -> r.Asked:
    return r.Asked(account, D(amount), "USD", sources or [r.Item(account, "account")], list(targets))


def pay(engine: Engine, account: str | None, amount: str, *targets: r.Item, aggregate: bool = False) -> r.Payment:
    mode: str = "aggregate" if aggregate else "normal"
    return engine.payments.run(NewPayment("StandardPayment", D(amount), "USD", list(targets), account, payment_mode=mode))  # type: ignore[arg-type]  # one of the two


def test_a_negative_immediate_charge_becomes_credit_balance_through_a_settlement(engine: Engine) -> None:
    account = engine.add_account().locator
    negative = invoice(engine, account, "-50.00")
    assert engine.balance(account, "USD") == 50
    assert read(engine, negative).invoice_state == "settled"
    settlement = engine.core.store.query(r.Distribution, "account_locator = ?", (account,))[0]
    assert settlement.credit_distribution_state == "executed"
    assert settlement.sources == [r.Item(negative, "invoice", D("50.00"))]
    assert settlement.targets == [r.Item(account, "account", D("50.00"))]


def test_next_charges_wait_and_simply_lower_the_next_invoice(engine: Engine) -> None:
    account = engine.add_account().locator
    charge(engine, account, "100", "-30", invoicing="next")
    assert engine.invoices.open_of(account, "USD") == []
    made = engine.charges.invoice_waiting(account, "USD")
    assert made is not None
    assert (made.total_amount, made.total_remaining_amount) == (D(70), D(70))
    assert [item.remaining_amount for item in made.invoice_items] == [70, 0]
    assert engine.charges.invoice_waiting(account, "USD") is None
    assert engine.balance(account, "USD") == 0


def test_charges_that_are_not_payable_reach_no_invoice(engine: Engine) -> None:
    account = engine.add_account().locator
    for kind in ("CededPremium", "RiskScore", "Memorandum"):
        assert charge(engine, account, "5", kind=kind)[0].invoice_locator is None
    assert engine.charges.invoice_waiting(account, "USD") is None


def test_the_modes_of_the_type_hold_unless_the_request_names_one(engine: Engine) -> None:
    account = engine.add_account().locator
    modes = [engine.charges.add(account, [NewCharge(D(-1), "GoodwillCredit")], mode)[0].charge_invoicing for mode in (None, "next")]
    assert modes == ["immediate", "next"]


def test_a_zero_invoice_settles_without_a_distribution(engine: Engine) -> None:
    account = engine.add_account().locator
    made = charge(engine, account, "5", "-5")[0]
    assert read(engine, made.invoice_locator or "").invoice_state == "settled"
    assert engine.core.store.query(r.Distribution, "1 = 1") == []


def test_types_that_are_not_flat_or_not_configured_are_refused(engine: Engine) -> None:
    account = engine.add_account().locator
    for kind in ("Premium", "Retention", "Unheard"):
        with pytest.raises(Declined, match=kind):
            charge(engine, account, "5", kind=kind)


def test_charges_policies_transactions_and_elements_must_belong_together(engine: Engine) -> None:
    account, stranger = engine.add_account().locator, engine.add_account().locator
    policy, other = engine.add_policy(account, "EUR"), engine.add_policy(account, "EUR")
    element = engine.core.store.query(r.Element, "transaction_locator = ?", (policy.issued_transaction_locator,))[0]
    fits = NewCharge(D(1), "ServiceFee", None, policy.issued_transaction_locator, element.locator)
    made = engine.charges.add(account, [fits], None, None, policy.locator)[0]
    assert (made.currency, made.element_locator) == ("EUR", element.locator)
    with pytest.raises(Declined, match="does not belong to account"):
        engine.charges.add(stranger, [fits], None, None, policy.locator)
    with pytest.raises(Declined, match="another account or policy"):
        engine.charges.add(account, [fits], None, None, other.locator)
    with pytest.raises(Declined, match="does not belong to transaction"):
        engine.charges.add(account, [NewCharge(D(1), "ServiceFee", None, other.issued_transaction_locator, element.locator)])
    with pytest.raises(Declined, match="another account"):
        engine.charges.add(stranger, [NewCharge(D(1), "ServiceFee", None, None, element.locator)])


def test_a_reversal_negates_once_and_cannot_itself_be_reversed(engine: Engine) -> None:
    account, stranger = engine.add_account().locator, engine.add_account().locator
    original = charge(engine, account, "-50")[0]
    reversal = engine.charges.reverse(account, [original.locator], "immediate")[0]
    assert (reversal.amount, reversal.reversal_of_locator) == (D(50), original.locator)
    assert read(engine, reversal.invoice_locator or "").total_remaining_amount == 50
    for locator, owner in ((original.locator, account), (reversal.locator, account), (original.locator, stranger)):
        with pytest.raises(Declined):
            engine.charges.reverse(owner, [locator], "next")


def test_one_bad_locator_reverses_nothing(engine: Engine) -> None:
    account = engine.add_account().locator
    good = charge(engine, account, "5")[0].locator
    with pytest.raises(Declined, match="was not found"):
        engine.charges.reverse(account, [good, account], "next")
    assert len(engine.core.store.query(r.Charge, "1 = 1")) == 1


def test_nothing_moves_before_a_distribution_is_executed(engine: Engine) -> None:
    account = engine.add_account().locator
    charge(engine, account, "-50")
    target = invoice(engine, account, "30")
    made = engine.distributions.create(asked(account, "30", on(target)))
    engine.distributions.validate(made.locator)
    assert (engine.balance(account, "USD"), read(engine, target).total_remaining_amount) == (D(50), D(30))
    done = engine.distributions.execute(made.locator)
    assert (engine.balance(account, "USD"), read(engine, target).invoice_state) == (D(20), "settled")
    assert (done.sources[0].amount, done.targets[0].amount) == (D(30), D(30))


def test_a_reversed_distribution_reopens_its_invoice_and_restores_the_balance(engine: Engine) -> None:
    account = engine.add_account().locator
    charge(engine, account, "-50")
    target = invoice(engine, account, "30")
    made = engine.distributions.run(asked(account, "30", on(target)))
    back = engine.distributions.reverse(made.locator, "reallocation")
    reopened = read(engine, target)
    assert (back.credit_distribution_state, back.reversal_reason) == ("reversed", "reallocation")
    assert (reopened.invoice_state, reopened.total_remaining_amount, reopened.settled_time) == ("open", D(30), None)
    assert reopened.unsettled_time is not None
    assert engine.balance(account, "USD") == 50
    with pytest.raises(Declined, match="is reversed, not executed"):
        engine.distributions.reverse(made.locator, "reallocation")


@pytest.mark.parametrize(("name", "message"), [("unheard", "is not configured"), ("bouncedPayment", "is for a payment")])
def test_a_reversal_type_must_be_configured_for_the_kind(engine: Engine, name: str, message: str) -> None:
    account = engine.add_account().locator
    charge(engine, account, "-50")
    made = engine.distributions.run(asked(account, "30", on(invoice(engine, account, "30"))))
    with pytest.raises(Declined, match=message):
        engine.distributions.reverse(made.locator, name)
    assert engine.balance(account, "USD") == 20


def test_a_settlement_cannot_be_reversed_once_its_money_is_spent(engine: Engine) -> None:
    account = engine.add_account().locator
    negative = invoice(engine, account, "-50")
    settlement = engine.core.store.query(r.Distribution, "1 = 1")[0]
    spent = engine.distributions.run(asked(account, "30", on(invoice(engine, account, "30"))))
    with pytest.raises(Declined, match="no longer holds"):
        engine.distributions.reverse(settlement.locator, "migration")
    assert engine.balance(account, "USD") == 20
    engine.distributions.reverse(spent.locator, "migration")
    engine.distributions.reverse(settlement.locator, "migration")
    assert (engine.balance(account, "USD"), read(engine, negative).total_remaining_amount) == (D(0), D(-50))
    assert len(engine.settlement.settle(negative)) == 1
    assert engine.balance(account, "USD") == 50


def test_put_patch_reset_and_discard_change_what_is_asked(engine: Engine) -> None:
    account = engine.add_account().locator
    charge(engine, account, "-50")
    first, second = invoice(engine, account, "30"), invoice(engine, account, "10")
    made = engine.distributions.put("01J5V8NM2GSXK6HG42PD5Z1VAE", asked(account, "30", on(first)))
    assert engine.distributions.put(made.locator, asked(account, "10", on(second))).targets == [on(second)]
    changed = engine.distributions.update(made.locator, Change(amount=D(40), add_targets=[on(first)]))
    assert (changed.amount, changed.targets) == (D(40), [on(second), on(first)])
    validated = engine.distributions.validate(made.locator)
    assert [item.amount for item in validated.targets] == [10, 30]
    with pytest.raises(Declined, match="is validated, not draft"):
        engine.distributions.update(made.locator, Change(amount=D(1)))
    assert engine.distributions.reset(made.locator).targets == [on(second), on(first)]
    assert engine.distributions.update(made.locator, Change(remove_targets=[first])).targets == [on(second)]
    assert engine.distributions.discard(made.locator).credit_distribution_state == "discarded"
    with pytest.raises(Declined, match="cannot be replaced"):
        engine.distributions.put(made.locator, asked(account, "10", on(second)))


def test_a_validation_names_every_wrong_container(engine: Engine) -> None:
    account, stranger = engine.add_account().locator, engine.add_account().locator
    charge(engine, account, "-50")
    foreign, unheard = invoice(engine, stranger, "5"), "01J5V8NM2GSXK6HG42PD5Z1VAE"
    euros = engine.charges.add(account, [NewCharge(D(5), "ServiceFee")], "immediate", "EUR")[0].invoice_locator or ""
    items = [on(foreign), on(unheard), on(euros), r.Item(stranger, "account"), r.Item(account, "account"), r.Item(unheard, "subpayment")]
    made = engine.distributions.validate(engine.distributions.create(asked(account, "5", *items)).locator)
    assert made.credit_distribution_state == "draft"
    assert made.validation_result is not None
    found = [problem.errors[0] for problem in made.validation_result.validation_items]
    assert found == [
        f"invoice {foreign} belongs to another account",
        f"invoice {unheard} was not found",
        f"invoice {euros} is in EUR, not USD",
        f"account {stranger} is not the distribution's account",
        "a subpayment cannot be a target",
        "an account is both source and target",
    ]


@pytest.mark.parametrize(
    ("amount", "targets", "message"),
    [("30", ["20"], "targets add up to 20"), ("30", [], "there is no target"), ("20", ["15", "5"], "can take 12")],
)
def test_sums_and_remainders_must_match(engine: Engine, amount: str, targets: list[str], message: str) -> None:
    account = engine.add_account().locator
    charge(engine, account, "-50")
    first, second = invoice(engine, account, "12" if len(targets) == 2 else "20"), invoice(engine, account, "20")
    items = [on(locator, part) for locator, part in zip((first, second), targets, strict=False)]
    made = engine.distributions.validate(engine.distributions.create(asked(account, amount, *items)).locator)
    assert made.validation_result is not None
    assert message in str(made.validation_result.validation_items)


def test_a_distribution_can_pay_one_item_of_an_invoice_or_come_from_a_negative_one(engine: Engine) -> None:
    account = engine.add_account(excess_credit_plan="NeverSettle").locator
    negative = invoice(engine, account, "-50")
    made = charge(engine, account, "10", "20")
    target = read(engine, made[0].invoice_locator or "")
    item = r.Item(target.invoice_items[1].locator, "invoiceItem", D(15))
    engine.distributions.run(asked(account, "15", item, sources=[on(negative)]))
    after = read(engine, target.locator)
    assert [line.remaining_amount for line in after.invoice_items] == [10, 5]
    assert read(engine, negative).total_remaining_amount == -35
    assert engine.balance(account, "USD") == 0


def test_a_payments_surplus_goes_to_the_balance_and_leaves_it_when_reversed_even_below_zero(engine: Engine) -> None:
    account = engine.add_account().locator
    target = invoice(engine, account, "30")
    paid = pay(engine, account, "45", on(target))
    assert (paid.surplus, engine.balance(account, "USD")) == (D(15), D(15))
    engine.distributions.run(asked(account, "10", on(invoice(engine, account, "10"))))
    engine.payments.reverse(paid.locator, "bouncedPayment")
    assert engine.balance(account, "USD") == -10
    assert read(engine, target).total_remaining_amount == 30


def test_an_invoice_paid_meanwhile_leaves_more_surplus(engine: Engine) -> None:
    account = engine.add_account().locator
    target = invoice(engine, account, "30")
    waiting = engine.payments.validate(engine.payments.create(NewPayment("P", D(30), "USD", [on(target)], account)).locator)
    pay(engine, account, "20", on(target))
    assert engine.payments.post(waiting.locator).surplus == 20


def test_a_payment_without_account_takes_its_invoices_account_or_is_not_valid(engine: Engine) -> None:
    account = engine.add_account().locator
    assert pay(engine, None, "35", on(invoice(engine, account, "30"))).surplus == 5
    assert engine.balance(account, "USD") == 5
    with pytest.raises(Declined, match="no account for it"):
        pay(engine, None, "35")


def test_payment_states_follow_their_life_cycle(engine: Engine) -> None:
    account = engine.add_account().locator
    made = engine.payments.create(NewPayment("P", D(5), "USD", [], account)).locator
    for refused in (engine.payments.post, lambda locator: engine.payments.reverse(locator, "migration")):
        with pytest.raises(Declined, match="is draft"):
            refused(made)
    engine.payments.validate(made)
    assert engine.payments.move(made, "draft").payment_state == "draft"
    engine.payments.validate(made)
    engine.payments.move(made, "requested")
    with pytest.raises(Declined, match="cannot become discarded"):
        engine.payments.move(made, "discarded")
    engine.payments.move(made, "executing")
    assert engine.payments.post(made).payment_state == "posted"
    assert engine.balance(account, "USD") == 5


@pytest.mark.parametrize(("paid", "settles"), [("99.01", True), ("99.00", False), ("99.50", True)])
def test_a_shortfall_strictly_under_the_tolerance_settles_the_invoice(engine: Engine, paid: str, settles: bool) -> None:
    account = engine.add_account(shortfall_tolerance_plan="StandardTolerance").locator
    target = invoice(engine, account, "100.00")
    payment = pay(engine, account, paid, on(target, paid))
    assert (read(engine, target).invoice_state == "settled") is settles
    assert len(payment.shortfall_credit_locators) == int(settles)
    engine.payments.reverse(payment.locator, "bouncedPayment")
    assert read(engine, target).total_remaining_amount == 100
    for locator in payment.shortfall_credit_locators:
        shortfall = engine.core.store.get(r.Shortfall, locator)
        assert (shortfall.shortfall_credit_state, shortfall.parent_credit_locator) == ("reversed", payment.locator)


def test_a_distribution_can_be_the_parent_of_a_shortfall_and_other_currencies_have_no_tolerance(engine: Engine) -> None:
    account = engine.add_account(shortfall_tolerance_plan="StandardTolerance").locator
    charge(engine, account, "-50")
    made = engine.distributions.run(asked(account, "29.50", on(invoice(engine, account, "30"), "29.50")))
    assert len(made.shortfall_credit_locators) == 1
    engine.distributions.reverse(made.locator, "migration")
    assert engine.core.store.get(r.Shortfall, made.shortfall_credit_locators[0]).shortfall_credit_state == "reversed"
    assert engine.balance(account, "USD") == 50
    rands = engine.charges.add(account, [NewCharge(D(30), "ServiceFee")], "immediate", "ZAR")[0].invoice_locator or ""
    paid = engine.payments.run(NewPayment("P", D("29.50"), "ZAR", [on(rands, "29.50")], account))
    assert paid.shortfall_credit_locators == []


def test_an_aggregate_payment_pays_through_subpayments_of_each_invoices_account(engine: Engine) -> None:
    accounts = [engine.add_account().locator for _ in range(2)]
    invoices = [invoice(engine, account, "30") for account in accounts]
    paid = pay(engine, None, "60", *(on(locator) for locator in invoices), aggregate=True)
    parts = [engine.core.store.get(r.Payment, part.subpayment_locator) for part in paid.subpayments]
    assert [(part.account_locator, part.amount, part.payment_state) for part in parts] == [
        (account, D(30), "posted") for account in accounts
    ]
    with pytest.raises(Declined, match="reverse that"):
        engine.payments.reverse(parts[0].locator, "migration")
    engine.payments.reverse(paid.locator, "migration")
    assert [read(engine, locator).total_remaining_amount for locator in invoices] == [30, 30]
    assert {engine.core.store.get(r.Payment, part.locator).payment_state for part in parts} == {"reversed"}


def test_a_write_off_takes_what_is_unsettled_in_order_and_is_reversed_whole(engine: Engine) -> None:
    account = engine.add_account().locator
    first, second = invoice(engine, account, "30"), invoice(engine, account, "20")
    made = engine.write_offs.create(account, [on(first), on(second, "5")])
    assert (made.amount, made.write_off_state) == (D(35), "distributed")
    assert engine.balance(account, "USD") == 0
    engine.write_offs.reverse(made.locator)
    assert [read(engine, locator).total_remaining_amount for locator in (first, second)] == [30, 20]
    with pytest.raises(Declined, match="is reversed, not distributed"):
        engine.write_offs.reverse(made.locator)


def test_a_write_off_beyond_the_remainder_changes_nothing(engine: Engine) -> None:
    account = engine.add_account().locator
    first, second = invoice(engine, account, "30"), invoice(engine, account, "20")
    with pytest.raises(Declined, match="has 20 to write off, not 21"):
        engine.write_offs.create(account, [on(first), on(second, "21")])
    assert read(engine, first).total_remaining_amount == 30
    engine.write_offs.whole_invoice(first)
    with pytest.raises(Declined, match="is settled"):
        engine.write_offs.whole_invoice(first)


def test_disbursements_draw_on_the_balance_and_give_it_back(engine: Engine) -> None:
    account = engine.add_account(excess_credit_plan="PayOut").locator
    charge(engine, account, "-50")
    with pytest.raises(Declined, match="does not hold"):
        engine.disbursements.pay_out(account, D(51), "USD")
    assert engine.core.store.query(r.Disbursement, "1 = 1") == []
    made = engine.disbursements.pay_out(account, D(20), "USD")
    assert engine.balance(account, "USD") == 30
    engine.disbursements.move(made.locator, "reversed")
    assert engine.balance(account, "USD") == 50
    excess = engine.disbursements.handle_excess(account, "USD")
    assert excess is not None
    assert (excess.amount, engine.balance(account, "USD")) == (D(50), D(0))


def test_a_plan_that_applies_balances_pays_the_earliest_invoice_by_itself(engine: Engine) -> None:
    account = engine.add_account(excess_credit_plan="AutoApply").locator
    first, second = invoice(engine, account, "30"), invoice(engine, account, "20")
    charge(engine, account, "-40")
    assert engine.balance(account, "USD") == 0
    assert [read(engine, locator).total_remaining_amount for locator in (first, second)] == [0, 10]


def test_settling_a_positive_or_settled_invoice_is_refused(engine: Engine) -> None:
    account = engine.add_account().locator
    for amount, message in (("5", "is positive"), ("-5", "is settled")):
        with pytest.raises(Declined, match=message):
            engine.settlement.settle(invoice(engine, account, amount))


def test_fees_of_closed_quotes_and_negative_fees_are_refused(engine: Engine) -> None:
    account = engine.add_account().locator
    assert engine.set_quote_fee(engine.add_quote(account, "USD").locator, D(0)).invoice_fee_amount == 0
    with pytest.raises(Declined, match="is issued"):
        engine.set_quote_fee(engine.add_quote(account, "USD", state="issued").locator, D(1))
    with pytest.raises(Declined, match="must not be negative"):
        engine.set_policy_fee(engine.add_policy(account, "USD").locator, D(-1))


def test_amounts_too_long_to_be_summed_exactly_are_refused(engine: Engine) -> None:
    account = engine.add_account().locator
    for amount in ("1E+30", "12345678901234567890123456", "1E-40"):
        with pytest.raises(Declined, match="digits|zero"):
            charge(engine, account, amount)
    assert charge(engine, account, "1E+3")[0].amount.as_tuple().exponent == 0


def validated(engine: Engine, account: str | None, amount: str, *targets: r.Item) -> list[str]:
    """What the validation of a payment finds; empty when it is valid."""
    made = engine.payments.create(NewPayment("P", D(amount), "USD", list(targets), account))
    result = engine.payments.validate(made.locator).validation_result
    assert result is not None
    assert result.success is not bool(result.validation_items)
    return [problem.errors[0] for problem in result.validation_items]


def test_a_payments_validation_names_every_wrong_target(engine: Engine) -> None:
    account, stranger = engine.add_account().locator, engine.add_account().locator
    foreign, unheard = invoice(engine, stranger, "5"), "01J5V8NM2GSXK6HG42PD5Z1VAE"
    euros = engine.charges.add(account, [NewCharge(D(5), "ServiceFee")], "immediate", "EUR")[0].invoice_locator or ""
    items = [on(foreign), on(unheard), on(euros), r.Item(stranger, "account"), r.Item(unheard, "subpayment")]
    assert validated(engine, account, "5", *items) == [
        f"invoice {foreign} belongs to another account",
        f"invoice {unheard} was not found",
        f"invoice {euros} is in EUR, not USD",
        "the account is not the payment's",
        "a subpayment cannot be a target",
    ]


def test_a_payments_targets_stay_within_its_amount_and_their_remainders(engine: Engine) -> None:
    account = engine.add_account().locator
    first, second = invoice(engine, account, "30"), invoice(engine, account, "20")
    assert validated(engine, account, "40", on(first, "31")) == [f"invoice {first} can take 30, not 31"]
    assert validated(engine, account, "40", on(first, "30"), on(second, "20")) == ["targets add up to 50, more than the amount 40"]
    assert validated(engine, account, "40", on(first, "30"), r.Item(account, "account", D(10))) == []


@pytest.mark.parametrize("amount", ["0", "-5", "0.004"])
def test_credits_must_be_positive(engine: Engine, amount: str) -> None:
    account = engine.add_account().locator
    target = invoice(engine, account, "30")
    with pytest.raises(Declined, match="must be positive"):
        engine.distributions.create(asked(account, amount, on(target)))
    with pytest.raises(Declined, match="must be positive"):
        engine.distributions.create(asked(account, "5", on(target, amount)))
    with pytest.raises(Declined, match="must be positive"):
        engine.payments.create(NewPayment("P", D(amount), "USD", [], account))
    with pytest.raises(Declined, match="must be positive"):
        engine.disbursements.create(account, D(amount), "USD")


def test_a_distribution_without_account_belongs_to_its_containers_account(engine: Engine) -> None:
    account = engine.add_account().locator
    target = invoice(engine, account, "30")
    nobody = r.Asked(None, D(5), "USD", [], [])
    made = [engine.distributions.create(r.Asked(None, D(5), "USD", [], [on(target)])), engine.distributions.create(nobody)]
    assert [one.account_locator for one in made] == [account, None]


def test_write_offs_take_invoices_of_one_account_and_nothing_else(engine: Engine) -> None:
    account, stranger = engine.add_account().locator, engine.add_account().locator
    foreign, unheard = invoice(engine, stranger, "5"), "01J5V8NM2GSXK6HG42PD5Z1VAE"
    for items, message in (
        ([], "is empty"),
        ([on(foreign)], "another account or currency"),
        ([on(unheard)], "was not found"),
        ([r.Item(account, "account")], "account is neither"),
    ):
        with pytest.raises(Declined, match=message):
            engine.write_offs.create(account, items)


def test_an_aggregate_payments_parts_follow_its_state(engine: Engine) -> None:
    account = engine.add_account().locator
    targets = [on(invoice(engine, account, "30"))]
    made = engine.payments.create(NewPayment("P", D(30), "USD", targets, account, payment_mode="aggregate"))
    dropped = engine.payments.validate(made.locator).subpayments[0].subpayment_locator
    assert engine.payments.move(made.locator, "draft").subpayments == []
    assert engine.core.store.get(r.Payment, dropped).payment_state == "discarded"
    (part,) = (one.subpayment_locator for one in engine.payments.validate(made.locator).subpayments)
    engine.payments.move(made.locator, "requested")
    assert engine.core.store.get(r.Payment, part).payment_state == "requested"
