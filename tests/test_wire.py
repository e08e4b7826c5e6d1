"""Vendors' JSON is read exactly and tolerantly, and what cannot be read says where."""

from decimal import Decimal

import pytest

from unibill.errors import MalformedResponse, OutcomeUnknown
from unibill.flow import Effect, Request, Response
from unibill.wire import WireRecord, Words, decode, malformed, read, require_finite


class Line(WireRecord, frozen=True, kw_only=True):
    Amount: Decimal
    note: str | None = None


class Note(WireRecord, frozen=True, kw_only=True):
    creditNoteID: int  # noqa: N815 - the vendor's name
    Amount: Decimal
    lines: list[Line] | None = None
    first: Line | None = None

    def __post_init__(self) -> None:
        require_finite(self.Amount)


class Told(WireRecord, frozen=True, kw_only=True):
    status: Words
    memo: Words | None = None
    locator: str | None = None
    notes: list[Words] | None = None


REQUEST = Request("getNote", "GET", "/notes/1", permission="notes: read")
ADD = Request("addNote", "POST", "/notes", effect=Effect.ONCE)


@pytest.mark.parametrize("digits", ["0.10", "100.00", "12345678901234567.89", "1e-7", "7"])
def test_amounts_keep_their_digits(digits: str) -> None:
    note = decode(f'{{"creditNoteID": 1, "Amount": {digits}}}'.encode(), Note)

    assert str(note.Amount) == str(Decimal(digits))


def test_fields_that_nobody_documented_are_kept_at_their_record() -> None:
    body = b'{"creditNoteID":1,"Amount":10.10,"new":{"x":1.50},"lines":[{"Amount":5.05,"extra":[1]},{"Amount":5.05}],"first":{"Amount":1,"y":0.10}}'
    note = decode(body, Note)

    assert note.unknown == {"new": {"x": Decimal("1.50")}}
    assert note.lines is not None
    assert [line.unknown for line in note.lines] == [{"extra": [1]}, {}]
    assert note.first is not None
    assert str(note.first.unknown["y"]) == "0.10"
    assert str(note.Amount) == "10.10"


def test_a_list_of_records_is_read_with_and_without_undocumented_fields() -> None:
    plain = decode(b'[{"Amount":1.10}]', list[Line])
    odd = decode(b'[{"Amount":1.10,"z":1},{"Amount":2}]', list[Line])

    assert [line.Amount for line in plain] == [Decimal("1.10")]
    assert [line.unknown for line in odd] == [{"z": 1}, {}]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"creditNoteID":"1","Amount":1}', r"\$\.creditNoteID"),
        (b'{"creditNoteID":1}', "Amount"),
        (b'{"creditNoteID":1,"Amount":true}', r"\$\.Amount"),
        (b'{"creditNoteID":1,"Amount":1,"lines":[{"Amount":1},{"Amount":null}]}', r"\$\.lines\[1\]\.Amount"),
        (b'{"creditNoteID":1,"Amount":1,"lines":[{"Amount":1},{"Amount":null}],"new":1}', r"\$\.lines\[1\]\.Amount"),
        (b'{"creditNoteID":1,"Amount":"NaN"}', "NaN"),
        (b'{"creditNoteID":1,"Amount":"Infinity","new":1}', "Infinity"),
        (b"[]", "array"),
        (b"null", "null"),
    ],
)
def test_what_is_of_another_type_says_where(body: bytes, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        decode(body, Note)


@pytest.mark.parametrize("sent", ["424242424242424", "12345678901234567890123.10", "1.50", "true", "false", '{"code":1.50}', "[7]"])
def test_words_in_a_form_that_nobody_documented_are_read_as_their_json_text(sent: str) -> None:
    (told,) = decode(f'[{{"status":{sent},"memo":{sent},"notes":[{sent},"x"]}}]'.encode(), list[Told])

    assert (told.status, told.memo, told.notes, told.unknown) == (sent, sent, [sent, "x"], {})


def test_a_text_that_is_not_only_words_and_missing_words_are_refused() -> None:
    for body in (b'{"status":7,"locator":0}', b'{"status":7,"locator":false}', b'{"status":null}', b"{}"):
        with pytest.raises(ValueError, match="locator|status"):
            decode(body, Told)
    assert decode(b'{"status":7,"memo":null}', Told).memo is None


@pytest.mark.parametrize("body", [b"", b"{", b'{"creditNoteID":1,', b"<html>", b'{"creditNoteID":1,"Amount":NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_cannot_be_read(body: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        decode(body, Note)


@pytest.mark.parametrize("header", ["x-request-id", "vendor-request-id", "request-id"])
def test_an_unreadable_answer_to_a_read_is_malformed_and_names_everything(header: str) -> None:
    response = Response(200, {"content-type": "application/json", header: "r-1"}, b'{"creditNoteID":1}')

    with pytest.raises(MalformedResponse, match="not what is documented: .*Amount") as error:
        read(REQUEST, response, Note)
    assert (error.value.operation, error.value.status, error.value.permission, error.value.request_id) == (
        "getNote",
        200,
        "notes: read",
        "r-1",
    )


def test_an_unreadable_answer_to_a_write_leaves_its_outcome_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        read(ADD, Response(201, {}, b"{"), Note)


@pytest.mark.parametrize("response", [Response(200, {"content-type": "text/html"}, b"x"), Response(200, {}, b"\n <!doctype html>")])
def test_html_is_called_html(response: Response) -> None:
    assert malformed(REQUEST, response, "reason").message == "the answer is HTML, not JSON"


def test_a_readable_answer_is_given() -> None:
    assert read(REQUEST, Response(200, {}, b'{"creditNoteID":1,"Amount":0.10}'), Note).creditNoteID == 1


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_only_finite_amounts_are_amounts(amount: str) -> None:
    require_finite(None, Decimal(1))
    with pytest.raises(ValueError, match="is not an amount"):
        require_finite(Decimal(1), Decimal(amount))
