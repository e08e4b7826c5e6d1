import threading
from collections.abc import Iterator

import pytest

from unibill.copying.abreast import abreast, gathered


def counted(job: int) -> Iterator[int]:
    yield from range(job * 1_000, job * 1_000 + 250)


@pytest.mark.parametrize("width", [1, 3])
def test_every_item_of_every_job_comes_once_and_each_job_in_order(width: int) -> None:
    blocks = list(abreast(range(5), counted, width))
    items = [item for block in blocks for item in block]
    assert sorted(items) == sorted(item for job in range(5) for item in counted(job))
    for job in range(5):
        assert [item for item in items if item // 1_000 == job] == list(counted(job))
    assert max(map(len, blocks)) == 100


def test_an_error_in_one_job_is_raised_and_the_others_end() -> None:
    def read(job: int) -> Iterator[int]:
        if job == 2:
            raise ZeroDivisionError
        yield from counted(job)

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(abreast(range(50), read, 3))
    assert threading.active_count() == before


def test_who_stops_early_reads_no_further() -> None:
    begun: list[int] = []

    def read(job: int) -> Iterator[int]:
        begun.append(job)
        yield from counted(job)

    reader = abreast(range(1_000), read, 2)
    next(reader)
    reader.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(begun) < 20


def test_a_job_may_be_anything_also_none() -> None:
    assert list(abreast([None], lambda _: iter([1]), 1)) == [[1]]


def test_gathered_blocks_have_the_same_items_in_the_same_order() -> None:
    blocks = list(gathered(([i] * (i % 3) for i in range(100)), 10))
    assert [item for block in blocks for item in block] == [i for i in range(100) for _ in range(i % 3)]
    assert len(blocks) < 100
