"""Which records a run is about, and how it reads them from its two sides: credits, and charges where they are copied as charges."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Self

from unibill.capabilities import Operation
from unibill.copying import reading
from unibill.copying.items import ChargeItem, Item, linked, statuses
from unibill.copying.options import CHARGES, PlanOptions
from unibill.copying.store import RunStore
from unibill.errors import NotFound
from unibill.facade import Billing
from unibill.model import Credit
from unibill.scanning import ended

NEEDED_OF_SOURCE = (Operation.CHARGES_LIST_ACCOUNT,)
NEEDED_OF_TARGET = (Operation.CHARGES_LIST_ACCOUNT, Operation.CHARGES_ADD, Operation.CHARGES_REVERSE)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run reads.

    Attributes:
        charges: charges are copied as charges.
        credits_as_charges: also those that the source lists as credits too.
    """

    charges: bool = False
    credits_as_charges: bool = False

    @classmethod
    def of(cls, options: PlanOptions) -> Self:
        """What a plan is about."""
        return cls(CHARGES in options.include, options.credit_charges == "charge")

    @classmethod
    def kept(cls, store: RunStore) -> Self:
        """What the plan in a store is about."""
        options = store.need("options")
        return cls(CHARGES in options["include"], options["credit_charges"] == "charge")

    def source(self, billing: Billing, account: str) -> Iterator[Item]:
        """The records of a source account, each once and in the form in which it travels.

        Raises:
            NotFound: there is no such account. Of one that had records once that is no proof that they went: a wrong address says so too.
        """
        if not self.charges:
            yield from reading.whole(billing, account)
            return
        credits, charges = list(reading.whole(billing, account)), charges_of(billing, account, with_invoices=True)
        for item in linked(charges, credits):
            if not isinstance(item, ChargeItem) or item.twin is None or self.credits_as_charges:
                yield item
            else:
                yield item.twin

    def everything(self, billing: Billing) -> Iterator[Item]:
        """Every credit of a source that has them in one list."""
        yield from reading.whole(billing)

    def target(self, billing: Billing, account: str, *, spent: bool = True, was_there: bool = False) -> Iterator[Item]:
        """The records of a target account, each once: a charge that is a credit too in both forms. An account that is not there has none.

        Args:
            billing: the target.
            account: which.
            spent: whether the allocations of credits are wanted.
            was_there: something of a run stood in it. Then an answer that it is not there is no proof that nothing stands: a proxy or a
                wrong address says so too.

        Raises:
            NotFound: it was there, and is not found now.
        """
        credits = (reading.whole if was_there else reading.of_account)(billing, account, spent=spent)
        if not self.charges:
            yield from credits
            return
        try:
            charges = charges_of(billing, account, with_invoices=False)
        except NotFound:
            if was_there:
                raise
            charges = []
        yield from linked(charges, list(credits))

    def marked(self, billing: Billing, account: str, marks: Collection[str]) -> list[Item]:
        """The records of a target account that carry one of these marks, as ``target`` gives them.

        Raises:
            NotFound: there is no such account. Plans send nothing to such a one, so that it had to be there.
        """
        if not self.charges:
            found: list[Credit] = billing.run(ended(billing.provider.find_marked(account, marks), Operation.CREDITS_FIND, billing.name))
            return [*found]
        return [item for item in self.target(billing, account, spent=False, was_there=True) if item.mark is not None and item.mark in marks]


def charges_of(billing: Billing, account: str, *, with_invoices: bool) -> list[ChargeItem]:
    """The charges of an account.

    Args:
        billing: the backend.
        account: which.
        with_invoices: whether it matters on which invoice each is, where the vendor lets one know.
    """
    charges = list({charge.id: charge for charge in billing.charges.list(account=account)}.values())
    found = statuses(charges)
    invoices = (billing.run(billing.provider.invoiced_charges(account)) if with_invoices else None) or {}
    return [ChargeItem(charge, found[charge.id], billing.provider.credit_of(charge), None, invoices.get(charge.id)) for charge in charges]
