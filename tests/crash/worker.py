"""The processes that the harness kills, and the sandbox servers that they work against.

``serve`` runs a sandbox server. Without an argument the program waits for jobs on its standard input, one JSON object a line,
and runs each in a process forked for it, so that a killed process costs milliseconds instead of a new interpreter. It tells
of them on its standard output: ``{"pid"}``, ``{"held"}`` when a process has come to the point at which it shall wait to be
killed, ``{"ended"}``. A process that has ended stays a zombie until the next job, so that its number cannot become another's.

Nothing here reaches into unibill: a process is stopped inside a provider of its own, in an observer, and in the function that
is told of progress, all of which anybody may write.
"""

import faulthandler
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.provider import SocotraProvider
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.settings import SocotraSettings

from unibill import connect, exactjson
from unibill.copying import (
    AccountMap,
    ApplyOptions,
    InvoiceMap,
    PlanOptions,
    Progress,
    RollbackOptions,
    apply,
    plan,
    rollback,
    verify,
    workers,
)
from unibill.copying.summary import INTERRUPTED
from unibill.copying.workers import apply_on
from unibill.drafts import CreditDraft
from unibill.errors import BackendError, UnibillError
from unibill.events import WriteSettled
from unibill.facade import Billing
from unibill.flow import Done, Effect, Flow, Request, Step
from unibill.hookspecs import hookimpl
from unibill.http import without_waiting
from unibill.model import Credit
from unibill.sandbox import Sandbox

SWITCHES = {"billagain": {"empty-allocations": "accept"}}
LOG_SIZE = 100_000
FAILED = 3
"""What a process ends with whose job raised an error of unibill's."""


class Hold:
    """Lets a process come to one point for the n-th time and no further, or, if it is to freeze there, only once somebody wakes it up.

    The points: ``begun`` (before the intent is kept), ``intent`` (it is durable, and nothing was sent), ``answered`` (a write
    was answered, and nobody has noted it), ``noted`` (the answered step was noted), ``outcome`` (the record's outcome was
    noted), ``settling`` (the process waits for writes whose answers were lost).

    Args:
        point: which; empty for none.
        nth: the how manieth time.
        freezes: whether it freezes there.
        by_account: whether only the first time in each account counts; not for the last two points, which know no account.
    """

    def __init__(self, point: str = "", nth: int = 1, freezes: bool = False, by_account: bool = False) -> None:
        self._freezes = freezes
        self._counted: set[str] | None = set() if by_account else None
        self._point = point
        self._left = nth
        self._guard = threading.Lock()

    def at(self, point: str, account: str = "") -> None:
        """Stop here for good, if this is the point."""
        with self._guard:
            if point != self._point:
                return
            if self._counted is not None:
                if account in self._counted:
                    return
                self._counted.add(account)
            self._left -= 1
            if self._left:
                return
        _say({"held": point})
        if self._freezes:
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this thread does not go one step further
            return
        threading.Event().wait()

    def watched(self, flow: Flow[Credit], account: str) -> Flow[Credit]:
        """The same flow, which creates a credit of that account, with the points in it."""
        try:
            item = next(flow)
            while True:
                if isinstance(item, Step) and not item.done:
                    self.at("begun", account)
                try:
                    reply = yield item
                except BackendError as error:
                    item = flow.throw(error)
                    continue
                if isinstance(item, Step):
                    self.at("noted" if item.done else "intent", account)
                elif isinstance(item, Request) and item.effect is not Effect.NONE:
                    self.at("answered", account)
                item = flow.send(reply)
        except StopIteration as stop:
            made: Credit = stop.value
            return made
        finally:
            flow.close()

    @hookimpl
    def unibill_write_settled(self, event: WriteSettled) -> None:
        """A record's outcome was noted."""
        del event
        self.at("outcome")

    def progress(self, progress: Progress) -> None:
        """The calling thread tells how far it is."""
        if progress.phase == "settle":
            self.at("settling")


class _Held:
    """Providers whose creations stop at the hold's points."""

    hold: Hold

    def create_credit(self, draft: CreditDraft, mark: str | None, done: Done) -> Flow[Credit]:
        flow: Flow[Credit] = super().create_credit(draft, mark, done)  # type: ignore[misc]  # mixed into a provider
        return self.hold.watched(flow, draft.account_id)


class HeldBillAgain(_Held, BillAgainProvider):
    """BillAgain."""


class HeldSocotra(_Held, SocotraProvider):
    """Socotra."""


def opened(name: str, backend: Mapping[str, Any], hold: Hold) -> Billing:
    """One side of a job."""
    settings = dict(backend)
    provider: HeldBillAgain | HeldSocotra
    if settings.pop("vendor") == "billagain":
        provider = HeldBillAgain(BillAgainSettings(**{**settings, "api_key": SecretStr(settings["api_key"])}))
    else:
        provider = HeldSocotra(SocotraSettings(**{**settings, "token": SecretStr(settings["token"])}))
    provider.hold = hold
    return connect(provider, name=name, observers=[hold])


def work(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do one job and give what unibill gave."""
    hold = Hold(*job.get("hold", ()))
    with ExitStack() as stack:
        stack.enter_context(nullcontext() if job.get("waiting") else without_waiting())
        target = stack.enter_context(opened("target", job["target"], hold))
        source = stack.enter_context(opened("source", job["source"], Hold()))
        run = str(job["run"])
        settle = float(job.get("settle", 0))
        if job["do"] == "plan":
            accounts, invoices = AccountMap.from_pairs(job["accounts"]), InvoiceMap.from_pairs(job["invoices"])
            return plan(source, target, run, PlanOptions(accounts=accounts, invoices=invoices, carry=job["carry"])).jsonable()
        if job["do"] == "apply":
            options = ApplyOptions(settle=settle, concurrency=job.get("concurrency"), only=job.get("only"), yes=True)
            return apply(source, target, run, options, hold.progress).jsonable()
        if job["do"] == "lay out":
            apply_on(None, lambda: nullcontext((source, target)), run, ApplyOptions(settle=settle, yes=True))
            return {"exit_status": 0}
        if job["do"] == "work":
            done = workers.work(run, lambda: nullcontext((source, target)))
            return {"exit_status": 0 if done else INTERRUPTED}
        if job["do"] == "rollback":
            return rollback(target, run, RollbackOptions(settle=settle), hold.progress).jsonable()
        return verify(source, target, run).jsonable()


def _child(job: Mapping[str, Any]) -> int:
    try:
        result = work(job)
    except UnibillError as error:
        result = {"error": f"{type(error).__name__}: {error}", "exit_status": FAILED}
    place = Path(job["result"])
    written = place.with_suffix(".part")
    written.write_bytes(exactjson.dumps(result))
    written.rename(place)
    return int(result["exit_status"])


def _say(fact: Mapping[str, object]) -> None:
    os.write(1, json.dumps(fact).encode() + b"\n")


def _fork(job: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = FAILED
    try:
        status = _child(job)
    except BaseException:  # noqa: BLE001 - whatever it was, this process ends here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def forks() -> None:
    """Run the jobs of standard input."""
    faulthandler.enable()
    backend = {"vendor": "billagain", "base_url": "http://127.0.0.1:9/v1", "account": "1", "api_key": "nobody"}
    opened("warm", backend, Hold()).close()
    last: int | None = None
    for line in sys.stdin:
        if last is not None:
            os.waitpid(last, 0)
        last = _fork(json.loads(line))
        _say({"pid": last})
        ended = os.waitid(os.P_PID, last, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        _say({"ended": ended.si_status, "killed": ended.si_code == os.CLD_KILLED})
    if last is not None:
        os.waitpid(last, 0)


def serve() -> None:
    """Serve both vendors until a signal comes; the first line tells where."""
    with Sandbox([BillAgainSandbox, SocotraSandbox], switches=SWITCHES, log_size=LOG_SIZE) as sandbox:
        sandbox.run(0, lambda url: _say(sandbox.backends(url)))


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        forks()
