"""What a check said of a value, without what pydantic puts before it: the kind of the error, which is for programmers.

Nothing here imports pydantic, so that the command line can tell of misuse without it.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic import ValidationError

_KINDS: Final = ("Value error, ", "Assertion failed, ")
"""Before the words of a check that raised a ``ValueError``, or asserted."""


def own_words(message: str) -> str:
    """A message of a pydantic fault as whoever wrote the check wrote it; pydantic's own messages stay as they are."""
    for kind in _KINDS:
        if message.startswith(kind):
            return message.removeprefix(kind)
    return message


def told(error: "ValidationError") -> str:
    """All that is wrong, each with its place, on one line."""
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {own_words(fault['msg'])}" for fault in error.errors())
