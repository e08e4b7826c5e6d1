"""The boundary: what a provider does not implement is refused before anything is sent; native operations are driven as they are."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

import pytest

import unibill
from tests.support.server import Reply, Server
from unibill.capabilities import Capabilities, Capability, Grade, Operation
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import UnsupportedOperation
from unibill.events import RequestSettled
from unibill.flow import Flow, Request, exchange
from unibill.hookspecs import hookimpl
from unibill.model import Credit, CreditKind, Direction, Invoicing, Status
from unibill.native import AsyncNative, AsyncRunner, Native, Runner, awaitable, blocking
from unibill.provider import BackendSettings, ChargeQuery, CreditQuery, Endpoint, Provider


class Api:
    """One vendor operation."""

    def echo(self, word: str, *, times: int = 1) -> Flow[bytes]:
        """Say a word."""
        answer = yield from exchange(Request("echo", "GET", "/echo", (("word", word), ("times", str(times)))))
        return answer.body


class EchoNative(Native[Api]):
    echo = blocking(Api.echo)


class AsyncEchoNative(AsyncNative[Api]):
    echo = awaitable(Api.echo)


class BareSettings(BackendSettings):
    provider_name: ClassVar[str] = "bare"


class Bare(Provider[BareSettings]):
    """Implements nothing that it need not."""

    name = "bare"
    title = "Bare"
    Settings = BareSettings
    capabilities = Capabilities({Operation.CREDITS_VOID: Capability(Grade.NOT_IMPLEMENTED, note="later", instead="patience")})

    def endpoint(self) -> Endpoint:
        return Endpoint(self.settings.base_url, {}, ())

    def identity(self) -> str:
        return "bare"


class Echoing(Bare):
    def native(self, run: Runner) -> EchoNative:
        return EchoNative(Api(), run)

    def async_native(self, run: AsyncRunner) -> AsyncEchoNative:
        return AsyncEchoNative(Api(), run)


CREDIT = Credit(
    id="1",
    provider="bare",
    account_id=None,
    kind=CreditKind.CREDIT_NOTE,
    direction=Direction.TO_ACCOUNT,
    status=Status.OPEN,
    remote_status="",
    currency="USD",
    amount=Decimal(1),
)
DRAFT = CreditDraft(account_id="1", currency="USD", amount=Decimal(1))
T = TypeVar("T")


def not_run(flow: Flow[T], /) -> T:
    raise AssertionError(f"{flow} was driven")


CALLS: dict[str, Callable[[Provider[Any]], object]] = {
    "credits.list": lambda p: p.list_credits(CreditQuery(), None),
    "credits.list(account=)": lambda p: p.list_credits(CreditQuery(account="1"), None),
    "credits.list(invoice=)": lambda p: p.list_credits(CreditQuery(invoice="1"), None),
    "credits.get": lambda p: p.get_credit("1", None),
    "credits.find": lambda p: p.find_marked(None, []),
    "credits.create": lambda p: p.create_credit(DRAFT, None, {}),
    "credits.allocate": lambda p: p.allocate(CREDIT, [AllocationDraft(amount=Decimal(1), target_id="1")], {}),
    "credits.deallocate": lambda p: p.deallocate(CREDIT, ["1"], {}),
    "credits.void": lambda p: p.void(CREDIT, {}),
    "charges.list(account=)": lambda p: p.list_charges(ChargeQuery(account="1"), None),
    "charges.list(policy=)": lambda p: p.list_charges(ChargeQuery(policy="1"), None),
    "charges.list(transaction=)": lambda p: p.list_charges(ChargeQuery(transaction="1"), None),
    "charges.add": lambda p: p.add_charges([ChargeDraft(account_id="1", currency="USD", amount=Decimal(1))], {}),
    "charges.reverse": lambda p: p.reverse_charges("1", ["1"], Invoicing.NEXT, {}),
    "accounts.get": lambda p: p.account_state("1"),
    "native": lambda p: p.native(not_run),
}


@pytest.mark.parametrize("operation", CALLS)
def test_what_a_provider_does_not_implement_refuses_when_it_is_called(operation: str) -> None:
    with pytest.raises(UnsupportedOperation) as refused:
        CALLS[operation](Bare(BareSettings(base_url="https://a.example")))

    assert (refused.value.backend, refused.value.operation) == ("bare", operation)


def test_the_refusal_says_what_the_capabilities_say() -> None:
    with pytest.raises(UnsupportedOperation, match="cannot do credits.void: later; instead: patience"):
        CALLS["credits.void"](Bare(BareSettings(base_url="https://a.example")))


def test_a_refusal_of_what_the_capabilities_promise_blames_the_provider() -> None:
    class Promising(Bare):
        capabilities = Capabilities({Operation.CREDITS_VOID: Capability(Grade.EMULATED, note="in two steps")})

    with pytest.raises(
        UnsupportedOperation, match="cannot do credits.void: it is declared as emulated, but Promising does not implement it$"
    ):
        CALLS["credits.void"](Promising(BareSettings(base_url="https://a.example")))


def test_what_need_not_be_implemented_has_an_answer_that_claims_nothing() -> None:
    bare = Bare(BareSettings(base_url="https://a.example"))

    assert bare.credit_pages(CreditQuery()) is None
    assert bare.charge_pages(ChargeQuery(account="1")) is None
    assert bare.faults_of_credit(DRAFT, None) == []
    assert bare.faults_of_charge(ChargeDraft(account_id="1", currency="USD", amount=Decimal(1)), "$") == []
    assert bare.losses_of_credit(DRAFT, None) == ()
    assert bare.done_from(CREDIT) == {}
    assert Bare.sandbox() is None
    assert bare.clock().tzinfo is not None


class Listening:
    def __init__(self) -> None:
        self.heard: list[RequestSettled] = []

    @hookimpl
    def unibill_request_settled(self, event: RequestSettled) -> None:
        self.heard.append(event)


def test_native_operations_are_driven_with_their_own_arguments_and_observed(server: Server) -> None:
    listening = Listening()
    server.script(Reply(body=b"hello"))
    with unibill.connect(Echoing(BareSettings(base_url=server.url)), name="main", observers=[listening]) as billing:
        native: EchoNative = billing.native
        assert native.echo("hi", times=2) == b"hello"

    assert server.seen[0].target == "/echo?word=hi&times=2"
    assert [(event.backend, event.operation, event.status) for event in listening.heard] == [("main", "echo", 200)]
    assert EchoNative.echo.__doc__ == "Say a word."


def test_native_operations_are_awaited_with_their_own_arguments(server: Server) -> None:
    server.script(Reply(body=b"hello"))

    async def work() -> bytes:
        async with unibill.aconnect(Echoing(BareSettings(base_url=server.url))) as billing:
            native: AsyncEchoNative = billing.native
            return await native.echo("hi", times=2)

    assert asyncio.run(work()) == b"hello"
    assert server.seen[0].target == "/echo?word=hi&times=2"


def test_a_backend_without_native_operations_says_so_in_both_facades() -> None:
    with unibill.connect(Bare(BareSettings(base_url="https://a.example"))) as billing, pytest.raises(UnsupportedOperation, match="native"):
        _ = billing.native

    async def work() -> None:
        async with unibill.aconnect(Bare(BareSettings(base_url="https://a.example"))) as billing:
            with pytest.raises(UnsupportedOperation, match="native"):
                _ = billing.native

    asyncio.run(work())
