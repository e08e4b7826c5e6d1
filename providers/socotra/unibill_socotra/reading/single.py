"""One record by itself, by the operation that reads its kind alone."""

from collections.abc import Mapping
from datetime import tzinfo

from unibill import wire
from unibill.errors import InvalidQuery
from unibill.flow import Flow
from unibill.model import Credit, CreditKind
from unibill_socotra.api import SocotraApi, read_all
from unibill_socotra.mapping import credits as map_credits
from unibill_socotra.mapping import ids
from unibill_socotra.wire.credits import ShortfallCredit


def credit_of(api: SocotraApi, kind: CreditKind, locator: str, provider: str, zone: tzinfo) -> Flow[Credit | None]:
    """The credit of this locator, without its allocations; None for a charge, which only lists show.

    Args:
        api: asked.
        kind: which kind of record the locator names.
        locator: as Socotra spells it.
        provider: the name in the credit.
        zone: whose calendar day the credit was issued on.

    Raises:
        InvalidQuery: a kind that no known operation reads.
    """
    if kind in {CreditKind.PAYMENT, CreditKind.SUBPAYMENT}:
        return map_credits.payment((yield from api.fetch_payment(locator)), provider, zone)
    if kind is CreditKind.DISTRIBUTION:
        return map_credits.distribution((yield from api.fetch_credit_distribution(locator)), provider, zone)
    if kind is CreditKind.DISBURSEMENT:
        return map_credits.disbursement((yield from api.fetch_disbursement(locator)), provider, zone)
    if kind is CreditKind.WRITE_OFF:
        return map_credits.write_off((yield from api.fetch_write_off(locator)), provider, zone)
    if kind is CreditKind.SHORTFALL_WRITE_OFF:
        record: ShortfallCredit = yield from api.fetch_shortfall_credit(locator)
        return map_credits.shortfall(record, provider, zone)
    if kind is not CreditKind.CHARGE:
        raise InvalidQuery("nobody documents how Socotra reads a credit of this kind; list the account's credits instead")
    return None


def record_of(api: SocotraApi, credit: Credit) -> Flow[Mapping[str, object]]:
    """The vendor's record that a credit's id names; empty where no known operation reads it. A charge is picked out of its account's list."""
    kind, locator = ids.parse(credit.id)
    record: object = None
    if kind is CreditKind.CHARGE and credit.account_id is not None:
        account = credit.account_id
        charges = yield from read_all(lambda at: api.fetch_charges_by_account(account, offset=at), api.page_size)
        record = next((charge for charge in charges if charge.locator == locator), None)
    elif kind in {CreditKind.PAYMENT, CreditKind.SUBPAYMENT}:
        record = yield from api.fetch_payment(locator)
    elif kind is CreditKind.DISTRIBUTION:
        record = yield from api.fetch_credit_distribution(locator)
    elif kind is CreditKind.DISBURSEMENT:
        record = yield from api.fetch_disbursement(locator)
    elif kind is CreditKind.WRITE_OFF:
        record = yield from api.fetch_write_off(locator)
    elif kind is CreditKind.SHORTFALL_WRITE_OFF:
        record = yield from api.fetch_shortfall_credit(locator)
    found: Mapping[str, object] = {} if record is None else wire.plain(record)
    return found
