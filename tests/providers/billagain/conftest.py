from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest
from unibill_billagain.sandbox import BillAgainSandbox

from unibill.sandbox import Sandbox, Serving

OpenBillAgain = Callable[..., AbstractContextManager[tuple[httpx.Client, Sandbox]]]
"""Starts a BillAgain of its own, with switches as keyword arguments, filled with the documented records."""


@contextmanager
def _client(serving: Serving) -> Iterator[httpx.Client]:
    base_url = f"{serving.url}/billagain/v1"
    with httpx.Client(base_url=base_url, auth=("1042", "sandbox-key"), trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def open_billagain() -> OpenBillAgain:
    @contextmanager
    def opened(**switches: str) -> Iterator[tuple[httpx.Client, Sandbox]]:
        named = {name.replace("_", "-"): value for name, value in switches.items()}
        with (
            Sandbox([BillAgainSandbox], switches={"billagain": named}) as sandbox,
            sandbox.serve() as serving,
            _client(serving) as client,
        ):
            sandbox.seed("documented")
            yield client, sandbox

    return opened


@pytest.fixture(scope="module")
def default_serving() -> Iterator[Serving]:
    with Sandbox([BillAgainSandbox]) as sandbox, sandbox.serve() as serving:
        yield serving


@pytest.fixture(scope="module")
def default_client(default_serving: Serving) -> Iterator[httpx.Client]:
    with _client(default_serving) as client:
        yield client


@pytest.fixture
def sandbox(default_serving: Serving) -> Sandbox:
    """The module's sandbox with the default switches, holding the documented records and nothing else."""
    default_serving.sandbox.reset()
    default_serving.sandbox.seed("documented")
    return default_serving.sandbox


@pytest.fixture
def http(default_client: httpx.Client, sandbox: Sandbox) -> httpx.Client:
    assert sandbox.requests() == []
    return default_client
