"""The README's tables say what the code does."""

import json
import re
from pathlib import Path

from unibill_socotra.api import SocotraApi
from unibill_socotra.sandbox import SocotraSandbox

HERE = Path(__file__).parent
README = (HERE.parents[2] / "providers" / "socotra" / "README.md").read_text()
PAGES = {
    "fetchCredits",
    "fetchShortfallCredit",
    "fetchMultipleShortfallCredits",
    "fetchCreditsForAnInvoice",
    "addCharges",
    "reverseCharges",
    "fetchChargesByAccount",
    "fetchChargesByPolicy",
    "fetchChargesByTransaction",
    "updateQuoteInvoiceFeeAmount",
    "updatePolicyInvoiceFeeAmount",
}
"""What Socotra's Credits API and Flat Charges API pages document."""
OPERATIONS = json.loads((HERE / "socotra-api.json").read_text())["operations"]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def test_every_operation_has_a_row_with_its_permission_and_route() -> None:
    wanted = [
        (
            entry["operation"],
            f"{entry['security']['group']}: {', '.join(entry['security']['permission'])}",
            f"{entry['method']} {entry['path']}",
        )
        for entry in OPERATIONS
    ]
    assert [(row[0], row[1], row[3]) for row in rows("Operations")] == wanted


def test_every_flow_and_test_that_is_named_exists() -> None:
    for operation, _, flow, _, test in rows("Operations"):
        assert flow == f"SocotraApi.{snake(operation)}"
        assert callable(getattr(SocotraApi, snake(operation)))
        file, _, function = test.partition("::")
        source = (HERE / file).read_text().partition(f"def {function}(")[2].partition("\ndef ")[0]
        assert source
        assert file == "test_api.py" or f"native.{snake(operation)}(" in source


def test_the_operations_of_the_two_pages_are_tested_over_real_http() -> None:
    assert PAGES <= {row[0] for row in rows("Operations") if row[4].startswith("test_native.py::")}


def test_the_sandbox_has_every_route(socotra: SocotraSandbox) -> None:
    """Its routes are Starlette's, with the vendor's own names in braces."""
    there: set[tuple[str, str]] = set()
    for route in socotra.routes():
        path = re.sub(r"\{[^}]*\}", "{}", getattr(route, "path", ""))
        there |= {(method, path) for method in getattr(route, "methods", None) or ()}
    for row in rows("Operations"):
        method, _, path = row[3].partition(" ")
        assert (method, re.sub(r"\{[^}]*\}", "{}", path)) in there, row[0]


def test_every_finding_is_explained() -> None:
    package = HERE.parents[2] / "providers" / "socotra" / "unibill_socotra"
    sources = "".join(file.read_text() for file in package.rglob("*.py") if "sandbox" not in file.parts)
    codes = set(re.findall(r'code="([a-z-]+)"', sources))
    assert {row[0] for row in rows("Findings")} == codes
