"""What packs a stream, told from its first bytes, and how to unpack it in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol, cast

from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.frames import XZ_MEMORY, Frames, Packing
from inspector.layers.header import BLOCK, is_header
from inspector.layers.memory import window
from inspector.layers.readers import StreamReader
from inspector.layers.zstandard import zstd_module

__all__ = ["CHUNK", "OUTPUT", "Packing", "decompressed", "first_block", "refuse_bomb", "sniff"]

CHUNK = 1 << 16
"""Stored bytes handed to a decompressor at a time."""
OUTPUT = 1 << 18
"""The most bytes that one step of decompression yields."""
MAX_RATIO = 10_000
"""Unpacked bytes for each stored byte past which a stream that unpacks to more than a GiB is refused as a bomb."""
SMALL_WINDOW = 256 << 10
"""Bytes of a decompressor's window up to which it is not counted."""
_NOTHING = memoryview(b"")


class _Decoder(Protocol):
    """The interface that the decompressors of all libraries share: one stream, member or frame each."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes: ...


def sniff(head: bytes) -> Packing | Literal["tar", ""]:
    """Return what `head`, a stream's first 512 bytes, begins; `""` if nothing that is known. Names prove nothing."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5
    ):  # or a skippable frame
        return "zstd"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if head.startswith(b"BZh"):
        return "bzip2"
    return "tar" if is_header(head[:BLOCK]) or not head.strip(b"\0") else ""


def first_block(chunks: Iterator[bytes]) -> bytes:
    """Return the first chunks, joined, until they are enough for `sniff`."""
    head = b""
    while len(head) < BLOCK and (chunk := next(chunks, b"")):
        head += chunk
    return head


def refuse_bomb(what: str, unpacked: int, stored: int, most: int) -> None:
    """Raise `LimitExceeded` for a stream that unpacks to more than `most` bytes, or out of all proportion."""
    if unpacked > most or (unpacked > 1 << 30 and unpacked > MAX_RATIO * stored):
        raise LimitExceeded(f"{what} unpacks to more than {unpacked} bytes from {stored}: a decompression bomb")


def decompressed(chunks: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
    """Yield the unpacked bytes of all members, streams or frames in a row, at most `OUTPUT` at a time.

    Raises `CorruptLayer` if the stream is cut, fails its check sum, or has anything but streams behind the first,
    and `LimitExceeded` if it takes more memory or has more members than is allowed.
    """
    make, errors = _DECODERS[packing]()
    feed = StreamReader(chunks)
    frames = Frames(feed, packing)
    while (memory := frames.next_memory()) is not None:
        with window(memory) if memory > SMALL_WINDOW else contextlib.nullcontext():
            for output in _member(feed, make(), frames.first_part(), errors, packing):
                frames.unpacked += len(output)
                yield output


def _member(
    feed: StreamReader, decoder: _Decoder, part: int, errors: tuple[type[Exception], ...], packing: Packing
) -> Iterator[bytes]:
    """Yield what one decoder makes of the bytes that come; those behind its member are still to come."""
    while not decoder.eof:
        data = feed.take(part) if decoder.needs_input else _NOTHING
        if not data and decoder.needs_input:
            raise CorruptLayer(f"the {packing} stream is cut")
        try:
            output = decoder.decompress(data, OUTPUT)
        except errors as error:
            if "emory usage limit" in str(error):  # as lzma alone says
                raise LimitExceeded(f"the xz stream takes more than {XZ_MEMORY} bytes of memory to unpack") from None
            raise CorruptLayer(f"the {packing} stream is corrupt: {error}") from error
        if output:
            yield output
        part = min(2 * part, CHUNK)
    feed.give_back(len(decoder.unused_data))


_Factory = tuple[Callable[[], _Decoder], tuple[type[Exception], ...]]


def _gzip() -> _Factory:
    from isal import igzip_lib

    error = cast("type[Exception]", igzip_lib.IsalError)  # its stub has an instance in the class's place
    return lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), (error, EOFError)


def _zstd() -> _Factory:
    zstd = zstd_module()
    return zstd.ZstdDecompressor, (zstd.ZstdError, EOFError)


def _xz() -> _Factory:
    import lzma

    return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY), (lzma.LZMAError, EOFError)


def _bzip2() -> _Factory:
    import bz2

    return bz2.BZ2Decompressor, (OSError, EOFError)


_DECODERS: dict[Packing, Callable[[], _Factory]] = {"gzip": _gzip, "zstd": _zstd, "xz": _xz, "bzip2": _bzip2}
