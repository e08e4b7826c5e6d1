"""What the tests of a hostile world share."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import place, run
from tests.copying.conftest import _sides, make_pair, open_side, pair
from tests.support.planted import Watch, watching

__all__ = ["_sides", "make_pair", "open_side", "pair", "place", "run"]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Everything that any logger says, at its most talkative."""
    with watching() as watch:
        yield watch
