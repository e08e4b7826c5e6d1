"""Make anew what the pages show of the code: ``python -m docs.generate``.

Without a name everything is made; a name makes only that: ``parts`` between markers, ``drawings``, ``outputs`` of commands, the
picture of the ``demo``. Tests fail when one of them has drifted.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Final

from docs.generate import drawings, outputs, pages, terminal

WHAT: Final[Mapping[str, Callable[[], None]]] = {
    "parts": pages.write,
    "drawings": drawings.make,
    "outputs": outputs.write,
    "demo": terminal.make,
}


def main(names: list[str]) -> int:
    """Make what is named, or everything."""
    if unknown := set(names) - set(WHAT):
        print(f"{', '.join(sorted(unknown))}: there are {', '.join(WHAT)}", file=sys.stderr)
        return 2
    for name, make in WHAT.items():
        if not names or name in names:
            make()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
