"""Errors, told to a person: one sentence, and what to do."""

import sys
import traceback
import warnings

from rich.text import Text

from unibill.cli.output import BOLD, RED, YELLOW, err, note
from unibill.errors import BackendError, UnibillError
from unibill.redact import Redactor, clean, guard
from unibill.showing import visible

_secrets: set[str] = set()
_UNEXPECTED = 3


def keep_secret(secrets: tuple[str, ...]) -> None:
    """Never show these texts, in an error, a traceback or anything else, for as long as this process lives."""
    _secrets.update(secrets)
    guard(report, secrets)


def report(error: Exception, debug: bool) -> int:
    """Tell of an error on standard error.

    Args:
        error: an error of unibill's is told in its own words; of any other, its type.
        debug: show the traceback too, with secrets and card-like numbers masked.

    Returns:
        The exit status.
    """
    redactor = Redactor(_secrets)
    if debug:
        lines = "".join(traceback.format_exception(error)).splitlines()
        note("\n".join(visible(clean(redactor.text(line))) for line in lines))
    if isinstance(error, UnibillError):
        said = "\n".join(visible(clean(redactor.text(line))) for line in _sentence(error).splitlines())
        err().print(Text.assemble(("Error: ", RED + BOLD), (said, RED)))
        return error.exit_status
    said = "" if debug else " Run it again with --debug to see where."
    err().print(Text(f"Error: something unexpected went wrong: {type(error).__name__}.{said}", RED))
    return _UNEXPECTED


def _sentence(error: UnibillError) -> str:
    text = str(error) or type(error).__name__
    if not isinstance(error, BackendError) and text.split(" ", 1)[0].rstrip(":").isalpha():
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def warn_plainly() -> None:
    """Print warnings as sentences, without a file and a line."""

    def tell(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: object = None,
        line: str | None = None,
    ) -> None:
        del filename, lineno, file, line
        if issubclass(category, (DeprecationWarning, ResourceWarning)):
            return
        note(f"Warning: {visible(clean(Redactor(_secrets).text(str(message))))}", YELLOW)

    if not sys.warnoptions:
        warnings.showwarning = tell
