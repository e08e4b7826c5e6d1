"""Card numbers go to no other system unless that is asked for, and then only through memory."""

import pytest

from tests.support.commands import CARD, Command, Place
from tests.support.planted import found

PLAN = ("plan", "billagain", "socotra", "--accounts", "accounts.csv", "--run", "a.run")
NUMBERS = ("4242424242424242", "CC4242424242424242", "4242-4242-4242-4242", "4242.4242.4242.4242")


@pytest.mark.parametrize("allowed", [False, True])
def test_a_card_number_reaches_the_target_only_where_that_was_asked_for_and_never_the_run_file(
    allowed: bool, run: Command, place: Place
) -> None:
    for at, number in enumerate([CARD, *NUMBERS]):
        row = {"system": "billagain", "type": "credit", "creditNoteID": 990_001 + at, "customerID": 269, "Amount": 12 + at}
        place.sandbox.seed("records", records=[{**row, "CreditNumber": number[:25], "Memo": f"paid with {number}"}])
    planned = run(*PLAN, *(["--allow-card-numbers"] if allowed else []), "--json")
    assert planned.status == 0, planned.err
    kept = b""
    for words in (("apply", "--run", "a.run", "--yes"), ("verify", "--run", "a.run"), ("rollback", "--run", "a.run", "--yes")):
        done = run(*words)
        assert done.status == 0, done
        kept += b"".join(file.read_bytes() for file in place.folder.glob("a.run*")) + (done.out + done.err).encode()
        if words[0] == "apply":
            copies = [row for row in place.rows("socotra", "charge") if str(row.get("tag", "")).startswith("ub1-")]
            with_card = [row for row in copies if found(str(row["tag"]).encode()) or "4242.4242.4242" in str(row["tag"])]
            assert len(copies) > len(NUMBERS)
            assert len(with_card) == (len(NUMBERS) + 1 if allowed else 0)
    assert not found(kept)
    assert b"4242.4242.4242" not in kept
