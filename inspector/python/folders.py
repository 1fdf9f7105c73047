"""Directories of the merged tree, each listed once, links followed: what thousands of RECORD rows are looked up in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from inspector.errors import InspectorError
from inspector.rootfs import Below, Kind, Node, Rootfs, files_below, resolve

T = TypeVar("T")
MAX_REMEMBERED = 100_000
"""Listings held at once; past them directories are listed again."""
MAX_DEPTH = 100
"""Components of a path that are looked up one by one; deeper paths are resolved whole."""
_ENTRIES_A_DISTRIBUTION = 100
_NOT_LISTED = ("", ".", "..")
STEPS_A_CHARACTER = 8
"""What parsing a character of Python's syntax takes at worst: the densest 150,000 take a second."""


class Folder(msgspec.Struct, frozen=True):
    """A directory by its path with all links followed, and what lies in it; `path` is None where there is none."""

    path: str | None
    children: Mapping[str, Node]


MISSING = Folder(None, {})


class Folders:
    """The directories of `fs` by path, links followed inside the root."""

    def __init__(self, fs: Rootfs) -> None:
        self.fs = fs
        self._known: dict[str, Folder] = {"/": Folder("/", fs.scandir("/"))}
        self.budget = fs.budget
        self._made: dict[tuple[str, object], Any] = {}
        self._asked: tuple[str, Below | None] = ("", None)

    def at(self, path: str) -> Folder:
        """Return the directory that the absolute `path` leads to. `..` is taken after links, as the kernel does."""
        known = self._known.get(path)
        if known is None:
            known = self._find(path)
            if known.path is not None and len(self._known) < MAX_REMEMBERED:
                self._known[path] = known
        return known

    def node(self, path: str) -> Node | None:
        """Return the node at `path`, links followed in its parents and in itself; None if dangling."""
        parent, _, name = path.rpartition("/")
        node = self.at(parent or "/").children.get(name)
        if name in _NOT_LISTED or (node is not None and node.kind is Kind.SYMLINK):
            resolved = resolve(self.fs, path)
            return None if resolved is None else self.fs.lstat(resolved)
        return node

    def nodes(self, top: str, paths: Iterable[str]) -> list[Node | None]:
        """Return what `node` does for each path, most of them of files below the directory `top`."""
        below, prefix = self.below(top), f"{top.rstrip('/')}/"
        if below is None:
            return [self.node(path) for path in paths]
        begin = len(prefix)
        return [(path.startswith(prefix) and below.node(path[begin:])) or self.node(path) for path in paths]

    def real(self, path: str) -> str | None:
        """Return the absolute `path` with all links followed; None if dangling."""
        parent, _, name = path.rpartition("/")
        top, below = self._asked
        if below is not None and path.startswith(top) and name in below.folders.get(f"{parent}/"[len(top) :], ()):
            return path
        folder = self.at(parent or "/")
        node = folder.children.get(name)
        if name in _NOT_LISTED or (node is not None and node.kind is Kind.SYMLINK):
            return resolve(self.fs, path)
        return None if node is None or folder.path is None else f"{folder.path.rstrip('/')}/{name}"

    def read(self, path: str) -> bytes:
        """Return the bytes of the file that the absolute `path` leads to. Raises `NotKept`, `NotFound`."""
        return self.fs.read(self.real(path) or path)

    def charge(self, files: int) -> None:
        """Count so many more files that something owns, those of several lists again. Raises `LimitExceeded`."""
        self.budget.spend("entries", files, "files that lists of files name")

    def count_distributions(self, found: int) -> None:
        """Count distributions, whose metadata is read and held. Raises `LimitExceeded`."""
        self.budget.spend("entries", _ENTRIES_A_DISTRIBUTION * found, "installed distributions")

    def count_rows(self, rows: int) -> None:
        """Count rows of lists of files that are gone through. Raises `LimitExceeded`."""
        self.budget.spend("steps", rows, "rows in lists of files")

    def count_parsed(self, characters: int) -> None:
        """Count characters of Python that are parsed. Raises `LimitExceeded`."""
        self.budget.spend("steps", STEPS_A_CHARACTER * characters, "characters of Python that are parsed")

    def once(self, what: str, content: object, make: Callable[[], T]) -> T:
        """Return what `make` returns or raises, made once for a content: one file may have many thousand names."""
        key = (what, content)
        if key not in self._made:
            try:
                self._made[key] = make()
            except InspectorError as error:
                self._made[key] = error
        found: T | InspectorError = self._made[key]
        if isinstance(found, InspectorError):
            raise found.with_traceback(None)
        return found

    def with_ending(self, folder: Folder, ending: str) -> Mapping[str, list[str]]:
        """Return the names in `folder` with this ending, by their part before the first dot, sorted.

        Raises `NotListed`.
        """
        return self.once(f"*{ending}", folder.path, lambda: _by_stem(folder.children, ending))

    def is_file(self, path: str) -> bool:
        """Tell whether `path` leads to a regular file."""
        node = self.node(path)
        return node is not None and node.kind is Kind.FILE

    def files_below(self, path: str) -> Iterator[tuple[str, Node]]:
        """Yield each regular file below the directory `path`, as (path, node); links are neither files nor followed."""
        top = self.at(path)
        todo = [] if top.path is None else [top.path]
        while todo:
            here = todo.pop()
            prefix = here if here == "/" else f"{here}/"
            children = self.at(here).children
            self.charge(len(children))
            for name, node in children.items():
                if node.kind is Kind.FILE:
                    yield prefix + name, node
                elif node.kind is Kind.DIRECTORY:
                    todo.append(prefix + name)

    def below(self, path: str) -> Below | None:
        """Return all files below a directory at once, where that is cheap: see `rootfs.files_below`."""
        found = files_below(self.fs, path)
        self._asked = f"{path.rstrip('/')}/", found
        return found

    def _find(self, path: str) -> Folder:
        parent, _, name = path.rpartition("/")
        if name in _NOT_LISTED or path.count("/") > MAX_DEPTH:
            return self._resolved(path)
        above = self.at(parent or "/")
        node = above.children.get(name)
        if node is None or above.path is None:
            return MISSING
        real = f"{above.path.rstrip('/')}/{name}"
        if node.kind is Kind.DIRECTORY:
            return Folder(real, self.fs.scandir(real)) if real == path else self.at(real)
        return self._resolved(real) if node.kind is Kind.SYMLINK else MISSING

    def _resolved(self, path: str) -> Folder:
        real = resolve(self.fs, path)
        node = None if real is None else self.fs.lstat(real)
        if real is None or node is None or node.kind is not Kind.DIRECTORY:
            return MISSING
        if real != path:
            return self.at(real)  # one listing for all names of a directory
        return Folder(real, self.fs.scandir(real))


def _by_stem(names: Mapping[str, Node], ending: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(name for name in names if name.endswith(ending)):
        found.setdefault(name.partition(".")[0], []).append(name)
    return found
