"""Whatever a vendor answers, the facade gives a record or one of unibill's errors, and it ends."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.mutating import ACTIONS, Corpus, collected, hostile
from unibill.errors import UnibillError
from unibill.http import without_waiting
from unibill.model import Record
from unibill.showing import json_line, show


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """What the sandboxes answered to everything."""
    return collected()


def test_the_corpus_has_an_answer_of_every_kind(corpus: Corpus) -> None:
    methods = {method for method, _ in corpus.bodies}
    assert {"GET", "POST"} <= methods
    assert sum("/billagain/" in path for _, path in corpus.bodies) >= 3
    assert sum("/socotra/" in path for _, path in corpus.bodies) >= 5


@pytest.mark.parametrize("backend", ["billagain", "socotra"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(source=st.randoms(use_true_random=False, note_method_calls=False), name=st.sampled_from(sorted(ACTIONS)))
def test_a_spoilt_answer_gives_a_record_or_an_error_of_ours(backend: str, source: object, name: str, corpus: Corpus) -> None:
    pick = source.randrange  # type: ignore[attr-defined]  # a random.Random
    with without_waiting(), hostile(corpus, backend, pick) as billing:
        try:
            result = ACTIONS[name](billing, corpus.ids[backend])
        except UnibillError as error:
            show(str(error))
            return
    for record in result if isinstance(result, list) else [result]:
        if isinstance(record, Record):
            json_line(record.jsonable())
            repr(record)
