"""Flows decide and do no I/O; paths keep ids in their place."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill.exactjson import InexactJSON
from unibill.flow import Request, Response, exchange, path


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
