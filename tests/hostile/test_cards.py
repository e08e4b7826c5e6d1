"""Card numbers go to no other system unless that is asked for, and then only through memory."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

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


@pytest.mark.parametrize("allowed", [False, True])
def test_a_credential_in_a_text_never_passes_whatever_is_allowed(allowed: bool, run: Command, place: Place) -> None:
    """Of either side, and in every form it may stand in: a memo is no place where a person looks for one."""
    hosted: Any = place.sandbox.backends(place.url)
    key, token = hosted["billagain"]["api_key"], hosted["socotra"]["token"]
    packed = [b64encode(text.encode()).decode() for text in (key, token, f"1042:{key}")]
    forms = [key, token, quote(key, safe=""), quote(token, safe=""), *packed]
    for at, form in enumerate(forms):
        row = {"system": "billagain", "type": "credit", "creditNoteID": 990_101 + at, "customerID": 269, "Amount": 12 + at}
        place.sandbox.seed("records", records=[{**row, "CreditNumber": f"N{at}", "Memo": f"{NUMBERS[0]} key {form}, thanks"[:120]}])
    before = {json.dumps(row, default=str) for row in place.rows("socotra", "charge")}
    planned = run(*PLAN, *(["--allow-card-numbers"] if allowed else []), "--json")
    assert planned.status == 0, planned.err
    said = planned.out + planned.err
    for words in (
        ("apply", "--run", "a.run", "--yes"),
        ("verify", "--run", "a.run"),
        ("explain", "billagain", "990101", "--to", "socotra"),
    ):
        done = run(*words)
        assert done.status == 0, done
        said += done.out + done.err
    made = [row for row in place.rows("socotra", "charge") if json.dumps(row, default=str) not in before]
    assert sum("thanks" in str(row["tag"]) for row in made) == len(forms)
    assert any(found(str(row["tag"]).encode()) for row in made) is allowed
    kept = b"".join(file.read_bytes() for file in place.folder.glob("a.run*")) + said.encode() + json.dumps(made, default=str).encode()
    for secret in forms:
        assert secret.encode() not in kept, secret
