"""Socotra passes what cassettes can replay of the suite. ``pytest --unibill-record`` on this file records them anew."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from unibill_socotra.settings import SocotraSettings

from tests.providers.socotra.subjects import WRITING, Made, filled, made_in, subject
from unibill.sandbox import Serving
from unibill.testing.backends import Backends
from unibill.testing.conformance import CassetteConformance, Subject


class TestSocotra(CassetteConformance):
    @pytest.fixture
    def unibill_serving(self) -> Callable[[], AbstractContextManager[Serving]]:
        return filled

    @pytest.fixture
    def subject(self, unibill_billing: Backends) -> Subject:
        settings = unibill_billing.settings("socotra", **WRITING)
        assert isinstance(settings, SocotraSettings)
        made = Made(**unibill_billing.known("made", made_in))
        return subject(settings, made, origin=unibill_billing.origin, clock=unibill_billing.clock)
