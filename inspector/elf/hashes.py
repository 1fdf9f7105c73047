"""GNU hashes of many names: a library has thousands, and each byte of them counts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from operator import mul

from inspector.elf.model import gnu_hash

_KNOWN: dict[bytes, int] = {}
_MAX_POWERS, _MAX_KNOWN = 2048, 20_000


@cache
def _powers() -> tuple[int, ...]:
    """Return the powers of 33, the largest first: made whole, as several threads may ask for the first time at once."""
    return tuple(pow(33, exponent, 1 << 32) for exponent in range(_MAX_POWERS, -1, -1))


def gnu_hashes(names: Iterable[bytes]) -> list[int]:
    """Return the GNU hash of each name; those of the names met last are remembered."""
    all_powers = _powers()
    if len(_KNOWN) > _MAX_KNOWN:
        _KNOWN.clear()
    found: list[int] = []
    for name in names:
        value = _KNOWN.get(name)
        if value is None:
            size = len(name)
            if size < _MAX_POWERS:  # Horner's rule, written out: all of it in C
                powers = all_powers[_MAX_POWERS - size + 1 :]
                value = (5381 * all_powers[_MAX_POWERS - size] + sum(map(mul, name, powers))) & 0xFFFFFFFF
            else:
                value = gnu_hash(name)
            if size < 64 and len(_KNOWN) <= _MAX_KNOWN:
                _KNOWN[name] = value
        found.append(value)
    return found
