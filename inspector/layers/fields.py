"""The numbers and times of tar headers, read as Go's archive/tar reads them (its strconv.go)."""

from __future__ import annotations

import re
from functools import lru_cache

_INTEGER = rb"[+-]?[0-9]+"
_INT64 = 1 << 63


@lru_cache(maxsize=8192)
def numeric(field: bytes) -> int:
    """Return a header's number: octal, or base-256 in two's complement where the first bit says so.

    Raises `ValueError`.
    """
    if not field[0] & 0x80:
        return octal(field)
    bits = len(field) * 8 - 1  # the first bit is no part of the number
    value = int.from_bytes(field, "big") - (1 << bits)
    if value >> bits - 1:
        value -= 1 << bits
    return _int64(value, field)


def octal(field: bytes) -> int:
    """Octal digits between spaces and NULs; nothing at all is 0. Raises `ValueError`."""
    digits = field.strip(b" \0").partition(b"\0")[0]
    if not digits:
        return 0
    try:
        if digits.isdigit():  # int() takes signs and more
            return int(digits, 8)
    except ValueError:
        pass
    raise ValueError(f"{field!r} is no number")


def decimal(text: bytes) -> int:
    """Decimal digits behind a sign or none, with any zeros before them, in 64 bits. Raises `ValueError`."""
    if text.isdigit() and len(text) < 19:
        return int(text)
    digits = text.lstrip(b"+-0")
    if not re.fullmatch(_INTEGER, text) or len(digits) > 19:
        raise ValueError(f"{text[:40]!r} is no number of 64 bits")
    value = int(digits or b"0")
    return _int64(-value if text[:1] == b"-" else value, text)


def check_time(text: bytes) -> None:
    """Raise `ValueError` where `text` is no count of seconds, with or without a fraction."""
    seconds, _, fraction = text.partition(b".")
    if not seconds.isdigit() or len(seconds) > 18:
        decimal(seconds)
    if fraction and not fraction.isdigit():
        raise ValueError(f"{text[:40]!r} is no time")


def _int64(value: int, text: bytes) -> int:
    if not -_INT64 <= value < _INT64:
        raise ValueError(f"{text[:40]!r} is no number of 64 bits")
    return value


def on_disk(owner: int) -> int:
    """Return the user or group that a file gets: the kernel takes 32 bits, and -1 leaves it with root, who unpacks."""
    owner &= 0xFFFFFFFF
    return 0 if owner == 0xFFFFFFFF else owner
