"""A container's output as engines frame it: 8 bytes before each piece, the last four its length."""

from __future__ import annotations

from typing import BinaryIO


def demultiplexed(stream: BinaryIO, limit: int) -> bytes:
    """The pieces joined, at most `limit` bytes; what is cut short ends there."""
    found = bytearray()
    while len(found) < limit and len(head := stream.read(8)) == 8:
        left = int.from_bytes(head[4:], "big")
        piece = stream.read(min(left, limit - len(found)))
        found += piece
        if len(piece) < left:
            break
    return bytes(found)
