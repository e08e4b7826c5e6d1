"""Sending one write of a run: an intent in the store before, an outcome after."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from unibill import money
from unibill.base import outcome as outcome_of
from unibill.capabilities import Operation
from unibill.copying import charging
from unibill.copying.carry import mask
from unibill.copying.compact import draft_of
from unibill.copying.decisions import State
from unibill.copying.hashing import amount_key
from unibill.copying.items import ChargeItem, Item, RecordType, is_to_account, type_of
from unibill.copying.journal import Entry, done_steps
from unibill.copying.prepared import Row
from unibill.copying.store import RunStore
from unibill.copying.texts import sent_again
from unibill.drafts import AllocationDraft, ChargeDraft, CreditDraft
from unibill.errors import (
    AuthenticationFailed,
    BackendError,
    ConfigurationError,
    InvalidDraft,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    Unavailable,
    UnibillError,
    UnsupportedOperation,
)
from unibill.facade import Billing
from unibill.flow import Done, Effect, Flow, Request, Sleep, Step, preceded
from unibill.model import Credit, Direction, Invoicing, Status

T = TypeVar("T")
FATAL: Final = (AuthenticationFailed, PermissionDenied, UnsupportedOperation, ConfigurationError)
"""Errors that the next record would meet too."""
CREATE: Final = "create"
UNDO: Final = "undo"


@dataclass(frozen=True, slots=True)
class Sent:
    """How a write ended.

    Attributes:
        item: as the target gave it back, if it was created.
        error: what went wrong.
        stop: why the run must not go on, or an empty text.
        unmade: the target provably made nothing, so this write does not count as one that may stand there.
    """

    state: State
    item: Item | None = None
    reason: str = ""
    stop: str = ""
    error: UnibillError | None = None
    unmade: bool = False


class Watch:
    """Keeps the steps of one flow, and knows whether a write may have reached the target."""

    def __init__(self, store: RunStore, row: Row, action: str, on_intent: Mapping[str, object]) -> None:
        self._store = store
        self._row = row
        self._action = action
        self._on_intent = on_intent
        self._begun = ""
        self.open = False
        """A write was begun and not answered."""
        self.answered = False
        """A write was answered."""

    def keep(self, step: Step) -> None:
        """Keep one step: intents durably before they are sent."""
        if step.done:
            self.open, self.answered = False, True
            self._store.note(self._entry("done", "" if step.name == self._begun else step.name, step.data, {}))
        else:
            self._store.keep(self.intend(step))

    def intend(self, step: Step) -> int:
        """A write is begun: note its intent, which must be durable before it is sent; gives the entry's number."""
        values = {} if self.open or self.answered else self._on_intent
        self.open, self._begun = True, step.name
        return self._store.note(self._entry("intent", step.name, step.data, values))

    def _entry(self, phase: str, step: str, data: Mapping[str, object], values: Mapping[str, object]) -> Entry:
        row = self._row
        # Which mark a copy of a generation has stands in its record.
        data = {name: value for name, value in data.items() if name != "mark" or value != row["mark_now"]}
        return Entry(row["seq"], row["generation"], self._action, phase, step, data, values)


@contextmanager
def only_while_held(store: RunStore, target: Billing) -> Iterator[None]:
    """Let writes leave only while the run is surely this process's own: one that was frozen, and wakes up, sends nothing more.

    Args:
        store: the run, locked.
        target: where the writes go.
    """
    if not store.database.can_be_taken:  # whoever asks before each request has to be told of it by the HTTP library, which takes time
        yield
        return

    def permit(request: Request) -> None:
        if request.effect is not Effect.NONE:
            store.database.surely_held()

    target.limit(None, permit)
    try:
        yield
    finally:
        target.limit(None)


def watched(flow: Flow[T], watch: Watch) -> Flow[T]:
    """The same flow, with an intent before each write even where the provider yields none."""

    def intents(item: Request | Sleep | Step) -> Iterator[Step]:
        if isinstance(item, Request) and item.effect is not Effect.NONE and not watch.open:
            yield Step(item.operation, done=False)

    return preceded(flow, intents)


class Creation:
    """One copy to be created, in two steps, so that its intent can become durable while those before it are sent.

    Args:
        target: where.
        store: the run.
        row: the record.
        fresh: as the source has it now; the texts that the store must not keep are taken from it.
        done: the steps that are done.
        found: a copy stands already, and only what it lacks is written: if this run did not make it, it still did not.
    """

    def __init__(self, target: Billing, store: RunStore, row: Row, fresh: Item, done: Done, *, found: bool = False) -> None:
        self.row = row
        self.is_first = not done
        """Nothing of it was written before."""
        self._target = target
        self._store = store
        self._found = found
        self._watch = Watch(store, row, CREATE, {"state": State.SENDING, "sends": row["sends"] + (0 if found else 1)})
        self._flow = watched(_creation(target, row, fresh, done), self._watch)
        self._begun: Callable[[], Flow[Item]] = lambda: self._flow
        self._intent = 0

    def begin(self) -> None:
        """Go up to the first write, and note its intent; where something else comes before it, only up to that."""
        flow = self._flow
        try:
            item = next(flow)
        except StopIteration as stop:
            made: Item = stop.value
            self._begun = lambda: _ended(made)
        except Exception as error:  # noqa: BLE001 - a stranger's provider may raise anything; it is raised when it is this record's turn
            failed = error
            self._begun = lambda: _failing(failed)
        else:
            if isinstance(item, Step) and not item.done:
                self._intent = self._watch.intend(item)
                self._begun = lambda: _resumed(flow, None)
            else:
                self._begun = lambda: _resumed(flow, item)

    def send(self) -> Sent:
        """Create it as soon as its intent is durable, and note how it ended."""
        row = self.row
        self._store.keep(self._intent)
        try:
            item = self._target.run(self._begun(), self._watch.keep)
        except UnibillError as error:
            sent = _failed(error, self._watch)
        else:
            sent = _created(item, row, State.EXISTS if self._found and not row["sends"] else State.CREATED)
        finish(self._target, self._store, row, sent)
        return sent

    def withdraw(self) -> None:
        """Nothing of it was sent, and nothing will be: the record is again as it was before its intent."""
        self._flow.close()
        if self._watch.open:
            row = self.row
            values = {"state": row["state"], "sends": row["sends"]}
            self._store.note(Entry(row["seq"], row["generation"], CREATE, "outcome", "withdrawn", {}, values))


def _resumed(flow: Flow[T], item: Request | Sleep | Step | None) -> Flow[T]:
    """The rest of a flow that was begun, from an item that it gave; None: its first step, which was kept."""
    try:
        if item is None:
            item = flow.send(None)
        while True:
            try:
                reply = yield item
            except BackendError as error:
                item = flow.throw(error)
            else:
                item = flow.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def _ended(value: T) -> Flow[T]:
    yield from ()
    return value


def _failing(error: Exception) -> Flow[Item]:
    yield from ()
    raise error


def _creation(target: Billing, row: Row, fresh: Item, done: Done) -> Flow[Item]:
    """The flow that makes a copy, in the form in which the record travels."""
    provider, mark = target.provider, str(row["mark_now"])
    if isinstance(fresh, ChargeItem):
        draft = charging.marked(charge_draft_from(row, fresh), mark)
        made = yield from provider.add_charges([draft], done)
        if len(made) != 1:
            raise OutcomeUnknown(f"one charge was sent and {len(made)} were answered", operation=Operation.CHARGES_ADD)
        return ChargeItem(made[0], Status.OPEN, provider.credit_of(made[0]))
    return (yield from provider.create_credit(draft_from(row, fresh), mark, done))


def undoing(target: Billing, item: Item, done: Done) -> Flow[None]:
    """The flow that takes a copy back. A charge that is a credit too goes as a credit does, so that what it settled is undone with it."""
    if not isinstance(item, ChargeItem):
        yield from target.provider.void(item, done)
    elif item.twin is not None:
        yield from target.provider.void(item.twin, done)
    else:
        charge = item.charge
        mode = Invoicing.NEXT if charge.invoicing is Invoicing.UNKNOWN else charge.invoicing
        yield from target.provider.reverse_charges(charge.account_id, [charge.id], mode, done)


def undoes(row: Row) -> str:
    """The facade's operation that takes a record's copy back, for the observers."""
    return Operation.CHARGES_REVERSE if row["record_type"] == RecordType.CHARGE else Operation.CREDITS_VOID


def _failed(error: UnibillError, watch: Watch) -> Sent:
    reason = mask(str(error))
    if isinstance(error, OutcomeUnknown):
        return Sent(State.UNKNOWN, reason=reason, error=error)
    if isinstance(error, (Rejected, InvalidDraft)):
        partly = " What was written before it stands." if watch.answered else ""
        return Sent(State.REJECTED, reason=reason + partly, error=error, unmade=not watch.answered and _is_proof(error))
    refused = isinstance(error, (RateLimited, *FATAL)) or (isinstance(error, Unavailable) and not error.sent)
    if watch.answered or (watch.open and not refused):
        return Sent(State.UNKNOWN, reason=reason, error=error)
    return Sent(State.FAILED, reason=reason, error=error, unmade=_is_proof(error))


def _is_proof(error: UnibillError) -> bool:
    """Whether a refusal proves that the target made nothing.

    In the vendor's own words it does. What stands between may refuse with a page of its own, also after the vendor has acted.
    """
    return not isinstance(error, (Rejected, AuthenticationFailed, PermissionDenied)) or bool(error.vendor_message)


def _created(item: Item, row: Row, state: State) -> Sent:
    stop = _came_back_otherwise(item, row)
    return Sent(state, item, reason=stop, stop=stop)


def _came_back_otherwise(item: Item, row: Row) -> str:
    """Why a copy is not what was sent, or an empty text."""
    what, mark = f"{type_of(item)} {item.id} came back", row["mark_now"]
    if item.mark != mark:
        return f"{what} with the mark {item.mark or 'missing'} instead of {mark}: the vendor cut it off or changed it"
    if (item.currency, amount_key(item.amount)) != (row["currency"], row["carried"]):
        return f"{what} with {item.amount} {item.currency} instead of {row['carried']} {row['currency']}"
    if isinstance(item, Credit) and item.direction is Direction.FROM_ACCOUNT:
        return f"{what} as money that is taken from the account instead of given to it"
    if item.account_id not in {None, row["target_account"]}:
        return f"{what} in account {item.account_id} instead of {row['target_account']}"
    if isinstance(item, ChargeItem) and (other := charging.differences(item, draft_of(row))):
        return f"{what} with {other}"
    return _less_spent(item, row, what) if isinstance(item, Credit) else ""


def _less_spent(credit: Credit, row: Row, what: str) -> str:
    """How a copy came back of which less is spent than was sent, or an empty text; what is spent beyond it raises nothing."""
    planned = money.add([Decimal(edge["amount"]) for edge in draft_of(row)["allocations"]])
    if credit.allocations is None or not planned:
        return ""
    spent = money.add([edge.amount for edge in credit.allocations if edge.reversed_at is None])
    currency = row["currency"]
    rest = "the rest of it could be spent again"
    return f"{what} with {spent} {currency} spent instead of {planned} {currency}: {rest}" if spent < planned else ""


def finish(target: Billing, store: RunStore, row: Row, sent: Sent) -> None:
    """Keep an outcome, and tell the observers."""
    values: dict[str, object] = {"state": sent.state, "outcome": sent.reason}
    if sent.item is not None:
        values["target_id"] = sent.item.id
    if sent.unmade:
        values["sends"] = row["sends"]
    known = {"reason": sent.reason, "id": None if sent.item is None else sent.item.id}
    data = {name: value for name, value in known.items() if value}
    store.note(Entry(row["seq"], row["generation"], CREATE, "outcome", sent.state.value, data, values))
    told = sent.state.value if sent.error is None else outcome_of(sent.error)
    if sent.state in {State.CREATED, State.EXISTS, State.UNKNOWN} or sent.error is not None:
        record_id = "" if sent.item is None else sent.item.id
        operation = Operation.CHARGES_ADD if row["record_type"] == RecordType.CHARGE else Operation.CREDITS_CREATE
        target.core.wrote(operation, row["target_account"], told, record_id, row["mark_now"])


def draft_from(row: Row, fresh: Credit) -> CreditDraft:
    """The planned draft, with the texts that the store must not keep taken from the source again."""
    raw = draft_of(row)
    withheld = frozenset(str(row["withheld"]).split(",")) - {""}
    return CreditDraft(
        account_id=raw["account_id"],
        currency=raw["currency"],
        amount=Decimal(raw["amount"]),
        issued_on=None if raw["issued_on"] is None else date.fromisoformat(raw["issued_on"]),
        number=sent_again(fresh.number) if "number" in withheld else raw["number"],
        memo=sent_again(fresh.memo) if "memo" in withheld else raw["memo"],
        allocations=tuple(allocation_from(item) for item in raw["allocations"]),
    )


def charge_draft_from(row: Row, fresh: ChargeItem) -> ChargeDraft:
    """The same of a charge."""
    raw = draft_of(row)
    return charging.draft_from(raw, sent_again(fresh.charge.tag) if row["withheld"] else raw["tag"])


def allocation_from(raw: Mapping[str, object]) -> AllocationDraft:
    """An allocation of a planned draft."""
    number, target = raw["target_number"], raw["target_id"]
    return AllocationDraft(
        amount=Decimal(str(raw["amount"])),
        target_id=None if target is None else str(target),
        target_number=None if number is None else str(number),
    )


def journaled(store: RunStore, row: Row) -> dict[str, dict[str, object]]:
    """The steps of a record's creation that were answered."""
    return done_steps(store, row["seq"], CREATE, row["generation"]) if row["sends"] else {}


def is_planned(item: Item, row: Row) -> bool:
    """Whether a record of the target has the planned account, form, currency and amount; and type, if it is a charge."""
    right_place = item.account_id in {None, row["target_account"]} and is_to_account(item)
    right_form = type_of(item) == row["record_type"] and (not isinstance(item, ChargeItem) or item.charge.type == row["type"])
    return right_place and right_form and item.currency == row["currency"] and amount_key(item.amount) == row["carried"]
