"""The audit sink of docs/observe.md notes every write with its outcome, and nothing that is secret."""

import stat
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from unibill_billagain.sandbox import BillAgainSandbox

import unibill
from unibill import CreditDraft, exactjson
from unibill.plugins import load
from unibill.sandbox import Sandbox
from unibill.sandbox.faults import Fault

SINK = Path(__file__).parents[2] / "docs" / "examples" / "audit_log.py"


def audit_log(path: Path) -> object:
    spec = spec_from_file_location("audit_log", SINK)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.AuditLog(path)


def test_every_write_is_a_line_with_its_outcome(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with Sandbox([BillAgainSandbox], switches={"billagain": {"empty-allocations": "accept"}}) as sandbox, sandbox.serve() as server:
        sandbox.seed("documented")
        values: dict[str, Any] = dict(sandbox.client_settings(server.url)["billagain"])
        with unibill.connect(load("billagain").Settings(**values), name="main", observers=[audit_log(path)]) as billing:
            draft = CreditDraft(account_id="269", currency="ZAR", amount=Decimal("12.50"), memo="card 4242 4242 4242 4242")
            credit = billing.credits.create(draft, key="order-17")
            sandbox.faults([Fault(kind="cut-after", count=1, route="POST /**")])
            with pytest.raises(unibill.OutcomeUnknown):
                billing.credits.create(draft, key="order-18")
            with pytest.raises(unibill.Rejected):
                billing.credits.create(CreditDraft(account_id="999999", currency="ZAR", amount=Decimal(1), number="N2"))
            billing.credits.void(credit)
    text = path.read_text("utf-8")
    lines: list[Any] = [exactjson.loads(line) for line in text.splitlines()]
    assert [(line["operation"], line["outcome"], line["account_id"]) for line in lines] == [
        ("credits.create", "done", "269"),
        ("credits.create", "unknown", "269"),
        ("credits.create", "rejected", "999999"),
        ("credits.void", "done", "269"),
    ]
    assert lines[0]["record_id"] == credit.id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert values["api_key"] not in text
    assert "4242" not in text
