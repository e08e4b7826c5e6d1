"""What the writing flows ask before they touch anything."""

from collections.abc import Collection, Sequence

from unibill.allocating import merge
from unibill.errors import ConfigurationError, Conflict, Fault, InvalidDraft, NotFound, OutcomeUnknown
from unibill.flow import Flow
from unibill.model import Allocation, Credit
from unibill.pooling import ZERO
from unibill_socotra.api import SocotraApi
from unibill_socotra.mapping.charges import reversed_locators
from unibill_socotra.reading.edges import Part
from unibill_socotra.settings import SocotraSettings
from unibill_socotra.wire.charges import Charge


def reversal_type(settings: SocotraSettings, what: str) -> str:
    """The configured reversal type.

    Args:
        settings: of the backend.
        what: needs it, for the error.

    Raises:
        ConfigurationError: none is set.
    """
    if settings.reversal_type is None:
        raise ConfigurationError(f"{what} in Socotra needs reversal_type: the name of a reversal type that the tenant configures")
    return settings.reversal_type


def by_id(credits: Sequence[Credit], credit_id: str) -> Credit:
    """One of an account's credits.

    Raises:
        NotFound: it is not among them.
    """
    found = next((credit for credit in credits if credit.id == credit_id), None)
    if found is None:
        raise NotFound(f"there is no credit {credit_id} on this account that could be spent", operation="fetchCredits")
    return found


def newest_first(allocations: Sequence[Allocation]) -> list[str]:
    """The distributions behind standing allocations, newest first."""
    standing = [allocation for allocation in allocations if allocation.reversed_at is None and allocation.group_id is not None]
    ordered = sorted(standing, key=lambda a: (str(a.applied_at or ""), a.group_id or ""), reverse=True)
    return list(dict.fromkeys(allocation.group_id for allocation in ordered if allocation.group_id is not None))


def refuse_targets(api: SocotraApi, account: str, currency: str, parts: Sequence[Part]) -> Flow[None]:
    """Refuse allocations to invoices that cannot take them, before anything is written. Items of invoices cannot be read by themselves.

    Raises:
        InvalidDraft: an invoice that is not there, of another account or currency, or with less left to pay than is allocated to it.
    """
    wanted = merge((part.locator, part.amount) for part in parts if part.type == "invoice")
    faults: list[Fault] = []
    for locator, amount in wanted.items():
        place = next(i for i, part in enumerate(parts) if part.locator == locator)
        try:
            invoice = yield from api.get_invoice_with_items(locator)
        except NotFound:
            faults.append(Fault(f"$.allocations[{place}].target_id", f"there is no invoice {locator}"))
            continue
        left = invoice.total_remaining_amount
        if invoice.account_locator != account:
            faults.append(Fault(f"$.allocations[{place}].target_id", f"invoice {locator} is not of account {account}"))
        elif invoice.currency != currency:
            faults.append(
                Fault(f"$.allocations[{place}].target_id", f"invoice {locator} is in {invoice.currency}, the credit in {currency}")
            )
        elif left is not None and left < amount:
            message = f"{amount} {currency} is allocated to invoice {locator}, which has {max(left, ZERO)} {currency} left to pay"
            faults.append(Fault(f"$.allocations[{place}].amount", message))
    if faults:
        raise InvalidDraft("allocation", faults)


def refuse_reversed(charges: Sequence[Charge], wanted: Sequence[str]) -> None:
    """Refuse to reverse what is not on the account or is reversed already: a server might pass over the one and reverse the other twice.

    Raises:
        NotFound: naming the charges that are not among the account's.
        Conflict: naming those that another charge reverses.
    """
    if missing := sorted(set(wanted) - {charge.locator for charge in charges}):
        raise NotFound(f"the account has no charge {', '.join(missing)}", operation="reverseCharges")
    if again := sorted(set(wanted) & reversed_locators(charges)):
        raise Conflict(f"reversed already: charge {', '.join(again)}", operation="reverseCharges", hint="Leave out what is reversed.")


def refuse_unreversed(made: Sequence[Charge], wanted: Sequence[str]) -> None:
    """Refuse an answer to ``reverseCharges`` that does not reverse all that was asked for: what a bad locator in the list does is not documented.

    Raises:
        OutcomeUnknown: naming the charges that no answered one reverses.
    """
    if missing := sorted(set(wanted) - reversed_locators(made)):
        raise OutcomeUnknown(f"the answer reverses no charge {', '.join(missing)}", operation="reverseCharges")


def refuse_shared(every: Sequence[Credit], groups: Sequence[str], wanted: Collection[str]) -> None:
    """Refuse to reverse distributions that have standing allocations beside the wanted ones.

    Raises:
        Conflict: naming the first of those.
    """
    for credit in every:
        for allocation in credit.allocations or ():
            if allocation.group_id in groups and allocation.reversed_at is None and allocation.id not in wanted:
                raise Conflict(
                    f"distribution {allocation.group_id} has another allocation, {allocation.id} of credit {credit.id}, and is reversed only whole",
                    operation="reverseCreditDistribution",
                    hint="Name all its allocations, if they are all of this credit; else reverse the distribution through the native client.",
                )
