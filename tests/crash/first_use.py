"""Many threads that meet the same new wire records at once; a program, since what it guards against kills the process."""

import sys
import threading
from types import ModuleType

from unibill.wire import WireRecord, decode

_DEPTH = 6
_BODY = b'{"a": 1, "b": "x", "inner": {"a": 2, "inner": {"b": "y", "inner": {"c": [3]}}}}'


def new_records(number: int) -> list[type[WireRecord]]:
    """Wire records nobody has decoded yet, each inside the next."""
    module = ModuleType(f"first_use_{number}")
    module.__dict__["WireRecord"] = WireRecord
    sys.modules[module.__name__] = module
    for level in range(_DEPTH):
        inner = f"    inner: 'R{level - 1} | None' = None\n" if level else ""
        fields = "    a: 'int | None' = None\n    b: 'str | None' = None\n    c: 'list[int] | None' = None\n"
        exec(f"class R{level}(WireRecord, frozen=True, kw_only=True):\n{fields}{inner}", module.__dict__)  # noqa: S102 - text of our own
    return [module.__dict__[f"R{level}"] for level in range(_DEPTH)]


def meet(shapes: list[type[WireRecord]], threads: int) -> None:
    """Decode in several threads that start together."""
    gate = threading.Barrier(threads)

    def work(number: int) -> None:
        gate.wait()
        decode(_BODY, shapes[3 + number % 3])

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    sys.setswitchinterval(1e-6)
    for number in range(60):
        meet(new_records(number), 6)
