"""What the sandbox accepts in the bodies of POST and PUT, and how it says what is wrong: everything at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import cast

from starlette.responses import Response

from unibill import exactjson
from unibill.sandbox.system import Refused
from unibill_billagain.sandbox.render import JSON_TYPE
from unibill_billagain.sandbox.store import MAX_ID, Credit, Customer, Invoice, Store
from unibill_billagain.sandbox.switches import TextLimit, text_limit_of

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(rf"([0-3]\d) ({'|'.join(_MONTHS)}) ([1-9]\d{{3}})")
_CENT = Decimal("0.01")
_MOST_DECIMALS = 6
_MOST_DIGITS = 20


def refused(status: int, *messages: str, headers: Mapping[str, str] | None = None) -> Refused:
    """The exception that answers with BillAgain's error body."""
    body = exactjson.dumps({"Errors": [{"Message": message} for message in messages]})
    return Refused(Response(body, status, headers, media_type=JSON_TYPE))


def missing(what: str) -> str:
    """The documented sentence for what is not there, and its parallels."""
    return f"Cannot find {what} for this Account"


class Problems:
    """Collects what is wrong with a body."""

    def __init__(self, status: int, status_of_missing: int) -> None:
        self._status = status
        self._status_of_missing = status_of_missing
        self._invalid: list[str] = []
        self._missing: list[str] = []

    def invalid(self, message: str) -> None:
        """A rule is broken."""
        self._invalid.append(message)

    def missing(self, what: str) -> None:
        """A record that the body names is not there."""
        self._missing.append(missing(what))

    def check(self) -> None:
        """Go on if nothing is wrong.

        Raises:
            Refused: with every message; with a status of its own if records are missing and nothing else is wrong.
        """
        if self._invalid:
            raise refused(self._status, *self._invalid, *self._missing)
        if self._missing:
            raise refused(self._status_of_missing, *self._missing)


@dataclass(frozen=True, slots=True)
class Item:
    """One allocation that was sent."""

    place: str
    allocation_id: int | None
    invoice: Invoice
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Sent:
    """A body of POST or PUT that makes sense by itself. ``items`` is None if no list was sent, ``memo`` if no memo was."""

    customer: Customer
    day: str
    currency: str
    amount: Decimal
    number: str
    memo: str | None
    auto_apply: bool
    items: tuple[Item, ...] | None


class Reader:
    """Reads bodies as the switches say."""

    def __init__(self, settings: Mapping[str, str], store: Store) -> None:
        self._settings = settings
        self._store = store
        self._limit: TextLimit = text_limit_of(settings)
        self._status = int(settings["validation-status"])

    def problems(self) -> Problems:
        """An empty list of problems."""
        return Problems(self._status, int(self._settings["missing-reference"]))

    def read(self, body: bytes, before: Credit | None) -> Sent:
        """Decode and check a body; ``before`` is the credit that a PUT replaces.

        Raises:
            Refused: the body is refused, with every reason.
        """
        problems = self.problems()
        fields = self._object(body)
        customer = self._customer(fields, problems)
        day = self._date(fields, problems)
        currency = self._currency(fields, customer, problems)
        amount = self._amount(fields, "Amount", "Amount", problems)
        number = self._text(fields, "CreditNumber", problems)
        if number == "":
            problems.invalid("CreditNumber is required")
        memo = self._text(fields, "Memo", problems)
        auto = fields.get("autoapply")
        if auto is not None and not isinstance(auto, bool):
            problems.invalid("AutoApply must be true or false")
        self._compare(customer, currency, number, before, problems)
        ignored = auto is True and before is None
        items = None if ignored else self._items(fields.get("allocations"), problems)
        problems.check()
        if customer is None or day is None or currency is None or amount is None or number is None:
            raise AssertionError("every field that is None has named its problem")
        return Sent(customer, day, currency, amount, number, memo, ignored, items)

    def _object(self, body: bytes) -> dict[str, object]:
        try:
            value = exactjson.loads(body)
        except exactjson.InexactJSON as error:
            raise refused(self._status, "The body is not JSON") from error
        if not isinstance(value, dict):
            raise refused(self._status, "The body is not a JSON object")
        return _lowered(cast("dict[str, object]", value))

    def _customer(self, fields: Mapping[str, object], problems: Problems) -> Customer | None:
        number = _id(fields, "customerID", "customerID", problems)
        if number is None:
            if fields.get("customerid") is None:
                problems.invalid("customerID is required")
            return None
        customer = self._store.customer(number)
        if customer is None:
            problems.missing("Customer")
        return customer

    def _date(self, fields: Mapping[str, object], problems: Problems) -> str | None:
        value = fields.get("date")
        if value is None:
            problems.invalid("Date is required")
            return None
        match = _DATE.fullmatch(value) if isinstance(value, str) else None
        if match:
            try:
                return date(int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1])).isoformat()
            except ValueError:
                pass
        problems.invalid("Date must be a date such as 05 Apr 2016")
        return None

    def _currency(self, fields: Mapping[str, object], customer: Customer | None, problems: Problems) -> str | None:
        value = fields.get("currencycode")
        if value is None:
            problems.invalid("CurrencyCode is required")
            return None
        if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
            problems.invalid("CurrencyCode must be three capital letters")
            return None
        if customer is not None and value != customer.currency:
            problems.invalid(f"CurrencyCode {value} is not the customer's currency {customer.currency}")
        return value

    def _amount(self, fields: Mapping[str, object], key: str, place: str, problems: Problems) -> Decimal | None:
        value = fields.get(key.lower())
        if value is None:
            problems.invalid(f"{place} is required")
            return None
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            problems.invalid(f"{place} must be a number")
            return None
        amount = Decimal(value)
        if amount.adjusted() > _MOST_DIGITS:
            problems.invalid(f"{place} is too large")
            return None
        exponent = cast("int", amount.as_tuple().exponent)
        rule = self._settings["excess-decimals"]
        if rule == "round":
            amount = amount.quantize(_CENT, ROUND_HALF_EVEN)
        elif exponent < -(2 if rule == "reject" else _MOST_DECIMALS):
            problems.invalid(f"{place} has more than {2 if rule == 'reject' else _MOST_DECIMALS} decimals")
            return None
        if amount <= 0:
            problems.invalid(f"{place} must be more than 0")
            return None
        return amount

    def _text(self, fields: Mapping[str, object], key: str, problems: Problems) -> str | None:
        value = fields.get(key.lower())
        if value is None:
            return "" if key == "CreditNumber" else None
        if not isinstance(value, str):
            problems.invalid(f"{key} must be text")
            return None
        if self._limit.length is not None and len(value) > self._limit.length:
            if self._limit.truncate:
                return value[: self._limit.length]
            problems.invalid(f"{key} may have {self._limit.length} characters at most")
        return value

    def _compare(
        self, customer: Customer | None, currency: str | None, number: str | None, before: Credit | None, problems: Problems
    ) -> None:
        if before is not None and customer is not None and customer.id != before.customer_id:
            problems.invalid("customerID of a credit note cannot be changed")
        if before is not None and currency is not None and currency != before.currency:
            problems.invalid("CurrencyCode of a credit note cannot be changed")
        if (
            self._settings["credit-number-duplicates"] == "reject"
            and number
            and self._store.has_credit_number(number, besides=before.id if before else 0)
        ):
            problems.invalid("CreditNumber is used by another credit note")

    def _items(self, value: object, problems: Problems) -> tuple[Item, ...] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            problems.invalid("Allocations must be a list")
            return None
        items = [self._item(f"Allocations[{place}]", entry, problems) for place, entry in enumerate(cast("list[object]", value))]
        return tuple(item for item in items if item is not None)

    def _item(self, place: str, value: object, problems: Problems) -> Item | None:
        if not isinstance(value, dict):
            problems.invalid(f"{place} must be an object")
            return None
        fields = _lowered(cast("dict[str, object]", value))
        amount = self._amount(fields, "amountApplied", f"{place}.amountApplied", problems)
        allocation_id = _id(fields, "allocationID", f"{place}.allocationID", problems)
        by_id = _id(fields, "invoiceID", f"{place}.invoiceID", problems)
        by_number = _id(fields, "invoiceNumber", f"{place}.invoiceNumber", problems)
        if by_id is None and by_number is None:
            problems.invalid(f"{place} needs invoiceID or invoiceNumber")
            return None
        invoice = self._store.invoice(by_id) if by_id is not None else self._store.invoice_numbered(by_number or 0)
        if invoice is None:
            problems.missing(f"Invoice {by_id}" if by_id is not None else f"Invoice number {by_number}")
            return None
        return None if amount is None else Item(place, allocation_id, invoice, amount)


def _lowered(fields: Mapping[str, object]) -> dict[str, object]:
    return {key.lower(): value for key, value in fields.items()}


def _id(fields: Mapping[str, object], key: str, place: str, problems: Problems) -> int | None:
    value = fields.get(key.lower())
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_ID:
        problems.invalid(f"{place} must be a whole number above 0")
        return None
    return value
