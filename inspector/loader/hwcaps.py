"""Directories for better processors below each that is searched: `glibc-hwcaps/…`, and those up to glibc 2.36.

Which processor a host has is not in an image: `level` is the x86-64 level that a run of the model assumes.
"""

from __future__ import annotations

from functools import cache
from itertools import compress, product

X86_64 = 62
AARCH64 = 183
LEVELS = (2, 3, 4)
"""The x86-64 levels that hosts are taken to have: processors have the second since 2008 (Intel) and 2011 (AMD)."""
_NAMED_FROM = (2, 33)
_LEGACY_UNTIL = (2, 36)
_ABI_FLAGS = {X86_64: 0x0303, AARCH64: 0x0A03, 22: 0x0403, 21: 0x0503, 243: 0x1003, 258: 0x1203}
NAMED_ENTRY = 1 << 62
_PLATFORMS = 48
TOPS = ("glibc-hwcaps", "tls", "haswell", "x86_64", "avx512_1")


def abi_flags(machine: int) -> int:
    """Return the flags of the cache entries that a machine uses."""
    return _ABI_FLAGS.get(machine, 3)


def platform_of(machine: int, level: int) -> str:
    """Return what `$PLATFORM` stands for."""
    if machine == X86_64:
        return "haswell" if level >= 3 else "x86_64"
    return {AARCH64: "aarch64", 22: "z900", 21: "power8"}.get(machine, "")


@cache
def subdirectories(machine: int, glibc: tuple[int, int]) -> tuple[tuple[str, int], ...]:
    """Return the subdirectories in the order of the search, each with the level from which on a processor uses it."""
    found: list[tuple[str, int]] = []
    if machine == X86_64 and glibc >= _NAMED_FROM:
        found += [(f"glibc-hwcaps/x86-64-v{level}", level) for level in (4, 3, 2)]
    if glibc <= _LEGACY_UNTIL:
        names = (("tls", 1), ("haswell", 3), ("avx512_1", 4), ("x86_64", 1)) if machine == X86_64 else (("tls", 1),)
        for chosen in product((True, False), repeat=len(names)):
            parts = list(compress(names, chosen))
            if parts:
                found.append(("/".join(name for name, _ in parts), max(level for _, level in parts)))
    return tuple(found)


def level_of_entry(hwcap: int, names: tuple[str, ...], glibc: tuple[int, int]) -> int | None:
    """Return the level from which on a cache entry is used; None where this glibc never uses it."""
    if hwcap & NAMED_ENTRY:
        number = hwcap & 0xFFFFFFFF
        name = names[number] if number < len(names) else ""
        known = name.startswith("x86-64-v") and name[8:] in ("2", "3", "4")
        return int(name[8:]) if known and glibc >= _NAMED_FROM else None
    if not hwcap:
        return 1
    if glibc > _LEGACY_UNTIL:
        return None
    return 3 if hwcap >> _PLATFORMS & 3 else 4 if hwcap & 4 else 1
