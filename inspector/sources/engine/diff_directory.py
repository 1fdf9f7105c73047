"""The blob of a layer that an engine keeps unpacked on disk."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from inspector import work
from inspector.elf import FilePart, Source
from inspector.errors import CorruptLayer, DigestMismatch
from inspector.layers.blob import LayerBlob, Meter, Scanned
from inspector.layers.entries import CODES, Entries
from inspector.layers.entry import LayerIndex
from inspector.layers.scan import make_index, scan_stream
from inspector.layers.tree import WHITEOUT
from inspector.rootfs import Kind, NotKept
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.disk import stamp, unusable
from inspector.sources.engine.tar_split import TarSplit
from inspector.sources.engine.walk import DIRECTORY, OPENED, Walk

_SEEN = {CODES[Kind.FILE], CODES[Kind.DIRECTORY], CODES[Kind.SYMLINK]}
"""What a tar with no name twice leaves in the directory."""


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
    there can a digest be checked, or by `split`, from which the engine makes the layer's tar again.
    `blind` says why the kernel's marks are not shown to this process: then `split` tells of them.
    """

    path: Path
    record: Record
    size: int | None = None
    inodes: int | None = None
    packed: LayerBlob | None = None
    split: TarSplit | None = None
    blind: str = ""

    @property
    def identity(self) -> str:
        """See `LayerBlob.identity`. Holds as long as the engine's record and the directory are the same ones.

        Engines never change a layer once it is recorded, and forbid it to others: what someone changes by hand,
        below the top of the directory, is not found out by this, but by reading the layer.
        """
        return f"walk:{stamp(self.path)}:{self.record.stamp}:{os.fsencode(self.path).hex()}"

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`. Raises `AccessUnusable` too: to verify a digest, or where the directory can't tell."""
        if verify and self.packed is not None:
            return self.packed.scan(diff_id, digest, verify=True, meter=meter)
        if verify and self.split is None:
            raise AccessUnusable("a layer that lies unpacked proves no digest")
        if verify:
            return self._proved(diff_id, meter)
        before = self.identity
        if self.blind and self.split is None:
            raise AccessUnusable(self.blind)
        walk = Walk(self.path, meter, self.split.opaque() if self.blind and self.split else ())
        try:
            walk.run()
        except FileNotFoundError as error:
            raise self._changed() from error
        except OSError as error:
            raise unusable(self.path / os.fsdecode(error.filename or ""), error) from error
        if self.identity != before:
            raise self._changed()
        index = make_index(diff_id, walk, verified=False)
        if self.split is not None and walk.latest[0] > self.split.made:
            return self._doubted(diff_id, meter)
        self._compare(walk, index.size)
        return Scanned(index, walk.bytes_read, "walk")

    def _proved(self, diff_id: str, meter: Meter) -> Scanned:
        """Return the index of the layer's tar, put together from the directory, which hashes to `diff_id`.

        Raises `DigestMismatch` where a file was changed, added or removed since the engine unpacked the layer.
        """
        assert self.split is not None
        chunks = self.split.chunks
        try:
            scanned = scan_stream(chunks(), diff_id, None, meter=meter, again=chunks)
        except (CorruptLayer, DigestMismatch) as error:
            changed = self.split.changed()
            if changed:
                raise self._altered(f"{changed!a} in it is not the file of the layer's tar") from error
            raise AccessUnusable(f"{str(self.path)!a} does not make the layer's tar again: {error}") from error
        self._compare_names(scanned.index.entries)
        return scanned

    def _doubted(self, diff_id: str, meter: Meter) -> Scanned:
        """Return the same where something was changed since; other access methods are to show what it is now."""
        try:
            return self._proved(diff_id, meter)
        except DigestMismatch as error:
            raise AccessUnusable(str(error)) from error

    def _compare_names(self, entries: Entries) -> None:
        """Raise `DigestMismatch` where the directory holds what the tar does not, or lacks a file."""
        files: set[int] = set()  # hashes: the names of a large layer would take more memory than all else
        known: set[int] = set()
        for position in range(len(entries)):
            path = entries.path(position)
            known.update(hash(each) for each in (path, *_parents(path)))
            if path and entries.kinds[position] in _SEEN and WHITEOUT not in path:
                files.add(hash(path))
        for path, status in self._names():
            files.discard(hash(path))
            if hash(path) not in known and not (_is_mark(status) and hash(_whiteout(path)) in known):
                raise self._altered(f"{path!a} in it is not in the layer's tar")
        if files:
            raise self._altered(f"{len(files)} files of the layer's tar are not in it")

    def _names(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the paths below the directory, no link followed. Raises `AccessUnusable`."""
        try:
            for folder, folders, files, descriptor in os.fwalk(self.path, onerror=_raise):
                work.check()
                parent = os.path.relpath(folder, self.path)
                for name in (*folders, *files):
                    status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    yield (name if parent == "." else f"{parent}/{name}"), status
        except OSError as error:
            raise unusable(self.path / os.fsdecode(error.filename or ""), error) from error

    def _altered(self, how: str) -> DigestMismatch:
        return DigestMismatch(
            f"{str(self.path)!a} was changed after the engine unpacked the layer: {how}; remove the image and pull it "
            "again"
        )

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`. No link is followed on the way."""
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


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _whiteout(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{WHITEOUT}{name}"


def _is_mark(status: os.stat_result) -> bool:
    """Tell whether the file is the kernel's mark of a removed one."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _raise(error: OSError) -> None:
    raise error
