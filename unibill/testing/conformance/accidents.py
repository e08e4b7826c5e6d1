# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 9: accidents that a sandbox makes on purpose: connections that break, and exactly one effect whatever happens to the answer."""

from decimal import Decimal

import pytest
from pydantic import SecretStr

from unibill.capabilities import Operation
from unibill.errors import AuthenticationFailed, BackendError, OutcomeUnknown, Unavailable
from unibill.facade import Billing
from unibill.http import without_waiting
from unibill.testing.conformance.effects import KEY, EffectsGroup
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import need, need_sandbox
from unibill.testing.conformance.telling import edges, same_edges, same_ids

ACCIDENTS: dict[str, tuple[dict[str, object], bool]] = {
    "cut before the effect": ({"kind": "cut-before"}, False),
    "cut after the effect": ({"kind": "cut-after"}, True),
    "500 before the effect": ({"kind": "status-500", "effect": "none"}, False),
    "503 after the effect": ({"kind": "status-503", "effect": "done"}, True),
    "HTML after the effect": ({"kind": "html-error", "effect": "done"}, True),
    "half an answer": ({"kind": "truncated-json"}, True),
}
"""What happens to a write, and whether it took effect."""


class AccidentsGroup(EffectsGroup):
    """Accidents."""

    def test_wrong_credentials_are_told_as_such(self, subject: Subject) -> None:
        need_sandbox(subject)
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        settings = subject.settings
        wrong = {
            name: SecretStr("wrong-" + value.get_secret_value())
            for name in type(settings).model_fields
            if isinstance(value := getattr(settings, name), SecretStr)
        }
        if not wrong:
            pytest.skip("the provider has no secrets")
        with without_waiting(), subject.open(**wrong) as billing, pytest.raises(AuthenticationFailed) as raised:
            list(billing.credits.list(account=subject.account))
        assert "wrong-" not in str(raised.value)

    @pytest.mark.parametrize("kind", ["status-429", "status-503", "cut-before", "cut-after", "html-error"])
    def test_a_read_is_tried_again_until_it_is_answered(self, subject: Subject, billing: Billing, kind: str) -> None:
        need_sandbox(subject)
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        assert subject.sandbox is not None
        subject.sandbox.faults([{"kind": kind, "route": f"GET /{subject.provider}/**", "count": 2}])
        assert list(billing.credits.list(account=subject.account)) == []
        assert [fault["used"] for fault in subject.sandbox.fault_report()] == [2], "the provider asked a third time, or not again"

    def test_a_read_that_is_never_answered_ends(self, subject: Subject, billing: Billing) -> None:
        need_sandbox(subject)
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        assert subject.sandbox is not None
        subject.sandbox.faults([{"kind": "cut-before"}])
        with pytest.raises(Unavailable) as raised:
            list(billing.credits.list(account=subject.account))
        assert raised.value.hint

    def test_a_server_that_is_too_slow_is_not_waited_for(self, subject: Subject) -> None:
        need_sandbox(subject)
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        assert subject.sandbox is not None
        subject.sandbox.faults([{"kind": "latency", "seconds": 1}])
        with without_waiting(), subject.open(timeout=0.05, retries=0) as billing, pytest.raises(Unavailable):
            list(billing.credits.list(account=subject.account))

    @pytest.mark.parametrize("accident", ACCIDENTS)
    def test_whatever_happens_to_the_answer_the_same_key_ends_in_one_credit(
        self, subject: Subject, billing: Billing, accident: str
    ) -> None:
        self.needed(subject)
        need_sandbox(subject)
        assert subject.sandbox is not None
        fault, done = ACCIDENTS[accident]
        subject.sandbox.faults([{**fault, "route": f"POST /{subject.provider}/**", "count": 1}])
        with pytest.raises(OutcomeUnknown):
            billing.credits.create(subject.draft(), key=KEY)
        self.made_as_often(subject, billing, int(done))
        made = billing.credits.create(subject.draft(), key=KEY)
        same_ids(self.standing(subject, billing), [made.id], "after a second create under the key of one whose answer was lost, the list")

    def test_a_write_that_the_vendor_put_off_is_sent_again_and_acts_once(self, subject: Subject, billing: Billing) -> None:
        self.needed(subject)
        need_sandbox(subject)
        assert subject.sandbox is not None
        subject.sandbox.faults([{"kind": "status-429", "route": f"POST /{subject.provider}/**", "count": 2, "retry_after": 1}])
        made = billing.credits.create(subject.draft())
        same_ids(self.standing(subject, billing), [made.id], "after one create that the vendor put off, the list")

    @pytest.mark.parametrize("accident", ACCIDENTS)
    def test_a_write_without_a_key_is_never_sent_twice(self, subject: Subject, billing: Billing, accident: str) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        need_sandbox(subject)
        assert subject.sandbox is not None
        fault, done = ACCIDENTS[accident]
        subject.sandbox.faults([{**fault, "route": f"POST /{subject.provider}/**", "count": 1}])
        with pytest.raises(BackendError):
            billing.credits.create(subject.draft())
        self.made_as_often(subject, billing, int(done))

    def made_as_often(self, subject: Subject, billing: Billing, often: int) -> None:
        """Fail where one create took effect more or less often."""
        there = self.standing(subject, billing)
        assert len(there) == often, f"one create took effect {often} times at the vendor, and the list has {', '.join(there) or 'none'}"

    @pytest.mark.parametrize("accident", ACCIDENTS)
    def test_whatever_happens_to_the_answer_a_credit_is_spent_once_at_most(self, subject: Subject, billing: Billing, accident: str) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_ALLOCATE, Operation.CREDITS_GET)
        need_sandbox(subject)
        assert subject.sandbox is not None
        if not subject.invoices:
            pytest.skip("the subject names no invoice")
        credit = billing.credits.get(billing.credits.create(subject.draft("50.00")).id, account=subject.account)
        fault, _ = ACCIDENTS[accident]
        subject.sandbox.faults([{**fault, "route": f"{method} /{subject.provider}/**", "count": 1} for method in ("POST", "PUT", "PATCH")])
        try:
            billing.credits.allocate(credit, [subject.to_invoice(0, "10.00")])
        except BackendError as error:
            assert error.message
        subject.sandbox.faults([])
        now = billing.credits.get(credit.id, account=subject.account)
        if edges(now):
            same_edges(now, [(subject.invoices[0], Decimal("10.00"))], "spent by one call whose answer was lost")
