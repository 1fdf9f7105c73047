"""The symbols of an ELF file that binding decides by, by columns: a library has a hundred thousand of them."""

from __future__ import annotations

import contextlib
import re
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice

from inspector.elf.columns import SHOWN, Columns, defining_in
from inspector.elf.dynamic import (
    DT_GNU_HASH,
    DT_HASH,
    DT_STRSZ,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERSYM,
    MAX_SYMBOLS,
    Damaged,
)
from inspector.elf.hashes import gnu_hash
from inspector.elf.layout import Layout
from inspector.elf.model import NotElf, Skeleton, Symbols
from inspector.elf.opened import PASSED, Opened, open_elf
from inspector.elf.relocations import named, relocation_ranges
from inspector.elf.skeleton import skeleton_of
from inspector.elf.source import Absent, Source
from inspector.elf.words import bytes_of, words_of

MAX_STRINGS = 32 << 20
"""Bytes of the names of all symbols of one file."""
MAX_UNDEFINED = 4 << 20
"""Bytes of the names that are kept or hashed of one file; libtorch_python has 0.4 MB."""
MAX_MODULES = 10_000
"""Names of the form `PyInit_N` of one file."""

_STRONG = bytes(binding << 4 | kind for binding in (1, 10) for kind in range(16))
_HIDDEN, _VERSION = 0x8000, 0x7FFF
_BASE = 1
_S390 = 22
Defined = tuple[tuple[str, bytes], ...] | None
_MODULE = re.compile(rb"PyInit_([ -~]{1,255})\0")


def symbol_size(layout: Layout) -> int:
    """Return the bytes of one symbol."""
    return 24 if layout.bits == 64 else 16


def read_symbols(source: Source) -> Symbols:
    """Read them; what can't be had is left out, and `partial` says why.

    Where only the relocations can't be had, `names` are all undefined ones, which may be a few too many.
    """
    opened = open_elf(source)
    return Symbols(partial=opened.reason) if isinstance(opened, NotElf) else symbols_of(opened)


def symbols_of(opened: Opened) -> Symbols:
    """Return the symbols of a file whose headers were read; see `read_symbols`."""
    if DT_SYMTAB not in opened.dynamic.tags or DT_STRTAB not in opened.dynamic.tags:
        return Symbols(partial=opened.dynamic.cut)
    try:
        return _Table(opened).symbols()
    except (Damaged, Absent) as error:
        return Symbols(partial=str(error) or PASSED)


def read_both(source: Source) -> tuple[Skeleton | NotElf, Symbols]:
    """Read the skeleton and the symbols, and once what both are made of."""
    opened = open_elf(source)
    if isinstance(opened, NotElf):
        return opened, Symbols(partial=opened.reason)
    return skeleton_of(opened), symbols_of(opened)


class _Table:
    """The symbols of one file. Raises `Absent`, `Damaged`."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._source, self._layout, self._dynamic = source, layout, dynamic = (
            opened.source,
            opened.layout,
            opened.dynamic,
        )
        self._why = dynamic.cut
        self._first, self._chain, count = self._hashed()
        ranges = relocation_ranges(layout, dynamic)
        highest = count - 1
        while True:
            if max(count, highest + 1) > MAX_SYMBOLS:
                raise Damaged(f"it has more than {MAX_SYMBOLS} symbols")
            count = highest + 1
            self._columns = self._read_columns(count)
            undefined = self._undefined()
            try:
                (self._data, highest), (late, last) = (named(source, layout, each, undefined) for each in ranges)
            except Absent:
                self._data, late, self._why = list(undefined), [], self._why or PASSED
                break
            highest = max(highest, last)
            if highest < count:
                break  # else it has symbols that no table of hashes counts
        if self._why:
            self._data = list(undefined)
        known = set(self._data)
        self._late = [number for number in late if number not in known]
        self._strings = self._read_strings()
        self._versions = self._read_versions(count)

    def _undefined(self) -> dict[int, None]:
        """Return the symbols that are defined elsewhere, but for weak ones, in their order."""
        infos, others, sections = self._columns.infos, self._columns.others, self._columns.sections
        found = [number for number, section in enumerate(sections[: self._first]) if not section]
        number = self._first - 1  # behind it are those that it defines, or nearly all
        with contextlib.suppress(ValueError):  # no further one
            while True:
                number = sections.index(0, number + 1)
                found.append(number)
        return {number: None for number in found if infos[number] in _STRONG and others[number] & 3 in SHOWN}

    def symbols(self) -> Symbols:
        names, numbers, data = self._named()
        needs, versions = self._needed_versions(numbers)
        exported, hidden, defined, defining = self._exported()
        return Symbols(
            names=b"\0".join(names),
            data=data,
            versions=versions,
            needs=needs,
            exported=exported,
            hidden=hidden,
            modules=self._modules(defining),
            partial=self._why,
            defined=defined,
        )

    def _named(self) -> tuple[list[bytes], list[int], int]:
        """Return the names, without those that are empty, the numbers of their symbols, and how many are of data."""
        data = self._names_of(self._data, MAX_UNDEFINED)
        late = self._names_of(self._late, MAX_UNDEFINED - sum(map(len, data)))
        found = [*zip(data, self._data, strict=True), *zip(late, self._late, strict=True)]
        count = len(data) - data.count(b"")
        return [name for name, _ in found if name], [number for name, number in found if name], count

    def _names_of(self, numbers: Iterable[int], most: int) -> list[bytes]:
        """Return the names of symbols, in at most so many bytes."""
        places, find = self._columns.names, self._strings.find
        names: list[bytes] = []
        for number in numbers:
            start = places[number]
            end = find(b"\0", start, start + most + 1)
            if end < 0:
                raise Damaged(f"its symbols have no names, or names of more than {MAX_UNDEFINED} bytes")
            names.append(self._strings[start:end])
            most -= end - start
        return names

    def _needed_versions(self, numbers: Sequence[int]) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...]]:
        """Return the versions needed, with the library of each, and which of them each symbol has."""
        if not self._versions:
            return (), (-1,) * len(numbers)
        found, error = self._opened.needs
        if error is not None:
            raise error
        needs: list[tuple[str, str]] = []
        places: dict[int, int] = {}
        for file, versions in found:
            for name, _, number in versions:
                places[number] = len(needs)
                needs.append((file, name))
        return tuple(needs), tuple(places.get(self._versions[number] & _VERSION, -1) for number in numbers)

    def _exported(self) -> tuple[bytes, bytes, Defined, Sequence[int]]:
        """Return the hashes of what is defined, of what only a hidden version defines or each, and their numbers."""
        columns, first = self._columns, self._first
        last = first + len(self._chain) if self._chain is not None else len(columns.names)
        numbers = defining_in(columns, first, last)
        if self._chain is None:
            hashes = array("I", [gnu_hash(name) >> 1 for name in self._names_of(numbers, MAX_UNDEFINED)])
        else:
            hashes = _halved(self._chain)
            if len(numbers) < len(hashes):
                hashes = array("I", [hashes[number - first] for number in numbers])
        hidden = bytes_of(self._only_hidden(numbers, hashes))
        return bytes_of(hashes), hidden, self._in_versions(numbers, hashes), numbers

    def _in_versions(self, numbers: Sequence[int], hashes: array[int]) -> Defined:
        """Return what is defined in each version but the base, and what is defined in the base beside another."""
        names, error = self._opened.defined if self._versions else (None, None)
        if error is not None:
            raise error
        if names is None:
            return None
        found = {number: set[int]() for number in names if number > _BASE}
        base = set[int]()
        versions = self._versions_of(numbers)
        used = set(versions)
        if not any(version & _VERSION in found for version in used):
            return ()
        add = {version: found.get(version & _VERSION, set() if version & _HIDDEN else base).add for version in used}
        for version, value in zip(versions, hashes, strict=True):
            add[version](value)
        every = set(hashes)
        also = base.intersection(set().union(*found.values()))
        rows = [
            (names[number], b"" if place == every else bytes_of(sorted(place)))
            for number, place in found.items()
            if place
        ]
        return (*rows, *([("", bytes_of(sorted(also)))] if also else []))

    def _versions_of(self, numbers: Sequence[int]) -> Sequence[int]:
        if isinstance(numbers, range):
            return self._versions[numbers.start : numbers.stop]
        return [self._versions[number] for number in numbers]

    def _only_hidden(self, numbers: Sequence[int], hashes: array[int]) -> list[int]:
        """Return the hashes that an unversioned reference can't mean: a hidden version, not the base or the first."""
        versions = self._versions
        if max(versions, default=0) < _HIDDEN:
            return []
        hidden, shown = set[int](), set[int]()
        for number, value in zip(numbers, hashes, strict=True):
            version = versions[number]
            (hidden if version & _HIDDEN and version & _VERSION > 2 else shown).add(value)
        return sorted(hidden - shown)

    def _modules(self, numbers: Sequence[int]) -> tuple[str, ...]:
        places: dict[int, str] = {}
        for match in islice(_MODULE.finditer(self._strings), MAX_MODULES):
            places[match.start()] = match[1].decode()
        if not places:
            return ()
        names = self._columns.names
        return tuple(sorted({places[names[number]] for number in numbers if names[number] in places}))

    def _hashed(self) -> tuple[int, array[int] | None, int]:
        """Return the first symbol that is found by hash, the chain of DT_GNU_HASH, and the count of symbols."""
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
        top = max(words_of(self._read(buckets, 4 * count), order), default=0)
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

    def _read_columns(self, count: int) -> Columns:
        size = symbol_size(self._layout)
        data = self._read(self._place(self._dynamic.tags[DT_SYMTAB])[0], size * count)
        words, halves = (words_of(data, self._layout.order, code) for code in "IH")
        if self._layout.bits == 64:
            values = words_of(data, self._layout.order, "Q")[1::3]
            return Columns(words[0::6], data[4::24], data[5::24], halves[3::12], values)
        return Columns(words[0::4], data[12::16], data[13::16], halves[7::8], words[1::4])

    def _read_strings(self) -> bytes:
        place = self._place(self._dynamic.tags[DT_STRTAB])
        size = min(self._dynamic.tags.get(DT_STRSZ, 0), place[1] - place[0])
        if size > MAX_STRINGS:
            raise Damaged(f"its symbols have names of more than {MAX_STRINGS} bytes")
        return self._read(place[0], size)

    def _read_versions(self, count: int) -> array[int]:
        if DT_VERSYM not in self._dynamic.tags:
            return array("H")
        data = self._read(self._place(self._dynamic.tags[DT_VERSYM])[0], 2 * count)
        return words_of(data, self._layout.order, "H")

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


def _halved(numbers: array[int]) -> array[int]:
    """Return each number without its lowest bit, all at once."""
    mask = array("I", [0x7FFFFFFF]) * len(numbers)
    whole, kept = (int.from_bytes(each.tobytes(), sys.byteorder) for each in (numbers, mask))
    return array("I", (whole >> 1 & kept).to_bytes(4 * len(numbers), sys.byteorder))
