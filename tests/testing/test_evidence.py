"""No provider claims more than what ran proves, and nobody writes evidence by hand; where it goes, the claim goes too."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.testing.test_guards import MODULES, ROOT
from tests.testing.test_plugin import IMPORTED
from unibill import InvalidDraft, NotFound, connect, plugins
from unibill.capabilities import PROVES, Capability, Evidence, Grade, Operation, origins_in, proven, strongest
from unibill.drafts import CreditDraft
from unibill.testing import evidence, memory
from unibill.testing.evidence import Witness

pytest_plugins = ["pytester"]
IMPORTS = IMPORTED
BUNDLED = {"billagain": "unibill_billagain", "memory": "unibill.testing", "socotra": "unibill_socotra"}
DRAFT = CreditDraft.model_validate({"account_id": "a1", "currency": "USD", "amount": "10.10"})
Package = Callable[[str | None], ModuleType]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Makes a package that holds this evidence, or none."""

    def make(text: str | None) -> ModuleType:
        folder = tmp_path / "some_provider"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        if text is not None:
            (folder / "evidence.json").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "some_provider", raising=False)
        return __import__("some_provider")

    return make


def test_what_the_shipped_providers_say_is_what_runs_now(capsys: pytest.CaptureFixture[str]) -> None:
    """Every documented and recorded cassette is replayed, and the memory provider passes its suite; the files must say just that."""
    tapes = [module for module in MODULES if module.stem in {"test_documented", "test_recorded"}]
    modules = map(str, [*tapes, ROOT / "tests" / "testing" / "test_conformance.py"])
    status = pytest.main(["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", "--unibill-evidence", "check", *modules])
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize("provider", BUNDLED)
def test_every_claim_of_a_shipped_provider_is_graded_by_its_file(provider: str) -> None:
    claims = plugins.load(provider).capabilities.operations
    ran = origins_in(BUNDLED[provider])
    assert {operation: claim.evidence for operation, claim in claims.items()} == {
        operation: strongest(ran.get(operation, ())) for operation in claims
    }
    assert {operation for operation, claim in claims.items() if claim.usable} == {Operation(name) for name in ran}


def test_what_the_vendor_printed_counts_more_than_the_sandbox_and_nothing_here_is_live() -> None:
    claims = plugins.load("billagain").capabilities
    assert claims.of(Operation.CREDITS_GET).evidence is Evidence.CASSETTE
    assert claims.of(Operation.CREDITS_CREATE_ALLOCATED).evidence is Evidence.CASSETTE
    assert claims.of(Operation.CREDITS_CREATE).evidence is Evidence.SANDBOX
    assert claims.of(Operation.CHARGES_LIST_POLICY).evidence is Evidence.DOCUMENTS
    assert all("live" not in origins for package in BUNDLED.values() for origins in origins_in(package).values())


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        (None, Evidence.DOCUMENTS),
        ("{}", Evidence.DOCUMENTS),
        ('{"credits.get": ["documented-shape"]}', Evidence.DOCUMENTS),
        ('{"credits.get": ["sandbox"]}', Evidence.SANDBOX),
        ('{"credits.get": ["sandbox", "documented"]}', Evidence.CASSETTE),
        ('{"credits.get": ["live", "sandbox"]}', Evidence.LIVE),
        ('{"credits.get": ["hearsay"]}', Evidence.DOCUMENTS),
    ],
)
def test_a_claim_rests_on_the_strongest_that_ran_and_falls_with_it(package: Package, text: str | None, grade: Evidence) -> None:
    name = package(text).__name__
    claims = proven(f"{name}.capabilities", {Operation.CREDITS_GET: Capability(Grade.NATIVE, evidence=Evidence.LIVE)})
    assert claims[Operation.CREDITS_GET].evidence is grade


def test_every_origin_of_a_cassette_proves_something() -> None:
    from typing import get_args

    from unibill.testing.recorder import Origin

    assert set(PROVES) == set(get_args(Origin))


def test_only_what_ran_to_its_end_is_evidence() -> None:
    witness = Witness()
    with connect(memory.MemorySettings(store="witnessed"), observers=[witness]) as billing:
        witness.watch(billing)
        with pytest.raises(InvalidDraft):
            billing.credits.create(DRAFT.model_copy(update={"memo": "\x00"}))
        with pytest.raises(NotFound):
            billing.credits.get("nothing")
        reading = billing.credits.list(account="a1", allocations=True)
        assert witness.used == set()
        assert list(reading) == []
        billing.credits.create(DRAFT.model_copy(update={"auto_apply": True}))
    memory.reset("witnessed")
    assert {operation for _, operation in witness.used} == {
        "credits.list(account=)",
        "credits.list(allocations=True)",
        "credits.create(auto_apply=True)",
    }


PROJECT = """
import pytest
from uuid import uuid4
from unibill import connect
from unibill.capabilities import Capabilities, Capability, Grade, Operation, proven
from unibill.testing import memory
from unibill.testing.conformance import Subject
from unibill.testing.conformance.suite import Suite


class TestFirst(Suite):
    @pytest.fixture
    def subject(self):
        yield Subject("memory", memory.MemorySettings(store=uuid4().hex), account="a1", other_account="a2", currency="USD",
            missing_account="x", missing_credit="x")

    def test_create(self, subject, billing):
        billing.credits.create(subject.draft())

    def test_list(self, subject, billing):
        assert list(billing.credits.list(account="a1")) == []
"""


def outcome(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, mode: str, body: str) -> tuple[int, str]:
    """Run a project of whose packages the memory provider is one."""
    monkeypatch.setattr(evidence, "file_of", lambda name, below: below / "evidence.json" if name == "memory" else None)
    (project.path / "test_it.py").write_text(body)
    result = project.runpytest_inprocess("-p", "no:cacheprovider", "--import-mode=importlib", "--unibill-evidence", mode)
    return int(result.ret), result.stdout.str()


def test_a_test_that_is_gone_makes_the_check_red_and_the_next_write_lowers_the_grade(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pytester.path / "evidence.json"
    assert outcome(pytester, monkeypatch, "check", PROJECT)[0] == 1
    assert outcome(pytester, monkeypatch, "write", PROJECT)[0] == 0
    assert file.read_text() == '{\n  "credits.list(account=)": ["sandbox"],\n  "credits.create": ["sandbox"]\n}\n'
    assert outcome(pytester, monkeypatch, "check", PROJECT)[0] == 0
    gone = PROJECT.partition("    def test_list")[0]
    status, said = outcome(pytester, monkeypatch, "check", gone)
    assert status == 1
    assert 'claimed: "credits.list(account=)": ["sandbox"]' in said
    assert outcome(pytester, monkeypatch, "write", gone)[0] == 0
    assert file.read_text() == '{\n  "credits.create": ["sandbox"]\n}\n'


def test_where_nothing_runs_any_more_every_claim_has_lost_its_evidence(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome(pytester, monkeypatch, "write", PROJECT)
    status, said = outcome(pytester, monkeypatch, "check", "def test_else():\n    pass\n")
    assert (status, said.count("claimed: ")) == (1, 2)


def test_a_red_run_writes_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(pytester, monkeypatch, "write", PROJECT + "        assert False\n")[0] == 1
    assert not (pytester.path / "evidence.json").exists()


def test_nobody_elses_package_is_written_into(tmp_path: Path) -> None:
    assert evidence.file_of("socotra", tmp_path) is None
    assert evidence.file_of("socotra", ROOT) == ROOT / "providers" / "socotra" / "unibill_socotra" / "evidence.json"
