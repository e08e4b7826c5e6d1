"""Listing 100,000 credit notes as fast as it goes: unibill, what people write by hand, and the tools they would pick instead."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.benchmarks import notes, rivals, servers
from tests.benchmarks.frame import Benchmark, Course, Racer, Setup, Target, module

BY_HAND: Final = "hand-written loop"
_RIVALS: Final = {
    "dlt rest_api": ("dlt", ("list_dlt",)),
    "airbyte-cdk": ("airbyte-cdk", ("list_airbyte", "run")),
    "airbyte-cdk, bare records": ("airbyte-cdk", ("list_airbyte", "stream")),
    "singer-sdk": ("singer-sdk", ("list_singer", "run")),
    "singer-sdk, bare records": ("singer-sdk", ("list_singer", "stream")),
}
"""How each is called in the table, its package, and its racer with what that is told beside the address."""


@contextmanager
def _course(setup: Setup) -> Iterator[Course]:
    written = notes.write(setup.cache / f"pages-{setup.sized(1000)}", setup.sized(1000))
    with servers.nginx(written.folder, setup.server_core) as server:
        at = server.base_url
        racers = [
            Racer("unibill", module("list_unibill", at), ours=True),
            Racer(BY_HAND, module("list_by_hand", at)),
            Racer("httpx alone, records as dicts", module("list_raw_httpx", at)),
        ]
        versions: dict[str, str] = {}
        for name, (package, (racer, *told)) in _RIVALS.items():
            rival = rivals.installed(setup.cache, package) if setup.rivals else rivals.LEFT_OUT
            versions[package] = f"{package} {rival.version or 'not here'}"
            racers.append(Racer(name, module(racer, at, *told, python=rival.python), why_not=rival.why_not))
        yield Course(racers, written.check, server.pids, [f"Rivals: {', '.join(versions.values())}."], written.records)


BENCHMARK: Final = Benchmark(
    name="list",
    title="Listing credits",
    says=(
        "100,000 credit notes in pages of 100, static files served by nginx on a core of its own, read one page after the other. "
        "unibill makes `Credit` objects of them, with allocations, extra and findings; the hand-written loop is httpx, "
        "`json.loads(parse_float=Decimal)` and one pydantic model of the vendor's shape; the others give dicts. "
        "dlt's resource is iterated; airbyte-cdk is a source and singer-sdk a tap that run, which is what they are for: each record "
        "becomes a message on the standard output, here a file in memory. Their bare records are what their streams give before that."
    ),
    unit="records/s",
    reference=BY_HAND,
    course=_course,
    targets=(
        Target("unibill", "at least", 0.9, BY_HAND),
        Target("unibill", "at least", 1.6, "dlt rest_api"),
        Target("unibill", "at least", 1.8, "airbyte-cdk"),
        Target("unibill", "at least", 4.0, "singer-sdk"),
    ),
)
