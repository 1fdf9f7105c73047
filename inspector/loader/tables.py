"""Symbol tables as sets of hashes, made when a scope is looked through and kept while there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from inspector.elf import Symbols, words_of
from inspector.errors import LimitExceeded
from inspector.rootfs import NotKept, Rootfs

MAX_EXPORTED = 2_000_000
"""Hashes of one object; libtorch_cpu has 70,000."""
KEPT = 400_000
"""Hashes in all tables that are kept, about 30 MB."""

Hashes = frozenset[int]
_NONE: Hashes = frozenset()


class Group(msgspec.Struct, frozen=True):
    """The undefined symbols that need one version of one library; both empty for those that need none."""

    file: str
    version: str
    hashes: Hashes
    data: Hashes


class Table(msgspec.Struct, frozen=True, gc=False):
    """An object's symbols: the hashes that it exports, those that a look-up without version finds, those by version.

    `groups` are those that it needs, in the order of `symbols`, which holds nothing more of what it exports.
    """

    exported: Hashes
    plain: Hashes
    versions: dict[str, Hashes] | None
    symbols: Symbols
    groups: tuple[Group, ...]

    def serving(self, wanted: Hashes, version: str) -> Hashes:
        """Return which of some hashes serve a need of a version: those defined in it, and those in none."""
        found = wanted & self.exported
        if not found or self.versions is None:
            return found
        own = found & self.versions.get(version, _NONE) | found & self.versions.get("", _NONE)
        others = [hashes for name, hashes in self.versions.items() if name not in ("", version)] if own != found else []
        return own.union(each for each in found - own if not any(each in hashes for hashes in others))

    @property
    def size(self) -> int:
        """How many hashes are held."""
        return len(self.exported) * (2 if self.versions else 1) + 2 * len(self.symbols.versions)


class Tables:
    """The tables of an image's objects by path. One may serve many processes."""

    def __init__(self, fs: Rootfs) -> None:
        self._fs = fs
        self._files: OrderedDict[str, Table] = OrderedDict()
        self._whole: set[str] = set()
        self._held = 0

    def get(self, file: str) -> Table | None:
        """Return a file's table; None where that is not known."""
        if file in self._files:
            self._files.move_to_end(file)
            return self._files[file]
        try:
            symbols = self._fs.symbols(file, whole=file in self._whole)
        except NotKept:
            return None
        if symbols.partial:
            return None
        if len(symbols.exported) > 4 * MAX_EXPORTED:
            raise LimitExceeded(f"{file} exports more than {MAX_EXPORTED} symbols")
        return self._keep(file, table_of(symbols))

    def complete(self, needing: str, files: Iterable[str]) -> bool:
        """Have whole tables from now on, as far as they can be had, of a file that needs names and of thinned ones.

        Tell whether any was not asked for so before.
        """
        partly = {file for file in files if (table := self.get(file)) is not None and table.symbols.thinned}
        if needing not in self._whole:
            partly.add(needing)  # even if it has its names: the cache keeps the names of what is listed here
        self._whole |= partly
        for file in partly & self._files.keys():
            self._held -= self._files.pop(file).size
        return bool(partly)

    def _keep(self, file: str, table: Table) -> Table:
        self._held += table.size
        self._files[file] = table
        while self._held > KEPT and len(self._files) > 1:
            _, dropped = self._files.popitem(last=False)
            self._held -= dropped.size
        return table


def table_of(symbols: Symbols) -> Table:
    """Make the table of an object's symbols."""
    exported = _set(symbols.exported)
    return Table(
        exported=exported,
        plain=exported.difference(words_of(symbols.hidden)) if symbols.hidden else exported,
        versions=None
        if symbols.defined is None
        else {name: _set(hashes) if hashes else exported for name, hashes in symbols.defined},
        symbols=msgspec.structs.replace(symbols, exported=b"", hidden=b"", defined=None),
        groups=_grouped(symbols),
    )


def _set(content: bytes) -> Hashes:
    return frozenset(words_of(content))


def _grouped(symbols: Symbols) -> tuple[Group, ...]:
    hashes, needs, count = symbols.undefined(), symbols.versions, symbols.data
    every = _by_need(hashes, needs)
    data = every if count >= len(needs) else _by_need(hashes[:count], needs[:count])
    return tuple(
        Group(*(symbols.needs[need] if 0 <= need < len(symbols.needs) else ("", "")), values, data.get(need, _NONE))
        for need, values in every.items()
    )


def _by_need(hashes: Iterable[int], needs: tuple[int, ...]) -> dict[int, Hashes]:
    found: dict[int, list[int]] = {need: [] for need in dict.fromkeys(needs)}
    for value, need in zip(hashes, needs, strict=False):
        found[need].append(value)
    return {need: frozenset(values) for need, values in found.items()}
