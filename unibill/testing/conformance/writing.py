# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 3: writing: money in every currency, signs, what cannot be carried, undoing."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import asdict

from unibill import money
from unibill.capabilities import Operation
from unibill.drafts import ChargeDraft, CreditDraft
from unibill.errors import BackendError, InvalidDraft
from unibill.facade import Billing
from unibill.model import Charge, Credit
from unibill.operations import GONE
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, credits_of, ids, need
from unibill.testing.conformance.telling import same_ids, same_values, the_one, values

CARRIED = ("account_id", "currency", "amount", "number", "memo", "issued_on")
"""The fields of a draft that a credit has too."""
MONEY = frozenset({"account_id", "currency", "amount"})
"""Those of them that say how much whom is owed: nobody may lose one of them, and be it told."""


class WritingGroup(Suite):
    """Writing."""

    def read_back(self, billing: Billing, made: Credit) -> Credit:
        """The credit as a list has it, which is what counts."""
        return the_one(billing.credits.list(account=made.account_id), made.id, f"credits.list(account={made.account_id!r})")

    def test_what_is_written_is_read_back_or_was_told_as_lost(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        defaults: dict[str, Any] = {"number": "REF-7", **subject.draft_defaults}
        draft = subject.draft("10.10", **defaults)
        for key in (None, "a-key"):
            lost = {loss.field for loss in billing.credits.losses(draft, key=key)}
            assert not lost & MONEY, (
                f"losses_of_credit gives up {', '.join(sorted(lost & MONEY))}: what is money is written whole or refused"
            )
            made = billing.credits.create(draft, key=key)
            told = values(draft, [name for name in CARRIED if name not in lost])
            for where, credit in (("what create_credit gave", made), ("the list", self.read_back(billing, made))):
                same_values(values(credit, CARRIED), told, f"credit {made.id}, in {where},")
            assert {finding.field for finding in made.findings if finding.code == "not-written"} == lost

    @pytest.mark.parametrize("decimals", [0, 2, 3])
    def test_money_is_exact_in_currencies_of_every_exponent(self, subject: Subject, billing: Billing, decimals: int) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        currency = next((code for code in subject.accounts if money.exponent(code) == decimals), None)
        if currency is None:
            pytest.skip(f"the subject names no account in a currency of {decimals} decimals")
        limit = subject.kind.capabilities.limits.decimals
        unit = Decimal(1).scaleb(-min(decimals, decimals if limit is None else limit))
        for amount in (unit, 10 * unit, 1 + unit, Decimal(1000) + 7 * unit, Decimal(100).quantize(unit)):
            made = billing.credits.create(subject.draft(amount, account=subject.accounts[currency], currency=currency))
            where = f"credit {made.id} in the list, of account {subject.accounts[currency]},"
            same_values(values(self.read_back(billing, made), ("amount", "currency")), {"amount": amount, "currency": currency}, where)

    def test_amounts_beyond_what_a_float_can_hold_keep_their_digits(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        if subject.largest is None:
            pytest.skip("the subject names no amount beyond 2**53")
        assert subject.largest > 2**53
        made = billing.credits.create(subject.draft(subject.largest))
        for where, credit in (("what create_credit gave", made), ("the list", self.read_back(billing, made))):
            same_values(values(credit, ["amount"]), {"amount": subject.largest}, f"credit {made.id}, in {where},")

    @pytest.mark.parametrize("amount", ["0", "-1", "-0.01", "10.00001"])
    def test_an_amount_that_no_vendor_can_hold_is_refused_before_sending(self, subject: Subject, billing: Billing, amount: str) -> None:
        need(subject, Operation.CREDITS_CREATE)
        before = subject.sent()
        with pytest.raises(InvalidDraft) as raised:
            billing.credits.create(subject.draft(amount))
        assert {fault.path for fault in raised.value.faults} == {"$.amount"}
        assert subject.sent() == before

    def test_a_draft_is_refused_with_all_its_faults_at_once(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE)
        before = subject.sent()
        with pytest.raises(InvalidDraft) as raised:
            billing.credits.create(subject.draft("-1", currency="XYZ", memo="\x00"))
        assert {fault.path for fault in raised.value.faults} >= {"$.amount", "$.currency", "$.memo"}
        assert subject.sent() == before

    def test_texts_of_people_come_back_as_they_were_or_are_refused(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        for memo in ("Přeplatek – 返金 😀", "<b>&amp;\"'", "=1+1", "a\nb", " a  b "):
            draft = subject.draft(memo=memo)
            lost = {loss.field for loss in billing.credits.losses(draft)}
            try:
                made = billing.credits.create(draft)
            except InvalidDraft as refused:
                assert {fault.path for fault in refused.faults} == {"$.memo"}
                continue
            if "memo" not in lost:
                same_values(values(self.read_back(billing, made), ["memo"]), {"memo": memo}, f"credit {made.id} in the list")

    def test_a_void_credit_gives_nobody_anything_any_more(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_VOID, Operation.CREDITS_LIST_ACCOUNT)
        gone, stays = billing.credits.create(subject.draft()), billing.credits.create(subject.draft("7.00"))
        billing.credits.void(gone)
        same_ids(
            ids(credits_of(billing, subject.account)), [stays.id], f"after credit {gone.id} was voided, a list without include_reversed"
        )
        for credit in billing.credits.list(account=subject.account, include_reversed=True):
            assert credit.id != gone.id or credit.status in GONE, f"credit {gone.id} was voided, and is listed as {credit.status}"

    def test_voiding_twice_is_harmless_or_refused(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_VOID, Operation.CREDITS_LIST_ACCOUNT)
        made, stays = billing.credits.create(subject.draft()), billing.credits.create(subject.draft("7.00"))
        billing.credits.void(made)
        try:
            billing.credits.void(made)
        except BackendError as error:
            assert error.message
        same_ids(ids(credits_of(billing, subject.account)), [stays.id], f"after credit {made.id} was voided twice, the list")

    def test_charges_are_added_listed_and_reversed_with_their_signs(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CHARGES_ADD, Operation.CHARGES_REVERSE, Operation.CHARGES_LIST_ACCOUNT)
        fields: dict[str, Any] = {"account_id": subject.account, "currency": subject.currency, "type": subject.charge_type, "tag": "t-1"}
        billing.charges.add([ChargeDraft(amount=Decimal("-7.00"), **fields)])
        before = list(billing.charges.list(account=subject.account))
        added = self.added(billing, ChargeDraft(amount=Decimal("-10.10"), **fields))
        listed = the_one(billing.charges.list(account=subject.account), added.id, f"charges.list(account={subject.account!r})")
        wanted = {"amount": Decimal("-10.10"), "currency": subject.currency, "account_id": subject.account}
        for where, charge in (("what add_charges gave", added), ("the list", listed)):
            same_values(values(charge, wanted), wanted, f"charge {added.id}, in {where},")
            assert Charge.validated(asdict(charge)) == charge
        foreign = [charge for charge in billing.charges.list(account=subject.other_account) if charge.account_id != subject.other_account]
        assert not foreign, (
            f"the charges of account {subject.other_account} have {foreign[0].id} of account {foreign[0].account_id} among them"
        )
        reversals = billing.charges.reverse(subject.account, [added.id])
        after = list(billing.charges.list(account=subject.account))
        for reversal in reversals:
            undone = {"amount": Decimal("10.10"), "reversal_of": added.id}
            same_values(values(reversal, undone), undone, f"reversal {reversal.id}")
        assert len(reversals) <= 1, f"one charge was reversed, and reverse_charges gives {len(reversals)} reversals"
        left = {name: sum(charge.amount for charge in charges) for name, charges in (("before", before), ("after", after))}
        assert left["after"] == left["before"], (
            f"charge {added.id} of -10.10 was added and reversed: the charges came to {left['before']} before, and to {left['after']} after"
        )

    def added(self, billing: Billing, draft: ChargeDraft) -> Charge:
        """The one charge that a draft became."""
        made = billing.charges.add([draft])
        assert len(made) == 1, f"one charge was sent, and add_charges gives {len(made)}"
        return made[0]

    def test_a_charge_of_zero_is_refused_before_sending(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CHARGES_ADD)
        before = subject.sent()
        with pytest.raises(InvalidDraft):
            billing.charges.add([ChargeDraft(account_id=subject.account, currency=subject.currency, amount=Decimal(0))])
        assert subject.sent() == before

    def test_a_read_only_backend_writes_nothing(self, subject: Subject) -> None:
        need(subject, Operation.CREDITS_CREATE, Operation.CREDITS_LIST_ACCOUNT)
        draft: CreditDraft = subject.draft()
        with subject.open(read_only=True) as billing:
            with pytest.raises(Exception, match="read_only"):
                billing.credits.create(draft)
            written = ids(list(billing.credits.list(account=subject.account)))
            assert not written, f"the backend is read_only, and credit {written[0]} was written"
