"""Maps of charge types and policies: read whole, with every bad line named at once."""

from pathlib import Path

import pytest

from unibill.copying import ChargeTypeMap, InvalidMap, LinkKind, MappedType, PolicyMap
from unibill.model import Invoicing


def written(folder: Path, text: str) -> Path:
    path = folder / "map.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_type_map_names_types_their_invoicing_and_what_stays_behind(tmp_path: Path) -> None:
    found = ChargeTypeMap.from_csv(written(tmp_path, "target_type,source_type,invoicing\nFee,ServiceFee,next\nTax,OldTax,\n-,Premium,\n"))
    assert found.pairs == {
        "ServiceFee": MappedType("Fee", Invoicing.NEXT),
        "OldTax": MappedType("Tax"),
        "Premium": MappedType(None),
    }
    assert (found.get("Premium"), found.get("Other")) == (MappedType(None), None)


def test_every_bad_line_of_a_type_map_is_named_in_one_error(tmp_path: Path) -> None:
    bad = "source_type,target_type,invoicing\nA,X,\nA,Y,\nB,,\nC,Z,yearly\nD\n"
    with pytest.raises(InvalidMap) as caught:
        ChargeTypeMap.from_csv(written(tmp_path, bad))
    assert sorted(caught.value.faults) == [
        "line 3: charge type A is named a second time",
        "line 4: target_type is empty",
        "line 5: 'yearly' is no invoicing; it is scheduled, next or immediate, or empty",
        "line 6: 1 cells where the header has 3",
    ]


def test_a_type_map_needs_its_header_and_a_line(tmp_path: Path) -> None:
    for text, message in (("type,target_type\nA,B\n", "lacks source_type"), ("source_type,target_type\n", "holds no charge type")):
        with pytest.raises(InvalidMap, match=message):
            ChargeTypeMap.from_csv(written(tmp_path, text))


def test_two_types_that_become_one_are_noted() -> None:
    assert ChargeTypeMap.from_pairs({"A": "X", "B": "X", "C": "-", "D": "-"}).notes == ("charge types A, B all become X",)


def test_pairs_and_functions_map_types_as_a_file_does() -> None:
    assert ChargeTypeMap.from_pairs([("A", " X ")]).get("A") == MappedType("X")
    with pytest.raises(InvalidMap, match="pair 2: charge type A is named a second time"):
        ChargeTypeMap.from_pairs([("A", "X"), ("A", "Y")])
    answers: dict[str, MappedType | str] = {"A": "X", "B": "-", "C": MappedType("Z", Invoicing.NEXT)}
    asked = ChargeTypeMap.from_callable(lambda name: answers.get(name))
    assert [asked.get(name) for name in "ABCD"] == [MappedType("X"), MappedType(None), answers["C"], None]


def test_a_policy_map_holds_transactions_and_elements_too(tmp_path: Path) -> None:
    text = "source_policy,target_policy,kind\nP1,Q1,\nP2,Q2,policy\nT1,U1,transaction\nP1,E1,element\nS1,S2,element_static\n"
    found = PolicyMap.from_csv(written(tmp_path, text))
    assert [found.get(LinkKind.POLICY, "P1"), found.get(LinkKind.TRANSACTION, "T1"), found.get(LinkKind.ELEMENT, "P1")] == [
        "Q1",
        "U1",
        "E1",
    ]
    assert found.get(LinkKind.TRANSACTION, "P1") is None


def test_every_bad_line_of_a_policy_map_is_named_in_one_error(tmp_path: Path) -> None:
    bad = "source_policy,target_policy,kind\nP1,Q1,\nP1,Q2,policy\nT1,,transaction\nX,Y,quote\n"
    with pytest.raises(InvalidMap) as caught:
        PolicyMap.from_csv(written(tmp_path, bad))
    assert caught.value.faults == (
        "line 3: policy P1 is named a second time",
        "line 4: target_policy is empty",
        "line 5: 'quote' is no kind; it is policy, transaction, element, element_static, or empty for a policy",
    )
    with pytest.raises(InvalidMap, match="holds no policy"):
        PolicyMap.from_csv(written(tmp_path, "source_policy,target_policy\n"))


def test_pairs_and_functions_map_policies_as_a_file_does() -> None:
    assert PolicyMap.from_pairs({"P": "Q"}).get(LinkKind.POLICY, "P") == "Q"
    with pytest.raises(InvalidMap, match="pair 1: target_policy is empty"):
        PolicyMap.from_pairs({"P": ""})
    asked = PolicyMap.from_callable(lambda kind, one: f"{kind}-{one}" if kind is LinkKind.ELEMENT else "")
    assert (asked.get(LinkKind.ELEMENT, "E"), asked.get(LinkKind.POLICY, "P")) == ("element-E", None)
