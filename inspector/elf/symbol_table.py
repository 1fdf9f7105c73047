"""The tables that symbols are made of, as they lie in an ELF file: of hashes, symbols, names and versions."""

from __future__ import annotations

import struct
from array import array

from inspector.elf.columns import Columns, symbol_size
from inspector.elf.dynamic import (
    DT_GNU_HASH,
    DT_HASH,
    DT_JMPREL,
    DT_REL,
    DT_RELA,
    DT_STRSZ,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERDEF,
    DT_VERNEED,
    DT_VERSYM,
    MAX_SYMBOLS,
    Damaged,
)
from inspector.elf.opened import Opened
from inspector.elf.words import words_of

_S390 = 22
_TABLES = (DT_STRTAB, DT_VERSYM, DT_GNU_HASH, DT_HASH, DT_RELA, DT_REL, DT_JMPREL, DT_VERNEED, DT_VERDEF)


class SymbolTable:
    """The tables of one file, each read where it is asked for. Raises `Absent`, `Damaged`.

    `first` is the first symbol that is found by hash, `chain` that of DT_GNU_HASH from there on, None where only
    DT_HASH is there, and `buckets` where in it each begins; `count` is how many symbols the hashes tell of.
    """

    def __init__(self, opened: Opened) -> None:
        self._source, self._layout, self._dynamic = opened.source, opened.layout, opened.dynamic
        self._strings = opened.strings
        self.buckets: array[int] = array("I")
        self.first, self.chain, self.count = self._hashed()

    @property
    def is_counted(self) -> bool:
        """Whether there are no more symbols than `count`: another table begins where they end, or what is no symbol.

        The latter is what tools leave that moved a table from there. Local symbols come before all others.
        """
        size = symbol_size(self._layout)
        end = self._dynamic.tags[DT_SYMTAB] + self.count * size
        if any(end <= self._dynamic.tags.get(tag, 0) < end + size for tag in _TABLES):
            return True
        place = self._layout.place(end)
        if place is None:
            return True  # nothing is loaded there
        behind = self._source.read_at(place[0], size)
        if len(behind) < size:
            return False
        following = Columns(behind, self._layout)
        strings = self._dynamic.tags.get(DT_STRSZ, 0)
        return not following.may_be_global(0) or following.names(0, 1)[0] >= strings

    def columns(self, count: int) -> Columns:
        """Read the first `count` symbols."""
        if count > MAX_SYMBOLS:
            raise Damaged(f"it has more than {MAX_SYMBOLS} symbols")
        size = symbol_size(self._layout)
        return Columns(self._read(self._place(self._dynamic.tags[DT_SYMTAB])[0], size * count), self._layout)

    def strings(self) -> bytes:
        """Read the names, each of which ends with NUL."""
        self._place(self._dynamic.tags[DT_STRTAB])
        return self._strings.whole()

    def versions(self, count: int) -> array[int]:
        """Read the numbers of the symbols' versions; none where there is no such table."""
        if DT_VERSYM not in self._dynamic.tags:
            return array("H")
        data = self._read(self._place(self._dynamic.tags[DT_VERSYM])[0], 2 * count)
        return words_of(data, self._layout.order, "H")

    def _hashed(self) -> tuple[int, array[int] | None, int]:
        if DT_GNU_HASH in self._dynamic.tags:
            return self._gnu_hash(self._dynamic.tags[DT_GNU_HASH])
        if DT_HASH not in self._dynamic.tags:
            return 1, array("I"), 1
        wide = self._layout.bits == 64 and self._layout.machine == _S390
        place = self._place(self._dynamic.tags[DT_HASH])
        data = self._read(place[0], 16 if wide else 8)
        return 1, None, struct.unpack(self._layout.order + ("2Q" if wide else "2I"), data)[1]

    def _gnu_hash(self, address: int) -> tuple[int, array[int], int]:
        start, end = self._place(address)
        order = self._layout.order
        count, first, blooms, _ = struct.unpack(order + "4I", self._read(start, 16))
        buckets = start + 16 + blooms * self._layout.bits // 8
        chain = buckets + 4 * count
        if chain > end or count > MAX_SYMBOLS:
            raise Damaged("its table of hashes lies outside what is loaded")
        self.buckets = words_of(self._read(buckets, 4 * count), order)
        top = max(self.buckets, default=0)
        if top < first or not top:
            return first, array("I"), first
        if top - first > MAX_SYMBOLS:
            raise Damaged(f"it has more than {MAX_SYMBOLS} symbols")
        words = words_of(self._read(chain, 4 * (top - first)), order)
        at = chain + 4 * (top - first)
        while len(words) <= MAX_SYMBOLS and at + 4 <= end:
            (word,) = struct.unpack(order + "I", self._read(at, 4))
            words.append(word)
            at += 4
            if word & 1:
                return first, words, first + len(words)
        raise Damaged("its table of hashes has no end")

    def _place(self, address: int) -> tuple[int, int]:
        place = self._layout.place(address)
        if place is None:
            raise Damaged("a table of its symbols lies outside what is loaded")
        return place

    def _read(self, start: int, size: int) -> bytes:
        data = self._source.read_at(start, size)
        if len(data) < size:
            raise Damaged("a table of its symbols is cut off")
        return data
