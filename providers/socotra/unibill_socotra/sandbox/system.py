"""The Socotra sandbox as the shared server hosts it."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import ClassVar

import msgspec
from starlette.routing import BaseRoute

from unibill.sandbox.openapi import Description
from unibill.sandbox.system import SandboxSystem, Seed, Switch
from unibill_socotra.sandbox.auth import Gate
from unibill_socotra.sandbox.books import SYSTEM, Books
from unibill_socotra.sandbox.core import Core
from unibill_socotra.sandbox.described import described
from unibill_socotra.sandbox.engine import Engine
from unibill_socotra.sandbox.http import Front, Lists
from unibill_socotra.sandbox.identity import Clock, Ulids, is_uuid, system_clock
from unibill_socotra.sandbox.render import Renderer
from unibill_socotra.sandbox.routes import Operations
from unibill_socotra.sandbox.seeds.documented import seed_documented
from unibill_socotra.sandbox.seeds.generated import seed_generated
from unibill_socotra.sandbox.store import Store
from unibill_socotra.sandbox.switches import SWITCHES
from unibill_socotra.sandbox.tenant import TOKEN, Tenant, default_tenant
from unibill_socotra.sandbox.view import SocotraView


class SocotraSandbox(SandboxSystem):
    """Socotra's billing of credits and charges, stateful, on loopback.

    It rests on Socotra's published OpenAPI document and documentation pages; nothing in it was compared with the vendor's
    own servers. What the documents leave open is a switch, or the default named in the fact sheet's table.

    Args:
        database: where the records are; the owner begins and commits transactions.
        switches: name to value; see ``switches``.
        clock: gives the time of everything that requests do, in microseconds since 1970.
        tenant: the configuration, the locator of the tenant included; default: one of every kind of charge type and plan.
        tokens: bearer tokens and their permissions (``group:permission``, as ``charges:write``); None permits everything.
            Default: one token that permits everything.

    Raises:
        ValueError: an unknown switch or value, or a tenant locator that is no UUID.

    Attributes:
        engine: the billing engine behind the routes, for tests and for histories that no route can make.
    """

    name: ClassVar[str] = SYSTEM
    switches: ClassVar[tuple[Switch, ...]] = SWITCHES

    def __init__(
        self,
        database: sqlite3.Connection,
        switches: Mapping[str, str] | None = None,
        *,
        clock: Clock = system_clock,
        tenant: Tenant | None = None,
        tokens: Mapping[str, Collection[str] | None] | None = None,
    ) -> None:
        super().__init__(database, switches)
        _check_numbers(self.settings)
        self._given = tenant or default_tenant()
        if not is_uuid(self._given.locator):
            raise ValueError(f"the tenant's locator is a UUID; {self._given.locator!r} is not")
        self._tokens = {TOKEN: None} if tokens is None else dict(tokens)
        store = Store(database, Renderer(self.settings), self.settings)
        core = Core(store, Ulids(store.take_block()), clock, self.settings, self._kept(store))
        self.engine = Engine(core)
        self._gate = Gate(store, self.settings, core.tenant.locator.lower(), self._tokens)
        self._books = Books(self.engine, self._gate, self._configure)

    @classmethod
    def numbered(cls, number: int) -> Callable[[sqlite3.Connection, Mapping[str, str]], SandboxSystem]:
        """Another tenant of the same configuration; its locator ends in the number."""
        tenant = default_tenant()
        if number != 1:
            tenant = msgspec.structs.replace(tenant, locator=f"{tenant.locator[:-4]}{number:04x}")
        return lambda database, switches: cls(database, switches, tenant=tenant)

    def routes(self) -> Sequence[BaseRoute]:
        """The 46 documented operations, and a 404 for everything else."""
        front = Front(self._gate, self.engine.core.store, self.settings, self.engine.charges.tick)
        return self._operations().routes(front)

    def description(self) -> Description:
        """The 46 documented operations, for the server's OpenAPI document."""
        return described(self._operations().table(), self.engine.core.tenant.locator)

    def _operations(self) -> Operations:
        return Operations(self.engine, Lists(self.engine.core.store, self.settings), self.settings)

    def backend(self, url: str) -> dict[str, str]:
        """base_url, tenant and token for a client of the server at ``url``."""
        return {"base_url": f"{url}/{self.name}", "tenant": self.engine.core.tenant.locator, "token": next(iter(self._tokens), "")}

    def configured(self) -> dict[str, str]:
        """The tenant's charge type for credits and its reversal type, without which a client cannot write credits or undo them."""
        return {"credit_charge_type": "GoodwillCredit", "reversal_type": "migration"}

    def reset(self) -> None:
        """Empty every table, start the locators anew, and take the tenant given at the start."""
        core = self.engine.core
        core.store.clear()
        core.ids.count = core.store.take_block()
        core.tenant = self._given
        self._gate.tenant = self._given.locator.lower()

    def seed(self, seed: Seed) -> None:
        """Add records.

        Raises:
            ValueError: rows that do not fit, or a count below 1.
        """
        core = self.engine.core
        if seed.kind == "records":
            rows = [row for row in seed.records if row.get("system", self.name) == self.name]
            self._books.restore(rows)
            return
        clock = core.clock
        try:
            with core.store.atomic():
                if seed.kind == "documented":
                    seed_documented(self.engine)
                else:
                    seed_generated(self.engine, seed.count, seed.random_seed)
        finally:
            core.clock = clock

    def books(self) -> Iterator[dict[str, object]]:
        """The whole state; see ``unibill_socotra.sandbox.books``."""
        return self._books.rows()

    def view(self) -> SocotraView:
        """The tables that the server's page shows."""
        return SocotraView(self, self._books)

    def _configure(self, tenant: Tenant) -> None:
        core = self.engine.core
        core.store.set_meta("tenant", msgspec.json.encode(tenant).decode())
        core.tenant = tenant
        self._gate.tenant = tenant.locator.lower()

    def _kept(self, store: Store) -> Tenant:
        text = store.meta("tenant", "")
        return msgspec.json.decode(text, type=Tenant) if text else self._given


def _check_numbers(settings: Mapping[str, str]) -> None:
    for name in ("default-count", "max-count", "tag-max-length"):
        value = settings[name]
        if name == "tag-max-length" and value == "none":
            continue
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            raise ValueError(f"switch {name!r} of the {SYSTEM} sandbox takes a whole number from 1, not {value!r}")
