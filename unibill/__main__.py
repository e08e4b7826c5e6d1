"""The console script: starts fast, and turns whatever goes wrong into a sentence and an exit status.

Nothing of the library is imported before a command needs it; ``unibill --help`` loads the command line's own modules and Typer.
"""

import io
import os
import re
import signal
import sys
from collections.abc import Sequence

_INSTALL = 'The command line needs libraries that are not installed ({missing}). Install them with: pip install "unibill[cli]"'
_PIPE_CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the words after ``unibill``; those of the process if left out.

    Returns:
        The exit status: 0 done; 1 differences, or some records failed; 2 usage or configuration; 3 the backend refused or could
        not be reached; 4 a guard or the plan's hash stopped it; 130 interrupted; 141 whoever read the output has gone.
    """
    if arguments is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what Docker and systemd send ends a command as Ctrl-C does
    _streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    own = words[: words.index("--")] if "--" in words else words
    debug = "--debug" in own or bool(os.environ.get("UNIBILL_DEBUG"))
    if "--debug" in own:
        words.remove("--debug")
    try:
        from unibill.cli.app import run

        status = run(words, debug=debug)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _say("\nInterrupted." if sys.stderr.isatty() else "Interrupted.")  # below the ^C that a terminal echoes
        return 130
    except BrokenPipeError:
        _quiet_at_exit()
        return _PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last place that can turn an error into a sentence
        return _explain(error, debug)
    return status


def _streams() -> None:
    """Have all three streams: a closed one goes nowhere, and what an encoding lacks is written as an escape."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _explain(error: Exception, debug: bool) -> int:
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in _needed():
        _say(_INSTALL.format(missing=error.name))
        return 2
    from unibill.cli import failing

    failing.begin(debug=debug)
    return failing.report(error)


def _needed() -> set[str]:
    """The libraries of the core and of the command line, as their modules are called."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires("unibill") or []
    except PackageNotFoundError:
        return set()
    own = [line for line in lines if "extra ==" not in line or re.search(r"""extra == ['"]cli['"]""", line)]
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower().replace("-", "_") for line in own}


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201 - Rich may be what is missing


def _quiet_at_exit() -> None:
    """Let the interpreter's last flush go nowhere: whoever read the output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
