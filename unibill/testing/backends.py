"""Billing backends for a test: on a cassette, on a local sandbox, or live, as one option says."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import SecretStr

from unibill import config, installed, plugins
from unibill.aio import AsyncBilling
from unibill.connecting import aconnect, connect
from unibill.facade import Billing
from unibill.plugins import AnyProvider
from unibill.provider import BackendSettings, Clock, system_clock
from unibill.testing import network
from unibill.testing.evidence import Witness
from unibill.testing.recorder import Origin, Provenance, Tape
from unibill.testing.scrubbing import SHORTEST

if TYPE_CHECKING:
    from unibill.sandbox import Sandbox, Serving

T = TypeVar("T")
LIVE = "live:"
"""What the option begins with for a backend of ``unibill.toml``."""


def sandbox_of_everything(switches: Mapping[str, Mapping[str, str]] | None = None) -> "Sandbox":
    """A sandbox with every installed provider that has one; a broken provider is left out.

    Args:
        switches: by provider, its sandbox's switches.
    """
    from unibill.sandbox import Sandbox

    broken = plugins.broken()
    systems = [plugins.load(name).sandbox() for name in installed.found() if name not in broken]
    return Sandbox([system for system in systems if system is not None], switches=switches)


def fill(sandbox: "Sandbox", seed: str | None) -> None:
    """Fill a sandbox: ``documented``, ``generated:20``, or None for nothing.

    Raises:
        ValueError: another text.
    """
    kind, _, count = (seed or "").partition(":")
    if kind == "documented" and not count:
        sandbox.seed("documented")
    elif kind == "generated" and count.isdecimal():
        sandbox.seed("generated", int(count))
    elif seed is not None:
        raise ValueError(f"a seed is documented, generated:N or None; not {seed!r}")


class Backends:
    """Opens backends for one test. Whatever it opened, it closes with itself.

    Args:
        mode: ``cassette``, ``sandbox`` or ``live:NAME``.
        serving: starts a sandbox when the first one is needed.
        tape: the cassette in use; None where nothing is replayed or recorded.
        api_versions: the vendors' API versions by provider, for the provenance.

    Attributes:
        mode: as given.
        tape: as given.
        witness: saw which operations ran.
    """

    def __init__(
        self,
        mode: str,
        serving: "Callable[[], AbstractContextManager[Serving]]",
        tape: Tape | None = None,
        api_versions: Mapping[str, str] | None = None,
    ) -> None:
        self.mode = mode
        self.tape = tape
        self._serving = serving
        self._stack = ExitStack()
        self._started: Serving | None = None
        self._versions = dict(api_versions or {})
        self._opened: list[str] = []
        self.witness = Witness()
        self._on_loopback = False

    def __call__(self, provider: str, **settings: object) -> Billing:
        """Open a backend of a provider, blocking.

        Args:
            provider: the provider's name; on a live backend it must be that backend's.
            settings: more of the provider's settings, or other values for them.
        """
        billing = self._stack.enter_context(connect(self._provider(provider, settings), observers=[self.witness]))
        self.witness.watch(billing)
        return billing

    def open_async(self, provider: str, **settings: object) -> AsyncBilling:
        """The awaitable twin; close it yourself, with ``async with``."""
        billing = aconnect(self._provider(provider, settings), observers=[self.witness])
        self.witness.watch(billing)
        return billing

    def settings(self, provider: str, **settings: object) -> BackendSettings:
        """The settings by which a provider's backend is reached in this mode."""
        kind = plugins.load(provider)
        self._opened.append(provider)
        if self.mode.startswith(LIVE):
            return self._live(kind, settings)
        if self.tape is not None and not self.tape.recording:
            return self._replayed(kind, settings)
        backend = cast("dict[str, object]", self.sandbox.backends[provider])
        base_url = str(backend["base_url"])
        if self.tape is not None:
            address = f"{self.sandbox.url}/{provider}"
            stable = f"https://{provider}.sandbox.example"
            self.tape.rename(address, stable)
            found = kind.Settings.model_validate(backend | settings)
            self._keep(kind, found, base_url.replace(address, stable))
            return found
        return kind.Settings.model_validate(backend | settings)

    @property
    def clock(self) -> Clock:
        """Tells the time to providers: on a cassette that of the recording, since a day that is sent must be the recorded one."""
        return system_clock if self.tape is None else self.tape.now

    @property
    def sandbox(self) -> "Serving":
        """The sandbox behind the backends; started now if it was not.

        Raises:
            RuntimeError: there is none in this mode.
        """
        if self.mode.startswith(LIVE) or (self.tape is not None and not self.tape.recording):
            raise RuntimeError(f"there is no sandbox behind --unibill-backend {self.mode}; skip the test there, or do without")
        if self._started is None:
            self._started = self._stack.enter_context(self._serving())
        return self._started

    def known(self, name: str, find: "Callable[[Sandbox], T]") -> T:
        """What a test must know and no operation tells, such as the id of an account that the sandbox made up.

        It is looked up in the sandbox and kept in the cassette; replaying gives what was kept.

        Args:
            name: the name under which the cassette keeps it.
            find: gives it; something that JSON can hold.
        """
        if self.tape is None:
            return find(self.sandbox.sandbox)
        found = find(self.sandbox.sandbox) if self.tape.recording else None
        return cast("T", self.tape.note(name, found))

    @property
    def origin(self) -> Origin:
        """Where the answers come from. A live backend on this machine is no vendor, whatever it is called."""
        if self.tape is not None and not self.tape.recording:
            return self.tape.provenance.evidence
        return "live" if self.mode.startswith(LIVE) and not self._on_loopback else "sandbox"

    def close(self) -> None:
        """Close what was opened, and say in the recording where it comes from."""
        self._stack.close()
        if self.tape is not None and self.tape.recording:
            providers = sorted(set(self._opened))
            versions = ", ".join(self._versions.get(name, "") for name in providers).strip(", ")
            self.tape.describe(Provenance(self.origin, datetime.now(UTC).date().isoformat(), " ".join(providers), versions))

    def _provider(self, provider: str, settings: Mapping[str, object]) -> AnyProvider:
        return plugins.load(provider)(self.settings(provider, **settings), self.clock)

    def _live(self, kind: type[AnyProvider], settings: Mapping[str, object]) -> BackendSettings:
        if self.tape is not None and not self.tape.recording:
            return self._replayed(kind, settings)
        configured, found = config.backend(self.mode.removeprefix(LIVE)).load()
        if configured.name != kind.name:
            raise ValueError(f"the test asks for {kind.name}, and {self.mode} is a backend of {configured.name}")
        found = found.model_copy(update=dict(settings))
        self._on_loopback |= network.is_here(urlsplit(found.base_url).hostname or "")
        if self.tape is not None:
            self._keep(kind, found, found.base_url)
        return found

    def _keep(self, kind: type[AnyProvider], found: BackendSettings, base_url: str) -> None:
        """Keep in the recording what a replay needs, and hide what nobody may read."""
        if self.tape is None:
            return
        kept: dict[str, str] = {"base_url": base_url}
        for name, info in kind.Settings.model_fields.items():
            value = getattr(found, name)
            if isinstance(value, SecretStr):
                secret = f"{kind.name}.{name}"
                self.tape.hide(secret, value.get_secret_value())
                kept[name] = f"<secret:{secret}>"
            elif name != "base_url" and info.is_required() and isinstance(value, str):
                kept[name] = self._kept_text(f"{kind.name}.{name}", value)
        for number, text in enumerate(kind(found).endpoint().secrets):
            if len(text) >= SHORTEST:
                self.tape.hide(f"{kind.name}.endpoint.{number}", text)
        self.tape.note(f"backend {kind.name}", kept)

    def _kept_text(self, name: str, value: str) -> str:
        """A setting that names an account or a tenant: hidden where it is somebody's own."""
        if self.tape is None or not self.mode.startswith(LIVE) or len(value) < SHORTEST:
            return value
        shape = ".uuid" if _is_uuid(value) else ".digits" if value.isdecimal() else ""
        self.tape.hide(name + shape, value)
        return f"<secret:{name}{shape}>"

    def _replayed(self, kind: type[AnyProvider], settings: Mapping[str, object]) -> BackendSettings:
        if self.tape is None:
            raise RuntimeError("there is no cassette to replay")
        kept = cast("dict[str, Any]", self.tape.note(f"backend {kind.name}", None))
        values = {name: self.tape.restored(str(value)) for name, value in kept.items()}
        return kind.Settings.model_validate({**values, **settings})


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


@contextmanager
def serving(switches: Mapping[str, Mapping[str, str]] | None = None, seed: str | None = "documented") -> "Iterator[Serving]":
    """A sandbox of every installed provider, filled, on a loopback port of its own."""
    with sandbox_of_everything(switches) as sandbox, sandbox.serve() as served:
        fill(sandbox, seed)
        yield served


def cassette_file(root: Path, test_file: Path, test_name: str, tests: str, cassettes: str) -> Path:
    """Where a test's cassette lies: the folder ``cassettes`` mirrors ``tests``, one folder a module, one file a test.

    Args:
        root: pytest's root folder.
        test_file: the test's module.
        test_name: what follows the module in the test's id, such as ``TestRefunds::test_all[ZAR]``.
        tests: the tests' folder below the root.
        cassettes: the cassettes' folder below the root.
    """
    inside = test_file.relative_to(root)
    below = inside.relative_to(tests) if inside.parts[:1] == (tests,) else inside
    plain = test_name.replace("::", ".").replace("[", "-").removesuffix("]")
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", plain)
    suffix = "" if safe == plain else "-" + sha256(test_name.encode()).hexdigest()[:8]
    return root / cassettes / below.with_suffix("") / f"{safe}{suffix}.yaml"
