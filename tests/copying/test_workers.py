"""A run whose accounts are divided among workers: the same as one process makes, paced together, stopped cleanly."""

import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, create_engine, event, func, select, text, update
from sqlalchemy.exc import OperationalError
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.settings import BillAgainSettings

from tests.copying.conftest import Pair, Row, customer, invoice, note
from tests.support.postgresql import a_run, opened
from unibill import Billing
from unibill.copying import AccountMap, ApplyOptions, InvoiceMap, PlanOptions, apply, open_run, plan, rollback, status, verify
from unibill.copying.leases import Lease, take_whole
from unibill.copying.place import DatabasePlace, locate
from unibill.copying.schema import paces, parts
from unibill.copying.shared_pace import SharedPacer
from unibill.copying.workers import apply_on, ask_to_stop, plan_on, verify_on, work
from unibill.copying.workers.jobs import divided
from unibill.errors import AuthenticationFailed, ConfigurationError, RunError, RunStoreError
from unibill.flow import Flow
from unibill.model import Credit
from unibill.pacing import gap

ACCOUNTS = 12


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a run; the password is where workers find it."""
    with a_run() as address:
        place = locate(address)
        assert isinstance(place, DatabasePlace)
        monkeypatch.setenv("PGPASSWORD", str(place.url.password))
        yield address


def patient(run: str) -> str:
    """The same run with leases that a busy machine does not lose, for tests that count writes: one that is refused is begun again."""
    return run.replace("&lease=1", "&lease=60")


def many(pair: Pair, each: int = 2) -> PlanOptions:
    """Credits of twelve accounts, some spent on an invoice, some of them blocked."""
    names = range(100, 100 + ACCOUNTS)
    pair.source.seed(*(customer(n) for n in names), *(invoice(n, n) for n in names))
    pair.target.seed(*(customer(n + 500) for n in names), *(invoice(n + 500, n + 500) for n in names))
    rows: list[Row] = [note(n * 10 + k, n, f"{20 + k}.50", *([(n, "3")] if k else [])) for n in names for k in range(each)]
    pair.source.seed(*rows, note(5, 11, "9"))
    accounts = AccountMap.from_pairs({str(n): str(n + 500) for n in names})
    return PlanOptions(accounts=accounts, carry="history", invoices=InvoiceMap.from_pairs({str(n): str(n + 500) for n in names if n % 2}))


@dataclass(frozen=True)
class Again:
    """Opens a pair's two sides once more, wherever a worker is."""

    source: str
    target: str
    rate: float | None = None
    retries: int = 0
    key: str = "sandbox-key"

    @contextmanager
    def __call__(self) -> Iterator[tuple[Billing, Billing]]:
        def billing(url: str, account: str) -> Billing:
            key = SecretStr(self.key)
            settings = BillAgainSettings(
                base_url=f"{url}/billagain/v1", account=account, api_key=key, rate=self.rate, retries=self.retries, concurrency=4
            )
            return Billing(f"b{account}", BillAgainProvider(settings))

        with billing(self.source, "1001") as source, billing(self.target, "2002") as target:
            yield source, target


def again(pair: Pair, **more: Any) -> Again:  # noqa: ANN401 - of its fields
    return Again(pair.source.url, pair.target.url, **more)


def test_workers_make_the_plan_the_copies_and_the_proof_that_one_process_makes(pair: Pair, run: str) -> None:
    options, run = many(pair), patient(run)
    alone = plan(pair.source.billing, pair.target.billing, pair.run, options)
    with ThreadPoolExecutor(3) as executor:
        planned = plan_on(executor, again(pair), run, options, workers=3)
        assert planned is not None
        assert {**planned.jsonable(), "run": ""} == {**alone.jsonable(), "run": ""}
        applied = apply_on(executor, again(pair), run, ApplyOptions(expect=alone.hash), workers=3)
        assert applied is not None
        assert (applied.exit_status, applied.writes, applied.counts) == (0, 2 * ACCOUNTS, {"created": 2 * ACCOUNTS})
        shared = verify_on(executor, again(pair), run, workers=3)
    assert shared is not None
    found = verify(pair.source.billing, pair.target.billing, run)
    assert {**shared.jsonable(), "run": ""} == {**found.jsonable(), "run": ""}
    assert len(pair.target.credits()) == 2 * ACCOUNTS
    with open_run(run) as kept:
        assert [proof.kind for proof in kept.proofs()] == ["apply", "verification", "verification"]
    assert status(run).next.startswith("Verified: keep the file as proof.")


def test_workers_that_have_nothing_to_do_leave_what_was_verified(pair: Pair, run: str) -> None:
    options, run = many(pair), patient(run)
    plan(pair.source.billing, pair.target.billing, run, options)
    with ThreadPoolExecutor(3) as executor:
        for wanted in ("Everything planned is done: verify it.", "Verified: keep the file as proof."):
            applied = apply_on(executor, again(pair), run, workers=3)
            assert applied is not None
            assert (applied.exit_status, status(run).phase, status(run).next.partition(" 1 credit")[0]) == (0, "applied", wanted)
            verify(pair.source.billing, pair.target.billing, run)


@pytest.mark.parametrize("total", [1, 10, 640, 1_000_000])
def test_every_account_is_in_one_part_in_order(total: int) -> None:
    counts = [(f"a{n:03}", 1 + n % 7) for n in range(300)]
    pieces = list(divided(counts, total, 4))
    assert [name for piece in pieces for name in piece.accounts or ()] == [name for name, _ in counts]
    assert sum(piece.records for piece in pieces) == sum(count for _, count in counts)
    assert all(4 <= len(piece.accounts or ()) <= 500 for piece in pieces[:-1])


def test_the_vendor_sees_no_more_requests_a_second_than_configured_however_many_workers(make_pair: Callable[[], Pair], run: str) -> None:
    """By the sandbox's own log, with four processes, and reads that it has tried again."""
    pair, rate = make_pair(), 20
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    pair.target.sandbox.faults([{"kind": "status-503", "route": "GET /**", "skip": 5, "count": 10}])
    connect = again(pair, rate=rate, retries=2)
    worst = list[int]()
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("forkserver")) as executor:
        for _ in range(4):
            before = len(pair.target.sandbox.requests())
            apply_on(executor, connect, run, workers=4)
            moments = [entry.time for entry in pair.target.sandbox.requests()[before:]]
            worst.append(max(sum(1 for later in moments[first:] if later - moment <= 1000) for first, moment in enumerate(moments)))
            if worst[-1] <= rate:
                break  # else a machine busier than the headroom allows for had it, or it is wrong and so will be the next
            assert rollback(pair.target.billing, run).exit_status == 0
    assert min(worst) <= rate, worst


def test_moments_that_several_processes_take_are_a_gap_apart(run: str) -> None:
    with opened(run) as database, opened(run) as elsewhere:
        database.create()
        pacers = [SharedPacer(where.engine, "one", 1000) for where in (database, elsewhere)]
        with database.transaction() as connection:
            began = connection.execute(select(func.clock_timestamp())).scalar_one()
        now = time.monotonic()
        assert now <= SharedPacer(database.engine, "other", 1000).reserve() <= time.monotonic()
        for _, pacer in itertools.product(range(40), pacers):
            pacer.reserve()
        with database.transaction() as connection:
            free = connection.execute(select(paces.c.free).where(paces.c.backend == "one")).scalar_one()
    assert (free - began) >= timedelta(seconds=80 * gap(1000))


def test_a_moment_whose_answer_was_slow_has_passed_and_a_clock_that_was_set_is_soon_believed(run: str) -> None:
    """What is late takes another moment, so clocks that were set must not make all of them late for good."""
    ahead = [0.0]

    def clock() -> float:
        return time.monotonic() + ahead[0]

    with opened(run) as database:
        database.create()
        pacer = SharedPacer(database.engine, "one", 1_000_000, clock)
        assert clock() - pacer.reserve() < 0.25
        ahead[0] = 0.5  # as if the answer had been half a second longer on its way than the one before
        late = [clock() - pacer.reserve() for _ in range(20)]
    assert late[0] > 0.25
    assert late[-1] < 0.25


def test_workers_that_are_asked_to_stop_end_after_what_is_under_way_and_others_go_on(pair: Pair, run: str) -> None:
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    assert apply_on(None, again(pair), run) is None
    with open_run(run) as kept:
        spread = kept.spread()
    assert spread is not None
    assert spread.now is not None
    assert (spread.kind, spread.now.stage, spread.now.parts, spread.workers) == ("apply", "apply", 3, ())
    ask_to_stop(run)
    assert work(run, again(pair)) is False
    assert len(pair.target.credits()) == 0
    assert apply_on(None, again(pair), run) is None
    assert work(run, again(pair)) is True
    assert work(run, again(pair)) is True, "nothing is left to do"
    assert len(pair.target.credits()) == 2 * ACCOUNTS
    assert status(run).phase == "applied"


def test_one_worker_can_be_stopped_without_the_others(pair: Pair, run: str) -> None:
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    apply_on(None, again(pair), run)
    stopping = threading.Event()
    stopping.set()
    assert work(run, again(pair), stopping) is False
    assert work(run, again(pair)) is True


def test_while_workers_work_nobody_takes_the_whole_run(pair: Pair, run: str) -> None:
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    apply_on(None, again(pair), run)
    with opened(run) as database:
        assert database.take("apply") is not None
        with pytest.raises(RunStoreError, match="another process is working on the run"):
            apply(pair.source.billing, pair.target.billing, run)
    assert apply(pair.source.billing, pair.target.billing, run).exit_status == 0


def test_an_error_that_every_record_would_meet_stops_all_workers_and_is_told(pair: Pair, run: str) -> None:
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    with ThreadPoolExecutor(2) as executor, pytest.raises(AuthenticationFailed):
        apply_on(executor, again(pair, key="wrong"), run, workers=2)
    assert len(pair.target.credits()) == 0
    with open_run(run) as kept:
        spread = kept.spread()
    assert spread is not None
    assert "credentials" in spread.stop
    assert apply(pair.source.billing, pair.target.billing, run).exit_status == 0


class Losing(Executor):
    """An executor that has lost its workers."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as of the base
        del fn, args, kwargs
        future: Future[Any] = Future()
        future.set_exception(ConnectionError("the scheduler is gone"))
        return future


def test_a_lost_scheduler_is_told_and_the_same_call_goes_on(pair: Pair, run: str) -> None:
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    with pytest.raises(RunError, match=r"every worker was lost \(ConnectionError: the scheduler is gone\)"):
        apply_on(Losing(), again(pair), run, workers=2)
    with ThreadPoolExecutor(1) as executor:
        applied = apply_on(executor, again(pair), run, workers=1)
    assert applied is not None
    assert applied.counts == {"created": 2 * ACCOUNTS}


def test_workers_need_a_database_maps_that_can_be_kept_and_no_canary(pair: Pair, run: str) -> None:
    asked = AccountMap.from_callable(lambda account: account)
    with pytest.raises(ConfigurationError, match="need a run in a database"):
        apply_on(None, again(pair), pair.run)
    with pytest.raises(ConfigurationError, match="cannot ask a function"):
        plan_on(None, again(pair), run, PlanOptions(accounts=asked))
    with pytest.raises(ConfigurationError, match="a canary is applied by one process"):
        apply_on(None, again(pair), run, ApplyOptions(canary=1))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes")
def test_workers_of_a_process_pool_do_it_and_a_pool_that_breaks_is_told(pair: Pair, run: str) -> None:
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        executor.submit(os.getpid).result()
        killed = executor.submit(os.kill, executor.submit(os.getpid).result(), signal.SIGKILL)
        assert killed.exception() is not None
        with pytest.raises(Exception, match="terminated abruptly"):
            apply_on(executor, again(pair), run, workers=1)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        applied = apply_on(executor, again(pair), run, workers=2)
    assert applied is not None
    assert applied.counts == {"created": 2 * ACCOUNTS}


def killed_at(stage: str, run: str, connect: Again) -> None:
    """A worker in a process of its own, killed as soon as it holds a part of a stage."""
    process = multiprocessing.get_context("forkserver").Process(target=work, args=(run, connect))
    process.start()
    while process.is_alive():
        with open_run(run) as kept:
            spread = kept.spread()
        if spread is not None and any(worker.stage == stage and not worker.lost for worker in spread.workers):
            process.kill()
            break
        time.sleep(0.01)
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes")
def test_workers_killed_while_they_plan_and_verify_change_neither_the_plan_nor_the_proof(make_pair: Callable[[], Pair], run: str) -> None:
    """What a part had read when its worker died is read again by the next, and counts once."""
    pair = make_pair()
    options = many(pair)
    alone = plan(pair.source.billing, pair.target.billing, pair.run, options)
    assert plan_on(None, again(pair), run, options) is None
    slow = [{"kind": "latency", "seconds": 0.2}]
    for stage, side in (("read source", pair.source), ("read target", pair.target)):
        side.sandbox.faults(slow)
        killed_at(stage, run, again(pair))
        side.sandbox.faults([])
    assert work(run, again(pair)) is True
    assert apply(pair.source.billing, pair.target.billing, run, ApplyOptions(expect=alone.hash)).counts == {"created": 2 * ACCOUNTS}
    assert verify_on(None, again(pair), run) is None
    pair.target.sandbox.faults(slow)
    killed_at("verify", run, again(pair))
    pair.target.sandbox.faults([])
    assert work(run, again(pair)) is True
    found = verify(pair.source.billing, pair.target.billing, run)
    with open_run(run) as kept:
        shared, single = ({**proof.data, "conservation": list(proof.data["conservation"])} for proof in list(kept.proofs())[-2:])
    assert shared == single
    assert found.exit_status == 0


def test_workers_do_not_make_again_what_a_rollback_has_taken_back(pair: Pair, run: str) -> None:
    """Their job was laid out before: parts that were left open must not be done after it."""
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    assert apply(pair.source.billing, pair.target.billing, run).exit_status == 0
    apply_on(None, again(pair), run)
    assert rollback(pair.target.billing, run).exit_status == 0
    assert work(run, again(pair)) is False
    assert pair.target.sum() == 0
    assert status(run).phase == "rolled back"


@pytest.mark.parametrize("whole", [False, True], ids=["a part", "the whole run"])
def test_a_lease_that_is_over_cannot_be_renewed_while_another_takes_its_part(pair: Pair, run: str, whole: bool) -> None:
    """Else its holder would go on for as long as it lasts, and both would send."""
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    apply_on(None, again(pair), run)
    refused: list[bool] = []
    with opened(run) as late, opened(run) as other:
        lease = late.take("apply")
        assert lease is not None
        lease.end()
        with late.engine.begin() as connection:
            connection.execute(update(parts).where(parts.c.owner.is_not(None)).values(until=func.clock_timestamp() - timedelta(seconds=1)))

        def renew(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            del connection
            if statement.startswith("UPDATE parts SET") and not refused:
                with pytest.raises(OperationalError, match="lock timeout"):
                    _renewed(late.engine, lease)
                refused.append(True)

        event.listen(other.engine, "before_cursor_execute", renew)
        other.lock() if whole else other.take("apply")
        assert _renewed(late.engine, lease) == 0
    assert refused


def test_a_worker_that_learns_that_its_part_is_anothers_only_when_it_closes_it_goes_on_with_the_next(pair: Pair, run: str) -> None:
    run = patient(run)
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    apply_on(None, again(pair), run, ApplyOptions(concurrency=1))
    lost = list[int]()

    class Robbed(Again):
        """Loses its first part while it reads the target, which fails after that."""

        @contextmanager
        def __call__(self) -> Iterator[tuple[Billing, Billing]]:
            with super().__call__() as (source, target):
                find = target.provider.find_marked

                def found(account: str | None, marks: Collection[str]) -> Flow[list[Credit]]:
                    if not lost:
                        with opened(run) as other, other.transaction() as connection:
                            mine = parts.c.stage == "apply", parts.c.owner.is_not(None)
                            lost.append(connection.execute(update(parts).where(*mine).values(owner=None, epoch=parts.c.epoch + 1)).rowcount)
                        raise AuthenticationFailed("not now")
                    return (yield from find(account, marks))

                target.provider.find_marked = found  # type: ignore[method-assign]
                yield source, target

    assert work(run, Robbed(pair.source.url, pair.target.url)) is True
    assert lost
    assert len(pair.target.credits()) == 2 * ACCOUNTS


def test_a_long_transaction_costs_no_lease_and_while_it_lasts_nobody_takes_its_part(pair: Pair, run: str) -> None:
    """Its holder renews beside it; and were the lease over, what the transaction writes would still be under it."""
    plan(pair.source.billing, pair.target.billing, run, many(pair))
    apply_on(None, again(pair), run)
    with opened(run) as long, opened(run) as other:
        lease = long.take("apply")
        assert lease is not None
        lease.end()
        with long.transaction() as connection:
            long.fence(connection)
            assert _renewed(long.engine, lease) == 1
            with long.engine.begin() as beside:
                beside.execute(update(parts).where(parts.c.owner.is_not(None)).values(until=func.clock_timestamp() - timedelta(seconds=1)))
            taken = [one for _ in range(3) if (one := other.take("apply")) is not None]
            for one in taken:
                one.end()
            assert [one.part.number for one in taken] == [n for n in range(3) if n != lease.part.number]


def test_a_long_transaction_over_the_whole_run_costs_no_lease(run: str) -> None:
    with opened(run) as long:
        long.create()
        long.lock()
        lease = long.lease
        assert lease is not None
        lease.end()
        with long.transaction() as connection:
            long.fence(connection)
            assert _renewed(long.engine, lease) == 1


def _renewed(engine: Engine, lease: Lease) -> int:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout TO '300ms'"))
        mine = (parts.c.stage == lease.part.stage) & (parts.c.number == lease.part.number) & (parts.c.owner.is_not(None))
        until = func.clock_timestamp() + timedelta(seconds=1)
        return connection.execute(update(parts).where(mine, parts.c.epoch == 1).values(until=until)).rowcount


def test_what_a_worker_wrote_before_it_left_its_part_counts_in_the_summary(pair: Pair, run: str) -> None:
    run = patient(run)
    plan(pair.source.billing, pair.target.billing, run, many(pair, 10))
    apply_on(None, again(pair), run)
    stopping = threading.Event()
    leaving = threading.Thread(target=work, args=(run, again(pair), stopping))
    leaving.start()
    while leaving.is_alive() and not pair.target.credits():
        stopping.wait(0.01)
    stopping.set()
    leaving.join()
    assert 0 < len(pair.target.credits()) < 10 * ACCOUNTS
    assert work(run, again(pair)) is True
    with open_run(run) as kept:
        proof = next(iter(kept.proofs()))
    assert (proof.data["counts"], proof.data["writes"]) == ({"created": 10 * ACCOUNTS}, 10 * ACCOUNTS)


def test_a_plan_that_is_under_way_is_not_decided_again_by_a_worker_that_comes_late(pair: Pair, run: str) -> None:
    """As where a worker was lost between deciding and telling so."""
    assert plan_on(None, again(pair), run, many(pair)) is None
    assert work(run, again(pair)) is True
    assert apply(pair.source.billing, pair.target.billing, run).counts == {"created": 2 * ACCOUNTS}
    with opened(run) as database, database.transaction() as connection:
        connection.execute(update(parts).where(parts.c.stage == "decide").values(state="open"))
    assert work(run, again(pair)) is True
    assert (status(run).phase, status(run).states) == ("applied", {"created": 2 * ACCOUNTS})


def test_a_lease_outlasts_a_moment_without_a_free_connection_and_a_pace_says_that_there_was_none(run: str) -> None:
    with opened(run) as database:
        database.create()
        few = create_engine(database.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
        event.listen(few, "connect", lambda connection, _: connection.execute(f'SET search_path TO "unibill_{database.place.run}"'))
        lease = take_whole(few, database.name, 1)
        with few.connect():
            with pytest.raises(RunStoreError, match="common pace could not be asked for"):
                SharedPacer(few, "one", 10).reserve()
            assert not lease._ended.wait(0.6)
        assert not lease._ended.wait(0.6)
        lease.check()
        lease.end()
        few.dispose()
