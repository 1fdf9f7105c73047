"""A layer that is a run of bytes in a file: sought over where it lies plain there, else read through."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from inspector.elf import FilePart, Source
from inspector.errors import CorruptLayer
from inspector.layers.blob import Meter, Scanned
from inspector.layers.compression import CHUNK, sniff
from inspector.layers.entry import LayerIndex
from inspector.layers.memory import Share, share
from inspector.layers.readers import FileReader
from inspector.layers.reading import TarReading
from inspector.layers.scan import make_index, scan_stream
from inspector.layers.taking import SeekTaker
from inspector.layers.tar import BLOCK, EndMissing
from inspector.rootfs import NotKept


class FileRange(msgspec.Struct, frozen=True):
    """A run of bytes in a file on disk: a blob of a layout, or a member of an uncompressed archive."""

    path: Path
    offset: int
    length: int

    @property
    def identity(self) -> str:
        """Device, inode, size and times of the file, and the run: changes whenever the bytes may have.

        The time of change is there because that of modification can be set back by the file's writer.
        """
        stat = self.path.stat()
        file = f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"
        return f"{file}:{self.offset}:{self.length}"

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`."""
        with self.path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self.offset + self.length:
                raise CorruptLayer(
                    f"{str(self.path)!r} is cut: the layer at byte {self.offset} has {self.length} bytes"
                )
            file.seek(self.offset)
            head = file.read(min(BLOCK, self.length))
            if head and not verify and sniff(head) == "tar":
                try:
                    return self._seek(file, diff_id, meter)
                except EndMissing:
                    pass  # only the digest can tell now whether the tar was cut

            def again() -> Iterator[bytes]:
                file.seek(self.offset)
                return _chunks(file, self.length)

            return scan_stream(again(), diff_id, digest, meter=meter, again=again)

    def _seek(self, file: BinaryIO, diff_id: str, meter: Meter) -> Scanned:
        """Return the index of a plain tar: its headers, and the files that matter; nothing else is touched.

        Raises `EndMissing` besides what the scanner raises.
        """
        with share() as taken:
            index, read = self._read(file, diff_id, taken)
            taken.hold(index)
        meter(self.length)
        return Scanned(index, read, "seek")

    def _read(self, file: BinaryIO, diff_id: str, taken: Share) -> tuple[LayerIndex, int]:
        reader = FileReader(file, self.offset, self.length)
        reading = TarReading(SeekTaker(reader), taken)
        reading.read(reader, needs_end=True)
        read = reader.bytes_read
        if missed := reading.missed():
            reader = FileReader(file, self.offset, self.length)
            reading.repeat(reader, missed)
            read += reader.bytes_read
        return make_index(diff_id, reading, verified=False), read

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`."""
        start = index.objects.offsets.get(position)
        if start is None:
            raise NotKept("where the file lies in its layer was not noted")
        with self.path.open("rb") as file:
            yield FilePart(file, self.offset + start, index.entries.sizes[position])

    def is_plain(self) -> bool:
        """See `Seekable`."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return sniff(file.read(min(BLOCK, self.length))) == "tar"

    @contextlib.contextmanager
    def reader(self) -> Iterator[FileReader]:
        """See `Seekable`."""
        with self.path.open("rb") as file:
            yield FileReader(file, self.offset, self.length)

    def stored(self) -> Iterator[bytes]:
        """See `Repeatable`."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            yield from _chunks(file, self.length)


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    """Yield the next `length` bytes of `file`; fewer if it ends before."""
    while length and (chunk := file.read(min(CHUNK, length))):
        length -= len(chunk)
        yield chunk
