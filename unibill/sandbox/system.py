"""What a vendor's sandbox implements, so that one server can host it.

A provider hands its system to the core through ``Provider.sandbox()``. A system imports nothing of its provider's wire,
api or mapping: if it did, both could be wrong in the same way and no test would see it.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from starlette.responses import Response
from starlette.routing import BaseRoute

from unibill.sandbox.openapi import Description
from unibill.sandbox.view import SystemView


@dataclass(frozen=True, slots=True)
class Switch:
    """One question that the vendor's documents leave open, and the answers the sandbox can give.

    Attributes:
        name: kebab-case; the same in code, in configuration and on the command line.
        default: what is assumed when nobody says otherwise.
        values: the answers built; empty when any text or number is taken.
        question: the open question, in one line.
        row: its number in the last table of the provider's fact sheet.
    """

    name: str
    default: str
    values: tuple[str, ...]
    question: str
    row: int


@dataclass(frozen=True, slots=True)
class Seed:
    """What to fill a system with.

    ``documented``: the records that the vendor's own pages print. ``generated``: ``count`` credits, the same for the same
    ``random_seed`` on every machine. ``records``: rows in the form of ``books()``.
    """

    kind: Literal["documented", "generated", "records"]
    count: int = 0
    random_seed: int = 0
    records: Sequence[Mapping[str, object]] = ()


class Refused(Exception):
    """Raised in a handler: the request is answered with ``response``, and what it had written is rolled back."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class SandboxSystem(ABC):
    """One vendor's API, stateful, over one SQLite connection.

    Every handler runs whole, under the server's lock and in one transaction: committed when it answers, rolled back when it
    raises (``Refused`` answers and rolls back). So a system needs no locks; but its endpoints are ``async def`` and wait for
    nothing (no sleep, no thread, no stream), and it begins or commits no transaction of its own, which ``executescript``
    does too (savepoints are fine). Routes are the vendor's own paths; the server mounts them below ``/<name>``.
    """

    name: ClassVar[str]
    switches: ClassVar[tuple[Switch, ...]]

    def __init__(self, database: sqlite3.Connection, switches: Mapping[str, str] | None = None) -> None:
        """Create or open the system's tables in ``database`` (their names start with the system's name).

        Raises:
            ValueError: an unknown switch or value; the message names those that exist.
        """
        self.database = database
        self.settings = check_switches(self.name, self.switches, switches or {})

    @classmethod
    def numbered(cls, number: int) -> "Callable[[sqlite3.Connection, Mapping[str, str]], SandboxSystem]":
        """What makes the vendor's n-th system, with an account of its own, so that two can be copied between; the first is the usual one.

        Raises:
            ValueError: there is no such system.
        """
        if number != 1:
            raise ValueError(f"the {cls.name} sandbox has one system only")
        return cls

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """The vendor's documented routes, as Starlette routes."""

    @abstractmethod
    def backend(self, url: str) -> dict[str, str]:
        """The settings a client needs, for the server at ``url`` (no trailing slash): base_url and credentials."""

    def description(self) -> Description | None:
        """What the server's OpenAPI document says of this system; None if it has no such document."""
        return None

    def configured(self) -> dict[str, str]:
        """Settings beside those of ``backend`` that a client should have: names of this sandbox's own configuration."""
        return {}

    @abstractmethod
    def reset(self) -> None:
        """Empty every table and start the ids anew."""

    @abstractmethod
    def seed(self, seed: Seed) -> None:
        """Add records; what is there stays."""

    @abstractmethod
    def books(self) -> Iterator[dict[str, object]]:
        """The whole state, one record at a time: ``{"system", "type", ...the record}``, amounts as Decimal.

        Whoever judges what really happened reads this, without going through unibill.
        """

    def view(self) -> SystemView:
        """How the server's page shows the books; a system with large books gives a view of its own."""
        return SystemView(self)


def check_switches(system: str, known: Sequence[Switch], wanted: Mapping[str, str]) -> dict[str, str]:
    """Every switch of a system with its value.

    Raises:
        ValueError: a name or value that the system does not have; the message names those that exist.
    """
    settings = {switch.name: switch.default for switch in known}
    by_name = {switch.name: switch for switch in known}
    for name, value in wanted.items():
        switch = by_name.get(name)
        if switch is None:
            raise ValueError(f"the {system} sandbox has no switch {name!r}; it has: {', '.join(sorted(settings))}")
        if switch.values and value not in switch.values:
            raise ValueError(f"switch {name!r} of the {system} sandbox takes {', '.join(switch.values)}; not {value!r}")
        settings[name] = value
    return settings
