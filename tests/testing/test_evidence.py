"""No provider claims more than what ran proves; where evidence goes, the claim must go too."""

import pytest

from tests.testing.test_guards import run_pytest
from unibill import plugins
from unibill.capabilities import Evidence, Operation
from unibill.testing import evidence

VENDORS = ("billagain", "socotra")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    """What the recorded and the typed cassettes exercise, replayed now."""
    file = tmp_path_factory.mktemp("evidence") / "ran.jsonl"
    status, _ = run_pytest(None, "--unibill-evidence", str(file))
    assert status == 0
    return evidence.read(file)


@pytest.mark.parametrize("provider", VENDORS)
def test_no_claim_rests_on_less_than_it_says(ran: list[tuple[str, str, str]], provider: str) -> None:
    assert evidence.overclaimed(ran, provider) == {}


@pytest.mark.parametrize("provider", VENDORS)
def test_every_usable_operation_is_on_a_cassette(ran: list[tuple[str, str, str]], provider: str) -> None:
    exercised = {operation for name, operation, _ in ran if name == provider}
    usable = {operation.value for operation in Operation if plugins.load(provider).capabilities.of(operation).usable}
    assert usable - exercised == set()


def test_a_claim_whose_evidence_is_gone_is_named(ran: list[tuple[str, str, str]]) -> None:
    without_print = [row for row in ran if row[2] != "documented"]
    assert Operation.CREDITS_GET in evidence.overclaimed(without_print, "billagain")
    assert evidence.overclaimed([], "socotra")


def test_the_strongest_evidence_counts_and_nothing_here_is_live(ran: list[tuple[str, str, str]]) -> None:
    graded = evidence.grades(ran, "billagain")
    assert graded[Operation.CREDITS_GET] is Evidence.CASSETTE
    assert graded[Operation.CREDITS_VOID] is Evidence.SANDBOX
    assert graded[Operation.CHARGES_LIST_POLICY] is Evidence.DOCUMENTS
    assert evidence.grades([("billagain", "credits.get", "live")], "billagain")[Operation.CREDITS_GET] is Evidence.LIVE
    assert Evidence.LIVE not in graded.values()
