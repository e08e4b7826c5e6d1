"""The soak in its short form."""

from pathlib import Path

from tests.soak.soak import soak


def test_a_short_soak_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    soaked = soak(60, 3, tmp_path, worse=3)
    assert soaked.good, soaked.table()
    assert sum(soaked.faults.values()) > 10
    assert soaked.outcomes["create under a key: done"] == 6
