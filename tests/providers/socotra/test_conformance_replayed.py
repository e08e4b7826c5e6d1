"""Socotra passes what cassettes can replay of the suite. ``pytest --unibill-record`` on this file records them anew."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict

import pytest
from unibill_socotra.settings import SocotraSettings

from tests.providers.socotra.subjects import WRITING, Made, fill, subject
from tests.support.kit import steady_serving
from unibill.sandbox import Serving
from unibill.testing.backends import Backends
from unibill.testing.conformance import CassetteConformance, Subject


class TestSocotra(CassetteConformance):
    made: Made

    @pytest.fixture
    def unibill_serving(self) -> Callable[[], AbstractContextManager[Serving]]:
        @contextmanager
        def filled() -> Iterator[Serving]:
            with steady_serving({}, seed="") as serving:
                self.made = fill(serving.sandbox)
                yield serving

        return filled

    @pytest.fixture
    def subject(self, unibill_billing: Backends) -> Subject:
        settings = unibill_billing.settings("socotra", **WRITING)
        assert isinstance(settings, SocotraSettings)
        made = Made(**unibill_billing.known("made", lambda _: asdict(self.made)))
        return subject(settings, made, origin=unibill_billing.origin, clock=unibill_billing.clock)
