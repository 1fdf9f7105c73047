"""The symbols of an ELF file that binding decides by, by columns: a library has a hundred thousand of them."""

from __future__ import annotations

import contextlib
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import compress, repeat

from inspector.elf.dynamic import DT_STRTAB, DT_SYMTAB, Damaged, Strings
from inspector.elf.exports import Defined, any_hidden, in_versions, only_hidden
from inspector.elf.hashes import hashes_of, restored
from inspector.elf.model import NotElf, Skeleton, Symbols
from inspector.elf.opened import PASSED, Opened, open_elf
from inspector.elf.relocations import named, relocation_ranges
from inspector.elf.skeleton import skeleton_of
from inspector.elf.source import Absent, Source
from inspector.elf.symbol_table import SymbolTable
from inspector.elf.words import bytes_of

MAX_UNDEFINED = 4 << 20
"""Bytes of the names that are kept or hashed of one file; libtorch_python has 0.4 MB."""
MAX_MODULES = 10_000
"""Names of the form `PyInit_N` of one file."""

_VERSION = 0x7FFF
_BEGINS = b"PyInit_"
_MODULE = re.compile(_BEGINS + rb"([ -~]{1,255})\0")
_FEW = 20  # items that are taken out of a column one by one
_AT_ONCE = 256  # names, whose bytes are counted before they are cut out


def read_symbols(source: Source, *, whole: bool = True) -> Symbols:
    """Read them; what can't be had is left out, and `partial` says why.

    Where only the relocations can't be had, `names` are all undefined ones, which may be a few too many. Unless
    `whole`, the relocations are not read, the largest table of most files: then there are the `hashes` of all undefined
    ones, as of symbols that are `kept`. What is found of these is found; for what is not, all has to be read.
    """
    opened = open_elf(source)
    return Symbols(partial=opened.reason) if isinstance(opened, NotElf) else symbols_of(opened, whole=whole)


def symbols_of(opened: Opened, *, whole: bool = True) -> Symbols:
    """Return the symbols of a file whose headers were read; see `read_symbols`."""
    if DT_SYMTAB not in opened.dynamic.tags or DT_STRTAB not in opened.dynamic.tags:
        return Symbols(partial=opened.dynamic.cut)
    try:
        return _Reading(opened, whole=whole).symbols()
    except (Damaged, Absent) as error:
        return Symbols(partial=str(error) or PASSED)


Wanted = Callable[[Skeleton, Strings], bool]
"""Tells whether the symbols of a file are wanted, by its skeleton and its table of strings."""


def read_both(source: Source, wanted: Wanted) -> tuple[Skeleton | NotElf, Symbols | None]:
    """Read the skeleton and, where they are wanted, the symbols; and once what both are made of."""
    opened = open_elf(source)
    if isinstance(opened, NotElf):
        return opened, Symbols(partial=opened.reason)
    return both_of(opened, wanted)


def both_of(opened: Opened, wanted: Wanted) -> tuple[Skeleton, Symbols | None]:
    """Return the same of a file whose headers were read, and whose bytes are in memory."""
    with contextlib.suppress(Absent, Damaged):
        opened.strings.whole()  # which serves all names
    skeleton = skeleton_of(opened)
    return skeleton, symbols_of(opened) if wanted(skeleton, opened.strings) else None


class _Reading:
    """The symbols of one file. Raises `Absent`, `Damaged`."""

    def __init__(self, opened: Opened, *, whole: bool) -> None:
        self._opened = opened
        self._table = table = SymbolTable(opened)
        self._why = opened.dynamic.cut
        self._columns = table.columns(table.count)
        self._hashed = not whole and not self._why and table.is_counted
        self._data = self._columns.undefined(table.first)
        self._late: list[int] = []
        if not self._hashed:
            self._read_relocations()
        self._strings = table.strings()
        self._versions = table.versions(self._columns.count)

    def _read_relocations(self) -> None:
        """Leave only what relocations name, in their order."""
        opened = self._opened
        ranges = relocation_ranges(opened.layout, opened.dynamic)
        while True:
            undefined = dict.fromkeys(self._data)
            try:
                found = [named(opened.source, opened.layout, each, undefined) for each in ranges]
            except Absent:
                self._why = self._why or PASSED
                return
            highest = max(last for _, last in found)
            if highest < self._columns.count:
                break
            self._columns = self._table.columns(highest + 1)  # it has symbols that no table of hashes counts
            self._data = self._columns.undefined(self._table.first)
        if not self._why:
            self._data = found[0][0]
        self._late, known = found[1][0], set(self._data)
        if not known.isdisjoint(self._late):
            self._late = [number for number in self._late if number not in known]

    def symbols(self) -> Symbols:
        names, numbers, data = self._named()
        needs, versions = self._needed_versions(numbers)
        table, columns = self._table, self._columns
        last = table.first + len(table.chain) if table.chain is not None else columns.count
        defining = columns.defining(table.first, last)
        hashes = self._hashes(table.first, last, defining)
        defined, hidden = self._defined(table.first, last, defining, hashes)
        return Symbols(
            names=b"" if self._hashed else b"\0".join(names),
            data=data,
            versions=versions,
            needs=needs,
            exported=bytes_of(hashes),
            hidden=hidden,
            modules=self._modules(table.first, last, defining),
            partial=self._why,
            defined=defined,
            hashes=bytes_of(hashes_of(names)) if self._hashed else b"",
            kept=self._hashed,
        )

    def _named(self) -> tuple[list[bytes], list[int], int]:
        """Return the names, without those that are empty, the numbers of their symbols, and how many are of data."""
        numbers = self._data + self._late
        names = self._names_of(numbers, MAX_UNDEFINED)
        count = len(self._data) - names[: len(self._data)].count(b"")
        if b"" in names:
            numbers = [number for name, number in zip(names, numbers, strict=True) if name]
            names = list(filter(None, names))
        return names, numbers, count

    def _names_of(self, numbers: Sequence[int], most: int) -> list[bytes]:
        """Return the names of symbols, in at most so many bytes."""
        if not numbers:
            return []
        places, strings = self._columns.names(0, max(numbers) + 1), self._strings
        names: list[bytes] = []
        for begin in range(0, len(numbers), _AT_ONCE):
            starts = [places[number] for number in numbers[begin : begin + _AT_ONCE]]
            ends = list(map(strings.find, repeat(b"\0"), starts))
            most -= sum(ends) - sum(starts)
            if most < 0 or -1 in ends:
                raise Damaged(f"its symbols have no names, or names of more than {MAX_UNDEFINED} bytes")
            names += [strings[start:end] for start, end in zip(starts, ends, strict=True)]
        return names

    def _needed_versions(self, numbers: Iterable[int]) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...]]:
        """Return the versions needed, with the library of each, and which of them each symbol has."""
        if not self._versions:
            return (), (-1,) * sum(1 for _ in numbers)
        found, error = self._opened.needs
        if error is not None:
            raise error
        needs: list[tuple[str, str]] = []
        places: dict[int, int] = {}
        for need, numbers_of in found:
            for (name, _), number in zip(need.versions, numbers_of, strict=True):
                places[number] = len(needs)
                needs.append((need.file, name))
        used = list(map(self._versions.__getitem__, numbers))
        place = {version: places.get(version & _VERSION, -1) for version in set(used)}
        return tuple(needs), tuple(map(place.__getitem__, used))

    def _hashes(self, first: int, last: int, defining: bytes | None) -> array[int]:
        """Return the hashes of what is defined."""
        table = self._table
        if table.chain is not None and len(table.buckets) > 1:
            return _chosen(restored(table.chain, table.buckets, table.first), defining)
        numbers = range(first, last) if defining is None else list(compress(range(first, last), defining))
        return array("I", hashes_of(self._names_of(numbers, MAX_UNDEFINED)))

    def _defined(self, first: int, last: int, defining: bytes | None, hashes: array[int]) -> tuple[Defined, bytes]:
        """Return what is defined in each version, and the hashes that only a hidden version has."""
        if not self._versions:
            return None, b""
        names, error = self._opened.defined
        if error is not None:
            raise error
        versions = self._versions[first:last]
        if names is None and not any_hidden(versions):
            return None, b""
        versions = _chosen(versions, defining)
        defined = None if names is None else in_versions(names, versions, hashes)
        return defined, bytes_of(only_hidden(versions, hashes))

    def _modules(self, first: int, last: int, defining: bytes | None) -> tuple[str, ...]:
        """Return the modules that what is defined begins, among the names that look so, as few files have any."""
        places = self._initializers()
        if not places:
            return ()
        named = places.keys() & set(_chosen(self._columns.names(first, last), defining))
        return tuple(sorted({places[place] for place in named}))

    def _initializers(self) -> dict[int, str]:
        """Return where in the table of names there are those of functions that begin a module, and its name."""
        strings, at = self._strings, -1
        found: dict[int, str] = {}
        while len(found) < MAX_MODULES and (at := strings.find(_BEGINS, at + 1)) >= 0:  # 10 times as fast as a search
            match = _MODULE.match(strings, at)
            if match is not None:
                found[at] = match[1].decode()
        return found


def _chosen(column: array[int], which: bytes | None) -> array[int]:
    """Return those of which a byte is 1; None stands for all."""
    if which is None:
        return column
    if which.count(0) > _FEW:
        return array(column.typecode, compress(column, which))
    found, at = column[:], which.rfind(b"\0")
    while at >= 0:
        del found[at]
        at = which.rfind(b"\0", 0, at)
    return found
