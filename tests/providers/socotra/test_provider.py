"""The provider's reads over real HTTP against the sandbox."""

from decimal import Decimal

import pytest
from msgspec.structs import asdict
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox import records as r
from unibill_socotra.sandbox.payments import NewPayment
from unibill_socotra.sandbox.tenant import TENANT

from tests.providers.socotra.living import Live, OpenLive
from unibill import marks
from unibill.capabilities import Operation
from unibill.drafts import AllocationDraft, CreditDraft
from unibill.errors import AuthenticationFailed, InvalidQuery, MalformedResponse, NotFound, PermissionDenied
from unibill.model import Credit, CreditKind, Direction, Status, TargetType
from unibill.provider import Addressing, ChargeQuery, CreditQuery

MARK = marks.mark("billagain:host:1042", "credit_note", "10081")
OTHER = marks.mark("billagain:host:1042", "credit_note", "10082")
NOWHERE = "01JBAS3SK5ABDPV2E32GNXW7Z6"


def pay(live: Live, account: str | None, amount: str, invoice: str) -> str:
    wanted = NewPayment("Cash", Decimal(amount), "USD", [r.Item(invoice, "invoice")], account)
    return live.system.engine.payments.run(wanted).locator


def spend(live: Live, account: str, amount: str, invoice: str) -> str:
    asked = r.Asked(account, Decimal(amount), "USD", [r.Item(account, "account")], [r.Item(invoice, "invoice")])
    return live.system.engine.distributions.run(asked).locator


def test_an_account_without_allocations_lists_the_vendors_credits_and_then_its_credit_charges(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "40.00")
    charge = live.charge(account, "-50.00", tag=f"{MARK} hello")
    payment = pay(live, account, "10.00", invoice)
    found = live.credits(account, allocations=False)
    kinds = {credit.id: (credit.kind, credit.remaining, credit.allocations) for credit in found}
    assert kinds[f"charge:{charge}"] == (CreditKind.CHARGE, None, None)
    assert kinds[f"payment:{payment}"] == (CreditKind.PAYMENT, None, None)
    assert {credit.kind for credit in found} == {CreditKind.CHARGE, CreditKind.PAYMENT, CreditKind.DISTRIBUTION}
    marked = next(credit for credit in found if credit.kind is CreditKind.CHARGE)
    assert (marked.mark, marked.memo, marked.amount, marked.status) == (MARK, "hello", Decimal("50.00"), Status.OPEN)


def test_reversed_credits_come_only_when_asked_for(live: Live) -> None:
    account = live.account()
    charge = live.charge(account, "-50.00")
    live.system.engine.charges.reverse(account, [charge], "next")
    payment = pay(live, account, "10.00", live.bill(account, "10.00"))
    live.system.engine.payments.reverse(payment, "migration")
    gone = {f"charge:{charge}", f"payment:{payment}"}
    for allocations in (False, True):
        assert not gone & {credit.id for credit in live.credits(account, allocations=allocations)}
        found = live.credits(account, allocations=allocations, include_reversed=True)
        assert {credit.id: (credit.status, credit.remaining) for credit in found if credit.id in gone} == dict.fromkeys(
            gone, (Status.REVERSED, Decimal(0))
        )


def test_all_credits_of_the_tenant_come_by_offsets_and_leave_charges_out(open_live: OpenLive) -> None:
    with open_live({"page_size": 2}) as live:
        accounts = [live.account(), live.account()]
        for account in accounts:
            live.charge(account, "-50.00")
            pay(live, account, "5.00", live.bill(account, "5.00"))
        assert live.provider.credit_pages(CreditQuery()) == Addressing(0, 2)
        first = live.run(live.provider.list_credits(CreditQuery(), None))
        second = live.run(live.provider.list_credits(CreditQuery(), first.next))
        kinds = [credit.kind for credit in (*first.items, *second.items)]
        assert sorted(kinds) == [CreditKind.DISTRIBUTION, CreditKind.DISTRIBUTION, CreditKind.PAYMENT, CreditKind.PAYMENT]
        assert (first.next, second.next) == (2, None)
        assert live.provider.credit_pages(CreditQuery(account=accounts[0])) is None


def test_a_page_that_data_access_rules_emptied_ends_nothing(open_live: OpenLive) -> None:
    with open_live({"page_size": 2}, hidden_items="whole-page", completed_flag="late") as live:
        account = live.account()
        for _ in range(7):
            live.charge(account, "-5.00")
        page = live.run(live.provider.list_charges(ChargeQuery(account=account), None))
        seen, places = len(page.items), [page.next]
        while page.next is not None:
            page = live.run(live.provider.list_charges(ChargeQuery(account=account), page.next))
            seen += len(page.items)
            places.append(page.next)
        assert places[:3] == [2, 4, 6]
        assert 0 < seen < 7


def test_an_invoices_credits_are_the_vendors_list_or_with_allocations_the_credits_that_paid_it(live: Live) -> None:
    account = live.account()
    invoice, other = live.bill(account, "40.00"), live.bill(account, "9.00")
    charge = live.charge(account, "-50.00")
    distribution = spend(live, account, "15.00", invoice)
    spend(live, account, "9.00", other)
    payment = pay(live, account, "5.00", invoice)
    listed = live.run(live.provider.list_credits(CreditQuery(invoice=invoice), None)).items
    assert {credit.id for credit in listed} == {f"distribution:{distribution}", f"payment:{payment}"}
    paid = live.run(live.provider.list_credits(CreditQuery(invoice=invoice, allocations=True), None)).items
    assert {credit.id for credit in paid} == {f"charge:{charge}", f"payment:{payment}"}


def test_an_invoices_credits_are_those_too_that_paid_single_items_of_it(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "40.00")
    item = live.system.engine.core.store.get(r.Invoice, invoice).invoice_items[0].locator
    payment = live.system.engine.payments.run(NewPayment("Cash", Decimal("5.00"), "USD", [r.Item(item, "invoiceItem")], account)).locator
    paid = live.run(live.provider.list_credits(CreditQuery(invoice=invoice, allocations=True), None)).items
    assert {credit.id for credit in paid} == {f"payment:{payment}"}


def test_when_a_write_off_was_applied_and_undone_is_told_with_its_allocations_too(live: Live) -> None:
    account = live.account()
    write_offs = live.system.engine.write_offs
    stands, gone = (write_offs.create(account, [r.Item(live.bill(account, "5.00"), "invoice")]).locator for _ in range(2))
    write_offs.reverse(gone)
    told = {}
    for allocations in (False, True):
        found = {credit.id: credit for credit in live.credits(account, allocations=allocations, include_reversed=True)}
        told[allocations] = [
            (credit.realized_at, credit.reversed_at, credit.reversal_reason)
            for credit in (found[f"write_off:{stands}"], found[f"write_off:{gone}"])
        ]
    assert told[True] == told[False]
    assert told[True][0][0] is not None
    assert told[True][1][1] is not None


def test_when_a_shortfall_was_written_off_and_undone_is_told_with_its_allocations_too(live: Live) -> None:
    account = live.account(shortfall_tolerance_plan="StandardTolerance")
    made = [pay(live, account, "4.99", live.bill(account, "5.00")) for _ in range(2)]
    live.system.engine.payments.reverse(made[0], "migration")
    told = {}
    for allocations in (False, True):
        found = live.credits(account, allocations=allocations, include_reversed=True)
        shortfalls = sorted((credit for credit in found if credit.kind is CreditKind.SHORTFALL_WRITE_OFF), key=lambda credit: credit.id)
        told[allocations] = [(credit.status, credit.realized_at, credit.reversed_at, credit.reversal_reason) for credit in shortfalls]
    assert len(told[True]) == 2
    assert told[True] == told[False]


def test_a_payment_without_an_account_is_read_whole_where_the_account_is_given(live: Live) -> None:
    account = live.account()
    invoice = live.bill(account, "40.00")
    payment = pay(live, None, "5.00", invoice)
    credit = live.run(live.provider.get_credit(f"payment:{payment}", account))
    assert [(edge.target.id, edge.amount) for edge in credit.allocations or ()] == [(invoice, Decimal("5.00"))]


def test_what_would_be_sent_names_the_kind_of_each_target(live: Live) -> None:
    spent = (
        AllocationDraft(target_id=NOWHERE, amount=Decimal(1)),
        AllocationDraft(target_id=NOWHERE, target_type=TargetType.INVOICE_ITEM, amount=Decimal(2)),
    )
    draft = CreditDraft(account_id=NOWHERE, currency="USD", amount=Decimal(3), allocations=spent)
    targets = live.provider.vendor_draft(draft, None)["targets"]
    assert isinstance(targets, list)
    assert [target["containerType"] for target in targets] == ["invoice", "invoiceItem"]


def test_allocations_of_the_whole_tenant_are_refused_before_any_request(live: Live) -> None:
    before = len(live.sent())
    with pytest.raises(InvalidQuery, match="account="):
        live.run(live.provider.list_credits(CreditQuery(allocations=True), None))
    assert len(live.sent()) == before


def test_a_place_beyond_all_reason_is_taken_for_a_list_without_end(live: Live) -> None:
    with pytest.raises(MalformedResponse, match="does not end"):
        live.run(live.provider.list_credits(CreditQuery(), 2**31))
    with pytest.raises(InvalidQuery):
        live.run(live.provider.list_credits(CreditQuery(), "elsewhere"))


def test_each_kind_of_credit_is_read_by_its_id_with_its_allocations(live: Live) -> None:
    account = live.account(shortfall_tolerance_plan="StandardTolerance")
    engine = live.system.engine
    invoice, small = live.bill(account, "40.00"), live.bill(account, "20.00")
    charge = live.charge(account, "-50.00")
    distribution = spend(live, account, "15.00", invoice)
    payment = pay(live, account, "19.50", small)
    shortfall = engine.core.store.query(r.Shortfall, "1 = 1")[0].locator
    written = engine.write_offs.create(account, [r.Item(invoice, "invoice", Decimal("5.00"))]).locator
    out = engine.disbursements.pay_out(account, Decimal("10.00"), "USD").locator
    wanted = {
        f"charge:{charge}": (Decimal("15.00"), Decimal("25.00")),
        f"payment:{payment}": (Decimal("19.50"), Decimal(0)),
        f"shortfall_write_off:{shortfall}": (Decimal("0.50"), Decimal(0)),
        f"write_off:{written}": (Decimal("5.00"), Decimal(0)),
        f"disbursement:{out}": (Decimal(0), Decimal(0)),
        f"distribution:{distribution}": (Decimal("15.00"), Decimal(0)),
    }
    for credit_id, amounts in wanted.items():
        credit = live.run(live.provider.get_credit(credit_id, account))
        assert (credit.id, credit.applied, credit.remaining) == (credit_id, *amounts)
        assert Credit.validated(asdict(credit)) == credit


def test_a_charge_is_found_only_with_its_account(live: Live) -> None:
    account = live.account()
    charge = live.charge(account, "-50.00")
    with pytest.raises(InvalidQuery, match="account="):
        live.run(live.provider.get_credit(f"charge:{charge}", None))
    with pytest.raises(NotFound):
        live.run(live.provider.get_credit(f"charge:{NOWHERE}", account))
    with pytest.raises(NotFound):
        live.run(live.provider.get_credit(f"payment:{NOWHERE}", None))


def test_a_credit_of_another_account_is_not_found(live: Live) -> None:
    account, other = live.account(), live.account()
    payment = pay(live, account, "5.00", live.bill(account, "5.00"))
    with pytest.raises(NotFound, match=account):
        live.run(live.provider.get_credit(f"payment:{payment}", other))


def test_locators_that_repeat_across_kinds_name_different_credits(live: Live) -> None:
    account = live.account()
    payment = pay(live, account, "5.00", live.bill(account, "5.00"))
    with pytest.raises(NotFound):
        live.run(live.provider.get_credit(f"write_off:{payment}", account))


def test_marks_are_found_on_charges_and_not_on_their_reversals(live: Live) -> None:
    account = live.account()
    kept = live.charge(account, "-50.00", tag=f"{MARK} hello")
    undone = live.charge(account, "-30.00", tag=OTHER)
    live.charge(account, "-20.00", tag="by hand")
    live.system.engine.charges.reverse(account, [undone], "immediate")
    found = {credit.id: (credit.mark, credit.status) for credit in live.run(live.provider.find_marked(account, {MARK, OTHER}))}
    assert found == {f"charge:{kept}": (MARK, Status.OPEN), f"charge:{undone}": (OTHER, Status.REVERSED)}
    with pytest.raises(InvalidQuery):
        live.run(live.provider.find_marked(None, {MARK}))


def test_a_charge_that_carries_a_mark_and_is_no_credit_is_found_and_said_to_be_none(live: Live) -> None:
    account = live.account()
    live.charge(account, "7.00", "ServiceFee", tag=MARK)
    (found,) = live.run(live.provider.find_marked(account, {MARK}))
    assert found.direction is Direction.FROM_ACCOUNT
    assert "not-a-credit" in {finding.code for finding in found.findings}


def test_an_accounts_state_is_its_balances_and_its_plan(live: Live) -> None:
    plain, planned = live.account(), live.account(excess_credit_plan="AutoApply")
    live.charge(plain, "-50.00")
    state = live.run(live.provider.account_state(plain))
    assert (state.balances, state.plan, state.plan_would) == ({"USD": Decimal("50.00")}, None, "")
    state = live.run(live.provider.account_state(planned))
    assert (state.balances, state.plan) == ({}, "AutoApply")
    assert "cannot be read" in state.plan_would
    with pytest.raises(NotFound):
        live.run(live.provider.account_state(NOWHERE))


def test_charges_come_by_account_policy_and_transaction(live: Live) -> None:
    account = live.account()
    policy = live.system.engine.add_policy(account, "USD")
    live.charge(account, "-50.00", tag="x")
    body = live.run(live.provider.api.fetch_charges_by_policy(policy.locator))
    assert list(body.items) == []
    listed = live.run(live.provider.list_charges(ChargeQuery(account=account), None))
    assert [(charge.amount, charge.tag, charge.mark) for charge in listed.items] == [(Decimal("-50.00"), "x", None)]
    transaction = policy.issued_transaction_locator
    for query in (ChargeQuery(policy=policy.locator), ChargeQuery(transaction=transaction, include_all=True)):
        assert list(live.run(live.provider.list_charges(query, None)).items) == []
    assert any("includeAll=true" in entry.query for entry in live.sandbox.requests())
    with pytest.raises(InvalidQuery):
        live.run(live.provider.list_charges(ChargeQuery(), None))


def test_a_token_that_is_not_accepted_and_one_that_lacks_a_permission(open_live: OpenLive) -> None:
    with open_live({"token": "wrong"}) as live, pytest.raises(AuthenticationFailed):
        live.run(live.provider.list_credits(CreditQuery(), None))
    with open_live({"tenant": "00000000-0000-0000-0000-000000000000"}) as live, pytest.raises(PermissionDenied) as caught:
        live.run(live.provider.list_credits(CreditQuery(), None))
    assert caught.value.permission == "credits: read, list"


def test_the_same_tenant_is_the_same_system_whatever_its_address(live: Live) -> None:
    settings = live.provider.settings.model_copy(update={"tenant": TENANT.upper(), "base_url": "https://elsewhere.test"})
    assert SocotraProvider(settings).identity() == live.provider.identity() == f"socotra:{TENANT}"


def test_the_endpoint_holds_the_token_and_does_not_show_it(live: Live) -> None:
    endpoint = live.provider.endpoint()
    token = live.provider.settings.token.get_secret_value()
    assert endpoint.headers == {"Authorization": f"Bearer {token}"}
    assert endpoint.secrets == (token,)
    assert token not in repr(endpoint)


def test_every_operation_and_every_field_is_declared() -> None:
    declared = SocotraProvider.capabilities
    assert declared.faults() == []
    assert set(declared.operations) == set(Operation)
    assert set(declared.credit_fields) == set(Credit.__struct_fields__)
    assert all(claim.permission for claim in declared.operations.values())


def test_the_sandbox_is_the_providers_own() -> None:
    assert SocotraProvider.sandbox() is SocotraSandbox


def test_states_and_fields_that_came_without_notice_break_no_read(open_live: OpenLive) -> None:
    with open_live(forward_fields="on") as live:
        account = live.account()
        invoice = live.bill(account, "40.00")
        live.charge(account, "-50.00")
        pay(live, account, "10.00", invoice)
        spend(live, account, "5.00", invoice)
        for allocations in (False, True):
            found = live.credits(account, allocations=allocations, include_reversed=True)
            assert found
            assert all(Credit.validated(asdict(credit)) == credit for credit in found)
        listed = live.run(live.provider.list_charges(ChargeQuery(account=account), None)).items
        assert all("addedWithoutNotice" in charge.extra for charge in listed)


@pytest.mark.parametrize("form", ["bare-always", "bare-unless-extended"])
def test_lists_of_the_older_form_are_read_to_their_end(open_live: OpenLive, form: str) -> None:
    with open_live({"page_size": 2}, legacy_lists=form) as live:
        account = live.account()
        for _ in range(4):
            live.charge(account, "-5.00")
        first = live.run(live.provider.list_credits(CreditQuery(account=account), None))
        assert first.promised == (form != "bare-always")
        assert len(live.credits(account, allocations=False)) == 8
        assert len(live.credits(account)) == 4
