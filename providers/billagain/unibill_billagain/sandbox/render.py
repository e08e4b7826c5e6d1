"""How the sandbox writes BillAgain's answers: key order as in the samples, forms as the switches say."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal

from unibill import exactjson
from unibill_billagain.sandbox.store import Allocation, Credit, Customer, Invoice, shortest
from unibill_billagain.sandbox.switches import zone_of

_HOLE = "\x01"
"""Where a nested creditNoteID goes. JSON text never holds this character: inside strings it is escaped."""

_OTHER = 2
"""How far off the nested creditNoteID of the documented POST is: 10093 inside 10095."""

_SCRAMBLE = (7919, 10_007)

ORDERS: Mapping[str, str] = {"asc": "id", "desc": "id DESC", "shuffled": "(id * 7919) % 10007, id"}
"""``list-order`` as SQL. Shuffled is no order that means anything, but the same on every call, so that pages fit together."""

JSON_TYPE = "application/json; charset=utf-8"

_RENDERING = (
    "allocation-order",
    "date-output",
    "empty-list-form",
    "empty-memo",
    "force-status",
    "forward-fields",
    "number-style",
    "opening-balance-allocations",
    "status-rule",
    "time-zone",
)


class Renderer:
    """Writes records as the switches say.

    Raises:
        ValueError: a switch that takes any text has one that it cannot use.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._zone = zone_of(settings)
        self.form = json.dumps([settings[name] for name in _RENDERING])
        """Names the way of writing: bodies written another way must be written anew."""

    def date(self, day: str) -> str:
        """An ISO day as an instant: its midnight in the zone."""
        midnight = datetime.combine(date.fromisoformat(day), time(), self._zone)
        style = self._settings["date-output"]
        if style == "offset":
            return midnight.isoformat()
        return midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") + (".0000000Z" if style == "fraction-7" else "Z")

    def number(self, amount: Decimal) -> str:
        """An amount as JSON text."""
        text = shortest(amount)
        style = self._settings["number-style"]
        if style == "plain":
            return text
        decimals = 1 if style == "one-decimal" else 2
        whole, _, fraction = text.partition(".")
        padded = f"{whole}.{fraction.ljust(decimals, '0')}"
        return f'"{padded}"' if style == "text" else padded

    def credit(self, credit: Credit) -> str:
        """A credit note; the nested creditNoteIDs are left open."""
        settings = self._settings
        pieces = [
            f'"creditNoteID":{credit.id}',
            f'"customerID":{credit.customer_id}',
            f'"Status":{_text(self.status(credit))}',
            f'"Date":"{self.date(credit.day)}"',
            f'"CurrencyCode":{_text(credit.currency)}',
            f'"Amount":{self.number(credit.amount)}',
            f'"CreditNumber":{_text(credit.number)}',
        ]
        if credit.memo or settings["empty-memo"] == "empty-text":
            pieces.append(f'"Memo":{_text(credit.memo)}')
        elif settings["empty-memo"] == "null":
            pieces.append('"Memo":null')
        if credit.allocations or settings["empty-list-form"] == "array":
            pieces.append(f'"Allocations":[{",".join(map(self._allocation, self._ordered(credit.allocations)))}]')
        elif settings["empty-list-form"] == "null":
            pieces.append('"Allocations":null')
        if settings["forward-fields"] == "on":
            pieces.append('"isLocked":false,"ExternalRef":null')
        return f"{{{','.join(pieces)}}}"

    def _allocation(self, item: Allocation) -> str:
        more = ',"AppliedBy":"system"' if self._settings["forward-fields"] == "on" else ""
        amount = self.number(item.amount)
        if self._settings["opening-balance-allocations"] == "on":
            more += f',"positiveAdjustmentID":{item.adjustment_id}'
        return f'{{"allocationID":{item.id},"invoiceID":{item.invoice_id},"creditNoteID":{_HOLE},"amountApplied":{amount}{more}}}'

    def _ordered(self, items: Sequence[Allocation]) -> Sequence[Allocation]:
        order = self._settings["allocation-order"]
        if order == "input":
            return items
        if order == "shuffled":
            factor, modulus = _SCRAMBLE
            return sorted(items, key=lambda item: (item.id * factor % modulus, item.id))
        return sorted(items, key=lambda item: item.id)

    def status(self, credit: Credit) -> str:
        """What ``Status`` says: by the sums, unless a switch forces it."""
        forced = self._settings["force-status"]
        if forced != "off":
            return forced
        applied = credit.applied
        if applied >= credit.amount or self._settings["status-rule"] == "always-allocated":
            return "Allocated"
        return "Partial" if applied > 0 else "Unallocated"

    def _nested(self, usual: int, own: int) -> str:
        style = self._settings["nested-credit-id"]
        return str({"own": own, "zero": 0, "other": own - _OTHER}.get(style, usual))

    def read(self, number: int, body: str) -> str:
        """The answer of a get."""
        return body.replace(_HOLE, self._nested(number, number))

    def created(self, number: int, body: str) -> str:
        """The answer of a POST, whose sample prints another credit's id inside the allocations."""
        return body.replace(_HOLE, self._nested(number - _OTHER, number))

    def account_page(self, rows: Sequence[tuple[int, str, int | None]]) -> str:
        """The answer of the account's list, whose sample prints 0 inside the allocations."""
        if self._settings["nested-credit-id"] in ("as-samples", "zero"):
            return f"[{','.join(body for _, body, _ in rows)}]".replace(_HOLE, "0")
        return f"[{','.join(body.replace(_HOLE, self._nested(0, number)) for number, body, _ in rows)}]"

    def customer_page(self, rows: Sequence[tuple[int, str, int | None]]) -> str:
        """The answer of a customer's list: own ids, and 0 where the sample prints it."""
        bodies = (body.replace(_HOLE, self._nested(number if printed is None else printed, number)) for number, body, printed in rows)
        return f"[{','.join(bodies)}]"

    def customer(self, customer: Customer) -> dict[str, object]:
        """A customer, with the documented fields; those the sandbox does not model are empty."""
        status = "Suspended" if customer.is_suspended else "Active"
        address = ("EmailCC", "Cell", "Tel", "Fax", "Address1", "Address2", "City", "State", "Country", "CountryState")
        return {
            "customerID": customer.id,
            "Reference": customer.reference,
            "isCompany": customer.is_company,
            "Name": customer.name,
            "LastName": customer.last_name,
            "RegistrationNumber": "",
            "VatNo": 0,
            "Company": "",
            "Email": customer.email,
            **dict.fromkeys(address, ""),
            "countryID": 0,
            "countryStateID": 0,
            "ZipCode": "",
            "PrimaryGatewayID": 0,
            "CurrencyCode": customer.currency,
            "CreatedDate": self.date(customer.created_on),
            "isSuspended": int(customer.is_suspended),
            "isActive": customer.is_active,
            "comp_status": status if customer.is_active else "Archived",
            "isWaiveTaxes": False,
            "SuspendedDate": None,
            "PaymentMethod": "cash",
        }

    def invoice(self, invoice: Invoice, customer: Customer) -> dict[str, object]:
        """An invoice, with the fifteen known fields: total and balance are not among them."""
        owner = {"customerID": customer.id, "Reference": customer.reference, "Name": customer.name, "LastName": customer.last_name}
        return {
            "invoiceID": invoice.id,
            "Customer": {**owner, "ActiveSubs": 0},
            "invoiceNum": invoice.number,
            "Reference": invoice.reference,
            "poNumber": 0,
            "CurrencyCode": invoice.currency,
            "InvoiceDate": self.date(invoice.invoice_date),
            "DueDate": self.date(invoice.due_date),
            "DateSent": None,
            "isDraft": invoice.is_draft,
            "isCancelled": invoice.is_cancelled,
            "CollectionMethod": "eft",
            "gatewayID": 0,
            "customerPaymentMethodID": 0,
            "NumTries": 0,
        }


def _text(value: str) -> str:
    return exactjson.dumps(value).decode()
