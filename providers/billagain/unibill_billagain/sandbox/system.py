"""BillAgain, as a system of the sandbox server."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from starlette.routing import BaseRoute

from unibill.sandbox.openapi import Description
from unibill.sandbox.system import SandboxSystem, Seed, Switch
from unibill_billagain.sandbox import documented
from unibill_billagain.sandbox.books import SYSTEM, Restorer, rows
from unibill_billagain.sandbox.described import DESCRIPTION
from unibill_billagain.sandbox.generator import Generator
from unibill_billagain.sandbox.render import Renderer
from unibill_billagain.sandbox.routes import Api
from unibill_billagain.sandbox.store import Store
from unibill_billagain.sandbox.switches import SWITCHES
from unibill_billagain.sandbox.view import BillAgainView

_ACCOUNT: Final = 1042


class BillAgainSandbox(SandboxSystem):
    """Credit notes with their allocations, and the customers and invoices around them, of one BillAgain account.

    It rests on the vendor's developer pages (credits, authentication, pagination, errors, customers, invoices). What these
    leave open is answered by ``switches``; nothing here was compared with the vendor's own server.

    Args:
        database: where the tables are.
        switches: see ``SWITCHES``.
        account: the user name of HTTP Basic, a number.
        api_key: its password.

    Raises:
        ValueError: an unknown switch or value.
    """

    name: ClassVar[str] = SYSTEM
    switches: ClassVar[tuple[Switch, ...]] = SWITCHES

    def __init__(
        self,
        database: sqlite3.Connection,
        switches: Mapping[str, str] | None = None,
        *,
        account: str = str(_ACCOUNT),
        api_key: str = "sandbox-key",
    ) -> None:
        super().__init__(database, switches)
        self._account = account
        self._api_key = api_key
        self._renderer = Renderer(self.settings)
        self._store = Store(database, self._renderer.credit, self._renderer.form)
        self._api = Api(self.settings, self._store, self._renderer, account, api_key)

    @classmethod
    def numbered(cls, number: int) -> Callable[[sqlite3.Connection, Mapping[str, str]], SandboxSystem]:
        """Another account."""
        return lambda database, switches: cls(database, switches, account=str(_ACCOUNT + number - 1))

    def routes(self) -> Sequence[BaseRoute]:
        """The six operations of credits, the reading ones of customers and invoices, and an answer for all else."""
        return self._api.routes()

    def backend(self, url: str) -> dict[str, str]:
        """``base_url`` (ends in /v1), ``account`` and ``api_key``."""
        return {"base_url": f"{url}/{self.name}/v1", "account": self._account, "api_key": self._api_key}

    def description(self) -> Description:
        """Every route, for the server's OpenAPI document."""
        return DESCRIPTION

    def reset(self) -> None:
        """Empty every table and start the ids anew."""
        self._store.clear()

    def seed(self, seed: Seed) -> None:
        """Add records; see the modules ``documented``, ``generator`` and ``books``. Those of the documents can be added once.

        Raises:
            ValueError: rows that cannot be used, or records that are there already.
        """
        self._store.forget_pages()
        try:
            if seed.kind == "documented":
                self._seed_documented()
            elif seed.kind == "generated":
                Generator(self._store, seed.random_seed).run(seed.count)
            else:
                opening_balances = self.settings["opening-balance-allocations"] == "on"
                Restorer(self._store, opening_balances=opening_balances).restore(seed.records)
        except sqlite3.IntegrityError as error:
            raise ValueError(f"a record of the seed is there already: {error}") from error

    def _seed_documented(self) -> None:
        for customer in documented.CUSTOMERS:
            self._store.add_customer(customer)
        for invoice in documented.INVOICES:
            self._store.add_invoice(invoice)
        made_by_itself = () if self.settings["system-credits"] == "off" else documented.SYSTEM_CREDITS
        for credit in (*documented.CREDITS, *made_by_itself):
            self._store.write_credit(credit)

    def books(self) -> Iterator[dict[str, object]]:
        """Every customer, invoice and credit; see ``books.rows``."""
        return rows(self._store, self._renderer)

    def view(self) -> BillAgainView:
        """The tables that the server's page shows."""
        return BillAgainView(self, self._store, self._renderer, self._account)
