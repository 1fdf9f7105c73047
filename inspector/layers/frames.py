"""Where the members, streams or frames of a packed stream begin, and what each will take to unpack, by its header."""

from __future__ import annotations

from typing import Literal

from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.readers import StreamReader

Packing = Literal["gzip", "zstd", "xz", "bzip2"]

MAX_WINDOW = 128 << 20
"""Bytes of a zstd frame's window, as `zstd --long=27` makes it; its decoders take no more unless told to."""
XZ_MEMORY = 72 << 20
"""Memory that an xz stream may ask for, in bytes; `xz -9` needs 65 MiB."""
FREE_FRAMES = 10_000
"""Members, streams or frames of one stream, whatever is in them."""
MIN_UNPACKED = 256
MIN_STORED = 32
"""Bytes that each further one holds on the average, unpacked and as stored; the member of a file has as many."""
MAX_GZIP_NAME = 512
"""Bytes of the name or the comment in a gzip header, its NUL with them, that Go's compress/gzip takes in."""

_BZIP2_MEMORY = 4 << 20
_FIRST = 512  # bytes handed to the decoder of a further member, doubled as it takes them; what it leaves is copied
_MAGIC = b"\x28\xb5\x2f\xfd"
_HEADER = 18  # the longest header of a zstd frame


class Frames:
    """The members of one stream as they begin: what is no data between them is passed over, and all are counted."""

    def __init__(self, feed: StreamReader, packing: Packing) -> None:
        self._feed = feed
        self._packing = packing
        self._count = 0
        self._header = 0
        self.unpacked = 0

    def next_memory(self) -> int | None:
        """Return the bytes that the member which begins here takes to unpack; None at the end of the stream.

        Raises `CorruptLayer`, `LimitExceeded`.
        """
        while True:
            if self._packing == "xz" and self._count:
                self._skip_padding()
            head = self._feed.peek(_HEADER)
            if not head:
                return None
            self._bound()
            if self._packing == "zstd" and head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5:
                self._skip_frame(head)
                continue
            return self._memory(head)

    def first_part(self) -> int:
        """Get the bytes to hand to a new decoder at first: isal takes a gzip header that comes in parts for corrupt."""
        return self._header + (_FIRST if self._count > 1 else 1 << 16)

    def _memory(self, head: bytes) -> int:
        if self._packing == "zstd":
            return _window(head)
        if self._packing == "gzip":
            self._header = self._gzip_header(head)
            return 0
        return XZ_MEMORY if self._packing == "xz" else _BZIP2_MEMORY

    def _bound(self) -> None:
        """Bound the frames: each costs a decoder, and many that hold next to nothing take minutes."""
        self._count += 1
        beyond = self._count - FREE_FRAMES
        if beyond > self.unpacked // MIN_UNPACKED or beyond > self._feed.position // MIN_STORED:
            raise LimitExceeded(
                f"the {self._packing} stream has {self._count} members or frames that hold next to nothing; of more "
                f"than {FREE_FRAMES}, each is to hold {MIN_UNPACKED} bytes on the average. Pack the layer again"
            )

    def _skip_frame(self, head: bytes) -> None:
        self._feed.skip(8)
        if len(head) < 8 or not self._feed.skip(int.from_bytes(head[4:8], "little")):
            raise CorruptLayer("the zstd stream is cut inside a skippable frame")

    def _skip_padding(self) -> None:
        """Skip NULs, which may follow an xz stream, four at a time (xz file format, 2.2)."""
        count = 0
        while (part := self._feed.take(1 << 16)) and not (rest := bytes(part).lstrip(b"\0")):
            count += len(part)
        if part:
            self._feed.give_back(len(rest))
            count += len(part) - len(rest)
        if count % 4:
            raise CorruptLayer(f"{count} bytes of padding follow an xz stream, where they come in fours")

    def _gzip_header(self, head: bytes) -> int:
        """Return the bytes of a gzip header (RFC 1952, 2.3).

        Raises `CorruptLayer` for a longer text than Go takes in.
        """
        flags = head[3] if len(head) > 11 else 0
        at = 10 + (2 + int.from_bytes(head[10:12], "little") if flags & 4 else 0)
        for flag, what in ((8, "name"), (16, "comment")):
            if flags & flag:
                text = self._feed.peek(at + MAX_GZIP_NAME)[at:]
                end = text.find(b"\0")
                if end < 0 and len(text) == MAX_GZIP_NAME:
                    raise CorruptLayer(f"the {what} in a gzip header has more than {MAX_GZIP_NAME} bytes")
                at += end + 1
        at += 2 if flags & 2 else 0
        self._feed.peek(at)
        return at


def _window(head: bytes) -> int:
    """Return the bytes of the window of the zstd frame that begins with `head` (RFC 8878, 3.1.1.1).

    Raises `LimitExceeded`.
    """
    if not head.startswith(_MAGIC) or len(head) < 6:
        return 0  # the decoder says what is wrong
    descriptor = head[4]
    single = bool(descriptor & 0x20)
    size_bytes = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    at = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    content = int.from_bytes(head[at : at + size_bytes], "little") + (256 if size_bytes == 2 else 0)
    if single:
        window = content
    else:
        base = 1 << 10 + (head[5] >> 3)
        window = base + base // 8 * (head[5] & 7)
    if window > MAX_WINDOW:
        raise LimitExceeded(window_message(window))
    return min(window, content) if size_bytes else window


def window_message(size: int) -> str:
    """Return what to say of windows that are too large."""
    return (
        f"it takes a window of {size} bytes to unpack, where {MAX_WINDOW} are allowed at once; "
        "pack it again without the zstd options --long and --ultra"
    )
