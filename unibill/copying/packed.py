"""Long lists of values in little memory: a line of each account, for a million records."""

import heapq
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar, overload

import msgspec

L = TypeVar("L")
_BLOCK: Final = 128
"""Values that are unpacked at once."""
_RUN: Final = 2048
"""Values that are sorted in memory."""


class Packed(Sequence[L], Generic[L]):
    """A sequence that cannot be changed and keeps its values compressed; equal to any sequence of equal values.

    Args:
        kind: their type, a dataclass of texts, whole numbers, decimals and enumerations.
        values: taken one by one.
    """

    __slots__ = ("_blocks", "_count", "_kind")

    def __init__(self, kind: type[L], values: Iterable[L] = ()) -> None:
        self._kind = kind
        self._blocks: list[bytes] = []
        self._count = 0
        left = iter(values)
        while block := list(islice(left, _BLOCK)):
            self._blocks.append(zlib.compress(msgspec.msgpack.encode(block)))
            self._count += len(block)

    @classmethod
    def ordered(cls, kind: type[L], values: Iterable[L], key: Callable[[L], Any]) -> "Packed[L]":
        """The values in the order of a key, without all of them being unpacked at once."""
        left = iter(values)
        runs: list[Packed[L]] = []
        while run := list(islice(left, _RUN)):
            runs.append(cls(kind, sorted(run, key=key)))
        return runs[0] if len(runs) == 1 else cls(kind, heapq.merge(*runs, key=key))

    def _block(self, number: int) -> list[L]:
        return msgspec.msgpack.decode(zlib.decompress(self._blocks[number]), type=list[self._kind])  # type: ignore[name-defined]  # known when it runs

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[L]:
        for number in range(len(self._blocks)):
            yield from self._block(number)

    @overload
    def __getitem__(self, index: int) -> L: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[L]: ...
    def __getitem__(self, index: int | slice) -> L | Sequence[L]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(self._count)))
        place = range(self._count)[index]
        return self._block(place // _BLOCK)[place % _BLOCK]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Packed, tuple, list)):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
