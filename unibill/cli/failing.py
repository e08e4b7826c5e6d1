"""Errors, told to a person: one sentence, and what to do."""

import logging
import sys
import traceback
import warnings
from typing import Any

from rich.text import Text

from unibill.checkwords import own_words
from unibill.cli.output import BOLD, DIM, RED, YELLOW, forget, note, tell
from unibill.errors import BackendError, UnibillError
from unibill.redact import Redactor, clean, guard
from unibill.showing import show, visible

_secrets: set[str] = set()
_debug = [False]
_UNEXPECTED = 3


def keep_secret(secrets: tuple[str, ...]) -> None:
    """Never show these texts, in an error, a traceback or anything else, for as long as this process lives."""
    _secrets.update(secrets)
    guard(report, secrets)


def begin(*, debug: bool) -> None:
    """Tell errors and warnings from here on as sentences, on the standard streams as they are now.

    Args:
        debug: show where errors come from too, and what is asked of backends.
    """
    forget()
    _debug[0] = debug
    _warn_plainly()


def is_debugging() -> bool:
    """Whether that is shown."""
    return _debug[0]


def report(error: Exception) -> int:
    """Tell of an error on standard error, with its traceback if that is wanted; secrets and card-like numbers are masked.

    Args:
        error: an error of unibill's is told in its own words; of any other, its type.

    Returns:
        The exit status.
    """
    redactor = Redactor(_secrets)
    if is_debugging():
        lines = "".join(traceback.format_exception(error)).splitlines()
        note("\n".join(visible(clean(redactor.text(line))) for line in lines))
    if isinstance(error, UnibillError):
        said = "\n".join(visible(clean(redactor.text(line))) for line in _sentence(error).splitlines())
        tell(Text.assemble(("Error: ", RED + BOLD), (said, RED)))
        return error.exit_status
    if isinstance(error, OSError) and error.strerror:
        where = f" ({visible(clean(redactor.text(str(error.filename))))})" if error.filename else ""
        tell(Text(f"Error: the system refused to read or write: {error.strerror}{where}.", RED))
        return _UNEXPECTED
    said = "" if is_debugging() else " Run it again with --debug to see where."
    tell(Text(f"Error: something unexpected went wrong: {type(error).__name__}.{said}", RED))
    return _UNEXPECTED


def misused(error: Any) -> int:  # noqa: ANN401 - a usage error of Typer's, which ships its Click, and does not tell its types
    """Tell of words that are no command, on standard error. It repeats them, so they are made safe to look at.

    Returns:
        The exit status.
    """
    if (ctx := getattr(error, "ctx", None)) is not None:
        note(ctx.get_usage())
        note(f"Try '{ctx.command_path} {ctx.help_option_names[0]}' for help.", DIM)
    error.message = own_words(error.message)  # pydantic's, with which Typer reads some options
    said = str(error.format_message())
    tell(Text.assemble(("Error: ", RED + BOLD), ("\n".join(map(show, said.splitlines())), RED)))
    return int(error.exit_code)


def _sentence(error: UnibillError) -> str:
    text = str(error) or type(error).__name__
    if not isinstance(error, BackendError) and text.split(" ", 1)[0].rstrip(":").isalpha():
        text = text[0].upper() + text[1:]
    text = text if text.endswith((".", "?", "!")) else f"{text}."
    return "\n".join((text, *getattr(error, "__notes__", ())))


class _Notes(logging.Handler):
    """Tells what the library logs as a sentence."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"Warning: {visible(clean(Redactor(_secrets).text(record.getMessage())))}", YELLOW)


_notes = _Notes(logging.WARNING)


def listen() -> None:
    """Print the warnings that the library logs, since nobody else would here."""
    logging.getLogger("unibill").addHandler(_notes)


def _warn_plainly() -> None:
    """Print warnings as sentences, without a file and a line."""

    def warn(
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
        warnings.showwarning = warn
