"""The blob of a layer that an engine keeps unpacked on disk."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from inspector.rootfs import NotKept
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.disk import stamp, unusable

if TYPE_CHECKING:
    from inspector.elf import Source
    from inspector.layers.blob import LayerBlob, Meter, Scanned
    from inspector.layers.entry import LayerIndex
    from inspector.sources.engine.walk import Walk


class Record(Protocol):
    """What an engine keeps on a layer besides the layer itself."""

    @property
    def stamp(self) -> str:
        """Another one whenever the engine may have made the layer again. Raises `AccessUnusable` once it is gone."""


class FileRecord(msgspec.Struct, frozen=True):
    """A record that is a file of its own."""

    path: Path

    @property
    def stamp(self) -> str:
        """See `Record.stamp`."""
        return stamp(self.path)


class DiffDirectory(msgspec.Struct, frozen=True):
    """The blob of a layer that lies unpacked in the directory `path`.

    `record` is what the engine takes away before it touches that directory. What the engine noted when it made the
    layer is compared: `size`, the bytes of all files, with or without the texts of links, and `inodes`, their count
    with the top; None where it noted none. `packed` is the same layer as it was fetched, if that was kept too: only
    there can a digest be checked.
    """

    path: Path
    record: Record
    size: int | None = None
    inodes: int | None = None
    packed: LayerBlob | None = None

    @property
    def identity(self) -> str:
        """See `LayerBlob.identity`. Holds as long as the engine's record and the directory are the same ones.

        Engines never change a layer once it is recorded, and forbid it to others: who does so by hand, below the
        top of the directory, is not found out by this.
        """
        return f"walk:{stamp(self.path)}:{self.record.stamp}:{os.fsencode(self.path).hex()}"

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`. Raises `AccessUnusable` too: to verify a digest, or where the directory can't tell."""
        from inspector.layers.blob import Scanned  # an image that is known needs only the identity
        from inspector.layers.scan import make_index
        from inspector.sources.engine.walk import Walk

        if verify and self.packed is not None:
            return self.packed.scan(diff_id, digest, verify=True, meter=meter)
        if verify:
            raise AccessUnusable("a layer that lies unpacked proves no digest")
        before = self.identity
        walk = Walk(self.path, meter)
        try:
            walk.run()
        except FileNotFoundError as error:
            raise self._changed() from error
        except OSError as error:
            raise unusable(self.path / os.fsdecode(error.filename or ""), error) from error
        if self.identity != before:
            raise self._changed()
        index = make_index(diff_id, walk, verified=False)
        self._compare(walk, index.size)
        return Scanned(index, walk.bytes_read, "walk")

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`. No link is followed on the way."""
        from inspector.elf import FilePart
        from inspector.sources.engine.walk import DIRECTORY, OPENED

        size = index.entries.sizes[position]
        with contextlib.ExitStack() as stack:
            folder, *names = [os.fsencode(self.path), *os.fsencode(index.entries.path(position)).split(b"/")]
            descriptor = os.open(folder, DIRECTORY)
            stack.callback(os.close, descriptor)
            for name in names[:-1]:
                descriptor = os.open(name, DIRECTORY, dir_fd=descriptor)
                stack.callback(os.close, descriptor)
            file = stack.enter_context(open(os.open(names[-1], OPENED, dir_fd=descriptor), "rb", buffering=0))  # noqa: PTH123 - of a descriptor
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size != size:
                raise NotKept("it changed since its layer was read")
            yield FilePart(file, 0, size)

    def _compare(self, walk: Walk, size: int) -> None:
        """Raise `AccessUnusable` unless the directory is as large as the engine noted."""
        altered = ""
        if self.size not in (None, size, size - walk.entries.symlink_bytes()):
            altered = f"{size} bytes where the engine noted {self.size}"
        if self.inodes not in (None, walk.inodes):
            altered = f"{walk.inodes} files where the engine noted {self.inodes}"
        if altered:
            raise AccessUnusable(f"{str(self.path)!a} holds {altered}: it was altered")

    def _changed(self) -> AccessUnusable:
        return AccessUnusable(f"{str(self.path)!a} changed while it was read")
