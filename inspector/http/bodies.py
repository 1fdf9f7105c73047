"""Bodies of answers, read with an eye on the clock: nothing is endless, and nothing drips for ever."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

from inspector.errors import LimitExceeded, Malformed, Unreachable
from inspector.http.connections import Response
from inspector.http.failures import mapped
from inspector.http.timed import within

PIECE = 1 << 16
"""Bytes asked of the connection at a time."""
LARGE = 1 << 20
"""Bytes past which a document is so large that not many should be held at once."""
FREE_PIECES = 20_000
"""Pieces of any size; of more, each is to have `MIN_PIECE` bytes on the average, as each costs some work."""
MIN_PIECE = 64
_WORDS = 64 << 10
"""Bytes of a refusal that are looked at."""


def read_document(response: Response, most: int, where: str, *, large: Callable[[], object] = lambda: None) -> bytes:
    """Read the whole body, unpacked if it came packed; `large` is called once past `LARGE` bytes.

    Raises `LimitExceeded`, `Unreachable`, `Malformed`.
    """
    try:
        content = _whole(response, most, where, large)
    finally:
        response.close()
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return content
    if len(content) <= LARGE:
        large()  # a few packed bytes may be many
    if encoding not in ("gzip", "x-gzip"):
        raise Malformed(f"{where}: comes in the encoding {encoding[:40]!a}, where none was asked for")
    return _unpacked(content, most, where)


def words_of(response: Response) -> bytes:
    """Return the beginning of a refusal's body; empty where it can't be had. The connection is kept if that was all."""
    content = b""
    if response.is_empty:
        response.close()
        return content
    try:
        with within(response.patience.refusal):
            for piece in pieces(response, ""):
                content += piece
                if len(content) > _WORDS:
                    break
    except (Unreachable, LimitExceeded):
        return b""
    finally:
        response.close()
    return content[:_WORDS]


def pieces(response: Response, where: str) -> Iterator[bytes]:
    """Return the body as it arrives.

    Raises `Unreachable` for one that breaks off or comes too slowly, `LimitExceeded`.
    """
    return iter(Body(response, where).piece, b"")


class Body(io.RawIOBase):
    """The body of an answer as a raw stream, too; one that breaks off is never taken for one that ends."""

    def __init__(self, response: Response, where: str) -> None:
        self._response = response
        self._where = where
        self._waited, self._got = 0.0, 0
        self._total = self._count = 0

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`. Raises as `pieces`."""
        piece = self.piece(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def piece(self, most: int = PIECE) -> bytes:
        """Return the next bytes, at most so many; none at the end."""
        patience = self._response.patience
        before = time.monotonic()
        with mapped(self._where), within(patience.window):  # chunks may have long heads, and trailers no end
            piece = self._response.read1(most)
        self._waited += time.monotonic() - before
        self._got, self._total, self._count = self._got + len(piece), self._total + len(piece), self._count + 1
        if self._count > FREE_PIECES and self._total < self._count * MIN_PIECE:
            raise LimitExceeded(f"{self._where}: sends its answer in more than {FREE_PIECES} pieces of next to nothing")
        if piece and self._waited > patience.window:
            if self._got < patience.min_rate * patience.window:
                raise Unreachable(f"{self._where}: sends no more than {self._got / self._waited:.0f} bytes a second")
            self._waited, self._got = 0.0, 0
        return piece


def _whole(response: Response, most: int, where: str, large: Callable[[], object]) -> bytes:
    stated = response.header("Content-Length")
    if stated.isascii() and stated.isdigit() and (len(stated) > 15 or int(stated) > most):
        raise _too_large(where, most)
    content = bytearray()
    with within(response.patience.whole):
        for piece in pieces(response, where):
            if len(content) <= LARGE < len(content) + len(piece):
                large()
            content += piece
            if len(content) > most:
                raise _too_large(where, most)
    return bytes(content)


def _unpacked(content: bytes, most: int, where: str) -> bytes:
    import zlib

    decoder = zlib.decompressobj(wbits=31)
    try:
        plain = decoder.decompress(content, most + 1)
    except zlib.error as error:
        raise Malformed(f"{where}: says that it is packed with gzip, and is not") from error
    if len(plain) > most:
        raise _too_large(where, most)
    if not decoder.eof or decoder.unused_data:
        raise Malformed(f"{where}: its gzip stream is cut, or followed by something else")
    return plain


def _too_large(where: str, most: int) -> LimitExceeded:
    return LimitExceeded(f"{where}: an answer of more than {most} bytes, which is refused")
