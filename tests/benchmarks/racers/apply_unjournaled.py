"""The requests of an apply by the same client, in threads, with nothing kept: ``apply_unjournaled URL CREDITS ACCOUNTS CONCURRENCY LATENCY [TRANSPORT]``."""

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.billing_server import TARGET
from tests.benchmarks.racers.apply_course import Course
from unibill import Billing, CreditDraft, marks


def main(told: list[str]) -> None:
    """Copy account by account, then look at each once more."""
    course = Course.of(told)
    with (
        course.server.billing("source", **course.settings) as source,
        course.server.billing("target", **course.settings) as target,
        ThreadPoolExecutor(course.concurrency) as pool,
    ):
        identity = source.provider.identity()
        numbers = range(1, course.accounts + 1)

        def copy_all() -> None:
            list(pool.map(lambda number: _copy(source, target, identity, number), numbers))
            list(pool.map(lambda number: _look(target, str(TARGET + number)), numbers))

        course.run(copy_all)


def _copy(source: Billing, target: Billing, identity: str, number: int) -> None:
    account = str(TARGET + number)
    credits = list(source.credits.list(str(number), include_reversed=True, allocations=True))
    _look(target, account)
    for credit in credits:
        assert credit.remaining is not None
        draft = CreditDraft(
            account_id=account,
            currency=credit.currency,
            amount=credit.remaining,
            issued_on=credit.issued_on,
            number=credit.number,
            memo=credit.memo,
        )
        target.run(target.provider.create_credit(draft, marks.mark(identity, credit.kind, credit.id), {}))
    list(target.credits.list(account, include_reversed=True, allocations=True))


def _look(target: Billing, account: str) -> None:
    target.run(target.provider.find_marked(account, frozenset()))


if __name__ == "__main__":
    main(sys.argv[1:])
