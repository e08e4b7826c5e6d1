"""Cassettes that cannot lie and cannot leak: vcrpy, set up right.

::

    with Recorder(secrets={"api_key": key}).use(Path("cassettes/refund.yaml")) as tape:
        ...                                      # every request is answered from the cassette; nothing leaves this process

Replaying is the default. A request is answered only by a recorded one that is equal in method, host, path, query and body, the
body digit for digit; what does not match fails with a readable difference, and so does a recorded exchange that nobody asked
for. Recording (``record=True``) sends for real and writes the file only if nothing went wrong.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import parse_qsl, urlsplit

from vcr.cassette import Cassette  # type: ignore[import-untyped]  # vcrpy ships no types
from vcr.errors import MissingMetadataError  # type: ignore[import-untyped]  # vcrpy ships no types
from vcr.filters import decode_response  # type: ignore[import-untyped]  # vcrpy ships no types
from vcr.persisters.filesystem import CassetteNotFoundError  # type: ignore[import-untyped]  # vcrpy ships no types
from vcr.record_mode import RecordMode  # type: ignore[import-untyped]  # vcrpy ships no types
from vcr.serialize import deserialize, serialize  # type: ignore[import-untyped]  # vcrpy ships no types

from unibill.redact import mask_cards
from unibill.testing import cassettefile, jsontree
from unibill.testing.cassettefile import Serializer
from unibill.testing.scrubbing import ANSWER_HEADERS, REQUEST_HEADERS, Leak, Scrubber, kept, masked_body, masked_header, masked_url

Origin = Literal["documented", "documented-shape", "sandbox", "live"]
"""What a cassette's answers come from: typed from what the vendor's page prints; typed by us after the vendor's printed field
tables, where it prints no sample; recorded from our sandbox; recorded from the vendor."""
TYPED: Final = frozenset({"documented", "documented-shape"})
"""The origins of cassettes that are never recorded over."""

_one_at_a_time: Final = threading.Lock()


class CassetteMismatch(AssertionError):
    """What was asked and what was recorded are not the same; the message shows the difference."""


class CassetteMissing(CassetteMismatch):
    """There is no cassette to replay; the message says how to record one."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a cassette comes from.

    Attributes:
        recorded: the day.
        provider: the entry point's name, or several of them.
        api_version: of the vendor's API, as the vendor writes it.
        source: what the answers rest on: the vendor's page, or the settings of the sandbox.
        published: card-like numbers that the vendor itself printed on that page; of a documented cassette only.
    """

    evidence: Origin
    recorded: str
    provider: str
    api_version: str = ""
    source: str = ""
    published: tuple[str, ...] = ()

    def fields(self) -> dict[str, object]:
        """As they stand in the file."""
        fields: dict[str, object] = {"evidence": self.evidence, "recorded": self.recorded, "provider": self.provider}
        optional = {"api_version": self.api_version, "source": self.source, "published": list(self.published)}
        return fields | {name: value for name, value in optional.items() if value}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Provenance":
        """From the fields of a file.

        Raises:
            BrokenCassette: one that every cassette must say is missing.
        """
        try:
            return cls(**{**fields, "published": tuple(fields.get("published", ()))})
        except TypeError as error:
            raise cassettefile.BrokenCassette(f"the provenance is not complete: {error}") from error


class Tape:
    """A cassette in use.

    Attributes:
        file: where it is kept.
        recording: whether requests are sent; False while replaying.
    """

    def __init__(self, file: Path, recording: bool, cassette: Any, scrubber: Scrubber, hosts: dict[str, str]) -> None:  # noqa: ANN401 - vcrpy ships no types
        self.file = file
        self.recording = recording
        self._cassette = cassette
        self._scrubber = scrubber
        self._hosts = hosts

    def note(self, name: str, value: object) -> Any:  # noqa: ANN401 - what was noted
        """Keep a value in the cassette: the given one while recording, the one that was kept then while replaying.

        Use it for what a request depends on and a test cannot know beforehand, such as the time.

        Raises:
            CassetteMismatch: the cassette keeps nothing under this name.
        """
        try:
            return self._cassette.get_metadata(name, value)
        except MissingMetadataError:
            raise CassetteMismatch(f"the cassette {self.file} does not keep {name!r}; record it again with --unibill-record") from None

    def now(self) -> datetime:
        """The time at which the cassette was recorded, for clocks; the present time while recording.

        One that was typed by hand keeps no time; there it is the day of its provenance.
        """
        if not self.recording and self.provenance.evidence in TYPED:
            return datetime.fromisoformat(self.provenance.recorded).replace(tzinfo=UTC)
        return datetime.fromisoformat(cast("str", self.note("now", datetime.now(UTC).isoformat(timespec="seconds"))))

    def hide(self, name: str, value: str) -> None:
        """Hide one more secret; see ``Scrubber.add``."""
        self._scrubber.add(name, value)

    def restored(self, text: str) -> str:
        """A text with values, or stand-ins, in place of the placeholders of secrets."""
        return self._scrubber.restore(text)

    def rename(self, address: str, stable: str) -> None:
        """Write ``stable`` where ``address`` begins a request's URL, so that a random port does not get into the file."""
        self._hosts[address] = stable

    @property
    def provenance(self) -> Provenance:
        """Where it comes from; while recording, what ``describe`` was told."""
        return Provenance.of(self.note("provenance", {}))

    def describe(self, provenance: Provenance) -> None:
        """Say where the recording comes from. Nothing happens while replaying."""
        self.note("provenance", provenance.fields())

    def discard(self) -> None:
        """Do not keep this recording."""
        self._cassette.dirty = False
        self._cassette.wanted = False


class Recorder:
    """Opens cassettes.

    Args:
        secrets: values to keep out of the file, by name; on replay, the values to put back, where they matter.
        rename: beginnings of addresses and what to write for them.
        answer_headers: answer headers to keep besides the usual ones, lower case.
    """

    def __init__(
        self,
        *,
        secrets: Mapping[str, str] | None = None,
        rename: Mapping[str, str] | None = None,
        answer_headers: frozenset[str] = frozenset(),
    ) -> None:
        self._scrubber = Scrubber(answer_headers=answer_headers)
        for name, value in (secrets or {}).items():
            self._scrubber.add(name, value)
        self._hosts = dict(rename or {})

    @contextmanager
    def use(self, file: Path, *, record: bool = False) -> Iterator[Tape]:
        """Replay a cassette, or record it anew.

        Raises:
            CassetteMissing: there is nothing to replay.
            CassetteMismatch: a request that was not recorded, or a recorded one that nobody made.
            BrokenCassette: the file is no cassette.
            Leak: something secret would be written; nothing is.
            RuntimeError: another cassette is in use in this process, or one typed by hand would be recorded over.
        """
        if record and is_typed(file):
            raise RuntimeError(f"{file} was typed by hand from the vendor's pages; it is not recorded over")
        if not record and not file.is_file():
            raise CassetteMissing(f"there is no cassette {file}; run the test with --unibill-record to make it")
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("one cassette at a time: what vcrpy patches is the whole process")
        try:
            yield from self._used(file, record)
        finally:
            _one_at_a_time.release()

    def _used(self, file: Path, record: bool) -> Iterator[Tape]:
        published = frozenset[str]() if record else frozenset(provenance_of(file).published)
        cleaning = _Cleaning(self._scrubber, self._hosts, published, recording=record)
        context = _Cassette.use(
            path=str(file),
            serializer=Serializer,
            persister=_Files(self._scrubber, anew=record),
            record_mode=RecordMode.ALL if record else RecordMode.NONE,
            match_on=(_method, _host, _path, _query, _body),
            before_record_request=cleaning.request,
            before_record_response=cleaning.answer,
            before_save_interaction=cleaning.hidden,
            after_load_interaction=cleaning.restored,
        )
        with context as cassette:
            cassette.scrubber = self._scrubber
            yield Tape(file, record, cassette, self._scrubber, self._hosts)
        if cassette.wanted:
            cassette.keep() if record else cassette.check_played()


class _Cleaning:
    """vcrpy's hooks.

    ``request`` and ``answer`` run on what is recorded, on what is loaded, and on every request that is compared, so they change
    nothing the second time; ``hidden`` runs once, when a cassette is saved, and ``restored`` when it is loaded.
    """

    def __init__(self, scrubber: Scrubber, hosts: dict[str, str], published: frozenset[str], *, recording: bool) -> None:
        self._scrubber = scrubber
        self._hosts = hosts
        self._published = published
        self._recording = recording

    def _masked(self, text: str) -> str:
        return text if text in self._published else mask_cards(text)

    def request(self, request: Any) -> Any:  # noqa: ANN401 - vcrpy ships no types
        uri: str = request.uri
        for address, stable in self._hosts.items():
            if uri.startswith(address):
                uri = stable + uri[len(address) :]
        body = masked_body(request.body or b"", self._masked)
        return type(request)(request.method, masked_url(uri, self._masked), body, kept(request.headers, REQUEST_HEADERS))

    def answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        if not self._recording:
            return answer
        answer = decode_response(answer)
        headers = kept(answer["headers"], ANSWER_HEADERS | self._scrubber.answer_headers)
        shown = {name: [masked_header(name, value) for value in values] for name, values in headers.items()}
        body = masked_body(answer["body"]["string"] or b"", mask_cards)
        return {"status": answer["status"], "headers": shown, "body": {"string": body}}

    def hidden(self, request: Any, answer: dict[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 - vcrpy ships no types
        hide = self._scrubber.hide
        request.uri = hide(request.uri)
        request.headers = {name: hide(value) for name, value in request.headers.items()}
        request.body = self._hidden_body(request.body)
        answer["headers"] = {name: [hide(value) for value in values] for name, values in answer["headers"].items()}
        answer["body"]["string"] = self._hidden_body(answer["body"]["string"])
        return request, answer

    def _hidden_body(self, body: bytes) -> bytes:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return body
        for address, stable in self._hosts.items():
            text = text.replace(address, stable)
        return self._scrubber.hide_body(text).encode()

    def restored(self, request: Any, answer: dict[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 - vcrpy ships no types
        restore = self._scrubber.restore
        request.uri = restore(request.uri)
        request.body = self._scrubber.restore_body(request.body.decode("utf-8")).encode()
        answer["headers"] = {name: [restore(value) for value in values] for name, values in answer["headers"].items()}
        answer["body"]["string"] = self._scrubber.restore_body(answer["body"]["string"].decode("utf-8")).encode()
        return request, answer


class _Cassette(Cassette):  # type: ignore[misc]  # vcrpy ships no types
    """A cassette that says in our words what does not match, and remembers it: code under test may swallow the error."""

    def __init__(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(*args, **named)
        self.refused: list[str] = []
        self.wanted = True
        self.scrubber = Scrubber()

    def filter_request(self, request: Any) -> Any:  # noqa: ANN401 - vcrpy ships no types
        """Refuse; vcrpy's stubs call this for a request that cannot be replayed, and for no other."""
        self.refused.append(self.scrubber.hide(_refusal(self, request)))
        raise CassetteMismatch(self.refused[-1])

    def check_played(self) -> None:
        """Fail where the cassette and what happened are not the same."""
        left = [f"{request.method} {request.uri}" for place, request in enumerate(self.requests) if not self.play_counts[place]]
        lines = [*self.refused, *(f"was recorded, and nobody asked for it: {line}" for line in left)]
        if lines:
            raise CassetteMismatch(self.scrubber.hide("\n".join([f"{self.path} does not tell what happened", *lines])))

    def _save(self, force: bool = False) -> None:
        """Nothing: vcrpy would save before it takes its patches back, and an error in between would leave them in place."""

    def keep(self) -> None:
        """Write the file."""
        super()._save(force=True)


class _Files:
    """Reads and writes whole files, in UTF-8, and writes nothing that leaks."""

    def __init__(self, scrubber: Scrubber, anew: bool) -> None:
        self._scrubber = scrubber
        self._anew = anew

    def load_cassette(self, path: str, serializer: type[Serializer]) -> Any:  # noqa: ANN401 - as vcrpy has it
        file = Path(path)
        if self._anew or not file.is_file():
            raise CassetteNotFoundError
        return deserialize(file.read_text("utf-8"), serializer)

    def save_cassette(self, path: str, recorded: dict[str, Any], serializer: type[Serializer]) -> None:
        text = serialize(recorded, serializer)
        if found := self._scrubber.find(text):
            raise Leak(f"{Path(path).name} would hold {', '.join(found)}; it was not written")
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="\n")


def _method(now: Any, recorded: Any) -> None:  # noqa: ANN401 - vcrpy ships no types
    _require_same(now.method, recorded.method)


def _host(now: Any, recorded: Any) -> None:  # noqa: ANN401 - vcrpy ships no types
    ours, theirs = urlsplit(now.uri), urlsplit(recorded.uri)
    _require_same(f"{ours.scheme}://{ours.netloc}", f"{theirs.scheme}://{theirs.netloc}")


def _path(now: Any, recorded: Any) -> None:  # noqa: ANN401 - vcrpy ships no types
    _require_same(urlsplit(now.uri).path, urlsplit(recorded.uri).path)


def _query(now: Any, recorded: Any) -> None:  # noqa: ANN401 - vcrpy ships no types
    ours, theirs = (parse_qsl(urlsplit(request.uri).query, keep_blank_values=True) for request in (now, recorded))
    _require_same(ours, theirs)


def _body(now: Any, recorded: Any) -> None:  # noqa: ANN401 - vcrpy ships no types
    ours, theirs = jsontree.of_body(now.body), jsontree.of_body(recorded.body)
    if ours != theirs:
        raise AssertionError(jsontree.difference(theirs, ours))


def _require_same(ours: object, theirs: object) -> None:
    if ours != theirs:
        raise AssertionError(f"{theirs} was recorded, {ours} was asked for")


def _refusal(cassette: Any, request: Any) -> str:  # noqa: ANN401 - vcrpy ships no types
    lines = [f"the cassette {cassette.path} has no answer to {request.method} {request.uri}"]
    closest = cassette.find_requests_with_most_matches(request)
    if closest and not closest[0][2]:
        return f"{lines[0]}: it was recorded, and has been answered as often as it was recorded"
    for recorded, _, failed in closest[:2]:
        lines.append(f"the closest recorded is {recorded.method} {recorded.uri}")
        for name, message in failed:
            said = (message or "").splitlines()
            lines += [f"  {name.strip('_')}: {said[0]}"] if len(said) == 1 else [f"  {name.strip('_')}:", *(f"    {line}" for line in said)]
    return "\n".join(lines)


def is_typed(file: Path) -> bool:
    """Whether there is a cassette that was typed by hand."""
    return file.is_file() and provenance_of(file).evidence in TYPED


def time_of(file: Path) -> str | None:
    """The time that a cassette keeps for clocks, as it stands there; None where nothing in it depends on the time."""
    return cassettefile.head(file).get("now") if file.is_file() else None


def provenance_of(file: Path) -> Provenance:
    """Where a cassette comes from.

    Raises:
        BrokenCassette: it does not say so.
    """
    content = cassettefile.head(file)
    if not isinstance(content.get("provenance"), Mapping):
        raise cassettefile.BrokenCassette(f"{file} does not say where it comes from")
    return Provenance.of(content["provenance"])
