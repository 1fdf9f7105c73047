"""Symbol tables as sets of hashes, made when a scope is looked through and kept while there is room."""

from __future__ import annotations

import sys
from array import array
from collections import OrderedDict

import msgspec

from inspector.elf import Symbols, gnu_hash
from inspector.errors import LimitExceeded
from inspector.rootfs import NotKept, Rootfs

MAX_EXPORTED = 2_000_000
"""Hashes of one object; libtorch_cpu has 70,000."""
KEPT = 400_000
"""Hashes in all tables that are kept, about 30 MB."""


class Group(msgspec.Struct, frozen=True):
    """The undefined symbols that need one version of one library; both empty for those that need none."""

    file: str
    version: str
    hashes: frozenset[int]
    data: frozenset[int]


class Table(msgspec.Struct, frozen=True, gc=False):
    """What an object exports: all hashes (of 31 bits), those that a look-up without version finds, those by version."""

    exported: frozenset[int]
    plain: frozenset[int]
    versions: dict[str, frozenset[int]] | None = None

    def serving(self, wanted: frozenset[int], version: str) -> frozenset[int]:
        """Return which of some hashes serve a need of a version: those defined in it, and those in none."""
        found = wanted & self.exported
        if not found or self.versions is None:
            return found
        own = found & self.versions.get(version, _NONE) | found & self.versions.get("", _NONE)
        others = [hashes for name, hashes in self.versions.items() if name not in ("", version)] if own != found else []
        return own.union(each for each in found - own if not any(each in hashes for hashes in others))


_NONE = frozenset[int]()


class _Known(msgspec.Struct, frozen=True):
    """What an object exports, and what it needs, with no more of its symbols than that."""

    table: Table
    symbols: Symbols
    groups: list[Group]

    @property
    def hashes(self) -> int:
        """How many are held."""
        return len(self.table.exported) * (2 if self.table.versions else 1) + 2 * len(self.symbols.versions)


class Tables:
    """The tables of an image's objects by path. One may serve many processes."""

    def __init__(self, fs: Rootfs) -> None:
        self._fs = fs
        self._files: OrderedDict[str, _Known] = OrderedDict()
        self._held = 0

    def exported(self, file: str) -> Table | None:
        """Return what the file exports; None where that is not known."""
        found = self._known(file)
        return None if found is None else found.table

    def undefined(self, file: str) -> tuple[Symbols, list[Group]] | None:
        """Return a file's undefined symbols, grouped by the versions that they need; None where that is not known."""
        found = self._known(file)
        return None if found is None else (found.symbols, found.groups)

    def _known(self, file: str) -> _Known | None:
        if file in self._files:
            self._files.move_to_end(file)
            return self._files[file]
        try:
            symbols = self._fs.symbols(file)
        except NotKept:
            return None
        if symbols.partial:
            return None
        if len(symbols.exported) > 4 * MAX_EXPORTED:
            raise LimitExceeded(f"{file} exports more than {MAX_EXPORTED} symbols")
        exported = frozenset(_numbers(symbols.exported))
        plain = exported.difference(_numbers(symbols.hidden)) if symbols.hidden else exported
        table = Table(exported, plain, _versions(symbols, exported))
        undefined = msgspec.structs.replace(symbols, exported=b"", hidden=b"", defined=None)
        return self._keep(file, _Known(table, undefined, _grouped(symbols)))

    def _keep(self, file: str, known: _Known) -> _Known:
        self._held += known.hashes
        self._files[file] = known
        while self._held > KEPT and len(self._files) > 1:
            _, dropped = self._files.popitem(last=False)
            self._held -= dropped.hashes
        return known


def _versions(symbols: Symbols, exported: frozenset[int]) -> dict[str, frozenset[int]] | None:
    if symbols.defined is None:
        return None
    return {name: frozenset(_numbers(hashes)) if hashes else exported for name, hashes in symbols.defined}


def hashes_of(symbols: Symbols) -> list[int]:
    """Return the hashes, of 31 bits, of the undefined symbols, in their order."""
    return [gnu_hash(name) >> 1 for name in symbols.names.split(b"\0")]


def _grouped(symbols: Symbols) -> list[Group]:
    found: dict[int, tuple[set[int], set[int]]] = {}
    for number, (value, need) in enumerate(zip(hashes_of(symbols), symbols.versions, strict=False)):
        every, data = found.setdefault(need, (set(), set()))
        every.add(value)
        if number < symbols.data:
            data.add(value)
    groups = []
    for need, (every, data) in found.items():
        file, version = symbols.needs[need] if 0 <= need < len(symbols.needs) else ("", "")
        groups.append(Group(file, version, frozenset(every), frozenset(data)))
    return groups


def _numbers(content: bytes) -> array[int]:
    found = array("I", content[: len(content) & ~3])
    if sys.byteorder == "big":
        found.byteswap()
    return found
