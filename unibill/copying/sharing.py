"""Allocations of several accounts' credits to one invoice: the invoice can belong to one account only, so none of them is carried.

BillAgain's own samples name invoice 11343 in credits of two customers. At the target the invoice stands on one account; an
allocation from the other one would be refused after its credit was made, and what was spent would be spendable again. Nobody can say
which of the credits is right, so the allocations stay behind, and the amounts are lower by them.
"""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import distinct, func, literal, select, update

from unibill import money
from unibill.copying import carry
from unibill.copying.carry import Dropped
from unibill.copying.compact import Losses, allocation, draft_of, draft_text
from unibill.copying.decisions import Decision
from unibill.copying.hashing import amount_key
from unibill.copying.prepared import Row
from unibill.copying.schema import records
from unibill.copying.store import RunStore, dumps

_BATCH: Final = 200


def shared_invoices(store: RunStore) -> dict[str, tuple[str, ...]]:
    """The target's invoices that planned copies of more than one target account would be spent on, each with the source accounts."""
    read = store.database
    item = read.items(records.c.draft, "allocations")
    by_id, by_number = (literal(name).concat(read.field(item.c.value, f"target_{name.strip()}")) for name in ("id ", "number "))
    invoice = func.coalesce(by_id, by_number)
    planned = records.c.decision == Decision.CREATE
    joined = select(invoice.label("invoice"), records.c.source_account, records.c.target_account).select_from(records).join(item, planned)
    edges = joined.where(planned, records.c.draft.is_not(None)).distinct().subquery()
    several = select(edges.c.invoice).group_by(edges.c.invoice).having(func.count(distinct(edges.c.target_account)) > 1).subquery()
    query = select(edges.c.invoice, edges.c.source_account).join_from(edges, several, several.c.invoice == edges.c.invoice).distinct()
    found: dict[str, set[str]] = {}
    for row in store.stream(query, edges.c.invoice, edges.c.source_account):
        found.setdefault(row["invoice"], set()).add(row["source_account"])
    return {invoice: tuple(sorted(accounts)) for invoice, accounts in found.items()}


def invoice_key(item: dict[str, Any]) -> str:
    """The same name for an invoice of the target that ``shared_invoices`` gives it."""
    return f"id {item['target_id']}" if item.get("target_id") is not None else f"number {item['target_number']}"


def reduced(row: Row, shared: dict[str, tuple[str, ...]], kept_losses: Losses) -> dict[str, Any] | None:
    """The changed columns of a planned record without its allocations to shared invoices; None where it has none.

    Losses that speak of single allocations go too: what a place in the list means has changed.
    """
    draft = draft_of(row)
    kept = [item for item in draft["allocations"] if invoice_key(item) not in shared]
    gone = [item for item in draft["allocations"] if invoice_key(item) in shared]
    if not gone:
        return None
    dropped = [Dropped(item["source"], Decimal(item["amount"]), row["currency"], _reason(shared[invoice_key(item)])) for item in gone]
    earlier = row["dropped"]
    amount = money.subtract(Decimal(draft["amount"]), money.add([item.amount for item in dropped]))
    if not amount:
        known = [Dropped(item["target"], Decimal(item["amount"]), item["currency"], item["reason"]) for item in earlier]
        ruling = carry.nothing_left((*known, *dropped))
        return {
            "decision": ruling.decision,
            "code": ruling.code,
            "reason": ruling.reason,
            "carried": None,
            "draft": None,
            "dropped": "[]",
            "losses": "[]",
        }
    losses = [loss for loss in kept_losses.told(row["losses"]) if not loss["field"].startswith("allocations")]
    carried = amount_key(amount)
    allocations = [allocation(Decimal(item["amount"]), item["target_id"], item["target_number"], item["source"]) for item in kept]
    return {
        "carried": carried,
        "draft": draft_text({**draft, "amount": amount, "allocations": allocations}, {**row, "carried": carried}),
        "dropped": dumps([*earlier, *(item.values() for item in dropped)]),
        "losses": kept_losses.text(losses),
    }


def _reason(accounts: tuple[str, ...]) -> str:
    return f"credits of accounts {', '.join(accounts[:5])} name this invoice, which can belong to one account only"


def leave_behind(store: RunStore) -> None:
    """Take allocations to shared invoices out of the planned copies."""
    known = store.get("shared_invoices")
    if known is None:
        # Kept, because whoever goes on after a crash could not tell any more: what was taken out already is not shared.
        known = shared_invoices(store)
        store.put(shared_invoices=known)
    shared = {invoice: tuple(accounts) for invoice, accounts in known.items()}
    if not shared:
        return
    query = select(records).where(records.c.decision == Decision.CREATE, records.c.draft.is_not(None))
    batch: list[tuple[int, dict[str, Any]]] = []
    losses = Losses(store)
    for row in store.stream(query, records.c.seq):
        if (changed := reduced(row, shared, losses)) is not None:
            batch.append((row["seq"], changed))
        if len(batch) >= _BATCH:
            _write(store, batch)
            batch = []
    _write(store, batch)


def _write(store: RunStore, batch: list[tuple[int, dict[str, Any]]]) -> None:
    with store.transaction() as connection:
        for seq, values in batch:
            connection.execute(update(records).where(records.c.seq == seq).values(**values))
