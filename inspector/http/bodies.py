"""Bodies of answers, read with an eye on the clock: nothing is endless, and nothing drips for ever."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from inspector.errors import InspectorError, LimitExceeded, Malformed, Unreachable
from inspector.http.connections import Response
from inspector.http.failures import mapped
from inspector.http.patience import Patience
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


def read_document(
    response: Response, most: int, patience: Patience, where: str, *, large: Callable[[], object] = lambda: None
) -> bytes:
    """The whole body, unpacked if it came packed, which we don't ask for; `large` is called once past `LARGE` bytes.

    Raises `LimitExceeded`, `Unreachable`, `Malformed`.
    """
    try:
        content = _whole(response, most, patience, where, large)
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


def words_of(response: Response, patience: Patience, where: str) -> bytes:
    """The beginning of a refusal's body; empty where it can't be had. The connection is kept if that was all."""
    content = b""
    try:
        with within(patience.refusal):
            for piece in pieces(response, patience, where):
                content += piece
                if len(content) > _WORDS:
                    break
    except (Unreachable, LimitExceeded):
        return b""
    finally:
        response.close()
    return content[:_WORDS]


def pieces(response: Response, patience: Patience, where: str) -> Iterator[bytes]:
    """The body as it arrives. Raises `Unreachable` for one that breaks off or comes too slowly, `LimitExceeded`."""
    waited, got = 0.0, 0
    total = count = 0
    with mapped(where):
        while True:
            before = time.monotonic()
            with within(patience.window):  # chunks may have long heads, and trailers no end
                piece = response.read1(PIECE)
            if not piece:
                return
            waited += time.monotonic() - before
            got += len(piece)
            total, count = total + len(piece), count + 1
            if count > FREE_PIECES and total < count * MIN_PIECE:
                raise LimitExceeded(f"{where}: sends its answer in more than {FREE_PIECES} pieces of next to nothing")
            if waited > patience.window:
                if got < patience.min_rate * patience.window:
                    raise Unreachable(f"{where}: sends no more than {got / waited:.0f} bytes a second")
                waited, got = 0.0, 0
            yield piece


class Body(io.RawIOBase):
    """The pieces of a body as a raw stream; one that breaks off is never taken for one that ends."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")
        self._failed: InspectorError | None = None

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`. Raises as `pieces`, each time that it is called again, too."""
        if self._failed is not None:
            raise self._failed
        try:
            self._left = self._left or memoryview(next(self._pieces, b""))
        except InspectorError as error:
            self._failed = error
            raise
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _whole(response: Response, most: int, patience: Patience, where: str, large: Callable[[], object]) -> bytes:
    stated = response.headers.get("Content-Length", "")
    if stated.isascii() and stated.isdigit() and (len(stated) > 15 or int(stated) > most):
        raise _too_large(where, most)
    content = bytearray()
    with within(patience.whole):
        for piece in pieces(response, patience, where):
            if len(content) <= LARGE < len(content) + len(piece):
                large()
            content += piece
            if len(content) > most:
                raise _too_large(where, most)
    return bytes(content)


def _unpacked(content: bytes, most: int, where: str) -> bytes:
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
