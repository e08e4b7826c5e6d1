"""The books: the whole state as rows, and rows put back.

A row is ``{"system": "socotra", "type": …, …the record}``. Beside the records there are rows of type ``tenant`` (the
configuration), ``token``, ``ledgerLine``, ``counter`` (the last number of a series) and ``queuedCharges``.

Rows of type ``action`` are never in the books but can be seeded: they make the engine do what no route of this API does.
``{"type": "action", "action": "invoice-run", "accountLocator": …, "currency": …}`` invoices what waits for the next invoice;
``queue-run`` invoices queued immediate charges; ``disburse`` (accountLocator, amount, currency, state) pays out;
``handle-excess`` (accountLocator, currency) pays out what the account's plan pays out; ``payment-state`` (locator, state)
moves a payment where no money moves.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, cast

import msgspec

from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.auth import Gate
from unibill_socotra.sandbox.engine import Engine
from unibill_socotra.sandbox.errors import Declined
from unibill_socotra.sandbox.identity import micros_of
from unibill_socotra.sandbox.ledger import LedgerLine
from unibill_socotra.sandbox.render import CREDIT_KINDS, credit_type
from unibill_socotra.sandbox.tenant import USER, Tenant

SYSTEM: Final = "socotra"
Row = dict[str, object]

_CREDIT_ROWS: Final[dict[str, type[r.Record]]] = {
    "payment": r.Payment,
    "subpayment": r.Payment,
    "creditDistribution": r.Distribution,
    "writeOff": r.WriteOff,
    "shortfallWriteOff": r.Shortfall,
    "disbursement": r.Disbursement,
}
_RECORD_ROWS: Final[dict[str, type[r.Record]]] = {
    **{kind.kind: kind for kind in r.KINDS if kind not in CREDIT_KINDS},
    **_CREDIT_ROWS,
}
_COUNTER: Final = "number "


class Books:
    """Writes and reads the books of one sandbox.

    Args:
        engine: the records.
        gate: the tokens.
        configure: puts a tenant's configuration in force.
    """

    def __init__(self, engine: Engine, gate: Gate, configure: Callable[[Tenant], None]) -> None:
        self._engine = engine
        self._store = engine.core.store
        self._gate = gate
        self._configure = configure

    def rows(self) -> Iterator[Row]:
        """Every row."""
        core = self._engine.core
        yield {"system": SYSTEM, "type": "tenant", **_plain(core.tenant)}
        for token, permissions in self._gate.added():
            yield {"system": SYSTEM, "type": "token", "token": token, "permissions": permissions}
        for kind in r.KINDS:
            yield from map(self.row, self._store.all(kind))
        yield from map(line_row, core.ledger.lines())
        database = self._store.database
        for countdown, charges in database.execute("SELECT countdown, charges FROM socotra_queue ORDER BY number").fetchall():
            yield {"system": SYSTEM, "type": "queuedCharges", "countdown": countdown, "charges": json.loads(charges)}
        counters = database.execute("SELECT name, value FROM socotra_meta WHERE name LIKE 'number %' ORDER BY name").fetchall()
        for name, value in counters:
            yield {"system": SYSTEM, "type": "counter", "name": name.removeprefix(_COUNTER), "value": int(value)}

    def row(self, record: r.Record) -> Row:
        """One record as the books write it."""
        name = credit_type(record) if isinstance(record, CREDIT_KINDS) else record.kind
        row: Row = {"system": SYSTEM, "type": name, **_plain(record)}
        if isinstance(record, r.Account):
            row["balances"] = self._engine.core.ledger.balances(record.locator)
        return row

    def restore(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Put rows back, all or none.

        Raises:
            ValueError: a row that does not fit; the message says which and why.
        """
        with self._store.atomic():
            for number, row in enumerate(rows):
                try:
                    self._put(row)
                except (Declined, msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
                    raise ValueError(f"row {number} ({row.get('type')}): {error}") from error

    def _put(self, row: Mapping[str, object]) -> None:
        name = str(row.get("type"))
        kind = _RECORD_ROWS.get(name)
        if kind is not None:
            self._put_record(kind, row)
        elif name == "tenant":
            self._configure(msgspec.convert(dict(row), Tenant))
        elif name == "token":
            token = msgspec.convert(row, _TokenRow)
            self._gate.add(token.token, token.permissions)
        elif name == "ledgerLine":
            self._engine.core.ledger.restore([_ledger_line(msgspec.convert(row, _LedgerRow))])
        elif name == "counter":
            counter = msgspec.convert(row, _CounterRow)
            self._store.set_meta(_COUNTER + counter.name, str(counter.value))
        elif name == "queuedCharges":
            queued = msgspec.convert(row, _QueueRow)
            values = (queued.countdown, json.dumps(queued.charges))
            self._store.database.execute("INSERT INTO socotra_queue VALUES (NULL, ?, ?)", values)
        elif name == "action":
            self._act(str(row.get("action")), row)
        else:
            known = ", ".join(sorted([*_RECORD_ROWS, "tenant", "token", "ledgerLine", "counter", "queuedCharges", "action"]))
            raise ValueError(f"unknown type; there are: {known}")

    def _put_record(self, kind: type[r.Record], row: Mapping[str, object]) -> None:
        values = dict(row)
        if kind is r.Account and "accountNumber" not in values:
            values["accountNumber"] = f"ACC-{self._store.number('account'):06d}"
        if kind is r.Account:
            values = {"accountType": "ConsumerAccount", "createdAt": self._engine.core.now()[1], "createdBy": USER, **values}
        record = msgspec.convert(values, kind)
        for field in ("createdAt", "generatedTime"):
            if isinstance(values.get(field), str):
                micros_of(cast("str", values[field]))
        self._store.put(record)

    def _act(self, action: str, row: Mapping[str, object]) -> None:
        engine = self._engine
        if action == "queue-run":
            engine.charges.run_queue()
        elif action == "payment-state":
            wanted = msgspec.convert(row, _PaymentState)
            engine.payments.move(wanted.locator, wanted.state)
        elif action == "invoice-run":
            place = msgspec.convert(row, _Place)
            engine.charges.invoice_waiting(place.account_locator, place.currency)
        elif action == "handle-excess":
            place = msgspec.convert(row, _Place)
            engine.disbursements.handle_excess(place.account_locator, place.currency)
        elif action == "disburse":
            out = msgspec.convert(row, _PayOut)
            engine.disbursements.pay_out(out.account_locator, out.amount, out.currency, out.state)
        else:
            raise ValueError("unknown action; there are: disburse, handle-excess, invoice-run, payment-state, queue-run")


def line_row(line: LedgerLine) -> Row:
    """A ledger line as the books write it."""
    return {
        "system": SYSTEM,
        "type": "ledgerLine",
        "number": line.number,
        "faTransactionLocator": line.transaction_locator,
        "faTransactionTime": line.time,
        "faTransactionNote": line.note,
        "referenceType": line.reference_type,
        "referenceLocator": line.reference_locator,
        "currency": line.currency,
        "accountingType": line.side,
        "amount": line.amount,
    }


class _Row(msgspec.Struct, rename="camel", kw_only=True):
    """What a row of one type holds beside its system and type."""


class _TokenRow(_Row):
    token: str
    permissions: list[str] | None = None


class _CounterRow(_Row):
    name: str
    value: int


class _QueueRow(_Row):
    countdown: int
    charges: list[str]


class _LedgerRow(_Row):
    fa_transaction_locator: str
    fa_transaction_time: str
    fa_transaction_note: str
    reference_type: r.ReferenceType
    reference_locator: str
    currency: str
    accounting_type: r.Side
    amount: Decimal


class _PaymentState(_Row):
    locator: str
    state: r.PaymentState


class _Place(_Row):
    account_locator: str
    currency: str


class _PayOut(_Place):
    amount: Decimal
    state: r.DisbursementState = "executed"


def _plain(record: msgspec.Struct) -> Row:
    return cast("Row", msgspec.to_builtins(record, builtin_types=(Decimal,)))


def _ledger_line(row: _LedgerRow) -> LedgerLine:
    return LedgerLine(
        number=0,
        transaction_locator=row.fa_transaction_locator,
        time=row.fa_transaction_time,
        note=row.fa_transaction_note,
        reference_type=row.reference_type,
        reference_locator=row.reference_locator,
        currency=row.currency,
        side=row.accounting_type,
        amount=row.amount,
    )
