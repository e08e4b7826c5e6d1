"""Marks: the text by which a copy is found again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibill import marks

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MARK = marks.mark("billagain:1042", "credit_note", "10081")


def test_a_mark_is_letters_only_behind_its_prefix_and_has_the_declared_length() -> None:
    assert re.fullmatch(r"ub1-[A-Z]{6}-[A-Z]{20}", MARK)
    assert len(MARK) == marks.LENGTH


def test_a_mark_never_changes_from_release_to_release() -> None:
    assert marks.mark("billagain:1042", "credit_note", "10081") == "ub1-MVEJCQ-IXCWVXJJRSKLTAVIXKCF"


@given(TEXT, TEXT, TEXT, st.integers(0, 9))
def test_every_mark_is_found_at_the_start_of_a_text_and_taken_off_it(identity: str, kind: str, record: str, generation: int) -> None:
    mark = marks.mark(identity, kind, record, generation)

    assert marks.find(mark) == marks.find(f"{mark} memo") == mark
    assert marks.strip(f"{mark} memo") == "memo"
    assert marks.strip(mark) is None
    assert marks.names(mark, identity)


@given(TEXT, TEXT, TEXT, TEXT)
def test_marks_differ_where_kind_and_id_are_cut_differently(one: str, other: str, kind: str, record: str) -> None:
    if (one, other) != (kind, record):
        assert marks.mark("x", one, other) != marks.mark("x", kind, record)


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not text.startswith(marks.PREFIX)))
def test_a_text_without_a_mark_stays_as_it_is(text: str) -> None:
    assert marks.find(text) is None
    assert marks.strip(text) == text


def test_generation_kind_record_and_identity_each_make_another_mark() -> None:
    others = {
        marks.mark("billagain:1042", "credit_note", "10081", 1),
        marks.mark("billagain:1042", "credit_note", "10082"),
        marks.mark("billagain:1042", "charge", "10081"),
        marks.mark("billagain:1043", "credit_note", "10081"),
        marks.key_mark("10081"),
    }
    assert len(others | {MARK}) == 6


@pytest.mark.parametrize(
    "text",
    [None, "", "ub1-", f"see {MARK}", MARK.lower(), MARK[:-1], MARK + "X", MARK + "-", MARK + "7", " " + MARK, MARK.replace("ub1", "ub2")],
)
def test_what_only_looks_like_a_mark_is_none(text: str | None) -> None:
    assert marks.find(text) is None
    assert marks.strip(text) == text


def test_the_first_text_that_has_a_mark_gives_it() -> None:
    assert marks.find(None, "memo", MARK, marks.key_mark("later")) == MARK


def test_a_mark_names_the_system_it_came_from_and_no_other() -> None:
    assert marks.names(MARK, "billagain:1042")
    assert not marks.names(MARK, "billagain:1043")
    assert not marks.names(marks.key_mark("order-17"), "billagain:1042")
