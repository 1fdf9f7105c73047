"""A layer's directory, as overlay drivers keep it on disk, walked into the index that the layer's tar would give.

The kernel's marks are told in the layer's own terms: a whiteout is a character device 0:0, and an opaque directory
has an attribute (overlayfs.rst, "whiteouts and opaque directories"); fuse-overlayfs writes `.wh.` files besides.
What a directory can't tell is which directories the tar names, its order, and names that it gave twice.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice, repeat
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from inspector.errors import LimitExceeded
from inspector.layers.blob import Meter
from inspector.layers.directories import MAX_CROWD
from inspector.layers.entries import CODES, Entries
from inspector.layers.entry import Attributes, Entry
from inspector.layers.objects import Objects
from inspector.layers.reading import too_much_kept
from inspector.layers.retention import MAX_KEPT, SITES, is_of_use, kept, of_use
from inspector.layers.sums import Summing, holds_sources, is_summed
from inspector.layers.tar import MAX_HEADERS
from inspector.layers.tree import OPAQUE, WHITEOUT
from inspector.rootfs import Kind
from inspector.sources.access import AccessUnusable
from inspector.sources.below import DIRECTORY, KINDS, OPENED
from inspector.sources.engine.disk import hides_below, is_roots, kept_attributes, shown
from inspector.sources.engine.items import Below, Item, Named, Run, count_of

_FILE = CODES[Kind.FILE]
_MARK_MODE = 0o600
_SECOND = 1_000_000_000

Place = TypeVar("Place")


class Walk:
    """One walk over a layer's directory, names in order, each directory before what lies in it.

    Every name is reached through the descriptor of its directory, and a directory only through its own name and
    only as the very inode that was listed: nothing leads out, even if someone writes there meanwhile. `latest` is
    when anything was changed last, in nanoseconds, and what: of directories their names alone, since engines mark them.
    `opaque` are the directories that hide what is below, where the kernel's marks of them are not shown. `opening` are
    the flags that open the top.
    """

    opening = DIRECTORY

    def __init__(self, top: Path, meter: Meter, opaque: Iterable[str] | None = None) -> None:
        self.entries = Entries()
        self.objects = Objects()  # without ELF files: each is read when it is asked for
        self.left = MAX_KEPT
        self.bytes_read = 0
        self.inodes = 1
        self.latest = (0, "")
        self._top = top
        self._blind = opaque is not None
        self._opaque = set(opaque or ())
        self._meter = meter
        self._headers = MAX_HEADERS
        self._first: dict[tuple[int, int], int] = {}
        self._contents: dict[tuple[int, int], bytes] = {}
        self._summing = Summing(self.objects.sums)
        self._sums: dict[tuple[int, int], bytes] = {}
        self._shared: set[tuple[int, int]] = set()
        self._root = -1

    def run(self) -> None:
        """Raise `OSError`, `AccessUnusable`, `LimitExceeded`."""
        self._root = os.open(self._top, self.opening)
        try:
            status = os.fstat(self._root)
            self.latest = (status.st_mtime_ns, "")
            self._from(Below("", status))
        finally:
            os.close(self._root)
        if self._opaque:
            raise AccessUnusable(f"{self._shown(min(self._opaque))} hides what lies below it, and is no directory here")
        for content, position in self._first.items():
            data = self._contents.get(content, b"")
            if len(data) > len(self.entries.data.get(position, b"")):  # wanted under a later name of the same file
                self.entries.keep(position, data)
            if content in self._sums:
                self._summing.put(position, self._sums[content])

    @property
    def warnings(self) -> list[str]:
        """What is to be told of the layer."""
        return too_much_kept(self.left)

    def _from(self, top: Below) -> None:
        todo: list[Item] = [top]
        waiting = 1
        while todo:
            item = todo.pop()
            waiting -= count_of(item)
            if not isinstance(item, Below):
                self._append(item)
                continue
            found = self._directory(item)
            todo += reversed(found)
            waiting += sum(map(count_of, found))
            if waiting > MAX_CROWD:
                raise LimitExceeded(f"{str(self._top)!a} holds directories of more than {MAX_CROWD} files")

    def _append(self, item: Entry | Named | Run) -> None:
        if isinstance(item, Entry):
            self.entries.append(item)
        elif isinstance(item, Named):
            self._named(item)
        else:
            count = len(item.names)
            homes, kinds = repeat(self.entries.home(item.parent), count), bytes((_FILE,)) * count
            begin = self.entries.extend(homes, item.names, kinds, item.modes, item.sizes, item.owned, {})
            for position, data in item.data.items():
                self.entries.keep(begin + position, data)
            for position, found in item.sums.items():
                self._summing.put(begin + position, found)

    def _named(self, item: Named) -> None:
        """Give the first name the content, and make all others hardlinks to it."""
        entry, first = item.entry, self._first.setdefault(item.content, len(self.entries))
        if first < len(self.entries):
            entry = Entry(
                entry.path, Kind.HARDLINK, entry.mode, link=self.entries.path(first), uid=entry.uid, gid=entry.gid
            )
        self.entries.append(entry)

    def _directory(self, below: Below) -> list[Item]:
        """Take a directory in with its own mark and its whiteouts, and return what lies in it, sorted by name."""
        self._meter(0)  # which stops a run that was broken off
        path, status = below.path, below.status
        self.entries.add(path, Kind.DIRECTORY, status.st_mode & 0o7777, owner=(status.st_uid, status.st_gid, (), None))
        descriptor = os.open(path or ".", DIRECTORY, dir_fd=self._root)
        try:
            self._refuse_other(status, os.fstat(descriptor), path)
            marks = {OPAQUE: self._mark(path, OPAQUE)} if self._is_opaque(descriptor, path) else {}
            with os.scandir(descriptor) as listing:
                items = sorted(islice(listing, min(self._headers, MAX_CROWD) + 1), key=attrgetter("name"))
            self._count(len(items))
            found = self._items(items, path, descriptor, status.st_dev, marks)
            self._refuse_other(status, os.fstat(descriptor), path)
        finally:
            os.close(descriptor)
        for mark in marks.values():
            self.entries.append(mark)
        return found

    def _items(
        self, items: list[os.DirEntry[str]], parent: str, descriptor: int, device: int, marks: dict[str, Entry]
    ) -> list[Item]:
        """Return the items, those that are most without an object for each, since each call here counts.

        Whiteouts go to `marks`: fuse-overlayfs may leave one in both ways.
        """
        prefix = f"{parent}/" if parent else ""
        latest: float = self.latest[0] // _SECOND
        found: list[Item] = []
        run = Run(parent)
        last, place = (-1, -1), 0
        for item in items:
            status = item.stat(follow_symlinks=False)
            whole_mode, _, _, links, uid, gid, size = status[:7]
            changed = status[9]
            name = item.name
            if links > 1 or not stat.S_ISREG(whole_mode) or name[:4] == WHITEOUT:
                other = self._other(prefix + name, item, status, descriptor, device, marks)
                if other is not None:
                    found += (*self._with_data(run, prefix, descriptor), other)
                    run = Run(parent) if run.names else run
                continue
            if changed >= latest and status.st_ctime_ns > self.latest[0]:
                self.latest, latest = (status.st_ctime_ns, prefix + name), changed
            mode = whole_mode & 0o7777
            encoded = name.encode() if name.isascii() else name.encode("utf-8", "surrogateescape")
            if last != (uid, gid):
                last, place = (uid, gid), self.entries.owner_place((uid, gid, (), None))
            owner = place
            if mode & 0o111 or not status.st_blocks:
                attributes = self._attributes(prefix + name, name, status, descriptor)
                owner = self.entries.owner_place((uid, gid, attributes, None)) if attributes else place
            run.names.append(encoded)
            run.modes.append(mode)
            run.sizes.append(size)
            run.owned.append(owner)
            run.found.append(status)
        return [*found, *self._with_data(run, prefix, descriptor)]

    def _with_data(self, run: Run, prefix: str, descriptor: int) -> Iterator[Run]:
        """Yield the run with what is kept of its files, where it has any."""
        is_site = run.parent.endswith(SITES) or holds_sources(run.parent)
        for at in of_use(run.names, run.modes, [is_site] * len(run.names)):
            name = run.names[at].decode("utf-8", "surrogateescape")
            if data := self._kept(prefix + name, name, run.found[at], descriptor):
                run.data[at] = data
            if is_site and is_summed(prefix + name):
                self._sum(name, run.found[at], descriptor, run.sums, at)
        run.found.clear()
        if run.names:
            yield run

    def _other(
        self,
        path: str,
        item: os.DirEntry[str],
        status: os.stat_result,
        descriptor: int,
        device: int,
        marks: dict[str, Entry],
    ) -> Entry | Below | Named | None:
        """Return what is no file of one name."""
        mode, uid, gid = status.st_mode & 0o7777, status.st_uid, status.st_gid
        kind = KINDS.get(stat.S_IFMT(status.st_mode))
        self._count_names(status)
        changed = status.st_mtime_ns if kind is Kind.DIRECTORY else status.st_ctime_ns
        if changed > self.latest[0]:
            self.latest = (changed, path)
        if kind is Kind.DIRECTORY:
            if self._enters(path, item.name, status, device):
                return Below(path, status)
            return Entry(path, kind, mode, uid=uid, gid=gid)
        if whiteout := self._whiteout(item.name, kind, status):
            marks[whiteout] = self._mark(path.rpartition("/")[0], whiteout)
        elif kind is Kind.FILE:
            return self._named_file(path, item.name, status, descriptor)
        elif kind is Kind.SYMLINK:
            return Entry(path, kind, mode, link=self._link(item.name, status, descriptor), uid=uid, gid=gid)
        elif kind is not None:  # a socket is none of these, and in no tar
            numbers = None if kind is Kind.FIFO else (os.major(status.st_rdev), os.minor(status.st_rdev))
            return Entry(path, kind, mode, uid=uid, gid=gid, device=numbers)
        return None

    @cached_property
    def _is_roots(self) -> bool:
        return is_roots(self._top.parent)

    def _whiteout(self, name: str, kind: Kind | None, status: os.stat_result) -> str:
        """Return the name of the whiteout that a file is, in a layer's terms; empty for one that is none."""
        if kind is Kind.CHAR and status.st_rdev == 0:
            return WHITEOUT + name
        return name if name.startswith(WHITEOUT) else ""

    def _enters(self, path: str, name: str, status: os.stat_result, device: int) -> bool:
        """Tell whether what lies in a directory, whose parent is on `device`, belongs to the layer."""
        if status.st_dev != device:
            raise AccessUnusable(f"another file system is mounted at {self._shown(path)}")
        if name.startswith(WHITEOUT):  # it is one, though in a layer's terms its name would be a whiteout
            raise AccessUnusable(f"{self._shown(path)} is a directory with the name of a whiteout")
        return True

    def _named_file(self, path: str, name: str, status: os.stat_result, descriptor: int) -> Named:
        mode, size = status.st_mode & 0o7777, status.st_size
        attributes: Attributes = ()
        if mode & 0o111 or not status.st_blocks:
            attributes = self._attributes(path, name, status, descriptor)
        content = (status.st_dev, status.st_ino)
        data = self._contents.get(content, b"")
        if len(data) < size:
            data = max(data, self._kept(path, name, status, descriptor), key=len)
            self._contents[content] = data
        if content not in self._sums and is_summed(path):
            self._sum(name, status, descriptor, self._sums, content)
        return Named(Entry(path, Kind.FILE, mode, size, "", data, status.st_uid, status.st_gid, attributes), content)

    def _kept(self, path: str, name: str, status: os.stat_result, descriptor: int) -> bytes:
        """Return what is kept of a regular file, which must be the very one that was listed."""
        size, mode = status.st_size, status.st_mode
        if not size or not is_of_use(path, mode, size):
            return b""
        file = os.open(name, OPENED, dir_fd=descriptor)
        try:
            self._refuse_other(status, os.fstat(file), name)
            data = kept(path, mode, size, self.left, lambda count: self._read(file, name, count))
        finally:
            os.close(file)
        self.left -= len(data)
        return data

    def _sum(self, name: str, status: os.stat_result, descriptor: int, sums: dict[Place, bytes], place: Place) -> None:
        """Put the sum of a source into `sums`, if it may be read."""
        if not self._summing.fits(status.st_size):
            return
        with contextlib.suppress(PermissionError):
            file = os.open(name, OPENED, dir_fd=descriptor)
            try:
                self._refuse_other(status, os.fstat(file), name)
                sums[place] = self._summing.sum(self._read(file, name, status.st_size))
            finally:
                os.close(file)

    def _read(self, file: int, name: str, size: int) -> bytes:
        data = os.read(file, size)
        if len(data) < size:
            raise AccessUnusable(f"{self._shown(name)} changed while it was read")
        self.bytes_read += len(data)
        return data

    def _link(self, name: str, status: os.stat_result, descriptor: int) -> str:
        text = os.readlink(name, dir_fd=descriptor)
        if status.st_size != len(os.fsencode(text)):
            raise AccessUnusable(f"{self._shown(name)} changed while it was read")
        return text

    def _mark(self, parent: str, name: str) -> Entry:
        return Entry(f"{parent}/{name}" if parent else name, Kind.FILE, _MARK_MODE, 0)

    def _is_opaque(self, descriptor: int, path: str) -> bool:
        """Tell whether the directory hides what is below it. Raises `AccessUnusable`."""
        told = path in self._opaque
        self._opaque.discard(path)
        return hides_below(descriptor, self._top, path, roots=self._is_roots) or told

    def _attributes(self, path: str, name: str, status: os.stat_result, descriptor: int) -> Attributes:
        if self._blind and status.st_size and not status.st_blocks:  # its content may be in a lower layer (metacopy)
            raise AccessUnusable(f"{self._shown(path)} has no content, and its attributes are shown to root alone")
        return kept_attributes(descriptor, name, self._top, path)

    def _refuse_other(self, expected: os.stat_result, found: os.stat_result, path: str) -> None:
        """Raise `AccessUnusable` unless both are one inode, in one state."""
        changed = expected.st_ctime_ns != found.st_ctime_ns or expected.st_size != found.st_size
        if changed or expected[:3] != found[:3]:  # mode, inode and device
            raise AccessUnusable(f"{self._shown(path)} changed while it was read")

    def _count(self, items: int) -> None:
        self._headers -= items
        self.inodes += items
        self._refuse_many()

    def _count_names(self, status: os.stat_result) -> None:
        """Count an inode of several names once; whiteouts too are such."""
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            self.inodes -= (status.st_dev, status.st_ino) in self._shared
            self._shared.add((status.st_dev, status.st_ino))
            self._refuse_many()

    def _refuse_many(self) -> None:
        if self._headers < 0 or len(self._shared) > MAX_CROWD:
            what = f"{MAX_HEADERS} files" if self._headers < 0 else f"{MAX_CROWD} files of several names"
            raise LimitExceeded(f"{str(self._top)!a} holds more than {what}")

    def _shown(self, path: str) -> str:
        return shown(self._top, path)
