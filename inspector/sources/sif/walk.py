"""The index of a squashfs: every name in it, and the bytes of the few files that matter."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.blob import Meter
from inspector.layers.directories import MAX_CROWD
from inspector.layers.entries import Entries, Room
from inspector.layers.entry import Entry
from inspector.layers.objects import Objects
from inspector.layers.reading import MAX_FILE, too_much_kept
from inspector.layers.retention import MAX_KEPT, is_of_use, kept
from inspector.layers.tar import MAX_HEADERS
from inspector.rootfs import Kind
from inspector.sources.sif.content import head
from inspector.sources.sif.squash import Inode, Squash

MAX_DEPTH = 1000
"""Directories within each other."""


class _Below(msgspec.Struct):
    """A directory that was listed in its parent, and is yet to be entered."""

    path: str
    inode: Inode
    place: int


class SquashWalk:
    """One walk over a squashfs, names in order, each directory before what lies in it.

    A file of several names is the same inode in several places; a directory in two would be a loop, and is refused.
    """

    def __init__(self, squash: Squash, meter: Meter, room: Room) -> None:
        self.entries = Entries(room=room)
        self.left = MAX_KEPT
        self._squash = squash
        self._meter = meter
        self._headers = MAX_HEADERS
        self._entered: set[int] = set()
        self._first: dict[int, int] = {}

    @property
    def objects(self) -> Objects:
        """What is known of the ELF files: nothing, as each is read when it is asked for."""
        return Objects()

    @property
    def warnings(self) -> list[str]:
        """What is to be told of the layer."""
        return too_much_kept(self.left)

    def run(self) -> None:
        """Raise `CorruptLayer`, `LimitExceeded`."""
        root = self._squash.inode(self._squash.root)
        if root.kind is not Kind.DIRECTORY:
            raise CorruptLayer("the root of the squashfs is no directory")
        todo = [_Below("", root, self._squash.root)]
        while todo:
            below = todo.pop()
            todo += reversed(list(self._directory(below)))

    def _directory(self, below: _Below) -> Iterator[_Below]:
        """Take in a directory and what lies in it; yield the directories among that."""
        self._meter(0)  # which stops a run that was broken off
        if below.place in self._entered:
            raise CorruptLayer(f"the directory {below.path[:200]!a} of the squashfs is in more than one place")
        if below.path.count("/") > MAX_DEPTH:
            raise LimitExceeded(f"the squashfs has directories of more than {MAX_DEPTH} within each other")
        self._entered.add(below.place)
        self.entries.append(_entry(below.path, below.inode))
        prefix = f"{below.path}/" if below.path else ""
        for count, (name, place) in enumerate(self._squash.listing(below.inode)):
            self._count(count)
            path = prefix + name.decode("utf-8", "surrogateescape")
            inode = self._squash.inode(place)
            if inode.kind is Kind.DIRECTORY:
                yield _Below(path, inode, place)
            elif inode.kind is Kind.FILE:
                self._file(path, inode, place)
            elif inode.kind is Kind.SYMLINK:
                text = self._squash.link(inode).decode("utf-8", "surrogateescape")
                self.entries.append(msgspec.structs.replace(_entry(path, inode), link=text, size=0))
            elif inode.kind is not None:  # a socket is in no image
                self.entries.append(_entry(path, inode))

    def _file(self, path: str, inode: Inode, place: int) -> None:
        """Take in a file: under a further name, as a hard link to the first one, which keeps what any name asks for."""
        if inode.size > MAX_FILE:
            raise LimitExceeded(f"{path[:200]!a} is said to have {inode.size} bytes; no file system takes that")
        first = self._first.get(place) if inode.names > 1 else None
        held = b"" if first is None else self.entries.data.get(first, b"")
        data = held if len(held) == inode.size else self._kept(path, inode)
        if first is not None:
            if len(data) > len(held):
                self.entries.keep(first, data)
            link = self.entries.path(first)
            self.entries.append(Entry(path, Kind.HARDLINK, inode.mode, link=link, uid=inode.uid, gid=inode.gid))
            return
        if inode.names > 1:
            self._first[place] = len(self.entries)
        self.entries.append(msgspec.structs.replace(_entry(path, inode), data=data))

    def _kept(self, path: str, inode: Inode) -> bytes:
        if not inode.size or not is_of_use(path, inode.mode, inode.size):
            return b""
        data = kept(path, inode.mode, inode.size, self.left, lambda count: head(self._squash, inode, count))
        self.left -= len(data)
        return data

    def _count(self, count: int) -> None:
        self._headers -= 1
        if self._headers < 0 or count > MAX_CROWD:
            what = f"{MAX_HEADERS} files" if self._headers < 0 else f"{MAX_CROWD} files in one directory"
            raise LimitExceeded(f"the squashfs holds more than {what}")


def _entry(path: str, inode: Inode) -> Entry:
    """Return an entry of an inode; attributes are left out: Apptainer mounts so that they give no rights."""
    assert inode.kind is not None
    size = inode.size if inode.kind is Kind.FILE else 0
    device = None
    if inode.kind in (Kind.CHAR, Kind.BLOCK):  # as Linux packs both numbers into one (new_decode_dev)
        device = ((inode.device >> 8) & 0xFFF, (inode.device & 0xFF) | ((inode.device >> 12) & 0xFFF00))
    return Entry(path, inode.kind, inode.mode, size, uid=inode.uid, gid=inode.gid, device=device)
