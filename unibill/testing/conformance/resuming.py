# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 10: what a second try rests on: writes that are announced, marks that are found wherever they are, creates that are finished.

A cassette cannot replay it: how far a first try came differs from step to step.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest

from unibill import marks
from unibill.capabilities import Operation
from unibill.facade import Billing
from unibill.flow import Effect, Flow, Request, Step
from unibill.http import without_waiting
from unibill.model import Credit
from unibill.scanning import ended
from unibill.testing.conformance.allocating import edges
from unibill.testing.conformance.effects import KEY
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, credits_of, need, watched

T = TypeVar("T")
PAGE = 2
MOST_STEPS = 50
"""A create of one credit and two allocations has fewer steps than this."""


class _CutOffError(Exception):
    """The process dies here."""


class ResumingGroup(Suite):
    """Second tries."""

    def test_every_write_is_announced_by_a_step_before_it_is_sent(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE)
        provider = billing.provider
        spends = subject.usable(Operation.CREDITS_CREATE_ALLOCATED) and len(subject.invoices) > 1
        spent = (subject.to_invoice(0, "1.00"), subject.to_invoice(1, "1.00")) if spends else ()
        credit = billing.run(announced(provider.create_credit(subject.draft("50.00", allocations=spent), None, {})))
        if subject.usable(Operation.CREDITS_ALLOCATE) and subject.invoices:
            credit = billing.run(announced(provider.allocate(credit, [subject.to_invoice(0, "2.00")], {})))
            undone = [item.id for item in credit.allocations or () if item.id and item.reversed_at is None][-1:]
            if undone and subject.usable(Operation.CREDITS_DEALLOCATE):
                credit = billing.run(announced(provider.deallocate(credit, undone, {})))
        if subject.usable(Operation.CREDITS_VOID):
            billing.run(announced(provider.void(credit, {})))

    def test_a_flow_that_is_stopped_anywhere_yields_nothing_more(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE)
        for yields in range(MOST_STEPS):
            flow = billing.provider.create_credit(subject.draft(), None, {})
            try:
                billing.run(watched(flow, _stop_after(yields)))
            except _CutOffError:
                continue
            except RuntimeError as error:
                raise AssertionError(f"create_credit yields in a finally or an except: {error}") from error
            return

    def test_a_mark_is_found_on_whatever_page_its_credit_is(self, subject: Subject) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND, Operation.CREDITS_LIST_ACCOUNT)
        if "page_size" not in type(subject.settings).model_fields:
            pytest.skip("the provider's settings have no page_size")
        with without_waiting(), subject.open(page_size=PAGE) as billing:
            keys = [f"order-{number}" for number in range(2 * PAGE + 1)]
            made = {key: billing.credits.create(subject.draft(), key=key).id for key in keys}
            for key in keys:
                found = billing.credits.find(key=key, account=subject.account)
                assert found is not None, f"find_marked does not see the credit of {key!r}, so a second create would make it twice"
                assert found.id == made[key]

    def test_the_marks_of_void_credits_are_found_where_the_vendor_keeps_them(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND, Operation.CREDITS_VOID, Operation.CREDITS_LIST_ACCOUNT)
        billing.credits.void(billing.credits.create(subject.draft(), key=KEY))
        mark = marks.key_mark(KEY)
        kept = {credit.id for credit in billing.credits.list(account=subject.account, include_reversed=True) if credit.mark == mark}
        found = {credit.id for credit in billing.run(ended(billing.provider.find_marked(subject.account, {mark}), Operation.CREDITS_FIND))}
        assert kept <= found, "find_marked leaves out void credits that the list with include_reversed has"

    def test_a_create_that_was_cut_off_at_any_step_is_finished_under_its_key(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND, Operation.CREDITS_LIST_ACCOUNT)
        spends = subject.usable(Operation.CREDITS_CREATE_ALLOCATED) and subject.usable(Operation.CREDITS_GET)
        if not spends or len(subject.invoices) < 2:
            pytest.skip("credits are created without allocations, or the subject names fewer than two invoices")
        draft = subject.draft("10.00", allocations=(subject.to_invoice(0, "2.10"), subject.to_invoice(1, "1.05")))
        for deaths in range(MOST_STEPS):
            key = f"{KEY}-{deaths}"
            finished = _cut_off(billing, billing.provider.create_credit(draft, marks.key_mark(key), {}), deaths)
            made = billing.credits.create(draft, key=key)
            (standing,) = (credit for credit in credits_of(billing, subject.account) if credit.mark == marks.key_mark(key))
            assert standing.id == made.id
            whole: Credit = billing.credits.get(made.id, account=subject.account)
            assert edges(whole) == sorted([(subject.invoices[0], Decimal("2.10")), (subject.invoices[1], Decimal("1.05"))]), (
                f"a create that was cut off after {deaths} steps is not finished under its key: done_from tells which steps a found credit proves"
            )
            if finished:
                return
        raise AssertionError(f"a create of two allocations has {MOST_STEPS} steps and more")


def announced(flow: Flow[T]) -> Flow[T]:
    """The flow, which must yield a step with ``done=False`` before each write, and one with ``done=True`` not before the write."""
    open_steps: set[str] = set()

    def look(item: object) -> None:
        if isinstance(item, Step):
            (open_steps.discard if item.done else open_steps.add)(item.name)
        elif isinstance(item, Request) and item.effect is not Effect.NONE:
            assert open_steps, (
                f"{item.operation} is sent, and no Step(…, done=False) was yielded before it: a crash would leave no trace of it"
            )

    return watched(flow, look)


def _stop_after(yields: int) -> Callable[[object], None]:
    left = yields

    def look(item: object) -> None:
        nonlocal left
        del item
        if not left:
            raise _CutOffError
        left -= 1

    return look


def _cut_off(billing: Billing, flow: Flow[object], steps: int) -> bool:
    """Drive a flow until it has yielded so many steps; gives whether it came to its end."""
    try:
        billing.run(flow, _stop_after(steps))
    except _CutOffError:
        return False
    return True
