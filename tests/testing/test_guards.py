"""What holds of every cassette in the repository."""

import datetime as dt
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from unibill_socotra.sandbox.tenant import TOKEN

from unibill import plugins
from unibill.testing.cassettefile import read
from unibill.testing.recorder import TYPED, provenance_of
from unibill.testing.scrubbing import leaks

ROOT = Path(__file__).parents[2]
CASSETTES = sorted((ROOT / "cassettes").rglob("*.yaml"))
MODULES = sorted({(ROOT / "tests" / file.relative_to(ROOT / "cassettes")).parent.with_suffix(".py") for file in CASSETTES})
SECRETS = {"billagain": "sandbox-key", "socotra": TOKEN}
VENDOR_HOSTS = {"api.billagain.com", "api-ec-sandbox.socotra.com"}
EVERY = pytest.mark.parametrize("file", CASSETTES, ids=[str(file.relative_to(ROOT / "cassettes")) for file in CASSETTES])


def run_pytest(capsys: pytest.CaptureFixture[str] | None, *arguments: str) -> tuple[int, str]:
    """Run the modules that have cassettes, within this process."""
    status = pytest.main(["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *arguments, *map(str, MODULES)])
    return int(status), "" if capsys is None else capsys.readouterr().out


def test_there_are_cassettes_and_their_modules() -> None:
    assert len(CASSETTES) > 40
    assert [module for module in MODULES if not module.is_file()] == []


def test_every_cassette_belongs_to_a_test_and_every_test_has_one(capsys: pytest.CaptureFixture[str]) -> None:
    status, said = run_pytest(capsys, "--unibill-orphans")
    assert (status, "belongs to no test" in said, "is not recorded" in said) == (0, False, False), said


def test_todays_sandboxes_still_answer_what_the_cassettes_hold(capsys: pytest.CaptureFixture[str]) -> None:
    status, said = run_pytest(capsys, "--unibill-drift")
    assert status == 0, said


@EVERY
def test_no_cassette_holds_a_secret_or_a_card_number(file: Path) -> None:
    assert leaks(file, SECRETS) == []


@EVERY
def test_every_cassette_says_where_it_comes_from(file: Path) -> None:
    provenance = provenance_of(file)
    assert set(provenance.provider.split()) <= set(plugins.found())
    assert provenance.api_version
    assert dt.date.fromisoformat(provenance.recorded) <= dt.datetime.now(dt.UTC).date()
    assert (provenance.evidence in TYPED) == bool(provenance.source)


@EVERY
def test_only_what_was_typed_from_a_vendors_page_names_a_vendors_host(file: Path) -> None:
    hosts = {urlsplit(one["request"]["url"]).hostname for one in read(file)["interactions"]}
    if provenance_of(file).evidence in TYPED:
        assert hosts <= VENDOR_HOSTS
    else:
        assert all(str(host).endswith(".sandbox.example") for host in hosts)
