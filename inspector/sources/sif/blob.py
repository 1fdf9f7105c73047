"""The files of a squashfs as a layer: listed once, when it is opened, and later read one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import Unsupported
from inspector.layers.blob import Meter, Scanned
from inspector.layers.file import FileRange
from inspector.layers.memory import Share, share
from inspector.layers.readers import FileReader
from inspector.layers.scan import make_index
from inspector.rootfs import Kind, NotKept
from inspector.sources.sif.squash import Blocks, Squash
from inspector.sources.sif.walk import SquashWalk

if TYPE_CHECKING:
    from inspector.elf import Source
    from inspector.layers.entry import LayerIndex


class SquashBlob(msgspec.Struct, frozen=True):
    """A squashfs that lies in a file from `offset` on, and takes `length` bytes at the most."""

    path: Path
    offset: int
    length: int

    @property
    def identity(self) -> str:
        """See `LayerBlob.identity`."""
        return f"squash:{FileRange(self.path, self.offset, self.length).identity}"

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - it has none
        """See `LayerBlob.scan`. Raises `Unsupported` where digests are to be verified: there is none."""
        if verify:
            raise Unsupported(
                f"{self.path}: an Apptainer image states no digest of its files, so none can be verified; leave out "
                "--verify, and check its signature with `apptainer verify`"
            )
        with share() as taken, self.opened() as (reader, squash):
            index = self._index(squash, diff_id, meter, taken)
            taken.hold(index)
            meter(self.length)
            return Scanned(index, reader.bytes_read, "seek")

    def _index(self, squash: Squash, diff_id: str, meter: Meter, taken: Share) -> LayerIndex:
        """Return the index; a function of its own, so that what failed holds no memory."""
        walk = SquashWalk(squash, meter, taken)
        walk.run()
        return make_index(diff_id, walk, verified=False)

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`."""
        with self.opened() as (_, squash):
            inode = squash.find(index.entries.path(position))
            if inode is None or inode.kind is not Kind.FILE or inode.size != index.entries.sizes[position]:
                raise NotKept("it changed since its squashfs was read")
            yield Blocks(squash, inode)

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[FileReader, Squash]]:
        """Open the squashfs, and what counts the bytes that are read of it. Raises `OSError`."""
        with self.path.open("rb") as file:
            reader = FileReader(file, self.offset, self.length)
            yield reader, Squash(reader, self.length, str(self.path))
