"""The credit notes that are listed: pages as a vendor would send them, and what a reader must have made of them."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

PAGE: Final = 100
HARD: Final = ("0.10", "100.00", "12345678901234567.89", "0.29999999999999998", "10.10", "1000000000000000.01", "0.01", "99999999.90")
"""Amounts that a binary float cannot hold, or forgets the digits of."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages on disk.

    Attributes:
        folder: one file a page, ``1.json`` and so on, and ``empty.json`` for those past the end.
        check: the digest that a reader who keeps every digit comes to.
    """

    folder: Path
    count: int
    check: str

    @property
    def records(self) -> int:
        """On all pages."""
        return PAGE * self.count


def digest(total: Decimal, first: Iterable[tuple[str, Decimal]]) -> str:
    """What a reader made of the notes: the sum of all amounts, and each digit of the first page's.

    Args:
        total: of all amounts.
        first: id and amount of each note of the first page, in order.
    """
    digits = hashlib.sha256("\n".join(f"{note} {amount}" for note, amount in first).encode()).hexdigest()
    return f"{total} {digits[:16]}"


def write(folder: Path, count: int) -> Pages:
    """Write so many pages of 100 credit notes, the same ones each time."""
    folder.mkdir(parents=True, exist_ok=True)
    total, first = Decimal(0), list[tuple[str, Decimal]]()
    for page in range(1, count + 1):
        notes = list(_notes(page))
        total = sum((Decimal(amount) for _, amount, _ in notes), total)
        if page == 1:
            first = [(note, Decimal(amount)) for note, amount, _ in notes]
        (folder / f"{page}.json").write_text(f"[{','.join(text for _, _, text in notes)}]")
    (folder / "empty.json").write_text("[]")
    (folder / "1").write_text(next(_notes(1))[2])
    return Pages(folder, count, digest(total, first))


def _notes(page: int) -> Iterator[tuple[str, str, str]]:
    """Id, amount and JSON of each note: a third of them has two allocations, and of 32 one has a status that its amounts contradict."""
    chance = Random(page)  # noqa: S311 - the same pages each time, no secrets
    for place in range(PAGE):
        number = (page - 1) * PAGE + place + 1
        amount = HARD[place] if page == 1 and place < len(HARD) else f"{chance.randrange(100, 1_000_000)}.{chance.randrange(100):02d}"
        parts = _parts(Decimal(amount), chance.choice((1, 1, 2)) if place >= len(HARD) else 1)
        allocations = ",".join(
            f'{{"allocationID":{number * 10 + i},"invoiceID":{chance.randrange(1, 10**6)},"creditNoteID":0,"amountApplied":{part}}}'
            for i, part in enumerate(parts)
        )
        day = f"20{chance.randrange(15, 27)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 28):02d}T22:00:00Z"
        status = "Allocated" if chance.randrange(32) else "Unallocated"
        text = (
            f'{{"creditNoteID":{number},"customerID":{chance.randrange(1, 2000)},"Status":"{status}","Date":"{day}",'
            f'"CurrencyCode":"ZAR","Amount":{amount},"CreditNumber":"CN-{number:07d}","Memo":"goodwill, order {number}",'
            f'"Allocations":[{allocations}]}}'
        )
        yield str(number), amount, text


def _parts(amount: Decimal, count: int) -> list[Decimal]:
    if count == 1:
        return [amount]
    half = (amount / 2).quantize(Decimal("0.01"))
    return [half, amount - half]
