"""What holds of every cassette in the repository."""

import datetime as dt
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from unibill_socotra.sandbox.tenant import TOKEN
from vcr.serialize import deserialize  # type: ignore[import-untyped]  # vcrpy ships no types

from tests.providers.billagain import subjects as billagain
from tests.providers.socotra import subjects as socotra
from unibill import installed
from unibill.redact import mask_cards
from unibill.testing import jsontree
from unibill.testing.cassettefile import Serializer, read
from unibill.testing.recorder import TYPED, provenance_of
from unibill.testing.scrubbing import leaks, masked_body

ROOT = Path(__file__).parents[2]
CASSETTES = sorted((ROOT / "cassettes").rglob("*.yaml"))
MODULES = sorted({(ROOT / "tests" / file.relative_to(ROOT / "cassettes")).parent.with_suffix(".py") for file in CASSETTES})
SUITE = "test_conformance_replayed"
SECRETS = {"billagain": "sandbox-key", "socotra": TOKEN}
FILLED = {"billagain": billagain.filled, "socotra": socotra.filled}
CREDENTIALS = {
    "billagain": {"authorization": "Basic " + b64encode(b"1042:sandbox-key").decode()},
    "socotra": {"authorization": f"Bearer {TOKEN}"},
}
VENDOR_HOSTS = {"api.billagain.com", "api-ec-sandbox.socotra.com"}
EVERY = pytest.mark.parametrize("file", CASSETTES, ids=[str(file.relative_to(ROOT / "cassettes")) for file in CASSETTES])


def run_pytest(capsys: pytest.CaptureFixture[str] | None, *arguments: str, modules: Sequence[Path] = MODULES) -> tuple[int, str]:
    """Run modules that have cassettes, within this process."""
    status = pytest.main(["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *arguments, *map(str, modules)])
    return int(status), "" if capsys is None else capsys.readouterr().out


def test_there_are_cassettes_and_their_modules() -> None:
    assert len(CASSETTES) > 40
    assert [module for module in MODULES if not module.is_file()] == []


def test_every_cassette_belongs_to_a_test_and_every_test_has_one(capsys: pytest.CaptureFixture[str]) -> None:
    status, said = run_pytest(capsys, "--unibill-orphans")
    assert (status, "belongs to no test" in said, "is not recorded" in said) == (0, False, False), said


def test_todays_sandboxes_still_answer_what_the_cassettes_hold(capsys: pytest.CaptureFixture[str]) -> None:
    status, said = run_pytest(capsys, "--unibill-drift", modules=[module for module in MODULES if module.stem != SUITE])
    assert status == 0, said


@pytest.mark.parametrize("vendor", FILLED)
def test_todays_sandboxes_still_answer_what_the_suites_cassettes_hold(vendor: str) -> None:
    """The same requests once more, in order, each cassette's to a sandbox of its own: every answer is the same, digit for digit."""
    files = sorted((ROOT / "cassettes" / "providers" / vendor / SUITE).glob("*.yaml"))
    assert len(files) > 50
    for file in files:
        with FILLED[vendor]() as serving, httpx.Client(headers=CREDENTIALS[vendor], trust_env=False) as client:
            for request, recorded in zip(*deserialize(file.read_text("utf-8"), Serializer)[:2], strict=True):
                url = request.uri.replace(f"https://{vendor}.sandbox.example", f"{serving.url}/{vendor}", 1)
                body: Any = request.body
                answer = client.request(request.method, url, content=body, headers={"content-type": "application/json"})
                now, then = jsontree.of_body(masked_body(answer.content, mask_cards)), jsontree.of_body(recorded["body"]["string"])
                place = f"{file.name}: {request.method} {request.uri}"
                assert answer.status_code == recorded["status"]["code"], place
                assert now == then, f"{place}\n{jsontree.difference(then, now)}"


@EVERY
def test_no_cassette_holds_a_secret_or_a_card_number(file: Path) -> None:
    assert leaks(file, SECRETS) == []


@EVERY
def test_every_cassette_says_where_it_comes_from(file: Path) -> None:
    provenance = provenance_of(file)
    assert set(provenance.provider.split()) <= set(installed.found())
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
