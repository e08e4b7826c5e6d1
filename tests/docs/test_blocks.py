"""Every block of code on every page runs, or says why not; and every page shows what its commands print."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import outputs, pages
from docs.generate.blocks import blocks_of
from docs.generate.running import BlockFailed, Stage, check_toml, parse, stage


def name_of(page: Path) -> str:
    return page.relative_to(pages.ROOT).as_posix().replace("/", "-")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("start")) as shared:
        yield shared


def with_blocks() -> list[Path]:
    return [page for page in outputs.played() if blocks_of(page)]


@pytest.mark.parametrize("page", with_blocks(), ids=name_of)
def test_the_blocks_of_a_page_run_and_print_what_it_shows(page: Path, shared: Stage, tmp_path: Path) -> None:
    try:
        printed = shared.page(page, tmp_path / "page")
    except BlockFailed as error:
        pytest.fail(str(error), pytrace=False)
    for one in printed:
        if not one.agrees:
            pytest.fail(
                f"{page.relative_to(pages.ROOT)}, line {one.block.line}: if this is right, run python -m docs.generate outputs\n{one.masked}",
                pytrace=False,
            )


def test_the_pages_that_are_run_elsewhere_are_run_by_tests_that_there_are() -> None:
    for page, test in outputs.ELSEWHERE.items():
        assert (pages.ROOT / page).is_file()
        assert Path(page).name in (pages.ROOT / test).read_text("utf-8"), page


def test_a_block_that_no_test_runs_says_why() -> None:
    unrun = [block for page in outputs.played() for block in blocks_of(page) if block.reason]
    assert unrun
    assert all(len(block.reason) > 15 for block in unrun)


def played(text: str, shared: Stage, folder: Path) -> list[bool]:
    folder.mkdir(exist_ok=True)
    page = folder / "some.md"
    page.write_text(text, "utf-8")
    return [one.agrees for one in shared.page(page, folder / "page")]


def test_a_page_that_shows_something_else_is_found(shared: Stage, tmp_path: Path) -> None:
    text = "```sh\nunibill credits get billagain 10081 --json\n```\n\n```text\n{said}\n```\n"
    assert played(text.format(said='{"id":"10081",…}'), shared, tmp_path) == [True, True]
    assert played(text.format(said='{"id":"10082",…}'), shared, tmp_path / "b") == [False, True]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("```sh\nunibill credits list nosuch\n```\n", "status 2, not 0"),
        ("```sh\nfalse\n```\n", "status 1, not 0"),
        ("```python\nraise ValueError('this one')\n```\n", "this one"),
        ('```toml\n[backends.a]\nprovider = "billagain"\n```\n', "is missing"),
        ("```json\n{\n```\n", "line 1"),
        ("```yaml\na: 1\n```\n", "nothing here can run yaml"),
        ("*Not run as a test: it is made up.*\n```sh\nunibill plan --nosuch\n```\n", "unibill plan --nosuch"),
        ("*Not run as a test: it is made up.*\n```yaml\na: {b: [c: [unibill, work, --nosuch]]}\n```\n", "unibill work --nosuch"),
        ("*Not run as a test: it is made up.*\n```yaml\na: [\n```\n", "line 2"),
        ("*Not run as a test: it is made up.*\n```python\nBash('unibill work --no {{ such }}')\n```\n", "unibill work --no x"),
        ("*Not run as a test: it is made up.*\n```python\nunibill('work', '--nosuch', at)\n```\n", "unibill work --nosuch x"),
        ("*Not run as a test: it is made up.*\n```python\nfrom unibill.copying import nosuch\n```\n", "nosuch"),
        ("*Not run as a test: it is made up.*\n```python\ndef a(:\n```\n", "invalid syntax"),
    ],
)
def test_a_block_that_does_not_hold_is_found(text: str, why: str, shared: Stage, tmp_path: Path) -> None:
    with pytest.raises(BlockFailed, match=why):
        played(text, shared, tmp_path)


@pytest.mark.parametrize(
    ("text", "instead", "status"),
    [("--max-records 500", "--max-records 0", 4), ("accounts.csv", "nosuch.csv", 2)],
)
def test_the_nightly_script_ends_as_a_plan_that_will_not_do_and_applies_it_in_no_later_call(
    text: str, instead: str, status: int, shared: Stage, tmp_path: Path
) -> None:
    page = (pages.ROOT / "docs/docker-and-cron.md").read_text("utf-8")
    (script,) = re.findall(r"<!-- file: nightly.sh -->\n```bash\n.*?```\n", page, re.DOTALL)
    assert text in script
    calls = "```sh\n! ./nightly.sh\n./nightly.sh\n```\n"
    with pytest.raises(BlockFailed, match=f"status {status}, not 0"):
        played(script.replace(text, instead) + calls, shared, tmp_path)


def test_toml_that_is_about_something_else_is_only_read(tmp_path: Path) -> None:
    check_toml('[project.entry-points."unibill.providers"]\nacme = "unibill_acme"\n', tmp_path)


def test_words_that_are_a_command_pass() -> None:
    parse(["credits", "list", "main", "--account", "269"], "here")


def test_a_page_leaves_no_trace_in_the_loggers(shared: Stage, tmp_path: Path) -> None:
    before = logging.getLogger("unibill").level
    played("```python\nimport logging\n\nlogging.getLogger('unibill').setLevel(1)\n```\n", shared, tmp_path)
    assert logging.getLogger("unibill").level == before != 1
