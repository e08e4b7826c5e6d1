"""BillAgain's own operations as plain methods; see ``BillAgainApi`` for what each takes and gives. Not portable."""

from unibill.native import AsyncNative, Native, awaitable, blocking
from unibill_billagain.api import BillAgainApi


class BillAgainNative(Native[BillAgainApi]):
    """The six credit operations, blocking: ``billing.native.get_credit(10095)``."""

    list_customer_credits = blocking(BillAgainApi.list_customer_credits)
    list_credits = blocking(BillAgainApi.list_credits)
    get_credit = blocking(BillAgainApi.get_credit)
    add_credit = blocking(BillAgainApi.add_credit)
    edit_credit = blocking(BillAgainApi.edit_credit)
    delete_credit = blocking(BillAgainApi.delete_credit)


class AsyncBillAgainNative(AsyncNative[BillAgainApi]):
    """The same, awaitable: ``await billing.native.get_credit(10095)``."""

    list_customer_credits = awaitable(BillAgainApi.list_customer_credits)
    list_credits = awaitable(BillAgainApi.list_credits)
    get_credit = awaitable(BillAgainApi.get_credit)
    add_credit = awaitable(BillAgainApi.add_credit)
    edit_credit = awaitable(BillAgainApi.edit_credit)
    delete_credit = awaitable(BillAgainApi.delete_credit)
