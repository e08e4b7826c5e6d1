"""Money that several credits put into one balance: whose is left, and whose was spent. Pure, and the same for every vendor.

For vendors that keep a balance per account and currency, and not what was spent of which credit. Each credit that fills the
balance makes a lot. Whatever leaves the balance takes from the lots, the oldest first; a drain that was made for one credit takes
from that credit first. What is undone gives back exactly what it had taken. Where more leaves than there is (a payment is reversed
after its surplus was spent), the rest is owed, and the next lot pays it.

The sum of what is left of the lots, less what is owed, does not depend on the order of events: it is what came in less what
went out, and so what a ledger says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from unibill import money

_RANK: Final = {"fill": 0, "drain": 1, "undrain": 2, "unfill": 3}
ZERO: Final = Decimal(0)


@dataclass(slots=True, eq=False)
class Lot:
    """What one credit put into the balance, and what is left of it."""

    credit: str
    amount: Decimal
    rest: Decimal
    place: int = 0
    gone: bool = False


@dataclass(slots=True, eq=False)
class Drain:
    """Something that left the balance.

    Attributes:
        prefers: the credit that it spends first, if it was made for one.
        taken: from which lots, in order.
        owed: the part that no lot could give.
    """

    key: str
    amount: Decimal
    prefers: str | None = None
    taken: list[tuple[Lot, Decimal]] = field(default_factory=list[tuple[Lot, Decimal]])
    owed: Decimal = ZERO
    undone: bool = False

    def parts(self) -> list[tuple[str, Decimal]]:
        """Whose money it took: (credit, amount), in order."""
        return [(lot.credit, amount) for lot, amount in self.taken if amount]


@dataclass(frozen=True, slots=True)
class Event:
    """A change of the balance at a moment."""

    when: datetime
    kind: Literal["fill", "drain", "undrain", "unfill"]
    key: str
    subject: Lot | Drain

    def order(self) -> tuple[datetime, int, str]:
        """Where it stands among the others; at one moment money comes before it goes, and goes before it comes back."""
        return (self.when, _RANK[self.kind], self.key)


class Balance:
    """The queue of lots of one account and currency."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self._first = 0
        self._owing: list[Drain] = []
        self._drains: list[Drain] = []

    def run(self, events: Iterable[Event]) -> None:
        """Let the events happen, in the order of their moments."""
        for event in sorted(events, key=Event.order):
            subject = event.subject
            if isinstance(subject, Lot):
                if event.kind == "fill":
                    self._fill(subject)
                else:
                    self._unfill(subject)
            elif event.kind == "drain":
                subject.owed = subject.amount
                self._drains.append(subject)
                self._pay(subject)
            else:
                self._undrain(subject)

    def total(self) -> Decimal:
        """What the ledger should say."""
        return money.subtract(money.add([lot.rest for lot in self.lots]), money.add([drain.owed for drain in self._owing]))

    def owed(self) -> Decimal:
        """How far the balance is overdrawn."""
        return money.add([drain.owed for drain in self._owing])

    def _fill(self, lot: Lot) -> None:
        lot.rest = lot.amount
        lot.place = len(self.lots)
        self.lots.append(lot)
        self._settle()

    def _unfill(self, lot: Lot) -> None:
        lot.gone = True
        lot.rest = ZERO
        for drain in self._drains_of(lot):
            lost = money.add([amount for taken, amount in drain.taken if taken is lot])
            drain.taken = [(taken, amount) for taken, amount in drain.taken if taken is not lot]
            drain.owed = money.add([drain.owed, lost])
            self._pay(drain)

    def _undrain(self, drain: Drain) -> None:
        drain.undone = True
        for lot, amount in drain.taken:
            if not lot.gone:
                lot.rest = money.add([lot.rest, amount])
                self._first = min(self._first, lot.place)
        drain.owed = ZERO
        self._owing = [other for other in self._owing if other is not drain]
        self._settle()

    def _pay(self, drain: Drain) -> None:
        if drain.prefers is not None:
            for lot in self.lots:
                if lot.credit == drain.prefers:
                    self._take(drain, lot)
        while drain.owed and self._first < len(self.lots):
            lot = self.lots[self._first]
            self._take(drain, lot)
            if not lot.rest:
                self._first += 1
        if drain.owed and drain not in self._owing:
            self._owing.append(drain)

    def _settle(self) -> None:
        waiting, self._owing = self._owing, []
        for drain in waiting:
            self._pay(drain)

    @staticmethod
    def _take(drain: Drain, lot: Lot) -> None:
        amount = min(drain.owed, lot.rest)
        if amount:
            lot.rest = money.subtract(lot.rest, amount)
            drain.owed = money.subtract(drain.owed, amount)
            drain.taken.append((lot, amount))

    def _drains_of(self, lot: Lot) -> list[Drain]:
        return [drain for drain in self._drains if not drain.undone and any(taken is lot for taken, _ in drain.taken)]
