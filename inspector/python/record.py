"""The files that a distribution owns, by the list that its installer left, as they stand in the image.

RECORD (binary distribution format) and `installed-files.txt`. Rows come from the image: paths may be
absolute, climb with `..`, or name what is not there.
"""

from __future__ import annotations

import binascii
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, repeat
from typing import NamedTuple

import msgspec

from inspector.python.folders import MISSING, Folder, Folders
from inspector.rootfs import Below, Kind, Node

MAX_ROWS = 200_000
"""Rows of one list, past which it is not believed."""
MAX_PATH = 4096
MAX_GONE = 5000
"""Directories that a list names and that are not there, past which it is not believed."""
_STEPS_A_MISS = 50  # each is a path of its own, looked up from the root and not remembered
MAX_HELD = 4 << 20
"""Bytes of a RECORD whose rows are held; that of PyTorch 2.13 has 1.3 MB."""
_CACHE = "__pycache__"
_SHA256 = "sha256="
_LENGTH = len(_SHA256) + 43  # 32 bytes in base64 without the padding


_AT_ONCE = 20_000


class Owned(msgspec.Struct, frozen=True):
    """Files on disk, each content once: inode to bytes."""

    files: dict[int, int]

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(self.files.values())


Row = tuple[str, str, str]
"""Path, hash and size of a row as they are written; what it does not state is empty."""


class Part(NamedTuple):
    """Rows of a RECORD: names and sizes by the path of their folder, and all of sources as they stand in it."""

    folders: dict[str, tuple[list[str], list[str]]]
    sources: list[Row]


class Rows:
    """The rows of a RECORD as they stand in it.

    `unread` counts, once they were gone through, the rows that csv can't read: a field of more than 131,072
    characters, quotes that don't close; other readers stop there. All rows past `MAX_ROWS` count as one.
    """

    def __init__(self, content: bytes) -> None:
        self.unread = 0
        self._content = content
        self._held: Part | None = None

    @property
    def most(self) -> int:
        """How many there are at most, as their lines are counted."""
        return min(self._content.count(b"\n") + 1, MAX_ROWS)

    def __iter__(self) -> Iterator[Row]:
        for row in self._fields():
            path, stated, size = row if len(row) == 3 else [*row, "", "", ""][:3]
            if path:
                yield path, stated, size

    def parts(self) -> Iterator[Part]:
        """Yield as many rows at a time as are held, which mostly are all, and then taken apart once."""
        if self._held is None and len(self._content) <= MAX_HELD:
            self._held = _part_of(self._fields())
        if self._held is not None:
            yield self._held
            return
        rows = self._fields()
        while some := list(islice(rows, _AT_ONCE)):
            yield _part_of(some)

    def folders(self) -> Mapping[str, Sequence[str]]:
        """Return the names of the files by the path of their folder, which all distributions are asked for."""
        if self._held is not None:
            return {folder: names for folder, (names, _) in self._held.folders.items()}
        return by_folder(row[0] for row in self._fields() if row)

    def _fields(self) -> Iterator[list[str]]:
        self.unread = 0
        lines = lines_of(self._content)
        if b'"' in self._content:
            return self._quoted(lines)
        self.unread = int(len(lines) > MAX_ROWS)
        return map(str.rsplit, islice(lines, MAX_ROWS), repeat(","), repeat(2))

    def _quoted(self, lines: Iterable[str]) -> Iterator[list[str]]:
        rows = csv.reader(lines, strict=True)
        left = MAX_ROWS
        while True:
            try:
                row = next(rows, None)
            except csv.Error:  # the reader goes on with the next line
                self.unread += 1
                continue
            left -= 1
            if row is None or left < 0:
                self.unread += row is not None
                return
            yield row


def _part_of(rows: Iterable[list[str]]) -> Part:
    """Take rows apart; those of one folder mostly follow each other."""
    part = Part({}, [])
    last: str | None = None
    names: list[str] = []
    sizes: list[str] = []
    for row in rows:
        path, stated, size = row if len(row) == 3 else [*row, "", "", ""][:3]
        if not path:
            continue
        folder, _, name = path.rpartition("/")
        if folder != last:
            last = folder
            names, sizes = part.folders.setdefault(folder, ([], []))
        names.append(name)
        sizes.append(size)
        if name.endswith(".py"):
            part.sources.append((path, stated, size))
    return part


def by_folder(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the last components of paths by what comes before them; paths of one folder mostly follow each other."""
    found: dict[str, list[str]] = {}
    last: str | None = None
    names: list[str] = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder != last:
            last = folder
            names = found.setdefault(folder, [])
        names.append(name)
    return found


def lines_of(content: bytes) -> list[str]:
    """Return the lines of a list of files, as many as are gone through of one and one more."""
    lines = content.decode("utf-8", "surrogateescape").split("\n", MAX_ROWS + 1)
    if b"\r" in content:
        lines = [line.rstrip("\r") for line in lines]
    del lines[MAX_ROWS + 1 :]
    return lines if lines[-1] else lines[:-1]


def sum_in(stated: str) -> bytes | None:
    """Return the first 16 bytes of the SHA-256 sum that a row states; None for another hash, or an invalid one."""
    if len(stated) != _LENGTH or not stated.startswith(_SHA256):
        return None
    try:
        found = binascii.a2b_base64(
            f"{stated.removeprefix(_SHA256)}=".replace("-", "+").replace("_", "/"), strict_mode=True
        )
    except ValueError:
        return None
    return found[:16] if len(found) == 32 else None


def owned(folders: Folders, base: str, listed: Mapping[str, Sequence[str]], below: Below | None = None) -> Owned | None:
    """Return what is on disk of the files `listed` by folder against the directory `base`, and bytecode beside modules.

    `below` are the files below `base`, if they are known: only what isn't among them is looked up by its directory.

    None where the list is not believed: it has too many rows, or names thousands of missing directories. Raises
    `LimitExceeded` where all lists together come to more than is held, `NotListed` for a directory that can't be.
    """
    rows = sum(map(len, listed.values()))
    folders.count_rows(rows)
    if rows > MAX_ROWS:
        return None
    files: dict[int, int] = {}
    if below is not None and not any(path.endswith(_CACHE) for path in below.others):
        inodes, listed = _among(below, listed)
        files.update(zip(inodes, below.sizes(inodes), strict=True))
    gone = 0
    for folder, names in listed.items():
        found = folders.at(absolute(base, folder)) if len(folder) <= MAX_PATH else MISSING
        if found.path is not None:
            len(found.children)  # single names would take a question each, and tell no links between files
            _add(folders, found, names, files)
            continue
        gone += 1
        folders.budget.spend("steps", _STEPS_A_MISS, "missing directories in lists of files")
        if gone > MAX_GONE:
            return None
    folders.charge(len(files))
    return Owned(files)


def _among(below: Below, listed: Mapping[str, Sequence[str]]) -> tuple[list[int], dict[str, Sequence[str]]]:
    """Return the inodes of those of the files that are below, bytecode among them, and which ones are not."""
    inodes: list[int] = []
    left: dict[str, Sequence[str]] = {}
    for folder, names in listed.items():
        prefix = f"{folder}/" if folder else ""
        files = below.folders.get(prefix)
        if files is None:
            left[folder] = names
            continue
        found = list(map(files.get, names))
        inodes += [inode for inode in found if inode is not None]
        if None in found:
            left[folder] = [name for name in names if name not in files]
        cache = below.folders.get(f"{prefix}{_CACHE}/")
        if cache is not None:
            modules = set(names)
            inodes += [inode for name, inode in cache.items() if f"{name.partition('.')[0]}.py" in modules]
    return inodes, left


def tree(folders: Folders, paths: Iterable[str]) -> Owned:
    """Return all files below directories."""
    return Owned({node.inode: node.size for path in paths for _, node in folders.files_below(path)})


def union(parts: Iterable[Owned | None]) -> Owned:
    """Return the files of all parts, each content once."""
    files: dict[int, int] = {}
    for part in parts:
        if part is not None:
            files |= part.files
    return Owned(files)


def absolute(base: str, path: str) -> str:
    """Return `path` of a row as an absolute one.

    `..` right after `base` is taken off, others are left to the lookup.
    """
    if path.startswith("/"):
        return path
    while path == ".." or path.startswith("../"):
        base = base.rpartition("/")[0]
        path = path[3:]
    return f"{base}/{path}" if path else base or "/"


def _add(folders: Folders, folder: Folder, names: Sequence[str], files: dict[int, int]) -> None:
    children = folder.children
    for name in names:
        node = children.get(name)
        if node is not None and node.kind is Kind.FILE:
            files[node.inode] = node.size
    if _CACHE in children:
        _add_bytecode(folders.at(f"{folder.path}/{_CACHE}").children, set(names), files)


def _add_bytecode(cache: Mapping[str, Node], names: set[str], files: dict[int, int]) -> None:
    """Return what `__pycache__` holds of the modules among `names`: RECORD need not list it."""
    for name, node in cache.items():
        if node.kind is Kind.FILE and f"{name.partition('.')[0]}.py" in names:
            files[node.inode] = node.size
