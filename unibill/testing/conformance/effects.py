# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 7: marks, and one effect under one key."""

from collections.abc import Mapping

import pytest

from unibill import marks
from unibill.capabilities import Operation
from unibill.errors import Conflict
from unibill.facade import Billing
from unibill.flow import Step
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, credits_of, ids, need

KEY = "order-17"


class EffectsGroup(Suite):
    """Exactly one effect."""

    def standing(self, subject: Subject, billing: Billing) -> list[str]:
        """The ids of the account's credits."""
        return ids(credits_of(billing, subject.account))

    def needed(self, subject: Subject) -> None:
        """Skip where there are no keys."""
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND, Operation.CREDITS_LIST_ACCOUNT)

    def test_a_mark_is_read_back_whole_and_the_texts_without_it(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        made = billing.credits.create(subject.draft(), key=KEY)
        found = billing.credits.find(key=KEY, account=subject.account)
        assert found is not None, "the mark that create_credit was given is not found again by find_marked"
        (listed,) = credits_of(billing, subject.account)
        for credit in (made, found, listed):
            assert credit.mark == marks.key_mark(KEY)
            assert marks.PREFIX not in (credit.number or "") + (credit.memo or "")

    def test_one_key_makes_one_credit_however_often_it_is_called(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        made = {billing.credits.create(subject.draft(), key=KEY).id for _ in range(3)}
        assert len(made) == 1
        assert self.standing(subject, billing) == list(made)

    def test_two_keys_make_two_credits(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        first, second = (billing.credits.create(subject.draft(), key=key) for key in ("one", "two"))
        assert sorted(self.standing(subject, billing)) == sorted([first.id, second.id])

    def test_a_key_that_was_never_used_finds_nothing(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        billing.credits.create(subject.draft(), key=KEY)
        assert billing.credits.find(key="another", account=subject.account) is None

    def test_a_key_is_not_used_for_another_amount(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        made = billing.credits.create(subject.draft("10.10"), key=KEY)
        with pytest.raises(Conflict):
            billing.credits.create(subject.draft("10.11"), key=KEY)
        assert self.standing(subject, billing) == [made.id]

    def test_the_key_of_a_void_credit_can_be_used_again(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        need(subject, Operation.CREDITS_VOID)
        first = billing.credits.create(subject.draft(), key=KEY)
        billing.credits.void(first)
        assert billing.credits.find(key=KEY, account=subject.account) is None
        second = billing.credits.create(subject.draft(), key=KEY)
        assert self.standing(subject, billing) == [second.id]

    def test_a_create_that_goes_on_from_its_finished_steps_writes_nothing_more(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        done: dict[str, Mapping[str, object]] = {}

        def keep(step: Step) -> None:
            if step.done:
                done[step.name] = step.data

        made = billing.run(billing.provider.create_credit(subject.draft(), None, {}), keep)
        again = billing.run(billing.provider.create_credit(subject.draft(), None, done))
        assert (again.id, self.standing(subject, billing)) == (made.id, [made.id])
