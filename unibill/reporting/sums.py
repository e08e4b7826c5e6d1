"""Sums over the records of a run, while they pass by: their size grows with accounts and reasons, not with records."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from unibill import money
from unibill.copying.decisions import Decision
from unibill.copying.items import RecordType
from unibill.copying.reports import Before
from unibill.reporting.values import (
    STANDING,
    STAYING,
    AccountMoney,
    CurrencyMoney,
    Flow,
    Outcome,
    OutcomeTotal,
    ReasonTotal,
    RecordLine,
)

_COVERED: Final = frozenset({Decision.CREATE, Decision.EXISTS})
_TAKEN_BACK: Final = frozenset({Outcome.WAITING, Outcome.UNDONE})
_HELD: Final = STAYING - {Outcome.SKIPPED}
_NAMED_SOURCES: Final = 3
_FLOWING: Final = 6
"""Source accounts that a picture of the flow names, per currency."""

Key = tuple[str, RecordType, str]
"""A target account, of what its money is, and the currency."""
Found = dict[Key, tuple[Decimal, Decimal | None]]
"""The money that should stand by a verification, and that it found there; None where it could not be read."""


class Sums:
    """Takes records, gives totals.

    Args:
        taken_back: a rollback has ended, so what is not there is not wanted any more.
    """

    def __init__(self, *, taken_back: bool) -> None:
        self.records = 0
        self._unwanted = _TAKEN_BACK if taken_back else frozenset[Outcome]()
        self._amounts: dict[tuple[Outcome, RecordType, str], Decimal] = {}
        self._counts: dict[Outcome, int] = defaultdict(int)
        self._per_currency: dict[tuple[RecordType, str], int] = defaultdict(int)
        self._remaining: dict[tuple[RecordType, str], Decimal] = {}
        self._unknown: dict[tuple[RecordType, str], int] = defaultdict(int)
        self._reasons: dict[tuple[Outcome, str], _Reason] = {}
        self._at_target: dict[Key, _AtTarget] = {}
        self._flows: dict[str, dict[str, dict[Outcome, Decimal]]] = {}

    def take(self, record: RecordLine) -> None:
        """Add one record."""
        outcome, currency = record.outcome, record.currency
        each = record.record_type, currency
        self.records += 1
        self._counts[outcome] += 1
        self._per_currency[each] += 1
        if record.remaining is None:
            self._unknown[each] += 1
        else:
            _raise(self._remaining, each, record.remaining)
        value = record.value or Decimal(0)
        _raise(self._amounts, (outcome, *each), value)
        reason = self._reasons.setdefault((outcome, record.code), _Reason(record.reason))
        reason.records += 1
        _raise(reason.money, each, value)
        if record.decision in _COVERED:
            self._at_target.setdefault((record.target_account, record.counts_as, currency), _AtTarget()).take(
                record, wanted=outcome not in self._unwanted
            )
        if value and record.record_type is RecordType.CREDIT:
            account = self._flows.setdefault(currency, {}).setdefault(record.source_account, {})
            _raise(account, outcome, value)

    @property
    def called(self) -> str:
        """What the records are."""
        types = {kind for kind, _ in self._per_currency}
        return "records" if len(types) > 1 else "charges" if RecordType.CHARGE in types else "credits"

    def outcomes(self) -> tuple[OutcomeTotal, ...]:
        """Per outcome, every one of them."""
        return tuple(
            OutcomeTotal(outcome, self._counts[outcome], *_parted({key[1:]: m for key, m in self._amounts.items() if key[0] is outcome}))
            for outcome in Outcome
        )

    def reasons(self) -> tuple[ReasonTotal, ...]:
        """Per outcome and reason, in the order of outcomes, the most frequent first."""
        order = list(Outcome)
        items = sorted(self._reasons.items(), key=lambda item: (order.index(item[0][0]), -item[1].records, item[0][1]))
        return tuple(ReasonTotal(outcome, code, reason.records, *_parted(reason.money), reason.sample) for (outcome, code), reason in items)

    def accounts(self, before: Iterable[Before], found: Found | None) -> tuple[AccountMoney, ...]:
        """Per target account and currency, before and after."""
        start = {(line.account, line.record_type, line.currency): line.amount for line in before}
        lines: list[AccountMoney] = []
        for key in sorted(start.keys() | self._at_target.keys() | (found or {}).keys()):
            at = self._at_target.get(key) or _AtTarget()
            stood = start.get(key, Decimal(0))
            expected = money.add([stood, at.carried, at.waiting])
            if found is not None and key in found:
                expected = found[key][0]
            now, sign = compared(expected, found, key)
            account, kind, currency = key
            lines.append(
                AccountMoney(
                    account, kind, currency, tuple(at.sources), at.created, stood, at.carried, at.existed, at.waiting, expected, now, sign
                )
            )
        return tuple(lines)

    def currencies(self, accounts: Iterable[AccountMoney]) -> tuple[CurrencyMoney, ...]:
        """Per currency, from the accounts' lines."""
        lines = list(accounts)
        return tuple(
            self._currency(kind, currency, [line for line in lines if (line.record_type, line.currency) == (kind, currency)])
            for kind in (RecordType.CREDIT, RecordType.CHARGE)
            for currency in sorted(
                {c for k, c in self._per_currency if k is kind} | {line.currency for line in lines if line.record_type is kind}
            )
        )

    def _currency(self, kind: RecordType, currency: str, lines: list[AccountMoney]) -> CurrencyMoney:
        each = kind, currency
        expected = money.add([line.expected for line in lines])
        signs = {line.sign for line in lines}
        known = [line.found for line in lines if line.found is not None]
        whole = bool(lines) and len(known) == len(lines) and "" not in signs
        after = money.add(known) if whole else None
        sign = "!" if "!" in signs else "" if after is None else sign_of(expected, after)
        if sign == "=" and signs != {"="}:
            sign = "*"
        return CurrencyMoney(
            record_type=kind,
            currency=currency,
            records=self._per_currency[each],
            remaining=self._remaining.get(each, Decimal(0)),
            unknown=self._unknown[each],
            carried=money.add([line.carried for line in lines]),
            existed=money.add([line.existed for line in lines]),
            waiting=money.add([line.waiting for line in lines]),
            held=self._sum(each, _HELD),
            skipped=self._sum(each, [Outcome.SKIPPED]),
            before=money.add([line.before for line in lines]),
            expected=expected,
            found=after,
            sign=sign,
        )

    def _sum(self, each: tuple[RecordType, str], outcomes: Iterable[Outcome]) -> Decimal:
        return money.add([self._amounts.get((outcome, *each), Decimal(0)) for outcome in outcomes])

    def flows(self) -> tuple[Flow, ...]:
        """Per currency, from the largest source accounts and from all others together, to each outcome."""
        return tuple(flow for currency in sorted(self._flows) for flow in _flows(currency, self._flows[currency]))


def compared(expected: Decimal, found: Found | None, key: Key) -> tuple[Decimal | None, str]:
    """What stands in an account, and its sign; nothing where there is no verification.

    A verification reads every account and names the currencies in which there is or should be money: in others there is none.
    """
    if found is None:
        return None, ""
    now = found[key][1] if key in found else Decimal(0)
    return now, "!" if now is None else sign_of(expected, now)


def sign_of(expected: Decimal, found: Decimal) -> str:
    """``=`` where both are the same money, ``-`` where less was found, ``+`` where more."""
    return "=" if found == expected else "-" if found < expected else "+"


def _parted(amounts: Mapping[tuple[RecordType, str], Decimal]) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Of credits and of charges, by currency, without those of nothing."""
    credits = {currency: amount for (kind, currency), amount in sorted(amounts.items()) if amount and kind is RecordType.CREDIT}
    charges = {currency: amount for (kind, currency), amount in sorted(amounts.items()) if amount and kind is RecordType.CHARGE}
    return credits, charges


def _flows(currency: str, accounts: dict[str, dict[Outcome, Decimal]]) -> Iterable[Flow]:
    ranked = sorted(accounts, key=lambda account: (-money.add(list(accounts[account].values())), account))
    named, rest = ranked[:_FLOWING], ranked[_FLOWING:]
    if len(rest) == 1:
        named, rest = ranked, []
    for account in named:
        for outcome in Outcome:
            if amount := accounts[account].get(outcome):
                yield Flow(currency, account, 1, outcome, amount)
    others: dict[Outcome, Decimal] = {}
    for account in rest:
        for outcome, amount in accounts[account].items():
            _raise(others, outcome, amount)
    for outcome in Outcome:
        if amount := others.get(outcome):
            yield Flow(currency, "", len(rest), outcome, amount)


class _Reason:
    """Records with one outcome and one code."""

    __slots__ = ("money", "records", "sample")

    def __init__(self, sample: str) -> None:
        self.records = 0
        self.money: dict[tuple[RecordType, str], Decimal] = {}
        self.sample = sample


class _AtTarget:
    """What a run does in one target account and currency."""

    __slots__ = ("carried", "created", "existed", "sources", "waiting")

    def __init__(self) -> None:
        self.created = 0
        self.carried = self.existed = self.waiting = Decimal(0)
        self.sources: list[str] = []

    def take(self, record: RecordLine, *, wanted: bool) -> None:
        value = record.carried or Decimal(0)
        if record.counts_as is not record.record_type:
            value = value.copy_negate()  # a negative charge is a credit
        if record.source_account not in self.sources and len(self.sources) < _NAMED_SOURCES:
            self.sources.append(record.source_account)
        self.created += record.outcome is Outcome.CARRIED
        if record.decision is not Decision.CREATE:
            if record.outcome is Outcome.EXISTED:
                self.existed = money.EXACT.add(self.existed, value)
        elif record.outcome in STANDING:
            self.carried = money.EXACT.add(self.carried, value)
        elif wanted:
            self.waiting = money.EXACT.add(self.waiting, value)


K = TypeVar("K")


def _raise(sums: dict[K, Decimal], name: K, amount: Decimal) -> None:
    sums[name] = money.EXACT.add(sums.get(name, Decimal(0)), amount)
