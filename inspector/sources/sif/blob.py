"""The files of a squashfs as a layer: listed when it is opened, and later read one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import InspectorError, Unsupported
from inspector.layers.blob import Meter, Scanned
from inspector.layers.file import FileRange
from inspector.layers.memory import Share, share
from inspector.layers.readers import FileReader
from inspector.layers.scan import make_index
from inspector.rootfs import Kind, NotKept
from inspector.sources.sif.content import Blocks, head
from inspector.sources.sif.squash import Squash
from inspector.sources.sif.walk import SquashWalk

if TYPE_CHECKING:
    from inspector.elf import Source
    from inspector.layers.entry import LayerIndex


class SquashBlob:
    """A squashfs that lies in a file from `offset` on, and takes `length` bytes at the most; it is listed in `read`."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self._path = path
        self._range = FileRange(path, offset, length)
        self._found: Scanned | None = None

    @property
    def identity(self) -> str:
        """See `LayerBlob.identity`."""
        return f"squash:{self._range.identity}"

    def read(self, meter: Meter) -> Scanned:
        """List the squashfs. Raises `CorruptLayer`, `LimitExceeded`, `Unsupported`, `OSError`."""
        try:
            with share() as taken, self._opened() as (reader, squash):
                index = self._index(squash, meter, taken)
                taken.hold(index)
        except InspectorError as error:
            raise type(error)(f"{self._path}: {str(error).removeprefix(f'{self._path}: ')}") from error
        meter(self._range.length)
        self._found = Scanned(index, reader.bytes_read, "seek")
        return self._found

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - it has neither
        """See `LayerBlob.scan`. Raises `Unsupported` where digests are to be verified: there is none."""
        if verify:
            raise Unsupported(
                f"{str(self._path)!a} states no digest of its files, so none can be verified; leave out --verify: "
                "`apptainer verify` checks its signature"
            )
        return self._found or self.read(meter)

    def content(self, path: str, most: int) -> bytes | None:
        """Return the whole of the file at a resolved path; None where it is none, or has more bytes than `most`."""
        with self._opened() as (_, squash):
            inode = squash.find(path.strip("/"))
            return head(squash, inode, most) if inode and inode.kind is Kind.FILE and inode.size <= most else None

    def _index(self, squash: Squash, meter: Meter, taken: Share) -> LayerIndex:
        """Return the index; a function of its own, so that what failed holds no memory."""
        walk = SquashWalk(squash, meter, taken)
        walk.run()
        return make_index("", walk, verified=False)

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`."""
        with self._opened() as (_, squash):
            inode = squash.find(index.entries.path(position))
            if inode is None or inode.kind is not Kind.FILE or inode.size != index.entries.sizes[position]:
                raise NotKept("it changed since its squashfs was read")
            yield Blocks(squash, inode)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[FileReader, Squash]]:
        """Open the squashfs, and what counts the bytes that are read of it. Raises `OSError`."""
        with self._range.reader() as reader:
            yield reader, Squash(reader, self._range.length)
