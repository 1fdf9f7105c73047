"""Sums that a fuzzer never guesses, put right in what it made up."""

from __future__ import annotations

_BLOCK = 512


def sum_headers(content: bytes) -> bytes:
    """A tar whose headers have the sums that they should; a header is known by its magic."""
    mended = bytearray(content)
    for at in range(0, len(mended) - _BLOCK + 1, _BLOCK):
        if mended[at + 257 : at + 262] == b"ustar":
            mended[at + 148 : at + 156] = b" " * 8
            mended[at + 148 : at + 156] = b"%06o\0 " % sum(mended[at : at + _BLOCK])
    return bytes(mended)
