"""Whether the undefined symbols of an object are found in the scopes that it is bound in.

Follows `_dl_lookup_symbol_x` and `check_match` in glibc's `elf/dl-lookup.c`, by the hashes of names.
"""

from __future__ import annotations

from collections.abc import Iterable

from inspector import work
from inspector.elf import Symbols
from inspector.loader.errors import LoadStops, unknown
from inspector.loader.model import Loaded, LoadFailure
from inspector.loader.tables import Group, Hashes, Table, Tables

_ASSERTED_UNTIL = (2, 40)
_OFTEN = 16  # groups of symbols after which it is asked whether to stop, which calls the system


Need = tuple[str, str]
"""A library, and the version of it that is needed."""


class Scope:
    """The objects that symbols are looked up in, in their order, each once."""

    def __init__(self, objects: Iterable[Loaded]) -> None:
        self.objects = tuple(dict.fromkeys(objects))
        self._named: dict[str, Loaded] = {}
        for each in reversed(self.objects):
            self._named.update(dict.fromkeys(each.names, each))

    def named(self, name: str) -> Loaded | None:
        """Return the first object that was asked for by a name."""
        return self._named.get(name)


class Binder:
    """Binds objects; `glibc` is its version, None for musl, which does not look at versions."""

    def __init__(self, tables: Tables, glibc: tuple[int, int] | None) -> None:
        self._tables = tables
        self._glibc = glibc
        self._asserted: dict[Need, Hashes] = {}
        self._asks_whole = False

    def unbound(self, of: Loaded, scope: Scope, *, now: bool) -> LoadFailure | None:
        """Return the failure of the first symbol, in the order of relocation, that no object of the scope defines.

        Raises `LoadStops` where that is not known. Unless `now`, only data is bound.
        """
        try:
            failure = self._bind(of, scope, now=now)
        except LoadStops:
            if not self._complete(scope, of):
                raise
        else:
            if not (failure or self._asks_whole) or not self._complete(scope, of):
                return failure
        return self._bind(of, scope, now=now)

    def _complete(self, scope: Scope, of: Loaded) -> bool:
        """Have whole tables where only parts of some were kept; False where these were whole."""
        return self._tables.complete(of.file, (each.file for each in scope.objects))

    def _bind(self, of: Loaded, scope: Scope, *, now: bool) -> LoadFailure | None:
        table = self._tables.get(of.file)
        if table is None:
            raise unknown(of.shown, "its symbols are not known")
        missing: dict[Need, Hashes] = {}
        self._asserted, self._asks_whole = {}, False
        for number, group in enumerate(table.groups):
            if not number % _OFTEN:
                work.check()
            left = self._left(group, group.hashes if now else group.data, scope, of)
            if left:
                missing[group.file, group.version] = left
        return self._first(of, table.symbols, missing) if missing or self._asserted else None

    def _left(self, group: Group, wanted: Hashes, scope: Scope, of: Loaded) -> Hashes:
        if not wanted or not group.version or self._glibc is None:
            return self._plain(wanted, scope, of)
        provider = scope.named(group.file)
        if provider is not None and provider.skeleton.defined and group.version in provider.skeleton.defined:
            table = self._tables.get(provider.file)
            wanted = wanted - table.serving(wanted, group.version) if table is not None else wanted
        return self._versioned(group, wanted, scope, of) if wanted else wanted

    def _plain(self, wanted: Hashes, scope: Scope, of: Loaded) -> Hashes:
        opaque = False
        for each in scope.objects:
            if not wanted:
                break
            table = self._tables.get(each.file)
            opaque |= table is None
            wanted = wanted - table.plain if table is not None else wanted
        if wanted and opaque:
            raise unknown(of.shown, "the symbols of a library that it uses are not known")
        return wanted

    def _versioned(self, group: Group, wanted: Hashes, scope: Scope, of: Loaded) -> Hashes:
        doubtful: Hashes = frozenset()
        opaque = False
        for each in scope.objects:
            table = self._tables.get(each.file)
            if table is None:
                opaque = True
                continue
            defined = each.skeleton.defined
            if defined is None:
                self._note_assertion(group, each, wanted, table)
            wanted = wanted - table.serving(wanted, group.version)
            if table.versions is None and defined is not None:
                doubtful |= wanted & table.exported
        if wanted and (opaque or wanted <= doubtful):
            raise unknown(of.shown, f"whether {group.version} of a symbol is defined is not known")
        return wanted

    def _note_assertion(self, group: Group, each: Loaded, wanted: Hashes, table: Table) -> None:
        """Note symbols for which glibc asserts that a library that a version is needed of has versions at all."""
        without_versions = not each.skeleton.needs and group.file in each.names
        if without_versions and self._glibc is not None and self._glibc <= _ASSERTED_UNTIL:
            self._asks_whole |= table.symbols.thinned
            if found := wanted & table.exported:
                self._asserted[group.file, group.version] = found

    def _first(self, of: Loaded, symbols: Symbols, missing: dict[Need, Hashes]) -> LoadFailure | None:
        for number, (need, value) in enumerate(zip(symbols.versions, symbols.undefined(), strict=False)):
            file, version = symbols.needs[need] if need >= 0 else ("", "")
            if value in missing.get((file, version), ()):
                return self._failure(of, _name(symbols, number), version, file)
            if value in self._asserted.get((file, version), ()):
                return _assertion(of, file)
        return None

    def _failure(self, of: Loaded, symbol: str, version: str, file: str) -> LoadFailure:
        path = of.shown
        if self._glibc is None:
            text = f"Error relocating {path}: {symbol}: symbol not found"
        else:
            text = f"{path}: undefined symbol: {symbol}" + (f", version {version}" if version else "")
        return LoadFailure(kind="symbol", object=path, text=text, library=file, symbol=symbol)


def _assertion(of: Loaded, library: str) -> LoadFailure:
    text = "Assertion `version->filename == NULL || ! _dl_name_match_p (version->filename, map)' failed!"
    return LoadFailure(
        kind="assertion",
        certainty="dies",
        object=of.shown,
        text=f"Inconsistency detected by ld.so: dl-lookup.c: check_match: {text}",
        needed_by=of.shown,
        library=library,
        status=127,
    )


def _name(symbols: Symbols, number: int) -> str:
    """Return the name of an undefined symbol; of those that are only kept, nothing is said before they are whole."""
    return "" if symbols.kept else symbols.names.split(b"\0", number + 1)[number].decode("utf-8", "replace")
