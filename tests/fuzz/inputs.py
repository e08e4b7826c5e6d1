"""What users give: configurations, maps, run files and command lines, as atheris spoils them. Each is taken or refused in a sentence."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

from tests.hostile.test_bad_input import GOOD, WORDS, told
from tests.support.commands import Done
from tests.support.runfiles import TARGET, make, record, staying
from unibill import config
from unibill.__main__ import main
from unibill.copying import AccountMap, ChargeTypeMap, InvoiceMap, PolicyMap, open_run, status
from unibill.copying.decisions import Decision, State
from unibill.errors import UnibillError
from unibill.reporting.gathering import gather

One = Callable[[Any], None]
"""Tries what a ``FuzzedDataProvider`` holds."""
_MAPS: Final = (AccountMap, InvoiceMap, ChargeTypeMap, PolicyMap)
_HEAD: Final = b"source_account,target_account\n11,21\n"
_ENDLESS: Final = frozenset({"demo", "sandbox", "init", "work", "new-provider"})
"""Commands that wait for somebody, or that write where they stand."""
_LONGEST: Final = 9


def spoilt(good: bytes, given: Any) -> bytes:  # noqa: ANN401 - atheris has no types
    """Good bytes with a few others in their place, or something else altogether."""
    if given.ConsumeIntInRange(0, 3) == 0:
        return bytes(given.ConsumeBytes(given.remaining_bytes()))
    made = bytearray(good)
    while given.remaining_bytes():
        at = given.ConsumeIntInRange(0, len(made))
        made[at : at + given.ConsumeIntInRange(0, 4)] = given.ConsumeBytes(given.ConsumeIntInRange(0, 8))
    return bytes(made)


def configurations(folder: Path) -> One:
    """``unibill.toml``."""
    file = folder / "unibill.toml"

    def one(given: Any) -> None:  # noqa: ANN401 - atheris has no types
        file.write_bytes(spoilt(GOOD, given))
        file.chmod(0o600)
        for backend in config.backends(file, {}).values():
            backend.load()

    return one


def maps(folder: Path) -> One:
    """Maps of accounts, invoices, charge types and policies."""
    file = folder / "map.csv"

    def one(given: Any) -> None:  # noqa: ANN401 - atheris has no types
        kind = _MAPS[given.ConsumeIntInRange(0, len(_MAPS) - 1)]
        file.write_bytes(spoilt(_HEAD, given))
        kind.from_csv(file)

    return one


def runs(folder: Path) -> One:
    """A run file with a plan, a journal and proofs in it, the same each time: its status, and all that a report gathers."""
    file = folder / "it.run"
    rows = [record(i, f"{i}.5") for i in range(1, 4)]
    rows += [record(4, "7", State.FAILED), staying(5, "9", Decision.BLOCKED, "unmapped-account", "account 7 is not in the map")]
    make(file, rows, before={(TARGET, "USD"): "12.34"})
    good = file.read_bytes()

    def one(given: Any) -> None:  # noqa: ANN401 - atheris has no types
        for left in folder.glob("it.run*"):
            left.unlink()
        file.write_bytes(spoilt(good, given))
        status(file)
        with open_run(file) as run:
            gather(run)

    return one


def commands(folder: Path) -> One:
    """Command lines, with a configuration whose backends nobody answers for."""
    file = folder / "unibill.toml"
    file.write_bytes(GOOD)
    file.chmod(0o600)

    def word(given: Any) -> str:  # noqa: ANN401 - atheris has no types
        known = given.ConsumeIntInRange(0, len(WORDS))
        text = WORDS[known] if known < len(WORDS) else str(given.ConsumeUnicode(8)).replace("/", "_")
        return text if text not in _ENDLESS and "--watch" not in text else "--help"

    def one(given: Any) -> None:  # noqa: ANN401 - atheris has no types
        words = [word(given) for _ in range(given.ConsumeIntInRange(1, _LONGEST))]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            ended = main([*words])
        told(Done(ended, out.getvalue(), err.getvalue()), words)

    return one


KINDS: Final[dict[str, Callable[[Path], One]]] = {"configurations": configurations, "maps": maps, "runs": runs, "commands": commands}


def refused_at_most(one: One) -> One:
    """The same, where an error of unibill's own is a right answer if it says something."""

    def tried(given: Any) -> None:  # noqa: ANN401 - atheris has no types
        try:
            one(given)
        except UnibillError as error:
            assert str(error)

    return tried
