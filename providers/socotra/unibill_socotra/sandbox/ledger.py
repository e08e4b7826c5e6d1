"""The double-entry ledger: every movement is one transaction whose credits and debits are equal.

An account's credit balance (``accountCreditBalance``) is the sum of its ledger lines; it is kept beside them for speed.
Lines are unsigned, their side says the direction, as the vendor's line items do.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from unibill_socotra.sandbox.identity import Ulids
from unibill_socotra.sandbox.records import ReferenceType, Side
from unibill_socotra.sandbox.store import Store

DEBIT_NORMAL: Final[frozenset[str]] = frozenset(
    {"invoiceItem", "cash", "creditCash", "accountExpenseBalance", "installmentItem", "account"}
)
"""Ledger accounts whose balance is debits less credits; the others' is credits less debits."""


class Entry(NamedTuple):
    """One side of a movement; a negative amount is written on the other side."""

    reference_type: ReferenceType
    reference_locator: str
    side: Side
    amount: Decimal


class LedgerLine(NamedTuple):
    """A stored line."""

    number: int
    transaction_locator: str
    time: str
    note: str
    reference_type: str
    reference_locator: str
    currency: str
    side: str
    amount: Decimal


class Ledger:
    """The ledger of one tenant.

    Args:
        store: where it is kept.
        ids: makes the locators of its transactions.
    """

    def __init__(self, store: Store, ids: Ulids) -> None:
        self._database = store.database
        self._ids = ids

    def post(self, micros: int, time: str, note: str, currency: str, entries: Sequence[Entry]) -> None:
        """Write one transaction.

        Args:
            micros: when, in microseconds since 1970, for the locator.
            time: the same as stored text.
            note: what happened, in words.
            currency: of every entry.
            entries: at least two; zero amounts are left out.

        Raises:
            ValueError: credits and debits differ.
        """
        rows: list[tuple[str, str, str, str, str, str, str, str]] = []
        total = Decimal(0)
        changes: dict[str, Decimal] = {}
        transaction = self._ids.new(micros)
        for reference_type, locator, side, amount in entries:
            if not amount:
                continue
            signed = amount if side == "credit" else -amount
            total += signed
            written = "credit" if signed > 0 else "debit"
            rows.append((transaction, time, note, reference_type, locator, currency, written, format(abs(amount), "f")))
            if reference_type == "accountCreditBalance":
                changes[locator] = changes.get(locator, Decimal(0)) + signed
        if total:
            raise ValueError(f"{note}: credits and debits differ by {total}")
        self._database.executemany("INSERT INTO socotra_ledger VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        for account, change in changes.items():
            self._set(account, currency, self.balance(account, currency) + change)

    def balance(self, account: str, currency: str) -> Decimal:
        """The credit balance of an account in a currency: what it can still spend."""
        sql = "SELECT balance FROM socotra_balance WHERE account_locator = ? AND currency = ?"
        row = self._database.execute(sql, (account, currency)).fetchone()
        return Decimal(0) if row is None else Decimal(row[0])

    def balances(self, account: str) -> dict[str, Decimal]:
        """The credit balances of an account, per currency."""
        sql = "SELECT currency, balance FROM socotra_balance WHERE account_locator = ? ORDER BY currency"
        return {currency: Decimal(balance) for currency, balance in self._database.execute(sql, (account,))}

    def read(self, reference_type: str, locator: str, currency: str, size: int) -> tuple[Decimal, list[tuple[str, str, str, str, str]]]:
        """The balance of any ledger account and its latest ``size`` lines, oldest first."""
        place = (reference_type, locator, currency)
        where = "FROM socotra_ledger WHERE reference_type = ? AND reference_locator = ? AND currency = ? ORDER BY number DESC"
        latest = self._database.execute(
            f"SELECT transaction_locator, time, note, side, amount {where} LIMIT ?",
            (*place, size),
        ).fetchall()
        if reference_type == "accountCreditBalance":
            return self.balance(locator, currency), latest[::-1]
        sides = self._database.execute(f"SELECT side, amount {where}", place).fetchall()
        credit = sum((Decimal(amount) if side == "credit" else -Decimal(amount) for side, amount in sides), Decimal(0))
        return -credit if reference_type in DEBIT_NORMAL else credit, latest[::-1]

    def lines(self) -> list[LedgerLine]:
        """Every line, in the order written."""
        rows = self._database.execute("SELECT * FROM socotra_ledger ORDER BY number").fetchall()
        return [LedgerLine._make((*row[:8], Decimal(row[8]))) for row in rows]

    def restore(self, lines: Sequence[LedgerLine]) -> None:
        """Write lines as they once were; the balances follow."""
        self._database.executemany(
            "INSERT INTO socotra_ledger VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", [(*line[1:8], format(line.amount, "f")) for line in lines]
        )
        for line in lines:
            if line.reference_type == "accountCreditBalance":
                signed = line.amount if line.side == "credit" else -line.amount
                self._set(line.reference_locator, line.currency, self.balance(line.reference_locator, line.currency) + signed)

    def _set(self, account: str, currency: str, balance: Decimal) -> None:
        self._database.execute("INSERT OR REPLACE INTO socotra_balance VALUES (?, ?, ?)", (account, currency, format(balance, "f")))
