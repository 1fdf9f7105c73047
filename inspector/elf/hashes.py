"""The GNU hash of a symbol's name (DT_GNU_HASH): a library needs thousands, so each is made by few steps in C."""

from __future__ import annotations

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
