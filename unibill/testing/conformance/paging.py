# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 5: lists in pages."""

from itertools import islice
from typing import TypeVar

import pytest

from unibill import marks
from unibill.capabilities import Operation
from unibill.errors import MalformedResponse
from unibill.flow import Flow, Request, Response, Sleep, Step
from unibill.http import without_waiting
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, credits_of, ids, need
from unibill.testing.conformance.telling import same_ids

T = TypeVar("T")
PAGE = 2
MOST_REQUESTS = 200
"""A list of five credits takes fewer requests than this, whatever goes wrong."""


class PagingGroup(Suite):
    """Pages."""

    def paged(self, subject: Subject) -> dict[str, object]:
        """The settings for small pages."""
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        if "page_size" not in type(subject.settings).model_fields:
            pytest.skip("the provider's settings have no page_size")
        return {"page_size": PAGE}

    @pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1])
    @pytest.mark.parametrize("ahead", [1, 3])
    def test_a_list_of_any_length_is_read_whole_and_once(self, subject: Subject, count: int, ahead: int) -> None:
        with without_waiting(), subject.open(**self.paged(subject), read_ahead=ahead) as billing:
            made = [billing.credits.create(subject.draft()).id for _ in range(count)]
            same_ids(ids(credits_of(billing, subject.account)), made, f"the list in pages of {PAGE}")

    def test_a_list_that_grows_while_it_is_read_loses_and_repeats_nothing(self, subject: Subject) -> None:
        with without_waiting(), subject.open(**self.paged(subject)) as billing:
            made = [billing.credits.create(subject.draft()).id for _ in range(5)]
            reading = billing.credits.list(account=subject.account)
            found = ids(list(islice(reading, 1)))
            billing.credits.create(subject.draft())
            found += ids(list(reading))
            missing, twice = set(made) - set(found), {each for each in found if found.count(each) > 1}
            assert not missing, f"a credit was added while the list was read, and {', '.join(sorted(missing))} were left out"
            assert not twice, f"a credit was added while the list was read, and {', '.join(sorted(twice))} came twice"

    def test_nothing_is_read_before_it_is_wanted(self, subject: Subject) -> None:
        with without_waiting(), subject.open(**self.paged(subject)) as billing:
            for _ in range(5):
                billing.credits.create(subject.draft())
            before = subject.sent()
            reading = billing.credits.list(account=subject.account)
            assert subject.sent() == before
            next(reading)
            after_one = subject.sent()
            list(reading)
            assert after_one <= subject.sent()

    def test_a_list_that_never_ends_is_noticed(self, subject: Subject) -> None:
        with without_waiting(), subject.open(**self.paged(subject)) as billing:
            for _ in range(5):
                billing.credits.create(subject.draft())
            endless = _Endless("the list")
            original = billing.provider.list_credits
            billing.provider.list_credits = lambda query, at: endless.repeated(original(query, at))  # type: ignore[method-assign]  # of this one instance, for this one list
            try:
                list(billing.credits.list(account=subject.account))
            except MalformedResponse as error:
                assert "end" in error.message or "page" in error.message
            if not endless.requests:
                pytest.skip("the provider makes no requests")

    def test_a_search_for_a_mark_that_never_ends_is_noticed(self, subject: Subject) -> None:
        need(subject, Operation.CREDITS_FIND)
        with without_waiting(), subject.open(**self.paged(subject)) as billing:
            for _ in range(5):
                billing.credits.create(subject.draft())
            endless = _Endless("find_marked, which can read by unibill.scanning.scan,")
            try:
                billing.run(endless.repeated(billing.provider.find_marked(subject.account, {marks.key_mark("nobody's")})))
            except MalformedResponse as error:
                assert "end" in error.message or "page" in error.message
            if not endless.requests:
                pytest.skip("the provider makes no requests")


class _Endless:
    """A backend whose every page is the first one again."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._first: dict[str, Response] = {}
        self.requests = 0

    def repeated(self, flow: Flow[T]) -> Flow[T]:
        try:
            item: Request | Sleep | Step = next(flow)
            while True:
                if isinstance(item, Request):
                    self.requests += 1
                    if self.requests >= MOST_REQUESTS:
                        raise AssertionError(
                            f"of a list whose every page is the first one again, {self._what} still reads after {MOST_REQUESTS} requests;"
                            " it must end with a MalformedResponse"
                        )
                    if item.path not in self._first:
                        answer = yield item
                        assert answer is not None
                        self._first[item.path] = answer
                    item = flow.send(self._first[item.path])
                else:
                    yield item
                    item = flow.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result
