"""`/etc/ld.so.cache`, looked up as glibc's `dl-cache.c` does: a binary search that trusts what ldconfig wrote.

Bytes that are no cache, or of another machine's byte order, are as good as no cache.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import msgspec

_OLD = b"ld.so-1.7.0"
_NEW = b"glibc-ld.so.cache1.1"
_EXTENSION = 0xEAA42174
_NAMES = 1
MAX_HWCAPS = 64
MAX_NAME = 4096
_PART = re.compile(rb"([0-9]+)|[^0-9]")
_CUT = 512
_REMEMBERED = 4096


class CacheEntry(msgspec.Struct, frozen=True):
    """One file that answers to a name: its ABI flags, path, and the capabilities that it is built for."""

    flags: int
    path: str
    hwcap: int


class LoaderCache:
    """A cache as it lies in the image; empty where its bytes are none."""

    def __init__(self, content: bytes, order: str) -> None:
        self.content = content
        self.order = order
        self.count = 0
        self.hwcaps: tuple[str, ...] = ()
        self._first = self._stride = self._strings = 0
        self._keys: dict[int, list[tuple[int, int]] | None] = {}
        self._read_header()

    def look_up(self, name: str) -> Iterator[CacheEntry]:
        """Yield the entries of a name, in their order; an entry whose path lies outside of the file is left out."""
        wanted = _sort_key(name.encode("utf-8", "surrogateescape"))
        left, right = 0, self.count - 1
        while left <= right:
            middle = (left + right) // 2
            key = self._key(middle)
            if key is None:
                return
            if key == wanted:
                yield from self._from_first(middle, wanted)
                return
            left, right = (middle + 1, right) if wanted < key else (left, middle - 1)

    def _from_first(self, at: int, wanted: list[tuple[int, int]]) -> Iterator[CacheEntry]:
        while at > 0 and self._key(at - 1) == wanted:
            at -= 1
        while at < self.count and self._key(at) == wanted:
            entry = self._entry(at)
            if entry is not None:
                yield entry
            at += 1

    def _read_header(self) -> None:
        base = 0
        if self.content.startswith(_OLD) and len(self.content) >= 16:
            count = self._number(12)
            base = (16 + 12 * count + 7) & ~7
            if not self.content.startswith(_NEW, base):
                self._take(count, 16, 12, 16 + 12 * count)
                return
        if not self.content.startswith(_NEW, base) or len(self.content) < base + 48:
            return
        if self.content[base + 28] & 3 not in (0, 2 if self.order == "<" else 3):
            return
        self._take(self._number(base + 20), base + 48, 24, base)
        self._read_extension(self._number(base + 32))

    def _take(self, count: int, first: int, stride: int, strings: int) -> None:
        if first + count * stride <= len(self.content):
            self.count, self._first, self._stride, self._strings = count, first, stride, strings

    def _read_extension(self, at: int) -> None:
        if not at or at % 4 or at + 8 > len(self.content) or self._number(at) != _EXTENSION:
            return
        for number in range(min(self._number(at + 4), 16)):
            section = at + 8 + 16 * number
            if section + 16 > len(self.content):
                return
            tag, _, offset, size = struct.unpack_from(f"{self.order}4I", self.content, section)
            if tag == _NAMES and offset + size <= len(self.content):
                places = range(offset, offset + min(size, 4 * MAX_HWCAPS) - 3, 4)
                self.hwcaps = tuple(self._string(self._number(place)) or "" for place in places)

    def _number(self, at: int) -> int:
        found: int = struct.unpack_from(f"{self.order}I", self.content, at)[0]
        return found

    def _string(self, at: int) -> str | None:
        if at >= len(self.content):
            return None
        end = self.content.find(b"\0", at, at + MAX_NAME)
        return None if end < 0 else self.content[at:end].decode("utf-8", "surrogateescape")

    def _key(self, number: int) -> list[tuple[int, int]] | None:
        """Return what an entry is sorted by, made once: each search begins at the same ones."""
        if number not in self._keys:
            if len(self._keys) > _REMEMBERED:
                self._keys.clear()
            self._keys[number] = self._read_key(number)
        return self._keys[number]

    def _read_key(self, number: int) -> list[tuple[int, int]] | None:
        at = self._strings + self._number(self._first + number * self._stride + 4)
        end = self.content.find(b"\0", at, at + MAX_NAME)
        return None if end < 0 else _sort_key(self.content[at:end])

    def _entry(self, number: int) -> CacheEntry | None:
        at = self._first + number * self._stride
        flags, _, value = struct.unpack_from(f"{self.order}iII", self.content, at)
        hwcap = struct.unpack_from(f"{self.order}Q", self.content, at + 16)[0] if self._stride == 24 else 0
        path = self._string(self._strings + value)
        return None if path is None else CacheEntry(flags, path, hwcap)


def _sort_key(name: bytes) -> list[tuple[int, int]]:
    """Order names as `_dl_cache_libcmp` does, numbers by value; ldconfig sorts by it, the greatest first."""
    parts = _PART.finditer(name[:_CUT])
    return [(1, int(match[1])) if match[1] else (0, match[0][0]) for match in parts]
