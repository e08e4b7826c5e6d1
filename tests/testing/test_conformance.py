"""The memory provider passes the suite that every provider must pass."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import uuid4

import pytest

from unibill import ChargeDraft, connect
from unibill.testing import memory
from unibill.testing.conformance import ProviderConformance, Subject


class TestMemory(ProviderConformance):
    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        name = uuid4().hex
        store = memory.store(name)
        for invoice in ("i1", "i2"):
            store.add_invoice(invoice, account="a1", currency="USD", amount=Decimal(500))
        with connect(memory.MemorySettings(store=name)) as billing:
            billing.charges.add([ChargeDraft(account_id="a5", currency="USD", amount=Decimal(7), policy_id="p1", transaction_id="t1")])
        yield Subject(
            "memory",
            memory.MemorySettings(store=name),
            account="a1",
            other_account="a2",
            currency="USD",
            missing_account="nobody",
            missing_credit="nothing",
            invoices=("i1", "i2"),
            accounts={"USD": "a2", "JPY": "a3", "KWD": "a4"},
            largest=Decimal("12345678901234567.89"),
            charge_type="fee",
            policy="p1",
            transaction="t1",
        )
        memory.reset(name)
