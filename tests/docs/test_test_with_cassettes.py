"""The example of docs/test-with-cassettes.md runs as it says, in a project of its own."""

from pathlib import Path

import pytest

from tests.testing.test_plugin import IMPORTED, outcome
from unibill import testing
from unibill.http import without_waiting

pytest_plugins = ["pytester"]
IMPORTS = IMPORTED
DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "examples" / "test_settling.py").read_text("utf-8").partition("\n")[2]
"""Without its first line, a remark to our linter."""
PAGE = (DOCS / "test-with-cassettes.md").read_text("utf-8")


def test_the_page_shows_the_example_as_it_is() -> None:
    assert f"```python\n{EXAMPLE}```" in PAGE


def test_the_pages_commands_do_what_they_say(pytester: pytest.Pytester) -> None:
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "test_settling.py").write_text(EXAMPLE, "utf-8")
    assert outcome(pytester, "--unibill-record")[0] == {"passed": 1}
    for options in (["--unibill-block-network"], ["--unibill-backend", "sandbox"], ["--unibill-drift"]):
        assert outcome(pytester, *options)[0] == {"passed": 1}
    assert "belongs to no test" not in outcome(pytester, "--unibill-orphans")[1]


def test_every_option_and_fixture_of_the_plugin_is_on_the_page(pytester: pytest.Pytester) -> None:
    known = pytester.runpytest_inprocess("--help").stdout.str() + pytester.runpytest_inprocess("--fixtures").stdout.str()
    names = {word.split("=")[0].split("[")[0] for word in known.split() if word.startswith(("--unibill-", "unibill_"))}
    names = {name for name in names if name not in {"unibill_cassettes", "unibill_tests"}}
    assert len(names) > 12
    assert {name for name in names if name not in PAGE} == set()


def test_the_test_mode_is_public() -> None:
    assert testing.without_waiting is without_waiting
    with pytest.raises(AttributeError, match="nothing"):
        testing.nothing  # noqa: B018 - that it is not there is the point
