"""providers, backends, mapping, explain: what is told is what is declared and computed, and nothing is written."""

import re
from collections import Counter
from decimal import Decimal
from itertools import permutations

import pytest

from tests.support.commands import Command, Place
from unibill import installed, plugins
from unibill.model import Credit


def test_every_installed_provider_is_listed_with_what_it_rests_on(run: Command) -> None:
    rows = {row["name"]: row for row in run("providers", "--json").records()}
    assert set(rows) == set(installed.found())
    assert rows["socotra"]["title"] == "Socotra"
    assert all(row["state"] == "ok" and row["operations"] for row in rows.values())
    for row in rows.values():
        claims = plugins.load(str(row["name"])).capabilities.operations.values()
        assert row["evidence"] == Counter(claim.evidence.value for claim in claims if claim.usable)
        assert "live" not in Counter(claim.evidence.value for claim in claims)
    assert re.search(r"BillAgain.* \d+ sandbox, \d+ cassette", run("providers").out)


def test_a_check_proves_credentials_with_reads_only(run: Command, place: Place) -> None:
    done = run("backends", "--check", "--json")
    assert done.status == 0
    assert [row["state"] for row in done.records()] == ["ok", "ok"]
    assert place.sandbox.requests()
    assert place.writes() == 0


def test_a_check_with_a_wrong_key_is_status_1_and_names_the_backend(run: Command, place: Place) -> None:
    config = place.folder / "unibill.toml"
    config.write_text(config.read_text().replace("sandbox-key", "not-the-key-1234"), "utf-8")
    done = run("backends", "--check")
    assert done.status == 1
    assert "billagain:" in done.err
    assert "not-the-key-1234" not in done.out + done.err


@pytest.mark.parametrize(("right", "wrong"), [("/billagain/v1", "/billagain/v9"), ("/socotra", "/soco")])
def test_a_check_with_a_wrong_address_is_status_1_and_says_so(right: str, wrong: str, run: Command, place: Place) -> None:
    config = place.folder / "unibill.toml"
    config.write_text(config.read_text("utf-8").replace(f'{right}"', f'{wrong}"'), "utf-8")
    done = run("backends", "--check", "--json")
    assert done.status == 1
    states = {row["name"]: row["state"] for row in done.records()}
    assert states == {"billagain": "ok", "socotra": "ok", right.split("/")[1]: "broken"}
    reasons = [str(row["reason"]) for row in done.records() if row["reason"]]
    assert [reason.endswith("and the base_url.") for reason in reasons] == [True]


def test_a_broken_backend_hides_no_other(run: Command, place: Place) -> None:
    config = place.folder / "unibill.toml"
    config.write_text(config.read_text().replace('tenant = "', 'tenant = "no-uuid-'), "utf-8")
    done = run("backends", "--json")
    assert done.status == 1
    assert {row["name"]: row["state"] for row in done.records()} == {"billagain": "not checked", "socotra": "broken"}


def test_without_names_mapping_tells_of_every_ordered_pair(run: Command) -> None:
    rows = run("mapping", "--json").records()
    assert {(row["from"], row["to"]) for row in rows} == set(permutations(installed.found(), 2))


def test_a_mapping_tells_of_every_field_and_every_lost_one_has_a_reason(run: Command) -> None:
    rows = run("mapping", "billagain", "socotra", "--json").records()
    by_field = {row["field"]: row for row in rows}
    assert set(by_field) == set(Credit.__struct_fields__) - {"extra"}
    assert all(row["reasons"] for row in rows if row["arrival"] == "lost")
    assert by_field["number"]["arrival"] == "lost"
    assert by_field["amount"]["arrival"] == "same"
    assert by_field["created_at"]["arrival"] == "empty"


def test_what_the_target_says_it_cannot_write_never_arrives_as_it_is(run: Command) -> None:
    for source, target in permutations(installed.found(), 2):
        fields = plugins.load(target).capabilities.credit_fields
        for row in run("mapping", source, target, "--json").records():
            support = fields.get(str(row["field"]))
            if support is not None and not support.write and row["field"] != "direction":
                assert row["arrival"] in {"lost", "its own", "empty"}, (source, target, row)


def test_one_name_alone_is_a_usage_error(run: Command) -> None:
    assert run("mapping", "billagain").status == 2


def test_a_credit_is_explained_field_by_field_without_a_write(run: Command, place: Place) -> None:
    (told,) = run("explain", "billagain", "10095", "--to", "socotra", "--json").records()
    rows = {row["field"]: row for row in told["fields"]}  # type: ignore[attr-defined]  # a list of objects, as printed
    assert told["refusal"] == ""
    assert rows["amount"]["arrives"] == "200"
    assert rows["allocations"]["value"] == "150 to invoice 11352, 50 to invoice 11380"
    assert rows["number"]["value"] == "••••2424"
    assert rows["issued_on"]["arrival"] == "lost"
    assert place.writes() == 0


def test_a_credit_that_a_copy_leaves_alone_says_why(run: Command, place: Place) -> None:
    payment = next(row for row in place.rows("socotra", "payment") if row["paymentState"] == "posted")
    words = ("explain", "socotra", f"payment:{payment['locator']}", "--account", str(payment["accountLocator"]), "--to", "billagain")
    done = run(*words)
    assert done.status == 0
    assert "it is cash, not a credit" in done.out
    assert "Nothing of it is lost: it stays at Socotra as it is." in done.out
    assert "lost" not in done.out.replace("Nothing of it is lost", "")
    assert {row["arrival"] for row in explained(run, *words[1:]).values()} == {"stays", "empty"}


def test_what_a_copy_would_carry_is_told_for_each_way_to_carry(run: Command, place: Place) -> None:
    spent = {"invoiceID": 11380, "amountApplied": "52.5"}
    row = {"system": "billagain", "type": "credit", "creditNoteID": 31, "customerID": 269, "Amount": "92.5", "Allocations": [spent]}
    place.sandbox.seed("records", records=[row])
    (told,) = run("explain", "billagain", "31", "--to", "socotra", "--json").records()
    assert (told["amount"], told["remaining"], told["carry"]) == (Decimal("92.5"), 40, "history")
    assert told["choices"] == [
        {"carry": "remaining", "amount": 40, "allocations": 0, "reason": ""},
        {"carry": "history", "amount": Decimal("92.5"), "allocations": 1, "reason": ""},
    ]
    lines = run("explain", "billagain", "31", "--to", "socotra").out.splitlines()
    assert lines[0].startswith("Credit 31 of BillAgain: 92.5") and "of which 40" in lines[0]
    assert lines[1].startswith("A copy with --carry remaining would carry 40")
    assert lines[1].endswith(", with no allocations.")
    assert lines[2].startswith("A copy with --carry history would carry 92.5")
    assert lines[2].endswith(", with 1 allocation.")
    assert lines[-1].startswith("With --carry history, Socotra would get 92.5")
    assert (
        "A copy with --carry remaining would carry nothing: nothing remains of it."
        in run("explain", "billagain", "10095", "--to", "socotra").out
    )


def explained(run: Command, *words: str) -> dict[str, dict[str, object]]:
    (told,) = run("explain", *words, "--json").records()
    return {row["field"]: row for row in told["fields"]}  # type: ignore[attr-defined]  # a list of objects, as printed


def test_each_field_has_the_vendors_value_the_rule_the_common_value_and_the_other_vendors_value(run: Command, place: Place) -> None:
    rows = explained(run, "billagain", "10095", "--to", "socotra")
    told = [(row["raw"], row["source"], row["value"], row["target"], row["written"]) for row in (rows["amount"], rows["issued_on"])]
    assert told[0] == ("200", "Amount", "200", "amount: a charge's with the sign of credit_charge_sign", "-200")
    assert told[1][:3] == ("2016-04-04T22:00:00Z", "Date, as a day in time_zone", "2016-04-05")
    assert (rows["issued_on"]["written"], rows["issued_on"]["arrival"]) == ("", "lost")
    assert str(rows["memo"]["written"]).endswith(" payment to invoices")
    assert str(rows["memo"]["written"]).startswith(str(rows["mark"]["arrives"]))
    assert "allocationID 10355, invoiceID 11352" in str(rows["allocations"]["raw"])
    assert "containerLocator 11352" in str(rows["allocations"]["written"])
    assert rows["number"]["raw"] == "••••2424"
    assert place.writes() == 0


def test_a_charge_is_explained_from_its_own_record_with_only_what_is_really_lost(run: Command, place: Place) -> None:
    """The sign, the category and the invoicing of a credit charge say nothing that the money does not; its type does."""
    charge = next(
        row for row in place.rows("socotra", "charge") if row["chargeType"] == "GoodwillCredit" and not row.get("reversalOfLocator")
    )
    words = (
        "socotra",
        f"charge:{charge['locator']}",
        "--account",
        str(charge["accountLocator"]),
        "--to",
        "billagain",
        "--target-account",
        "269",
    )
    rows = explained(run, *words)
    assert rows["amount"]["raw"] == str(charge["amount"])
    assert rows["memo"]["raw"] == str(charge.get("tag") or "")
    assert {name for name in rows if name.startswith("extra.")} == {"extra.chargeType"}
    assert rows["extra.chargeType"]["reasons"] == ["BillAgain has no place for it"]
    assert (rows["account_id"]["written"], rows["currency"]["written"]) == ("269", charge["currency"])


def test_what_is_explained_fits_80_columns_and_says_the_rules(run: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = run("explain", "billagain", "10095", "--to", "socotra")
    lines = done.out.splitlines()
    table = lines[: lines.index("Why:")] + lines[lines.index("Rules:") :]
    assert max(map(len, table)) <= 80
    header = next(line for line in lines if line.startswith("field"))
    assert header.split() == ["field", "BillAgain", "common", "Socotra"]
    assert any(line.split() == ["amount", "200", "200", "same", "-200"] for line in lines)
    assert any(line.split() == ["issued_on", "Date,", "as", "a", "day", "in", "time_zone"] for line in lines)
    assert "  issued_on: a charge has no date of its own: it counts from when it is added" in lines
    assert place.sandbox.requests()
