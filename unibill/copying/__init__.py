"""Runs: plan, apply, verify and roll back copies of credits from one billing system to another.

::

    from unibill.copying import AccountMap, ApplyOptions, PlanOptions, apply, plan, verify

    options = PlanOptions(accounts=AccountMap.from_csv("accounts.csv"))
    planned = plan(old, new, "cutover.run", options)
    applied = apply(old, new, "cutover.run", ApplyOptions(expect=planned.hash))
    proof = verify(old, new, "cutover.run")

One run is one file. It holds plan, journal and proof, and is all that is needed to go on after a crash, to prove what was
done, and to take it back.
"""

from unibill.copying.applying import apply
from unibill.copying.charge_maps import ChargeTypeMap, LinkKind, MappedType, PolicyMap
from unibill.copying.decisions import Decision, State
from unibill.copying.items import RecordType
from unibill.copying.maplines import InvalidMap
from unibill.copying.maps import AccountMap, InvoiceMap, MappedInvoice
from unibill.copying.options import ApplyOptions, Guards, PlanOptions, RollbackOptions
from unibill.copying.planning import plan
from unibill.copying.reports import Before, JournalEntry, Proof, Run, RunRecord, open_run, status
from unibill.copying.summary import (
    AppliedTotal,
    ApplySummary,
    Conservation,
    Difference,
    LossTotal,
    Pending,
    PlanSummary,
    Problem,
    Progress,
    Reason,
    RollbackSummary,
    RunStatus,
    Total,
    Verification,
)
from unibill.copying.undoing import rollback
from unibill.copying.verifying import verify

__all__ = [
    "AccountMap",
    "AppliedTotal",
    "ApplyOptions",
    "ApplySummary",
    "Before",
    "ChargeTypeMap",
    "Conservation",
    "Decision",
    "Difference",
    "Guards",
    "InvalidMap",
    "InvoiceMap",
    "JournalEntry",
    "LinkKind",
    "LossTotal",
    "MappedInvoice",
    "MappedType",
    "Pending",
    "PlanOptions",
    "PlanSummary",
    "PolicyMap",
    "Problem",
    "Progress",
    "Proof",
    "Reason",
    "RecordType",
    "RollbackOptions",
    "RollbackSummary",
    "Run",
    "RunRecord",
    "RunStatus",
    "State",
    "Total",
    "Verification",
    "apply",
    "open_run",
    "plan",
    "rollback",
    "status",
    "verify",
]
