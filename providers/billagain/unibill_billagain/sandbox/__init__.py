"""A local BillAgain: the documented routes for credits, stateful, with the quirks that the vendor's pages show."""

from unibill_billagain.sandbox.switches import SWITCHES
from unibill_billagain.sandbox.system import BillAgainSandbox

__all__ = ["SWITCHES", "BillAgainSandbox"]
