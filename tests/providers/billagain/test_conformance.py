"""BillAgain passes the suite that every provider must pass, on its sandbox."""

from collections.abc import Iterator

import pytest
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_billagain.settings import BillAgainSettings

from tests.providers.billagain.subjects import SWITCHES, fill, subject
from unibill.sandbox import Sandbox
from unibill.testing.conformance import ProviderConformance, Subject


class TestBillAgain(ProviderConformance):
    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        with Sandbox([BillAgainSandbox], switches=SWITCHES) as sandbox, sandbox.serve() as serving:
            fill(sandbox)
            yield subject(BillAgainSettings.model_validate(serving.backends["billagain"]), sandbox=sandbox)
