"""A small app: what a customer has to spend, and a goodwill credit. It runs on any backend; its name is all that changes.

python customer_credits.py BACKEND CUSTOMER                                  what the customer has
python customer_credits.py BACKEND CUSTOMER AMOUNT CURRENCY ORDER            a goodwill credit for an order
"""

import sys
from datetime import date
from decimal import Decimal

import unibill


def statement(backend: str, customer: str) -> list[str]:
    """The customer's credits, one line each: amount, currency, status."""
    with unibill.connect(backend) as billing:
        return [f"{credit.amount} {credit.currency} {credit.status}" for credit in billing.credits.list(account=customer)]


def goodwill(backend: str, customer: str, amount: Decimal, currency: str, order: str) -> str:
    """Give a goodwill credit, at most once per order, and say what came of it."""
    draft = unibill.CreditDraft(
        account_id=customer,
        currency=currency,
        amount=amount,
        issued_on=date(2026, 1, 31),
        memo=f"goodwill for {order}",
    )
    with unibill.connect(backend) as billing:
        credit = billing.credits.create(draft, key=order)
    return f"{credit.amount} {credit.currency}, {credit.memo}"


def main(arguments: list[str]) -> None:
    """Do what the command line asks."""
    backend, customer, *gift = arguments
    if gift:
        amount, currency, order = gift
        print(goodwill(backend, customer, Decimal(amount), currency, order))
    else:
        print("\n".join(statement(backend, customer)))


if __name__ == "__main__":
    main(sys.argv[1:])
