"""Native access: the six operations of the vendor, blocking and awaitable, from the same flows."""

import inspect
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from unibill_billagain.api import BillAgainApi
from unibill_billagain.native import AsyncBillAgainNative, BillAgainNative
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings
from unibill_billagain.wire import AllocationInput, CreditInput

from tests.support.natives import CLIENTS, native_of
from unibill.errors import NotFound
from unibill.sandbox import Sandbox, Serving

OPERATIONS = [name for name, _ in inspect.getmembers(BillAgainApi, inspect.isfunction) if not name.startswith("_")]


@pytest.fixture(params=CLIENTS)
def native(default_serving: Serving, sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[BillAgainNative]:
    settings = BillAgainSettings.model_validate(sandbox.backends(default_serving.url)["billagain"])
    with native_of(BillAgainProvider(settings), request.param) as client:
        yield client


@pytest.mark.parametrize("client", [BillAgainNative, AsyncBillAgainNative])
def test_every_operation_of_the_api_is_native_under_its_own_name_and_docstring(client: type[Any]) -> None:
    assert len(OPERATIONS) == 6
    for name in OPERATIONS:
        assert getattr(client, name).__doc__ == getattr(BillAgainApi, name).__doc__


def test_a_credit_note_lives_and_dies_through_the_six_operations(native: BillAgainNative) -> None:
    body = CreditInput(
        269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", "memo", allocations=(AllocationInput(Decimal("10.25"), invoice_number=957),)
    )
    made = native.add_credit(body)
    (item,) = list(made.allocations or ())
    assert (made.amount, made.status, item.invoice_id) == (Decimal("20.50"), "Partial", 11380)
    native.edit_credit(made.credit_note_id, CreditInput(269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", "other"))
    assert native.get_credit(made.credit_note_id).memo == "other"
    assert made.credit_note_id in [note.credit_note_id for note in native.list_customer_credits(269)]
    assert [note.credit_note_id for note in native.list_credits(2, 3)] == [made.credit_note_id]
    native.delete_credit(made.credit_note_id)
    assert [note.credit_note_id for note in native.list_credits()] == [10081, 10083, 10095]
    with pytest.raises(NotFound):
        native.get_credit(made.credit_note_id)


def test_a_credit_note_is_applied_by_the_vendor_or_to_an_invoice_by_its_id(native: BillAgainNative) -> None:
    applied = native.add_credit(CreditInput(269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", auto_apply=True, allocations=None))
    assert [item.amount for item in applied.allocations or ()] == [Decimal("20.5")]
    named = (AllocationInput(Decimal("10.25"), invoice_id=11352),)
    by_id = native.add_credit(CreditInput(269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", allocations=named))
    assert [item.invoice_id for item in by_id.allocations or ()] == [11352]
