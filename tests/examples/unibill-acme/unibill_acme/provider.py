"""The provider: composes the api and the mapping."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from unibill import wire
from unibill.drafts import CreditDraft, faults_of_text
from unibill.errors import Fault
from unibill.flow import Done, Flow, Step
from unibill.losses import Loss
from unibill.model import Credit
from unibill.native import AsyncNative, AsyncRunner, Native, Runner, awaitable, blocking
from unibill.provider import At, CreditQuery, Endpoint, Page, Provider
from unibill.scanning import scan

from unibill_acme import mapping
from unibill_acme.api import AcmeApi
from unibill_acme.capabilities import CAPABILITIES
from unibill_acme.settings import AcmeSettings

if TYPE_CHECKING:
    from unibill_acme.sandbox import AcmeSandbox


class AcmeNative(Native[AcmeApi]):
    """Acme's own operations, blocking."""

    list_credits = blocking(AcmeApi.list_credits)
    get_credit = blocking(AcmeApi.get_credit)
    create_credit = blocking(AcmeApi.create_credit)
    void_credit = blocking(AcmeApi.void_credit)


class AsyncAcmeNative(AsyncNative[AcmeApi]):
    """Acme's own operations, awaitable."""

    list_credits = awaitable(AcmeApi.list_credits)
    get_credit = awaitable(AcmeApi.get_credit)
    create_credit = awaitable(AcmeApi.create_credit)
    void_credit = awaitable(AcmeApi.void_credit)


class AcmeProvider(Provider[AcmeSettings]):
    """Credits of Acme."""

    name = "acme"
    title = "Acme"
    capabilities = CAPABILITIES
    Settings = AcmeSettings
    api = AcmeApi()

    @classmethod
    def sandbox(cls) -> "type[AcmeSandbox]":
        """The local sandbox; imported here, since an app does not install what it needs."""
        from unibill_acme.sandbox import AcmeSandbox

        return AcmeSandbox

    def endpoint(self) -> Endpoint:
        """With the api key as a bearer token."""
        key = self.settings.api_key.get_secret_value()
        return Endpoint(self.settings.base_url, {"authorization": f"Bearer {key}"}, (key,))

    def identity(self) -> str:
        """The host; an api key belongs to one company there, which Acme does not name."""
        return f"acme:{urlsplit(self.settings.base_url).netloc}"

    def native(self, run: Runner) -> AcmeNative:
        """Acme's own operations."""
        return AcmeNative(self.api, run)

    def async_native(self, run: AsyncRunner) -> AsyncAcmeNative:
        """Acme's own operations, awaitable."""
        return AsyncAcmeNative(self.api, run)

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        """One page; Acme's cursor is the place of the next."""
        cursor = None if at is None else str(at)
        answer = yield from self.api.list_credits(query.account, query.include_reversed, cursor, self.settings.page_size)
        return Page([mapping.credit(wire) for wire in answer.credits], answer.next_cursor)

    def get_credit(self, credit_id: str, account: str | None) -> Flow[Credit]:
        """Acme finds a credit without its account."""
        del account
        return mapping.credit((yield from self.api.get_credit(credit_id)))

    def vendor_record(self, credit: Credit) -> Flow[Mapping[str, object]]:
        """The credit as Acme has it."""
        found: Mapping[str, object] = wire.plain((yield from self.api.get_credit(credit.id)))
        return found

    def find_marked(self, account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
        """Reads the account's credits, page by page, for those that carry one of the marks; an error where the pages do not end."""
        query = CreditQuery(account, include_reversed=True)
        return scan("find credits", lambda at: self.list_credits(query, at), lambda credit: credit.mark in marks)

    def faults_of_credit(self, draft: CreditDraft, mark: str | None) -> list[Fault]:
        """Acme's text is short, and the mark takes a part of it."""
        return faults_of_text("$.memo", mapping.text(draft, mark), most=mapping.TEXT_LIMIT)

    def losses_of_credit(self, draft: CreditDraft, mark: str | None) -> tuple[Loss, ...]:
        """The day, if one is given."""
        del mark
        return mapping.losses(draft)

    def vendor_draft(self, draft: CreditDraft, mark: str | None) -> Mapping[str, object]:
        """The body of the POST."""
        return mapping.body(draft, mark)

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        """One request; a credit that an earlier try made is read again."""
        if "create" in done:
            return mapping.credit((yield from self.api.get_credit(str(done["create"]["id"]))))
        yield Step("create", done=False)
        made = yield from self.api.create_credit(mapping.body(draft, mark))
        yield Step("create", done=True, data={"id": made.id})
        return mapping.credit(made)

    def void(self, credit: Credit, done: Done) -> Flow[None]:
        """One request."""
        if "void" not in done:
            yield Step("void", done=False)
            yield from self.api.void_credit(credit.id)
            yield Step("void", done=True)
