"""The files that a distribution owns, by the list that its installer left, as they stand in the image.

RECORD (binary distribution format) and `installed-files.txt`. Rows come from the image: paths may be
absolute, climb with `..`, or name what is not there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from inspector.python.folders import MISSING, Folder, Folders
from inspector.rootfs import Kind, Node

MAX_ROWS = 400_000
"""Rows of one list; the largest known have some 50,000."""
MAX_PATH = 4096
MAX_GONE = 5000
"""Directories that a list names and that are not there, past which it is not believed."""
_CACHE = "__pycache__"


class Owned(msgspec.Struct, frozen=True):
    """Files on disk, each content once: inode to bytes."""

    files: dict[int, int]

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(self.files.values())


def record_paths(text: str) -> list[str] | None:
    """The paths of a RECORD, as written; None where it has more rows than is believable."""
    if text.count("\n") > MAX_ROWS:
        return None
    if '"' in text:
        return [path for path, _ in record_rows(text)]
    return [line.partition(",")[0] for line in text.splitlines()]


def record_rows(text: str) -> Iterator[tuple[str, str]]:
    """Each row of a RECORD: the path as written, and the size as written, empty where none is told."""
    lines = text.splitlines()[:MAX_ROWS]
    rows = csv.reader(lines) if '"' in text else (line.rsplit(",", 2) for line in lines)
    try:
        for row in rows:
            if row and row[0]:
                yield row[0], row[2] if len(row) > 2 else ""  # path, hash, size
    except csv.Error:
        return


def owned(folders: Folders, base: str, paths: Iterable[str]) -> Owned | None:
    """What `paths`, against the directory `base`, are on disk, with the bytecode of each module beside it.

    None where the list is not to be believed: it names thousands of directories that are not there. Raises
    `LimitExceeded` where all lists together come to more than is held, `NotListed` for a directory that can't be.
    """
    groups: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        group = groups.get(folder)
        if group is None:
            groups[folder] = [name]
        else:
            group.append(name)
    files: dict[int, int] = {}
    gone = 0
    for folder, names in groups.items():
        found = folders.at(absolute(base, folder)) if len(folder) <= MAX_PATH else MISSING
        if found.path is not None:
            len(found.children)  # single names would take a question each, and tell no links between files
            _add(folders, found, names, files)
            continue
        gone += 1
        if gone > MAX_GONE:
            return None
    folders.charge(len(files))
    return Owned(files)


def tree(folders: Folders, paths: Iterable[str]) -> Owned:
    """All files below directories."""
    return Owned({node.inode: node.size for path in paths for _, node in folders.files_below(path)})


def union(parts: Iterable[Owned | None]) -> Owned:
    """The files of all parts, each content once."""
    files: dict[int, int] = {}
    for part in parts:
        if part is not None:
            files |= part.files
    return Owned(files)


def absolute(base: str, path: str) -> str:
    """`path` of a row as an absolute one; `..` right after `base` is taken off, others are left to the lookup."""
    if path.startswith("/"):
        return path
    while path == ".." or path.startswith("../"):
        base = base.rpartition("/")[0]
        path = path[3:]
    return f"{base}/{path}" if path else base or "/"


def _add(folders: Folders, folder: Folder, names: list[str], files: dict[int, int]) -> None:
    children = folder.children
    for name in names:
        node = children.get(name)
        if node is not None and node.kind is Kind.FILE:
            files[node.inode] = node.size
    if _CACHE in children:
        _add_bytecode(folders.at(f"{folder.path}/{_CACHE}").children, set(names), files)


def _add_bytecode(cache: Mapping[str, Node], names: set[str], files: dict[int, int]) -> None:
    """What `__pycache__` holds of the modules among `names`: RECORD need not list it."""
    for name, node in cache.items():
        if node.kind is Kind.FILE and f"{name.partition('.')[0]}.py" in names:
            files[node.inode] = node.size
