"""Runs: plan, apply, verify and roll back copies of credits from one billing system to another."""

from unibill.copying.applying import apply
from unibill.copying.maps import AccountMap, InvalidMap, InvoiceMap
from unibill.copying.options import ApplyOptions, Guards, PlanOptions, RollbackOptions
from unibill.copying.planning import plan
from unibill.copying.verifying import verify

__all__ = [
    "AccountMap",
    "ApplyOptions",
    "Guards",
    "InvalidMap",
    "InvoiceMap",
    "PlanOptions",
    "RollbackOptions",
    "apply",
    "plan",
    "verify",
]
