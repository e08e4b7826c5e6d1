"""How stored records are written in answers: the vendor's field names, and the switches that change the spelling."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec
from msgspec import Raw

from unibill import exactjson
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.identity import digits_of

CREDIT_KINDS: Final = (r.Distribution, r.Disbursement, r.Payment, r.Shortfall, r.WriteOff)
"""The kinds of which credits/list is the projection."""

CreditRecord: TypeAlias = r.Distribution | r.Disbursement | r.Payment | r.Shortfall | r.WriteOff

_ENCODE: Final = msgspec.json.Encoder().encode
"""Amounts are spelt by exactjson beforehand, so no number passes through a float here either."""
_ODD_ENDS: Final = frozenset("048CGMRW")


def credit_type(record: r.Record) -> r.CreditType:
    """The creditType under which credits/list shows the record.

    Raises:
        TypeError: it is not a credit.
    """
    if isinstance(record, r.Payment):
        return "subpayment" if record.aggregate_payment_locator else "payment"
    if isinstance(record, r.Distribution):
        return "creditDistribution"
    if isinstance(record, r.Disbursement):
        return "disbursement"
    if isinstance(record, r.WriteOff):
        return "writeOff"
    if isinstance(record, r.Shortfall):
        return "shortfallWriteOff"
    raise TypeError(f"a {record.kind} is not a credit")


def credit_state(record: r.Record) -> str:
    """The creditState of a credit, whichever its kind.

    Raises:
        TypeError: it is not a credit.
    """
    if isinstance(record, r.Payment):
        return record.payment_state
    if isinstance(record, r.Distribution):
        return record.credit_distribution_state
    if isinstance(record, r.Disbursement):
        return record.disbursement_state
    if isinstance(record, r.WriteOff):
        return record.write_off_state
    if isinstance(record, r.Shortfall):
        return record.shortfall_credit_state
    raise TypeError(f"a {record.kind} is not a credit")


class Renderer:
    """Writes records as the vendor's JSON.

    Args:
        settings: the sandbox's switches.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._empty = settings["empty-values"]
        self._end = {"milli": 23, "micro": 26, "none": 19}.get(settings["time-fraction"], 0)
        self._style = settings["number-style"]
        self._forward = settings["forward-fields"] == "on"
        self._credit_account = settings["credit-account-locator"]
        self._negative_disbursements = settings["disbursement-sign"] == "negative"
        self._reversed = settings["reversed-credit-amount"]
        self._reversals_as_original = settings["reversal-amount"] == "as-original"
        self._writers: dict[type[r.Record], Callable[..., dict[str, object]]] = {
            r.Charge: self._charge,
            r.Invoice: self._invoice,
            r.Distribution: self._distribution,
            r.Payment: self._payment,
            r.WriteOff: self._write_off,
            r.Shortfall: self._shortfall,
            r.Disbursement: self._disbursement,
            r.Account: self._account,
            r.Policy: self._policy,
            r.Quote: self._quote,
        }

    def body(self, record: r.Record) -> bytes:
        """The whole record, as a single read answers it."""
        return _ENCODE(self._whole(record))

    def invoice(self, invoice: r.Invoice) -> tuple[bytes, bytes]:
        """An invoice as a single read answers it, and as lists show it: without its items."""
        fields = self._top(self._invoice(invoice))
        body = _ENCODE(fields)
        fields.pop("invoiceItems", None)
        return body, _ENCODE(fields)

    def details(self, invoice: r.Invoice, transactions: Mapping[str, r.Transaction], products: Mapping[str, str]) -> bytes:
        """An invoice with its items grouped by policy."""
        fields = self._invoice(invoice)
        del fields["invoiceItems"]
        fields["invoiceLocator"] = fields.pop("locator")
        groups: dict[str | None, list[object]] = {}
        for item in invoice.invoice_items:
            summary = self._item_summary(item, invoice.currency, transactions)
            groups.setdefault(item.policy_locator, []).append(self._finish(summary))
        fields["invoiceSummaries"] = [
            self._finish({"policyLocator": policy, "productName": products.get(policy or ""), "invoiceItemSummaries": items})
            for policy, items in groups.items()
        ]
        return _ENCODE(self._top(fields))

    def credit(self, record: r.Record, amount: Decimal | None = None) -> bytes:
        """A record as an item of credits/list; ``amount`` replaces its own."""
        return _ENCODE(self._top(self._credit(record, amount)))

    def debit(self, application: r.Application) -> bytes:
        """Money that left a negative invoice, as debits/list shows it."""
        return _ENCODE(
            self._top(
                {
                    "invoiceLocator": application.invoice_locator,
                    "targetType": application.counterpart_type,
                    "targetLocator": application.counterpart_locator,
                    "amount": self.number(-application.amount, application.currency),
                    "reversed": application.reversed_at is not None,
                    "reversedAt": self.time(application.reversed_at),
                }
            )
        )

    def ledger_account(self, reference: tuple[str, str], currency: str, balance: Decimal, lines: Sequence[tuple[str, ...]]) -> bytes:
        """A ledger account with its lines (transaction, time, note, side, amount)."""
        reference_type, locator = reference
        items = [
            {
                "faTransactionLocator": transaction,
                "faTransactionTime": self.time(moment),
                "faTransactionNote": note,
                "accountingType": side,
                "amount": self.number(Decimal(amount), currency),
            }
            for transaction, moment, note, side, amount in lines
        ]
        fields: dict[str, object] = {
            "referenceLocator": locator,
            "referenceType": reference_type,
            "balance": self.number(balance, currency),
            "currency": currency,
            "lineItems": items,
        }
        return _ENCODE(self._top(fields))

    def time(self, moment: str | None) -> str | None:
        """A stored time with as many fraction digits as the switch says."""
        if moment is None:
            return None
        return moment[: self._end or (19, 23, 26)[int(moment[22]) % 3]] + "Z"

    def number(self, amount: Decimal, currency: str) -> Raw:
        """An amount as JSON, with the digits that the switch asks for; its value never changes."""
        if self._style != "plain":
            exponent = amount.as_tuple().exponent
            places = -exponent if isinstance(exponent, int) else 0
            if self._style == "padded":
                amount = amount.quantize(Decimal(1).scaleb(-max(places, digits_of(currency))))
            else:
                bare = amount.normalize()
                exponent = bare.as_tuple().exponent
                amount = bare if isinstance(exponent, int) and exponent < -1 else bare.quantize(Decimal("0.1"))
        return Raw(exactjson.number(amount))

    def _moved(self, record: CreditRecord, amount: Decimal | None = None) -> Raw:
        """A credit's amount, with the sign that the switches give its kind and state."""
        shown = record.amount if amount is None else amount
        if self._negative_disbursements and isinstance(record, r.Disbursement):
            shown = shown.copy_negate()
        if self._reversed != "unchanged" and credit_state(record) == "reversed":
            shown = Decimal(0) if self._reversed == "zero" else shown.copy_negate()
        return self.number(shown, record.currency)

    def _whole(self, record: r.Record) -> dict[str, object]:
        return self._top(self._writers[type(record)](record))

    def _top(self, fields: dict[str, object]) -> dict[str, object]:
        if self._forward:
            fields["addedWithoutNotice"] = {"since": "a later release"}
        return self._finish(fields)

    def _finish(self, fields: dict[str, object]) -> dict[str, object]:
        """Without absent optionals; empty collections as the switch says."""
        if self._empty == "arrays":
            return {name: value for name, value in fields.items() if value is not None}
        blank = {name: None if value in ([], {}) else value for name, value in fields.items()}
        return blank if self._empty == "null" else {name: value for name, value in blank.items() if value is not None}

    def _charge(self, charge: r.Charge) -> dict[str, object]:
        strange = self._forward and charge.locator[-1] in _ODD_ENDS
        turned = self._reversals_as_original and charge.reversal_of_locator is not None
        return {
            "locator": charge.locator,
            "amount": self.number(charge.amount.copy_negate() if turned else charge.amount, charge.currency),
            "currency": charge.currency,
            "chargeCategory": "loyalty" if strange else charge.charge_category,
            "chargeType": charge.charge_type,
            "chargeInvoicing": charge.charge_invoicing,
            "accountLocator": charge.account_locator,
            "tag": charge.tag,
            "policyLocator": charge.policy_locator,
            "transactionLocator": charge.transaction_locator,
            "elementLocator": charge.element_locator,
            "elementStaticLocator": charge.element_static_locator,
            "reversalOfLocator": charge.reversal_of_locator,
            "bundleTransactionLocator": None,
        }

    def _credit(self, record: r.Record, amount: Decimal | None) -> dict[str, object]:
        fields = self._credit_fields(record, amount)
        if self._forward and record.locator[-1] in _ODD_ENDS:
            fields["creditState"] = "escrowed"
        return fields

    def _credit_fields(self, record: r.Record, amount: Decimal | None) -> dict[str, object]:
        if not isinstance(record, CREDIT_KINDS):
            raise TypeError(f"a {record.kind} is not a credit")
        account = record.account_locator
        if isinstance(record, r.Payment):
            realized = record.posted_at
            if self._credit_account == "always":
                account = account or record.ledger_account_locator
        elif isinstance(record, (r.WriteOff, r.Shortfall)):
            realized = record.distributed_at
        else:
            realized = record.executed_at
        return {
            "locator": record.locator,
            "creditState": credit_state(record),
            "creditType": credit_type(record),
            "currency": record.currency,
            "amount": self._moved(record, amount),
            "createdAt": self.time(record.created_at),
            "accountLocator": None if self._credit_account == "never" else account,
            "realizedAt": self.time(realized),
            "reversedAt": self.time(record.reversed_at),
            "reversalReason": None if isinstance(record, r.Disbursement) else record.reversal_reason,
        }

    def _items(self, items: Sequence[r.Item], currency: str) -> list[object]:
        return [
            self._finish(
                {
                    "containerLocator": item.container_locator,
                    "containerType": item.container_type,
                    "amount": None if item.amount is None else self.number(item.amount, currency),
                }
            )
            for item in items
        ]

    def _validation(self, validation: r.Validation | None) -> object:
        if validation is None:
            return None
        problems = [
            {"elementType": problem.element_type, "locator": problem.locator, "errors": problem.errors}
            for problem in validation.validation_items
        ]
        return self._finish({"validationItems": problems, "success": validation.success})

    def _distribution(self, record: r.Distribution) -> dict[str, object]:
        return {
            "locator": record.locator,
            "creditDistributionState": record.credit_distribution_state,
            "currency": record.currency,
            "amount": self._moved(record),
            "createdAt": self.time(record.created_at),
            "createdBy": record.created_by,
            "accountLocator": record.account_locator,
            "sources": self._items(record.sources, record.currency),
            "targets": self._items(record.targets, record.currency),
            "validationResult": self._validation(record.validation_result),
            "executedAt": self.time(record.executed_at),
            "reversalReason": record.reversal_reason,
            "reversedAt": self.time(record.reversed_at),
            "shortfallCreditLocators": record.shortfall_credit_locators,
        }

    def _payment(self, record: r.Payment) -> dict[str, object]:
        return {
            "locator": record.locator,
            "paymentState": record.payment_state,
            "type": record.payment_type,
            "currency": record.currency,
            "amount": self._moved(record),
            "remainingAmount": None if record.surplus is None else self.number(record.surplus, record.currency),
            "data": _json(record.data),
            "createdAt": self.time(record.created_at),
            "createdBy": record.created_by,
            "accountLocator": record.account_locator,
            "targets": self._items(record.targets, record.currency),
            "externalCashTransactionLocator": None,
            "validationResult": self._validation(record.validation_result),
            "postedAt": self.time(record.posted_at),
            "reversalReason": record.reversal_reason,
            "reversedAt": self.time(record.reversed_at),
            "reversedBy": record.reversed_by,
            "shortfallCreditLocators": record.shortfall_credit_locators,
            "subpayments": [
                {"subpaymentLocator": part.subpayment_locator, "amount": self.number(part.amount, record.currency)}
                for part in record.subpayments
            ],
            "paymentMode": record.payment_mode,
            "aggregatePaymentLocator": record.aggregate_payment_locator,
            "paymentNumber": record.payment_number,
            "anonymizedAt": None,
            "executionLog": [],
            "nextRequestTime": None,
            "retryPlanName": record.retry_plan_name,
        }

    def _write_off(self, record: r.WriteOff) -> dict[str, object]:
        return {
            "locator": record.locator,
            "creditType": "writeOff",
            "writeOffState": record.write_off_state,
            "currency": record.currency,
            "amount": self._moved(record),
            "createdAt": self.time(record.created_at),
            "createdBy": record.created_by,
            "accountLocator": record.account_locator,
            "targets": self._items(record.targets, record.currency),
            "reversalReason": record.reversal_reason,
            "reversedAt": self.time(record.reversed_at),
        }

    def _shortfall(self, record: r.Shortfall) -> dict[str, object]:
        return {
            "locator": record.locator,
            "creditType": "shortfallWriteOff",
            "shortfallCreditState": record.shortfall_credit_state,
            "currency": record.currency,
            "amount": self._moved(record),
            "createdAt": self.time(record.created_at),
            "createdBy": record.created_by,
            "accountLocator": record.account_locator,
            "targets": self._items(record.targets, record.currency),
            "parentCreditLocator": record.parent_credit_locator,
            "reversalReason": record.reversal_reason,
        }

    def _disbursement(self, record: r.Disbursement) -> dict[str, object]:
        return {
            "locator": record.locator,
            "disbursementState": record.disbursement_state,
            "type": record.disbursement_type,
            "currency": record.currency,
            "amount": self._moved(record),
            "data": _json(record.data),
            "createdAt": self.time(record.created_at),
            "createdBy": record.created_by,
            "accountLocator": record.account_locator,
            "sources": self._items(record.sources, record.currency),
            "externalCashTransactionLocator": None,
            "validationResult": None,
            "disbursementNumber": record.disbursement_number,
            "anonymizedAt": None,
        }

    def _invoice(self, invoice: r.Invoice) -> dict[str, object]:
        return {
            "locator": invoice.locator,
            "accountLocator": invoice.account_locator,
            "invoiceState": invoice.invoice_state,
            "invoiceItems": [self._finish(self._invoice_item(item, invoice)) for item in invoice.invoice_items],
            "generatedTime": self.time(invoice.generated_time),
            "dueTime": self.time(invoice.due_time),
            "currency": invoice.currency,
            "startTime": self.time(invoice.start_time),
            "endTime": self.time(invoice.end_time),
            "unsettledTime": self.time(invoice.unsettled_time),
            "timezone": invoice.timezone,
            "invoiceNumber": invoice.invoice_number,
            "autopayTime": None,
            "settledTime": self.time(invoice.settled_time),
            "aggregatedInvoiceLocator": None,
            "invoiceType": invoice.invoice_type,
            "totalAmount": self.number(invoice.total_amount, invoice.currency),
            "totalRemainingAmount": self.number(invoice.total_remaining_amount, invoice.currency),
        }

    def _invoice_item(self, item: r.InvoiceItem, invoice: r.Invoice) -> dict[str, object]:
        return {
            "locator": item.locator,
            "chargeType": item.charge_type,
            "chargeCategory": item.charge_category,
            "amount": self.number(item.amount, invoice.currency),
            "remainingAmount": self.number(item.remaining_amount, invoice.currency),
            "settlementTime": self.time(item.settlement_time),
            "invoiceLocator": invoice.locator,
            "installmentItemLocators": item.installment_item_locators,
            "timezone": item.timezone,
            "quoteLocator": item.quote_locator,
            "policyLocator": item.policy_locator,
            "elementStaticLocator": item.element_static_locator,
            "elementType": item.element_type,
            "transactionLocators": item.transaction_locators,
            "unsettledTime": self.time(item.unsettled_time),
        }

    def _item_summary(self, item: r.InvoiceItem, currency: str, transactions: Mapping[str, r.Transaction]) -> dict[str, object]:
        amount = self.number(item.amount, currency)
        locator = item.transaction_locators[0] if item.transaction_locators else None
        transaction = transactions.get(locator or "")
        where: dict[str, object] = {
            "transactionLocator": locator,
            "transactionType": transaction.transaction_type if transaction else None,
            "transactionCategory": transaction.transaction_type if transaction else None,
            "transactionEffectiveTime": self.time(transaction.effective_time) if transaction else None,
            "amount": amount,
        }
        installments = [
            {
                "installmentItemLocator": part,
                "installmentLocator": part,
                "elementLocator": item.element_static_locator or item.locator,
                **self._finish(where),
            }
            for part in item.installment_item_locators
        ]
        return {
            "invoiceItemLocator": item.locator,
            "elementType": item.element_type,
            "elementStaticLocator": item.element_static_locator,
            "chargeType": item.charge_type,
            "chargeCategory": item.charge_category,
            "amount": amount,
            "remainingAmount": self.number(item.remaining_amount, currency),
            "settlementTime": self.time(item.settlement_time),
            "installmentItemSummaries": installments,
            "flatChargeSummary": None if installments else self._finish(where),
            "unsettledTime": self.time(item.unsettled_time),
        }

    def _account(self, account: r.Account) -> dict[str, object]:
        return {
            "locator": account.locator,
            "type": account.account_type,
            "accountState": account.account_state,
            "data": _json(account.data),
            "createdAt": self.time(account.created_at),
            "createdBy": account.created_by,
            "delinquencyPlanName": None,
            "shortfallTolerancePlanName": account.shortfall_tolerance_plan_name,
            "autoRenewalPlanName": None,
            "excessCreditPlanName": account.excess_credit_plan_name,
            "preferences": None,
            "validationResult": self._finish({"validationItems": [], "success": True}),
            "billingLevel": account.billing_level,
            "invoicingPlanName": None,
            "region": None,
            "invoiceDocument": None,
            "timezone": account.timezone,
            "accountNumber": account.account_number,
            "contacts": [],
            "anonymizedAt": None,
            "paymentExecutionRetryPlanName": None,
            "state": account.account_state,
        }

    def _policy(self, policy: r.Policy) -> dict[str, object]:
        fee = policy.invoice_fee_amount
        return {
            "locator": policy.locator,
            "accountLocator": policy.account_locator,
            "branchHeadTransactionLocators": [policy.issued_transaction_locator],
            "issuedTransactionLocator": policy.issued_transaction_locator,
            "productName": policy.product_name,
            "timezone": policy.timezone,
            "currency": policy.currency,
            "durationBasis": "years",
            "createdAt": self.time(policy.created_at),
            "createdBy": policy.created_by,
            "startTime": self.time(policy.start_time),
            "endTime": self.time(policy.end_time),
            "latestTermLocator": policy.term_locator,
            "billingLevel": "account",
            "policyNumber": policy.policy_number,
            "latestSegmentLocator": policy.segment_locator,
            "contacts": [],
            "statuses": ["onRisk"],
            "invoiceFeeAmount": None if fee is None else self.number(fee, policy.currency),
            "moratoriumElections": {},
            "static": {},
        }

    def _quote(self, quote: r.Quote) -> dict[str, object]:
        fee = quote.invoice_fee_amount
        return {
            "locator": quote.locator,
            "quoteState": quote.quote_state,
            "productName": quote.product_name,
            "accountLocator": quote.account_locator,
            "currency": quote.currency,
            "element": {"locator": quote.element_locator, "type": quote.element_type},
            "policyLocator": quote.policy_locator,
            "billingLevel": "account",
            "contacts": [],
            "createdBy": quote.created_by,
            "createdAt": self.time(quote.created_at),
            "invoiceFeeAmount": None if fee is None else self.number(fee, quote.currency),
        }


def _json(text: str) -> object:
    return {} if text == "{}" else Raw(text)
