"""Acme passes the suite that every unibill provider must pass: a class to inherit, a few attributes to fill in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unibill.provider import BackendSettings
from unibill.sandbox import Sandbox
from unibill.testing.backends import Backends
from unibill.testing.conformance import CassetteConformance, ProviderConformance, Subject

from unibill_acme.sandbox import AcmeSandbox
from unibill_acme.settings import AcmeSettings

CASSETTES = Path(__file__).parents[1] / "cassettes" / "test_conformance"


def filled_in(settings: BackendSettings, **more: Any) -> Subject:
    """Acme with nothing in it."""
    return Subject(
        "acme",
        settings,
        account="c1",
        other_account="c2",
        currency="USD",
        missing_account="nobody",
        missing_credit="cr_999999",
        accounts={"USD": "c1", "JPY": "c3", "KWD": "c4"},
        words={"state": ("active", "void")},
        **more,
    )


class TestAcme(ProviderConformance):
    """Every group of the suite; what Acme does not offer must refuse and send nothing."""

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        """On the sandbox."""
        with Sandbox([AcmeSandbox]) as sandbox, sandbox.serve() as serving:
            settings = AcmeSettings.model_validate(serving.backends["acme"])
            yield filled_in(settings, sandbox=sandbox)


class TestReplayed(CassetteConformance):
    """What cassettes can replay, with neither sandbox nor network; ``pytest --unibill-record`` makes them, anew too."""

    @pytest.fixture
    def recorded(self, pytestconfig: pytest.Config) -> None:
        """A new provider has nothing to replay."""
        if not CASSETTES.exists() and not pytestconfig.getoption("--unibill-record"):
            pytest.skip("nothing is recorded yet: pytest --unibill-record")

    @pytest.fixture
    def subject(self, recorded: None, unibill_billing: Backends) -> Subject:
        """On the cassettes."""
        del recorded
        settings = unibill_billing.settings("acme")
        return filled_in(settings, origin=unibill_billing.origin, clock=unibill_billing.clock)
