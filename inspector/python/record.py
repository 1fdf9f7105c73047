"""The files that a distribution owns, by the list that its installer left, as they stand in the image.

RECORD (binary distribution format) and `installed-files.txt`. Rows come from the image: paths may be
absolute, climb with `..`, or name what is not there.
"""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, repeat

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


_NO_MARKS = bytes(each for each in range(256) if each not in b",\n")
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
Columns = tuple[list[str], list[str], list[str]]
"""The same of many rows."""


class Rows:
    """The rows of a RECORD as they stand in it, taken apart once unless there are very many.

    `unread` counts, once they were gone through, the rows that csv can't read: a field of more than 131,072
    characters, quotes that don't close; other readers stop there. All rows past `MAX_ROWS` count as one.
    """

    def __init__(self, content: bytes) -> None:
        self.unread = 0
        self._content = content
        self._held: Columns | None = None  # rows by themselves cost more

    @property
    def most(self) -> int:
        """How many there are at most, as their lines are counted."""
        return min(self._content.count(b"\n") + 1, MAX_ROWS)

    def __iter__(self) -> Iterator[Row]:
        for columns in self.columns():
            yield from zip(*columns, strict=True)

    def hold(self) -> None:
        """Take the rows apart now, unless they are very many: they will be asked for again."""
        if self._held is None and len(self._content) <= MAX_HELD:
            self._held = _plain_columns(self._content) or _columns_of(self._rows())

    def columns(self) -> Iterator[Columns]:
        """Yield the paths, hashes and sizes of as many rows at a time as are held, which mostly are all."""
        self.hold()
        if self._held is not None:
            yield self._held
            return
        rows = self._rows()
        while (columns := _columns_of(islice(rows, _AT_ONCE)))[0]:
            yield columns

    def _rows(self) -> Iterator[Row]:
        for row in self._fields():
            if row and row[0]:
                yield (row[0], row[1], row[2]) if len(row) > 2 else (row[0], row[1] if len(row) > 1 else "", "")

    def paths(self) -> Sequence[str]:
        """Return the paths alone, which all distributions are asked for."""
        if self._held is not None:
            return self._held[0]
        paths = _plain_paths(self._content)
        return [row[0] for row in self._fields() if row] if paths is None else paths

    def _fields(self) -> Iterator[list[str]]:
        self.unread = 0
        lines = lines_of(self._content)
        if b'"' in self._content:
            return self._quoted(lines)
        self.unread = int(len(lines) > MAX_ROWS)
        return (line.rsplit(",", 2) for line in islice(lines, MAX_ROWS))

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


def _plain_columns(content: bytes) -> Columns | None:
    """Take all rows apart at once where they are as installers write them: none quoted, each of a path and two fields.

    None where they aren't, or are very many.
    """
    rows = content.count(b"\n")
    if not _is_plain(content) or content.translate(None, _NO_MARKS) != b",,\n" * rows:
        return None
    fields = content.decode("utf-8", "surrogateescape").replace("\n", ",").split(",")
    return fields[:-1:3], fields[1::3], fields[2::3]


def _plain_paths(content: bytes) -> list[str] | None:
    """Return the paths alone of such rows, without holding what else is in them."""
    if not _is_plain(content):
        return None
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    del lines[-1]
    try:
        return [path for path, _, _ in map(str.split, lines, repeat(","))]
    except ValueError:
        return None


def _is_plain(content: bytes) -> bool:
    """Tell whether each line is a row that needs no more than to be split, and there are not too many."""
    odd = b'"' in content or b"\r" in content or b"\n," in content or content.startswith(b",")
    return not odd and content.endswith(b"\n") and content.count(b"\n") <= MAX_ROWS


def _columns_of(rows: Iterable[Row]) -> Columns:
    columns: Columns = [], [], []
    for row in rows:
        for column, field in zip(columns, row, strict=True):
            column.append(field)
    return columns


def lines_of(content: bytes) -> list[str]:
    """Return the lines of a list of files, as many as are gone through of one and one more."""
    lines = content.decode("utf-8", "surrogateescape").split("\n", MAX_ROWS + 1)
    if b"\r" in content:
        lines = [line.rstrip("\r") for line in lines]
    del lines[MAX_ROWS + 1 :]
    return lines if lines[-1] else lines[:-1]


def sum_in(stated: str) -> bytes | None:
    """Return the first 16 bytes of the SHA-256 sum that a row states; None for another hash, or an invalid one."""
    if not stated.startswith(_SHA256):
        return None
    try:
        found = base64.b64decode(f"{stated.removeprefix(_SHA256)}=", b"-_", validate=True)
    except ValueError:
        return None
    return found[:16] if len(found) == 32 else None


def owned(folders: Folders, base: str, paths: Iterable[str], below: Below | None = None) -> Owned | None:
    """Return what `paths`, against the directory `base`, are on disk, with the bytecode of each module beside it.

    `below` are the files below `base`, if they are known: only what isn't among them is looked up by its directory.

    None where the list is not believed: it has too many rows, or names thousands of missing directories. Raises
    `LimitExceeded` where all lists together come to more than is held, `NotListed` for a directory that can't be.
    """
    paths = list(islice(paths, MAX_ROWS + 1))
    folders.count_rows(len(paths))
    if len(paths) > MAX_ROWS:
        return None
    files: dict[int, int] = {}
    if below is not None and not any(path.endswith(_CACHE) for path in below.others):
        found = list(map(below.inodes.get, paths))
        bytecode = folders.once("bytecode", base, lambda: _bytecode_in(below))
        found += [inode for source in bytecode.keys() & paths for inode in bytecode[source]]
        paths = [path for path, inode in zip(paths, found, strict=False) if inode is None] if None in found else []
        inodes = [inode for inode in found if inode is not None] if paths else found
        files = dict(zip(inodes, below.sizes(inodes), strict=True))
    if not _add_by_folder(folders, base, paths, files):
        return None
    folders.charge(len(files))
    return Owned(files)


def _add_by_folder(folders: Folders, base: str, paths: Iterable[str], files: dict[int, int]) -> bool:
    """Look paths up by their directories; tell whether the list is believed."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        groups.setdefault(folder, []).append(name)
    gone = 0
    for folder, names in groups.items():
        found = folders.at(absolute(base, folder)) if len(folder) <= MAX_PATH else MISSING
        if found.path is not None:
            len(found.children)  # single names would take a question each, and tell no links between files
            _add(folders, found, names, files)
            continue
        gone += 1
        folders.budget.spend("steps", _STEPS_A_MISS, "missing directories in lists of files")
        if gone > MAX_GONE:
            return False
    return True


def _bytecode_in(below: Below) -> dict[str, list[int]]:
    """Return the inodes of what lies in folders for bytecode, by the path of the module's source beside them."""
    found: dict[str, list[int]] = {}
    for folder, files in below.folders.items():
        above = folder.removesuffix(f"{_CACHE}/")
        if above == folder or not (above.endswith("/") or not above):
            continue
        for name, inode in files.items():
            source = f"{above}{name.partition('.')[0]}.py"
            if source in found:
                found[source].append(inode)
            else:
                found[source] = [inode]
    return found


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


def _add(folders: Folders, folder: Folder, names: list[str], files: dict[int, int]) -> None:
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
