"""The records that BillAgain's credits page prints, and the customers and invoices that they need.

The credits stand exactly as printed: ids, amounts, dates, and the creditNoteID inside the allocations as each page prints it.
The page names invoices by id only, and one of them, 11380, by its number 957; their totals, dates and other numbers are made
up so that the page's POST and PUT work on them. Invoice 11343 appears in credits of two customers; it is given to 269.
"""

from collections.abc import Sequence
from decimal import Decimal

from unibill_billagain.sandbox.store import Allocation, Credit, Customer, Invoice

CUSTOMERS: Sequence[Customer] = (
    Customer(222, "CUST-222", False, "Thandi", "Example", "thandi@example.com", "ZAR", "2016-01-11"),
    Customer(269, "CUST-269", True, "Example Traders", "", "accounts@example.com", "ZAR", "2016-02-01"),
)


def _invoice(number: int, count: int, customer: int, day: str, total: int) -> Invoice:
    due = f"{day[:-2]}28"
    return Invoice(number, count, customer, f"INV-{count}", "ZAR", day, due, is_draft=False, is_cancelled=False, total=Decimal(total))


INVOICES: Sequence[Invoice] = (
    _invoice(11343, 945, 269, "2016-03-01", 400),
    _invoice(11351, 948, 269, "2016-03-02", 200),
    _invoice(11352, 949, 269, "2016-03-03", 300),
    _invoice(11380, 957, 269, "2016-03-15", 150),
    _invoice(11381, 958, 222, "2016-03-15", 250),
)


def _credit(number: int, customer: int, amount: int, memo: str, listed: int | None, *allocations: tuple[int, int, int]) -> Credit:
    items = tuple(Allocation(item, invoice, Decimal(applied)) for item, invoice, applied in allocations)
    return Credit(number, customer, "2016-04-05", "ZAR", Decimal(amount), "424242424242424", memo, items, listed)


CREDITS: Sequence[Credit] = (
    _credit(10081, 222, 200, "", None, (10327, 11343, 200)),
    _credit(10083, 269, 100, "", 0, (10331, 11343, 100)),
    _credit(10095, 269, 200, "payment to invoices", None, (10355, 11352, 150), (10358, 11380, 50)),
)
SYSTEM_CREDITS: Sequence[Credit] = (
    Credit(
        10099, 269, "2017-04-12", "ZAR", Decimal("79.8"), "", "Cancellation Prorata Credit", (Allocation(10361, 11352, Decimal("9.8")),)
    ),
)
"""As the adjustments page prints one, on a customer of ours, with something spent."""
