"""BillAgain passes what cassettes can replay of the suite. ``pytest --unibill-record`` on this file records them anew."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from unibill_billagain.settings import BillAgainSettings

from tests.providers.billagain.subjects import filled, subject
from unibill.sandbox import Serving
from unibill.testing.backends import Backends
from unibill.testing.conformance import CassetteConformance, Subject


class TestBillAgain(CassetteConformance):
    @pytest.fixture
    def unibill_serving(self) -> Callable[[], AbstractContextManager[Serving]]:
        return filled

    @pytest.fixture
    def subject(self, unibill_billing: Backends) -> Subject:
        settings = unibill_billing.settings("billagain")
        assert isinstance(settings, BillAgainSettings)
        return subject(settings, origin=unibill_billing.origin, clock=unibill_billing.clock)
