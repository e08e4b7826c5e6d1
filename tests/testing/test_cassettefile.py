"""The file of a cassette keeps every digit, reads nothing but data, and can be read in a diff."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unibill.testing import cassettefile, jsontree
from unibill.testing.cassettefile import BrokenCassette, Serializer
from unibill.testing.jsontree import Number, Tree

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).map(Number)
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["true", "null", "10.10", "", " ", "yes", "2016-04-05", "~", "0x1f", "1_000", "- a", "#", "a: b"]
)
TREES: st.SearchStrategy[Tree] = st.recursive(
    NUMBERS | TEXTS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def cassette(body: bytes, status: int = 200) -> dict[str, Any]:
    request = {"method": "GET", "uri": "https://a.example/x", "body": body.decode(), "headers": {"accept": ["application/json"]}}
    response = {"status": {"code": status, "message": None}, "headers": {"content-type": ["a", "b"]}, "body": {"string": body.decode()}}
    return {"version": 1, "interactions": [{"request": request, "response": response}], "metadata": {"provenance": {"evidence": "sandbox"}}}


@given(TREES)
@example({"": None, "\x85": ["\u2028", "a\u2029b"]})
def test_any_json_body_is_read_back_digit_for_digit_and_text_for_text(tree: Tree) -> None:
    body = jsontree.write(tree).encode()
    one = Serializer.deserialize(Serializer.serialize(cassette(body)))["interactions"][0]
    assert jsontree.of_body(one["response"]["body"]["string"]) == jsontree.of_body(body)
    assert jsontree.of_body(one["request"]["body"]) == jsontree.of_body(body)


@given(TREES)
def test_a_tree_is_written_as_json_that_any_reader_understands(tree: Tree) -> None:
    assert jsontree.parse(jsontree.write(tree)) == tree
    json.loads(jsontree.write(tree))


@pytest.mark.parametrize("body", [b'{"a":1,"a":2}', b"<html>502</html>", b'{"a":', b"NaN", b'"\\ud800"', b"[" * 5000])
def test_a_body_that_no_tree_can_hold_is_kept_as_text(body: bytes) -> None:
    text = Serializer.serialize(cassette(body))
    assert "text:" in text
    assert Serializer.deserialize(text)["interactions"][0]["response"]["body"]["string"] == body


def test_numbers_stand_bare_and_texts_that_look_like_numbers_are_quoted() -> None:
    text = Serializer.serialize(cassette(b'{"Amount":10.10,"Ref":"10.10","Flag":true,"Word":"true","Memo":""}'))
    for line in ("Amount: 10.10", "Ref: '10.10'", "Flag: true", "Word: 'true'", "Memo: ''"):
        assert f"      {line}\n" in text


def test_status_headers_and_notes_come_back() -> None:
    back = Serializer.deserialize(Serializer.serialize(cassette(b"", 204)))
    one = back["interactions"][0]
    assert (one["response"]["status"]["code"], one["response"]["headers"], one["response"]["body"]["string"]) == (
        204,
        {"content-type": ["a", "b"]},
        b"",
    )
    assert back["metadata"] == {"provenance": {"evidence": "sandbox"}}


def test_a_body_that_is_no_text_is_refused() -> None:
    recorded = cassette(b"")
    recorded["interactions"][0]["response"]["body"]["string"] = b"\xff\xfe"
    with pytest.raises(BrokenCassette, match="no UTF-8 text"):
        Serializer.serialize(recorded)


@pytest.mark.parametrize(
    "text",
    [
        "cassette: 1\ninteractions: !!python/object/apply:os.system ['true']\n",
        "cassette: 1\ninteractions: []\nx: !!python/name:os.system ''\n",
        "cassette: 1\ninteractions: []\nx: &a [1]\ny: *a\n",
        "cassette: 2\ninteractions: []\n",
        "interactions: []\n",
        "- 1\n",
        "a: [\n",
        "cassette: 1\ninteractions: [{}]\n",
    ],
)
def test_what_is_no_cassette_is_refused_and_nothing_in_it_runs(text: str) -> None:
    with pytest.raises(BrokenCassette):
        Serializer.deserialize(text)


def test_a_date_or_a_yes_is_a_text() -> None:
    content = cassettefile.load("cassette: 1\ninteractions: []\nday: 2016-04-05\nanswer: yes\ntime: 2016-04-04T22:00:00Z\n")
    assert (content["day"], content["answer"], content["time"]) == ("2016-04-05", "yes", "2016-04-04T22:00:00Z")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff")
    with pytest.raises(BrokenCassette, match=r"x\.yaml is not UTF-8"):
        cassettefile.read(tmp_path / "x.yaml")
