"""The bytes of a file in a squashfs, whose blocks are unpacked as they are asked for."""

from __future__ import annotations

from array import array
from itertools import accumulate

from inspector.sources.sif.squash import UNPACKED, Inode, Squash


class Blocks:
    """The blocks of one file, `most` of the first, and its tail; the one that was read last is kept."""

    def __init__(self, squash: Squash, inode: Inode, most: int = 1 << 62) -> None:
        self._squash = squash
        self._inode = inode
        self._sizes = squash.block_list(inode, most)
        self._starts = array("Q", accumulate((size & (UNPACKED - 1) for size in self._sizes), initial=inode.start))
        self._last = (-1, b"")
        self.size = inode.size

    def first(self, number: int, size: int) -> bytes:
        """Return the first bytes of a block; the one behind the last is the tail."""
        if number == len(self._sizes):
            return self._squash.tail(self._inode)[:size]
        return self._squash.data(self._starts[number], self._sizes[number], size)

    def read_at(self, offset: int, size: int) -> bytes:
        """See `elf.Source.read_at`."""
        end = min(offset + size, self.size)
        parts: list[bytes] = []
        while offset < end:
            number, begin = divmod(offset, self._squash.block_size)
            parts.append(self._whole(number)[begin : begin + end - offset])
            offset += len(parts[-1])
        return b"".join(parts)

    def _whole(self, number: int) -> bytes:
        if self._last[0] != number:
            size = self._squash.block_size
            self._last = (number, self.first(number, min(size, self.size - number * size)))
        return self._last[1]


def head(squash: Squash, inode: Inode, size: int) -> bytes:
    """Return the first bytes of a file, and unpack no more than these of its last block."""
    size = min(size, inode.size)
    if not size:
        return b""
    step = squash.block_size
    blocks = Blocks(squash, inode, -(-size // step))
    return b"".join(blocks.first(at // step, min(step, size - at)) for at in range(0, size, step))
