"""unibill's pytest plugin: billing backends for an app's tests, with one option.

``--unibill-backend cassette`` (the default) replays; ``sandbox`` runs against a local sandbox; ``live:NAME`` against a backend of
``unibill.toml``. ``--unibill-record`` records the cassettes anew, from the sandbox or from the live backend. Nothing is done on
its own: without its fixtures and options the plugin is idle, and it imports what it needs when it needs it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unibill.sandbox import Serving
    from unibill.testing.backends import Backends
    from unibill.testing.recorder import Tape

pytest.register_assert_rewrite("unibill.testing.conformance")

_failed = pytest.StashKey[bool]()
_skipped = pytest.StashKey[bool]()
_ran = pytest.StashKey[set[tuple[str, str, str]]]()
_expected = pytest.StashKey[set[Path]]()
_NEEDS_CASSETTE = "unibill_cassette"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("unibill", "unibill: billing backends in tests")
    group.addoption(
        "--unibill-backend",
        default="cassette",
        metavar="cassette|sandbox|live:NAME",
        help="what the fixture unibill_billing gives: a replayed cassette (default), a local sandbox, or a backend of unibill.toml",
    )
    group.addoption("--unibill-record", action="store_true", help="record cassettes anew, from the sandbox or from live:NAME")
    group.addoption("--unibill-drift", action="store_true", help="ask the backend again and fail where a cassette holds something else")
    group.addoption("--unibill-block-network", action="store_true", help="let this process reach nothing but loopback")
    group.addoption("--unibill-orphans", action="store_true", help="run no test; fail if a cassette belongs to none of those collected")
    group.addoption(
        "--unibill-evidence",
        choices=("write", "check"),
        metavar="write|check",
        help="write into each tried provider's package which operations ran, and on what; or fail where it says something else",
    )
    parser.addini("unibill_cassettes", "folder of the cassettes, below the root", default="cassettes")
    parser.addini("unibill_tests", "folder of the tests, which the cassettes mirror", default="tests")


def pytest_configure(config: pytest.Config) -> None:
    """Check the option, and block the network if asked to."""
    mode = str(config.getoption("--unibill-backend"))
    if mode not in {"cassette", "sandbox"} and not (mode.startswith("live:") and mode != "live:"):
        raise pytest.UsageError(f"--unibill-backend takes cassette, sandbox or live:NAME; not {mode!r}")
    config.stash[_ran] = set()
    if config.getoption("--unibill-block-network"):
        from unibill.testing.network import block_network

        stack = ExitStack()
        stack.enter_context(block_network())
        config.add_cleanup(stack.close)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember a failure, so that what a red test recorded is not kept, and a skip, since it proves nothing."""
    report = yield
    if call.excinfo is not None:
        item.stash[_skipped if call.excinfo.errisinstance(pytest.skip.Exception) else _failed] = True
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember which cassettes the collected tests use."""
    config.stash[_expected] = {
        _file(config, item)
        for item in items
        if _NEEDS_CASSETTE in getattr(item, "fixturenames", ()) or "unibill_billing" in getattr(item, "fixturenames", ())
    }


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """With ``--unibill-orphans``: compare cassettes and tests, and run nothing."""
    config = session.config
    if not config.getoption("--unibill-orphans"):
        return None
    folder = config.rootpath / str(config.getini("unibill_cassettes"))
    expected = config.stash[_expected]
    orphans = sorted(set(folder.rglob("*.yaml")) - expected)
    missing = sorted(file for file in expected if not file.is_file())
    for word, files in (("belongs to no test", orphans), ("is not recorded", missing)):
        for file in files:
            session.testsfailed += 1
            print(f"{file.relative_to(config.rootpath)} {word}")  # noqa: T201 - it is what was asked for
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what ran, or compare it with what is written. A red run proves nothing, and writes nothing."""
    config = session.config
    wanted = config.getoption("--unibill-evidence")
    if not wanted or session.testsfailed:
        return
    from unibill.testing import evidence

    ran = config.stash[_ran]
    done = evidence.write(ran, config.rootpath) if wanted == "write" else evidence.check(ran, config.rootpath)
    if done and wanted == "check":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    for line in done:
        print(f"\n{line}", end="")  # noqa: T201 - it is what was asked for


def note_evidence(request: pytest.FixtureRequest, used: Collection[tuple[str, str]], origin: str) -> None:
    """Note which operations of which providers ran in a test, unless it failed or was skipped.

    Args:
        request: of a fixture that ends now.
        used: providers and operations.
        origin: where the answers came from.
    """
    if not any(request.node.stash.get(key, False) for key in (_failed, _skipped)):
        request.config.stash[_ran].update((provider, operation, origin) for provider, operation in used)


@pytest.fixture
def unibill_cassette(request: pytest.FixtureRequest) -> "Iterator[Tape]":
    """The test's own cassette: replayed, or recorded with ``--unibill-record``. One typed by hand is always replayed."""
    from unibill.testing.recorder import CassetteMismatch, Recorder, is_typed, time_of

    file = _file(request.config, request.node)
    typed = is_typed(file)
    comparing = bool(request.config.getoption("--unibill-drift")) and not typed
    recording = bool(request.config.getoption("--unibill-record")) and not typed
    with TemporaryDirectory() as scratch:
        now = Path(scratch) / "now.yaml"
        with Recorder().use(now if comparing else file, record=comparing or recording) as tape:
            if comparing and (then := time_of(file)):
                tape.note("now", then)
            yield tape
            failed = request.node.stash.get(_failed, False)
            if failed:
                tape.discard()
        if comparing and not failed:
            from unibill.testing.drift import drift

            if found := drift(file, now):
                raise CassetteMismatch(f"{file} is not what the backend answers today:\n{found}")


@pytest.fixture
def unibill_switches() -> Mapping[str, Mapping[str, str]]:
    """Switches of the sandboxes, by provider; override it in your own tests."""
    return {}


@pytest.fixture
def unibill_seed() -> str | None:
    """What the sandboxes are filled with: ``documented``, ``generated:N`` or None; override it in your own tests."""
    return "documented"


@pytest.fixture
def unibill_api_versions() -> Mapping[str, str]:
    """The API versions that new recordings name, by provider; override it in your own tests."""
    return {}


@pytest.fixture
def unibill_serving(
    unibill_switches: Mapping[str, Mapping[str, str]], unibill_seed: str | None
) -> "Callable[[], AbstractContextManager[Serving]]":
    """Starts a filled sandbox; override it for one of your own making."""
    from unibill.testing.backends import serving

    return lambda: serving(unibill_switches, unibill_seed)


@pytest.fixture
def unibill_sandbox(unibill_serving: "Callable[[], AbstractContextManager[Serving]]") -> "Iterator[Serving]":
    """A sandbox of every installed provider, filled with ``unibill_seed``, on a loopback port of its own."""
    with unibill_serving() as serving:
        yield serving


@pytest.fixture
def unibill_billing(
    request: pytest.FixtureRequest,
    unibill_serving: "Callable[[], AbstractContextManager[Serving]]",
    unibill_api_versions: Mapping[str, str],
) -> "Iterator[Backends]":
    """Opens backends by the names of their providers; what they are, ``--unibill-backend`` says."""
    from unibill.testing.backends import Backends

    mode = str(request.config.getoption("--unibill-backend"))
    taped = mode == "cassette" or any(request.config.getoption(option) for option in ("--unibill-record", "--unibill-drift"))
    tape: Tape | None = request.getfixturevalue(_NEEDS_CASSETTE) if taped else None
    backends = Backends(mode, unibill_serving, tape, unibill_api_versions)
    try:
        yield backends
    finally:
        note_evidence(request, backends.witness.used, backends.origin)
        backends.close()


@pytest.fixture
def unibill_no_network() -> Iterator[None]:
    """Within the test, this process reaches nothing but loopback."""
    from unibill.testing.network import block_network

    with block_network():
        yield


@pytest.fixture
def unibill_without_waiting() -> Iterator[None]:
    """Within the test, nothing waits between retries or for pacing."""
    from unibill.http import without_waiting

    with without_waiting():
        yield


def _file(config: pytest.Config, item: pytest.Item) -> Path:
    from unibill.testing.backends import cassette_file

    tests, cassettes = str(config.getini("unibill_tests")), str(config.getini("unibill_cassettes"))
    return cassette_file(config.rootpath, item.path, item.nodeid.partition("::")[2], tests, cassettes)
