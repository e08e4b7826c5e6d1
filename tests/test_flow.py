"""Flows decide and do no I/O; paths keep ids in their place."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill.errors import BackendError, Unavailable
from unibill.exactjson import InexactJSON
from unibill.flow import Flow, Request, Response, Sleep, Step, begun, exchange, path


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_means_another_path_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be an id"):
        path("/credits/{}", value)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("../x", "..%2Fx"),
        ("a\r\nb", "a%0D%0Ab"),
        ("%2e%2e", "%252e%252e"),
        ("é", "%C3%A9"),
        ("{}", "%7B%7D"),
        (" ", "%20"),
    ],
)
def test_a_value_is_encoded_whole(value: str, encoded: str) -> None:
    assert path("/credits/{}/notes", value) == f"/credits/{encoded}/notes"


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        path("/credits/{}", "\ud800")


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in {".", ".."}), min_size=2, max_size=2
    )
)
def test_every_value_stays_one_segment_and_can_be_read_back(values: list[str]) -> None:
    segments = path("/a/{}/b/{}", *values).split("/")

    assert [unquote(segments[2]), unquote(segments[4])] == values
    assert len(segments) == 5
    assert all(character.isascii() and character.isprintable() for segment in segments for character in segment)


def test_the_smallest_flow_sends_one_request_and_gives_its_answer() -> None:
    request, response = Request("get", "GET", "/x"), Response(200, {}, b"{}")
    flow = exchange(request)

    assert next(flow) is request
    with pytest.raises(StopIteration) as stop:
        flow.send(response)
    assert stop.value.value is response


def test_a_driver_that_sends_no_response_is_told_so() -> None:
    flow = exchange(Request("get", "GET", "/x"))
    next(flow)

    with pytest.raises(RuntimeError, match="sent no response to get"):
        flow.send(None)


def test_an_answer_is_read_as_exact_json() -> None:
    assert str(Response(200, {}, b'{"Amount": 10.10}').json()) == "{'Amount': Decimal('10.10')}"
    with pytest.raises(InexactJSON):
        Response(200, {}, b"<html>").json()


ITEMS = st.sampled_from([Sleep(1), Step("write", done=False), Request("a", "GET", "/a"), Request("b", "POST", "/b")])


def _told(items: list[Sleep | Step | Request], heard: list[object], fails: bool) -> Flow[str]:
    """Asks for all of it, hears what comes, and ends with a value or an error."""
    for item in items:
        try:
            heard.append((yield item))
        except BackendError as error:
            heard.append(str(error))
    if fails:
        raise Unavailable("at the end")
    return "value"


def _driven(flow: Flow[object], script: dict[int, Response | BackendError], asked: list[object]) -> object:
    """What comes of a flow; to what is asked as the nth thing, the script says what comes."""
    try:
        item = next(flow)
        while True:
            asked.append(item)
            reply = script.get(len(asked)) if isinstance(item, Request) else None
            item = flow.throw(reply) if isinstance(reply, BackendError) else flow.send(reply)
    except StopIteration as end:
        return end.value
    except BackendError as error:
        return str(error)


@given(
    st.lists(ITEMS, max_size=6),
    st.dictionaries(st.integers(1, 6), st.sampled_from([Response(200, {}, b"1"), Response(404, {}, b"2"), Unavailable("gone")])),
    st.booleans(),
)
def test_a_flow_in_two_parts_asks_hears_and_gives_what_it_does_in_one(
    items: list[Sleep | Step | Request], script: dict[int, Response | BackendError], fails: bool
) -> None:
    asked, heard, asked_whole, heard_whole = [], [], [], []  # type: ignore[var-annotated]  # lists of anything
    whole = _driven(_told(items, heard_whole, fails), script, asked_whole)
    rest: object = _driven(begun(_told(items, heard, fails)), script, asked)
    requests = [number for number, item in enumerate(items, 1) if isinstance(item, Request)]
    if not (fails and not requests):
        assert len(asked) == (requests[0] if requests else len(items))
        assert len(heard) == (requests[0] - 1 if requests else len(items))
        rest = _driven(rest, script, asked)  # type: ignore[arg-type]  # it is a flow
    assert (rest, asked, heard) == (whole, asked_whole, heard_whole)


@pytest.mark.parametrize("answered", [False, True])
def test_closing_either_part_closes_the_flow(answered: bool) -> None:
    closed: list[bool] = []

    def asking() -> Flow[None]:
        try:
            yield Request("a", "GET", "/a")
            yield Request("b", "GET", "/b")
        finally:
            closed.append(True)

    part: Flow[object] = begun(asking())
    next(part)
    if answered:
        with pytest.raises(StopIteration) as end:
            part.send(Response(200, {}, b""))
        part = end.value.value
        next(part)
    part.close()
    assert closed == [True]
