"""Bearer tokens, the tenant they open, and the permissions they carry."""

from collections.abc import Collection, Mapping, Sequence

from unibill import exactjson
from unibill_socotra.sandbox.store import Store


class Turned(Exception):
    """A caller is turned away.

    Attributes:
        status: of the answer.
        message: why, in one sentence.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Gate:
    """Knows the tokens of one tenant.

    Args:
        store: keeps the tokens that seeds bring.
        settings: the switches.
        tenant: the UUID that the tokens open.
        tokens: token to permissions (``group:permission``, as ``charges:write``); None permits everything.
    """

    def __init__(self, store: Store, settings: Mapping[str, str], tenant: str, tokens: Mapping[str, Collection[str] | None]) -> None:
        self._store = store
        self._settings = settings
        self._tokens = tokens
        self.tenant = tenant

    def add(self, token: str, permissions: Sequence[str] | None) -> None:
        """Keep a token with limited permissions; None permits everything."""
        text = exactjson.dumps(None if permissions is None else list(permissions)).decode()
        self._store.database.execute("INSERT OR REPLACE INTO socotra_token VALUES (?, ?)", (token, text))

    def added(self) -> list[tuple[str, object]]:
        """The tokens that seeds brought, with their permissions."""
        rows = self._store.database.execute("SELECT token, permissions FROM socotra_token ORDER BY token").fetchall()
        return [(token, exactjson.loads(permissions)) for token, permissions in rows]

    def admit(self, header: str | None, tenant: str, group: str, permissions: Sequence[str]) -> None:
        """Let a caller in.

        Raises:
            Turned: no or a wrong token, another tenant, or a permission that the token lacks.
        """
        scheme, _, token = (header or "").partition(" ")
        known = self._permissions(token.strip() if scheme.lower() == "bearer" else "")
        if tenant.lower() != self.tenant:
            raise Turned(int(self._settings["wrong-tenant"]), f"the token does not open tenant {tenant}")
        if known is None:
            return
        for permission in permissions:
            if f"{group}:{permission}" not in known:
                raise Turned(int(self._settings["missing-permission"]), f"the token lacks the permission {group}:{permission}")

    def _permissions(self, token: str) -> Collection[str] | None:
        """The token's permissions; None for all of them."""
        if token in self._tokens:
            return self._tokens[token]
        row = self._store.database.execute("SELECT permissions FROM socotra_token WHERE token = ?", (token,)).fetchone()
        if row is None:
            raise Turned(int(self._settings["auth-failure"]), "the bearer token is missing or not valid")
        permissions = exactjson.loads(row[0])
        return [str(part) for part in permissions] if isinstance(permissions, list) else None
