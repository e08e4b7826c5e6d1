"""One typed flow per operation of Socotra's API, named after it."""

from unibill_socotra.api.accounts import AccountsApi
from unibill_socotra.api.calls import Listing, read_all
from unibill_socotra.api.charges import ChargesApi
from unibill_socotra.api.credits import CreditsApi
from unibill_socotra.api.distributions import DistributionsApi
from unibill_socotra.api.invoices import InvoicesApi
from unibill_socotra.api.payments import PaymentsApi
from unibill_socotra.api.writeoffs import WriteOffsApi

__all__ = ["Listing", "SocotraApi", "read_all"]


class SocotraApi(CreditsApi, ChargesApi, DistributionsApi, PaymentsApi, WriteOffsApi, InvoicesApi, AccountsApi):
    """All 46 operations of Socotra's API that touch credits and charges."""
