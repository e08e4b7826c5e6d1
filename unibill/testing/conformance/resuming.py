# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 10: what a second try rests on: writes that are announced, marks that are found wherever they are, creates that are finished.

A cassette cannot replay it: how far a first try came differs from step to step.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Generic, TypeVar

import pytest

from unibill import exactjson, marks
from unibill.capabilities import Operation
from unibill.drafts import ChargeDraft
from unibill.facade import Billing
from unibill.flow import Done, Effect, Flow, Request, Step
from unibill.http import without_waiting
from unibill.model import Credit, Invoicing
from unibill.scanning import ended
from unibill.testing.conformance.effects import KEY
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, credits_of, ids, need, watched
from unibill.testing.conformance.telling import same_edges, same_ids

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
        for write in writes(subject, billing):
            billing.run(announced(write({})))

    def test_a_write_that_goes_on_from_its_finished_steps_writes_nothing_more(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE)
        for write in writes(subject, billing):
            done: dict[str, Mapping[str, object]] = {}
            billing.run(write({}), partial(_keep, done))
            billing.run(_finished(write(done), done))

    def test_what_a_step_keeps_can_be_kept(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE)
        for write in writes(subject, billing):
            billing.run(watched(write({}), _check_data))

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
                assert found.id == made[key], f"the key {key!r} made credit {made[key]}, and find_marked gives {found.id}"

    def test_the_marks_of_void_credits_are_found_where_the_vendor_keeps_them(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND, Operation.CREDITS_VOID, Operation.CREDITS_LIST_ACCOUNT)
        billing.credits.void(billing.credits.create(subject.draft(), key=KEY))
        mark = marks.key_mark(KEY)
        kept = {credit.id for credit in billing.credits.list(account=subject.account, include_reversed=True) if credit.mark == mark}
        found = {credit.id for credit in billing.run(ended(billing.provider.find_marked(subject.account, {mark}), Operation.CREDITS_FIND))}
        left_out = f"find_marked leaves out {', '.join(sorted(kept - found))}, which is void and in the list with include_reversed"
        assert kept <= found, left_out

    def test_a_mark_is_looked_for_in_the_account_that_is_named(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND)
        made = billing.credits.create(subject.draft(), key=KEY)
        found = billing.credits.find(key=KEY, account=subject.other_account)
        assert found is None, (
            f"credit {made.id} is account {subject.account}'s, and find_marked gives {found and found.id} for account {subject.other_account},"
            " so a create under this key would write nothing there"
        )

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
            standing = [credit.id for credit in credits_of(billing, subject.account) if credit.mark == marks.key_mark(key)]
            same_ids(standing, [made.id], f"after a create that was cut off after {deaths} steps and called again under its key, the list")
            whole: Credit = billing.credits.get(made.id, account=subject.account)
            where = f"of a create that was cut off after {deaths} steps and called again under its key (see done_from)"
            same_edges(whole, [(subject.invoices[0], Decimal("2.10")), (subject.invoices[1], Decimal("1.05"))], where)
            if finished:
                return
        raise AssertionError(f"a create of two allocations has {MOST_STEPS} steps and more")


def writes(subject: Subject, billing: Billing) -> Iterator[Callable[[Done], Flow[Any]]]:
    """Every write that the provider offers, to be made once before the next is asked for; each takes its finished steps."""
    provider = billing.provider
    spends = subject.usable(Operation.CREDITS_CREATE_ALLOCATED) and len(subject.invoices) > 1
    spent = (subject.to_invoice(0, "1.00"), subject.to_invoice(1, "1.00")) if spends else ()
    draft = subject.draft("50.00", allocations=spent)
    made = _Last(lambda done: provider.create_credit(draft, None, done))
    yield made
    if subject.usable(Operation.CREDITS_ALLOCATE) and subject.invoices:
        made = _Last(partial(provider.allocate, made.given, [subject.to_invoice(0, "2.00")]))
        yield made
        undone = [item.id for item in made.given.allocations or () if item.id and item.reversed_at is None][-1:]
        if undone and subject.usable(Operation.CREDITS_DEALLOCATE):
            made = _Last(partial(provider.deallocate, made.given, undone))
            yield made
    if subject.usable(Operation.CREDITS_VOID):
        yield partial(provider.void, made.given)
    if subject.usable(Operation.CHARGES_ADD):
        fields: dict[str, Any] = {"account_id": subject.account, "currency": subject.currency, "type": subject.charge_type, "tag": "t-1"}
        charge = _Last(partial(provider.add_charges, [ChargeDraft(amount=Decimal("-10.10"), **fields)]))
        yield charge
        if subject.usable(Operation.CHARGES_REVERSE):
            yield partial(provider.reverse_charges, subject.account, ids(charge.given), Invoicing.NEXT)


class _Last(Generic[T]):
    """A write, and what it gave when it was made last."""

    given: T

    def __init__(self, write: Callable[[Done], Flow[T]]) -> None:
        self._write = write

    def __call__(self, done: Done) -> Flow[T]:
        self.given = yield from self._write(done)
        return self.given


def _keep(done: dict[str, Mapping[str, object]], step: Step) -> None:
    if step.done:
        done[step.name] = step.data


def _finished(flow: Flow[T], done: Done) -> Flow[T]:
    """The flow, which must write nothing, since all its steps are done."""
    names = ", ".join(done) or "none, since it yields no step with done=True"

    def look(item: object) -> None:
        again = (
            f"the step {item.name} is begun"
            if isinstance(item, Step) and not item.done
            else f"{item.operation} is sent"
            if isinstance(item, Request) and item.effect is not Effect.NONE
            else ""
        )
        assert not again, f"{again} again, though an earlier try has finished all steps and gives them as done: {names}"

    return watched(flow, look)


def _check_data(item: object) -> None:
    """What a step keeps must come out of a run store as it was put in."""
    if isinstance(item, Step):
        said = f"the step {item.name} keeps {dict(item.data)!r}, which is no JSON"
        try:
            kept = exactjson.loads(exactjson.dumps(dict(item.data)))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"{said}: {error}") from error
        assert kept == dict(item.data), f"{said} and comes back as {kept!r}"


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
