"""Charges, and what a backend cannot do, on both drivers."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.facade.asking import NOW, Audit, Open, charge, draft, reverse, spend
from unibill import (
    Conflict,
    InvalidDraft,
    Invoicing,
    NotFound,
    UnsupportedOperation,
)
from unibill.capabilities import Capabilities, Capability, Grade, Operation
from unibill.flow import Flow
from unibill.model import Credit
from unibill.provider import At, CreditQuery, Page
from unibill.testing.memory import MemoryProvider, MemoryStore

# Charges


def test_charges_are_added_listed_and_reversed(facade: Open, audit: Audit) -> None:
    main = facade(page_size=2)
    drafts = [charge("-5.00", policy_id="p", transaction_id="t"), charge("7.50", policy_id="p", transaction_id="t")]
    minus, plus = main.call(lambda b: b.charges.add(drafts))
    (reversal,) = main.call(lambda b: b.charges.reverse("269", [minus.id], invoicing=Invoicing.IMMEDIATE))

    assert (reversal.reversal_of, reversal.amount, reversal.invoicing) == (minus.id, 5, Invoicing.IMMEDIATE)
    everything = [minus, plus, reversal]
    assert main.records(lambda b: b.charges.list("269")) == everything
    assert main.records(lambda b: b.charges.list(policy="p")) == everything
    assert main.records(lambda b: b.charges.list(transaction="t")) == [plus]
    assert main.records(lambda b: b.charges.list(transaction="t", include_all=True)) == everything
    assert main.records(lambda b: b.charges.list("270")) == []
    assert [(write.operation, write.outcome) for write in audit.writes] == [("charges.add", "done"), ("charges.reverse", "done")]


def test_a_charge_is_reversed_once_and_only_in_its_account(facade: Open) -> None:
    main = facade()
    (added,) = main.call(lambda b: b.charges.add([charge()]))
    with pytest.raises(NotFound):
        main.call(lambda b: b.charges.reverse("270", [added.id]))
    (reversal,) = main.call(lambda b: b.charges.reverse("269", [added.id]))

    for charge_id in (added.id, reversal.id):
        with pytest.raises(Conflict):
            reverse(main, charge_id)


def test_charges_of_one_call_go_together_and_all_faults_are_told(facade: Open, books: MemoryStore) -> None:
    with pytest.raises(InvalidDraft) as refused:
        facade().call(lambda b: b.charges.add([charge("0"), charge("0.001", account_id="270")]))

    assert [fault.path for fault in refused.value.faults] == ["$", "$[0].amount", "$[1].amount"]
    with pytest.raises(InvalidDraft, match="there are no charges"):
        facade().call(lambda b: b.charges.add([]))
    assert books.charges() == []


# What a backend cannot do


class ReadsOnly(MemoryProvider):
    """Declares one operation and says of another what to do instead."""

    capabilities = Capabilities(
        {
            Operation.CREDITS_LIST_ACCOUNT: Capability(Grade.NATIVE),
            Operation.CREDITS_CREATE: Capability(Grade.UNSUPPORTED, note="credits come from elsewhere", instead="charges.add"),
        }
    )

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        assert query.account is not None, "an undeclared operation reached the provider"
        return super().list_credits(query, at)


REFUSED: dict[str, Callable[[Any, Credit], Any]] = {
    "credits.list": lambda b, _: b.credits.list(),
    "credits.list(invoice=)": lambda b, _: b.credits.list(invoice="9001"),
    "credits.list(allocations=True)": lambda b, _: b.credits.list("269", allocations=True),
    "credits.get": lambda b, credit: b.credits.get(credit.id),
    "credits.create": lambda b, _: b.credits.create(draft()),
    "credits.find": lambda b, _: b.credits.find(key="k"),
    "credits.allocate": lambda b, credit: b.credits.allocate(credit, [spend("1")]),
    "credits.deallocate": lambda b, credit: b.credits.deallocate(credit, ["a"]),
    "credits.void": lambda b, credit: b.credits.void(credit),
    "charges.list(account=)": lambda b, _: b.charges.list("269"),
    "charges.list(policy=)": lambda b, _: b.charges.list(policy="p"),
    "charges.list(transaction=)": lambda b, _: b.charges.list(transaction="t"),
    "charges.add": lambda b, _: b.charges.add([charge()]),
    "charges.reverse": lambda b, _: b.charges.reverse("269", ["1"]),
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_is_not_declared_is_refused_when_it_is_asked(facade: Open, books: MemoryStore, operation: str) -> None:
    books.create(draft(), None, NOW)
    (credit,) = books.credits(allocations=True)

    with pytest.raises(UnsupportedOperation) as refused:
        facade(ReadsOnly).call(lambda b: REFUSED[operation](b, credit))
    assert (refused.value.backend, refused.value.operation) == ("main", operation)
    assert books.credits(allocations=True) == [credit]
    assert books.charges() == []


def test_a_refusal_says_why_and_what_would_do_instead(facade: Open) -> None:
    with pytest.raises(UnsupportedOperation) as refused:
        facade(ReadsOnly).call(lambda b: b.credits.create(draft()))

    assert str(refused.value) == "backend 'main' cannot do credits.create: credits come from elsewhere; instead: charges.add"


def test_what_is_declared_works_beside_what_is_not(facade: Open, books: MemoryStore) -> None:
    books.create(draft(), None, NOW)

    assert len(facade(ReadsOnly).records(lambda b: b.credits.list("269"))) == 1


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (Operation.CREDITS_CREATE_ALLOCATED, lambda b: b.credits.create(draft(allocations=(spend("1"),)))),
        (Operation.CREDITS_AUTO_APPLY, lambda b: b.credits.create(draft(auto_apply=True))),
        (Operation.CREDITS_FIND, lambda b: b.credits.create(draft(), key="k")),
    ],
    ids=["allocations", "auto-apply", "key"],
)
def test_a_part_of_create_that_is_not_supported_is_refused_and_the_rest_works(
    facade: Open, books: MemoryStore, operation: Operation, wanted: Callable[[Any], Any]
) -> None:
    class Lacking(MemoryProvider):
        capabilities = Capabilities({known: Capability(Grade.NATIVE) for known in Operation if known is not operation})

    main = facade(Lacking)
    with pytest.raises(UnsupportedOperation) as refused:
        main.call(wanted)
    assert refused.value.operation == operation
    assert books.credits(allocations=False) == []
    assert main.call(lambda b: b.credits.create(draft())).amount == 50


def test_a_read_only_backend_reads_and_refuses_writes(facade: Open, books: MemoryStore) -> None:
    main = facade(read_only=True)

    with pytest.raises(UnsupportedOperation, match="read_only"):
        main.call(lambda b: b.credits.create(draft()))
    assert main.records(lambda b: b.credits.list()) == books.credits(allocations=True) == []
