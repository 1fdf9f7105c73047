"""The GNU hash of a symbol's name (DT_GNU_HASH): a library needs thousands, so each is made by few steps in C."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import gt, mul, sub

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
_ODD = bytes(byte & 1 for byte in range(256))
_PARITIES = (b"\0", b"\1")
_LANE = 12  # bytes: a hash times a number of 64 bits


def restored(links: array[int], starts: Sequence[int], first: int) -> array[int]:
    """Return the hashes in the chains of DT_GNU_HASH, whose lowest bits say instead where a chain ends.

    `starts` are the first symbols of the buckets, 0 for an empty one, and there are two at least. A hash is quotient *
    count of buckets + its bucket. So its lowest bit is the bucket's where the count is even; where it is odd, that of
    the sum of bucket and quotient, but for bucket 0, where the hash without the bit may have the quotient before.
    (`foo(long)` and `foo(unsigned long)` often differ in that bit alone.)
    """
    count = len(starts)
    numbers, begins = [*compress(range(len(starts)), starts)], [*filter(None, starts)]
    if any(map(gt, begins, begins[1:])):
        begins, numbers = map(list, zip(*sorted(zip(begins, numbers, strict=True)), strict=True))
    sizes = list(map(sub, [*begins[1:], first + len(links)], [first, *begins[1:]]))
    data = bytearray(bytes_of(links))
    data[::4] = low = data[::4].translate(_EVEN)
    parities = b"".join(map(mul, [_PARITIES[each & 1] for each in numbers], sizes))
    bits = int.from_bytes(parities[: len(links)], "little")  # sizes make no sense in a damaged file
    if count & 1:
        bits ^= int.from_bytes(_quotients(data, count).translate(_ODD), "little")
    data[::4] = (int.from_bytes(low, "little") | bits).to_bytes(len(low), "little")
    found = words_of(bytes(data))
    for at in range(min(sizes[0], len(links)) if count & 1 and numbers[:1] == [0] else 0):
        even = found[at] & ~1
        found[at] = even | bool(even % count)
    return found


def _quotients(hashes: bytearray, count: int) -> bytes:
    """Return the lowest bytes of many hashes divided by one number, all at once: as digits of one large number.

    To divide by the number is to multiply by 2**64 / number, rounded up, and to leave out the lowest 64 bits: exact
    for numbers and hashes of 32 bits.
    """
    lanes = bytearray(len(hashes) // 4 * _LANE)
    for at in range(4):
        lanes[at::_LANE] = hashes[at::4]
    product = int.from_bytes(lanes, "little") * -(-(1 << 64) // count)
    return product.to_bytes(len(lanes) + _LANE, "little")[8 : len(lanes) : _LANE]
