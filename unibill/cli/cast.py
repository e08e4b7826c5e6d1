"""The cast of a rehearsal: for every account of one bundled sandbox an empty twin in the other, and the maps between them.

A copy needs somewhere to go. After a real move of accounts, the new system has the old one's customers; here the sandboxes'
books are read, and twins of their accounts (and of the invoices that credits can be spent on) are put into the other one as
seed records. This is about sandboxes only: nothing here speaks to a vendor's API.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

from unibill.outfiles import replaced
from unibill.sandbox import Sandbox

BILLAGAIN: Final = "billagain"
SOCOTRA: Final = "socotra"
ACCEPTING: Final[Mapping[str, Mapping[str, str]]] = {BILLAGAIN: {"empty-allocations": "accept"}}
"""The switch a copy into BillAgain rests on: a credit note without allocations is accepted. The vendor's page does not say so."""
MAPS: Final = ("accounts.csv", "accounts-back.csv", "invoices.csv", "invoices-back.csv")
"""The files of the maps: of accounts there and back, of invoices there and back."""
FIRST_TWIN: Final = 900_001
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MOMENT: Final = "2026-01-05T08:00:00.000Z"
_DUE: Final = "2026-02-05T08:00:00.000Z"
Row = dict[str, object]


@dataclass(slots=True)
class Cast:
    """Which account, and which invoice, is whose twin.

    Attributes:
        accounts: BillAgain customer to Socotra account.
        back: Socotra account to BillAgain customer, for the accounts that Socotra had first.
        invoices: BillAgain invoice to Socotra invoice; ``invoices_back`` the other way.
        left_out: Socotra accounts without a twin, since a BillAgain customer has one currency and they have several.
    """

    accounts: dict[str, str] = field(default_factory=dict[str, str])
    back: dict[str, str] = field(default_factory=dict[str, str])
    invoices: dict[str, str] = field(default_factory=dict[str, str])
    invoices_back: dict[str, str] = field(default_factory=dict[str, str])
    left_out: list[str] = field(default_factory=list[str])

    @property
    def forth(self) -> dict[str, str]:
        """Every BillAgain customer to its Socotra account."""
        return {**self.accounts, **{customer: account for account, customer in self.back.items()}}

    @property
    def whole_way_back(self) -> dict[str, str]:
        """Every Socotra account to its BillAgain customer."""
        return {account: customer for customer, account in self.forth.items()}

    def write(self, folder: Path) -> list[Path]:
        """Write the four maps."""
        header, invoice_header = ("source_account", "target_account"), ("source_invoice", "target_invoice")
        heads = (header, header, invoice_header, invoice_header)
        pairs = (self.forth, self.whole_way_back, self.invoices, self.invoices_back)
        return [_write(folder / name, head, each) for name, head, each in zip(MAPS, heads, pairs, strict=True)]


def add_twins(billagain: Sandbox, socotra: Sandbox, *, invoices: bool) -> Cast:
    """Put a twin of every account into the other sandbox.

    Args:
        billagain: the sandbox that serves BillAgain.
        socotra: the one that serves Socotra; the same, or another.
        invoices: twins of open and settled invoices too, at their full amounts, unpaid.
    """
    books = billagain.books() if billagain is socotra else billagain.books() + socotra.books()
    cast_made = Cast()
    rows: list[Row] = []
    for customer in _of(books, BILLAGAIN, "customer"):
        number = str(customer["customerID"])
        locator = cast_made.accounts[number] = _locator("customer", number)
        name = json.dumps({"name": f"twin of BillAgain customer {number}"})
        rows.append({"system": SOCOTRA, "type": "account", "locator": locator, "data": name})
    currencies = _currencies(books)
    following = FIRST_TWIN
    for account in _of(books, SOCOTRA, "account"):
        locator = str(account["locator"])
        used = currencies.get(locator, set())
        if len(used) != 1:
            cast_made.left_out.append(locator)
            continue
        cast_made.back[locator] = str(following)
        (currency,) = used
        rows.append(
            {"system": BILLAGAIN, "type": "customer", "customerID": following, "Name": f"Twin {locator[-6:]}", "CurrencyCode": currency}
        )
        following += 1
    if invoices:
        rows += _socotra_invoices(books, cast_made)
        rows += _billagain_invoices(books, cast_made)
    for sandbox, system in ((billagain, BILLAGAIN), (socotra, SOCOTRA)):
        sandbox.seed("records", records=[row for row in rows if row["system"] == system], systems=[system])
    return cast_made


def _socotra_invoices(books: Sequence[Row], made: Cast) -> Iterable[Row]:
    """BillAgain's invoices in Socotra: one item each, posted to the ledger like any other."""
    for invoice in _of(books, BILLAGAIN, "invoice"):
        total = cast("Decimal", invoice["Total"])
        if invoice["isDraft"] or invoice["isCancelled"] or not total:
            continue
        number = str(invoice["invoiceID"])
        locator = made.invoices[number] = _locator("invoice", number)
        item = _locator("item", number)
        yield {
            "system": SOCOTRA,
            "type": "invoice",
            "locator": locator,
            "accountLocator": made.accounts[str(invoice["customerID"])],
            "invoiceState": "open",
            "currency": invoice["CurrencyCode"],
            "timezone": "UTC",
            "generatedTime": _MOMENT,
            "dueTime": _DUE,
            "startTime": _MOMENT,
            "endTime": _DUE,
            "totalAmount": total,
            "totalRemainingAmount": total,
            "invoiceItems": [
                {
                    "locator": item,
                    "chargeType": "ServiceFee",
                    "chargeCategory": "fee",
                    "amount": total,
                    "remainingAmount": total,
                    "timezone": "UTC",
                }
            ],
        }
        for kind, side in (("invoiceItem", "debit"), ("charge", "credit")):
            yield {
                "system": SOCOTRA,
                "type": "ledgerLine",
                "faTransactionLocator": _locator("transaction", number),
                "faTransactionTime": _MOMENT,
                "faTransactionNote": "twin of a BillAgain invoice",
                "referenceType": kind,
                "referenceLocator": item,
                "currency": invoice["CurrencyCode"],
                "accountingType": side,
                "amount": total,
            }


def _billagain_invoices(books: Sequence[Row], made: Cast) -> Iterable[Row]:
    numbers = [int(str(row["invoiceID"])) for row in _of(books, BILLAGAIN, "invoice")]
    following = max(numbers, default=0) + 1_000_001
    for invoice in _of(books, SOCOTRA, "invoice"):
        customer = made.back.get(str(invoice["accountLocator"]))
        total = cast("Decimal", invoice["totalAmount"])
        if customer is None or invoice["invoiceState"] == "discarded" or total <= 0:
            continue
        made.invoices_back[str(invoice["locator"])] = str(following)
        yield {"system": BILLAGAIN, "type": "invoice", "invoiceID": following, "customerID": int(customer), "Total": total}
        following += 1


def _of(books: Sequence[Row], system: str, kind: str) -> list[Row]:
    return [row for row in books if row["system"] == system and row["type"] == kind]


def _currencies(books: Sequence[Row]) -> dict[str, set[str]]:
    """The currencies of what each Socotra account has."""
    found: dict[str, set[str]] = {}
    for row in books:
        if row["system"] == SOCOTRA and "currency" in row and row.get("accountLocator"):
            found.setdefault(str(row["accountLocator"]), set()).add(str(row["currency"]))
    return found


def _locator(*parts: str) -> str:
    """A made-up ULID, always the same for the same parts."""
    number = int.from_bytes(hashlib.sha256("/".join(("unibill twin", *parts)).encode()).digest(), "big")
    letters: list[str] = []
    for _ in range(24):
        number, place = divmod(number, 32)
        letters.append(_CROCKFORD[place])
    return "01" + "".join(letters)


def _write(path: Path, header: Sequence[str], pairs: Mapping[str, str]) -> Path:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(sorted(pairs.items()))
    with replaced(path) as file:
        file.write(lines.getvalue().encode())
    return path
