"""The blob of a layer that an engine keeps unpacked on disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from inspector.errors import CorruptLayer, DigestMismatch
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.disk import stamp, unusable

if TYPE_CHECKING:
    from inspector.elf import Source
    from inspector.layers.blob import LayerBlob, Meter, Scanned
    from inspector.layers.entry import LayerIndex
    from inspector.sources.engine.tar_split import TarSplit
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
    there can a digest be checked, or by `split_file`, from which the engine makes the layer's tar again.
    `blind` says why the kernel's marks are not shown to this process: then that file tells of them.
    """

    path: Path
    record: Record
    size: int | None = None
    inodes: int | None = None
    packed: LayerBlob | None = None
    split_file: Path | None = None
    blind: str = ""

    @property
    def identity(self) -> str:
        """See `LayerBlob.identity`. Holds as long as the engine's record and the directory are the same ones.

        Engines never change a layer once it is recorded, and forbid it to others: what someone changes by hand,
        below the top of the directory, is not found out by this, but by reading the layer.
        """
        return f"walk:{stamp(self.path)}:{self.record.stamp}:{os.fsencode(self.path).hex()}"

    @property
    def split(self) -> TarSplit | None:
        """What else the layer's tar had; None where the engine did not keep that."""
        from inspector.sources.engine.tar_split import TarSplit  # brings what reads layers

        return None if self.split_file is None else TarSplit(self.split_file, self.path)

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`. Raises `AccessUnusable` too: to verify a digest, or where the directory can't tell."""
        from inspector.layers.blob import Scanned  # an image that is known needs only the identity
        from inspector.layers.scan import make_index
        from inspector.sources.engine.walk import Walk

        if verify and self.packed is not None:
            return self.packed.scan(diff_id, digest, verify=True, meter=meter)
        split = self.split
        if verify and split is None:
            raise AccessUnusable("a layer that lies unpacked proves no digest")
        if verify and split is not None:
            return self._proved(split, diff_id, meter)
        before = self.identity
        if self.blind and split is None:
            raise AccessUnusable(self.blind)
        walk = Walk(self.path, meter, split.opaque() if self.blind and split else None)
        try:
            walk.run()
        except FileNotFoundError as error:
            raise self._changed() from error
        except OSError as error:
            raise unusable(self.path / os.fsdecode(error.filename or ""), error) from error
        if self.identity != before:
            raise self._changed()
        index = make_index(diff_id, walk, verified=False)
        if split is not None and walk.latest > split.made:
            return self._doubted(split, diff_id, meter)
        self._compare(walk, index.size)
        return Scanned(index, walk.bytes_read, "walk")

    def _proved(self, split: TarSplit, diff_id: str, meter: Meter) -> Scanned:
        """Return the index of the layer's tar, put together from the directory, which hashes to `diff_id`.

        Raises `DigestMismatch` where a file was changed, added or removed since the engine unpacked the layer.
        """
        from inspector.layers.scan import scan_stream
        from inspector.sources.engine.compared import find_difference

        chunks = split.chunks
        try:
            scanned = scan_stream(chunks(), diff_id, None, meter=meter, again=chunks)
        except (CorruptLayer, DigestMismatch) as error:
            changed = split.changed()
            if changed:
                raise self._altered(f"{changed!a} in it is not the file of the layer's tar") from error
            raise AccessUnusable(f"{str(self.path)!a} does not make the layer's tar again: {error}") from error
        if difference := find_difference(self.path, scanned.index.entries):
            raise self._altered(difference)
        return scanned

    def _doubted(self, split: TarSplit, diff_id: str, meter: Meter) -> Scanned:
        """Return the same where something was changed since; other access methods are to show what it is now."""
        try:
            return self._proved(split, diff_id, meter)
        except DigestMismatch as error:
            raise AccessUnusable(str(error)) from error

    def _altered(self, how: str) -> DigestMismatch:
        return DigestMismatch(
            f"{str(self.path)!a} was changed after the engine unpacked the layer: {how}; remove the image and pull it "
            "again"
        )

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`. No link is followed on the way."""
        from inspector.sources.below import file_below

        with file_below(self.path, index.entries.path(position), index.entries.sizes[position]) as (source, _):
            yield source

    def readers(self, index: LayerIndex, positions: list[int]) -> Iterator[tuple[int, Callable[[int], bytes]]]:
        """See `Unpacked`. No link is followed on the way."""
        from inspector.sources.below import readers_below

        return readers_below(self.path, index.entries, positions)

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


def kept(path: Path) -> Path | None:
    """Return the path of what an engine may keep; None where there is nothing."""
    return path if os.path.lexists(path) else None
