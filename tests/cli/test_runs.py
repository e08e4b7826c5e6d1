"""plan, apply, verify, rollback, status, copy: the library's runs, with questions, guards and exit statuses."""

import sqlite3
from decimal import Decimal

import pytest

from tests.support.commands import CARD, Command, Place

PLAN = ("plan", "billagain", "socotra", "--run", "a.run", "--accounts", "accounts.csv")


def made(place: Place) -> list[dict[str, object]]:
    """Charges that carry a mark, in Socotra's books."""
    return [row for row in place.rows("socotra", "charge") if str(row.get("tag", "")).startswith("ub1-")]


def left(place: Place) -> dict[str, Decimal]:
    """What is left of BillAgain's credits, by currency, from its books."""
    sums: dict[str, Decimal] = {}
    for row in place.rows("billagain", "credit"):
        assert isinstance(row["Remaining"], Decimal)
        if row["Remaining"]:
            sums[str(row["CurrencyCode"])] = sums.get(str(row["CurrencyCode"]), Decimal(0)) + row["Remaining"]
    return sums


def test_a_plan_is_made_signed_off_applied_proved_and_taken_back(run: Command, place: Place) -> None:
    planned = run(*PLAN, "--json")
    (plan,) = planned.records()
    assert planned.status == 0
    assert place.writes() == 0
    assert plan["money"] == left(place)
    assert run("status", "--run", "a.run", "--json").records()[0]["phase"] == "planned"

    applied = run("apply", "--run", "a.run", "--expect", str(plan["hash"]), "--json")
    assert applied.status == 0, applied.err
    copies = made(place)
    assert len(copies) == plan["counts"]["create"]  # type: ignore[index]  # an object, as printed
    assert sum((-row["amount"] for row in copies), Decimal(0)) == sum(left(place).values())  # type: ignore[operator]  # Decimals

    proof = run("verify", "--run", "a.run")
    assert proof.status == 0
    assert "The two sides agree" in proof.out

    undone = run("rollback", "--run", "a.run", "--yes", "--json")
    assert undone.status == 0
    assert undone.records()[0]["undone"] == len(copies)
    assert run("status", "--run", "a.run", "--json").records()[0]["phase"] == "rolled back"


def test_a_plan_for_people_names_decisions_losses_accounts_and_the_next_command(run: Command, place: Place) -> None:
    del place
    done = run(*PLAN)
    (hash_line,) = [line for line in done.out.splitlines() if line.startswith("hash")]
    for text in ("nothing remains of it", "issued_on", "Per account and currency", f"--expect {hash_line.split()[1]}"):
        assert text in done.out


def test_nothing_is_written_without_consent(run: Command, place: Place) -> None:
    run(*PLAN)
    run("apply", "--run", "a.run", "--yes", "--canary", "1")
    writes = place.writes()
    for words in (("apply", "--run", "a.run"), ("rollback", "--run", "a.run"), ("copy", *PLAN[1:4], "b.run", *PLAN[5:])):
        done = run(*words)
        assert done.status == 2, words
        assert "Give --yes" in done.err
    assert place.writes() == writes


def test_what_has_nothing_to_do_says_so_and_asks_nothing(run: Command, place: Place) -> None:
    run(*PLAN)
    unmade = run("rollback", "--run", "a.run")
    assert (unmade.status, unmade.err.splitlines()[0]) == (0, "There is nothing to undo at socotra.")
    assert unmade.out == "There was nothing to take back: nothing of this run stands.\n"
    assert run("status", "--run", "a.run", "--json").records()[0]["phase"] == "planned"
    assert run("apply", "--run", "a.run").status == 2
    assert place.writes() == 0
    assert run("apply", "--run", "a.run", "--yes").status == 0
    writes = place.writes()
    done = run("apply", "--run", "a.run")
    assert (done.status, done.err.splitlines()[0]) == (0, "There is nothing to create at socotra.")
    failed = run("apply", "--run", "a.run", "--only", "failed", "--json")
    assert (failed.status, failed.err.splitlines()[0]) == (0, "There is nothing to create at socotra.")
    for words in ((*PLAN[:4], "b.run", *PLAN[5:]), ("copy", *PLAN[1:4], "c.run", *PLAN[5:])):
        nothing = run(*words, "--account", "999999")
        assert nothing.status == 0, nothing.err
        assert "Create" not in nothing.err
    assert "There is nothing to create at socotra.\n" in run("apply", "--run", "b.run").err
    run(*PLAN[:4], "d.run", *PLAN[5:])
    run("apply", "--run", "d.run", "--yes")
    assert run("rollback", "--run", "d.run", "--yes").out.startswith("There was nothing to take back")
    assert run("status", "--run", "d.run", "--json").records()[0]["phase"] == "applied"
    assert place.writes() == writes
    assert run("rollback", "--run", "a.run").status == 2


def test_the_question_counts_what_would_be_created_and_names_its_money(run: Command, place: Place) -> None:
    (plan,) = run(*PLAN, "--json").records()
    money = ", ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(plan["money"].items()))  # type: ignore[attr-defined]  # an object
    count = plan["counts"]["create"]  # type: ignore[index]  # an object, as printed
    assert f"Create {count} credits at socotra ({money})?" in run("apply", "--run", "a.run").err
    canary = run("apply", "--run", "a.run", "--canary", "3")
    run("apply", "--run", "a.run", "--yes", "--canary", "3")
    created: dict[str, Decimal] = {}
    for row in made(place):
        assert isinstance(row["amount"], Decimal)
        created[str(row["currency"])] = created.get(str(row["currency"]), Decimal(0)) - row["amount"]
    three = ", ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(created.items()))
    assert f"Create 3 credits at socotra ({three})?" in canary.err
    run("apply", "--run", "a.run", "--yes", "--canary", str(count - 4))
    assert "Create 1 credit at socotra (" in run("apply", "--run", "a.run", "--canary", "5").err
    left_over = run("apply", "--run", "a.run")
    assert "Create 1 credit at socotra (" in left_over.err
    run(*PLAN[:4], "b.run", *PLAN[5:])
    assert "Create 1 credit at socotra (" in run("apply", "--run", "b.run").err
    run("apply", "--run", "a.run", "--yes")
    assert len(made(place)) == count
    run(*PLAN[:4], "c.run", *PLAN[5:])
    assert f"Nothing is to be created. Look at {count} credits already at socotra?" in run("apply", "--run", "c.run").err


def test_what_was_blocked_is_told_after_apply_and_after_verify(run: Command, place: Place) -> None:
    place.add_credit(990_001, "\x1b[31mred")
    words = ("--run", "a.run", "--json")
    run(*PLAN)
    for done, told in (("apply", "Everything planned is done: verify it."), ("verify", "Verified: keep the file as proof.")):
        assert run(done, "--run", "a.run", *(("--yes",) if done == "apply" else ())).status == 0
        assert run("status", *words).records()[0]["next"] == f"{told} 1 credit is blocked, not copied: the report says why."


def test_a_run_that_copied_nothing_does_not_say_that_it_did(run: Command, place: Place) -> None:
    other = (place.folder / "accounts.csv").read_text("utf-8").split()[1].partition(",")[2]
    (place.folder / "nobody.csv").write_text(f"source_account,target_account\n1,{other}\n", "utf-8")
    assert run(*PLAN[:6], "nobody.csv", "--max-blocked", "1").status == 1
    assert run("apply", "--run", "a.run", "--yes").status == 0
    assert run("status", "--run", "a.run", "--json").records()[0]["next"].startswith("Nothing was to be copied")  # type: ignore[attr-defined]
    assert run("verify", "--run", "a.run").status == 0
    assert run("status", "--run", "a.run", "--json").records()[0]["next"].startswith("Verified: nothing was copied.")  # type: ignore[attr-defined]
    assert place.writes() == 0


def test_an_unfinished_plan_is_refused_and_nothing_is_asked(run: Command, place: Place) -> None:
    place.sandbox.faults([{"kind": "status-503"}])
    assert run(*PLAN).status == 3
    done = run("apply", "--run", "a.run")
    assert done.status != 0
    assert "nothing to create" not in done.err


def test_another_hash_is_status_4_and_writes_nothing(run: Command, place: Place) -> None:
    run(*PLAN)
    done = run("apply", "--run", "a.run", "--expect", "0" * 64)
    assert done.status == 4
    assert place.writes() == 0


def test_a_guard_is_status_4_and_names_the_option_that_would_let_it_pass(run: Command, place: Place) -> None:
    (plan,) = run(*PLAN, "--max-records", "3", "--max-money", "ZAR=1", "--json").records()
    assert plan["exit_status"] == 4
    done = run("apply", "--run", "a.run", "--expect", str(plan["hash"]))
    assert done.status == 4
    assert "--max-records" in done.err
    assert "--max-money ZAR=" in done.err
    assert place.writes() == 0


def test_copy_is_the_whole_way_and_a_second_copy_makes_nothing(run: Command, place: Place) -> None:
    words = ("copy", *PLAN[1:], "--yes")
    first = run(*words)
    assert first.status == 0, first.err
    count = len(made(place))
    assert count
    second = run("copy", "billagain", "socotra", "--run", "again.run", *PLAN[5:], "--yes", "--json")
    assert second.status == 0
    assert second.records()[0]["plan"]["counts"]["exists"] == count  # type: ignore[index]  # an object, as printed
    assert len(made(place)) == count


def test_verify_is_status_1_when_a_copy_was_reversed_by_hand(run: Command, place: Place) -> None:
    run("copy", *PLAN[1:], "--yes")
    charge = made(place)[0]
    words = ("charges", "reverse", "socotra", str(charge["accountLocator"]), str(charge["locator"]), "--invoicing", "immediate", "--yes")
    assert run(*words).status == 0
    done = run("verify", "--run", "a.run")
    assert done.status == 1
    assert "do not agree" in done.out


def test_a_plan_after_a_rollback_says_how_to_have_the_copies_again_and_that_works(run: Command, place: Place) -> None:
    (plan,) = run(*PLAN, "--json").records()
    count = plan["counts"]["create"]  # type: ignore[index]  # an object, as printed
    run("apply", "--run", "a.run", "--yes")
    run("rollback", "--run", "a.run", "--yes")
    said = " ".join(run(*PLAN[:4], "b.run", *PLAN[5:]).out.split())
    assert "the run that made it makes it again, under a new mark: roll that run back if it was not, then apply it" in said
    assert run("apply", "--run", "a.run", "--yes").status == 0
    reversed_by_hand = max(made(place), key=lambda row: str(row["locator"]))
    words = (str(reversed_by_hand["accountLocator"]), str(reversed_by_hand["locator"]), "--invoicing", "immediate", "--yes")
    assert run("charges", "reverse", "socotra", *words).status == 0
    (by_hand,) = run(*PLAN[:4], "c.run", *PLAN[5:], "--json").records()
    assert (by_hand["counts"]["exists"], by_hand["counts"]["conflict"]) == (count - 1, 1)  # type: ignore[index]  # the same
    assert run("rollback", "--run", "a.run", "--yes").status == 0
    assert run("apply", "--run", "a.run", "--yes").status == 0
    (after,) = run(*PLAN[:4], "d.run", *PLAN[5:], "--json").records()
    assert (after["counts"]["exists"], after["counts"]["conflict"]) == (count, 0)  # type: ignore[index]  # the same


def test_filters_choose_the_credits(run: Command, place: Place) -> None:
    rows = [row for row in place.rows("billagain", "credit") if row["Remaining"]]
    wanted = [str(row["creditNoteID"]) for row in rows[:3]]
    (place.folder / "ids.txt").write_text("\n".join(wanted), "utf-8")
    (plan,) = run(*PLAN, "--ids", "ids.txt", "--json").records()
    assert plan["counts"]["create"] == 3  # type: ignore[index]  # an object, as printed


def test_a_filter_that_matches_nothing_is_told(run: Command, place: Place) -> None:
    (place.folder / "ids.txt").write_text("nosuch\n", "utf-8")
    done = run(*PLAN, "--currency", "XXX", "--ids", "ids.txt", "--since", "2016-01-01")
    said = " ".join(done.out.split())
    assert "--currency asks for XXX, and no record at the source has that" in said
    assert "--ids asks for nosuch, and no record at the source has that" in said
    assert "nothing at the source is what was asked for by --currency, --ids, --since: this plan does nothing" in said


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "billagain", "socotra", "--run", "a.run"),
        (*PLAN, "--carry", "history"),
        (*PLAN, "--include", "charges"),
        (*PLAN, "--same-charge-types"),
        (*PLAN, "--status", "nonsense"),
        (*PLAN, "--max-money", "5"),
        (*PLAN, "--max-blocked", "2"),
        (*PLAN, "--since", "yesterday"),
        ("status", "--run", "nosuch.run"),
        ("apply", "--run", "nosuch.run", "--yes"),
    ],
)
def test_what_makes_no_sense_is_status_2_and_asks_neither_side(words: tuple[str, ...], run: Command, place: Place) -> None:
    assert run(*words).status == 2
    assert place.sandbox.requests() == []


def test_a_map_with_bad_lines_names_them_all(run: Command, place: Place) -> None:
    (place.folder / "accounts.csv").write_text("source_account,target_account\n1,\n2,A\n2,B\n", "utf-8")
    done = run(*PLAN)
    assert done.status == 2
    assert "line 2" in done.err
    assert "line 4" in done.err


@pytest.mark.parametrize(
    ("back", "bad", "place_of_it"),
    [(False, ".", "target"), (False, "not an id", "target"), (True, "..", "source"), (True, "1.5", "target")],
)
def test_an_account_that_is_refused_is_named_with_its_line_in_the_map(
    back: bool, bad: str, place_of_it: str, run: Command, place: Place
) -> None:
    text = (place.folder / ("accounts-back.csv" if back else "accounts.csv")).read_text("utf-8")
    header, first, second, *_ = text.splitlines()
    source, target = second.split(",")
    line = f"{bad},{target}" if place_of_it == "source" else f"{source},{bad}"
    (place.folder / "mine.csv").write_text(f"{header}\n{first}\n\n{line}", "utf-8")
    sides = ("socotra", "billagain") if back else ("billagain", "socotra")
    done = run("plan", *sides, "--run", "a.run", "--accounts", "mine.csv")
    assert done.status in {2, 3}
    assert done.err.splitlines()[-1] == f"Account {bad} is named in line 4 of the file mine.csv."


def test_no_card_number_is_shown_or_kept(run: Command, place: Place) -> None:
    place.add_credit(990_001, f"paid with {CARD}, as agreed")
    told = [run(*PLAN), run("apply", "--run", "a.run", "--yes"), run("verify", "--run", "a.run", "--json")]
    assert [done.status for done in told] == [0, 0, 0]
    kept = (place.folder / "a.run").read_bytes()
    with sqlite3.connect(place.folder / "a.run") as store:
        kept += "\n".join(store.iterdump()).encode()
    store.close()
    assert any("as agreed" in str(row.get("tag")) for row in made(place))
    for text in (*(done.out + done.err for done in told), kept.decode("latin-1")):
        assert "4242 4242" not in text


def test_a_text_that_would_act_on_a_terminal_blocks_its_credit_and_is_named(run: Command, place: Place) -> None:
    place.add_credit(990_001, "\x1b[31mred")
    done = run(*PLAN)
    assert done.status == 1
    assert "control characters" in done.out
    assert "\x1b" not in done.out


def test_ctrl_c_before_the_first_write_leaves_a_summary_and_a_run_that_can_go_on(
    run: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*PLAN)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("unibill.copying.applying.check", interrupted)
        done = run("apply", "--run", "a.run", "--yes")
    assert (done.status, place.writes()) == (130, 0)
    assert "Created by this run so far: nothing" in done.out
    assert "The same command goes on" in done.out
    assert run("status", "--run", "a.run", "--json").records()[0]["phase"] == "planned"
    assert run("apply", "--run", "a.run", "--yes").status == 0
