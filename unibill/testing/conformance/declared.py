# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 1: what is declared, and that what is not supported refuses and sends nothing."""

from collections.abc import Callable

import pytest

from unibill import plugins
from unibill.capabilities import Operation
from unibill.drafts import ChargeDraft
from unibill.errors import UnsupportedOperation
from unibill.facade import Billing
from unibill.model import Credit, CreditKind, Direction, Status
from unibill.provider import Provider
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite

CALLS: dict[Operation, Callable[[Billing, Subject, Credit], object]] = {
    Operation.CREDITS_LIST: lambda billing, _, __: list(billing.credits.list()),
    Operation.CREDITS_LIST_ACCOUNT: lambda billing, subject, _: list(billing.credits.list(account=subject.account)),
    Operation.CREDITS_LIST_INVOICE: lambda billing, _, __: list(billing.credits.list(invoice="1")),
    Operation.CREDITS_ALLOCATIONS: lambda billing, subject, _: list(billing.credits.list(account=subject.account, allocations=True)),
    Operation.CREDITS_GET: lambda billing, subject, _: billing.credits.get(subject.missing_credit),
    Operation.CREDITS_CREATE: lambda billing, subject, _: billing.credits.create(subject.draft()),
    Operation.CREDITS_CREATE_ALLOCATED: lambda billing, subject, _: billing.credits.create(
        subject.draft(allocations=({"amount": 1, "target_id": "1"},))
    ),
    Operation.CREDITS_AUTO_APPLY: lambda billing, subject, _: billing.credits.create(subject.draft(auto_apply=True)),
    Operation.CREDITS_FIND: lambda billing, subject, _: billing.credits.find(key="k", account=subject.account),
    Operation.CREDITS_ALLOCATE: lambda billing, _, credit: billing.credits.allocate(credit, []),
    Operation.CREDITS_DEALLOCATE: lambda billing, _, credit: billing.credits.deallocate(credit, ["1"]),
    Operation.CREDITS_VOID: lambda billing, _, credit: billing.credits.void(credit),
    Operation.CHARGES_LIST_ACCOUNT: lambda billing, subject, _: list(billing.charges.list(account=subject.account)),
    Operation.CHARGES_LIST_POLICY: lambda billing, _, __: list(billing.charges.list(policy="1")),
    Operation.CHARGES_LIST_TRANSACTION: lambda billing, _, __: list(billing.charges.list(transaction="1")),
    Operation.CHARGES_ADD: lambda billing, subject, _: billing.charges.add(
        [ChargeDraft(account_id=subject.account, currency=subject.currency, amount=subject.draft().amount)]
    ),
    Operation.CHARGES_REVERSE: lambda billing, subject, _: billing.charges.reverse(subject.account, ["1"]),
}
"""A call of every operation."""
METHODS: dict[Operation, str] = {
    Operation.CREDITS_LIST: "list_credits",
    Operation.CREDITS_LIST_ACCOUNT: "list_credits",
    Operation.CREDITS_LIST_INVOICE: "list_credits",
    Operation.CREDITS_ALLOCATIONS: "list_credits",
    Operation.CREDITS_GET: "get_credit",
    Operation.CREDITS_CREATE: "create_credit",
    Operation.CREDITS_CREATE_ALLOCATED: "create_credit",
    Operation.CREDITS_AUTO_APPLY: "create_credit",
    Operation.CREDITS_FIND: "find_marked",
    Operation.CREDITS_ALLOCATE: "allocate",
    Operation.CREDITS_DEALLOCATE: "deallocate",
    Operation.CREDITS_VOID: "void",
    Operation.CHARGES_LIST_ACCOUNT: "list_charges",
    Operation.CHARGES_LIST_POLICY: "list_charges",
    Operation.CHARGES_LIST_TRANSACTION: "list_charges",
    Operation.CHARGES_ADD: "add_charges",
    Operation.CHARGES_REVERSE: "reverse_charges",
}
"""The provider's method behind every operation."""
_PARTS = {
    Operation.CREDITS_ALLOCATIONS: Operation.CREDITS_LIST_ACCOUNT,
    Operation.CREDITS_CREATE_ALLOCATED: Operation.CREDITS_CREATE,
    Operation.CREDITS_AUTO_APPLY: Operation.CREDITS_CREATE,
}
"""What is a part of another operation is refused under the other's name where that is not supported either."""


def some_credit(subject: Subject) -> Credit:
    """A credit that needs not to be there."""
    draft = subject.draft()
    return Credit(
        id=subject.missing_credit,
        provider=subject.provider,
        account_id=draft.account_id,
        kind=CreditKind.UNKNOWN,
        direction=Direction.TO_ACCOUNT,
        status=Status.OPEN,
        remote_status="",
        currency=draft.currency,
        amount=draft.amount,
    )


class DeclaredGroup(Suite):
    """What is declared."""

    def test_the_suite_calls_every_operation_of_the_facade(self) -> None:
        assert set(CALLS) == set(Operation)

    def test_every_operation_of_the_facade_is_declared(self, subject: Subject) -> None:
        missing = sorted(set(Operation) - set(subject.kind.capabilities.operations))
        assert not missing, f"not declared in the capabilities: {', '.join(missing)}"

    def test_the_declaration_makes_sense(self, subject: Subject) -> None:
        assert subject.kind.capabilities.faults() == []
        for operation in filter(subject.usable, Operation):
            method = METHODS[operation]
            grade = subject.kind.capabilities.of(operation).grade
            implemented = getattr(subject.kind, method) is not getattr(Provider, method)
            assert implemented, f"{operation} is declared as {grade}, but {subject.kind.__name__} has no {method}"

    def test_the_provider_its_settings_and_its_entry_point_have_one_name(self, subject: Subject) -> None:
        kind = subject.kind
        assert (kind.name, kind.Settings.provider_name) == (subject.provider, subject.provider)
        assert kind.title.strip()
        plugins.check(kind, subject.provider, "the provider")

    def test_what_is_not_supported_refuses_names_itself_and_sends_nothing(self, subject: Subject, billing: Billing) -> None:
        for operation in (each for each in Operation if not subject.usable(each)):
            before = subject.sent()
            with pytest.raises(UnsupportedOperation) as raised:
                CALLS[operation](billing, subject, some_credit(subject))
            whole = _PARTS.get(operation, operation)
            assert raised.value.operation == (operation if subject.usable(whole) else whole)
            assert subject.sent() == before, f"{operation} is refused after something was sent"

    def test_the_identity_is_the_systems_own_and_holds_no_secret(self, subject: Subject, billing: Billing) -> None:
        identity = billing.provider.identity()
        with subject.open(timeout=7) as again:
            assert again.provider.identity() == identity
        assert identity.startswith(subject.provider)
        assert all(secret not in identity for secret in secrets_of(subject, billing))


def secrets_of(subject: Subject, billing: Billing) -> list[str]:
    """The texts that must never be shown."""
    values = [getattr(subject.settings, name) for name in type(subject.settings).model_fields]
    settings = [_text(value.get_secret_value()) for value in values if hasattr(value, "get_secret_value")]
    return [secret for secret in (*settings, *billing.provider.endpoint().secrets) if secret]


def _text(secret: object) -> str:
    return secret.decode("utf-8", "replace") if isinstance(secret, bytes) else str(secret)
