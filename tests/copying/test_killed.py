"""Apply as a real process that dies by SIGKILL, and what the target's own books say after another apply."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.copying.conftest import Pair, Side, note
from unibill.copying import ApplyOptions, RollbackOptions, apply, open_run, plan, rollback, verify

CHILD = """
import os, signal, sys
from pydantic import SecretStr
from unibill import Billing
from unibill.copying import ApplyOptions, apply
from unibill.copying.journal import Writer
from unibill.http import Transport
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings

moment, run, source, target = sys.argv[1:]
left = 2  # one record is done, or has its intent

def die():
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

def after(owner, name, is_it):
    real = getattr(owner, name)
    def wrapped(self, *given):
        result = real(self, *given)
        if any(is_it(one) for one in given if one is not None):
            if name == "note":
                self.flush()
            die()
        return result
    setattr(owner, name, wrapped)

if moment == "intent written":
    after(Writer, "note", lambda entry: entry.phase == "intent")
elif moment == "answer received":
    after(Transport, "send", lambda request: request.method == "POST")
elif moment == "answered step written":
    after(Writer, "note", lambda entry: entry.phase == "done")
elif moment == "outcome written":
    after(Writer, "note", lambda entry: entry.phase == "outcome")

def billing(url, account):
    key = SecretStr("sandbox-key")
    return Billing(account, BillAgainProvider(BillAgainSettings(base_url=url + "/billagain/v1", account=account, api_key=key)))

with billing(source, "1001") as one, billing(target, "2002") as other:
    apply(one, other, run, ApplyOptions(concurrency=1, settle=0))
"""
THREE = [(21, Decimal(5)), (21, Decimal(60)), (22, Decimal(7))]


def run_child(pair: Pair, moment: str, begun: Callable[[int], None] = lambda _: None) -> int:
    """Apply in a process of its own; gives how it ended."""
    arguments = [sys.executable, "-c", CHILD, moment, str(pair.run), pair.source.url, pair.target.url]
    with subprocess.Popen(arguments) as child:  # noqa: S603 - our own program
        begun(child.pid)
        return child.wait()


def killing(side: Side, monkeypatch: pytest.MonkeyPatch, pids: list[int], *, after_the_effect: bool) -> None:
    """Make a sandbox kill its client at the second POST."""
    handler = side.sandbox.systems["billagain"]._api._credits  # type: ignore[attr-defined]  # the sandbox's own handler
    real, posts = handler.create, [0]

    def create(body: bytes) -> tuple[int, str]:
        posts[0] += 1
        if posts[0] == 2 and not after_the_effect:
            os.kill(pids[0], signal.SIGKILL)
        result: tuple[int, str] = real(body)
        if posts[0] == 2 and after_the_effect:
            os.kill(pids[0], signal.SIGKILL)
        return result

    monkeypatch.setattr(handler, "create", create)


@pytest.mark.parametrize(
    "moment", ["intent written", "request sent", "effect done", "answer received", "answered step written", "outcome written"]
)
def test_a_process_that_is_killed_at_any_step_leaves_nothing_twice_and_nothing_out(
    pair: Pair, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"), note(103, 12, "7"))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    pids: list[int] = []
    with monkeypatch.context() as patch:
        if moment in {"request sent", "effect done"}:
            killing(pair.target, patch, pids, after_the_effect=moment == "effect done")
        assert run_child(pair, moment, pids.append) == -signal.SIGKILL
    assert pair.run.with_name("run.db.lock").exists()
    with open_run(pair.run) as run:
        assert [entry.phase for entry in run.journal()].count("intent") == 2
    assert len(pair.target.credits()) == (0 if moment == "intent written" else 2)
    assert apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions()).exit_status == 0
    assert sorted((row["customerID"], row["Amount"]) for row in pair.target.credits()) == THREE
    assert verify(pair.source.billing, pair.target.billing, pair.run).exit_status == 0


def test_a_process_that_is_killed_leaves_no_more_than_four_writes_of_an_account_in_doubt(pair: Pair) -> None:
    """A copy of one of them that another run makes then would be taken for this run's own; of all others it is not."""
    pair.source.seed(*(note(number, 11, "1") for number in range(101, 113)))
    plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert run_child(pair, "outcome written") == -signal.SIGKILL
    other = pair.run.with_name("other.db")
    plan(pair.source.billing, pair.target.billing, other, pair.options())
    assert apply(pair.source.billing, pair.target.billing, other, ApplyOptions(settle=0)).counts["created"] == 10

    undone = rollback(pair.target.billing, pair.run, RollbackOptions(settle=0)).undone
    assert 2 <= undone <= 5  # the two that were made, and the three that were begun
    assert len(pair.target.credits()) == 12 - undone
