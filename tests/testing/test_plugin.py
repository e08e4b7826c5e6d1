"""The pytest plugin, as an app's developer uses it: in a project of its own, in this process.

pytester forgets what an inner run imported, so what all of them need is imported here, once.
"""

import datetime as dt
import re

import httpcore
import hypothesis
import pytest
from unibill_billagain import provider as billagain
from unibill_socotra import provider as socotra

from tests.support import kit
from unibill.testing import drift, memory, network, recorder

pytest_plugins = ["pytester"]
IMPORTED = (httpcore, hypothesis, billagain, socotra, kit, drift, memory, network, recorder)

APP = """
from decimal import Decimal
from unibill import CreditDraft, AllocationDraft

def test_goodwill(unibill_billing):
    billing = unibill_billing("billagain")
    allocations = (AllocationDraft(target_id="11351", amount=Decimal("5.05")),)
    credit = billing.credits.create(
        CreditDraft(account_id="269", currency="ZAR", amount=Decimal("10.10"), allocations=allocations, issued_on="2026-05-04"), key="order-1"
    )
    assert credit.remaining == Decimal("5.05")
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An app with one test, in ``tests/``."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makepyfile(**{"tests/test_app": APP})
    return pytester


def outcome(project: pytest.Pytester, *arguments: str) -> tuple[dict[str, int], str]:
    result = project.runpytest_inprocess("-p", "no:cacheprovider", "--import-mode=importlib", *arguments)
    said = result.stdout.str() + result.stderr.str()
    counts = (
        {name: count for name, count in result.parseoutcomes().items() if name in {"passed", "failed", "errors"}} if "==" in said else {}
    )
    return counts, said


def test_one_option_decides_what_an_apps_test_runs_on(project: pytest.Pytester) -> None:
    missing, said = outcome(project)
    assert missing == {"errors": 1}
    assert "--unibill-record" in said
    assert outcome(project, "--unibill-record")[0] == {"passed": 1}
    file = project.path / "cassettes" / "test_app" / "test_goodwill.yaml"
    assert "sandbox-key" not in file.read_text()
    assert "https://billagain.sandbox.example/v1" in file.read_text()
    assert outcome(project, "--unibill-block-network")[0] == {"passed": 1}
    assert outcome(project, "--unibill-backend", "sandbox")[0] == {"passed": 1}
    assert outcome(project, "--unibill-drift")[0] == {"passed": 1}
    assert outcome(project, "--unibill-orphans")[0] == {}


def test_a_changed_request_fails_and_shows_the_digit(project: pytest.Pytester) -> None:
    outcome(project, "--unibill-record")
    (project.path / "tests" / "test_app.py").write_text(APP.replace("10.10", "10.11"))
    found, said = outcome(project)
    assert found["failed"] == 1
    assert "-  Amount: 10.10" in said
    assert "+  Amount: 10.11" in said


def test_what_a_red_test_recorded_is_not_kept(project: pytest.Pytester) -> None:
    (project.path / "tests" / "test_app.py").write_text(APP.replace('== Decimal("5.05")', "== 0"))
    assert outcome(project, "--unibill-record")[0] == {"failed": 1}
    assert not (project.path / "cassettes").exists()


UNDATED = """
import pytest
from decimal import Decimal
from unibill import CreditDraft

def test_undated(unibill_billing):
    billing = unibill_billing("billagain")
    billing.credits.create(CreditDraft(account_id="269", currency="ZAR", amount=Decimal("10.10"), number="CN-1", auto_apply=True))
    if {skipping}:
        pytest.skip("enough seen")
"""


def test_a_cassette_is_replayed_on_the_day_of_its_recording_whatever_day_it_is(project: pytest.Pytester) -> None:
    (project.path / "tests" / "test_app.py").write_text(UNDATED.format(skipping=False))
    assert outcome(project, "--unibill-record")[0] == {"passed": 1}
    file = project.path / "cassettes" / "test_app" / "test_undated.yaml"
    text = file.read_text()
    now = dt.datetime.fromisoformat(re.findall(r"^now: (.+)$", text, re.MULTILINE)[0])
    sent = re.findall(r"Date: (\d\d \w+ \d{4})", text)[0]
    file.write_text(text.replace(sent, "05 Apr 2016").replace(now.isoformat(), "2016-04-05T10:00:00+00:00"))
    assert outcome(project)[0] == {"passed": 1}
    file.write_text(text.replace(f"now: {now.isoformat()}\n", ""))
    found, said = outcome(project)
    assert (found["failed"], "does not keep 'now'; record it again" in said) == (1, True)


def test_a_recording_that_ended_in_a_skip_is_kept_and_its_replay_skips_at_the_same_place(project: pytest.Pytester) -> None:
    (project.path / "tests" / "test_app.py").write_text(UNDATED.format(skipping=True))
    outcome(project, "--unibill-record")
    assert "method: POST" in (project.path / "cassettes" / "test_app" / "test_undated.yaml").read_text()
    assert "1 skipped" in outcome(project)[1]
    (project.path / "tests" / "test_app.py").write_text(UNDATED.format(skipping=True).replace('"10.10"', '"10.11"'))
    assert outcome(project)[0] == {"failed": 1}


def test_a_cassette_that_no_test_plays_and_a_test_that_has_none_are_named(project: pytest.Pytester) -> None:
    outcome(project, "--unibill-record")
    (project.path / "cassettes" / "test_app" / "test_goodwill.yaml").rename(project.path / "cassettes" / "test_app" / "test_old.yaml")
    _, said = outcome(project, "--unibill-orphans")
    assert "cassettes/test_app/test_old.yaml belongs to no test" in said
    assert "cassettes/test_app/test_goodwill.yaml is not recorded" in said


def test_a_live_backend_is_one_of_unibill_toml(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLAGAIN_KEY", "the-live-key")
    found, said = outcome(project, "--unibill-backend", "live:main")
    assert (found, "there is no backend 'main'" in said) == ({"failed": 1}, True)
    (project.path / "unibill.toml").write_text(
        '[backends.main]\nprovider = "billagain"\naccount = "1042"\nbase_url = "http://127.0.0.1:9"\nretries = 0\napi_key = { env = "BILLAGAIN_KEY" }\n'
    )
    found, said = outcome(project, "--unibill-backend", "live:main", "--unibill-record")
    assert found == {"failed": 1}
    assert "Unavailable" in said
    assert "the-live-key" not in said


def test_an_option_that_makes_no_sense_is_refused(project: pytest.Pytester) -> None:
    assert "takes cassette, sandbox or live:NAME" in outcome(project, "--unibill-backend", "nowhere")[1]


def test_idle_the_plugin_imports_nothing_heavy_and_touches_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_idle():
            heavy = {"httpx", "pydantic", "vcr", "yaml", "starlette", "sqlalchemy", "msgspec"}
            assert heavy & set(sys.modules) == set()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:anyio")
    result.assert_outcomes(passed=1)
