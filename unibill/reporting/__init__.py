"""Reports: what a run did, as one page that can be signed, and the same figures for spreadsheets and programs.

::

    from unibill.reporting import figures, report

    verdict = report("cutover.run", "report.html", csv="figures", jsonl="figures.jsonl").verdict
    found = figures("cutover.run")            # the same figures, as values
"""

from unibill.reporting.making import figures, report
from unibill.reporting.values import (
    AccountMoney,
    CurrencyMoney,
    Event,
    Figures,
    Flow,
    Outcome,
    OutcomeTotal,
    Pace,
    ReasonTotal,
    RecordLine,
    Side,
    Verdict,
    Verified,
)

__all__ = [
    "AccountMoney",
    "CurrencyMoney",
    "Event",
    "Figures",
    "Flow",
    "Outcome",
    "OutcomeTotal",
    "Pace",
    "ReasonTotal",
    "RecordLine",
    "Side",
    "Verdict",
    "Verified",
    "figures",
    "report",
]
