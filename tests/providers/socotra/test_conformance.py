"""Socotra passes the suite that every provider must pass, on its sandbox."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.settings import SocotraSettings

from tests.providers.socotra.subjects import WRITING, fill, subject
from unibill.sandbox import Sandbox
from unibill.testing.conformance import ProviderConformance, Subject


class TestSocotra(ProviderConformance):
    expected_failures: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        with Sandbox([SocotraSandbox]) as sandbox, sandbox.serve() as serving:
            made = fill(sandbox)
            backend: dict[str, Any] = serving.backends["socotra"]  # type: ignore[assignment]  # plain JSON
            yield subject(SocotraSettings.model_validate({**backend, **WRITING}), made, sandbox=sandbox)
