"""The GNU hash of a symbol's name (DT_GNU_HASH): a library needs thousands, so each is made by few steps in C."""

from __future__ import annotations

from collections.abc import Iterable

MAX_KNOWN = 25_000
"""Names whose hashes are remembered: libraries need the same ones, those of the largest torch 10,000 in all."""
_DIGITS = b"0123456789abcdefghijklmnopqrstuvw"
_HIGH = bytes(_DIGITS[byte // 33] for byte in range(256))
_LOW = bytes(_DIGITS[byte % 33] for byte in range(256))
_START = b"4v2"
"""5381 to the base 33."""
_MOST = 600
"""Digits that `int` takes however Python is set up (`PYTHONINTMAXSTRDIGITS`)."""


def gnu_hash(name: bytes) -> int:
    """Return the hash: 32 bits.

    It is the number whose digits to the base 33 are the bytes, behind 5381. As a byte may be more than a digit, it is
    the sum of two such numbers: one of the bytes' own digits, one of what is carried over to the digits before.

    >>> hex(gnu_hash(b"printf"))
    '0x156b2bb8'
    """
    if len(name) <= _MOST:
        return 33 * int(b"0" + name.translate(_HIGH), 33) + int(_START + name.translate(_LOW), 33) & 0xFFFFFFFF
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


class _Known(dict[bytes, int]):
    def __missing__(self, name: bytes) -> int:
        value = gnu_hash(name) >> 1
        if len(name) <= _MOST:
            self[name] = value
        return value


_known = _Known()


def hashes_of(names: Iterable[bytes]) -> list[int]:
    """Return the hashes without their lowest bits, which DT_GNU_HASH does not keep: 31 bits of each."""
    if len(_known) > MAX_KNOWN:
        _known.clear()
    return list(map(_known.__getitem__, names))
