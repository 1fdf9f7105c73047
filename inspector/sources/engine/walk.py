"""A layer's directory, as overlay drivers keep it on disk, walked into the index that the layer's tar would give.

The kernel's marks are told in the layer's own terms: a whiteout is a character device 0:0, and an opaque directory
has an attribute (overlayfs.rst, "whiteouts and opaque directories"); fuse-overlayfs writes `.wh.` files besides.
What a directory can't tell is which directories the tar names, its order, and names that it gave twice.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from operator import attrgetter
from pathlib import Path

from inspector.errors import LimitExceeded
from inspector.layers.blob import Meter
from inspector.layers.directories import MAX_CROWD
from inspector.layers.entries import CODES, Entries
from inspector.layers.entry import Attributes, Entry
from inspector.layers.objects import Objects
from inspector.layers.reading import too_much_kept
from inspector.layers.retention import SITES
from inspector.layers.tar import MAX_HEADERS
from inspector.layers.tree import OPAQUE, WHITEOUT
from inspector.rootfs import Kind
from inspector.sources.access import AccessUnusable
from inspector.sources.below import DIRECTORY, KINDS
from inspector.sources.engine.disk import hides_below, is_roots, kept_attributes, shown
from inspector.sources.engine.items import Below, Columns, Content, Opened, Rows
from inspector.sources.engine.listed_files import ListedFiles, same_state

MAX_OPEN = 16
"""Directories that are open at once, and read together: several images may be read side by side."""
_AT_ONCE = 2048  # files past which no further directory is read together with those
_MARK_MODE = 0o600
_FILE, _DIRECTORY, _SYMLINK = CODES[Kind.FILE], CODES[Kind.DIRECTORY], CODES[Kind.SYMLINK]
_HARDLINK, _FIFO, _CHAR = CODES[Kind.HARDLINK], CODES[Kind.FIFO], CODES[Kind.CHAR]
_CHANGED = attrgetter("st_ctime_ns")


class Walk:
    """One walk over a layer's directory, names in order, each directory before what lies in it.

    Every name is reached through the descriptor of its directory, and a directory only through its own name and
    only as the very inode that was listed: nothing leads out, even if someone writes there meanwhile. `latest` is
    when anything was changed last, in nanoseconds: of directories their names alone, since engines mark them.
    `opaque` are the directories that hide what is below, where the kernel's marks of them are not shown. `opening` are
    the flags that open the top.
    """

    opening = DIRECTORY

    def __init__(self, top: Path, meter: Meter, opaque: Iterable[str] | None = None) -> None:
        self.entries = Entries()
        self.objects = Objects()  # without ELF files and sums: each is read when it is asked for
        self.inodes = 1
        self.latest = 0
        self._top = top
        self._blind = opaque is not None
        self._opaque = set(opaque or ())
        self._meter = meter
        self._headers = MAX_HEADERS
        self._first: dict[Content, tuple[int, str]] = {}
        self._files = ListedFiles(top)
        self._shared: set[Content] = set()
        self._root = -1

    def run(self) -> None:
        """Raise `OSError`, `AccessUnusable`, `LimitExceeded`."""
        self._root = os.open(self._top, self.opening)
        try:
            status = os.fstat(self._root)
            self.latest = status.st_mtime_ns
            owner = (status.st_uid, status.st_gid, (), None)
            self.entries.add("", Kind.DIRECTORY, status.st_mode & 0o7777, owner=owner)
            self._from(Below("", status))
        finally:
            os.close(self._root)
        if self._opaque:
            raise AccessUnusable(f"{self._shown(min(self._opaque))} hides what lies below it, and is no directory here")
        for content, (position, _) in self._first.items():
            if data := self._files.shared.get(content):
                self.entries.keep(position, data)

    @property
    def bytes_read(self) -> int:
        """Bytes that were read of files."""
        return self._files.bytes_read

    @property
    def warnings(self) -> list[str]:
        """What is to be told of the layer."""
        return too_much_kept(self._files.left)

    def _from(self, top: Below) -> None:
        todo = [top]
        while todo:
            self._meter(0)  # which stops a run that was broken off
            rows = Rows()
            try:
                while todo and len(rows.opened) < MAX_OPEN and len(rows.items) < _AT_ONCE:
                    self._open(todo.pop(), rows)
                todo += reversed(self._take(rows))
                for opened in rows.opened:
                    self._refuse_other(opened.status, os.fstat(opened.descriptor), opened.path)
            finally:
                for opened in rows.opened:
                    os.close(opened.descriptor)
            if len(todo) > MAX_CROWD:
                raise self._too_many_at_once()

    def _open(self, below: Below, rows: Rows) -> None:
        """Open a directory, and list what lies in it."""
        path, status = below.path, below.status
        descriptor = os.open(path or ".", DIRECTORY, dir_fd=self._root)
        rows.opened.append(Opened(path, status, descriptor, path.endswith(SITES)))
        self._refuse_other(status, os.fstat(descriptor), path)
        if self._is_opaque(descriptor, path):
            rows.marks[f"{path}/{OPAQUE}" if path else OPAQUE] = None
        with os.scandir(descriptor) as listing:
            items = sorted(islice(listing, min(self._headers, MAX_CROWD) + 1), key=attrgetter("name"))
        self._count(len(items))
        rows.add(items)

    def _take(self, rows: Rows) -> list[Below]:
        """Take in what lies in some directories, and return those to be entered next."""
        rows.look()
        self._note_changes(rows)
        self._leave_out(rows)
        for mark in rows.marks:
            self.entries.append(Entry(mark, Kind.FILE, _MARK_MODE, 0))
        if not rows.items:
            return []
        columns, links = self._columns(rows)
        begin = len(self.entries)
        below: list[Below] = []
        shared: dict[int, Content] = {}
        for at, (kind, count) in enumerate(zip(columns.kinds, links, strict=True)):
            if kind != _FILE or count > 1:
                self._take_odd(rows, columns, at, below, shared)
        self._take_attributes(rows, columns)
        self._files.read(rows, columns, shared)
        for at, content in shared.items():
            first, path = self._first.setdefault(content, (begin + at, rows.path(at)))
            if first != begin + at:
                self._make_hardlink(columns, at, path)
        self._append(columns)
        return below

    def _append(self, columns: Columns) -> None:
        begin = self.entries.extend(
            columns.homes,
            columns.names,
            bytes(columns.kinds),
            columns.modes,
            columns.sizes,
            columns.owned,
            dict(sorted(columns.links.items())),
        )
        for at, data in columns.data.items():
            self.entries.keep(begin + at, data)

    def _note_changes(self, rows: Rows) -> None:
        """Note when files were changed last; engines change attributes of directories later on."""
        changed = [*map(_CHANGED, rows.statuses)]
        for at in rows.places(_DIRECTORY):
            changed[at] = rows.statuses[at].st_mtime_ns
        self.latest = max(self.latest, *changed, 0)

    def _leave_out(self, rows: Rows) -> None:
        """Leave out whiteouts, which become marks: fuse-overlayfs may leave one in both ways; and what is in no tar."""
        left_out: list[int] = []
        for at in sorted({*rows.named(WHITEOUT), *rows.places(_CHAR), *rows.places(0)}):
            status, name = rows.statuses[at], rows.names[at]
            kind = KINDS.get(stat.S_IFMT(status.st_mode))
            whiteout = "" if kind is Kind.DIRECTORY else self._whiteout(name, kind, status)
            if whiteout:
                rows.marks[rows.path(at).removesuffix(name) + whiteout] = None
            if whiteout or kind is None:
                self._count_names(status)
                left_out.append(at)
        rows.leave_out(left_out)

    def _columns(self, rows: Rows) -> tuple[Columns, Sequence[int]]:
        """Return what the statuses tell, and how many names each file has; few modes and owners differ."""
        whole, _, _, links, uids, gids, sizes, *_ = zip(*rows.statuses, strict=True)
        owners = [*zip(uids, gids, strict=True)]
        places = {(uid, gid): self.entries.owner_place((uid, gid, (), None)) for uid, gid in {*owners}}
        homes = {place: self.entries.home(rows.opened[place].path) for place in {*rows.where}}
        modes = {mode: mode & 0o7777 for mode in {*whole}}
        columns = Columns(
            homes=[*map(homes.__getitem__, rows.where)],
            names="/".join(rows.names).encode("utf-8", "surrogateescape").split(b"/"),
            kinds=rows.kinds,
            modes=[*map(modes.__getitem__, whole)],
            sizes=[*sizes],
            owned=[*map(places.__getitem__, owners)],
        )
        return columns, links

    def _take_odd(self, rows: Rows, columns: Columns, at: int, below: list[Below], shared: dict[int, Content]) -> None:
        """Take in what is no file of one name."""
        status, kind = rows.statuses[at], columns.kinds[at]
        self._count_names(status)
        if kind == _FILE:
            shared[at] = (status.st_dev, status.st_ino)
            return
        columns.sizes[at] = 0
        folder, name, path = rows.directory(at), rows.names[at], rows.path(at)
        if kind == _DIRECTORY:
            if self._enters(path, name, status, folder.status.st_dev):
                below.append(Below(path, status))
        elif kind == _SYMLINK:
            columns.links[at] = self._link(path, name, status, folder.descriptor)
        elif kind != _FIFO:
            numbers = (os.major(status.st_rdev), os.minor(status.st_rdev))
            columns.owned[at] = self.entries.owner_place((status.st_uid, status.st_gid, (), numbers))

    def _take_attributes(self, rows: Rows, columns: Columns) -> None:
        """Take in attributes of files that may have some which count: programs, and files without content."""
        for at, (mode, status) in enumerate(zip(columns.modes, rows.statuses, strict=True)):
            if (mode & 0o111 or not status.st_blocks) and columns.kinds[at] == _FILE:
                name, descriptor = rows.names[at], rows.directory(at).descriptor
                if attributes := self._attributes(rows.path(at), name, status, descriptor):
                    owner = (status.st_uid, status.st_gid, attributes, None)
                    columns.owned[at] = self.entries.owner_place(owner)

    def _make_hardlink(self, columns: Columns, at: int, path: str) -> None:
        """Make a file a hardlink to the first of its names."""
        uid, gid, _, _ = self.entries.owners[columns.owned[at]]
        columns.kinds[at], columns.sizes[at] = _HARDLINK, 0
        columns.owned[at] = self.entries.owner_place((uid, gid, (), None))
        columns.links[at] = path.encode("utf-8", "surrogateescape")

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

    def _link(self, path: str, name: str, status: os.stat_result, descriptor: int) -> bytes:
        text = os.fsencode(os.readlink(name, dir_fd=descriptor))
        if status.st_size != len(text):
            raise AccessUnusable(f"{self._shown(path)} changed while it was read")
        return text

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
        if not same_state(expected, found):
            raise AccessUnusable(f"{self._shown(path)} changed while it was read")

    def _count(self, items: int) -> None:
        self._headers -= items
        self.inodes += items
        self._refuse_many()
        if items > MAX_CROWD:
            raise self._too_many_at_once()

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

    def _too_many_at_once(self) -> LimitExceeded:
        return LimitExceeded(f"{str(self._top)!a} holds directories of more than {MAX_CROWD} files")

    def _shown(self, path: str) -> str:
        return shown(self._top, path)
