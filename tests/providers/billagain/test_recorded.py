"""Every operation of BillAgain, replayed from cassettes. ``pytest --unibill-record`` on this file records them anew."""

import json
from pathlib import Path
from typing import Any

import pytest
from unibill_billagain.api import BillAgainApi
from unibill_billagain.provider import BillAgainProvider

from tests.providers.billagain.scenarios import SCENARIOS, Scenario
from tests.support.recorded import native_operations, recorded_operations
from unibill.capabilities import origins_in
from unibill.testing.backends import Backends

API: dict[str, Any] = json.loads(Path(__file__).with_name("billagain-api.json").read_text("utf-8"))
OPERATIONS = [entry for entry in API["operations"] if entry["evidence"] == "documented" and "credit" in entry["name"]]


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_recorded(unibill_billing: Backends, scenario: Scenario) -> None:
    scenario(unibill_billing)


def test_every_operation_of_the_vendor_is_recorded_and_nothing_else() -> None:
    routes = {entry["name"]: (entry["method"], entry["path"]) for entry in OPERATIONS}
    found = recorded_operations("providers/billagain/test_recorded", routes, base="/v1")
    assert set(found) == set(routes)
    assert len(routes) == len(native_operations(BillAgainApi)) == 6


def test_every_operation_of_the_vendor_is_typed_from_its_page() -> None:
    routes = {entry["name"]: (entry["method"], entry["path"]) for entry in OPERATIONS}
    assert set(recorded_operations("providers/billagain/test_documented", routes, base="/v1")) == set(routes)


def test_every_facade_operation_that_the_provider_has_is_recorded() -> None:
    ran = origins_in("unibill_billagain")
    usable = [operation for operation, claim in BillAgainProvider.capabilities.operations.items() if claim.usable]
    assert len(usable) == 15
    assert [operation for operation in usable if "sandbox" not in ran.get(operation, ())] == []
