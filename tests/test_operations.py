"""What the facade's flows do step by step, driven by hand."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from unibill import marks
from unibill.drafts import CreditDraft
from unibill.errors import Conflict
from unibill.flow import Done, Flow, Request, Response, Step, exchange
from unibill.model import Credit, CreditKind, Direction, Status
from unibill.operations import Operations
from unibill.testing.memory import MemoryProvider, MemorySettings

DRAFT = CreditDraft(account_id="269", currency="USD", amount=Decimal(50))
MARK = marks.key_mark("order-17")


def credit(credit_id: str, status: Status = Status.OPEN) -> Credit:
    return Credit(
        id=credit_id,
        provider="memory",
        account_id="269",
        kind=CreditKind.CREDIT_NOTE,
        direction=Direction.TO_ACCOUNT,
        status=status,
        remote_status="",
        currency="USD",
        amount=Decimal(50),
        mark=MARK,
    )


class HalfDone(MemoryProvider):
    """Needs two writes for a credit, and can tell from a found one which are done."""

    def __init__(self, found: Sequence[Credit], done: Done) -> None:
        super().__init__(MemorySettings(store="half-done"))
        self.found = found
        self.done = done
        self.given: Done | None = None

    def find_marked(self, account: str | None, marks: object) -> Flow[list[Credit]]:
        assert (account, marks) == ("269", frozenset({MARK}))
        yield from exchange(Request("find", "GET", "/"))
        return list(self.found)

    def done_from(self, credit: Credit) -> Done:
        assert credit in self.found
        return self.done

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        assert (draft, mark) == (DRAFT, MARK)
        self.given = done
        yield Step("second", done=False)
        return credit("made")


def play(flow: Flow[Credit]) -> tuple[Credit, list[object]]:
    seen: list[object] = []
    try:
        item = next(flow)
        while True:
            seen.append(item)
            item = flow.send(Response(200, {}, b"{}") if isinstance(item, Request) else None)
    except StopIteration as stop:
        made: Credit = stop.value
        return made, seen


def test_under_a_key_the_credit_is_looked_for_before_it_is_made() -> None:
    provider = HalfDone([], {})
    made, seen = play(Operations("main", provider).create_credit(DRAFT, "order-17"))

    assert made.id == "made"
    assert seen == [Request("find", "GET", "/"), Step("second", done=False)]
    assert provider.given == {}


def test_a_credit_that_was_left_half_made_is_finished_from_where_it_stands() -> None:
    provider = HalfDone([credit("half")], {"first": {"id": "half"}})
    made, _ = play(Operations("main", provider).create_credit(DRAFT, "order-17"))

    assert made.id == "made"
    assert provider.given == {"first": {"id": "half"}}


def test_a_credit_that_is_whole_is_given_and_nothing_is_written() -> None:
    provider = HalfDone([credit("whole")], {})
    made, seen = play(Operations("main", provider).create_credit(DRAFT, "order-17"))

    assert (made.id, seen, provider.given) == ("whole", [Request("find", "GET", "/")], None)


def test_a_credit_that_was_made_with_the_other_sign_is_refused_however_often_it_is_asked_for() -> None:
    provider = HalfDone([credit("whole").replace(direction=Direction.FROM_ACCOUNT)], {})

    with pytest.raises(Conflict, match="credit whole was made, and takes 50 USD"):
        play(Operations("main", provider).create_credit(DRAFT, "order-17"))
    assert provider.given is None


def test_credits_that_are_gone_do_not_stand_in_the_way() -> None:
    provider = HalfDone([credit(str(status), status) for status in (Status.VOID, Status.REVERSED, Status.FAILED)], {})

    assert play(Operations("main", provider).create_credit(DRAFT, "order-17"))[0].id == "made"
