"""Everything that Socotra says about one account, before anything is concluded from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from unibill_socotra.wire.charges import Charge
from unibill_socotra.wire.credits import Credit, Distribution, ShortfallCredit, WriteOff
from unibill_socotra.wire.invoices import Invoice
from unibill_socotra.wire.payments import Disbursement, Payment


@dataclass(frozen=True, slots=True)
class AccountRecords:
    """The typed lists of one account.

    Attributes:
        listed: credits/list, which alone has the times of disbursements, and kinds that no typed list shows.
        invoices: those whose items were read carry them.
        payments: those of the account, and those without an account that pay its invoices.
        balances: the ledger's credit balance, by currency.
    """

    account: str
    listed: Sequence[Credit] = ()
    charges: Sequence[Charge] = ()
    invoices: Sequence[Invoice] = ()
    distributions: Sequence[Distribution] = ()
    payments: Sequence[Payment] = ()
    disbursements: Sequence[Disbursement] = ()
    write_offs: Sequence[WriteOff] = ()
    shortfalls: Sequence[ShortfallCredit] = ()
    balances: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
