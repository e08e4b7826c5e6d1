"""The file of a cassette: YAML that a person can read in a diff.

::

    cassette: 1
    provenance: {evidence: sandbox, recorded: 2026-11-23, provider: billagain, api_version: v1}
    interactions:
    - request:
        method: POST
        url: https://billagain.sandbox.example/v1/credits
        json: {Amount: 10.10, CurrencyCode: ZAR}
      response:
        status: 201
        json: {creditNoteID: 10361, Amount: 10.10}

Numbers in bodies are JSON numbers, digit for digit; a text that looks like a number is quoted. A body that is not JSON stands
under ``text``; one that is no text at all is refused. Loading constructs texts, numbers, lists and mappings, and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from unibill.testing import jsontree
from unibill.testing.jsontree import Number, Tree

VERSION: Final = 1
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_TAG: Final = "tag:yaml.org,2002:float"
_WIDE: Final = 140
_UNICODE_LINE_END: Final = re.compile("[\x85\u2028\u2029]")
_ANCHOR: Final = re.compile(r"(?:^|[\s\[{,:?-])[&*]")


class BrokenCassette(ValueError):
    """A file that is no cassette, or not of this version; the message names it."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML ships no types
    """Reads the YAML that JSON needs, and no other: no dates, no anchors, no tags, no 'yes' that means true."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401 - PyYAML ships no types
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("a cassette has no anchors and aliases")
        return super().compose_node(parent, index)


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # PyYAML ships no types
    """The same by libyaml, where there is one, for texts that cannot have an anchor."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML ships no types
    """Writes what the loader reads."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: Any, text: str) -> Any:  # noqa: ANN401 - PyYAML ships no types
    # Only double quotes write these out; elsewhere YAML takes them for ends of lines.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _UNICODE_LINE_END.search(text) else None)


for _side in (_Loader, _FastLoader, _Dumper):
    _side.add_implicit_resolver(_NUMBER_TAG, re.compile(f"^(?:{_NUMBER.pattern})$"), list("-0123456789"))
    _side.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])
    _side.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(?:null|)$"), ["n", ""])
for _reader in (_Loader, _FastLoader):
    _reader.add_constructor(_NUMBER_TAG, lambda _, node: Number(cast("str", node.value)))
    _reader.add_constructor("tag:yaml.org,2002:bool", lambda _, node: node.value == "true")
_Dumper.add_representer(str, _text)
_Dumper.add_representer(Number, lambda dumper, number: dumper.represent_scalar(_NUMBER_TAG, number.text))


def load(text: str, where: str = "the cassette") -> dict[str, Any]:
    """The content of a cassette's file.

    Raises:
        BrokenCassette: not YAML, not a cassette, or of another version.
    """
    try:
        content = yaml.load(text, _Loader if _ANCHOR.search(text) else _FastLoader)  # noqa: S506 - subclasses of the safe loaders that know even less
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BrokenCassette(f"{where} cannot be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("interactions"), list):
        raise BrokenCassette(f"{where} is no cassette: it has no list of interactions")
    if content.get("cassette") != Number(str(VERSION)):
        raise BrokenCassette(f"{where} is not a cassette of version {VERSION}")
    return cast("dict[str, Any]", content)


def dump(content: Mapping[str, object]) -> str:
    """The text of a cassette's file.

    Raises:
        BrokenCassette: a value that would not be read back as it is.
    """
    text: str = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE, default_flow_style=False)
    if load(text) != content:
        raise BrokenCassette("the cassette would not be read back as it was recorded")
    return text


def read(file: Path) -> dict[str, Any]:
    """The content of a file; errors as of ``load``."""
    try:
        return load(file.read_text("utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise BrokenCassette(f"{file} is not UTF-8") from error


def head(file: Path) -> dict[str, Any]:
    """What stands before the interactions, which come last; errors as of ``load``."""
    before, found, _ = file.read_text("utf-8").partition("\ninteractions:")
    return load(f"{before}\ninteractions: []" if found else before, str(file))


class Serializer:
    """The form of cassettes, as vcrpy asks for it."""

    @staticmethod
    def serialize(recorded: Mapping[str, Any]) -> str:
        """From vcrpy's dictionary to the text of a file."""
        interactions = [
            {"request": _request_out(one["request"]), "response": _response_out(one["response"])} for one in recorded["interactions"]
        ]
        notes = dict(recorded.get("metadata", {}))
        first = {"cassette": Number(str(VERSION)), "provenance": notes.pop("provenance", None)}
        return dump({**first, **notes, "interactions": interactions})

    @staticmethod
    def deserialize(text: str) -> dict[str, Any]:
        """From the text of a file to vcrpy's dictionary."""
        content = load(text)
        try:
            interactions = [
                {"request": _request_in(one["request"]), "response": _response_in(one["response"])} for one in content["interactions"]
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise BrokenCassette(f"an interaction lacks a part: {error}") from error
        metadata = {name: value for name, value in content.items() if name not in {"cassette", "interactions"}}
        return {"version": 1, "interactions": interactions, "metadata": metadata}


def _request_out(request: Mapping[str, Any]) -> dict[str, object]:
    headers = {name: values[0] for name, values in request["headers"].items()}
    return _without_empty({"method": request["method"], "url": request["uri"], "headers": headers, **_body_out(request["body"])})


def _response_out(response: Mapping[str, Any]) -> dict[str, object]:
    headers = {name: values[0] if len(values) == 1 else list(values) for name, values in response["headers"].items()}
    status = Number(str(response["status"]["code"]))
    return _without_empty({"status": status, "headers": headers, **_body_out(response["body"]["string"])})


def _without_empty(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != "headers" or value}


def _body_out(body: str | bytes | None) -> dict[str, Tree]:
    if not body:
        return {}
    if isinstance(body, bytes):
        raise BrokenCassette("a body that is no UTF-8 text cannot be recorded: nobody could read it in a diff")
    try:
        tree = jsontree.parse(body)
        jsontree.write(tree).encode()
    except ValueError:
        return {"text": body}
    return {"json": tree}


def _request_in(request: Mapping[str, Any]) -> dict[str, Any]:
    headers = {name: [value] for name, value in request.get("headers", {}).items()}
    return {"method": request["method"], "uri": request["url"], "headers": headers, "body": _body_in(request)}


def _response_in(response: Mapping[str, Any]) -> dict[str, Any]:
    headers = {
        name: list(cast("Sequence[str]", value)) if isinstance(value, list) else [value]
        for name, value in response.get("headers", {}).items()
    }
    return {"status": {"code": int(response["status"].text), "message": None}, "headers": headers, "body": {"string": _body_in(response)}}


def _body_in(part: Mapping[str, Any]) -> bytes:
    if "json" in part:
        return jsontree.write(part["json"]).encode()
    return cast("str", part.get("text", "")).encode()
