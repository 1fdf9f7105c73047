"""What is read of files in directories that were listed: bytes to keep, and sums of sources."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from inspector.layers.entries import CODES
from inspector.layers.retention import MAX_KEPT, kept, of_use
from inspector.layers.sums import MODULE, Summing
from inspector.rootfs import Kind
from inspector.sources.access import AccessUnusable
from inspector.sources.below import OPENED
from inspector.sources.engine.disk import shown
from inspector.sources.engine.items import Columns, Content, Rows

_FILE = CODES[Kind.FILE]
_MODULE = MODULE.decode()


class _File(msgspec.Struct):
    """A regular file: its path, its name in the directory that is open as `directory`, and what was listed of it."""

    path: str
    name: str
    directory: int
    status: os.stat_result
    size: int


class ListedFiles:
    """Reads files below `top`, whose sums go into `sums`. `left` is how many bytes may still be kept.

    Raises `OSError`, and `AccessUnusable` for what changed since it was listed.
    """

    def __init__(self, top: Path, sums: dict[int, bytes]) -> None:
        self.left = MAX_KEPT
        self.bytes_read = 0
        self._top = top
        self._summing = Summing(sums)
        self._shared: dict[Content, bytes] = {}
        self._shared_sums: dict[Content, bytes] = {}

    def read(self, rows: Rows, columns: Columns, shared: dict[int, Content]) -> None:
        """Read what is kept of files, and sum sources; `shared` are those of several names."""
        sites = [rows.opened[place].sites for place in rows.where]
        for at in of_use(columns.names, columns.modes, sites):
            if columns.kinds[at] != _FILE or not columns.sizes[at]:
                continue
            folder, name, status = rows.directory(at), rows.names[at], rows.statuses[at]
            file = _File(rows.path(at), name, folder.descriptor, status, columns.sizes[at])
            summed = folder.sites and (name == _MODULE or (folder.sources and name.endswith(".py")))
            if at in shared:
                self._read_shared(file, shared[at], summed=summed)
                continue
            if data := self._kept(file):
                columns.data[at] = data
            if summed and (found := self._sum(file)):
                columns.sums[at] = found

    def _read_shared(self, file: _File, content: Content, *, summed: bool) -> None:
        """Read a file of several names, of which any may ask for more."""
        data = self._shared.get(content, b"")
        if len(data) < file.size:
            self._shared[content] = max(data, self._kept(file), key=len)
        if summed and content not in self._shared_sums and (found := self._sum(file)):
            self._shared_sums[content] = found

    def shared(self, content: Content) -> tuple[bytes, bytes]:
        """Return what is kept of a file of several names, and its sum; empty where there is none."""
        return self._shared.get(content, b""), self._shared_sums.get(content, b"")

    def put(self, position: int, found: bytes) -> None:
        """Put the sum of the file at a position."""
        self._summing.put(position, found)

    def _kept(self, file: _File) -> bytes:
        data = kept(file.path, file.status.st_mode, file.size, self.left, lambda count: self._read(file, count))
        self.left -= len(data)
        return data

    def _sum(self, file: _File) -> bytes:
        """Return the sum of a source; empty where it may not be read, or is not summed."""
        if not self._summing.fits(file.size):
            return b""
        with contextlib.suppress(PermissionError):
            return self._summing.sum(self._read(file, file.size))
        return b""

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
