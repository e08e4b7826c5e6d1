"""The body of an answer, put together within a limit however it is compressed."""

import zlib
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
_WINDOWS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
ENCODINGS: Final = "gzip, deflate"
"""What requests say they accept: those whose output can be bounded while it is unpacked."""


class TooLarge(Exception):
    """The body is larger than the limit, packed or unpacked."""


class BrokenCompression(Exception):
    """The body is not what its content encoding says, ends too early, or has an encoding that was not asked for."""


class Body:
    """Takes a body as it comes from the network and gives it whole.

    Args:
        encoding: the value of ``Content-Encoding``.
        limit: most bytes, packed as well as unpacked.

    Raises:
        BrokenCompression: an encoding that cannot be unpacked within a limit.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit = limit
        self._arrived = 0
        self._body = bytearray()
        self._started = False
        name = encoding.strip().lower()
        if name not in {"", "identity", *_WINDOWS}:
            raise BrokenCompression
        self._name = name
        self._unpacker = zlib.decompressobj(_WINDOWS[name]) if name in _WINDOWS else None

    def take(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            TooLarge: over the limit.
            BrokenCompression: the bytes cannot be unpacked.
        """
        self._arrived += len(chunk)
        if self._arrived > self._limit:
            raise TooLarge
        if self._unpacker is None:
            self._body += chunk
            return
        if not chunk or self._unpacker.eof:
            return
        self._body += self._unpacked(chunk)
        self._started = True
        if len(self._body) > self._limit:
            raise TooLarge

    def take_unpacked(self, body: bytes) -> None:
        """Take a body that somebody else has unpacked already.

        Raises:
            TooLarge: over the limit.
        """
        if len(body) > self._limit:
            raise TooLarge
        self._body += body

    def whole(self) -> bytes:
        """The body.

        Raises:
            BrokenCompression: it is not complete.
        """
        if self._unpacker is not None and self._started and not self._unpacker.eof:
            raise BrokenCompression
        return bytes(self._body)

    def _unpacked(self, chunk: bytes) -> bytes:
        unpacker, room = self._unpacker, self._limit + 1 - len(self._body)
        if unpacker is None:
            return chunk
        try:
            return unpacker.decompress(chunk, room)
        except zlib.error as error:
            if self._name != "deflate" or self._started:
                raise BrokenCompression from error
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS)  # many servers leave out the frame that "deflate" stands for
        try:
            return self._unpacker.decompress(chunk, room)
        except zlib.error as error:
            raise BrokenCompression from error
