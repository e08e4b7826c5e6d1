from decimal import Decimal

from tests.copying.conftest import Pair, note
from unibill.copying import ApplyOptions, apply, plan, verify


def test_a_planned_copy_is_applied_and_proved(pair: Pair) -> None:
    pair.source.seed(note(101, 11, "100.10", (31, "40.05")), note(102, 12, "7"), note(103, 11, "5", (31, "5")))
    planned = plan(pair.source.billing, pair.target.billing, pair.run, pair.options())
    assert planned.counts == {"create": 2, "exists": 0, "conflict": 0, "skip": 1, "blocked": 0}
    applied = apply(pair.source.billing, pair.target.billing, pair.run, ApplyOptions(expect=planned.hash))
    assert applied.exit_status == 0, applied.problems
    assert applied.money == {"ZAR": Decimal("67.05")}
    assert sorted((row["customerID"], row["Amount"]) for row in pair.target.credits()) == [(21, Decimal("60.05")), (22, Decimal(7))]
    proof = verify(pair.source.billing, pair.target.billing, pair.run)
    assert (proof.exit_status, proof.signs["="]) == (0, 2)
