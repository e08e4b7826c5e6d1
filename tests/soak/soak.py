"""Reads, writes and copies under a mix of faults, judged by the sandboxes' own books.

An app creates credits under keys in BillAgain and reads lists; then everything is copied to Socotra, verified, and counted. Each
request may meet a fault. What was lost and what was done twice is found by looking into the books, not by asking unibill.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unibill_billagain.settings import BillAgainSettings
from unibill_socotra.settings import SocotraSettings

import unibill
from unibill import CreditDraft, hookimpl, marks, plugins
from unibill.cli import cast
from unibill.copying import AccountMap, ApplyOptions, PlanOptions, apply, plan, verify
from unibill.errors import OutcomeUnknown, UnibillError
from unibill.events import RequestSettled
from unibill.sandbox import Sandbox

LATE: Final = 0.1
"""Seconds after which a late effect comes."""
SETTLE: Final = 0.5
"""Seconds after which nobody expects one any more."""
_WRITERS: Final = 8
_PATIENCE: Final = 40
"""How often the app tries again, and a run is applied again."""
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
FAULTS: Final[Sequence[tuple[dict[str, object], float]]] = (
    ({"kind": "latency", "seconds": 0.02}, 0.02),
    ({"kind": "status-429", "retry_after": 0}, 0.01),
    ({"kind": "status-500"}, 0.005),
    ({"kind": "status-500", "effect": "done"}, 0.005),
    ({"kind": "status-502", "effect": "done"}, 0.005),
    ({"kind": "status-503"}, 0.005),
    ({"kind": "cut-before"}, 0.005),
    ({"kind": "cut-after"}, 0.005),
    ({"kind": "late-effect", "seconds": LATE}, 0.005),
    ({"kind": "late-effect", "seconds": LATE, "answer": "cut"}, 0.005),
    ({"kind": "html-error", "effect": "done"}, 0.005),
    ({"kind": "html-error", "status": 503}, 0.005),
    ({"kind": "truncated-json"}, 0.005),
)


@dataclass
class Soaked:
    """What happened, for the table; a soak is good when nothing was lost and nothing was done twice.

    Attributes:
        faults: how often each kind of fault was used.
        tries: requests by how they ended.
        outcomes: what was told to the app and the runs.
        lost: names of what should be in the books and is not.
        duplicated: names of what is there more than once.
        wrong: anything else that does not agree.
    """

    faults: Counter[str] = field(default_factory=Counter[str])
    tries: Counter[str] = field(default_factory=Counter[str])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    lost: list[str] = field(default_factory=list[str])
    duplicated: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.lost or self.duplicated or self.wrong)

    def table(self) -> str:
        """All of it as lines."""
        lines: list[str] = []
        for title, counts in (("fault", self.faults), ("requests", self.tries), ("outcome", self.outcomes)):
            lines += [f"{title:<40}{'count':>10}", *(f"  {name:<38}{count:>10}" for name, count in sorted(counts.items())), ""]
        lines += [f"lost{len(self.lost):>46}", f"duplicated{len(self.duplicated):>40}", f"wrong{len(self.wrong):>45}"]
        lines += [f"  {name}" for name in [*self.lost, *self.duplicated, *self.wrong][:20]]
        return "\n".join([*lines, f"seconds{self.seconds:>43.1f}"])


class _Tally:
    """Counts tries as the drivers tell of them."""

    def __init__(self, soaked: Soaked) -> None:
        self._soaked = soaked
        self._guard = threading.Lock()

    @hookimpl
    def unibill_request_settled(self, event: RequestSettled) -> None:
        """Count one."""
        ended = "no answer" if event.status is None else f"status {event.status}"
        again = event.status is None or event.status == _TOO_MANY or event.status >= _SERVER_ERROR
        with self._guard:
            self._soaked.tries["tried again or given up"] += again
            self._soaked.tries[f"{event.backend} {ended}"] += 1


def soak(credits: int, seed: int, folder: Path, told: Callable[[str], None] = lambda _: None, *, worse: int = 1) -> Soaked:
    """Run it.

    Args:
        credits: how many there are to copy, generated ones and the app's own.
        seed: of the records and of the faults.
        folder: for the run file.
        told: is told how far it is.
        worse: how many times more often faults come.
    """
    soaked, started = Soaked(), time.monotonic()
    systems = [system for name in ("billagain", "socotra") if (system := plugins.load(name).sandbox()) is not None]
    own = max(credits // 10, 4)
    with Sandbox(systems, switches=cast.ACCEPTING, log_size=1) as sandbox, sandbox.serve() as serving:
        sandbox.seed("documented", systems=["billagain"])
        sandbox.seed("generated", max(credits - own, 1), seed, systems=["billagain"])
        made = cast.add_twins(sandbox, sandbox, invoices=False)
        served: Any = serving.backends
        more: dict[str, Any] = {"retries": 6, "concurrency": _WRITERS}
        writing: dict[str, Any] = {"credit_charge_type": "GoodwillCredit", "reversal_type": "migration"}
        tally = _Tally(soaked)
        with (
            unibill.connect(BillAgainSettings(**served["billagain"], **more), observers=[tally]) as source,
            unibill.connect(SocotraSettings(**served["socotra"], **more, **writing), observers=[tally]) as target,
        ):
            told(f"writing {own} credits under keys")
            _faulty(sandbox, seed, worse, soaked)
            _write(source, sandbox, own, soaked)
            told("reading")
            _faulty(sandbox, seed + 1, worse, soaked)
            _read(source, sandbox, soaked, random.Random(seed))  # noqa: S311 - repeatable, not secret
            told(f"copying {credits} credits")
            _faulty(sandbox, seed + 2, worse, soaked)
            _copy(source, target, sandbox, folder / "soak.run", made.forth, soaked)
            _count(sandbox, soaked)
    soaked.seconds = time.monotonic() - started
    return soaked


def _faulty(sandbox: Sandbox, seed: int, worse: int, soaked: Soaked) -> None:
    """Put fresh faults in force, and count those before."""
    _count(sandbox, soaked)
    sandbox.faults(
        [{**fault, "route": "* /**", "rate": rate * worse, "random_seed": seed * 100 + i} for i, (fault, rate) in enumerate(FAULTS)]
    )


def _count(sandbox: Sandbox, soaked: Soaked) -> None:
    for fault in sandbox.fault_report():
        name = " ".join(str(fault[key]) for key in ("kind", "status", "effect", "answer") if key in fault)
        soaked.faults[name] += int(str(fault["used"]))


def _again(soaked: Soaked, what: str, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the action gives
    """Do something until it works, as a patient app does."""
    for _ in range(_PATIENCE):
        try:
            result = act()
        except OutcomeUnknown:
            soaked.outcomes[f"{what}: OutcomeUnknown"] += 1
            time.sleep(SETTLE)
        except UnibillError as error:
            soaked.outcomes[f"{what}: {type(error).__name__}"] += 1
            time.sleep(SETTLE)
        else:
            soaked.outcomes[f"{what}: done"] += 1
            return result
    soaked.wrong.append(f"{what} never worked")
    return None


def _rows(sandbox: Sandbox, system: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in sandbox.books() if row["system"] == system and row["type"] == kind]


def _write(source: unibill.Billing, sandbox: Sandbox, count: int, soaked: Soaked) -> None:
    customers = {str(row["customerID"]): str(row["CurrencyCode"]) for row in _rows(sandbox, "billagain", "customer")}
    accounts = sorted(customers)

    def one(number: int) -> None:
        account = accounts[number % len(accounts)]
        fields = {"account_id": account, "currency": customers[account], "amount": f"{number + 1}.00"}
        draft = CreditDraft.model_validate(fields)
        _again(soaked, "create under a key", lambda: source.credits.create(draft, key=f"order-{number}"))

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(one, range(count)))
    there = Counter(str(row["CreditNumber"]) for row in _rows(sandbox, "billagain", "credit"))
    _compare({marks.key_mark(f"order-{number}") for number in range(count)}, there, soaked)


def _compare(wanted: set[str], there: Counter[str], soaked: Soaked) -> None:
    soaked.lost += sorted(name for name in wanted if not there[name])
    soaked.duplicated += sorted(name for name in wanted if there[name] > 1)


def _read(source: unibill.Billing, sandbox: Sandbox, soaked: Soaked, order: random.Random) -> None:
    by_account: dict[str, set[str]] = {}
    for row in _rows(sandbox, "billagain", "credit"):
        by_account.setdefault(str(row["customerID"]), set()).add(str(row["creditNoteID"]))
    accounts = sorted(by_account)
    order.shuffle(accounts)

    def one(account: str) -> None:
        read = _again(soaked, "list an account", lambda: [credit.id for credit in source.credits.list(account=account)])
        if read is not None:
            _compare(by_account[account], Counter(read), soaked)

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(one, accounts))


def _copy(source: unibill.Billing, target: unibill.Billing, sandbox: Sandbox, run: Path, accounts: dict[str, str], soaked: Soaked) -> None:
    options = PlanOptions(accounts=AccountMap.from_pairs(accounts))
    planned = _again(soaked, "plan", lambda: plan(source, target, run, options))
    if planned is None:
        return
    applied = None
    for _ in range(_PATIENCE):
        applied = _again(soaked, "apply", lambda: apply(source, target, run, ApplyOptions(expect=planned.hash, settle=SETTLE, yes=True)))
        if applied is None or not set(applied.counts) & {"failed", "unknown", "planned", "sending", "open"}:
            break
    proof = _again(soaked, "verify", lambda: verify(source, target, run))
    for name, count in sorted(applied.counts.items()) if applied is not None else ():
        soaked.outcomes[f"copied: {name}"] += count
    if proof is not None and proof.exit_status:
        soaked.wrong.append(f"verify: {[str(item) for item in proof.differences][:5]}")
    charges = _rows(sandbox, "socotra", "charge")
    carriers = Counter(str(row.get("tag", "")).split(" ")[0] for row in charges if str(row.get("tag", "")).startswith("ub1-"))
    wanted = planned.counts.get("create", 0)
    soaked.duplicated += [mark for mark, count in carriers.items() if count > 1]
    soaked.lost += [f"copy {number} of {wanted}" for number in range(len(carriers), wanted)]
    soaked.wrong += [f"{len(carriers) - wanted} copies too many"] if len(carriers) > wanted else []
