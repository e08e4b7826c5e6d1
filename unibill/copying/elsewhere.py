"""Copies that earlier runs have made in accounts that this run's map does not name: they would be made a second time."""

from collections.abc import Iterator

from sqlalchemy import select

from unibill import marks
from unibill.capabilities import Grade, Operation
from unibill.copying import reading
from unibill.copying.schema import snapshot, targets
from unibill.copying.store import RunStore, in_chunks
from unibill.facade import Billing
from unibill.model import Credit


def look(target: Billing, store: RunStore) -> list[str]:
    """Photograph the copies of the source that stand in other accounts, where one list of the target has every credit.

    Such a copy is a conflict for its record, as any copy in another account is.

    Args:
        target: is read, if it has such a list.
        store: the run, with the target's accounts read already.

    Returns:
        What a person should know where there is no such list, and earlier runs have copied from the source.
    """
    identity = str(store.need("source_identity"))
    if target.capabilities.of(Operation.CREDITS_LIST).grade is not Grade.NATIVE:
        return _warned(target.name, store, identity)
    for chunk in in_chunks(_elsewhere(target, store, identity)):
        rows = [reading.photograph(credit.account_id or "", credit) for credit in chunk]
        with store.transaction() as connection:
            store.database.insert_new(connection, snapshot, rows)
    return []


def _elsewhere(target: Billing, store: RunStore, identity: str) -> Iterator[Credit]:
    own = (
        credit for credit in target.credits.list(include_reversed=True) if credit.mark is not None and marks.names(credit.mark, identity)
    )
    for chunk in in_chunks(own):
        named = select(targets.c.account).where(targets.c.account.in_({credit.account_id for credit in chunk}))
        known = {row["account"] for row in store.rows(named)}
        yield from (credit for credit in chunk if credit.account_id not in known)


def _warned(name: str, store: RunStore, identity: str) -> list[str]:
    own = snapshot.c.mark.startswith(f"{marks.PREFIX}{marks.origin(identity)}-", autoescape=True)
    if not store.rows(select(snapshot.c.id).where(own).limit(1)):
        return []
    what = f"an earlier run has copied from this source, and {name} cannot be asked for marks in all accounts"
    return [f"{what}: if an earlier map sent an account elsewhere, name that target account in the map too, or its credits are made again"]
