"""What an ELF file defines for others, by the hashes of names: in which versions, and what only a hidden one has."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from itertools import compress

from inspector.elf.words import bytes_of

_HIDDEN, _VERSION = 0x8000, 0x7FFF
_BASE = 1
Defined = tuple[tuple[str, bytes], ...] | None
"""The hashes that are defined in each version; see `Symbols`."""


def in_versions(names: Mapping[int, str], versions: array[int], hashes: array[int]) -> Defined:
    """Return what is defined in each version but the base, and what is defined in the base beside another.

    `names` are those of the versions by their numbers, `versions` the number of each hash, as DT_VERSYM has it.
    """
    used = _distinct(versions)
    own = {version for version in used if version & _VERSION in names and version & _VERSION > _BASE}
    if not own:
        return ()
    if own == used and len(own) == 1:
        return ((names[own.pop() & _VERSION], b""),)
    found = {number: set[int]() for number in names if number > _BASE}
    base = set[int]()
    add = {version: found.get(version & _VERSION, set() if version & _HIDDEN else base).add for version in used}
    for version, value in zip(versions, hashes, strict=True):
        add[version](value)
    every = set(hashes)
    also = set[int]().union(*map(base.intersection, found.values()))
    rows = [
        (names[number], b"" if place == every else bytes_of(sorted(place))) for number, place in found.items() if place
    ]
    return (*rows, *([("", bytes_of(sorted(also)))] if also else []))


def only_hidden(versions: array[int], hashes: array[int]) -> list[int]:
    """Return the hashes that an unversioned reference can't mean: a hidden version, not the base or the first."""
    used = _distinct(versions)
    apart = {version for version in used if version & _HIDDEN and version & _VERSION > 2}
    if not apart:
        return []
    hidden, shown = (set(compress(hashes, map(among.__contains__, versions))) for among in (apart, used - apart))
    return sorted(hidden - shown)


def _distinct(versions: array[int]) -> set[int]:
    """Return each once; nearly always all are the same."""
    if versions.tobytes() == versions[:1].tobytes() * len(versions):
        return set(versions[:1])
    return set(versions)
