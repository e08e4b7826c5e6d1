"""Charges are copied as charges by the engine that copies credits: between two memory backends, so that no vendor is named."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from unibill import Billing, Charge, ChargeDraft, CreditDraft, Invoicing
from unibill.copying import (
    AccountMap,
    ApplyOptions,
    ChargeTypeMap,
    Decision,
    Guards,
    LinkKind,
    MappedType,
    PlanOptions,
    PlanSummary,
    PolicyMap,
    RecordType,
    apply,
    open_run,
    plan,
    rollback,
    verify,
)
from unibill.copying.charging import CATEGORIES
from unibill.errors import ConfigurationError, GuardStopped, NotFound, OutcomeUnknown, PlanMismatch, UnsupportedOperation
from unibill.flow import Done, Flow
from unibill.model import ChargeCategory, Credit, CreditKind, Direction, Status
from unibill.provider import At, ChargeQuery, CreditQuery, Page
from unibill.testing import memory
from unibill.testing.memory import MemoryProvider, MemorySettings

ACCOUNTS = AccountMap.from_pairs({"1": "A", "2": "B"})
TYPES = ChargeTypeMap.from_pairs({"Fee": "NewFee", "Discount": "NewDiscount", "Tax": "-"})


class Vendor(MemoryProvider):
    """A memory backend whose charges can be credits too, can be on invoices, and whose answers can get lost."""

    def __init__(self, settings: MemorySettings) -> None:
        super().__init__(settings)
        self.invoices: dict[str, str] | None = None
        self.are_credits = False
        self.spent = Decimal(0)
        self.lose: list[bool] = []
        """For each next write of a charge: whether its answer is lost, after (True) or before (False) it takes effect."""
        self.break_tags = False
        self.not_there = 0
        """How many of the next lists of an account say that there is no such account."""

    def credit_of(self, charge: Charge) -> str | None:
        return f"credit-of:{charge.id}" if self.are_credits and charge.amount < 0 and charge.reversal_of is None else None

    def list_credits(self, query: CreditQuery, at: At | None) -> Flow[Page[Credit]]:
        self._refuse_lists()
        page = yield from super().list_credits(query, at)
        undone = self.store.reversed_charges()
        found = [
            self._credit(charge, undone=charge.id in undone)
            for charge in self.store.charges()
            if at is None and charge.account_id == query.account and self.credit_of(charge) is not None
        ]
        return Page([*page.items, *found], page.next)

    def list_charges(self, query: ChargeQuery, at: At | None) -> Flow[Page[Charge]]:
        self._refuse_lists()
        return (yield from super().list_charges(query, at))

    def _refuse_lists(self) -> None:
        if self.not_there:
            self.not_there -= 1
            raise NotFound("there is no such record")

    def _credit(self, charge: Charge, *, undone: bool) -> Credit:
        amount = charge.amount.copy_abs()
        return Credit(
            id=f"credit-of:{charge.id}",
            provider="memory",
            account_id=charge.account_id,
            kind=CreditKind.CHARGE,
            direction=Direction.TO_ACCOUNT,
            status=Status.REVERSED if undone else Status.OPEN,
            remote_status="",
            currency=charge.currency,
            amount=amount,
            applied=self.spent,
            remaining=amount - self.spent,
            mark=charge.mark,
            allocations=(),
        )

    def invoiced_charges(self, account: str) -> Flow[Mapping[str, str] | None]:
        del account
        yield from ()
        return self.invoices

    def void(self, credit: Credit, done: Done) -> Flow[None]:
        if credit.kind is CreditKind.CHARGE:
            yield from self.reverse_charges(credit.account_id or "", [credit.id.partition(":")[2]], Invoicing.NEXT, done)
        else:
            yield from super().void(credit, done)

    def add_charges(self, drafts: Sequence[ChargeDraft], done: Done) -> Flow[list[Charge]]:
        lost = self.lose.pop(0) if self.lose and not done else None
        if lost is False:
            raise OutcomeUnknown("no answer came", operation="charges.add")
        made = yield from super().add_charges(drafts, done)
        if lost:
            raise OutcomeUnknown("no answer came", operation="charges.add")
        return [charge.replace(mark=None) for charge in made] if self.break_tags else made


class Two:
    """Two backends, and a run between them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run = folder, folder / "run.db"
        self.old, self.new = Vendor(MemorySettings(store="charges-old")), Vendor(MemorySettings(store="charges-new"))
        self.source, self.target = Billing("old", self.old), Billing("new", self.new)
        for account in ("A", "B"):
            self.new.store.add_account(account)

    def charge(self, amount: str, kind: str = "Fee", *, account: str = "1", **more: Any) -> str:  # noqa: ANN401 - any field of the draft
        draft = ChargeDraft(account_id=account, currency="USD", amount=Decimal(amount), type=kind, **more)
        return self.source.charges.add([draft])[0].id

    def there(self, account: str = "A") -> list[Charge]:
        return list(self.target.charges.list(account=account))

    def plan(self, run: Path | None = None, **more: Any) -> PlanSummary:  # noqa: ANN401 - any option
        given = {"accounts": ACCOUNTS, "include": frozenset({"charges"}), "charge_types": TYPES, **more}
        return plan(self.source, self.target, run or self.run, PlanOptions(**given))

    def apply(self, **more: Any) -> Any:  # noqa: ANN401 - the summary
        return apply(self.source, self.target, self.run, ApplyOptions(settle=0, **more))

    def verify(self) -> Any:  # noqa: ANN401 - the verification
        return verify(self.source, self.target, self.run)

    def codes(self, run: Path | None = None) -> dict[str, str]:
        with open_run(run or self.run) as opened:
            return {record.source_id: record.code for record in opened.records()}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    memory.reset("charges-old")
    memory.reset("charges-new")
    found = Two(tmp_path)
    with found.source, found.target:
        yield found


def test_a_charge_arrives_once_with_its_type_policy_invoicing_and_tag(two: Two) -> None:
    two.charge("10.50", tag="late", policy_id="P1", invoicing=Invoicing.IMMEDIATE)
    planned = two.plan(policies=PolicyMap.from_pairs({"P1": "Q1"}))
    assert (planned.charges, planned.money, planned.exit_status) == ({"USD": Decimal("10.5")}, {}, 0)
    two.apply(expect=planned.hash)
    (copy,) = two.there()
    assert (copy.amount, copy.type, copy.policy_id, copy.tag) == (Decimal("10.50"), "NewFee", "Q1", "late")
    assert (copy.invoicing, copy.mark is not None) == (Invoicing.IMMEDIATE, True)
    assert two.verify().exit_status == 0
    assert two.apply().writes == 0


def test_credits_and_charges_travel_in_one_run_and_are_counted_apart(two: Two) -> None:
    two.source.credits.create(CreditDraft(account_id="1", currency="USD", amount=Decimal(50)))
    two.charge("7")
    two.charge("-2", "Discount")
    planned = two.plan()
    assert (planned.money, planned.charges) == ({"USD": Decimal(50)}, {"USD": Decimal(5)})
    applied = two.apply()
    assert (applied.money, applied.charges) == ({"USD": Decimal(50)}, {"USD": Decimal(5)})
    lines = {line.record_type: (line.before, line.carried, line.after, line.sign) for line in two.verify().conservation}
    assert lines == {
        RecordType.CREDIT: (Decimal(0), Decimal(50), Decimal(50), "="),
        RecordType.CHARGE: (Decimal(0), Decimal(5), Decimal(5), "="),
    }


def test_without_being_asked_for_charges_are_not_read(two: Two) -> None:
    two.charge("7")
    assert two.plan(include=frozenset()).counts["create"] == 0
    assert two.codes() == {}


def test_planning_charges_needs_a_map_of_types_and_backends_that_have_charges(two: Two) -> None:
    with pytest.raises(ConfigurationError, match="no charge type is mapped"):
        two.plan(charge_types=None)

    class Without(Vendor):
        capabilities = type(Vendor.capabilities)(
            {k: v for k, v in Vendor.capabilities.operations.items() if not k.startswith("charges.add")}
        )

    with Billing("new", Without(MemorySettings(store="charges-new"))) as target, pytest.raises(UnsupportedOperation, match="charges.add"):
        plan(two.source, target, two.run, PlanOptions(accounts=ACCOUNTS, include=frozenset({"charges"}), charge_types=TYPES))


def test_what_was_reversed_stays_behind_with_its_reversal(two: Two) -> None:
    undone = two.charge("9")
    reversal = two.source.charges.reverse("1", [undone])[0].id
    two.plan()
    assert two.codes() == {undone: "reversed", reversal: "reversal"}


def test_a_type_is_mapped_left_behind_by_name_or_blocks(two: Two) -> None:
    ids = [two.charge("1", kind) for kind in ("Fee", "Tax", "Unheard")]
    planned = two.plan()
    assert [two.codes()[one] for one in ids] == ["create", "left-behind", "unmapped-charge-type"]
    assert any("charge type Unheard is not in the map" in reason.sample for reason in planned.reasons)
    assert planned.exit_status == 1
    two.plan(same_charge_types=True)
    assert [two.codes()[one] for one in ids] == ["create", "left-behind", "create"]


def test_every_category_has_a_rule_and_one_that_nobody_documented_blocks(two: Two) -> None:
    assert set(CATEGORIES) == set(ChargeCategory)
    (made,) = two.source.charges.add([ChargeDraft(account_id="1", currency="USD", amount=Decimal(3), type="Fee")])
    odd = made.replace(category=ChargeCategory.UNKNOWN, remote_category="levy")
    two.old.store._charges[made.id] = odd
    planned = two.plan()
    assert two.codes() == {made.id: "unknown-category"}
    assert 'the source says "levy"' in planned.reasons[0].sample


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("policy_id", "unmapped-policy"),
        ("transaction_id", "unmapped-transaction"),
        ("element_id", "unmapped-element"),
        ("element_static_id", "unmapped-element-static"),
    ],
)
def test_what_a_charge_belongs_to_is_mapped_or_blocks(field: str, code: str, two: Two) -> None:
    one = two.charge("4", **{field: "X"})
    two.plan()
    assert two.codes() == {one: code}
    mapped = PolicyMap.from_callable(lambda kind, source: f"new-{source}" if kind is LinkKind(field.removesuffix("_id")) else None)
    two.plan(policies=mapped)
    two.apply()
    assert getattr(two.there()[0], field) == "new-X"


def test_invoicing_is_that_of_the_source_or_of_the_map_and_an_unknown_one_blocks(two: Two) -> None:
    one = two.charge("4", invoicing=Invoicing.SCHEDULED)
    two.plan(charge_types=ChargeTypeMap.from_callable(lambda _: MappedType("NewFee", Invoicing.NEXT)))
    two.apply()
    assert two.there()[0].invoicing is Invoicing.NEXT
    odd = two.old.store._charges[one].replace(invoicing=Invoicing.UNKNOWN)
    two.old.store._charges[one] = odd
    other = two.folder / "other.db"
    two.plan(other)
    assert two.codes(other) == {one: "unknown-invoicing"}


def test_an_unmapped_account_blocks_its_charges(two: Two) -> None:
    two.source.credits.create(CreditDraft(account_id="9", currency="USD", amount=Decimal(50)))
    one = two.charge("4", account="9")
    two.plan()
    assert two.codes()[one] == "unmapped-account"


def test_a_charge_that_is_on_an_invoice_waits_for_a_decision(two: Two) -> None:
    one, other = two.charge("4"), two.charge("5")
    two.old.invoices = {one: "INV-1"}
    planned = two.plan()
    assert two.codes() == {one: "invoiced", other: "create"}
    assert any("would be owed twice" in reason.sample and "--invoiced-charges copy|skip" in reason.sample for reason in planned.reasons)
    assert planned.counts["blocked"] == 1
    assert two.plan(invoiced_charges="skip").counts["skip"] == 1
    assert two.plan(invoiced_charges="copy").counts["create"] == 2


def test_a_charge_that_was_invoiced_since_the_plan_is_refused(two: Two) -> None:
    one = two.charge("4")
    two.old.invoices = {}
    two.plan()
    two.old.invoices = {one: "INV-1"}
    applied = two.apply()
    assert [(problem.what, problem.source_id) for problem in applied.problems] == [("refused", one)]
    assert two.there() == []


def test_a_charge_that_was_reversed_since_the_plan_is_refused_and_seen_by_verify(two: Two) -> None:
    one, other = two.charge("4"), two.charge("5")
    two.plan()
    two.source.charges.reverse("1", [one])
    assert [problem.source_id for problem in two.apply().problems] == [one]
    two.source.charges.reverse("1", [other])
    assert {(item.sign, item.source_id) for item in two.verify().differences} == {("-", one), ("*", other)}


def test_a_charge_that_is_a_credit_too_travels_as_a_credit_and_never_as_both(two: Two) -> None:
    two.old.are_credits = True
    one = two.charge("-20", "Discount")
    planned = two.plan()
    assert (planned.money, planned.charges) == ({"USD": Decimal(20)}, {})
    assert two.codes() == {f"credit-of:{one}": "create"}
    two.apply()
    assert ([credit.amount for credit in two.target.credits.list("A")], two.there()) == ([Decimal(20)], [])
    assert two.verify().exit_status == 0


def test_it_travels_as_a_charge_where_that_is_asked_for_and_counts_at_the_target_as_what_it_is_there(two: Two) -> None:
    two.old.are_credits = two.new.are_credits = True
    two.charge("-20", "Discount")
    two.charge("3")
    planned = two.plan(credit_charges="charge")
    assert (planned.money, planned.charges) == ({}, {"USD": Decimal(-17)})
    two.apply()
    assert sorted(charge.amount for charge in two.there()) == [Decimal(-20), Decimal(3)]
    lines = {line.record_type: (line.carried, line.after) for line in two.verify().conservation}
    assert lines == {RecordType.CREDIT: (Decimal(20), Decimal(20)), RecordType.CHARGE: (Decimal(3), Decimal(3))}
    assert two.verify().exit_status == 0
    undone = rollback(two.target, two.run)
    assert (undone.undone, undone.net_charges, undone.exit_status) == (2, {"USD": Decimal(0)}, 0)
    assert two.verify().exit_status == 0


def test_a_credit_charge_of_which_some_is_spent_cannot_travel_as_a_charge(two: Two) -> None:
    two.old.are_credits, two.old.spent = True, Decimal(5)
    one = two.charge("-20", "Discount")
    planned = two.plan(credit_charges="charge")
    assert two.codes() == {f"credit-of:{one}": "spent"}
    assert "15 USD remains" in planned.reasons[0].sample


@pytest.mark.parametrize(("first", "second"), [("credit", "charge"), ("charge", "credit")])
def test_what_travelled_in_one_form_is_not_made_again_in_the_other(first: str, second: str, two: Two) -> None:
    two.old.are_credits = True
    two.charge("-20", "Discount")
    two.plan(credit_charges=first)
    two.apply()
    other = two.folder / "other.db"
    assert two.plan(other, credit_charges=second).counts["conflict"] == 1
    assert set(two.codes(other).values()) == {"copied-otherwise"}


def test_a_copy_that_stands_is_found_by_its_mark(two: Two) -> None:
    two.charge("4", tag="note")
    two.plan()
    two.apply()
    again = two.folder / "again.db"
    planned = two.plan(again)
    assert planned.counts["exists"] == 1
    assert apply(two.source, two.target, again).writes == 0
    assert verify(two.source, two.target, again).exit_status == 0


@pytest.mark.parametrize(
    ("copies", "code"),
    [
        ([{}, {}], "several-copies"),
        ([{"amount": Decimal(5)}], "copy-of-another-amount"),
        ([{"type": "Other"}], "copy-of-another-type"),
        ([{"account_id": "B"}], "copy-in-another-account"),
    ],
)
def test_anything_else_that_carries_the_mark_is_a_conflict(copies: list[dict[str, Any]], code: str, two: Two) -> None:
    one = two.charge("4")
    two.plan()
    with open_run(two.run) as opened:
        mark = next(opened.records()).mark
    for changes in copies:
        usual = {"account_id": "A", "currency": "USD", "amount": Decimal(4), "type": "NewFee", "tag": mark}
        two.target.charges.add([ChargeDraft(**{**usual, **changes})])
    two.plan()
    assert two.codes() == {one: code}


def test_a_copy_that_was_reversed_at_the_target_is_a_conflict(two: Two) -> None:
    one = two.charge("4")
    two.plan()
    two.apply()
    two.target.charges.reverse("A", [two.there()[0].id])
    other = two.folder / "other.db"
    two.plan(other)
    assert two.codes(other) == {one: "reversed-copy"}


def test_an_unmarked_charge_of_the_same_type_and_amount_blocks_until_somebody_decides(two: Two) -> None:
    one, other = two.charge("4"), two.charge("6")
    two.target.charges.add([ChargeDraft(account_id="A", currency="USD", amount=Decimal(4), type="NewFee")])
    two.target.charges.add([ChargeDraft(account_id="A", currency="USD", amount=Decimal(6), type="Other")])
    planned = two.plan()
    assert two.codes() == {one: "look-alike", other: "create"}
    assert any("charge charge-1 of the target looks the same (account, currency, amount, type)" in r.sample for r in planned.reasons)
    assert two.plan(look_alikes="create").counts["create"] == 2


def test_what_came_from_the_target_is_not_copied_back(two: Two) -> None:
    two.charge("4")
    two.plan()
    two.apply()
    back = PlanOptions(
        accounts=AccountMap.from_pairs({"A": "1"}), include=frozenset({"charges"}), charge_types=ChargeTypeMap.from_pairs({"NewFee": "Fee"})
    )
    other = two.folder / "back.db"
    plan(two.target, two.source, other, back)
    assert list(two.codes(other).values()) == ["came-from-there"]


@pytest.mark.parametrize("took_effect", [True, False])
def test_a_lost_answer_ends_in_one_charge(took_effect: bool, two: Two) -> None:
    two.charge("4")
    two.charge("6")
    two.plan()
    two.new.lose = [took_effect]
    applied = two.apply()
    assert (applied.counts, [charge.amount for charge in two.there()]) in [
        ({"created": 2}, [Decimal(4), Decimal(6)]),
        ({"created": 2}, [Decimal(6), Decimal(4)]),
    ]
    assert two.verify().exit_status == 0


def test_a_mark_that_does_not_come_back_stops_the_run(two: Two) -> None:
    two.charge("4")
    two.charge("6")
    two.plan()
    two.new.break_tags = True
    applied = two.apply()
    assert (applied.exit_status, len(two.there())) == (4, 1)
    assert "the vendor cut it off or changed it" in applied.stopped


def test_a_type_of_another_category_at_the_target_stops_the_run(two: Two) -> None:
    two.charge("4")
    two.plan()
    real = two.new.store._keep

    def kept(draft: ChargeDraft, invoicing: Invoicing) -> str:
        made = real(draft, invoicing)
        two.new.store._charges[made] = two.new.store._charges[made].replace(category=ChargeCategory.TAX)
        return made

    two.new.store._keep = kept  # type: ignore[method-assign]
    try:
        applied = two.apply()
    finally:
        del two.new.store._keep
    assert "with category tax instead of none" in applied.stopped


def test_verify_finds_what_is_wrong_with_charges(two: Two) -> None:
    ids = [two.charge(amount) for amount in ("4", "5", "6")]
    two.plan()
    two.apply()
    by_amount = {charge.amount: charge for charge in two.there()}
    two.target.charges.reverse("A", [by_amount[Decimal(4)].id])
    five, twice = by_amount[Decimal(5)], by_amount[Decimal(6)]
    two.new.store._charges[five.id] = five.replace(policy_id="Z")
    two.target.charges.add([ChargeDraft(account_id="A", currency="USD", amount=Decimal(6), type="NewFee", tag=twice.mark)])
    two.target.charges.add([ChargeDraft(account_id="A", currency="USD", amount=Decimal(5), type="NewFee")])
    two.target.charges.add([ChargeDraft(account_id="A", currency="USD", amount=Decimal(-8), type="Odd")])
    found = two.verify()
    assert {(item.sign, item.code, item.source_id) for item in found.differences} == {
        ("-", "reversed", ids[0]),
        ("*", "charge", ids[1]),
        ("+", "made-twice", ids[2]),
        ("+", "made-by-hand", ids[1]),
        ("+", "extra", ""),
    }
    assert [line.sign for line in found.conservation] == ["-"]


def test_rollback_reverses_the_newest_first_names_what_stays_on_the_books_and_apply_works_again(two: Two) -> None:
    two.charge("4")
    two.charge("6")
    own = two.target.charges.add([ChargeDraft(account_id="A", currency="USD", amount=Decimal(1), type="Own")])[0]
    two.plan()
    two.apply()
    copies = [charge.id for charge in two.there() if charge.mark]
    undone = rollback(two.target, two.run)
    assert [charge.reversal_of for charge in two.there() if charge.reversal_of] == copies[::-1]
    assert (undone.undone, undone.charges, undone.net_charges) == (2, {"USD": Decimal(10)}, {"USD": Decimal(0)})
    assert sorted(trace.target_id for trace in undone.traces) == sorted(copies)
    assert own.id not in {trace.target_id for trace in undone.traces}
    assert sum(charge.amount for charge in two.there()) == own.amount
    assert two.verify().exit_status == 0
    assert two.apply().counts == {"created": 2}
    assert two.verify().exit_status == 0


def test_a_charge_that_somebody_else_reversed_is_gone_and_a_changed_one_is_left(two: Two) -> None:
    two.charge("4")
    two.charge("6")
    two.plan()
    two.apply()
    four, six = sorted(two.there(), key=lambda charge: charge.amount)
    two.target.charges.reverse("A", [four.id])
    two.new.store._charges[six.id] = six.replace(policy_id="Z")
    undone = rollback(two.target, two.run)
    assert [(problem.target_id, "touched" in problem.reason) for problem in undone.remains] == [(six.id, True)]
    assert undone.net_charges == {"USD": Decimal(6)}


def test_everything_about_charges_is_in_the_hash(two: Two) -> None:
    two.charge("4", policy_id="P")
    usual: dict[str, Any] = {"policies": PolicyMap.from_pairs({"P": "Q"})}
    changes: list[dict[str, Any]] = [
        {},
        {"policies": PolicyMap.from_pairs({"P": "R"})},
        {"charge_types": ChargeTypeMap.from_pairs({"Fee": "Other"})},
        {"charge_types": ChargeTypeMap({"Fee": MappedType("NewFee", Invoicing.SCHEDULED)})},
        {"same_charge_types": True},
        {"credit_charges": "charge"},
        {"invoiced_charges": "copy"},
        {"include": frozenset({"charges", "payments"})},
    ]
    hashes = [two.plan(two.folder / f"{i}.db", **{**usual, **change}).hash for i, change in enumerate(changes)]
    assert len(set(hashes)) == len(changes)
    assert two.plan(two.folder / "same.db", **usual).hash == hashes[0]


def test_guards_count_charges_whatever_their_sign(two: Two) -> None:
    two.charge("100")
    two.charge("-100", "Discount")
    planned = two.plan(guards=Guards(max_money={"USD": Decimal(150)}, max_credit={"USD": Decimal(99)}))
    assert [text.split(";")[1].strip() for text in planned.stopped_by] == [
        "--max-money USD=200 would let it pass",
        "--max-credit USD=100 would let it pass",
    ]
    with pytest.raises(GuardStopped):
        two.apply()
    with pytest.raises(PlanMismatch):
        two.apply(expect="another")


def test_filters_choose_charges_too(two: Two) -> None:
    one, other = two.charge("1"), two.charge("2", account="2")
    two.source.credits.create(CreditDraft(account_id="1", currency="USD", amount=Decimal(50)))
    two.plan(ids=frozenset({one}))
    assert {key: value for key, value in two.codes().items() if value == "create"} == {one: "create"}
    two.plan(only_accounts=frozenset({"2"}))
    assert two.codes() == {other: "create"}
    assert two.plan(kinds=frozenset({CreditKind.CHARGE})).money == {}


def test_a_tag_with_a_card_number_is_masked_or_carried_by_name_and_never_stored(two: Two) -> None:
    two.charge("1", tag="card 4111 1111 1111 1111")
    planned = two.plan()
    assert [(loss.field, loss.count) for loss in planned.losses] == [("tag", 1)]
    two.plan(allow_card_numbers=True)
    assert b"4111 1111" not in two.run.read_bytes()
    two.apply()
    assert two.there()[0].tag == "card 4111 1111 1111 1111"


def test_a_run_tells_of_each_record_in_which_form_it_travels(two: Two) -> None:
    two.source.credits.create(CreditDraft(account_id="1", currency="USD", amount=Decimal(50)))
    two.charge("4")
    two.plan()
    two.apply()
    with open_run(two.run) as opened:
        found = [(record.record_type, record.type, record.decision) for record in opened.records()]
        assert [entry.step for entry in opened.journal() if entry.phase == "intent"]
    assert found == [(RecordType.CHARGE, "NewFee", Decision.CREATE), (RecordType.CREDIT, "", Decision.CREATE)]


def test_an_account_that_is_said_not_to_be_there_is_not_counted_as_one_without_copies(two: Two) -> None:
    two.charge("4")
    two.plan()
    two.apply()
    two.new.not_there = 2
    (problem,) = two.apply().problems
    assert (problem.what, problem.account) == ("unreadable", "A")


def test_nothing_is_made_in_an_account_that_is_said_not_to_be_there_when_copies_are_looked_for(two: Two) -> None:
    two.charge("4")
    two.plan()
    with_other_run = two.folder / "other.db"
    two.plan(with_other_run)
    apply(two.source, two.target, with_other_run, ApplyOptions(settle=0))
    two.new.not_there = 2
    assert [problem.what for problem in two.apply().problems] == ["failed"]
    two.new.not_there = 0
    assert len(two.there()) == 1
    assert (two.apply().exit_status, len(two.there())) == (0, 1)
