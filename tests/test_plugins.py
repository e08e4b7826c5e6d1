"""Finding providers: by name without importing, each on its own, and none of two that claim one name."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from unibill import installed, plugins
from unibill.errors import ConfigurationError, PluginError
from unibill.hookspecs import hookimpl

GOOD = """
from unibill import hookimpl
from unibill.testing.memory import MemoryProvider, MemorySettings

class FakeSettings(MemorySettings):
    provider_name = "NAME"

class Fake(MemoryProvider):
    name = "NAME"
    title = "Fake"
    Settings = FakeSettings

@hookimpl
def unibill_provider():
    return Fake
"""
HOOK = "from unibill import hookimpl\n@hookimpl\ndef unibill_provider():\n    "
_serial = itertools.count()
Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution whose module has this source, and gives the module's name."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, source: str = GOOD, *, distribution: str = "", group: str = installed.PROVIDERS, version: str = "1.0") -> str:
        module = f"unibill_fake_{next(_serial)}"
        distribution = distribution or f"dist-of-{name}"
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
        (tmp_path / f"{module}.py").write_text(dedent(source).replace("NAME", name))
        return module

    yield make
    for module in [module for module in sys.modules if module.startswith("unibill_fake_")]:
        del sys.modules[module]


def test_a_provider_is_found_with_its_distribution_and_loaded(install: Install) -> None:
    install("fake-good", version="2.3")

    assert installed.found()["fake-good"].distributions == ("dist-of-fake-good 2.3",)
    assert plugins.load("fake-good").title == "Fake"


def test_listing_names_imports_no_provider_and_no_http_client(install: Install, tmp_path: Path) -> None:
    modules = [install("fake-quiet"), install("fake-broken", "raise RuntimeError")]
    script = """
        import json, sys
        from unibill import installed
        names = list(installed.found())
        print(json.dumps([names, sorted(sys.modules)]))
    """
    run = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", dedent(script)], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    names, imported = json.loads(run.stdout)

    assert {"billagain", "fake-broken", "fake-quiet", "socotra"} <= set(names)
    assert not {"unibill_billagain", "unibill_socotra", "httpx", "pydantic", "pluggy", *modules} & set(imported)


def test_an_unknown_name_is_refused_with_the_names_there_are(install: Install) -> None:
    install("fake-known")

    with pytest.raises(PluginError, match=r"there is no provider 'nobody'; installed are: .*fake-known"):
        plugins.load("nobody")


BROKEN = {
    "import-error": ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
    "syntax-error": ("def", "SyntaxError"),
    "any-exception": ("raise ZeroDivisionError('at import')", "ZeroDivisionError: at import"),
    "sys-exit": ("import sys\nsys.exit('usage')", "SystemExit: usage"),
    "no-hook": ("", "does not implement the hook unibill_provider"),
    "misspelt-hook": (GOOD.replace("def unibill_provider", "def unibill_provder"), "unibill_provder"),
    "hook-with-arguments": (GOOD.replace("unibill_provider()", "unibill_provider(colour)"), "colour"),
    "hook-raises": (HOOK + "raise ZeroDivisionError('in the hook')", "in the hook"),
    "hook-exits": (HOOK + "raise SystemExit('in the hook')", "in the hook"),
    "not-a-class": (HOOK + "return 'a provider'", "gave 'a provider', not a Provider class"),
    "another-class": (HOOK + "return dict", "not a Provider class"),
    "other-name": (GOOD.replace('name = "NAME"', 'name = "somebody"'), "calls itself 'somebody', its entry point 'fake-bad'"),
    "no-title": (
        HOOK + "from unibill.provider import Provider\n    class P(Provider):\n        pass\n    return P",
        "has no name; it has no title",
    ),
    "unfinished": (
        GOOD.replace("class Fake(MemoryProvider):", "class Fake(Provider):\n    capabilities = MemoryProvider.capabilities").replace(
            "from unibill import hookimpl", "from unibill import hookimpl\nfrom unibill.provider import Provider"
        ),
        "has no endpoint",
    ),
    "capabilities-of-no-kind": (GOOD.replace("    title", "    capabilities = {'credits.list': True}\n    title"), "capabilities"),
    "undeclared-operation": (
        GOOD.replace("    title", "    capabilities = Capabilities({'credits.lists': Capability(Grade.NATIVE)})\n    title").replace(
            "from unibill import hookimpl", "from unibill import hookimpl\nfrom unibill.capabilities import *"
        ),
        "operation 'credits.lists' is not one of the facade's",
    ),
    "settings-of-no-kind": (GOOD.replace("Settings = FakeSettings", "Settings = dict"), "Settings"),
    "settings-for-another": (GOOD.replace('provider_name = "NAME"', 'provider_name = "somebody"'), "settings are for 'somebody'"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_reported_with_its_distribution_and_hurts_no_other(install: Install, fault: str) -> None:
    source, reason = BROKEN[fault]
    install("fake-bad", source, distribution="acme-plugin")
    install("fake-fine")

    with pytest.raises(PluginError) as broken:
        plugins.load("fake-bad")
    assert str(broken.value).startswith("provider 'fake-bad' of acme-plugin 1.0 is broken")
    assert reason in str(broken.value)
    assert isinstance(broken.value, ConfigurationError)
    assert plugins.load("fake-fine").title == "Fake"
    assert plugins.broken()["fake-bad"] == str(broken.value)
    assert "fake-fine" not in plugins.broken()


def test_two_distributions_with_one_name_are_refused_and_both_named(install: Install) -> None:
    first = install("fake-twice", distribution="acme-one")
    second = install("fake-twice", distribution="acme-two", version="2.0")

    assert installed.found()["fake-twice"].distributions == ("acme-one 1.0", "acme-two 2.0")
    with pytest.raises(PluginError, match="'fake-twice' is claimed twice") as clash:
        plugins.load("fake-twice")
    for part in (f"acme-one 1.0 ({first})", f"acme-two 2.0 ({second})", "uninstall one of them"):
        assert part in str(clash.value)


def test_a_stranger_cannot_take_the_name_of_a_bundled_provider(install: Install) -> None:
    install("socotra", distribution="acme-socotra")

    with pytest.raises(PluginError, match=r"acme-socotra 1\.0 .*unibill|unibill .*acme-socotra 1\.0"):
        plugins.load("socotra")


def test_an_installed_observer_is_found(install: Install) -> None:
    source = "from unibill import hookimpl\nheard = []\n@hookimpl\ndef unibill_page_read(event):\n    heard.append(event)\n"
    module = install("fake-observer", source, group=installed.OBSERVERS)
    plugins.observers().hook.unibill_page_read(event="page")

    assert sys.modules[module].heard == ["page"]


@pytest.mark.parametrize(
    "source",
    [
        "raise ZeroDivisionError('at import')",
        "raise SystemExit('at import')",
        "from unibill import hookimpl\n@hookimpl\ndef unibill_page_reed(event): ...",
    ],
)
def test_a_broken_observer_is_refused_since_an_audit_must_not_be_silently_missing(install: Install, source: str) -> None:
    install("fake-observer", source, group=installed.OBSERVERS)

    with pytest.raises(PluginError, match=r"at import|unibill_page_reed"):
        plugins.observers()


def test_an_observer_that_is_given_may_implement_some_of_the_hooks_only() -> None:
    class Some:
        @hookimpl
        def unibill_run_progressed(self, event: object) -> None:
            """Nothing to do."""

    assert plugins.observers([Some()]).hook.unibill_page_read(event=None) == []


@pytest.mark.parametrize("name", ["billagain", "socotra"])
def test_the_bundled_providers_come_through_the_public_entry_points_and_are_whole(name: str) -> None:
    assert plugins.load(name).name == name
    assert installed.found()[name].points[0].group == "unibill.providers"
    assert name not in plugins.broken()
