"""The GNU hash of a symbol's name (DT_GNU_HASH): a library needs thousands, so each is made by few steps in C."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, compress, repeat
from operator import gt, mod, ne, sub

from inspector.elf.words import bytes_of, words_of

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
        value = gnu_hash(name)
        if len(name) <= _MOST:
            self[name] = value
        return value


_known = _Known()


def hashes_of(names: Iterable[bytes]) -> list[int]:
    """Return the hashes of names."""
    if len(_known) > MAX_KNOWN:
        _known.clear()
    return list(map(_known.__getitem__, names))


_EVEN = bytes(byte & 0xFE for byte in range(256))


def restored(links: array[int], starts: Sequence[int], first: int) -> array[int]:
    """Return the hashes in the chains of DT_GNU_HASH, whose lowest bits say instead where a chain ends.

    `starts` are the first symbols of the buckets, 0 for an empty one, and there are two at least. A hash modulo their
    number is that of its bucket, so that it has the bit where the hash without it is another's. (`foo(long)` and
    `foo(unsigned long)` often differ in that bit alone.)
    """
    numbers, begins = [*compress(range(len(starts)), starts)], [*filter(None, starts)]
    if any(map(gt, begins, begins[1:])):
        begins, numbers = map(list, zip(*sorted(zip(begins, numbers, strict=True)), strict=True))
    sizes = map(sub, [*begins[1:], first + len(links)], [first, *begins[1:]])
    buckets = chain.from_iterable(map(repeat, numbers, sizes))
    data = bytearray(bytes_of(links))
    data[::4] = low = data[::4].translate(_EVEN)
    bits = bytes(map(ne, map(mod, words_of(bytes(data)), repeat(len(starts))), buckets))
    data[::4] = (int.from_bytes(low, "little") | int.from_bytes(bits, "little")).to_bytes(len(low), "little")
    return words_of(bytes(data))
