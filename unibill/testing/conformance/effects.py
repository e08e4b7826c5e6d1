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
from unibill.testing.conformance.telling import same_ids, same_values, the_one, values

KEY = "order-17"


class EffectsGroup(Suite):
    """Exactly one effect."""

    def standing(self, subject: Subject, billing: Billing) -> list[str]:
        """The ids of the account's credits."""
        return ids(credits_of(billing, subject.account))

    def needed(self, subject: Subject) -> None:
        """Skip where there are no keys."""
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_FIND, Operation.CREDITS_LIST_ACCOUNT)

    def nothing_found(self, billing: Billing, key: str, account: str, why: str) -> None:
        """Fail where a key finds a credit."""
        found = billing.credits.find(key=key, account=account)
        assert found is None, f"find_marked gives credit {found.id} of account {found.account_id} for the key {key!r}: {why}"

    def test_a_mark_is_read_back_whole_and_the_texts_without_it(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        made = billing.credits.create(subject.draft(), key=KEY)
        found = billing.credits.find(key=KEY, account=subject.account)
        assert found is not None, "the mark that create_credit was given is not found again by find_marked"
        listed = the_one(credits_of(billing, subject.account), made.id, "the list")
        for where, credit in (("what create_credit gave", made), ("find_marked", found), ("the list", listed)):
            same_values(values(credit, ["mark"]), {"mark": marks.key_mark(KEY)}, f"credit {made.id}, in {where},")
            for name in ("number", "memo"):
                assert marks.PREFIX not in (getattr(credit, name) or ""), f"in {where}, the {name} of credit {made.id} shows the mark"

    def test_one_key_makes_one_credit_however_often_it_is_called(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        made = {billing.credits.create(subject.draft(), key=KEY).id for _ in range(3)}
        assert len(made) == 1, f"three calls of create under one key gave the ids {', '.join(sorted(made))}"
        same_ids(self.standing(subject, billing), list(made), "after three calls of create under one key, the list")

    def test_two_keys_make_two_credits(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        first, second = (billing.credits.create(subject.draft(), key=key) for key in ("one", "two"))
        same_ids(self.standing(subject, billing), [first.id, second.id], "after two calls of create under two keys, the list")

    def test_a_key_that_was_never_used_finds_nothing(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        billing.credits.create(subject.draft(), key=KEY)
        self.nothing_found(billing, "another", subject.account, "nobody used this key")

    def test_a_key_is_not_used_for_another_amount(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        made = billing.credits.create(subject.draft("10.10"), key=KEY)
        with pytest.raises(Conflict):
            billing.credits.create(subject.draft("10.11"), key=KEY)
        same_ids(self.standing(subject, billing), [made.id], "after a create of 10.10, and one of 10.11 under the same key, the list")

    def test_the_key_of_a_void_credit_can_be_used_again(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        need(subject, Operation.CREDITS_VOID)
        first = billing.credits.create(subject.draft(), key=KEY)
        billing.credits.void(first)
        self.nothing_found(billing, KEY, subject.account, "its credit is void")
        second = billing.credits.create(subject.draft(), key=KEY)
        same_ids(self.standing(subject, billing), [second.id], f"after credit {first.id} was voided and its key used again, the list")

    def test_a_create_that_goes_on_from_its_finished_steps_writes_nothing_more(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        done: dict[str, Mapping[str, object]] = {}

        def keep(step: Step) -> None:
            if step.done:
                done[step.name] = step.data

        made = billing.run(billing.provider.create_credit(subject.draft(), None, {}), keep)
        again = billing.run(billing.provider.create_credit(subject.draft(), None, done))
        same_ids(
            self.standing(subject, billing),
            [made.id],
            "after a second create_credit that was given all steps of the first as done, the list",
        )
        assert again.id == made.id, f"create_credit gave credit {made.id}, and {again.id} when its steps were given as done"
