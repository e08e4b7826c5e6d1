"""What the tests of an apply do again and again, mostly to a plan of three credits in two accounts."""

from decimal import Decimal
from typing import Any

from tests.copying.conftest import Pair, Side, note
from unibill import marks
from unibill.copying import ApplyOptions, ApplySummary, RunRecord, apply, open_run, plan
from unibill.model import CreditKind

POST = "POST /billagain/v1/credits"
TARGET_LIST = "GET /billagain/v1/customers/*/credits"


def mark_of(source: Side, number: int, generation: int = 0) -> str:
    return marks.mark(source.billing.provider.identity(), CreditKind.CREDIT_NOTE, str(number), generation)


def planned(pair: Pair, **options: Any) -> str:  # noqa: ANN401 - any field of PlanOptions
    return plan(pair.source.billing, pair.target.billing, pair.run, pair.options(**options)).hash


def applied(pair: Pair, **options: Any) -> ApplySummary:  # noqa: ANN401 - any field of ApplyOptions
    return apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(**options))


def states(pair: Pair) -> dict[str, str]:
    with open_run(pair.run) as run:
        return {record.source_id: record.state for record in run.records() if record.state}


def record(pair: Pair, source_id: str) -> RunRecord:
    with open_run(pair.run) as run:
        return next(item for item in run.records() if item.source_id == source_id)


def copies(pair: Pair) -> list[tuple[int, Decimal]]:
    return sorted((row["customerID"], row["Amount"]) for row in pair.target.credits())


def three(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "60"), note(102, 11, "5"), note(103, 12, "7"))
    planned(pair)


THREE = [(21, Decimal(5)), (21, Decimal(60)), (22, Decimal(7))]
