"""The 46 operations: what each reads from its request, and what it answers."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, get_args

from starlette.routing import Route

from unibill import exactjson
from unibill_socotra.sandbox import bodies
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.charges import NewCharge
from unibill_socotra.sandbox.distributions import Change
from unibill_socotra.sandbox.engine import Engine
from unibill_socotra.sandbox.errors import invalid
from unibill_socotra.sandbox.http import Answer, Call, Front, Lists, Operation
from unibill_socotra.sandbox.identity import ulid
from unibill_socotra.sandbox.payments import NewPayment
from unibill_socotra.sandbox.store import table

_KIND_OF: dict[str, type[r.Record]] = {
    "creditDistribution": r.Distribution,
    "payment": r.Payment,
    "subpayment": r.Payment,
    "writeOff": r.WriteOff,
    "shortfallWriteOff": r.Shortfall,
}


Handler = Callable[[Call], Answer]
Action = Callable[[str], r.Record]


_PAGE: Final = ("offset", "count")
_EXTENDED: Final = (*_PAGE, "extended")


class Operations:
    """Answers the documented operations.

    Args:
        engine: does the work.
        lists: writes pages.
        settings: the switches.
    """

    def __init__(self, engine: Engine, lists: Lists, settings: Mapping[str, str]) -> None:
        self._engine = engine
        self._store = engine.core.store
        self._lists = lists
        self._whole_credits = settings["invoice-credit-amount"] == "whole"

    def table(self) -> list[Operation]:
        """Every operation; those with a fixed word in the path stand before those with a locator there."""
        return [*self._charges(), *self._distributions(), *self._payments(), *self._credits(), *self._invoices(), *self._policies()]

    def routes(self, front: Front) -> list[Route]:
        """The routes of all operations, and the one of everything else."""
        return [*(front.route(operation) for operation in self.table()), front.nowhere()]

    def _charges(self) -> list[Operation]:
        place = "/billing/{tenantLocator}/accounts/{accountLocator}/charges"
        write, read = ("charges", ("write",)), ("charges", ("read", "list"))
        listed = "/billing/{tenantLocator}/%s/charges/list"
        return [
            Operation("addCharges", "POST", place, *write, self._add_charges, takes=bodies.ChargesCreate),
            Operation("reverseCharges", "POST", f"{place}/reverse", *write, self._reverse_charges, takes=bodies.ChargesReversal),
            Operation("fetchChargesByAccount", "GET", f"{place}/list", *read, self._charges_by_account, asks=_PAGE),
            Operation("fetchChargesByPolicy", "GET", listed % "policies/{policyLocator}", *read, self._charges_by_policy, asks=_PAGE),
            Operation(
                "fetchChargesByTransaction",
                "GET",
                listed % "transactions/{transactionLocator}",
                *read,
                self._charges_by_transaction,
                asks=("includeAll", *_PAGE),
            ),
        ]

    def _distributions(self) -> list[Operation]:
        place, group, kind = "/billing/{tenantLocator}/creditDistributions", "credit-distributions", r.Distribution
        one = f"{place}/{{locator}}"
        engine, write = self._engine.distributions, ("write",)
        body = self._body_after
        return [
            Operation(
                "fetchMultipleCreditDistributions",
                "GET",
                f"{place}/list",
                group,
                ("read", "list"),
                self._list_of(kind),
                asks=("accountLocator", *_EXTENDED),
            ),
            Operation("createCreditDistribution", "POST", place, group, write, self._create_distribution, takes=bodies.DistributionWrite),
            Operation("fetchCreditDistribution", "GET", one, group, ("read",), self._single(kind)),
            Operation(
                "createOrReplaceCreditDistribution", "PUT", one, group, write, self._put_distribution, kind, takes=bodies.DistributionWrite
            ),
            Operation(
                "updateCreditDistribution", "PATCH", one, group, write, self._patch_distribution, kind, takes=bodies.DistributionUpdate
            ),
            Operation("validateCreditDistribution", "PATCH", f"{one}/validate", group, write, body(engine.validate), kind),
            Operation("executeCreditDistribution", "PATCH", f"{one}/execute", group, write, body(engine.execute), kind),
            Operation("resetCreditDistribution", "PATCH", f"{one}/reset", group, write, body(engine.reset), kind),
            Operation("discardCreditDistribution", "PATCH", f"{one}/discard", group, write, body(engine.discard), kind),
            Operation(
                "reverseCreditDistribution",
                "PATCH",
                f"{one}/reverse",
                group,
                write,
                self._reverse_distribution,
                kind,
                takes=bodies.Reversal,
            ),
        ]

    def _payments(self) -> list[Operation]:
        place, group, kind = "/billing/{tenantLocator}/payments", "payments", r.Payment
        one = f"{place}/{{locator}}"
        engine, write, listed = self._engine.payments, ("write",), ("read", "list")
        return [
            Operation(
                "fetchMultiplePayments",
                "GET",
                f"{place}/list",
                group,
                listed,
                self._list_payments,
                asks=("accountLocator", "targetContainerLocator", *_EXTENDED),
            ),
            Operation("createPayment", "POST", place, group, write, self._create_payment, takes=bodies.PaymentCreate),
            Operation("fetchPayment", "GET", one, group, ("read",), self._single(kind)),
            Operation("validatePayment", "PATCH", f"{one}/validate", group, write, self._body_after(engine.validate), kind),
            Operation("postPayment", "PATCH", f"{one}/post", group, write, self._body_after(engine.post), kind),
            Operation("reversePayment", "PATCH", f"{one}/reverse", group, write, self._reverse_payment, kind, takes=bodies.Reversal),
            Operation("fetchSubpayments", "GET", f"{one}/subpayments/list", group, listed, self._subpayments, asks=_PAGE),
            Operation(
                "listShortfallCredits", "GET", f"{one}/shortfallCredits/list", group, listed, self._shortfalls_of_payment, asks=_PAGE
            ),
        ]

    def _credits(self) -> list[Operation]:
        base = "/billing/{tenantLocator}"
        listed = ("read", "list")
        write_offs = self._engine.write_offs
        return [
            Operation(
                "fetchCredits", "GET", f"{base}/credits/list", "credits", listed, self._list_credits, asks=("accountLocator", *_EXTENDED)
            ),
            Operation(
                "fetchMultipleShortfallCredits",
                "GET",
                f"{base}/shortfallCredits/list",
                "shortfall-credits",
                listed,
                self._list_of(r.Shortfall),
                asks=("accountLocator", *_EXTENDED),
            ),
            Operation(
                "fetchShortfallCredit",
                "GET",
                f"{base}/shortfallCredits/{{locator}}",
                "shortfall-credits",
                ("read",),
                self._single(r.Shortfall),
            ),
            Operation(
                "fetchMultipleWriteOffs",
                "GET",
                f"{base}/writeOffs/list",
                "write-offs",
                listed,
                self._list_of(r.WriteOff),
                asks=("accountLocator", *_EXTENDED),
            ),
            Operation(
                "writeOff", "POST", f"{base}/writeOffs", "write-offs", ("write",), self._create_write_off, takes=bodies.WriteOffCreate
            ),
            Operation("fetchWriteOff", "GET", f"{base}/writeOffs/{{locator}}", "write-offs", ("read",), self._single(r.WriteOff)),
            Operation(
                "reverseWriteOff",
                "PATCH",
                f"{base}/writeOffs/{{locator}}/reverse",
                "write-offs",
                ("write",),
                self._body_after(write_offs.reverse),
                r.WriteOff,
            ),
            Operation(
                "fetchMultipleDisbursements",
                "GET",
                f"{base}/disbursements/list",
                "disbursements",
                listed,
                self._list_of(r.Disbursement),
                asks=("accountLocator", *_EXTENDED),
            ),
            Operation(
                "fetchDisbursement", "GET", f"{base}/disbursements/{{locator}}", "disbursements", ("read",), self._single(r.Disbursement)
            ),
        ]

    def _invoices(self) -> list[Operation]:
        place, group = "/billing/{tenantLocator}/invoices", "invoices"
        one = f"{place}/{{locator}}"
        read, listed, write = ("read",), ("read", "list"), ("write",)
        whole = self._engine.write_offs.whole_invoice
        ledger = "/billing/{tenantLocator}/accounting/ledgerAccounts/{refType}/{refLocator}"
        return [
            Operation("fetchInvoiceWithNumber", "GET", f"{place}/numbers/{{invoiceNumber}}", group, read, self._invoices_by_number),
            Operation(
                "fetchInvoicesForAccount",
                "GET",
                f"{place}/accounts/{{accountLocator}}/list",
                group,
                listed,
                self._invoices_of_account,
                asks=("includeZeroAmountInvoices", *_EXTENDED),
            ),
            Operation("getInvoiceWithItems", "GET", one, group, read, self._single(r.Invoice)),
            Operation("fetchInvoiceDetails", "GET", f"{one}/details", group, read, self._invoice_details),
            Operation("settleNegativeOrZeroInvoice", "POST", f"{one}/settle", group, write, self._settle, asks=("forced",)),
            Operation("writeOffInvoice", "PATCH", f"{one}/writeOff", group, write, self._body_after(whole)),
            Operation(
                "fetchCreditsForAnInvoice",
                "GET",
                f"{one}/credits/list",
                group,
                listed,
                self._credits_of_invoice,
                asks=("includeReversed", *_EXTENDED),
            ),
            Operation(
                "fetchPaymentsForAnInvoice",
                "GET",
                f"{one}/payments/list",
                group,
                listed,
                partial(self._credit_records_of_invoice, ("payment", "subpayment")),
                asks=("includeReversed", *_EXTENDED),
            ),
            Operation(
                "fetchCreditDistributionsForAnInvoice",
                "GET",
                f"{one}/creditDistributions/list",
                group,
                listed,
                partial(self._credit_records_of_invoice, ("creditDistribution",)),
                asks=("includeReversed", *_EXTENDED),
            ),
            Operation(
                "fetchDebitsForAnInvoice",
                "GET",
                f"{place}/{{invoiceLocator}}/debits/list",
                group,
                listed,
                self._debits_of_invoice,
                asks=("includeReversed", *_PAGE),
            ),
            Operation("fetchLedgerAccount", "GET", ledger, "accounting", read, self._ledger_account, asks=("currency",)),
        ]

    def _policies(self) -> list[Operation]:
        base, write = "/policy/{tenantLocator}", ("write",)
        quote, policy = f"{base}/quotes/{{locator}}/invoiceFeeAmount", f"{base}/policies/{{locator}}/invoiceFeeAmount"
        return [
            Operation("fetchAccount", "GET", f"{base}/accounts/{{locator}}", "accounts", ("read",), self._single(r.Account)),
            Operation("updateQuoteInvoiceFeeAmount", "PATCH", quote, "quotes", write, self._quote_fee, r.Quote, takes=bodies.InvoiceFee),
            Operation(
                "updatePolicyInvoiceFeeAmount", "PATCH", policy, "policies", write, self._policy_fee, r.Policy, takes=bodies.InvoiceFee
            ),
        ]

    def _single(self, kind: type[r.Record]) -> Handler:
        return lambda call: self._store.body(kind, call.locator())

    def _list_of(self, kind: type[r.Record]) -> Handler:
        return lambda call: self._of_account(call, table(kind))

    def _body_after(self, action: Action) -> Handler:
        return lambda call: self._body(action(call.locator()))

    def _body(self, record: r.Record) -> Answer:
        return self._store.body(type(record), record.locator)

    def _of_account(self, call: Call, name: str) -> Answer:
        account = call.query_locator("accountLocator")
        if account is None:
            return self._lists.page(call, name, "1 = 1", ())
        return self._lists.page(call, name, "account_locator = ?", (account,))

    def _array(self, records: Sequence[r.Record]) -> Answer:
        return f"[{','.join(self._store.body(type(record), record.locator) for record in records)}]"

    def _add_charges(self, call: Call) -> Answer:
        account = call.locator("accountLocator")
        body = bodies.parse(bodies.ChargesCreate, call.body)
        wanted = [
            NewCharge(
                amount=one.amount,
                charge_type=one.charge_type,
                tag=one.tag,
                transaction_locator=_normal(one.transaction_locator),
                element_locator=_normal(one.element_locator),
                element_static_locator=_normal(one.element_static_locator),
            )
            for one in body.charges
        ]
        return self._array(self._engine.charges.add(account, wanted, body.invoicing, body.currency, _normal(body.policy_locator)))

    def _reverse_charges(self, call: Call) -> Answer:
        account = call.locator("accountLocator")
        body = bodies.parse(bodies.ChargesReversal, call.body)
        return self._array(self._engine.charges.reverse(account, body.charges, body.invoicing))

    def _charges_by_account(self, call: Call) -> Answer:
        account = self._engine.core.account(call.locator("accountLocator"))
        return self._lists.page(call, table(r.Charge), "account_locator = ?", (account.locator,), extended=False)

    def _charges_by_policy(self, call: Call) -> Answer:
        policy = self._store.get(r.Policy, call.locator("policyLocator"))
        return self._lists.page(call, table(r.Charge), "policy_locator = ?", (policy.locator,), extended=False)

    def _charges_by_transaction(self, call: Call) -> Answer:
        call.flag("includeAll", default=False)
        transaction = self._store.get(r.Transaction, call.locator("transactionLocator"))
        return self._lists.page(call, table(r.Charge), "transaction_locator = ?", (transaction.locator,), extended=False)

    def _asked(self, call: Call) -> r.Asked:
        body = bodies.parse(bodies.DistributionWrite, call.body)
        return r.Asked(
            account_locator=_normal(body.account_locator),
            amount=body.amount,
            currency=self._engine.core.currency(body.currency),
            sources=[item.item() for item in body.sources],
            targets=[item.item() for item in body.targets],
        )

    def _create_distribution(self, call: Call) -> Answer:
        return self._body(self._engine.distributions.create(self._asked(call)))

    def _put_distribution(self, call: Call) -> Answer:
        return self._body(self._engine.distributions.put(call.locator(), self._asked(call)))

    def _patch_distribution(self, call: Call) -> Answer:
        body = bodies.parse(bodies.DistributionUpdate, call.body)
        change = Change(
            account_locator=_normal(body.account_locator),
            amount=body.amount,
            currency=body.currency,
            add_sources=[item.item() for item in body.add_sources],
            remove_sources=[ulid(locator) for locator in body.remove_sources],
            add_targets=[item.item() for item in body.add_targets],
            remove_targets=[ulid(locator) for locator in body.remove_targets],
        )
        return self._body(self._engine.distributions.update(call.locator(), change))

    def _reverse_distribution(self, call: Call) -> Answer:
        reversal_type = bodies.parse(bodies.Reversal, call.body).reversal_type
        return self._body(self._engine.distributions.reverse(call.locator(), reversal_type))

    def _create_payment(self, call: Call) -> Answer:
        body = bodies.parse(bodies.PaymentCreate, call.body)
        wanted = NewPayment(
            payment_type=body.type,
            amount=body.amount,
            currency=self._engine.core.currency(body.currency),
            targets=[item.item() for item in body.targets],
            account_locator=_normal(body.account_locator),
            data=exactjson.dumps(body.data).decode(),
            payment_mode=body.payment_mode or "normal",
            retry_plan_name=body.retry_plan_name,
        )
        return self._body(self._engine.payments.create(wanted))

    def _reverse_payment(self, call: Call) -> Answer:
        reversal_type = bodies.parse(bodies.Reversal, call.body).reversal_type
        return self._body(self._engine.payments.reverse(call.locator(), reversal_type))

    def _list_payments(self, call: Call) -> Answer:
        conditions, values = ["1 = 1"], list[object]()
        account, container = call.query_locator("accountLocator"), call.query_locator("targetContainerLocator")
        if account is not None:
            conditions.append("account_locator = ?")
            values.append(account)
        if container is not None:
            conditions.append("EXISTS (SELECT 1 FROM json_each(doc, '$.targets') AS item WHERE item.value ->> '$.containerLocator' = ?)")
            values.append(container)
        return self._lists.page(call, table(r.Payment), " AND ".join(conditions), values)

    def _subpayments(self, call: Call) -> Answer:
        payment = self._store.get(r.Payment, call.locator())
        return self._lists.page(call, table(r.Payment), "aggregate_payment_locator = ?", (payment.locator,), extended=False)

    def _shortfalls_of_payment(self, call: Call) -> Answer:
        payment = self._store.get(r.Payment, call.locator())
        return self._lists.page(call, table(r.Shortfall), "parent_credit_locator = ?", (payment.locator,), extended=False)

    def _list_credits(self, call: Call) -> Answer:
        return self._of_account(call, "socotra_credit")

    def _create_write_off(self, call: Call) -> Answer:
        body = bodies.parse(bodies.WriteOffCreate, call.body)
        return self._body(self._engine.write_offs.create(ulid(body.account_locator), [item.item() for item in body.targets]))

    def _invoices_by_number(self, call: Call) -> Answer:
        return self._array(self._store.query(r.Invoice, "invoice_number = ?", (call.text("invoiceNumber"),)))

    def _invoices_of_account(self, call: Call) -> Answer:
        account = self._engine.core.account(call.locator("accountLocator"))
        where = (
            "account_locator = ?" if call.flag("includeZeroAmountInvoices", default=False) else "account_locator = ? AND NOT total_is_zero"
        )
        return self._lists.page(call, table(r.Invoice), where, (account.locator,), column="summary")

    def _invoice_details(self, call: Call) -> Answer:
        invoice = self._store.get(r.Invoice, call.locator())
        items = invoice.invoice_items
        transactions = [self._store.find(r.Transaction, locator) for item in items for locator in item.transaction_locators[:1]]
        policies = [self._store.find(r.Policy, item.policy_locator) for item in items if item.policy_locator]
        by_locator = {transaction.locator: transaction for transaction in transactions if transaction}
        products = {policy.locator: policy.product_name for policy in policies if policy}
        return self._store.renderer.details(invoice, by_locator, products)

    def _settle(self, call: Call) -> Answer:
        made = self._engine.settlement.settle(call.locator(), forced=call.flag("forced", default=False))
        return self._lists.whole([self._store.body(r.Distribution, record.locator) for record in made])

    def _applied(self, call: Call, credit_types: Sequence[str]) -> dict[tuple[str, str], Decimal]:
        """What each credit (by locator and type) applied to the invoice; a subpayment's counts for its aggregate payment too."""
        invoice = self._store.get(r.Invoice, call.locator())
        with_reversed = call.include_reversed()
        applied: dict[tuple[str, str], Decimal] = {}
        for application in self._engine.invoices.applications_to(invoice.locator):
            if application.amount < 0 or application.credit_type not in credit_types:
                continue
            if application.reversed_at is not None and not with_reversed:
                continue
            keys = [(application.credit_locator, str(application.credit_type))]
            if application.parent_locator:
                keys.append((application.parent_locator, "payment"))
            for key in keys:
                applied[key] = applied.get(key, Decimal(0)) + application.amount
        return applied

    def _credits_of_invoice(self, call: Call) -> Answer:
        found: dict[str, str] = {}
        for (locator, credit_type), amount in self._applied(call, tuple(_KIND_OF)).items():
            record = self._store.get(_KIND_OF[credit_type], locator)
            text = self._store.renderer.credit(record, None if self._whole_credits else amount)
            found[f"{locator} {credit_type}"] = text.decode()
        return self._lists.of(call, found)

    def _credit_records_of_invoice(self, credit_types: Sequence[str], call: Call) -> Answer:
        found = {locator: self._store.body(_KIND_OF[kind], locator) for locator, kind in self._applied(call, credit_types)}
        return self._lists.of(call, found)

    def _debits_of_invoice(self, call: Call) -> Answer:
        invoice = self._store.get(r.Invoice, call.locator("invoiceLocator"))
        with_reversed = call.include_reversed()
        found = {
            application.locator: self._store.renderer.debit(application).decode()
            for application in self._engine.invoices.applications_to(invoice.locator)
            if application.amount < 0 and (with_reversed or application.reversed_at is None)
        }
        return self._lists.of(call, found, extended=False)

    def _ledger_account(self, call: Call) -> Answer:
        reference_type, locator = call.text("refType"), call.locator("refLocator")
        if reference_type not in get_args(r.ReferenceType):
            raise invalid(f"{reference_type!r} is not a ledger reference type")
        core = self._engine.core
        if reference_type.startswith("account"):
            core.account(locator)
        currency = core.currency(call.query("currency"))
        balance, lines = core.ledger.read(reference_type, locator, currency, call.whole("size", 100))
        return self._store.renderer.ledger_account((reference_type, locator), currency, balance, lines)

    def _quote_fee(self, call: Call) -> Answer:
        amount = bodies.parse(bodies.InvoiceFee, call.body).invoice_fee_amount
        return self._body(self._engine.set_quote_fee(call.locator(), amount))

    def _policy_fee(self, call: Call) -> Answer:
        amount = bodies.parse(bodies.InvoiceFee, call.body).invoice_fee_amount
        return self._body(self._engine.set_policy_fee(call.locator(), amount))


def _normal(locator: str | None) -> str | None:
    return None if locator is None else ulid(locator)
