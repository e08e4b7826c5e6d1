"""The sandbox's state as plain records, out and in again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import cast

from unibill_billagain.sandbox.render import Renderer
from unibill_billagain.sandbox.store import Allocation, Credit, Customer, Invoice, Store

SYSTEM = "billagain"
_FIRST_DAY = "2016-01-04"


def rows(store: Store, renderer: Renderer) -> Iterator[dict[str, object]]:
    """Every customer, invoice and credit. Days are ISO, in the account's zone; amounts are Decimal.

    ``Balance`` of an invoice, ``Status``, ``Applied`` and ``Remaining`` of a credit follow from the rest.
    """
    yield from map(customer_row, store.customers())
    yield from map(invoice_row, store.invoices())
    for credit in store.credits():
        yield credit_row(credit, renderer)


def customer_row(customer: Customer) -> dict[str, object]:
    """A customer as the books write it."""
    return {
        "system": SYSTEM,
        "type": "customer",
        "customerID": customer.id,
        "Reference": customer.reference,
        "isCompany": customer.is_company,
        "Name": customer.name,
        "LastName": customer.last_name,
        "Email": customer.email,
        "CurrencyCode": customer.currency,
        "CreatedDate": customer.created_on,
        "isSuspended": customer.is_suspended,
        "isActive": customer.is_active,
    }


def invoice_row(invoice: Invoice) -> dict[str, object]:
    """An invoice as the books write it."""
    return {
        "system": SYSTEM,
        "type": "invoice",
        "invoiceID": invoice.id,
        "invoiceNum": invoice.number,
        "customerID": invoice.customer_id,
        "Reference": invoice.reference,
        "CurrencyCode": invoice.currency,
        "InvoiceDate": invoice.invoice_date,
        "DueDate": invoice.due_date,
        "isDraft": invoice.is_draft,
        "isCancelled": invoice.is_cancelled,
        "Total": invoice.total,
        "Paid": invoice.paid,
        "Credited": invoice.credited,
        "Balance": invoice.balance,
    }


def credit_row(credit: Credit, renderer: Renderer) -> dict[str, object]:
    """A credit note as the books write it."""
    return {
        "system": SYSTEM,
        "type": "credit",
        "creditNoteID": credit.id,
        "customerID": credit.customer_id,
        "Status": renderer.status(credit),
        "Date": credit.day,
        "CurrencyCode": credit.currency,
        "Amount": credit.amount,
        "CreditNumber": credit.number,
        "Memo": credit.memo,
        "Applied": credit.applied,
        "Remaining": credit.amount - credit.applied,
        "Allocations": [
            {
                "allocationID": item.id,
                "invoiceID": item.invoice_id,
                **({"positiveAdjustmentID": item.adjustment_id} if item.adjustment_id else {}),
                "amountApplied": item.amount,
            }
            for item in credit.allocations
        ],
        **({} if credit.listed_nested is None else {"listedNested": credit.listed_nested}),
    }


class Restorer:
    """Takes rows back. What a row leaves out gets a default; ids that are left out are given.

    Args:
        store: where to.
        opening_balances: whether an allocation may go to one.
    """

    def __init__(self, store: Store, *, opening_balances: bool) -> None:
        self._store = store
        self._opening_balances = opening_balances

    def restore(self, records: Sequence[Mapping[str, object]]) -> None:
        """Add rows, customers first, then invoices, then credits, whatever their order.

        Raises:
            ValueError: a row that cannot be used; the message says which and why.
        """
        steps: Mapping[str, Callable[[Mapping[str, object]], None]] = {
            "customer": self._customer,
            "invoice": self._invoice,
            "credit": self._credit,
        }
        strange = {str(record.get("type")) for record in records} - set(steps)
        if strange:
            raise ValueError(f"BillAgain has no records of type {', '.join(sorted(strange))}; it has: {', '.join(steps)}")
        for kind, step in steps.items():
            for record in records:
                if record.get("type") == kind:
                    step(record)

    def _customer(self, row: Mapping[str, object]) -> None:
        number = _whole(row, "customerID")
        if number is None:
            raise ValueError(f"a customer needs a customerID: {dict(row)}")
        self._store.add_customer(
            Customer(
                id=number,
                reference=_text(row, "Reference", f"CUST-{number}"),
                is_company=bool(row.get("isCompany", False)),
                name=_text(row, "Name", ""),
                last_name=_text(row, "LastName", ""),
                email=_text(row, "Email", ""),
                currency=_text(row, "CurrencyCode", "ZAR"),
                created_on=_text(row, "CreatedDate", _FIRST_DAY),
                is_suspended=bool(row.get("isSuspended", False)),
                is_active=bool(row.get("isActive", True)),
            )
        )

    def _invoice(self, row: Mapping[str, object]) -> None:
        owner = self._owner(row)
        number = self._new_id(row, "invoiceID")
        count = _whole(row, "invoiceNum") or self._store.next_invoice_number()
        day = _text(row, "InvoiceDate", _FIRST_DAY)
        self._store.add_invoice(
            Invoice(
                id=number,
                number=count,
                customer_id=owner.id,
                reference=_text(row, "Reference", f"INV-{count}"),
                currency=_text(row, "CurrencyCode", owner.currency),
                invoice_date=day,
                due_date=_text(row, "DueDate", day),
                is_draft=bool(row.get("isDraft", False)),
                is_cancelled=bool(row.get("isCancelled", False)),
                total=_amount(row, "Total"),
                paid=_amount(row, "Paid", Decimal(0)),
            )
        )

    def _credit(self, row: Mapping[str, object]) -> None:
        owner = self._owner(row)
        number = self._new_id(row, "creditNoteID")
        self._store.write_credit(
            Credit(
                id=number,
                customer_id=owner.id,
                day=_text(row, "Date", _FIRST_DAY),
                currency=_text(row, "CurrencyCode", owner.currency),
                amount=_amount(row, "Amount"),
                number=_text(row, "CreditNumber", f"CN-{number}"),
                memo=_text(row, "Memo", ""),
                allocations=tuple(map(self._allocation, cast("list[Mapping[str, object]]", row.get("Allocations") or []))),
                listed_nested=_whole(row, "listedNested"),
            )
        )

    def _allocation(self, row: Mapping[str, object]) -> Allocation:
        invoice = _whole(row, "invoiceID")
        if self._opening_balances and not invoice and (adjustment := _whole(row, "positiveAdjustmentID")):
            return Allocation(self._new_id(row, "allocationID"), 0, _amount(row, "amountApplied"), adjustment)
        if invoice is None or self._store.invoice(invoice) is None:
            raise ValueError(f"there is no invoice {invoice} for the allocation {dict(row)}")
        return Allocation(self._new_id(row, "allocationID"), invoice, _amount(row, "amountApplied"))

    def _owner(self, row: Mapping[str, object]) -> Customer:
        number = _whole(row, "customerID")
        customer = self._store.customer(number) if number is not None else None
        if customer is None:
            raise ValueError(f"there is no customer {number} for the {row.get('type')} {dict(row)}")
        return customer

    def _new_id(self, row: Mapping[str, object], key: str) -> int:
        number = _whole(row, key)
        if number is None:
            return self._store.take_ids(1)[0]
        self._store.pass_ids(number)
        return number


def _whole(row: Mapping[str, object], key: str) -> int | None:
    value = row.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError(f"{key} is a whole number, not {value!r}")
    return value


def _text(row: Mapping[str, object], key: str, default: str) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} is a text, not {value!r}")  # noqa: TRY004 - a ValueError is the interface
    return value


def _amount(row: Mapping[str, object], key: str, default: Decimal | None = None) -> Decimal:
    value = row.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError(f"{key} is an amount: a Decimal, a whole number or a text; not {value!r}")  # noqa: TRY004 - a ValueError is the interface
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{key} is an amount, not {value!r}") from error
    if not amount.is_finite():
        raise ValueError(f"{key} is an amount, not {value!r}")
    return amount
