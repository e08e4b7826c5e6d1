"""Every operation of Socotra, replayed from cassettes. ``pytest --unibill-record`` on this file records them anew."""

import json
from pathlib import Path
from typing import Any

import pytest
from unibill_socotra.api import SocotraApi
from unibill_socotra.provider import SocotraProvider

from tests.providers.socotra.scenarios import SCENARIOS, Scenario
from tests.support.recorded import native_operations, recorded_operations
from unibill.capabilities import origins_in
from unibill.testing.backends import Backends

API: dict[str, Any] = json.loads(Path(__file__).with_name("socotra-api.json").read_text("utf-8"))


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_recorded(unibill_billing: Backends, scenario: Scenario) -> None:
    scenario(unibill_billing)


def test_every_operation_of_the_vendor_is_recorded_and_nothing_else() -> None:
    routes = {entry["operation"]: (entry["method"], entry["path"]) for entry in API["operations"]}
    found = recorded_operations("providers/socotra/test_recorded", routes)
    assert set(found) == set(routes)
    assert len(routes) == len(native_operations(SocotraApi)) == 46


def test_every_facade_operation_that_the_provider_has_is_recorded() -> None:
    ran = origins_in("unibill_socotra")
    usable = [operation for operation, claim in SocotraProvider.capabilities.operations.items() if claim.usable]
    assert len(usable) == 17
    assert [operation for operation in usable if "sandbox" not in ran.get(operation, ())] == []
