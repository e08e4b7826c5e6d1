"""The provider's page names every operation with a flow and a test that exist."""

import ast
import inspect
import re
from pathlib import Path

from unibill_billagain.api import BillAgainApi
from unibill_billagain.declared import CAPABILITIES
from unibill_billagain.provider import BillAgainProvider
from unibill_billagain.sandbox import BillAgainSandbox

from unibill.capabilities import Operation
from unibill.model import Credit
from unibill.sandbox import Sandbox

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "providers" / "billagain" / "README.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head; code marks taken off."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in row] for row in rows[2:]]


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    tree = ast.parse((HERE / file).read_text("utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)


def test_every_vendor_operation_has_a_flow_a_route_and_a_test() -> None:
    rows = table("The vendor's operations")
    flows = {name for name, _ in inspect.getmembers(BillAgainApi, inspect.isfunction) if not name.startswith("_")}
    assert [row[2] for row in rows] == [f"BillAgainApi.{row[2].split('.')[1]}" for row in rows]
    assert {row[2].split(".")[1] for row in rows} == flows
    assert {row[1] for row in rows} == {"account key"}
    assert [row[4] for row in rows if not exists(row[4])] == []


def test_every_sandbox_route_of_the_table_is_served() -> None:
    with Sandbox([BillAgainSandbox]) as sandbox:
        served = {getattr(route, "path", "") for route in sandbox.systems["billagain"].routes()}
    for row in table("The vendor's operations"):
        method, path = row[3].split(" ")
        assert method in {"GET", "POST", "PUT", "DELETE"}
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        assert shape in {re.sub(r"\{[^}]*\}", "{}", found) for found in served}


def test_every_usable_operation_of_the_facade_has_a_flow_and_a_test() -> None:
    rows = table("The facade's operations")
    assert [row[0] for row in rows] == [str(operation) for operation in Operation if CAPABILITIES.of(operation).usable]
    for _, flow, test in rows:
        owner, name = flow.split(".")
        assert owner == "BillAgainProvider"
        assert name in vars(BillAgainProvider)
        assert exists(test), test


def test_every_operation_and_field_is_declared_without_faults() -> None:
    assert set(CAPABILITIES.operations) == set(Operation)
    assert set(CAPABILITIES.credit_fields) == set(Credit.__struct_fields__)
    assert CAPABILITIES.faults() == []


def test_every_finding_of_the_mapping_is_explained() -> None:
    source = inspect.getsource(__import__("unibill_billagain.mapping", fromlist=["mapping"]))
    codes = set(re.findall(r'_finding\(\s*"([a-z-]+)"', source))
    assert {row[0] for row in table("Findings")} == codes
