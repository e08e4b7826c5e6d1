"""What is tried again, what never is, and how long is waited: flows driven by hand, without a clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill.errors import BackendError, MalformedResponse, OutcomeUnknown, Unavailable
from unibill.flow import Effect, Flow, Request, Response, Sleep, Step, exchange
from unibill.retry import LONGEST_WAIT, Policy, resilient, retry_after, said_wait

OK = Response(200, {}, b"{}")
SERVER_TROUBLE = [Response(status, {}, b"") for status in (408, 500, 502, 503, 504, 599)]
LATE = datetime(2026, 4, 5, 12, tzinfo=UTC)


def request(effect: Effect) -> Request:
    return Request("vendorOperation", "GET" if effect is Effect.NONE else "POST", "/x", effect=effect, permission="credits: write")


def broken(sent: bool) -> Unavailable:
    error = Unavailable("the connection broke")
    error.sent = sent
    return error


def called(trouble: Response | BackendError) -> str:
    if isinstance(trouble, Response):
        return str(trouble.status)
    return type(trouble).__name__ + ("-sent" if getattr(trouble, "sent", True) else "-unsent")


class Played:
    """A flow run against answers and errors in order; notes what was sent and how long was waited."""

    def __init__(self, flow: Flow[Response], *happens: Response | BackendError, policy: Policy | None = None) -> None:
        self.sent = 0
        self.waited: list[float] = []
        self.steps: list[Step] = []
        self.result: Response | BackendError
        script = iter(happens)
        layered = resilient(flow, policy or Policy(jitter=lambda: 1.0))
        try:
            self.result = self._play(layered, script)
        except BackendError as error:
            self.result = error
        finally:
            layered.close()
        self.left = len(list(script))

    def _play(self, flow: Flow[Response], script: Iterator[Response | BackendError]) -> Response:
        item = next(flow)
        try:
            while True:
                if isinstance(item, Request):
                    self.sent += 1
                    happened = next(script)
                    item = flow.throw(happened) if isinstance(happened, BackendError) else flow.send(happened)
                    continue
                if isinstance(item, Sleep):
                    self.waited.append(item.seconds)
                else:
                    self.steps.append(item)
                item = flow.send(None)
        except StopIteration as stop:
            result: Response = stop.value
            return result


@pytest.mark.parametrize("effect", [Effect.NONE, Effect.IDEMPOTENT])
@pytest.mark.parametrize("trouble", [*SERVER_TROUBLE, Response(429, {}, b""), broken(True), broken(False)], ids=called)
def test_what_can_be_sent_twice_is_tried_again(effect: Effect, trouble: Response | BackendError) -> None:
    played = Played(exchange(request(effect)), trouble, trouble, OK)

    assert (played.result, played.sent, played.left) == (OK, 3, 0)


def test_pauses_double_and_are_jittered() -> None:
    policy = Policy(jitter=lambda: 0.0)

    assert Played(exchange(request(Effect.NONE)), *SERVER_TROUBLE[:4], OK).waited == [0.5, 1.0, 2.0, 4.0]
    assert Played(exchange(request(Effect.NONE)), *SERVER_TROUBLE[:4], OK, policy=policy).waited == [0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("trouble", [SERVER_TROUBLE[1], Response(429, {}, b"")], ids=["500", "429"])
def test_after_the_last_try_the_flow_sees_the_answer_itself(trouble: Response) -> None:
    played = Played(exchange(request(Effect.NONE)), *[trouble] * 9, policy=Policy(retries=2))

    assert (played.result, played.sent) == (trouble, 3)


def test_after_the_last_try_the_flow_sees_the_error_itself() -> None:
    error = broken(True)
    played = Played(exchange(request(Effect.NONE)), error, error, policy=Policy(retries=1))

    assert (played.result, played.sent) == (error, 2)


def test_no_retries_means_one_try() -> None:
    assert Played(exchange(request(Effect.NONE)), SERVER_TROUBLE[0], policy=Policy(retries=0)).sent == 1


@pytest.mark.parametrize("half", [b'{"items": [{"id": 1', b'[{"id": "x', b"[", b"[1, 2, \n"])
def test_half_an_answer_to_a_read_is_asked_for_again_and_to_a_write_is_not(half: bytes) -> None:
    cut = Response(200, {}, half)

    played = Played(exchange(request(Effect.NONE)), cut, OK)
    assert (played.result, played.sent) == (OK, 2)
    assert Played(exchange(request(Effect.NONE)), *[cut] * 9, policy=Policy(retries=2)).result == cut
    for effect in (Effect.IDEMPOTENT, Effect.ONCE):
        played = Played(exchange(request(effect)), cut, OK)
        assert (played.result, played.sent) == (cut, 1)


@pytest.mark.parametrize("whole", [b"[]", b"{} \n", b"", b"<html>", b"null", b"1"])
def test_what_does_not_look_cut_is_given_to_the_flow_at_once(whole: bytes) -> None:
    assert Played(exchange(request(Effect.NONE)), Response(200, {}, whole)).sent == 1


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 401, 403, 404, 409, 410, 422])
@pytest.mark.parametrize("effect", list(Effect))
def test_any_other_answer_is_given_to_the_flow_at_once(status: int, effect: Effect) -> None:
    answer = Response(status, {"retry-after": "5"}, b"")
    played = Played(exchange(request(effect)), answer)

    assert (played.result, played.sent, played.waited) == (answer, 1, [])


@pytest.mark.parametrize("trouble", [*SERVER_TROUBLE, broken(True), MalformedResponse("too large")], ids=called)
def test_a_write_that_may_have_arrived_is_never_sent_again_and_its_outcome_is_unknown(trouble: Response | BackendError) -> None:
    played = Played(exchange(request(Effect.ONCE)), trouble)

    assert isinstance(played.result, OutcomeUnknown)
    assert (played.result.operation, played.result.permission) == ("vendorOperation", "credits: write")
    assert played.result.status == (trouble.status if isinstance(trouble, Response) else None)
    assert (played.sent, played.waited) == (1, [])


def test_a_write_that_provably_was_not_sent_is_tried_again() -> None:
    played = Played(exchange(request(Effect.ONCE)), broken(False), broken(False), OK)

    assert (played.result, played.sent) == (OK, 3)


def test_a_write_that_never_could_be_sent_is_unavailable_and_not_unknown() -> None:
    played = Played(exchange(request(Effect.ONCE)), *[broken(False)] * 2, policy=Policy(retries=1))

    assert type(played.result) is Unavailable


def test_a_write_refused_for_too_many_requests_is_tried_again() -> None:
    played = Played(exchange(request(Effect.ONCE)), Response(429, {"retry-after": "2"}, b""), OK)

    assert (played.result, played.sent, played.waited) == (OK, 2, [2.0])


def test_a_write_lost_on_its_second_try_is_unknown() -> None:
    played = Played(exchange(request(Effect.ONCE)), broken(False), broken(True), OK)

    assert isinstance(played.result, OutcomeUnknown)
    assert played.sent == 2


def test_an_answer_that_cannot_be_read_is_not_asked_for_again() -> None:
    played = Played(exchange(request(Effect.NONE)), MalformedResponse("too large"), OK)

    assert isinstance(played.result, MalformedResponse)
    assert played.sent == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for_as_asked(status: int) -> None:
    assert Played(exchange(request(Effect.NONE)), Response(status, {"retry-after": "7"}, b""), OK).waited == [7.0]


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_longer_than_the_longest_is_not_waited_for(status: int) -> None:
    answer = Response(status, {"retry-after": str(LONGEST_WAIT + 1)}, b"")
    played = Played(exchange(request(Effect.NONE)), answer)

    assert (played.result, played.sent, played.waited) == (answer, 1, [])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("5", 5),
        (" 5 ", 5),
        ("1.5", 1.5),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1,5", None),
        ("²", None),
        (".", None),
        ("1e3", None),
    ],
)
def test_retry_after_is_read_as_seconds(text: str, seconds: float | None) -> None:
    assert retry_after(Response(429, {"retry-after": text}, b"")) == seconds


def test_retry_after_is_read_as_a_date_and_a_past_one_means_now() -> None:
    def asked(moment: str) -> float | None:
        return retry_after(Response(429, {"retry-after": moment}, b""), now=lambda: LATE)

    assert asked(format_datetime(LATE + timedelta(seconds=90), usegmt=True)) == 90
    assert asked("Sun, 05 Apr 2026 12:00:30 -0000") == 30
    assert asked(format_datetime(LATE - timedelta(days=1), usegmt=True)) == 0
    assert asked("Mon, 01 Jan 99999 00:00:00 GMT") is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (LONGEST_WAIT, ""),
        (121, "3 minutes"),
        (7199, "120 minutes"),
        (7200, "2 hours"),
        (100_000, "28 hours"),
        (200_000, "3 days"),
        (float("inf"), ""),
    ],
)
def test_a_wait_that_is_not_waited_for_is_said_and_never_too_short(seconds: float | None, said: str) -> None:
    assert said_wait(seconds) == said


def test_no_retry_after_is_none() -> None:
    assert retry_after(OK) is None


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,2} Apr [0-9]{1,6} [0-9:]{2,8} [-+A-Z0-9]{1,12}", fullmatch=True))
def test_retry_after_never_fails_whatever_it_says(text: str) -> None:
    seconds = retry_after(Response(429, {"retry-after": text}, b""))

    assert seconds is None or seconds >= 0


def test_steps_and_sleeps_of_the_flow_itself_pass_through() -> None:
    def flow() -> Flow[Response]:
        yield Step("write", done=False)
        yield Sleep(3)
        answer = yield from exchange(request(Effect.ONCE))
        yield Step("write", done=True, data={"id": "1"})
        return answer

    played = Played(flow(), OK)

    assert played.steps == [Step("write", done=False), Step("write", done=True, data={"id": "1"})]
    assert (played.waited, played.result) == ([3], OK)


def test_a_flow_may_catch_an_error_and_go_on() -> None:
    def flow() -> Flow[Response]:
        try:
            return (yield from exchange(request(Effect.ONCE)))
        except OutcomeUnknown:
            return (yield from exchange(request(Effect.NONE)))

    played = Played(flow(), broken(True), OK)

    assert (played.result, played.sent) == (OK, 2)


def test_closing_the_layer_closes_the_flow() -> None:
    closed: list[bool] = []

    def flow() -> Flow[Response]:
        try:
            return (yield from exchange(request(Effect.NONE)))
        finally:
            closed.append(True)

    layered = resilient(flow(), Policy())
    next(layered)
    layered.close()

    assert closed == [True]
