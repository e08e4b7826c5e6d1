"""Local sandboxes of billing systems: what all of them share."""

from unibill.sandbox.faults import Fault, parse_faults
from unibill.sandbox.server import ConnectionCut, LoggedRequest, Sandbox, Serving
from unibill.sandbox.system import Refused, SandboxSystem, Seed, Switch

__all__ = ["ConnectionCut", "Fault", "LoggedRequest", "Refused", "Sandbox", "SandboxSystem", "Seed", "Serving", "Switch", "parse_faults"]
