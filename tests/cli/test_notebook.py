"""What a notebook shows of records and runs: every digit, outside text as text, and nothing that a saved notebook must not hold."""

from decimal import Decimal
from html.parser import HTMLParser

import pytest

from tests.support.commands import Place
from unibill import Allocation, Charge, Credit, Records, connect, copying
from unibill.model import ChargeCategory, CreditKind, Direction, Invoicing, Status, Target, TargetType

SCRIPT = "<script>alert(1)</script>"
CARD = "4242 4242 4242 4242"


class Seen(HTMLParser):
    """The elements and the words of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.elements.add(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def seen(value: object) -> Seen:
    shown = value._repr_html_()  # type: ignore[attr-defined]  # what a notebook looks for
    return Seen(shown)


ALLOCATION = Allocation(
    id="10355", credit_id="10095", target=Target(type=TargetType.INVOICE, id="11352"), amount=Decimal("1.5"), currency="ZAR"
)


def credit(memo: str = "") -> Credit:
    return Credit(
        id="10095",
        provider="billagain",
        account_id="269",
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
        status=Status.PARTIALLY_APPLIED,
        remote_status="Partial",
        currency="ZAR",
        amount=Decimal("12345678901234567.89"),
        remaining=Decimal(3),
        number=CARD,
        memo=memo,
        allocations=(ALLOCATION,),
    )


CHARGE = Charge(
    id="01J",
    provider="socotra",
    account_id="a",
    currency="JPY",
    amount=Decimal(-300),
    category=ChargeCategory.CREDIT,
    remote_category="credit",
    type="Goodwill",
    invoicing=Invoicing.NEXT,
    tag=SCRIPT,
)


def test_a_credit_shows_its_digits_its_allocations_and_outside_text_as_text() -> None:
    page = seen(credit(f"{SCRIPT} \u202e"))
    assert {"12345678901234567.89", "3.00", "1.50", "10355", "type invoice, id 11352"} <= set(page.words)
    assert "script" not in page.elements
    assert f"{SCRIPT} \\u202e" in "".join(page.words)
    assert CARD not in "".join(page.words)
    assert "••••4242" in page.words


@pytest.mark.parametrize("value", [ALLOCATION, CHARGE], ids=lambda value: type(value).__name__)
def test_allocations_and_charges_show_themselves_too(value: object) -> None:
    page = seen(value)
    assert page.words[0] == type(value).__name__
    assert "script" not in page.elements


def test_a_list_is_one_table_of_the_columns_that_hold_something() -> None:
    page = seen(Records([credit(), credit(SCRIPT)]))
    assert page.words.count("10095") >= 2
    assert "memo" in page.words
    assert "reversal_reason" not in page.words
    assert "script" not in page.elements


def test_a_long_list_shows_its_beginning_and_says_how_much_is_left_out() -> None:
    assert "50 more are not shown" in seen(Records([CHARGE] * 250)).words
    assert seen(Records()).words == ["no records"]


def test_a_plan_and_a_verification_show_their_tables(place: Place) -> None:
    options = copying.PlanOptions(accounts=copying.AccountMap.from_csv(place.folder / "accounts.csv"))
    with connect("billagain") as source, connect("socotra") as target:
        plan = copying.plan(source, target, place.folder / "a.run", options)
        proof = copying.verify(source, target, place.folder / "a.run")
    page = seen(plan)
    assert {"PlanSummary", plan.hash, "totals", "reasons", "losses"} <= set(page.words)
    assert page.words[page.words.index("counts") + 1].startswith("create ")
    assert {"Verification", "conservation"} <= set(seen(proof).words)
