"""What the writing flows ask before they touch anything."""

from collections.abc import Collection, Sequence

from unibill.errors import ConfigurationError, Conflict, NotFound
from unibill.model import Allocation, Credit
from unibill_socotra.settings import SocotraSettings


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
