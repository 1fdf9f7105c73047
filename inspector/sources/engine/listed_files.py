"""What is read of files in directories that were listed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from inspector.layers.entries import CODES
from inspector.layers.retention import MAX_KEPT, kept, of_use
from inspector.rootfs import Kind
from inspector.sources.access import AccessUnusable
from inspector.sources.below import OPENED
from inspector.sources.engine.disk import shown
from inspector.sources.engine.items import Columns, Content, Rows

_FILE = CODES[Kind.FILE]


class _File(msgspec.Struct):
    """A regular file: its path, its name in the directory that is open as `directory`, and what was listed of it."""

    path: str
    name: str
    directory: int
    status: os.stat_result
    size: int


class ListedFiles:
    """Reads files below `top`; `left` is how many bytes may still be kept.

    Raises `OSError`, and `AccessUnusable` for what changed since it was listed.
    """

    def __init__(self, top: Path) -> None:
        self.left = MAX_KEPT
        self.bytes_read = 0
        self.shared: dict[Content, bytes] = {}
        self._top = top

    def read(self, rows: Rows, columns: Columns, shared: dict[int, Content]) -> None:
        """Read what is kept of files; `shared` are those of several names, of which any may ask for more."""
        sites = [rows.opened[place].sites for place in rows.where]
        for at in of_use(columns.names, columns.modes, sites):
            if columns.kinds[at] != _FILE or not columns.sizes[at]:
                continue
            descriptor, status = rows.directory(at).descriptor, rows.statuses[at]
            file = _File(rows.path(at), rows.names[at], descriptor, status, columns.sizes[at])
            content = shared.get(at)
            if content is None:
                if data := self._kept(file):
                    columns.data[at] = data
            elif len(known := self.shared.get(content, b"")) < file.size:
                self.shared[content] = max(known, self._kept(file), key=len)

    def _kept(self, file: _File) -> bytes:
        data = kept(file.path, file.status.st_mode, file.size, self.left, lambda count: self._read(file, count))
        self.left -= len(data)
        return data

    def _read(self, file: _File, count: int) -> bytes:
        """Return the first bytes of a file, which must be the very one that was listed."""
        try:
            descriptor = os.open(file.name, OPENED, dir_fd=file.directory)
            try:
                changed = not same_state(file.status, os.fstat(descriptor))
                data = b"" if changed else os.read(descriptor, count)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise OSError(error.errno, error.strerror, file.path) from error
        if len(data) < count:
            raise AccessUnusable(f"{shown(self._top, file.path)} changed while it was read")
        self.bytes_read += count
        return data


def same_state(one: os.stat_result, other: os.stat_result) -> bool:
    """Tell whether both are one inode, in one state."""
    same = one.st_ctime_ns == other.st_ctime_ns and one.st_size == other.st_size
    return same and one[:3] == other[:3]  # mode, inode and device
