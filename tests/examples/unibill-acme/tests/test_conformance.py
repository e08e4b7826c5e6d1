"""Acme passes the suite that every unibill provider must pass: a class to inherit, a few attributes to fill in."""

from collections.abc import Iterator

import pytest
from unibill.sandbox import Sandbox
from unibill.testing.conformance import ProviderConformance, Subject

from unibill_acme.sandbox import AcmeSandbox
from unibill_acme.settings import AcmeSettings


class TestAcme(ProviderConformance):
    """Every group of the suite; what Acme does not offer must refuse and send nothing."""

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        """Acme's sandbox, empty."""
        with Sandbox([AcmeSandbox]) as sandbox, sandbox.serve() as serving:
            yield Subject(
                "acme",
                AcmeSettings.model_validate(serving.backends["acme"]),
                account="c1",
                other_account="c2",
                currency="USD",
                missing_account="nobody",
                missing_credit="cr_999999",
                accounts={"USD": "c1", "JPY": "c3", "KWD": "c4"},
                words={"state": ("active", "void")},
                sandbox=sandbox,
            )
