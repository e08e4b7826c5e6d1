"""Native access: the six operations of the vendor, blocking and awaitable, from the same flows."""

import asyncio
import inspect
from decimal import Decimal
from typing import Any, cast

import pytest
from unibill_billagain.api import BillAgainApi
from unibill_billagain.native import AsyncBillAgainNative, BillAgainNative
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings
from unibill_billagain.wire import AllocationInput, CreditInput

from unibill.errors import NotFound
from unibill.http import AsyncTransport, Transport
from unibill.sandbox import Sandbox, Serving

OPERATIONS = [name for name, _ in inspect.getmembers(BillAgainApi, inspect.isfunction) if not name.startswith("_")]


@pytest.fixture
def provider(default_serving: Serving, sandbox: Sandbox) -> BillAgainProvider:
    del sandbox
    return BillAgainProvider(BillAgainSettings.model_validate(sandbox_settings(default_serving)))


def sandbox_settings(serving: Serving) -> dict[str, str]:
    return cast("dict[str, str]", serving.sandbox.backends(serving.url)["billagain"])


@pytest.mark.parametrize("client", [BillAgainNative, AsyncBillAgainNative])
def test_every_operation_of_the_api_is_native_under_its_own_name_and_docstring(client: type[Any]) -> None:
    assert len(OPERATIONS) == 6
    for name in OPERATIONS:
        assert getattr(client, name).__doc__ == getattr(BillAgainApi, name).__doc__


def test_a_credit_note_lives_and_dies_through_the_blocking_client(provider: BillAgainProvider) -> None:
    transport = Transport("old", provider.endpoint(), provider.settings)
    try:
        native = provider.native(transport.run)
        body = CreditInput(
            269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", "memo", allocations=(AllocationInput(Decimal("10.25"), invoice_number=957),)
        )
        made = native.add_credit(body)
        (item,) = list(made.allocations or ())
        assert (made.amount, made.status, item.invoice_id) == (Decimal("20.50"), "Partial", 11380)
        native.edit_credit(made.credit_note_id, CreditInput(269, "05 Apr 2016", "ZAR", Decimal("20.50"), "ref", "other"))
        assert native.get_credit(made.credit_note_id).memo == "other"
        assert made.credit_note_id in [note.credit_note_id for note in native.list_customer_credits(269)]
        native.delete_credit(made.credit_note_id)
        assert made.credit_note_id not in [note.credit_note_id for note in native.list_credits()]
        with pytest.raises(NotFound):
            native.get_credit(made.credit_note_id)
    finally:
        transport.close()


def test_the_awaitable_client_reads_the_same(provider: BillAgainProvider) -> None:
    async def read() -> list[object]:
        transport = AsyncTransport("old", provider.endpoint(), provider.settings)
        try:
            native = provider.async_native(transport.run)
            return [note.credit_note_id for note in await native.list_credits(1, 200)]
        finally:
            await transport.close()

    assert asyncio.run(read()) == [10081, 10083, 10095]
