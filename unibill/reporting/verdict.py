"""What a report comes to, in one word and a few sentences."""

from collections.abc import Mapping
from typing import Final

from unibill.copying.summary import RunStatus
from unibill.reporting.values import Outcome, Verdict, Verified
from unibill.showing import digits

_ROLLED_BACK: Final = frozenset({"rolled back", "partly rolled back"})


def judge(standing: RunStatus, called: str, counts: Mapping[Outcome, int], verification: Verified | None, named: int) -> Verdict:
    """Judge a run.

    Args:
        standing: its phase.
        called: what it copies, as a plural.
        counts: records by outcome.
        verification: the last one.
        named: problems that apply or a rollback named beside the records.
    """
    target = standing.target
    fresh = None if verification is None or verification.stale else verification
    if standing.phase in _ROLLED_BACK:
        return _rolled_back(standing, called, counts, fresh, named)
    if not _begun(standing, counts):
        wanted = counts[Outcome.WAITING]
        return Verdict(
            "planned", "plain", "Planned, nothing written", (f"{_counted(wanted, called)} would be created at {target}.", standing.next)
        )
    if fresh is not None and fresh.exit_status:
        return _differing(fresh, called, counts)
    left = [_left(counts, outcome) for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.WAITING, Outcome.UNDONE)]
    if any(left) or standing.phase != "applied":
        made = counts[Outcome.CARRIED]
        said = f"{_counted(made, called)} {_of(made, 'was', 'were')} created at {target}; {_listed(left) or 'the last apply left something undone'}."
        return Verdict("unfinished", "careful", "Not finished", (said, standing.next))
    if fresh is None:
        had = ", which had found differences" if verification is not None and verification.exit_status else ""
        went_on = f" The run went on after the last verification{had}; it proves nothing any more." if verification is not None else ""
        said = f"Everything planned was done, and nobody has read both systems again since.{went_on}"
        title = "Copied, not verified yet" if counts[Outcome.CARRIED] else "Nothing was copied, not verified yet"
        return Verdict("unverified", "careful", title, (said, *_named(named), standing.next))
    if not counts[Outcome.CARRIED]:
        return _nothing(target, called, counts, named)
    return _proved(target, called, counts, fresh, named)


def _proved(target: str, called: str, counts: Mapping[Outcome, int], verification: Verified, named: int) -> Verdict:
    same = verification.signs.get("=", 0)
    proof = (
        f"{_counted(same, called)} of this run {_of(same, 'stands', 'stand')} at {target} with the planned {_of(same, 'amount', 'amounts')}. "
        "Both systems were read again, and what the target gained is what was carried."
    )
    stays = _staying(counts)
    if not stays and not named:
        return Verdict("proved", "good", "Copied and proved", (proof,))
    return Verdict("proved-in-part", "careful", "Copied and proved, with exceptions", (proof, *stays, *_named(named)))


def _nothing(target: str, called: str, counts: Mapping[Outcome, int], named: int) -> Verdict:
    there = counts[Outcome.EXISTED]
    stood = f" {_counted(there, called)} stood there already, as planned." if there else ""
    said = f"This run created nothing at {target}.{stood} Both systems were read again, and the target gained nothing."
    stays = _staying(counts)
    return Verdict("nothing-copied", "careful" if stays or named else "plain", "Nothing was copied", (said, *stays, *_named(named)))


def _staying(counts: Mapping[Outcome, int]) -> tuple[str, ...]:
    held = [_left(counts, outcome) for outcome in (Outcome.BLOCKED, Outcome.CONFLICT)]
    return (f"Not carried, and to be looked at: {_listed(held)}.",) if any(held) else ()


def _differing(verification: Verified, called: str, counts: Mapping[Outcome, int]) -> Verdict:
    looked_at = sum(verification.signs.values())
    differing = verification.differing
    said = (
        f"Both systems were read again. Of {_counted(looked_at, called)} looked at, {digits(differing)} "
        f"{_of(differing, 'differs; it is', 'differ; they are')} listed below."
    )
    if not differing:
        said = (
            f"Both systems were read again. One by one, {_counted(looked_at, called)} {_of(looked_at, 'agrees', 'agree')}; but the money "
            "of an account is not what it should be."
        )
    left = [_left(counts, outcome) for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.WAITING, Outcome.UNDONE)]
    more = (f"The run is not finished: {_listed(left)}.",) if any(left) else ()
    return Verdict("differences", "bad", "Differences found", (said, *more))


def _rolled_back(standing: RunStatus, called: str, counts: Mapping[Outcome, int], verification: Verified | None, named: int) -> Verdict:
    taken, stands = counts[Outcome.UNDONE] - standing.gone, counts[Outcome.CARRIED]
    more = f"; {digits(standing.gone)} more {_of(standing.gone, 'was', 'were')} gone before, or never there" if standing.gone else ""
    undone = f"{_counted(taken, called)} of this run {_of(taken, 'was', 'were')} taken back at {standing.target}{more}."
    checked = {
        None: "Nobody has read both systems since.",
        0: "Both systems were read again: the target stands as it stood before.",
        1: "Both systems were read again, and they differ from what stood before.",
    }[None if verification is None else verification.exit_status]
    if standing.phase == "rolled back" and not named and (verification is None or verification.exit_status == 0):
        return Verdict("rolled-back", "plain", "Rolled back", (undone, checked))
    still = f"{_counted(stands, called)} still {_of(stands, 'stands', 'stand')} there."
    return Verdict("partly-rolled-back", "careful", "Rolled back in part", (undone, still, checked))


def _begun(standing: RunStatus, counts: Mapping[Outcome, int]) -> bool:
    touched = (Outcome.CARRIED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.UNDONE)
    return standing.phase != "planned" or any(counts[outcome] for outcome in touched)


def _left(counts: Mapping[Outcome, int], outcome: Outcome) -> str:
    return f"{digits(counts[outcome])} {_WORDS[outcome]}" if counts[outcome] else ""


_WORDS: Final = {
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "of unknown outcome",
    Outcome.WAITING: "not made yet",
    Outcome.UNDONE: "rolled back and not made again",
    Outcome.BLOCKED: "blocked",
    Outcome.CONFLICT: "in conflict",
}


def _named(named: int) -> tuple[str, ...]:
    return (f"Apply named {named} more {'thing' if named == 1 else 'things'} to look at; see the differences.",) if named else ()


def _listed(parts: list[str]) -> str:
    return ", ".join(part for part in parts if part)


def _counted(count: int, called: str) -> str:
    return f"{digits(count)} {_of(count, called.removesuffix('s'), called)}"


def _of(count: int, one: str, more: str) -> str:
    return one if count == 1 else more
