"""Every operation of BillAgain, replayed from cassettes. ``pytest --unibill-record`` on this file records them anew."""

import inspect
import re

import pytest
from unibill_billagain.api import BillAgainApi

from tests.providers.billagain import scenarios
from tests.providers.billagain.scenarios import SCENARIOS, Scenario
from unibill.testing.backends import Backends


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_recorded(unibill_billing: Backends, scenario: Scenario) -> None:
    scenario(unibill_billing)


def test_every_native_operation_is_recorded() -> None:
    source = inspect.getsource(scenarios)
    operations = [name for name, _ in inspect.getmembers(BillAgainApi, inspect.isfunction) if not name.startswith("_")]
    assert [name for name in operations if not re.search(rf"\bnative\.{name}\(", source)] == []
