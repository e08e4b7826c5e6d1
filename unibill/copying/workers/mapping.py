"""The maps of a plan as the run keeps them, for workers that have no file of them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import insert, select

from unibill.copying.charge_maps import ChargeTypeMap, LinkKind, MappedType, PolicyMap
from unibill.copying.contents import CHARGE_TYPE, INVOICE
from unibill.copying.maps import AccountMap, InvoiceMap, MappedInvoice
from unibill.copying.options import PlanOptions
from unibill.copying.schema import accounts, maps
from unibill.copying.shapes import Check, text
from unibill.copying.store import RunStore, dumps, in_chunks
from unibill.errors import ConfigurationError
from unibill.model import CreditKind, Invoicing, Status

K = TypeVar("K")
V = TypeVar("V")
_INVOICE: Final = "invoice"
_CHARGE_TYPE: Final = "charge type"
_POLICY: Final = "policy"


def refuse_functions(options: PlanOptions) -> None:
    """Refuse maps that a worker could not ask.

    Raises:
        ConfigurationError: one is a function.
    """
    if any(
        known is not None and known.find is not None
        for known in (options.accounts, options.invoices, options.charge_types, options.policies)
    ):
        raise ConfigurationError("workers cannot ask a function: give every map as pairs or as a file")


def keep_maps(store: RunStore, options: PlanOptions) -> None:
    """Keep what a worker has to look up, besides the accounts."""
    _keep(store, _INVOICE, ((source, [to.id, to.number]) for source, to in (options.invoices or InvoiceMap()).pairs.items()))
    types = (options.charge_types or ChargeTypeMap()).pairs.items()
    _keep(store, _CHARGE_TYPE, ((source, [to.name, None if to.invoicing is None else to.invoicing.value]) for source, to in types))
    policies = (options.policies or PolicyMap()).pairs.items()
    _keep(store, _POLICY, ((_of_policy(key), to) for key, to in policies))


def _keep(store: RunStore, kind: str, pairs: Iterator[tuple[str, object]]) -> None:
    for chunk in in_chunks(pairs):
        with store.transaction() as connection:
            connection.execute(insert(maps), [{"kind": kind, "source": source, "target": dumps(target)} for source, target in chunk])


def _of_policy(key: tuple[LinkKind, str]) -> str:
    return f"{key[0].value} {key[1]}"


class _Kept(Mapping[K, V], Generic[K, V]):
    """A map that is looked up in the run, a source at a time."""

    def __init__(self, store: RunStore, kind: str, check: Check, key: Callable[[K], str], value: Callable[[Any], V]) -> None:
        self._store = store
        self._kind = kind
        self._check = check
        self._key = key
        self._value = value

    def __getitem__(self, source: K) -> V:
        """What a source becomes."""
        found = self._store.rows(select(maps.c.target).where(maps.c.kind == self._kind, maps.c.source == self._key(source)))
        if not found:
            raise KeyError(source)
        target = found[0]["target"]
        with self._store.whole(f"maps {self._kind} {self._key(source)}, target"):
            self._check(target)
        return self._value(target)

    def __iter__(self) -> Iterator[K]:
        raise NotImplementedError("it is asked for one source at a time")

    def __len__(self) -> int:
        raise NotImplementedError("it is asked for one source at a time")


class _Accounts(Mapping[str, str]):
    """The map of accounts as the run keeps it."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def __getitem__(self, source: str) -> str:
        """The target of one."""
        found = self._store.rows(select(accounts.c.target).where(accounts.c.source == source, accounts.c.target.is_not(None)))
        if not found:
            raise KeyError(source)
        return str(found[0]["target"])

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError("it is asked for one account at a time")

    def __len__(self) -> int:
        raise NotImplementedError("it is asked for one account at a time")


def kept_options(store: RunStore) -> PlanOptions:
    """The options of a plan, from what the run keeps of them."""
    raw = store.need("options")

    def some(name: str) -> frozenset[str] | None:
        return None if raw[name] is None else frozenset(raw[name])

    def day(name: str) -> date | None:
        return None if raw[name] is None else date.fromisoformat(raw[name])

    invoices = _Kept[str, MappedInvoice](store, _INVOICE, INVOICE, str, lambda to: MappedInvoice(*to))
    types = _Kept[str, MappedType](
        store, _CHARGE_TYPE, CHARGE_TYPE, str, lambda to: MappedType(to[0], None if to[1] is None else Invoicing(to[1]))
    )
    policies = _Kept[tuple[LinkKind, str], str](store, _POLICY, text, _of_policy, str)
    return PlanOptions(
        accounts=AccountMap(_Accounts(store)),
        carry=raw["carry"],
        invoices=None if raw["invoices"] is None else InvoiceMap(invoices),
        include=frozenset(raw["include"]),
        only_accounts=some("only_accounts"),
        currencies=some("currencies"),
        statuses=None if raw["statuses"] is None else frozenset(map(Status, raw["statuses"])),
        kinds=None if raw["kinds"] is None else frozenset(map(CreditKind, raw["kinds"])),
        since=day("since"),
        until=day("until"),
        ids=some("ids"),
        look_alikes=raw["look_alikes"],
        allow_card_numbers=raw["allow_card_numbers"],
        accept_plans=frozenset(raw["accept_plans"]),
        same_account_ids=raw["same_account_ids"],
        charge_types=None if raw["charge_types"] is None else ChargeTypeMap(types),
        same_charge_types=raw["same_charge_types"],
        policies=None if raw["policies"] is None else PolicyMap(policies),
        credit_charges=raw["credit_charges"],
        invoiced_charges=raw["invoiced_charges"],
    )
