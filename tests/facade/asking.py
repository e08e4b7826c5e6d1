"""What the tests of the facade ask, and who hears of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.support.facades import Facade
from unibill import (
    AllocationDraft,
    ChargeDraft,
    CreditDraft,
    hookimpl,
)
from unibill.events import PageRead, WriteSettled
from unibill.model import Credit

NOW = datetime(2026, 4, 5, 12, tzinfo=UTC)
Open = Callable[..., Facade]


class Audit:
    """Hears of everything."""

    def __init__(self) -> None:
        self.writes: list[WriteSettled] = []
        self.pages: list[PageRead] = []

    @hookimpl
    def unibill_write_settled(self, event: WriteSettled) -> None:
        self.writes.append(event)

    @hookimpl
    def unibill_page_read(self, event: PageRead) -> None:
        self.pages.append(event)


def draft(amount: str = "50.00", **changed: Any) -> CreditDraft:  # noqa: ANN401 - any field of the draft
    return CreditDraft(**{"account_id": "269", "currency": "USD", "amount": Decimal(amount), **changed})


def spend(amount: str, invoice: str = "9001") -> AllocationDraft:
    return AllocationDraft(amount=Decimal(amount), target_id=invoice)


def charge(amount: str = "-5.00", **changed: Any) -> ChargeDraft:  # noqa: ANN401 - any field of the draft
    return ChargeDraft(**{"account_id": "269", "currency": "USD", "amount": Decimal(amount), **changed})


def create(main: Facade, wanted: CreditDraft) -> Any:  # noqa: ANN401 - a credit
    return main.call(lambda b: b.credits.create(wanted))


def allocate(main: Facade, credit: Credit, drafts: list[AllocationDraft]) -> Any:  # noqa: ANN401 - a credit
    return main.call(lambda b: b.credits.allocate(credit, drafts))


def reverse(main: Facade, charge_id: str) -> Any:  # noqa: ANN401 - charges
    return main.call(lambda b: b.charges.reverse("269", [charge_id]))
