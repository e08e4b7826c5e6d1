"""A local sandbox of Socotra's billing: the documented routes, stateful, with a double-entry ledger behind them.

It shares nothing with the provider's wire, api or mapping, so that the two cannot be wrong in the same way.
"""

from unibill_socotra.sandbox.engine import Engine
from unibill_socotra.sandbox.errors import Declined
from unibill_socotra.sandbox.system import SocotraSandbox
from unibill_socotra.sandbox.tenant import Tenant, default_tenant

__all__ = ["Declined", "Engine", "SocotraSandbox", "Tenant", "default_tenant"]
